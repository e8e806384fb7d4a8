/*
 * A state of page memory that a run is to start from: what is free, where, of which mobility.
 *
 * The one question everybody asks: *who knows what?* The target says what is wished for, as
 * snapshots of a real machine tell it; sim/page_state.c brings the simulated memory there and says
 * how well it could.
 *
 * Counts are of blocks of 4 KiB pages, frames are numbered as on the recorded machine.
 */
#ifndef SIM_PAGE_TARGET_H
#define SIM_PAGE_TARGET_H

#include "lib/types.h"

#define PAGE_TARGET_ORDERS 11
#define PAGE_TARGET_TYPES 4 /* Unmovable, Movable, Reclaimable, HighAtomic: as enum migratetype */

struct page_target_zone {
	int node;
	char zone[16]; /* "DMA", "DMA32", "Normal", "Movable" */
	/* Blocks on free lists, pages on per-CPU lists left out. */
	u64 nr_free[PAGE_TARGET_TYPES][PAGE_TARGET_ORDERS];
	/* Types are not known (no pagetypeinfo): only the sums over nr_free[*][order] count. */
	bool sums_only;
	u64 nr_blocks[PAGE_TARGET_TYPES]; /* pageblocks of each type; all 0: not known */
	const u32 *pcp_count;		  /* pages on each CPU's lists; NULL: not known */
	unsigned int nr_cpus;
	/* Pages in use that compaction can take up; how many is not known: all that were given out
	 * as movable. */
	bool knows_movable;
	u64 movable_pages;
};

/* A block that is in use: by an object of the load, or by nobody the load knows. */
struct page_place {
	u64 pfn;
	u32 object; /* id of a page request's object; PAGE_PLACE_NOBODY */
	u8 order;
	u8 migratetype;
};
#define PAGE_PLACE_NOBODY (~0U)

/* Frames that are free, in the order in which they were given out later. */
struct page_free {
	u64 pfn;
	s16 cpu;  /* on this CPU's list; PAGE_FREE_LISTED: on a free list, or not known */
	u8 order; /* of a block on a CPU's list; on a free list it may be part of a larger one */
	u8 migratetype; /* what it was given out as first; PAGE_FREE_ANY: not known */
};
#define PAGE_FREE_LISTED (-1)
#define PAGE_FREE_ANY 255

struct page_target {
	const struct page_target_zone *zones;
	unsigned int nr_zones;
	const struct page_place *places; /* by pfn, without overlap */
	u64 nr_places;
	/* Frames known to be free; of the rest only the zones' counts tell. No frame twice. */
	const struct page_free *frees;
	u64 nr_frees;
};

#endif
