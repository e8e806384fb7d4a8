/*
 * A block from the zones of a zonelist.
 *
 * Theory: the first zone of the list that has a block and where enough stays free serves the
 * request (get_page_from_freelist, mm/page_alloc.c, 6.1). How much must stay free follows from the
 * request's flags: a mark, less what important requests may take of it, and the reserve for those
 * that can use no other zone. If a zone of the local node can only serve by mixing mobilities,
 * lower zones of that node are tried first (ALLOC_NOFRAGMENT).
 *
 * Invariant: a block returned is on no list, and its struct says so.
 *
 * Unlike Linux: no cpusets, and no dirty limits.
 */
#include "alloc/pages/page_source.h"
#include "alloc/pages/pcp.h"

static bool watermark_ok(const struct alloc_context *ac, const struct buddy_zone *bz,
			 unsigned int alloc_flags)
{
	if (alloc_flags & ALLOC_NO_WATERMARKS || !ac->ps->o.watermarks)
		return true;
	return zone_watermark_ok(bz, ac->order, wmark_pages(bz, alloc_flags & ALLOC_WMARK_MASK),
				 ac->zonelist->highest, alloc_flags);
}

/* One zone, its per-CPU list or its buddy lists (rmqueue). */
static struct page *take_from_zone(const struct alloc_context *ac, struct buddy_zone *bz,
				   bool nofragment)
{
	struct per_cpu_pages *pcp;
	struct page *page;

	if (!ac->ps->o.pcp || !pcp_allowed_order(ac->order)) {
		note_path(PATH_SLOW);
		spin_lock_irqsave(&bz->lock);
		page = buddy_take(bz, ac->order, ac->migratetype, nofragment);
		spin_unlock_irqrestore(&bz->lock);
		return page;
	}
	pcp = pcp_enter(bz);
	pcp->free_factor >>= 1;
	page = pcp_pop(pcp, ac->order, ac->migratetype);
	if (!page && pcp_refill(bz, pcp, ac->order, ac->migratetype, nofragment))
		page = pcp_pop(pcp, ac->order, ac->migratetype);
	return page;
}

/*
 * May this request avoid mixing mobilities (alloc_flags_nofragment)? Only from NORMAL with a DMA32
 * zone on the same node to go to instead.
 */
static bool avoid_fragmentation(const struct zone *preferred)
{
	return preferred->type == ZONE_NORMAL &&
	       (kernel->nr_node_ids == 1 || node_zone(preferred->node, ZONE_DMA32)->spanned_pages);
}

static struct page *take_from_zones(const struct alloc_context *ac, unsigned int alloc_flags)
{
	bool nofragment = alloc_flags & ALLOC_NOFRAGMENT;
	int node = context_zone(ac, 0)->zone->node;

	for (unsigned int i = 0; i < ac->nr_zones; i++) {
		struct buddy_zone *bz = context_zone(ac, i);
		struct page *page;

		/* Local memory matters more than order in it. */
		if (nofragment && bz->zone->node != node)
			break;
		if (!watermark_ok(ac, bz, alloc_flags))
			continue;
		page = take_from_zone(ac, bz, nofragment);
		if (page)
			return page;
	}
	return nofragment ? take_from_zones(ac, alloc_flags & ~ALLOC_NOFRAGMENT) : NULL;
}

struct page *get_page_from_freelist(const struct alloc_context *ac, unsigned int alloc_flags)
{
	if (alloc_flags & ALLOC_NOFRAGMENT && !avoid_fragmentation(context_zone(ac, 0)->zone))
		alloc_flags &= ~ALLOC_NOFRAGMENT;
	return take_from_zones(ac, alloc_flags);
}

void drain_zone_pages(struct buddy_zone *bz)
{
	int cpu;

	for_each_possible_cpu (cpu)
		pcp_drain(bz, cpu);
}

void drain_all_pages(const struct page_source *ps)
{
	for (int i = 0; i < ps->nr_zones; i++)
		drain_zone_pages(&ps->zones[i]);
}
