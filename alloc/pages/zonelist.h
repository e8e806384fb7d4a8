/*
 * Zonelists: in which order a request tries the zones, by node and by its flags.
 */
#ifndef ALLOC_PAGES_ZONELIST_H
#define ALLOC_PAGES_ZONELIST_H

#include "alloc/kernel.h"

struct zonelist {
	const u8 *zones; /* indices into kernel->zones, most preferred first */
	unsigned int nr;
	u8 highest;		  /* enum zone_type */
	unsigned int nr_thisnode; /* the first so many are of the node asked for */
};

struct zonelists {
	struct zonelist *lists; /* by node * MAX_NR_ZONES + highest zone type */
	u8 *room;
};

/* For the current machine; zones are those with memory. */
void zonelists_create(struct zonelists *zls);
void zonelists_destroy(struct zonelists *zls);

/* Highest zone a request may use, by its four zone bits (gfp_zone, include/linux/gfp.h, 6.1). */
extern const u8 gfp_zone_table[16];

static inline enum zone_type gfp_zone(gfp_t flags)
{
	return (enum zone_type)
		gfp_zone_table[flags & (__GFP_DMA | __GFP_HIGHMEM | __GFP_DMA32 | __GFP_MOVABLE)];
}

/* node -1: the local one, with memory or not. */
static inline const struct zonelist *gfp_zonelist(const struct zonelists *zls, gfp_t flags,
						  int node)
{
	int nid = node < 0 ? kernel->nid : node;

	return &zls->lists[nid * MAX_NR_ZONES + (int)gfp_zone(flags)];
}

/* How many zones of the list the request may try. */
static inline unsigned int zonelist_nr(const struct zonelist *zl, gfp_t flags)
{
	return unlikely(flags & __GFP_THISNODE) ? zl->nr_thisnode : zl->nr;
}

/* May a request with these flags have memory of that zone? */
static inline bool gfp_allows_zone(const struct zone *zone, gfp_t flags, int node)
{
	int nid = node < 0 ? kernel->nid : node;

	return zone->type <= gfp_zone(flags) && (!(flags & __GFP_THISNODE) || zone->node == nid);
}

#endif
