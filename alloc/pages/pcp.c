/*
 * Per-CPU lists of free pages.
 *
 * Theory: most requests are of order 0 and most pages are freed where they are hot. A CPU keeps
 * such pages and moves them to and from the buddy system a batch at a time, so that the zone lock
 * is taken once for many pages. What is kept is bounded by `high`; a CPU that only frees gives back
 * ever larger batches, and keeps no blocks above order 0 at all (mm/page_alloc.c, 6.1:
 * __rmqueue_pcplist, free_unref_page_commit, nr_pcp_free, free_pcppages_bulk). While kswapd is at
 * work a zone's lists hold four batches at most; requests that find nothing empty all of them
 * (drain_all_pages); lists of other nodes' zones are emptied when they are not used for a while
 * (idle_drain.c).
 *
 * Invariant: count is the number of pages on all lists, below high after every free;
 * page->migratetype is the buddy list the page goes to: what the refill took it for, or the type of
 * its pageblock when it was freed. Either may have changed since.
 *
 * Unlike Linux: lists are never contended, so nobody is sent past them to the buddy system.
 */
#include "alloc/pages/pcp.h"

#include "alloc/pages/idle_drain.h"
#include "alloc/pages/page_source.h"

#define PCP_BATCH_SCALE_MAX 5 /* CONFIG_PCP_BATCH_SCALE_MAX of 6.1.y */

void pcp_create(struct buddy_zone *bz, unsigned int batch, unsigned int high)
{
	int cpu;

	bz->pageset = alloc_percpu(struct per_cpu_pages);
	for_each_possible_cpu (cpu) {
		struct per_cpu_pages *pcp = per_cpu_ptr(bz->pageset, cpu);

		pcp->batch = batch;
		pcp->high = pcp->limit = high;
		for (int i = 0; i < NR_PCP_LISTS; i++)
			INIT_LIST_HEAD(&pcp->lists[i]);
	}
}

/* A batch is meant in pages; one of single pages is for lists that should not keep any. */
static unsigned int batch_of_order(const struct per_cpu_pages *pcp, int order)
{
	return pcp->batch > 1 ? max(pcp->batch >> order, 2U) : pcp->batch;
}

bool pcp_refill(struct buddy_zone *bz, struct per_cpu_pages *pcp, int order, int migratetype,
		unsigned int alloc_flags)
{
	struct list_head *list = &pcp->lists[order_to_pindex(migratetype, order)];

	note_path(PATH_SLOW);
	spin_lock_irqsave(&bz->lock);
	for (unsigned int n = batch_of_order(pcp, order); n; n--) {
		struct page *page = buddy_take(bz, order, migratetype, alloc_flags);

		if (!page)
			break;
		page->flags |= PG_pcp;
		page->migratetype = (u8)migratetype;
		list_add_tail(&page->lru, list); /* in the order of their addresses, mostly */
		pcp->count += 1U << order;
	}
	spin_unlock_irqrestore(&bz->lock);
	note_zone_change(bz);
	return !list_empty(list);
}

/* Takes the coldest block of a list back to the buddy system; returns its pages. */
static unsigned int give_back(struct buddy_zone *bz, struct per_cpu_pages *pcp, int pindex)
{
	struct page *page = list_last_entry(&pcp->lists[pindex], struct page, lru);
	int order = pindex_to_order(pindex);

	list_del(&page->lru);
	page->flags &= ~PG_pcp;
	pcp->count -= 1U << order;
	buddy_free(bz, page, order, page->migratetype);
	return 1U << order;
}

/* At least `count` pages, list by list, the given one first; there are as many. */
static void give_back_bulk(struct buddy_zone *bz, struct per_cpu_pages *pcp, unsigned int count,
			   int pindex)
{
	spin_lock_irqsave(&bz->lock);
	while (count) {
		while (list_empty(&pcp->lists[pindex]))
			pindex = (pindex + 1) % NR_PCP_LISTS;
		while (count && !list_empty(&pcp->lists[pindex]))
			count -= min(count, give_back(bz, pcp, pindex));
	}
	spin_unlock_irqrestore(&bz->lock);
	note_zone_change(bz);
}

/* How many pages to give back once there are too many (nr_pcp_free). */
static unsigned int nr_to_trim(struct per_cpu_pages *pcp)
{
	unsigned int batch = pcp->batch, most;

	if (pcp->limit < batch)
		return 1;
	most = pcp->limit - batch;
	batch <<= pcp->free_factor;
	if (batch < most && pcp->free_factor < PCP_BATCH_SCALE_MAX)
		pcp->free_factor++;
	/* A batch stays, if it can: Linux has high at four batches at least, options need not. */
	return min(batch, max(most, 1U));
}

void pcp_trim(struct buddy_zone *bz, struct per_cpu_pages *pcp, int order, int pindex)
{
	bool all = pcp->free_factor && order && order <= PAGE_ALLOC_COSTLY_ORDER;

	if (!all && pcp->count < pcp->limit)
		return; /* a huge page: these may stay */
	note_path(PATH_SLOW);
	give_back_bulk(bz, pcp, all ? pcp->count : min(nr_to_trim(pcp), pcp->count), pindex);
}

void pcp_drain(struct buddy_zone *bz, int cpu)
{
	struct per_cpu_pages *pcp;

	if (!bz->pageset)
		return;
	pcp = per_cpu_ptr(bz->pageset, cpu);
	if (!pcp->count)
		return;
	charge(COST_ATOMIC);
	charge_line_of(cpu);
	while (pcp->count)
		give_back_bulk(bz, pcp, min(pcp->count, pcp->batch << PCP_BATCH_SCALE_MAX), 0);
}

void pcp_drain_batch(struct buddy_zone *bz)
{
	struct per_cpu_pages *pcp = pcp_enter(bz);

	if (pcp->count)
		give_back_bulk(bz, pcp, min(pcp->count, pcp->batch), 0);
}

void zone_set_reclaim_active(struct buddy_zone *bz, bool active)
{
	int cpu;

	if (!bz->pageset)
		return;
	for_each_possible_cpu (cpu) {
		struct per_cpu_pages *pcp = per_cpu_ptr(bz->pageset, cpu);

		pcp->limit = active ? min(pcp->batch << 2, pcp->high) : pcp->high;
	}
}
