/*
 * One zone of the buddy system: free lists by order and mobility, and the untouched range.
 *
 * The one question everybody asks: *who holds the lock?* The caller of buddy_take and buddy_free,
 * as in Linux; a per-CPU list takes it once for a whole batch.
 */
#ifndef ALLOC_PAGES_BUDDY_H
#define ALLOC_PAGES_BUDDY_H

#include "alloc/kernel.h"

#define PAGE_ALLOC_COSTLY_ORDER 3

struct free_area {
	struct list_head free_list[MIGRATE_TYPES];
	unsigned long
		nr_free[MIGRATE_TYPES]; /* blocks; the untouched range counts under its type */
};

struct per_cpu_pages;
struct idle_drain;
struct zone_compaction;

/*
 * Pages that stay free for others; marks of -1: none do. min, low and high are zone->_watermark[]:
 * while mobilities were mixed lately, boost comes on top of each.
 */
struct zone_watermarks {
	long min, low, high;
	long boost;
	long nr_reserved_highatomic;	   /* pages of HIGHATOMIC pageblocks, free or not */
	long lowmem_reserve[MAX_NR_ZONES]; /* by the highest zone a request could use */
};

/* Bits of buddy_zone.flags (enum zone_flags). */
#define ZONE_BOOSTED_WATERMARK 0x1u /* boosted lately: whoever allocates next wakes kswapd */

struct buddy_zone {
	struct zone *zone;
	unsigned int flags;
	u8 *pageblock_type;	       /* by pfn >> pageblock_order, of the whole machine */
	struct per_cpu_pages *pageset; /* NULL: no per-CPU lists */
	struct idle_drain *idle_drain; /* per CPU; NULL: no lists are drained when idle */
	u16 nonempty[MIGRATE_TYPES];   /* bit o: nr_free of order o is not 0 */
	/*
	 * Never given out: largest blocks, the tail of one list, lowest first. The zone's memory
	 * ends at end_pfn, where the zone does unless it is still being handed over.
	 */
	unsigned long fresh_pfn, end_pfn;
	int fresh_type;
	bool was_highatomic;		    /* there are or were HIGHATOMIC pageblocks */
	struct zone_compaction *compaction; /* compact_control.h; NULL: off */
	spinlock_t lock;
	struct zone_watermarks marks;
	long boost_max;		      /* 0: the zone is never boosted */
	long fast_mark[MAX_NR_ZONES]; /* watermark.c */
	struct free_area free_area[MAX_ORDER];
};

/* type: of all pageblocks at the start. A zone without memory stays empty. */
void buddy_zone_init(struct buddy_zone *bz, struct zone *zone, u8 *pageblock_type, int type);

/* A block of this order and mobility, by fallback if need be, off all lists; NULL: none. */
struct page *buddy_take(struct buddy_zone *bz, int order, int migratetype,
			unsigned int alloc_flags);
/* Only from lists of this mobility. */
struct page *buddy_take_smallest(struct buddy_zone *bz, int order, int migratetype);
/*
 * The block at pfn off its list, split out of a larger one if need be; NULL: not all of it is free.
 */
struct page *buddy_take_at(struct buddy_zone *bz, unsigned long pfn, int order);
/* The block (no flags but PG_written) returns to lists of this type, merged where it can be. */
void buddy_free(struct buddy_zone *bz, struct page *page, int order, int migratetype);

/*
 * In fallback.c: makes a block of another mobility available to `start_type`, as Linux steals and
 * claims. False: there is none of at least `order` (ALLOC_NOFRAGMENT: or of a whole pageblock).
 */
bool buddy_fallback(struct buddy_zone *bz, int order, int start_type, unsigned int alloc_flags);

/* A block of this very order is there that a request of this type may claim for itself. */
bool buddy_can_steal(const struct buddy_zone *bz, int order, int start_type);

/*
 * The pageblock gets this type, and its free blocks go to lists of it; what HIGHATOMIC gains or
 * loses by that is counted.
 */
void buddy_set_type(struct buddy_zone *bz, unsigned long pfn, int migratetype);

/* The free block that this one is or is part of; NULL: there is none. */
struct page *buddy_around(struct buddy_zone *bz, unsigned long pfn, int order);
/* The block that would be taken next; there is one. */
struct page *buddy_first(struct buddy_zone *bz, int order, int migratetype);
/* A free block changes lists, to the tail. */
void buddy_move(struct buddy_zone *bz, struct page *page, int migratetype);

static inline int pageblock_type_of(const struct buddy_zone *bz, unsigned long pfn)
{
	return bz->pageblock_type[pfn >> pageblock_order];
}

/* In buddy_boot.c: a zone without memory, which then comes to it in order of pfn. */
void buddy_withhold(struct buddy_zone *bz);
/* Free frames. */
void buddy_hand_over(struct buddy_zone *bz, unsigned long pfn, unsigned long nr);
/* A block that is given out. */
void buddy_adopt(struct buddy_zone *bz, const struct page *page, int order);

/* For buddy_boot.c: a free block at the tail of its list, merged where it can be. */
void buddy_free_to_tail(struct buddy_zone *bz, struct page *page, int order, int migratetype);
/* So many blocks more (or fewer) of the untouched range count as free. */
void buddy_count_fresh(struct buddy_zone *bz, long blocks);

/* In buddy_check.c: recounts a zone bottom-up; ASSERTs. */
void buddy_zone_check(const struct buddy_zone *bz);

#endif
