/*
 * A recording in a tar: read with libarchive, one pass.
 *
 * Theory. An archive comes from elsewhere. Nothing in it decides where anything is written: files
 * that are of use are known by their names and go to memory or to a file without a name, the rest
 * is skipped. Names that lead out of the archive, links, devices and sizes beyond the limits are
 * refused also where they would be skipped, since no recorder writes such.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/mem.h"
#include "traces/recording.h"

#define CHUNK_BYTES (1U << 20)
#define ENTRIES_MAX 100000U
#define TRACE_BYTES_MAX (64ULL << 30)
#define SMALL_BYTES_MAX (64ULL << 20) /* of a snapshot's file */
#define SMALL_TOTAL_MAX (1ULL << 30)  /* of all of them */
#define NAME_MAX_SHOWN 80

struct unpack {
	struct archive *a;
	struct recording *r;
	const char *path;  /* of the archive */
	char *top;	   /* the folder in it; NULL: not known yet */
	unsigned int rank; /* of the trace that was taken */
	u64 small_bytes;
	unsigned int nr;
};

static int refuse(const struct unpack *u, const char *name, struct err *e, const char *what)
{
	return err_set(e, "%s: '%.*s' in the archive: %s", u->path, NAME_MAX_SHOWN, name, what);
}

static int damaged(const struct unpack *u, struct err *e)
{
	const char *why = archive_error_string(u->a);

	return err_set(e, "%s: damaged archive: %s", u->path, why ? why : "it cannot be read");
}

/* No way out of the archive. */
static bool leads_out(const char *name)
{
	if (*name == '/')
		return true;
	for (const char *p = name; p; p = strchr(p, '/')) {
		p += *p == '/';
		if (!strncmp(p, "..", 2) && (!p[2] || p[2] == '/'))
			return true;
	}
	return false;
}

static int check_entry(const struct unpack *u, struct archive_entry *entry, const char *name,
		       struct err *e)
{
	mode_t type = archive_entry_filetype(entry);

	for (const char *p = name; *p; p++)
		if ((u8)*p < ' ' || *p == 0x7f)
			return err_set(e, "%s: a control character in a name in the archive",
				       u->path);
	if (leads_out(name))
		return refuse(u, name, e, "the name leads out of it");
	if (archive_entry_hardlink(entry) || archive_entry_symlink(entry) || type == AE_IFLNK)
		return refuse(u, name, e, "links are not allowed");
	if (type != AE_IFREG && type != AE_IFDIR)
		return refuse(u, name, e, "only files and folders are allowed");
	return 0;
}

/* The name within the recording: without "./" and the top folder. NULL with e set: of another
 * one. */
static const char *inner_name(struct unpack *u, const char *name, struct err *e)
{
	const char *slash;

	while (!strncmp(name, "./", 2))
		name += 2;
	slash = strchr(name, '/');
	if (!slash || !strncmp(name, "snaps/", 6))
		return name;
	if (!u->top)
		u->top = mem_dup_n(name, (size_t)(slash - name));
	if (strlen(u->top) == (size_t)(slash - name) && !strncmp(u->top, name, strlen(u->top)))
		return slash + 1;
	refuse(u, name, e, "a second recording: one folder is wanted in an archive");
	return NULL;
}

static int read_small(struct unpack *u, const char *name, const char *inner, struct err *e)
{
	struct bytes all = {0};
	u8 *chunk = mem_alloc(CHUNK_BYTES, 1);
	la_ssize_t n;
	int ret = 0;

	while (!ret && (n = archive_read_data(u->a, chunk, CHUNK_BYTES)) > 0) {
		bytes_put(&all, chunk, (size_t)n);
		u->small_bytes += (u64)n;
		if (all.n > SMALL_BYTES_MAX || u->small_bytes > SMALL_TOTAL_MAX)
			ret = refuse(u, name, e, "larger than snapshots are");
	}
	free(chunk);
	if (!ret && n < 0)
		ret = damaged(u, e);
	if (!ret) {
		u->r->has_snapshots = true;
		ret = snapshot_files_add(&u->r->files, inner, all.data, all.n, e);
		if (ret < 0)
			err_prefix(e, "%s", u->path);
	}
	bytes_free(&all);
	return ret < 0 ? -1 : 0;
}

static int write_all(int fd, const u8 *data, size_t n)
{
	while (n) {
		ssize_t done = write(fd, data, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		data += done;
		n -= (size_t)done;
	}
	return 0;
}

static int read_trace(struct unpack *u, const char *name, struct err *e)
{
	u8 *chunk = mem_alloc(CHUNK_BYTES, 1);
	u64 total = 0;
	la_ssize_t n = 0;
	int ret = 0, fd = file_nameless(e);

	if (fd < 0)
		ret = -1;
	while (!ret && (n = archive_read_data(u->a, chunk, CHUNK_BYTES)) > 0) {
		total += (u64)n;
		if (total > TRACE_BYTES_MAX)
			ret = refuse(u, name, e, "more than 64 GiB");
		else if (write_all(fd, chunk, (size_t)n))
			ret = err_set(e,
				      "%s: no room to unpack '%.*s': %s (TMPDIR names another "
				      "place)",
				      u->path, NAME_MAX_SHOWN, name, strerror(errno));
	}
	if (!ret && n < 0)
		ret = damaged(u, e);
	free(chunk);
	if (ret) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (u->r->fd >= 0)
		close(u->r->fd);
	free(u->r->trace);
	free(u->r->name);
	u->r->fd = fd;
	u->r->trace = mem_print("/proc/self/fd/%d", fd);
	u->r->name = mem_print("%s: %s", u->path, name);
	return 0;
}

/* Of several traces the one of the highest rank counts. 0: it is none. */
static unsigned int trace_rank(const char *inner)
{
	for (unsigned int i = 0; i < NR_RECORDING_TRACES; i++)
		if (!strcmp(inner, recording_traces[i]))
			return NR_RECORDING_TRACES - i;
	return 0;
}

static int take_entry(struct unpack *u, struct archive_entry *entry, struct err *e)
{
	const char *name = archive_entry_pathname(entry), *inner;
	unsigned int rank;

	if (!name)
		return err_set(e, "%s: a file without a name in the archive", u->path);
	if (++u->nr > ENTRIES_MAX)
		return err_set(e, "%s: more than %u files in the archive", u->path, ENTRIES_MAX);
	if (check_entry(u, entry, name, e))
		return -1;
	inner = inner_name(u, name, e);
	if (!inner)
		return -1;
	if (archive_entry_filetype(entry) != AE_IFREG)
		return 0;
	rank = trace_rank(inner);
	if (rank && rank == u->rank)
		return refuse(u, name, e, "a second one");
	if (rank > u->rank) {
		u->rank = rank;
		return read_trace(u, name, e);
	}
	if (!strncmp(inner, "snaps/", 6))
		inner += 6;
	return snapshot_file_wanted(inner) ? read_small(u, name, inner, e) : 0;
}

static struct archive *open_tar(const char *path)
{
	struct archive *a = mem_checked(archive_read_new());

	archive_read_support_filter_gzip(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_format_tar(a);
	archive_read_open_filename(a, path, CHUNK_BYTES);
	return a;
}

/* Named as a tar is: then damage is the archive's, not that of some other kind of file. */
static bool called_tar(const char *path)
{
	static const char *const ends[] = {".tar", ".tar.zst", ".tar.gz", ".tar.xz", ".tgz"};
	size_t len = strlen(path);

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (len > strlen(ends[i]) && !strcmp(path + len - strlen(ends[i]), ends[i]))
			return true;
	return false;
}

static int take_all(struct unpack *u, struct archive_entry *entry, struct err *e)
{
	int got;

	do {
		if (take_entry(u, entry, e))
			return -1;
		got = archive_read_next_header(u->a, &entry);
	} while (got == ARCHIVE_OK || got == ARCHIVE_WARN);
	if (got != ARCHIVE_EOF)
		return damaged(u, e);
	if (!u->r->trace)
		return err_set(e,
			       "%s: no recording in this archive: " RECORDING_TRACES_WANTED
			       " in its folder",
			       u->path);
	return 0;
}

int recording_unpack(struct recording *r, const char *path, struct err *e)
{
	struct unpack u = {.r = r, .path = path};
	struct archive_entry *entry;
	struct stat st;
	int ret, got;

	/* What is no file at all is the next reader's to refuse. */
	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return 0;
	u.a = open_tar(path);
	got = archive_read_next_header(u.a, &entry);
	if (got == ARCHIVE_OK || got == ARCHIVE_WARN) {
		r->files.dir = mem_dup(path);
		ret = take_all(&u, entry, e) ? -1 : 1;
		snapshot_files_sort(&r->files);
		if (!r->has_snapshots)
			snapshot_files_free(&r->files);
	} else {
		ret = st.st_size && called_tar(path) ? damaged(&u, e) : 0;
	}
	free(u.top);
	archive_read_free(u.a);
	return ret;
}
