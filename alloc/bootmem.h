/*
 * bootmem: memory before there is a page allocator, from one bitmap per node.
 *
 * The one question everybody asks: *what does a free give back?* The whole pages that lie inside
 * what is freed; a page that is shared with others, even with freed ones, stays taken for good.
 * Addresses are physical, sizes bytes; nothing sleeps, there is one CPU.
 */
#ifndef ALLOC_BOOTMEM_H
#define ALLOC_BOOTMEM_H

#include "alloc/pages/zonelist.h"

#define BOOTMEM_NONE (~0ULL)

/* Offsets are frames from the start of the node. */
struct bootmem_node {
	unsigned long start_pfn, end_pfn; /* equal: the node has no memory */
	unsigned long dma_end;		  /* offset of the DMA limit */
	u64 *map;			  /* a bit a frame, set: taken */
	unsigned long map_pfn, map_pages; /* the frames it lies in */
	unsigned long touched;		  /* nothing was ever taken from here on */
	/* Below the DMA limit, and above it: no frame before this one is free. */
	unsigned long lowest[2];
	/* Where the last allocation ended: its last frame, and the byte there; 0: at its end. */
	unsigned long last_pos;
	unsigned int last_offset;
};

struct bootmem {
	struct bootmem_node *nodes;
	struct zonelists zonelists;
};

/* All memory of the current machine but the bitmaps is free. */
void bootmem_init(struct bootmem *bm);
void bootmem_destroy(struct bootmem *bm);

/*
 * The first fit above the DMA limit, else below it (with __GFP_DMA: only there), in zones that the
 * flags allow, on this node (-1: the local one), else on the nearest. align: a power of two.
 * Contents are whatever lay there. BOOTMEM_NONE: refused.
 */
u64 bootmem_alloc(struct bootmem *bm, u64 size, u64 align, gfp_t flags, int node);
/* All of it must be taken. */
void bootmem_free(struct bootmem *bm, u64 phys, u64 size);
/* These very frames, of one node; false: some of them are taken. */
bool bootmem_reserve(struct bootmem *bm, unsigned long pfn, unsigned long nr);

static inline struct bootmem_node *bootmem_node_of(const struct bootmem *bm, unsigned long pfn)
{
	return &bm->nodes[page_to_nid(pfn_to_page(pfn))];
}

static inline bool bootmem_taken(const struct bootmem *bm, unsigned long pfn)
{
	const struct bootmem_node *bn = bootmem_node_of(bm, pfn);

	return bit_test(bn->map, pfn - bn->start_pfn);
}

/* The next frame from pfn on, before `end`, that is taken (or free); `end` if there is none. */
unsigned long bootmem_next(const struct bootmem *bm, unsigned long pfn, unsigned long end,
			   bool taken);
/* Free blocks of this order that are part of no larger one. */
u64 bootmem_nr_free(const struct bootmem *bm, const struct zone *zone, int order);
/* Recounts the bitmaps; ASSERTs. Who the taken frames belong to is its user's to know. */
void bootmem_check(const struct bootmem *bm);

#endif
