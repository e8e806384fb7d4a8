/*
 * When memory is asked back, and how much: kswapd and direct reclaim.
 *
 * The one question everybody asks: *who gives it back?* Whoever holds it: kernel->mm_ops.
 */
#ifndef ALLOC_PAGES_VMSCAN_H
#define ALLOC_PAGES_VMSCAN_H

#include "alloc/pages/page_source.h"

#define MAX_RECLAIM_RETRIES 16 /* mm/internal.h */

/* A kswapd for each node. */
void vmscan_create(struct page_source *ps);
void vmscan_destroy(struct page_source *ps);

/* The zone was too short of memory for this order (wakeup_kswapd). */
void wakeup_kswapd(struct buddy_zone *bz, struct pglist_data *pgdat, gfp_t gfp, int order,
		   int highest_zone);
bool kswapd_is_running(const struct pglist_data *pgdat);
/* Direct reclaim (try_to_free_pages); returns pages reclaimed. */
unsigned long try_to_free_pages(const struct alloc_context *ac);

/* Pages that reclaim could get from the zone at best (zone_reclaimable_pages). */
long zone_reclaimable_pages(const struct zone *zone);

/* ---- Between vmscan.c and vmscan_direct.c ---- */

/* Reclaim gives up on the node after MAX_RECLAIM_RETRIES vain runs of kswapd; it got something. */
void kswapd_failures_reset(struct pglist_data *pgdat);
/*
 * A part of a round over the node, and of more rounds at the same priority while compaction needs
 * them (shrink_node). False: that is all.
 */
bool shrink_node_part(struct pglist_data *pgdat, struct scan_control *sc);

#endif
