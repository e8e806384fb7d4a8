/*
 * A small machine with a stack of page and slab allocators on it, and drawings of slabs, for tests.
 */
#ifndef TESTS_SLAB_LAB_H
#define TESTS_SLAB_LAB_H

#include "alloc/slab/slabifier.h"
#include "tests/lab.h"

/* Two CPUs on each of two nodes. */
#define LAB_TWO_NODES                                                                              \
	"  - {memory: 16MiB, cpus: 0-1, distance: [10, 20]}\n"                                     \
	"  - {memory: 16MiB, cpus: 2-3, distance: [20, 10]}\n"

struct slab_lab {
	struct lab lab;
	struct slab_allocator *sa; /* outermost layer of the chain */
	u64 free_pages;		   /* of the fresh machine */
};

void slab_lab_open(struct slab_lab *sl, const char *nodes, const char *pages, const char *slab);
/* All pages must be back. */
void slab_lab_close(struct slab_lab *sl);

/*
 * The chain on `pages`; NULL if a layer refuses, with e set. The text must parse. Where a boot phase
 * begins, slabs are early from here on.
 */
struct slab_allocator *slab_lab_chain(struct page_allocator *pages, const char *text,
				      struct err *e);

struct slab_cache *slab_lab_cache(struct slab_lab *sl, struct slab_control *room, const char *name,
				  unsigned int objsize);

/* One operation on `cpu`, at the machine's time. */
void *slab_lab_alloc(struct slab_lab *sl, int cpu, struct slab_cache *cache, gfp_t flags, int node);
void slab_lab_free(struct slab_lab *sl, int cpu, struct slab_cache *cache, void *object);

/*
 * A slab of a slabifier cache: where it is, and its objects in order of addresses.
 *
 * cpu0 a,,,....	current slab of CPU 0; a: in use, ',': on the CPU's list, '.': on the slab's
 * cpu0+ aa......	on the partial list of CPU 0
 * node1 a.......	on the partial list of node 1
 * none aaaaaaaa	full: on no list
 * gone		no slab of this cache
 */
char *draw_slab(char *buf, size_t n, struct slab_cache *cache, const void *object);

#endif
