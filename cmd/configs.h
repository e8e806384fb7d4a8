/*
 * The files in configs/ of the working directory, by what they are.
 */
#ifndef CMD_CONFIGS_H
#define CMD_CONFIGS_H

#include "lib/err.h"
#include "lib/types.h"

struct configs {
	char **paths; /* sorted */
	size_t nr;
};

/* Those whose first line is `kmemsim: FORMAT`. No configs/ at all: none. */
int __must_check configs_find(struct configs *c, const char *format, struct err *e);
/* The one whose name, as `kmemsim list` shows it, is nearest to the path's; the caller frees. NULL:
 * none is near. */
char *configs_nearest(const char *path, const char *format);
void configs_free(struct configs *c);

#endif
