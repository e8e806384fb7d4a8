/*
 * Random chains of registered allocators that can be made, and a census of what was in them.
 */
#ifndef TESTS_RANDOM_CHAIN_H
#define TESTS_RANDOM_CHAIN_H

#include "alloc/allocator.h"
#include "lib/rng.h"

#define RANDOM_CHAIN_MAX 1024

/* Prints an allocator with some options of its own: "caching(rounds=3)". */
typedef void (*print_allocator_fn)(struct rng *r, const struct allocator_desc *d, char *text,
				   size_t n);

struct chain_kind {
	enum allocator_kind kind;
	const char *nodes; /* of the machine, as lab_open takes them */
	const char *pages; /* of slab chains and stores: the chain of pages they are to stand on */
	const char *slab;  /* of stores: the chain that makes their caches */
	print_allocator_fn print;
};

/*
 * From the source up, layer upon layer: one that refuses to stand there is replaced by another, so
 * that deep chains come about. There may be fewer layers than asked for if none fits any more.
 */
void random_chain(struct rng *r, const struct chain_kind *k, unsigned int layers,
		  char text[RANDOM_CHAIN_MAX]);

#define CENSUS_DEPTH_MAX 16

struct census {
	unsigned int nr_chains[CENSUS_DEPTH_MAX + 1]; /* by number of layers above the source */
	const struct allocator_desc *used[64];
	unsigned int nr_used;
};

/* Of a layer that has given something out. */
void census_add(struct census *c, const struct allocator_desc *d);
/* The registered allocator that no chain has used, of those that keep something; NULL: none. */
const struct allocator_desc *census_unused(const struct census *c, enum allocator_kind kind);

#endif
