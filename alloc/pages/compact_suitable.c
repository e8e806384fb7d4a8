/*
 * Is compaction worth while: deferral after failures, suitability of a zone, fragmentation scores.
 *
 * Theory: pages need room to move to, so a zone short of memory is not compacted; nor is one whose
 * failures are due to lack of memory rather than to fragmentation (fragmentation index up to 500).
 * After each failure twice as many attempts are left out, up to 64, for orders that failed
 * (mm/compaction.c, 6.1: defer_compaction, compaction_suitable, fragmentation_score_node).
 *
 * Invariant: nothing is changed but the zone's deferral.
 *
 * Unlike Linux: extfrag_threshold is 500, its default. A look at the score costs no time: two a
 * second, and a machine at rest stays at rest.
 */
#include "alloc/pages/compact_control.h"
#include "alloc/pages/vmscan.h"

#define EXTFRAG_THRESHOLD 500

void defer_compaction(const struct buddy_zone *bz, int order)
{
	struct zone_compaction *c = bz->compaction;

	c->considered = 0;
	c->defer_shift = min(c->defer_shift + 1, (unsigned int)COMPACT_MAX_DEFER_SHIFT);
	c->order_failed = min(c->order_failed, order);
}

bool compaction_deferred(struct buddy_zone *bz, int order)
{
	struct zone_compaction *c = bz->compaction;

	if (!c || order < c->order_failed)
		return false;
	if (++c->considered < 1U << c->defer_shift)
		return true;
	c->considered = 1U << c->defer_shift;
	return false;
}

void compaction_defer_reset(struct buddy_zone *bz, int order, bool alloc_success)
{
	struct zone_compaction *c = bz->compaction;

	if (!c)
		return;
	if (alloc_success) {
		c->blockskip_flush = false;
		c->considered = c->defer_shift = 0;
	}
	c->order_failed = max(c->order_failed, order + 1);
}

bool compaction_restarting(const struct buddy_zone *bz, int order)
{
	const struct zone_compaction *c = bz->compaction;

	return order >= c->order_failed && c->defer_shift == COMPACT_MAX_DEFER_SHIFT &&
	       c->considered >= 1U << c->defer_shift;
}

/* ---- Free memory of a zone, all mobilities together (fill_contig_page_info) ---- */

struct contig_page_info {
	unsigned long free_pages, free_blocks_total, free_blocks_suitable;
};

static struct contig_page_info contig_page_info(const struct buddy_zone *bz, int suitable_order)
{
	struct contig_page_info info = {0, 0, 0};

	for (int order = 0; order < MAX_ORDER; order++) {
		unsigned long blocks = 0;

		for (int mt = 0; mt < MIGRATE_TYPES; mt++)
			blocks += bz->free_area[order].nr_free[mt];
		info.free_blocks_total += blocks;
		info.free_pages += blocks << order;
		if (order >= suitable_order)
			info.free_blocks_suitable += blocks << (order - suitable_order);
	}
	return info;
}

static int fragmentation_index(const struct buddy_zone *bz, int order)
{
	struct contig_page_info info = contig_page_info(bz, order);

	charge_n(COST_LIST_STEP, MAX_ORDER);
	if (!info.free_blocks_total)
		return 0;
	if (info.free_blocks_suitable)
		return -1000;
	return 1000 -
	       (int)((1000 + info.free_pages * 1000 / (1UL << order)) / info.free_blocks_total);
}

/* But for the reason of failures: were so many pages free (__compaction_suitable). */
static enum compact_result suitable_with(const struct buddy_zone *bz, int order,
					 unsigned int alloc_flags, int highest_zone,
					 long free_pages)
{
	long mark;

	if (order < 0)
		return COMPACT_CONTINUE;
	mark = wmark_pages(bz, alloc_flags & ALLOC_WMARK_MASK);
	if (zone_watermark_ok(bz, order, mark, highest_zone, alloc_flags))
		return COMPACT_SUCCESS;
	mark = wmark_pages(bz, order > PAGE_ALLOC_COSTLY_ORDER ? ALLOC_WMARK_LOW : ALLOC_WMARK_MIN);
	mark += compact_gap(order);
	return watermark_ok_with(bz, 0, mark, highest_zone, 0, free_pages) ? COMPACT_CONTINUE
									   : COMPACT_SKIPPED;
}

enum compact_result compaction_suitable(const struct buddy_zone *bz, int order,
					unsigned int alloc_flags, int highest_zone)
{
	enum compact_result ret = suitable_with(bz, order, alloc_flags, highest_zone,
						bz->zone->vm_stat[NR_FREE_PAGES]);
	int index;

	if (ret != COMPACT_CONTINUE || order <= PAGE_ALLOC_COSTLY_ORDER)
		return ret;
	index = fragmentation_index(bz, order);
	return index >= 0 && index <= EXTFRAG_THRESHOLD ? COMPACT_SKIPPED : COMPACT_CONTINUE;
}

bool compaction_zonelist_suitable(const struct alloc_context *ac, unsigned int alloc_flags)
{
	for (unsigned int i = 0; i < ac->nr_zones; i++) {
		const struct buddy_zone *bz = context_zone(ac, i);
		long available = zone_reclaimable_pages(bz->zone) / ac->order;

		available += bz->zone->vm_stat[NR_FREE_PAGES];
		if (suitable_with(bz, ac->order, alloc_flags, ac->zonelist->highest, available) ==
		    COMPACT_CONTINUE)
			return true;
	}
	return false;
}

/* ---- Proactive compaction ---- */

unsigned int fragmentation_score_zone(const struct buddy_zone *bz)
{
	struct contig_page_info info = contig_page_info(bz, pageblock_order);

	if (!info.free_pages)
		return 0;
	return (unsigned int)((info.free_pages - (info.free_blocks_suitable << pageblock_order)) *
			      100 / info.free_pages);
}

unsigned int fragmentation_score_node(const struct pglist_data *pgdat)
{
	const struct buddy_zone *bz;
	unsigned long present = 0;
	unsigned int score = 0;

	for_each_node_zone (bz, pgdat, MAX_NR_ZONES - 1)
		present += bz->zone->spanned_pages;
	for_each_node_zone (bz, pgdat, MAX_NR_ZONES - 1)
		score += (unsigned int)(bz->zone->spanned_pages * fragmentation_score_zone(bz) /
					(present + 1));
	return score;
}

unsigned int fragmentation_score_wmark(const struct pglist_data *pgdat, bool low)
{
	unsigned int mark = max(100U - (unsigned int)pgdat->ps->o.proactiveness, 5U);

	return low ? mark : min(mark + 10, 100U);
}
