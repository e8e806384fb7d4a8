/*
 * Numbers in use; always hands out the smallest free one.
 *
 * Theory. A bitmap of words of 64 numbers, and bitmaps over it: a bit of level k+1 says that the
 * word of level k below it is full. The smallest free number is found by one look at a word per
 * level.
 */
#ifndef LIB_IDSET_H
#define LIB_IDSET_H

#include "lib/types.h"

#define IDSET_LEVELS 6 /* 64^6 numbers: more than 32 bits hold */

struct idset {
	u64 *full[IDSET_LEVELS];
	u64 words[IDSET_LEVELS];
	unsigned int levels;
};

/* Nothing in use. What it grows to is host memory (lib/mem.h): no call fails. */
void idset_init(struct idset *s);
void idset_free(struct idset *s);
u32 idset_take(struct idset *s);
/* The number must be in use: putting it twice is a bug, and ends the process. */
void idset_put(struct idset *s, u32 id);

#endif
