/*
 * HIGHATOMIC: pageblocks kept for large requests that cannot wait.
 *
 * Theory: who cannot wait finds no large block once memory is full, and nothing can be done about
 * it at that moment. So the pageblock that served such a request is kept for the next ones: its
 * free blocks go to lists of their own, which only they use. At most about one percent of a zone is
 * kept so. Before memory is refused to others it is given back, pageblock by pageblock, the last
 * one only in dire need (reserve_highatomic_pageblock, unreserve_highatomic_pageblock,
 * mm/page_alloc.c, 6.1).
 *
 * Invariant: a zone's nr_reserved_highatomic is the size of all its HIGHATOMIC pageblocks.
 *
 * Unlike Linux: nothing is reserved on a bare machine.
 */
#include "alloc/pages/page_source.h"

/* One pageblock, or roughly one percent of the zone. */
static long reserve_max(const struct buddy_zone *bz)
{
	return (long)(bz->zone->spanned_pages / 100 + pageblock_nr_pages);
}

void reserve_highatomic_pageblock(struct buddy_zone *bz, const struct page *page)
{
	unsigned long pfn = page_to_pfn(page) & ~(pageblock_nr_pages - 1);

	if (bz->marks.nr_reserved_highatomic >= reserve_max(bz))
		return;
	spin_lock_irqsave(&bz->lock);
	if (pageblock_type_of(bz, pfn) < MIGRATE_PCPTYPES)
		buddy_set_type(bz, pfn, MIGRATE_HIGHATOMIC);
	spin_unlock_irqrestore(&bz->lock);
}

/* Gives the pageblock of a free HIGHATOMIC block to this type; false: there is none. */
static bool unreserve_from(struct buddy_zone *bz, int migratetype)
{
	unsigned int orders = bz->nonempty[MIGRATE_HIGHATOMIC];
	const struct page *page;

	if (!orders)
		return false;
	page = buddy_first(bz, (int)bit_lowest(orders), MIGRATE_HIGHATOMIC);
	buddy_set_type(bz, page_to_pfn(page) & ~(pageblock_nr_pages - 1), migratetype);
	return true;
}

bool unreserve_highatomic_pageblock(const struct alloc_context *ac, bool force)
{
	for (unsigned int i = 0; i < ac->nr_zones; i++) {
		struct buddy_zone *bz = context_zone(ac, i);
		bool done;

		if (!force && bz->marks.nr_reserved_highatomic <= (long)pageblock_nr_pages)
			continue;
		spin_lock_irqsave(&bz->lock);
		done = unreserve_from(bz, ac->migratetype);
		spin_unlock_irqrestore(&bz->lock);
		if (done)
			return true;
	}
	return false;
}
