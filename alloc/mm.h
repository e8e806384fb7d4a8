/*
 * The rest of the kernel's memory management, as a page allocator under pressure sees it: counters,
 * kernel threads, holders whose pages can move, and memory that can be reclaimed.
 *
 * The one question everybody asks: *who is asked to give memory back?* Whoever holds it: the
 * simulator (sim/) knows the load's pages and caches and implements struct mm_ops, as mm/migrate.c
 * and the LRU lists and shrinkers of mm/vmscan.c stand behind the page allocator in Linux. When to
 * ask, and for how much, is the allocator's own affair.
 */
#ifndef ALLOC_MM_H
#define ALLOC_MM_H

#include "alloc/kernel.h"

/* ---- Counters of /proc/vmstat ---- */

static inline void count_vm_event(enum vm_event_item item)
{
	kernel->vm_event[item]++;
}

static inline void count_vm_events(enum vm_event_item item, u64 n)
{
	kernel->vm_event[item] += n;
}

/* item names the first of four, one for each type of zone: PGALLOC_DMA, ALLOCSTALL_DMA. */
static inline void count_zone_vm_events(enum vm_event_item item, const struct zone *zone, u64 n)
{
	kernel->vm_event[item + zone->type] += n;
}

/* ---- Kernel threads (sim/kthread.c) ---- */

#define KTHREAD_SLEEP (~0ULL) /* until it is woken */

struct kthread;

/*
 * A thread of this node that sleeps until it is woken. Then `step` runs on the node's least busy
 * CPU, in that CPU's time, and returns after how many nanoseconds it wants to run again (0: as soon
 * as its CPU has time; KTHREAD_SLEEP). A step is short, as between two cond_resched(): requests of
 * its CPU wait for it. Nothing runs while the machine is bare (MM_BARE).
 */
struct kthread *kthread_create(const char *name, int nid, u64 (*step)(void *arg), void *arg);
/* It runs first so long after the machine is bare no more; default: when it is woken. */
void kthread_first_run(struct kthread *t, u64 delay_ns);
/* Runs it as soon as possible, whatever it wanted; nothing if it is about to run anyway. */
void wake_up_process(struct kthread *t);
void kthread_stop(struct kthread *t); /* and frees it; NULL is fine */

/* ---- Holders of pages ---- */

/*
 * Who was given a block says so in its struct: page_holder_set. PG_movable: and lets it move to
 * another frame, which is for blocks of one page. Both go when the block is freed.
 */
static inline void page_holder_set(struct page *page, unsigned long holder, bool movable)
{
	page->index = holder;
	page->flags |= PG_held;
	if (!movable)
		return;
	page->flags |= PG_movable;
	kernel->block_use[page_to_pfn(page) >> pageblock_order].movable++;
}

static inline void page_holder_clear(struct page *page)
{
	if (page->flags & PG_movable)
		kernel->block_use[page_to_pfn(page) >> pageblock_order].movable--;
	page->flags &= ~(PG_held | PG_movable);
}

/* What reclaim is asked for (struct scan_control, mm/vmscan.c). */
#define DEF_PRIORITY 12
#define SWAP_CLUSTER_MAX 32UL

struct scan_control {
	gfp_t gfp_mask;
	int nid;
	int order;
	int priority;	 /* DEF_PRIORITY down to 0: a larger share of the lists is looked at */
	int reclaim_idx; /* enum zone_type: highest zone of the request */
	bool kswapd;
	bool may_writepage;
	bool force_deactivate; /* the active list shrinks, however long the inactive one is */
	unsigned long nr_to_reclaim;
	/* Out: added to. */
	unsigned long nr_scanned, nr_reclaimed;
	bool skipped_deactivate;       /* out: more pages would be had by force_deactivate */
	unsigned long nr_before_round; /* nr_reclaimed then: whoever asks keeps it */
	bool tried_moves;	       /* objects were asked to move, once a run is enough */
	/* How far the round has come: whoever reclaims keeps it; all 0 before the first part. */
	struct scan_round {
		bool begun, may_deactivate;
		unsigned long nr_inactive, nr_active; /* pages left to scan */
		unsigned long nr_reclaimed;
		u32 shrinker, mover; /* the next cache */
		bool in_cache, store_seen;
		long freeable, to_scan, unscanned; /* its objects */
	} round;
};

struct mm_ops {
	/*
	 * The holder's contents move from one block to another of its size, which is given out and
	 * has no holder; afterwards `to` is held and `from` is not. False: it cannot be moved now.
	 * Costs are charged here.
	 */
	bool (*migrate_page)(struct page *from, struct page *to);
	/*
	 * A part of a round over the node's page cache and reclaimable caches at this priority, as
	 * long as what Linux does between two cond_resched(). False: the round is over.
	 */
	bool (*shrink_node)(struct scan_control *sc);
	/* Reclaim of this node ends for now: refaults from here on are news (snapshot_refaults). */
	void (*snapshot_refaults)(int nid);
	/* Pages of the node's zones up to this type that reclaim could get at best. */
	unsigned long (*reclaimable_pages)(int nid, int highest_zone);
};

/* What compaction of a zone came to (mm_compaction_begin and mm_compaction_end). */
struct compact_trace {
	u64 start_ns, ns;
	const struct zone *zone;
	const char *mode; /* who: "direct_async", "direct_light", "direct_full", "kcompactd"... */
	int order;	  /* -1: none in particular */
	const char *result;
	u64 migrate_scanned, free_scanned, isolated, moved, failed; /* pages */
	s64 blocks_gained; /* free blocks of 2 MiB, after and before */
};
void trace_mm_compaction_end(const struct compact_trace *t);

/* A run of kswapd over its node, or what a request did for itself (mm_vmscan_*_end). */
struct reclaim_trace {
	u64 start_ns, ns; /* ns: of CPU time; it ends now */
	int nid;
	const char *mode; /* who: "kswapd", "direct" */
	int order;
	int priority;		/* the lowest it came to */
	u64 scanned, reclaimed; /* pages */
};
void trace_mm_vmscan_reclaim_end(const struct reclaim_trace *t);

/* Of a bare machine: nothing moves, nothing can be had back. */
extern const struct mm_ops mm_nobody;

#endif
