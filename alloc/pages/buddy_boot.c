/*
 * How a zone of the buddy system comes by its memory at boot.
 *
 * Theory: free_all_bootmem (mm/bootmem.c, 2.6) and __free_pages_core (mm/page_alloc.c, 6.1) free
 * each run of frames in the largest aligned blocks it holds, to the tails of the lists, lowest
 * first. The last run of a zone, where boot never was, becomes the untouched range: its structs
 * stay unread, and what was handed over without a boot phase is the same.
 *
 * Invariant: frames below end_pfn are the zone's, the others are not yet; the untouched range is
 * empty until the last run has come.
 *
 * Unlike Linux: a run may end where it likes; there only memory whose structs exist is freed.
 */
#include "alloc/pages/buddy.h"

#define LARGEST_PAGES (1UL << LARGEST_ORDER)

void buddy_withhold(struct buddy_zone *bz)
{
	ASSERT(bz->fresh_pfn == bz->zone->zone_start_pfn);
	buddy_count_fresh(bz, -(long)((bz->end_pfn - bz->fresh_pfn) >> LARGEST_ORDER));
	bz->end_pfn = bz->fresh_pfn;
}

/* The largest order that pfn is aligned to and that ends by `end`. */
static int order_within(unsigned long pfn, unsigned long end)
{
	int order = 0;

	while (order < LARGEST_ORDER && !(pfn & (1UL << order)) && pfn + (2UL << order) <= end)
		order++;
	return order;
}

void buddy_hand_over(struct buddy_zone *bz, unsigned long pfn, unsigned long nr)
{
	unsigned long end = pfn + nr, zone_end = bz->zone->zone_start_pfn + bz->zone->spanned_pages;
	unsigned long fresh = end == zone_end ? min(ALIGN(pfn, LARGEST_PAGES), end) : end;

	ASSERT(pfn == bz->end_pfn && end <= zone_end);
	bz->fresh_pfn = fresh;
	bz->end_pfn = end;
	while (pfn < fresh) {
		int order = order_within(pfn, fresh);

		buddy_free_to_tail(bz, pfn_to_page(pfn), order, pageblock_type_of(bz, pfn));
		pfn += 1UL << order;
	}
	charge_n(COST_LIST_STEP, (end - fresh) >> LARGEST_ORDER);
	buddy_count_fresh(bz, (long)((end - fresh) >> LARGEST_ORDER));
}

void buddy_adopt(struct buddy_zone *bz, const struct page *page, int order)
{
	ASSERT(page_to_pfn(page) == bz->end_pfn);
	bz->end_pfn += 1UL << order;
	bz->fresh_pfn = bz->end_pfn;
}
