/*
 * The files of a recorded machine as named buffers.
 */
#define _GNU_SOURCE /* strverscmp */
#include "traces/snapshot_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/file.h"
#include "lib/mem.h"
#include "traces/snapshots_parse.h"

/* The files of /proc have some hundred KiB on the largest machines. */
#define FILE_BYTES_MAX (64U << 20)
#define FILES_MAX 8192U
#define PACK_VERSION 1

static const char *const machine_names[] = {"META", "slab_static.tsv", "mm_stat"};

const char *snapshot_folder_label(const char *folder, size_t len)
{
	size_t digits = 0;

	while (digits < len && folder[digits] >= '0' && folder[digits] <= '9')
		digits++;
	if (!digits || digits + 1 >= len || folder[digits] != '-')
		return NULL;
	return folder + digits + 1;
}

void snapshot_files_free(struct snapshot_files *f)
{
	for (size_t i = 0; i < f->nr; i++) {
		free(f->files[i].name);
		free(f->files[i].data);
	}
	free(f->files);
	free(f->dir);
	memset(f, 0, sizeof(*f));
}

/* Takes over name and data. */
static void add(struct snapshot_files *f, char *name, char *data, size_t n)
{
	MEM_ROOM(f->files, f->nr, f->max);
	f->files[f->nr++] = (struct snapshot_file){name, data, n};
}

static bool is_machine_file(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(machine_names); i++)
		if (!strcmp(name, machine_names[i]))
			return true;
	return false;
}

static bool is_snapshot_file(const char *name)
{
	for (size_t i = 0; i < NR_SNAPSHOT_KINDS; i++)
		if (snapshot_kinds[i].parse && !strcmp(name, snapshot_kinds[i].name))
			return true;
	return false;
}

bool snapshot_file_wanted(const char *name)
{
	const char *slash = strchr(name, '/');

	if (!slash)
		return is_machine_file(name);
	return snapshot_folder_label(name, (size_t)(slash - name)) && is_snapshot_file(slash + 1);
}

int snapshot_files_add(struct snapshot_files *f, const char *name, const u8 *data, size_t n,
		       struct err *e)
{
	char *copy;

	if (snapshot_files_find(f, NULL, 0, name))
		return err_set(e, "'%s' is there twice", name);
	if (f->nr >= FILES_MAX)
		return err_set(e, "too many snapshots");
	copy = mem_alloc(n + 1, 1);
	if (n)
		memcpy(copy, data, n);
	add(f, mem_dup(name), copy, n);
	return 0;
}

static int by_file_name(const void *va, const void *vb)
{
	const struct snapshot_file *a = va, *b = vb;
	int order = strverscmp(a->name, b->name);

	return order ? order : strcmp(a->name, b->name);
}

void snapshot_files_sort(struct snapshot_files *f)
{
	if (f->nr)
		qsort(f->files, f->nr, sizeof(*f->files), by_file_name);
}

/* A file that need not be there. */
static int read_file(struct snapshot_files *f, const char *path, char *name, struct err *e)
{
	struct stat st;
	size_t n;
	char *data = NULL;

	if (stat(path, &st) && errno == ENOENT) {
		free(name);
		return 0;
	}
	if (!stat(path, &st) && st.st_size > FILE_BYTES_MAX)
		err_set(e, "%s: larger than any such file (64 MiB)", path);
	else if (!file_check_regular(path, e))
		data = file_read(path, &n, e);
	if (!data) {
		free(name);
		return -1;
	}
	add(f, name, data, n);
	return 0;
}

static int read_folder(struct snapshot_files *f, const char *dir, const char *folder, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; i < NR_SNAPSHOT_KINDS && !ret; i++) {
		const char *name = snapshot_kinds[i].name;
		char *path;

		if (!snapshot_kinds[i].parse)
			continue;
		path = mem_print("%s/%s/%s", dir, folder, name);
		ret = read_file(f, path, mem_print("%s/%s", folder, name), e);
		free(path);
	}
	return ret;
}

static int is_snapshot(const struct dirent *d)
{
	return snapshot_folder_label(d->d_name, strlen(d->d_name)) != NULL;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	int order = strverscmp((*a)->d_name, (*b)->d_name);

	return order ? order : strcmp((*a)->d_name, (*b)->d_name);
}

/* The folders NN-LABEL of `dir`. Returns how many there were, or -1. */
static int read_folders(struct snapshot_files *f, const char *dir, struct err *e)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, is_snapshot, by_name), ret = n;

	if (n < 0)
		return err_set(e, "%s: %s", dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		if (ret >= 0 && f->nr > FILES_MAX)
			ret = err_set(e, "%s: too many snapshots", dir);
		if (ret >= 0 && read_folder(f, dir, list[i]->d_name, e))
			ret = -1;
		free(list[i]);
	}
	free(list);
	return ret;
}

/* META and the like: beside the snapshots, or one folder up. */
static int read_machine(struct snapshot_files *f, const char *dir, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; i < ARRAY_SIZE(machine_names) && !ret; i++) {
		char *here = mem_print("%s/%s", dir, machine_names[i]);
		char *above = mem_print("%s/../%s", dir, machine_names[i]);
		struct stat st;

		ret = read_file(f, stat(here, &st) ? above : here, mem_dup(machine_names[i]), e);
		free(here);
		free(above);
	}
	return ret;
}

int snapshot_files_read(struct snapshot_files *f, const char *dir, struct err *e)
{
	size_t len = strlen(dir);
	char *sub;
	struct stat st;
	int n;

	memset(f, 0, sizeof(*f));
	while (len > 1 && dir[len - 1] == '/')
		len--;
	sub = mem_print("%.*s/snaps", (int)len, dir);
	if (!stat(sub, &st) && S_ISDIR(st.st_mode)) {
		f->dir = sub;
	} else {
		f->dir = mem_dup_n(dir, len);
		free(sub);
	}
	n = read_folders(f, f->dir, e);
	if (n == 0)
		n = err_set(e,
			    "%s: no snapshots here: folders NN-LABEL with a slabinfo in each are "
			    "wanted, here or in snaps/",
			    dir);
	if (n < 0 || read_machine(f, f->dir, e)) {
		snapshot_files_free(f);
		return -1;
	}
	snapshot_files_sort(f);
	return 0;
}

void snapshot_files_pack(const struct snapshot_files *f, struct bytes *out)
{
	bytes_put_le(out, PACK_VERSION, 4);
	bytes_put_le(out, f->nr, 4);
	for (size_t i = 0; i < f->nr; i++) {
		bytes_put_text(out, f->files[i].name);
		bytes_put_le(out, f->files[i].n, 4);
		bytes_put(out, f->files[i].data, f->files[i].n);
	}
}

/* One file; false: this cannot be. */
static bool unpack_file(struct snapshot_files *f, struct bytes_reader *r)
{
	char *name = bytes_get_text(r);
	u64 len = bytes_get_le(r, 4);
	struct err e;
	bool good;

	good = !r->bad && len <= r->n - r->pos && snapshot_file_wanted(name) &&
	       !snapshot_files_add(f, name, r->data + r->pos, len, &e);
	r->pos += good ? len : 0;
	free(name);
	return good;
}

int snapshot_files_unpack(struct snapshot_files *f, const char *dir, const u8 *data, size_t n,
			  struct err *e)
{
	struct bytes_reader r = {.data = data, .n = n};
	u64 version = bytes_get_le(&r, 4), nr = bytes_get_le(&r, 4);
	bool good = !r.bad;

	memset(f, 0, sizeof(*f));
	if (good && version != PACK_VERSION)
		return err_set(e, "%s: version %llu of the packing; this program reads version %d",
			       dir, (unsigned long long)version, PACK_VERSION);
	f->dir = mem_dup(dir);
	for (u64 i = 0; good && i < nr; i++)
		good = unpack_file(f, &r);
	if (good && r.pos == n)
		return 0;
	snapshot_files_free(f);
	return err_set(e, "%s: impossible content", dir);
}

const struct snapshot_file *snapshot_files_find(const struct snapshot_files *f, const char *folder,
						size_t folder_len, const char *name)
{
	for (size_t i = 0; i < f->nr; i++) {
		const char *have = f->files[i].name;

		if (folder && (strncmp(have, folder, folder_len) || have[folder_len] != '/'))
			continue;
		if (!strcmp(folder ? have + folder_len + 1 : have, name))
			return &f->files[i];
	}
	return NULL;
}
