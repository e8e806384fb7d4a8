/*
 * Files that appear whole or not at all, and whole files read into memory.
 */
#ifndef LIB_FILE_H
#define LIB_FILE_H

#include <stdio.h>

#include "lib/err.h"
#include "lib/types.h"

/*
 * A file under construction: it has no name (or, where the file system cannot do that, a temporary
 * one beside its place) until commit renames it. Signals and crashes leave the old file; an aborted
 * one leaves nothing. What exists and is no regular file (/dev/null, a pipe) is written in place.
 */
struct new_file {
	FILE *f;
	char *path;	/* of the finished file, symbolic links resolved */
	char *tmp_path; /* NULL while it has no name, or if written in place */
	bool in_place;
};

int __must_check new_file_open(struct new_file *nf, const char *path, struct err *e);
/* Flushes, syncs, renames; on failure (disk full) the temporary file is gone and e says why. */
int __must_check new_file_commit(struct new_file *nf, struct err *e);
void new_file_abort(struct new_file *nf);

/* A file for reading and writing without a name, in $TMPDIR or /tmp: gone with the last who has it
 * open. Its descriptor; -1 with e set. */
int __must_check file_nameless(struct err *e);

/*
 * 0 if it is a regular file or cannot be looked at (opening it will say why); -1: what it is
 * instead.
 */
int __must_check file_check_regular(const char *path, struct err *e);

/* The whole file, NUL-terminated, *n without the NUL; the caller frees. NULL with e set. */
char *file_read(const char *path, size_t *n, struct err *e);

/* What follows the last slash of the path; inside it. */
const char *file_base(const char *path);
/* The directory of a path, "." for a bare name; the caller frees. */
char *file_dir(const char *path);
/* `name` itself if it is absolute, else in `dir`; the caller frees. */
char *file_in_dir(const char *dir, const char *name);

#endif
