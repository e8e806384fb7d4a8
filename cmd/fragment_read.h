/*
 * A fragmenter as the user says it, with the file that it may name.
 */
#ifndef CMD_FRAGMENT_READ_H
#define CMD_FRAGMENT_READ_H

#include "lib/err.h"
#include "sim/fragment.h"

/* The state that memory starts in, and what it was read from. All 0: none. */
struct fragment_spec {
	struct fragment fragment;
	struct page_target_file *file;
};

/* A file is looked for from the working directory, then from `dir` (NULL: not there). -1 with e:
 * "column N: ..."; there is nothing to free then. */
int __must_check fragment_read(struct fragment_spec *s, const char *text, const char *dir,
			       struct err *e);
/* Also of a zeroed one. */
void fragment_spec_free(struct fragment_spec *s);

#endif
