/*
 * Strings, each once, numbered from 0 in the order of their first appearance.
 */
#ifndef TRACES_NAMES_H
#define TRACES_NAMES_H

#include "traces/map.h"

struct names {
	char **text;
	u32 nr, max;
	struct map by_hash;
};

void names_init(struct names *n);
void names_free(struct names *n);
/* The number of the string of `len` characters. */
u32 names_add(struct names *n, const char *text, size_t len);

#endif
