/*
 * A directory that appears whole or not at all: made under a temporary name beside its place,
 * renamed at the end. Errors, SIGINT, SIGTERM and SIGHUP leave nothing behind.
 */
#ifndef REPORTS_REPORT_DIR_H
#define REPORTS_REPORT_DIR_H

#include <stdio.h>

#include "lib/err.h"
#include "lib/types.h"

struct report_dir {
	char *path; /* where it shall be */
	char *tmp;  /* where it is made */
};

/*
 * Makes the directory. `ours`, ended by NULL, is what it will hold; folders end in a slash and are
 * made at once. An existing `path` must hold nothing else: it is an earlier result, or empty.
 */
int __must_check report_dir_open(struct report_dir *d, const char *path, const char *const *ours,
				 struct err *e);
/* Would it be refused because of what is there? Before hours of work. */
int __must_check report_dir_check(const char *path, const char *const *ours, struct err *e);
/* A folder inside. */
int __must_check report_sub_dir(const struct report_dir *d, const char *name, struct err *e);
int __must_check report_dir_commit(struct report_dir *d, struct err *e);
void report_dir_abort(struct report_dir *d);

/* A file inside, for writing. The caller closes it with report_file_close. */
FILE *report_file(const struct report_dir *d, struct err *e, const char *fmt, ...) __printf(3, 4);
/* -1 with e set if anything could not be written (disk full). */
int __must_check report_file_close(const struct report_dir *d, FILE *f, struct err *e);

#endif
