/*
 * Per-CPU lists of free pages in front of a zone's buddy system. The fast path is inline.
 */
#ifndef ALLOC_PAGES_PCP_H
#define ALLOC_PAGES_PCP_H

#include "alloc/pages/buddy.h"

/* Orders 0 to 3 and that of a huge page, for each of three types. */
#define NR_PCP_ORDERS (PAGE_ALLOC_COSTLY_ORDER + 2)
#define NR_PCP_LISTS (MIGRATE_PCPTYPES * NR_PCP_ORDERS)

struct per_cpu_pages {
	unsigned int count; /* pages on all lists */
	unsigned int batch, high;
	unsigned int limit;	  /* high, or less while reclaim is active (nr_pcp_high) */
	unsigned int free_factor; /* batches double while frees come without allocations */
	u8 expire;		  /* idle_drain.c: rounds until a remote zone's pages go back */
	bool changed;		  /* idle_drain.c: this CPU changed the zone's free pages since */
	struct list_head lists[NR_PCP_LISTS];
};

void pcp_create(struct buddy_zone *bz, unsigned int batch, unsigned int high);
/* Fills an empty list from the buddy system; false: nothing there. */
bool pcp_refill(struct buddy_zone *bz, struct per_cpu_pages *pcp, int order, int migratetype,
		unsigned int alloc_flags);
/* Gives some of the pages back, starting with list `pindex`. */
void pcp_trim(struct buddy_zone *bz, struct per_cpu_pages *pcp, int order, int pindex);
/* Gives all of them back; for whichever CPU they are. */
void pcp_drain(struct buddy_zone *bz, int cpu);
/* Gives one batch of this CPU's back. */
void pcp_drain_batch(struct buddy_zone *bz);
/* kswapd is at work (ZONE_RECLAIM_ACTIVE): the zone's lists stay short. */
void zone_set_reclaim_active(struct buddy_zone *bz, bool active);

static inline bool pcp_allowed_order(int order)
{
	return order <= PAGE_ALLOC_COSTLY_ORDER || order == pageblock_order;
}

static inline int order_to_pindex(int migratetype, int order)
{
	int base = order <= PAGE_ALLOC_COSTLY_ORDER ? order : PAGE_ALLOC_COSTLY_ORDER + 1;

	return MIGRATE_PCPTYPES * base + migratetype;
}

static inline int pindex_to_order(int pindex)
{
	int base = pindex / MIGRATE_PCPTYPES;

	return base <= PAGE_ALLOC_COSTLY_ORDER ? base : pageblock_order;
}

/* Find this CPU's lists and take their lock, which nobody else wants. */
static inline void pcp_charge(void)
{
	charge(COST_THIS_CPU);
	charge(COST_ATOMIC);
}

static inline struct per_cpu_pages *pcp_enter(struct buddy_zone *bz)
{
	pcp_charge();
	return this_cpu_ptr(bz->pageset);
}

/* NULL: the list is empty. */
static inline struct page *pcp_pop(struct per_cpu_pages *pcp, int order, int migratetype)
{
	struct list_head *list = &pcp->lists[order_to_pindex(migratetype, order)];
	struct page *page;

	if (unlikely(list_empty(list)))
		return NULL;
	page = list_first_entry(list, struct page, lru);
	list_del(&page->lru);
	pcp->count -= 1U << order;
	return page;
}

/* The block has no flags but PG_written. HIGHATOMIC pages stand among movable ones. */
static inline void pcp_free(struct buddy_zone *bz, struct page *page, int order)
{
	struct per_cpu_pages *pcp = pcp_enter(bz);
	int type = pageblock_type_of(bz, page_to_pfn(page));
	int pindex = order_to_pindex(type < MIGRATE_PCPTYPES ? type : MIGRATE_MOVABLE, order);

	page->flags |= PG_pcp;
	page->migratetype = (u8)type;
	list_add(&page->lru, &pcp->lists[pindex]);
	pcp->count += 1U << order;
	if (unlikely(pcp->count >= pcp->limit || (order && pcp->free_factor)))
		pcp_trim(bz, pcp, order, pindex);
}

#endif
