/*
 * Caches of queued_slab in a small machine, and drawings of their queues, for tests.
 *
 *	3 0 | 2 0 0.1.0		CPU 0's array has 3 objects, CPU 1's none; of node 0 the shared array
 *				has 2, its alien arrays none; of its slabs 0 are full, 1 is partial,
 *				0 are free. More nodes follow behind '|'.
 */
#ifndef TESTS_QUEUED_LAB_H
#define TESTS_QUEUED_LAB_H

#include "alloc/slab/queued.h"
#include "tests/slab_lab.h"

/* Batches of 2, and 2 in the shared array. */
#define QUEUED_SMALL "queued_slab(limit=4,shared=1,reap=0s)"

/* One cache in a machine of its own. */
struct slab_cache *queued_lab_open(struct slab_lab *sl, const char *nodes, const char *slab,
				   unsigned int objsize);
void queued_lab_close(struct slab_lab *sl, struct slab_cache *cache);

u32 queued_nr_aliens(const struct queued_node *n);
/* Checks the cache, too. Valid until the next call. */
const char *queued_draw(struct slab_cache *cache);

#define assert_queues(drawing) assert_string_equal(queued_draw(cache), drawing)
#define alloc_on(cpu) slab_lab_alloc(&sl, cpu, cache, GFP_KERNEL, NUMA_NO_NODE)
#define alloc_from(cpu, node) slab_lab_alloc(&sl, cpu, cache, GFP_KERNEL | __GFP_THISNODE, node)
#define free_on(cpu, object) slab_lab_free(&sl, cpu, cache, object)

#endif
