/*
 * A lab whose machine is under pressure: threads and reclaim as a test wants them.
 */
#ifndef TESTS_PRESSURE_LAB_H
#define TESTS_PRESSURE_LAB_H

#include "alloc/mm.h"
#include "tests/lab.h"

/* What a test's reclaim has: pages that it gives back when asked, so many at a time. */
struct pressure {
	struct lab *lab;
	struct page *pages[8192];
	int orders[8192];
	unsigned int nr, at_once, rounds;
	/* Whose movable pages these are; NULL: nothing moves. */
	bool (*migrate)(struct page *from, struct page *to);
};
extern struct pressure pressure;

void pressure_open(struct lab *lab, const char *nodes, const char *chain, enum mm_mode mode);
void pressure_close(struct lab *lab);

/* From now on this page is page cache. */
void pressure_add(struct page *page, int order);

static inline u64 vm_event(enum vm_event_item item)
{
	return kernel->vm_event[item];
}

#endif
