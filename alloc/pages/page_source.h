/*
 * Between the files of page_allocator: the source, its nodes, and a request on its way through
 * them. Nobody else includes it.
 *
 * page_allocator.c makes the source and takes the common case; freelist.c looks for a block in the
 * zones of a zonelist (get_page_from_freelist); slowpath.c is what a request does that finds none;
 * vmscan.h and compact.h are what it, kswapd and kcompactd do to make room.
 */
#ifndef ALLOC_PAGES_PAGE_SOURCE_H
#define ALLOC_PAGES_PAGE_SOURCE_H

#include "alloc/mm.h"
#include "alloc/page_alloc.h"
#include "alloc/pages/alloc_flags.h"
#include "alloc/pages/buddy.h"
#include "alloc/pages/watermark.h"
#include "alloc/pages/zonelist.h"
#include "alloc/show_mem.h"

struct page_allocator_options {
	bool pcp, watermarks, compaction;
	u64 grouping; /* enum of page_allocator.c; what it comes to: page_source.grouping */
	u64 batch, high, proactiveness, boost;
};

/* A node's threads (pg_data_t). */
struct pglist_data {
	struct page_source *ps;
	int nid;
	struct kswapd_state *kswapd;	   /* vmscan.c's */
	struct kcompactd_state *kcompactd; /* kcompactd.c's */
};

struct page_source {
	struct page_allocator pa;
	struct zonelists zonelists;
	struct buddy_zone *zones; /* beside kernel->zones */
	int nr_zones;
	u8 *pageblock_type;
	bool grouping;			/* by mobility; otherwise all is MIGRATE_UNMOVABLE */
	struct pglist_data *nodes;	/* nr_node_ids of them */
	struct idle_drain *idle_drains; /* per CPU */
	struct ratelimit nopage_rs, oom_rs;
	struct page_allocator_options o;
};

/* One request (struct alloc_context, mm/internal.h). */
struct alloc_context {
	struct page_source *ps;
	const struct zonelist *zonelist;
	unsigned int nr_zones; /* of the zonelist that it may try */
	int order, migratetype;
	gfp_t gfp;
};

static inline struct buddy_zone *context_zone(const struct alloc_context *ac, unsigned int i)
{
	return &ac->ps->zones[ac->zonelist->zones[i]];
}

static inline struct pglist_data *zone_pgdat(const struct page_source *ps,
					     const struct buddy_zone *bz)
{
	return &ps->nodes[bz->zone->node];
}

static inline struct buddy_zone *node_buddy_zone(const struct pglist_data *pgdat, int type)
{
	return &pgdat->ps->zones[pgdat->nid * MAX_NR_ZONES + type];
}

/* Zones with memory of the node, up to this type. */
#define for_each_node_zone(bz, pgdat, highest_zone)                                                \
	for (int type_ = 0; type_ <= (highest_zone); type_++)                                      \
		if (!((bz) = node_buddy_zone(pgdat, type_))->zone->spanned_pages)                  \
			;                                                                          \
		else

/* In highatomic.c. */
void reserve_highatomic_pageblock(struct buddy_zone *bz, const struct page *page);
bool unreserve_highatomic_pageblock(const struct alloc_context *ac, bool force);

/* In freelist.c. The block is off all lists and not given out yet; NULL: none with these flags. */
struct page *get_page_from_freelist(const struct alloc_context *ac, unsigned int alloc_flags);
void drain_all_pages(const struct page_source *ps);
void drain_zone_pages(struct buddy_zone *bz);

/* In slowpath.c: nothing was there above the low watermarks. NULL: refused. */
struct page *alloc_pages_slowpath(const struct alloc_context *ac);

#endif
