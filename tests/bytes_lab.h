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
#define assert_block(address, drawing)                                                             \
	do {                                                                                       \
		char drawn[4096];                                                                  \
		assert_string_equal(draw_bytes(drawn, sizeof(drawn), address), drawing);           \
	} while (0)

/* A machine of one node, its pages without lists for CPUs, and the chain of slabs. */
void bytes_lab_open(struct slab_lab *sl, const char *slab);

/* Pages of the heap of a cache, those of side tables included. */
u64 heap_pages(const struct slab_cache *cache);

struct slab_cache *bytes_cache(struct slab_lab *sl, const char *name, unsigned int objsize,
			       unsigned int align);

/* One after the other on CPU 0, from any node. */
void *bytes_alloc(struct slab_lab *sl, struct slab_cache *cache);
void bytes_lab_free(struct slab_lab *sl, struct slab_cache *cache, void *object);

#endif
