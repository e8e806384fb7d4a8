/*
 * The line that repeats a run: words for a POSIX shell.
 */
#ifndef CMD_REPEAT_H
#define CMD_REPEAT_H

#include <stdio.h>

#include "lib/types.h"

struct repeat {
	FILE *f;
	char *text;
	size_t size;
};

/* Begins with "kmemsim COMMAND". */
void repeat_begin(struct repeat *r, const char *command);
/* One word, quoted if a shell would take it for anything else. */
void repeat_word(struct repeat *r, const char *word);
/* "--OPTION VALUE"; nothing if the value is NULL. */
void repeat_option(struct repeat *r, const char *option, const char *value);
/* A path as an argument: never taken for an option. */
void repeat_path(struct repeat *r, const char *path);
/* The line; the caller frees. */
char *repeat_end(struct repeat *r);

#endif
