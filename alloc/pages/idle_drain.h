/*
 * Per-CPU lists of other nodes' zones, given back when they are not used for a while.
 */
#ifndef ALLOC_PAGES_IDLE_DRAIN_H
#define ALLOC_PAGES_IDLE_DRAIN_H

#include "alloc/pages/buddy.h"

struct page_source;

/* Nothing on a machine of one node, where no zone is remote, or without per-CPU lists. */
void idle_drain_create(struct page_source *ps);
void idle_drain_destroy(struct page_source *ps);

void idle_drain_note(struct buddy_zone *bz);

/* This CPU changed how much of the zone is free. */
static inline void note_zone_change(struct buddy_zone *bz)
{
	if (unlikely(bz->idle_drain))
		idle_drain_note(bz);
}

#endif
