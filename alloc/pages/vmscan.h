/*
 * When memory is asked back, and how much: kswapd and direct reclaim.
 *
 * The one question everybody asks: *who gives it back?* Whoever holds it: kernel->mm_ops.
 */
#ifndef ALLOC_PAGES_VMSCAN_H
#define ALLOC_PAGES_VMSCAN_H

#include "alloc/pages/page_source.h"

/* A kswapd for each node. */
void vmscan_create(struct page_source *ps);
void vmscan_destroy(struct page_source *ps);

/* The zone was too short of memory for this order (wakeup_kswapd). */
void wakeup_kswapd(struct buddy_zone *bz, struct pglist_data *pgdat, gfp_t gfp, int order,
		   int highest_zone);
bool kswapd_is_running(const struct pglist_data *pgdat);
/* Direct reclaim (try_to_free_pages); returns pages reclaimed. */
unsigned long try_to_free_pages(const struct alloc_context *ac);

#endif
