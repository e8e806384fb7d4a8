/*
 * Compaction: movable pages move to one end of a zone, free blocks grow at the other.
 *
 * The one question everybody asks: *who compacts?* A request that needs a large block (direct), its
 * node's kcompactd when woken, and kcompactd by itself where fragmentation is high (proactive).
 */
#ifndef ALLOC_PAGES_COMPACT_H
#define ALLOC_PAGES_COMPACT_H

#include "alloc/pages/page_source.h"

/* As in include/linux/compaction.h, 6.1. */
enum compact_priority {
	COMPACT_PRIO_SYNC_FULL,
	COMPACT_PRIO_SYNC_LIGHT,
	COMPACT_PRIO_ASYNC,
	MIN_COMPACT_PRIORITY = COMPACT_PRIO_SYNC_FULL,
	DEF_COMPACT_PRIORITY = COMPACT_PRIO_SYNC_LIGHT,
	INIT_COMPACT_PRIORITY = COMPACT_PRIO_ASYNC,
};
enum compact_result {
	COMPACT_NOT_SUITABLE_ZONE,
	COMPACT_SKIPPED,
	COMPACT_DEFERRED,
	COMPACT_NO_SUITABLE_PAGE,
	COMPACT_CONTINUE,
	COMPACT_COMPLETE,
	COMPACT_PARTIAL_SKIPPED,
	COMPACT_CONTENDED,
	COMPACT_SUCCESS,
};

/* Scanner positions of each zone, a kcompactd for each node. */
void compaction_create(struct page_source *ps);
void compaction_destroy(struct page_source *ps);

/* Is there enough free memory to move pages to, and is fragmentation the reason? */
enum compact_result compaction_suitable(const struct buddy_zone *bz, int order,
					unsigned int alloc_flags, int highest_zone);
/* Would compaction be tried if reclaim went on (compaction_zonelist_suitable)? order > 0. */
bool compaction_zonelist_suitable(const struct alloc_context *ac, unsigned int alloc_flags);
/* Free pages that a run wants beside those of the block: copies take room (compact_gap). */
static inline long compact_gap(int order)
{
	return 2L << order;
}
/* Failed too often lately (compaction_deferred). */
bool compaction_deferred(struct buddy_zone *bz, int order);
/* Zone after zone of the request's list until one could serve it (try_to_compact_pages). */
enum compact_result try_to_compact_pages(const struct alloc_context *ac, unsigned int alloc_flags,
					 enum compact_priority prio);
/* The request was served after compaction: no deferral (compaction_defer_reset). */
void compaction_defer_reset(struct buddy_zone *bz, int order, bool alloc_success);
/* kcompactd has something to do; nothing happens while the machine is bare. */
void wakeup_kcompactd(struct pglist_data *pgdat, int order, int highest_zone);
/*
 * kswapd goes to sleep: after a run over a whole zone, pageblocks that were passed over are looked
 * at again (reset_isolation_suitable).
 */
void reset_isolation_suitable(struct pglist_data *pgdat);
/* All of a node, whatever it costs (/proc/sys/vm/compact_memory). */
void compact_node(struct pglist_data *pgdat);

#endif
