/*
 * Every chain that the registered allocators make, for tests that leave none out.
 *
 * The one question everybody asks: *which allocators are these?* Those the program has; the
 * layer `broken` that some tests register is left out, and so are sources that keep nothing, unless
 * all are asked for.
 */
#ifndef TESTS_CHAINS_H
#define TESTS_CHAINS_H

#include "alloc/allocator.h"

#define CHAIN_TEXT_MAX 256

struct chains {
	char (*text)[CHAIN_TEXT_MAX]; /* owned */
	size_t nr;
};

enum chains_which { CHAINS_KEEPING, CHAINS_ALL };

/*
 * Adds every source under every ordered row of `layers` layers, with default options. Starts from a
 * zeroed struct.
 */
void chains_add(struct chains *c, enum allocator_kind kind, unsigned int layers,
		enum chains_which which);
/* Keeps each row of layers over one source only, another one for the next row. */
void chains_thin(struct chains *c, enum allocator_kind kind, enum chains_which which);
void chains_free(struct chains *c);

/* The plainest pages that this slab chain can stand on. */
const char *chains_pages_for(const char *slab);

/* The same order of allocators every time: the i-th of a kind and role; NULL behind the last. */
const struct allocator_desc *chains_allocator(enum allocator_kind kind, enum allocator_role role,
					      size_t i);

#endif
