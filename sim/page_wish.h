/*
 * What a target wishes of each zone of the machine that runs.
 *
 * The one question everybody asks: *what if the zones differ?* A zone is found by node and name; a
 * recorded one that the machine lacks adds to the largest zone of its node. A zone that no recorded
 * one stands for, on a node the target speaks of, is to have nothing free.
 */
#ifndef SIM_PAGE_WISH_H
#define SIM_PAGE_WISH_H

#include "alloc/page_alloc.h"
#include "sim/page_plan.h"
#include "sim/page_state.h"

struct percpu_block {
	unsigned long frame;
	int order, cpu;
	bool taken;
};

struct zone_wish {
	bool told;     /* the target speaks of this node */
	bool sums;     /* types do not count: everything is of class 0 */
	bool too_much; /* more free memory is wanted than there is */
	u32 *percpu;   /* pages on each CPU's lists */
	u64 percpu_wanted;
	unsigned int nr_told; /* recorded zones that this one stands for; `nr_knowing` of them know
			       * how many of their pages can move: `movable` in all */
	unsigned int nr_knowing;
	u64 movable;
	struct percpu_block *blocks; /* known to be on a list: `percpu` counts the others */
	u64 nr_blocks;
	struct page_plan plan;
};

/* -1: more is to be free than the machine has. */
int __must_check page_target_check(const struct page_target *t, struct err *e);

/* One for each of kernel->zones. What no zone can be found for goes to the report. */
struct zone_wish *zone_wishes_make(const struct page_target *t, const struct page_allocator *source,
				   struct page_state_report *r);
void zone_wishes_free(struct zone_wish *wishes);

/* A plan that knows what is in use and of which type pageblocks are, and wishes for nothing yet. */
void zone_plan_begin(struct page_plan *p, const struct zone *zone,
		     const struct page_allocator *source, bool sums);

/* Looks at what is in use and plans; per-CPU lists are empty, and what the target knows to be free
 * is. */
void zone_wish_plan(struct zone_wish *w, const struct zone *zone,
		    const struct page_allocator *source, const struct page_target *target);

#endif
