/*
 * A small machine with a chain of page allocators on it, from text, for tests.
 */
#ifndef TESTS_LAB_H
#define TESTS_LAB_H

#include "alloc/page_alloc.h"
#include "sim/machine.h"

/* nodes: "  - {memory: 16MiB, cpus: 0-1, distance: [10]}\n"..., the lines of a machine file. */
#define LAB_NODE "  - {memory: 16MiB, cpus: 0-1, distance: [10]}\n"

struct lab {
	struct machine *m;
	struct page_allocator *pa; /* outermost layer of the chain */
	unsigned int nr_events;
	char event[256]; /* the last one: "kind: detail" */
};

/* chain NULL: a machine only. */
void lab_open(struct lab *lab, const char *nodes, const char *chain);
/* Puts the chain and destroys the machine. */
void lab_close(struct lab *lab);

/* A chain on the current machine; NULL if a layer refuses, with e set. The text must parse. */
struct page_allocator *lab_chain(const char *text, struct err *e);

/* One operation on `cpu`, at the machine's time. */
struct page *lab_alloc(struct lab *lab, int cpu, int order, gfp_t flags, int node);
void lab_free(struct lab *lab, int cpu, struct page *page, int order);

/* If the chain has a boot phase that is not over: it ends here, without a window. */
void lab_hand_over(struct lab *lab);
/* Pages that bootmem lost for good. */
u64 lab_lost_pages(const struct lab *lab);

/* Runs all events and empties the per-CPU lists. */
void lab_settle(struct lab *lab);
/* Pages in the buddy lists of all zones. */
u64 lab_free_pages(const struct lab *lab);

#endif
