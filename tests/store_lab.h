/*
 * A small machine with a whole stack on it: pages, slabs and a chain of stores, for tests.
 */
#ifndef TESTS_STORE_LAB_H
#define TESTS_STORE_LAB_H

#include "alloc/store_alloc.h"
#include "tests/slab_lab.h"

struct store_lab {
	struct slab_lab sl; /* sl.lab.nr_events, sl.lab.event: what was reported */
	struct slabulator slabs;
	struct store *store; /* outermost layer of the chain */
};

/* pages, slab NULL: page_allocator, slabifier. */
void store_lab_open(struct store_lab *l, const char *nodes, const char *pages, const char *slab,
		    const char *store);
/* Destroys the store, live objects and all; all pages must be back then. */
void store_lab_close(struct store_lab *l);

/* A chain; NULL if a layer refuses, with e set. The text must parse. */
struct store *store_lab_chain(const struct store_env *env, const char *text, struct err *e);
struct store_refusal {
	const char *chain, *reason;
};
/* Each of these chains is refused, and the message says why; on the lab that has `store`. */
void store_lab_refuses(const char *store, const struct store_refusal *refusals, size_t nr);

/* One operation on `cpu`, at the machine's time. */
unsigned long store_lab_malloc(struct store_lab *l, int cpu, size_t size);
bool store_lab_free(struct store_lab *l, int cpu, unsigned long handle, size_t size);
/* Writes contents that follow from `key` (sim/contents.h); false: the store refused. */
bool store_lab_write(struct store_lab *l, int cpu, unsigned long handle, size_t size, u64 key);
/* 1: they are what was written; 0: they are not; -1: the store refused. */
int store_lab_read(struct store_lab *l, int cpu, unsigned long handle, size_t size, u64 key);
/* All that can be gained, or until bytes_max. */
struct store_compact store_lab_compact(struct store_lab *l, int cpu, u64 goal_pages, u64 bytes_max);
struct store_stats store_lab_stats(const struct store_lab *l);

#endif
