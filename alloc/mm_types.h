/*
 * What memory is made of: page frames, pageblocks, zones, and the constants of x86-64.
 *
 * The one question everybody asks: *whose is this field of struct page?* Its flags say who has the
 * frame; lru, mapping and index are his, the rest says what he has.
 *
 * Unlike Linux: struct page keeps neither node nor zone, which follow from the pfn, and reads as
 * zero until somebody writes it.
 *
 * Source: include/linux/mm_types.h, mmzone.h and page-flags.h, 6.1.
 */
#ifndef ALLOC_MM_TYPES_H
#define ALLOC_MM_TYPES_H

#include "lib/list.h"
#include "lib/types.h"

/* ---- Constants of x86-64, Linux 6.1 ---- */

#define PAGE_SHIFT 12
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#define MAX_ORDER 11 /* orders 0..10 */
#define LARGEST_ORDER (MAX_ORDER - 1)
#define pageblock_order 9
#define pageblock_nr_pages (1UL << pageblock_order)
#define MAX_NUMNODES 64
#define NUMA_NO_NODE (-1)
#define SMP_CACHE_BYTES 64

enum zone_type { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL, ZONE_MOVABLE, MAX_NR_ZONES };
extern const char *const zone_names[MAX_NR_ZONES]; /* "DMA", "DMA32", "Normal", "Movable" */

enum migratetype {
	MIGRATE_UNMOVABLE,
	MIGRATE_MOVABLE,
	MIGRATE_RECLAIMABLE,
	MIGRATE_PCPTYPES, /* the types that per-CPU lists know */
	MIGRATE_HIGHATOMIC = MIGRATE_PCPTYPES,
	MIGRATE_TYPES
};
extern const char *const migratetype_names[MIGRATE_TYPES]; /* "Unmovable", ... */

enum zone_stat_item {
	NR_FREE_PAGES, /* in the buddy lists, not on per-CPU lists */
	NR_SLAB_RECLAIMABLE,
	NR_SLAB_UNRECLAIMABLE,
	NR_VM_ZONE_STAT_ITEMS
};

struct rcu_head {
	struct rcu_head *next;
	void (*func)(struct rcu_head *head);
};

/* ---- Page frames ---- */

#define PG_slab 0x1u	   /* holds objects of a slab allocator */
#define PG_head 0x2u	   /* first page of a compound page */
#define PG_tail 0x4u	   /* other page of one; index is the pfn of the head */
#define PG_buddy 0x8u	   /* head of a free block in a buddy list */
#define PG_pcp 0x10u	   /* on a per-CPU list */
#define PG_allocated 0x20u /* given out by the page source (its head) */
#define PG_layer 0x40u	   /* held back by a layer, lru/index/mapping are the layer's */
#define PG_written 0x80u   /* somebody had its address since it was last zeroed */
#define PG_mixed 0x100u	   /* PG_slab, and objects of several caches: slab_cache_of() */
#define PG_held 0x200u	   /* given out to a holder that index names (alloc/mm.h) */
#define PG_movable 0x400u  /* PG_held, and the holder lets it move to another frame */
#define PG_store 0x800u	   /* holds compressed objects; mapping is the store */

struct slab_cache;

/*
 * One page frame. lru, mapping and index belong to whichever layer holds the page: the buddy lists
 * while it is free, a derivation while it holds it back, the slab allocator or the request once
 * given out.
 */
struct page {
	u32 flags;
	u8 order;	/* of the block, valid in its head */
	u8 migratetype; /* free: whose list it is on; given out: the mobility asked for */
	u16 private;	/* given out: the CPU that took it, for charge_line_of */
	union {
		struct list_head lru;
		struct rcu_head rcu_head;
	};
	union {
		void *mapping;
		struct slab_cache *slab_cache;
	};
	union {
		unsigned long index;
		void *freelist;		     /* first free object of a slab page */
		unsigned long store_private; /* PG_store: what its store has of it elsewhere */
	};
	union {
		struct {		  /* slab pages */
			u16 inuse;	  /* objects handed out */
			u16 objects : 15; /* objects in the slab */
			u16 frozen : 1;	  /* belongs to a CPU */
			u32 slab_private;
		};
		struct {			/* pages of a store: what it notes, 0 at first */
			u16 store_used;		/* of the page, in the store's units */
			u16 store_blocks : 15;	/* in use */
			u16 store_given_up : 1; /* damaged: nothing new is put here */
			u32 store_nr;		/* among the pages that it belongs with */
		};
	};
};
_Static_assert(sizeof(struct page) <= 48, "page structs are the simulator's largest cost");

/* Pages of a pageblock that are given out, by the mobility they were asked for with. */
struct pageblock_use {
	u16 nr[MIGRATE_PCPTYPES];
	u16 touched : 1;  /* some ever were */
	u16 movable : 15; /* of those given out, the ones that can move now: PG_movable */
};

/* Pages compaction moved out of a pageblock and into it since the machine was created, by block. */
struct pageblock_moves {
	u32 from, to;
};

#define BLOCK_REGION_SHIFT 7 /* pageblocks of a region, so that untouched ones are passed over */

struct zone {
	const char *name;
	int node;
	enum zone_type type;
	unsigned long zone_start_pfn;
	unsigned long spanned_pages; /* = present = managed: no holes; 0: the zone does not exist */
	long vm_stat[NR_VM_ZONE_STAT_ITEMS];
	unsigned int pcp_batch, pcp_high; /* as the machine says; 0: as of all zones */
};

#endif
