/*
 * Files that appear whole or not at all, and whole files read into memory.
 */
#define _GNU_SOURCE /* O_TMPFILE */
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/assert.h"
#include "lib/mem.h"

/* mkstemp's files are private; ours get what open(2) would have given them. */
static void fd_mode_default(int fd)
{
	mode_t mask = umask(0);

	umask(mask);
	fchmod(fd, 0666 & ~mask);
}

static char *tmp_name(const char *path)
{
	return mem_print("%s.XXXXXX", path);
}

/* A file without a name in the directory of nf->path, or a temporary one beside it. */
static int tmp_open(struct new_file *nf)
{
	char *dir = file_dir(nf->path);
	int fd;

	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	free(dir);
	if (fd >= 0)
		return fd;
	nf->tmp_path = tmp_name(nf->path);
	fd = mkostemp(nf->tmp_path, O_CLOEXEC);
	if (fd >= 0) {
		fd_mode_default(fd);
		return fd;
	}
	free(nf->tmp_path);
	nf->tmp_path = NULL;
	return -1;
}

static void new_file_release(struct new_file *nf)
{
	free(nf->path);
	free(nf->tmp_path);
	*nf = (struct new_file){0};
}

int new_file_open(struct new_file *nf, const char *path, struct err *e)
{
	struct stat st;
	int fd;

	*nf = (struct new_file){0};
	if (!*path)
		return err_set(e, "the name of the file to write is empty");
	if (stat(path, &st)) {
		nf->path = mem_dup(path);
	} else if (S_ISDIR(st.st_mode)) {
		return err_set(e, "%s: is a directory", path);
	} else {
		nf->in_place = !S_ISREG(st.st_mode);
		nf->path = nf->in_place ? mem_dup(path) : realpath(path, NULL);
		if (nf->path && access(nf->path, W_OK)) {
			err_set(e, "%s: %s", path, strerror(errno));
			new_file_release(nf);
			return -1;
		}
	}
	ASSERT(nf->path);
	fd = nf->in_place ? open(path, O_WRONLY | O_CLOEXEC) : tmp_open(nf);
	nf->f = fd < 0 ? NULL : fdopen(fd, nf->in_place ? "w" : "w+");
	if (!nf->f) {
		err_set(e, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		new_file_abort(nf);
		return -1;
	}
	return 0;
}

/* Gives a nameless file a temporary name, for rename(2) alone replaces what is there. */
static int name_give(struct new_file *nf)
{
	char fd_path[64];

	snprintf(fd_path, sizeof(fd_path), "/proc/self/fd/%d", fileno(nf->f));
	for (int tries = 0; tries < 100; tries++) {
		char *name = tmp_name(nf->path);
		int fd = mkostemp(name, O_CLOEXEC);

		if (fd < 0) {
			free(name);
			return -1;
		}
		close(fd);
		unlink(name); /* linkat(2) does not overwrite; another may be quicker: try again */
		if (!linkat(AT_FDCWD, fd_path, AT_FDCWD, name, AT_SYMLINK_FOLLOW)) {
			nf->tmp_path = name;
			return 0;
		}
		free(name);
		if (errno != EEXIST)
			return -1;
	}
	return -1;
}

static int flush_all(struct new_file *nf)
{
	bool failed_before = ferror(nf->f);

	errno = 0;
	if (fflush(nf->f) || (!nf->in_place && fsync(fileno(nf->f))))
		return -1;
	if (failed_before) {
		errno = ENOSPC; /* by far the likeliest reason of a write that failed and was not
				   seen */
		return -1;
	}
	return 0;
}

int new_file_commit(struct new_file *nf, struct err *e)
{
	if (flush_all(nf) || (!nf->in_place && !nf->tmp_path && name_give(nf)) ||
	    (!nf->in_place && rename(nf->tmp_path, nf->path))) {
		err_set(e, "%s: %s", nf->path, strerror(errno));
		new_file_abort(nf);
		return -1;
	}
	fclose(nf->f); /* all written and synced: nothing left to fail */
	new_file_release(nf);
	return 0;
}

void new_file_abort(struct new_file *nf)
{
	if (nf->tmp_path)
		unlink(nf->tmp_path);
	if (nf->f)
		fclose(nf->f);
	new_file_release(nf);
}

int file_nameless(struct err *e)
{
	const char *dir = getenv("TMPDIR");
	char *path;
	int fd;

	if (!dir || !*dir)
		dir = "/tmp";
	path = mem_print("%s/%s-XXXXXX", dir, program_invocation_short_name);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		err_set(e, "cannot make a temporary file in %s: %s", dir, strerror(errno));
	else
		unlink(path);
	free(path);
	return fd;
}

static char *read_all(FILE *f, size_t *n)
{
	size_t room = 65536, got;
	char *text = mem_alloc(room + 1, 1);

	*n = 0;
	while ((got = fread(text + *n, 1, room - *n, f)) > 0) {
		*n += got;
		if (*n < room)
			continue;
		room *= 2;
		text = mem_grow(text, room + 1, 1);
	}
	if (ferror(f)) {
		free(text);
		return NULL;
	}
	text[*n] = '\0';
	return text;
}

int file_check_regular(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) || S_ISREG(st.st_mode))
		return 0;
	return err_set(e, "%s: is %s", path,
		       S_ISDIR(st.st_mode) ? "a directory" : "not a regular file");
}

char *file_read(const char *path, size_t *n, struct err *e)
{
	struct stat st;
	char *text = NULL;
	FILE *f;

	/* Devices may have no end. */
	if (!stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode)) {
		err_set(e, "%s: is %s", path,
			S_ISDIR(st.st_mode) ? "a directory" : "neither a file nor a pipe");
		return NULL;
	}
	f = fopen(path, "re");
	if (f)
		text = read_all(f, n);
	if (!text)
		err_set(e, "%s: %s", path, strerror(errno));
	if (f)
		fclose(f);
	return text;
}

const char *file_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *file_dir(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return mem_dup(".");
	return mem_dup_n(path, slash == path ? 1 : (size_t)(slash - path));
}

char *file_in_dir(const char *dir, const char *name)
{
	return *name == '/' ? mem_dup(name) : mem_print("%s/%s", dir, name);
}
