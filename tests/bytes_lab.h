/*
 * Drawings of the blocks of allocators of bytes, and their heaps counted, for tests.
 */
#ifndef TESTS_BYTES_LAB_H
#define TESTS_BYTES_LAB_H

#include "alloc/slab/bytes.h"
#include "tests/slab_lab.h"

/*
 * The block of pages that an address lies in, as the map of owners has it: objects in order, each
 * as the first letter of its cache and its size, with the bytes between them.
 *
 * a100 .412 b16 .3568	two objects; whether the bytes between are free or a header is not told
 * gone			no block of a heap
 */
char *draw_bytes(char *buf, size_t n, const void *address);

/* Pages of the heap of a cache, those of side tables included. */
u64 heap_pages(const struct slab_cache *cache);

struct slab_cache *bytes_cache(struct slab_lab *sl, const char *name, unsigned int objsize,
			       unsigned int align);

/* One after the other on CPU 0, from any node. */
void *bytes_alloc(struct slab_lab *sl, struct slab_cache *cache);

#endif
