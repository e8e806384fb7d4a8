/*
 * Between the files of compaction: a run over a zone, and what a zone remembers from run to run.
 *
 * compact.c runs it and says how it ended; compact_migrate.c looks for pages to move, upwards;
 * compact_free.c for frames to move them to, downwards; compact_skip.c keeps positions and skips
 * pageblocks; compact_suitable.c says whether it is worth while; kcompactd.c is the thread.
 */
#ifndef ALLOC_PAGES_COMPACT_CONTROL_H
#define ALLOC_PAGES_COMPACT_CONTROL_H

#include "alloc/pages/compact.h"

#define COMPACT_CLUSTER_MAX SWAP_CLUSTER_MAX
#define COMPACT_MAX_DEFER_SHIFT 6

/* Of include/linux/migrate_mode.h. */
enum migrate_mode { MIGRATE_ASYNC, MIGRATE_SYNC_LIGHT, MIGRATE_SYNC };

/* struct zone of Linux, compact_*. */
struct zone_compaction {
	struct page_source *ps;
	unsigned long cached_migrate_pfn[2]; /* where to go on: async, sync */
	unsigned long cached_free_pfn;
	/* Where they began when pageblocks were last reset; init_migrate_end is one pfn more, as
	 * the first zone starts at pfn 0 here. */
	unsigned long init_migrate_end, init_free_pfn;
	unsigned int considered, defer_shift;
	int order_failed;
	bool blockskip_flush;
	u8 *skip; /* by pageblock of the zone: nothing was found there lately */
};

struct compact_control {
	struct page_source *ps;
	struct buddy_zone *bz;
	const char *who;
	struct list_head freepages; /* single frames off all lists */
	unsigned int nr_freepages, nr_migratepages;
	unsigned long free_pfn, migrate_pfn;
	unsigned long fast_start_pfn; /* 0: none yet; ~0: used up */
	unsigned int fast_search_fail;
	int search_order;
	int order; /* -1: all that can be had */
	int migratetype, highest_zone;
	unsigned int alloc_flags;
	enum migrate_mode mode;
	bool direct, proactive;
	bool whole_zone, ignore_skip_hint, ignore_block_suitable;
	bool contended, rescan;
	/* Between two rounds of the loop. */
	bool update_cached;
	unsigned long last_migrated_pfn;
	/* What it came to. */
	u64 start_ns, ns;
	u64 migrate_scanned, free_scanned, isolated, moved, failed;
	long large_before; /* free blocks of a pageblock's size */
	struct page *migratepages[pageblock_nr_pages];
};

/* ---- compact.c: a run in parts ---- */

/* COMPACT_CONTINUE: it has begun. Else there is nothing to do, and why. */
enum compact_result compact_begin(struct compact_control *cc);
/* One cluster of pages; COMPACT_CONTINUE: call again. */
enum compact_result compact_round(struct compact_control *cc);
/* Frames taken and not used go back, so that nothing is held while others run. */
void compact_pause(struct compact_control *cc);
void compact_end(struct compact_control *cc, enum compact_result result);

static inline bool compact_scanners_met(const struct compact_control *cc)
{
	return cc->free_pfn >> pageblock_order <= cc->migrate_pfn >> pageblock_order;
}

/* What lies behind was never given out: all free, in the largest blocks. */
static inline unsigned long compact_end_pfn(const struct buddy_zone *bz)
{
	return min(bz->fresh_pfn, bz->end_pfn);
}

static inline unsigned long block_start_pfn(unsigned long pfn, int order)
{
	return pfn & ~((1UL << order) - 1);
}

static inline unsigned long block_end_pfn(unsigned long pfn, int order)
{
	return block_start_pfn(pfn, order) + (1UL << order);
}

static inline unsigned long pageblock_start_pfn(unsigned long pfn)
{
	return block_start_pfn(pfn, pageblock_order);
}

static inline unsigned long pageblock_end_pfn(unsigned long pfn)
{
	return block_end_pfn(pfn, pageblock_order);
}

static inline bool pageblock_aligned(unsigned long pfn)
{
	return !(pfn % pageblock_nr_pages);
}

/* Looks at structs that lie side by side: a miss for each cluster, the rest is prefetched. */
static inline void charge_scan(const struct compact_control *cc, unsigned long nr)
{
	for (unsigned long n = 0; n < nr; n += COMPACT_CLUSTER_MAX)
		charge_memory(cc->bz->zone->node);
	charge_n(COST_LIST_STEP, nr);
}

/* Takes zone->lock; async gives up soon if it had to wait (compact_lock_irqsave). */
static inline void compact_lock(struct compact_control *cc)
{
	if (spin_lock_irqsave(&cc->bz->lock) && cc->mode == MIGRATE_ASYNC)
		cc->contended = true;
}

/* How far a free list is searched (freelist_scan_limit). */
static inline unsigned int freelist_scan_limit(const struct compact_control *cc)
{
	return (unsigned int)(COMPACT_CLUSTER_MAX >> min(cc->fast_search_fail, 31U)) + 1;
}

/* The list begins with this entry, and the next search with those it did not come to. */
static inline void free_list_begin_with(struct list_head *list, struct page *page)
{
	list_del(list);
	list_add_tail(list, &page->lru);
}

/* The list ends with this entry. */
static inline void free_list_end_with(struct list_head *list, struct page *page)
{
	list_del(list);
	list_add(list, &page->lru);
}

/* ---- compact_migrate.c ---- */

enum isolate_migrate { ISOLATE_NONE, ISOLATE_SUCCESS };

/* Pages to move from the next suitable pageblock, in cc->migratepages. */
enum isolate_migrate isolate_migratepages(struct compact_control *cc);

/* ---- compact_free.c ---- */

/* A frame to move to; NULL: the scanners met, or memory is short. */
struct page *compaction_alloc(struct compact_control *cc);
void compaction_free(struct compact_control *cc, struct page *page);
/* All of them back to the buddy lists; the highest pfn, 0 if there were none. */
unsigned long release_freepages(struct compact_control *cc);

/* ---- compact_skip.c ---- */

bool get_pageblock_skip(const struct buddy_zone *bz, unsigned long pfn);
void set_pageblock_skip(const struct buddy_zone *bz, unsigned long pfn);
bool isolation_suitable(const struct compact_control *cc, unsigned long pfn);
bool test_and_set_skip(const struct compact_control *cc, unsigned long pfn);
void update_cached_migrate(const struct compact_control *cc, unsigned long pfn);
void update_pageblock_skip(const struct compact_control *cc, unsigned long pfn);
void reset_cached_positions(const struct buddy_zone *bz);
/* A pageblock may be worth a look again: all that were passed over, if a whole run is over. */
void zone_reset_isolation(const struct buddy_zone *bz);

/* ---- compact_suitable.c ---- */

void defer_compaction(const struct buddy_zone *bz, int order);
bool compaction_restarting(const struct buddy_zone *bz, int order);
/* External fragmentation at huge page order, in percent: fragmentation_score_zone() of
 * mm/compaction.c. */
unsigned int fragmentation_score_zone(const struct buddy_zone *bz);
unsigned int fragmentation_score_node(const struct pglist_data *pgdat);
unsigned int fragmentation_score_wmark(const struct pglist_data *pgdat, bool low);

/* ---- kcompactd.c ---- */

void kcompactd_run(struct pglist_data *pgdat);
void kcompactd_stop(struct pglist_data *pgdat);

#endif
