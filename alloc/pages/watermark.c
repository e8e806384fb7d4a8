/*
 * Watermarks: how much of a zone stays free for whom.
 *
 * Theory: below low kswapd is woken, below min requests have to reclaim memory themselves, above
 * high kswapd rests. Who cannot wait, or is important, may use part of what lies below min. Zones
 * that others could do without keep a reserve for those that could not (lowmem_reserve). Pages of
 * HIGHATOMIC pageblocks count as free for nobody else, used or not: that overestimates them and
 * saves a search. After mobilities were mixed all three marks are raised for a while, so that
 * kswapd frees memory and the next request need not mix (mm/page_alloc.c, 6.1:
 * __zone_watermark_ok, boost_watermark).
 *
 * Invariant: fast_mark is, for each highest zone of a request, what must be free for the common
 * case: low with boost, the HIGHATOMIC reserve, and lowmem_reserve.
 *
 * Unlike Linux: no CMA; counters are exact, so there is no drift to allow for. Nothing is boosted
 * where nobody would take the boost back: on a bare machine and in the replay of a recording.
 */
#include "alloc/pages/watermark.h"

long wmark_pages(const struct buddy_zone *bz, unsigned int mark)
{
	switch (mark) {
	case ALLOC_WMARK_MIN:
		return bz->marks.min + bz->marks.boost;
	case ALLOC_WMARK_LOW:
		return bz->marks.low + bz->marks.boost;
	default:
		ASSERT(mark == ALLOC_WMARK_HIGH);
		return bz->marks.high + bz->marks.boost;
	}
}

static void note_marks(struct buddy_zone *bz)
{
	const struct zone_watermarks *m = &bz->marks;

	for (int type = 0; type < MAX_NR_ZONES; type++)
		bz->fast_mark[type] =
			m->low + m->boost + m->nr_reserved_highatomic + m->lowmem_reserve[type];
}

void zone_set_marks(struct buddy_zone *bz, const struct zone_watermarks *marks)
{
	bz->marks = *marks;
	note_marks(bz);
}

void zone_set_boost(struct buddy_zone *bz, long boost)
{
	ASSERT(boost >= 0);
	bz->marks.boost = boost;
	note_marks(bz);
}

void zone_add_highatomic(struct buddy_zone *bz, long pages)
{
	bz->marks.nr_reserved_highatomic += pages;
	ASSERT(bz->marks.nr_reserved_highatomic >= 0);
	note_marks(bz);
}

bool boost_watermark(struct buddy_zone *bz)
{
	if (!bz->boost_max || kernel->mm_mode != MM_LIVE)
		return false;
	zone_set_boost(bz, min(bz->marks.boost + (long)pageblock_nr_pages, bz->boost_max));
	return true;
}

/* Is there a block of this order that the request may take? */
static bool has_block(const struct buddy_zone *bz, int order, unsigned int alloc_flags)
{
	for (int mt = 0; mt < MIGRATE_PCPTYPES; mt++)
		if (bz->nonempty[mt] >> order)
			return true;
	return alloc_flags & (ALLOC_HIGHATOMIC | ALLOC_OOM) &&
	       bz->nonempty[MIGRATE_HIGHATOMIC] >> order;
}

bool watermark_ok_with(const struct buddy_zone *bz, int order, long mark, int highest_zone,
		       unsigned int alloc_flags, long free_pages)
{
	free_pages -= (1L << order) - 1;
	if (likely(!(alloc_flags & ALLOC_RESERVES)))
		free_pages -= bz->marks.nr_reserved_highatomic;
	if (alloc_flags & ALLOC_MIN_RESERVE) {
		mark -= mark / 2;
		if (alloc_flags & ALLOC_NON_BLOCK)
			mark -= mark / 4;
	}
	if (alloc_flags & ALLOC_OOM)
		mark -= mark / 2;
	if (free_pages <= mark + bz->marks.lowmem_reserve[highest_zone])
		return false;
	return !order || has_block(bz, order, alloc_flags);
}

bool zone_watermark_ok(const struct buddy_zone *bz, int order, long mark, int highest_zone,
		       unsigned int alloc_flags)
{
	return watermark_ok_with(bz, order, mark, highest_zone, alloc_flags,
				 bz->zone->vm_stat[NR_FREE_PAGES]);
}
