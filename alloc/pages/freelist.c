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
 * Unlike Linux: no cpusets, no dirty limits, and zone_reclaim_mode is 0.
 */
#include "alloc/pages/idle_drain.h"
#include "alloc/pages/page_source.h"
#include "alloc/pages/pcp.h"
#include "alloc/pages/vmscan.h"

/*
 * zone_watermark_fast: below min a boost holds back no single page for who cannot wait; it is there
 * to make kswapd work, not to refuse.
 */
static bool watermark_ok(const struct alloc_context *ac, const struct buddy_zone *bz,
			 unsigned int alloc_flags)
{
	unsigned int mark = alloc_flags & ALLOC_WMARK_MASK;
	int highest = ac->zonelist->highest;

	if (alloc_flags & ALLOC_NO_WATERMARKS || !ac->ps->o.watermarks)
		return true;
	if (zone_watermark_ok(bz, ac->order, wmark_pages(bz, mark), highest, alloc_flags))
		return true;
	return unlikely(!ac->order && ac->gfp & __GFP_ATOMIC && bz->marks.boost &&
			mark == ALLOC_WMARK_MIN) &&
	       zone_watermark_ok(bz, 0, bz->marks.min, highest, alloc_flags);
}

static struct page *rmqueue_pcplist(const struct alloc_context *ac, struct buddy_zone *bz,
				    unsigned int alloc_flags)
{
	struct per_cpu_pages *pcp = pcp_enter(bz);
	struct page *page;

	pcp->free_factor >>= 1;
	page = pcp_pop(pcp, ac->order, ac->migratetype);
	if (!page && pcp_refill(bz, pcp, ac->order, ac->migratetype, alloc_flags))
		page = pcp_pop(pcp, ac->order, ac->migratetype);
	return page;
}

/* Single pages of HIGHATOMIC pageblocks are for those who could only fail instead. */
static struct page *rmqueue_buddy(const struct alloc_context *ac, struct buddy_zone *bz,
				  unsigned int alloc_flags)
{
	struct page *page = NULL;

	note_path(PATH_SLOW);
	spin_lock_irqsave(&bz->lock);
	if (alloc_flags & ALLOC_HIGHATOMIC)
		page = buddy_take_smallest(bz, ac->order, MIGRATE_HIGHATOMIC);
	if (!page)
		page = buddy_take(bz, ac->order, ac->migratetype, alloc_flags);
	if (!page && alloc_flags & (ALLOC_OOM | ALLOC_NON_BLOCK))
		page = buddy_take_smallest(bz, ac->order, MIGRATE_HIGHATOMIC);
	spin_unlock_irqrestore(&bz->lock);
	if (page)
		note_zone_change(bz);
	return page;
}

/* One zone: a per-CPU list, or the buddy lists. */
static struct page *rmqueue(const struct alloc_context *ac, struct buddy_zone *bz,
			    unsigned int alloc_flags)
{
	struct page *page = NULL;

	if (ac->ps->o.pcp && pcp_allowed_order(ac->order))
		page = rmqueue_pcplist(ac, bz, alloc_flags);
	if (!page)
		page = rmqueue_buddy(ac, bz, alloc_flags);
	if (unlikely(bz->flags & ZONE_BOOSTED_WATERMARK)) {
		bz->flags &= ~ZONE_BOOSTED_WATERMARK;
		wakeup_kswapd(bz, zone_pgdat(ac->ps, bz), 0, 0, bz->zone->type);
	}
	if (!page)
		return NULL;
	count_zone_vm_events(PGALLOC_DMA, bz->zone, 1ULL << ac->order);
	if (unlikely(alloc_flags & ALLOC_HIGHATOMIC))
		reserve_highatomic_pageblock(bz, page);
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
		page = rmqueue(ac, bz, alloc_flags);
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
