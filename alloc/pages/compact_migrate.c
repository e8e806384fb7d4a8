/*
 * The migrate scanner: pages that can move, from the start of a zone upwards.
 *
 * Theory: it goes pageblock by pageblock and takes up a cluster of pages at a time, so that what is
 * taken up is soon moved. A request that waits for one block (direct, async) gives up a part of
 * its block's size at the first page in it that cannot move: no block would come of it. Before it
 * walks, it looks at the heads of the free lists for a pageblock that is partly free already
 * (mm/compaction.c, 6.1: isolate_migratepages_block, fast_find_migrateblock, isolate_migratepages).
 *
 * Invariant: pages taken up are given out, single, held and movable; nothing about them changes
 * before they move, and none stays taken up when a round is over.
 *
 * Unlike Linux: there is no LRU list to take pages from and no lock of it, and never too many of
 * them are isolated. A page is not dirty, under writeback or locked: its holder refuses at once or
 * never. fast_find_migrateblock marks the pageblock it finds as one to be passed over, as 6.1 does,
 * which then is passed over.
 */
#include "alloc/pages/compact_control.h"

struct block_scan {
	unsigned long pfn, end_pfn;
	unsigned long next_skip_pfn; /* skip_on_failure: end of the part that must be emptied */
	unsigned long valid_pfn;     /* of the pageblock, once it was looked at; ~0: not yet */
	unsigned long nr_scanned, nr_isolated;
	bool skip_on_failure, skip_updated;
};

enum candidate { CANDIDATE_FREE, CANDIDATE_STAYS, CANDIDATE_MOVES };

/* *nr: as many pages are like this one. */
static enum candidate look_at(const struct page *page, unsigned long *nr)
{
	const u32 moves = PG_allocated | PG_held | PG_movable;

	*nr = 1;
	if (page->flags & PG_buddy) {
		*nr = 1UL << page->order;
		return CANDIDATE_FREE;
	}
	if (page->flags & PG_head) {
		*nr = 1UL << page->order;
		return CANDIDATE_STAYS;
	}
	if ((page->flags & (moves | PG_layer | PG_tail)) != moves)
		return CANDIDATE_STAYS;
	return CANDIDATE_MOVES;
}

/* A page stays: what was taken up in the same part of the pageblock moves for nothing. */
static void give_up_part(struct compact_control *cc, struct block_scan *s)
{
	if (!s->skip_on_failure)
		return;
	cc->nr_migratepages -= (unsigned int)s->nr_isolated;
	s->nr_isolated = 0;
	if (s->pfn < s->next_skip_pfn) {
		s->pfn = s->next_skip_pfn - 1;
		s->next_skip_pfn += 1UL << cc->order;
	}
}

/* False: enough for now, or the pageblock is somebody else's. */
static bool isolate_page(struct compact_control *cc, struct block_scan *s, struct page *page)
{
	if (!s->skip_updated) {
		s->skip_updated = true;
		if (test_and_set_skip(cc, s->pfn))
			return false;
	}
	ASSERT(cc->nr_migratepages < ARRAY_SIZE(cc->migratepages));
	charge(COST_LIST_STEP);
	cc->migratepages[cc->nr_migratepages++] = page;
	s->nr_isolated++;
	if (cc->nr_migratepages < COMPACT_CLUSTER_MAX || cc->rescan || cc->contended)
		return true;
	s->pfn++;
	return false;
}

/* False: the part before was emptied as far as can be, and is to be moved now. */
static bool next_part(const struct compact_control *cc, struct block_scan *s)
{
	if (!s->skip_on_failure || s->pfn < s->next_skip_pfn)
		return true;
	if (s->nr_isolated)
		return false;
	s->next_skip_pfn = block_end_pfn(s->pfn, cc->order);
	return true;
}

/* Once for each pageblock: was it marked meanwhile? */
static bool block_suitable(const struct compact_control *cc, struct block_scan *s)
{
	if (s->valid_pfn != ~0UL || !pageblock_aligned(s->pfn))
		return true;
	if (!isolation_suitable(cc, s->pfn)) {
		s->pfn = s->end_pfn;
		return false;
	}
	s->valid_pfn = s->pfn;
	return true;
}

static void scan_block(struct compact_control *cc, struct block_scan *s)
{
	for (; s->pfn < s->end_pfn; s->pfn++) {
		struct page *page = pfn_to_page(s->pfn);
		unsigned long nr;

		if (!next_part(cc, s))
			return;
		s->nr_scanned++;
		if (!block_suitable(cc, s))
			return;
		switch (look_at(page, &nr)) {
		case CANDIDATE_MOVES:
			if (!isolate_page(cc, s, page))
				return;
			break;
		case CANDIDATE_STAYS:
			s->pfn += nr - 1;
			give_up_part(cc, s);
			break;
		case CANDIDATE_FREE:
			s->pfn += nr - 1;
		}
	}
	s->pfn = s->end_pfn;
}

static void isolate_migratepages_block(struct compact_control *cc, unsigned long pfn,
				       unsigned long end_pfn)
{
	struct block_scan s = {.pfn = pfn, .end_pfn = end_pfn, .valid_pfn = ~0UL};

	if (cc->direct && cc->mode == MIGRATE_ASYNC) {
		s.skip_on_failure = true;
		s.next_skip_pfn = block_end_pfn(pfn, cc->order);
	}
	scan_block(cc, &s);
	charge_scan(cc, s.nr_scanned);
	if (s.pfn == end_pfn && (!s.nr_isolated || cc->rescan)) {
		if (s.valid_pfn != ~0UL && !s.skip_updated)
			set_pageblock_skip(cc->bz, s.valid_pfn);
		update_cached_migrate(cc, s.pfn);
	}
	cc->migrate_scanned += s.nr_scanned;
	cc->isolated += s.nr_isolated;
	count_vm_events(COMPACTISOLATED, s.nr_isolated);
	cc->migrate_pfn = s.pfn;
}

/* ---- Which pageblock ---- */

/* Large pages stay; direct async looks only where blocks of its own mobility would come of it. */
static bool suitable_migration_source(const struct compact_control *cc, unsigned long pfn)
{
	const struct page *page = pfn_to_page(pfn);

	if (page->flags & PG_tail)
		page = pfn_to_page(page->index);
	if (page->flags & PG_head && page->order >= pageblock_order)
		return false;
	if (cc->mode != MIGRATE_ASYNC || !cc->direct)
		return true;
	return pageblock_type_of(cc->bz, pfn) == cc->migratetype;
}

/* A free block in the range; NULL: none among the first ones. */
static struct page *search_list(const struct compact_control *cc, int order, unsigned int limit,
				unsigned long high_pfn, unsigned int *nr_scanned)
{
	struct list_head *list = &cc->bz->free_area[order].free_list[MIGRATE_MOVABLE];
	struct page *page;

	list_for_each_entry (page, list, lru) {
		if ((*nr_scanned)++ >= limit) {
			free_list_end_with(list, page);
			return NULL;
		}
		if (page_to_pfn(page) >= high_pfn || get_pageblock_skip(cc->bz, page_to_pfn(page)))
			continue;
		free_list_end_with(list, page);
		return page;
	}
	return NULL;
}

static bool fast_search_makes_sense(const struct compact_control *cc)
{
	unsigned long pfn = cc->migrate_pfn;

	if (cc->ignore_skip_hint || cc->order <= PAGE_ALLOC_COSTLY_ORDER)
		return false;
	/* In the middle of a pageblock: goes on where it stopped. */
	if (pfn != cc->bz->zone->zone_start_pfn && !pageblock_aligned(pfn))
		return false;
	return !cc->direct || cc->migratetype == MIGRATE_MOVABLE;
}

static unsigned long found_block(struct compact_control *cc, const struct page *page)
{
	unsigned long pfn = page_to_pfn(page);

	if (cc->fast_start_pfn != ~0UL)
		cc->fast_start_pfn = cc->fast_start_pfn ? min(cc->fast_start_pfn, pfn) : pfn;
	cc->fast_search_fail = 0;
	set_pageblock_skip(cc->bz, pfn);
	return pageblock_start_pfn(pfn);
}

/* Back to the first pageblock that a search found, once (reinit_migrate_pfn). */
static unsigned long search_failed(struct compact_control *cc)
{
	cc->fast_search_fail++;
	if (cc->fast_start_pfn && cc->fast_start_pfn != ~0UL) {
		cc->migrate_pfn = cc->fast_start_pfn;
		cc->fast_start_pfn = ~0UL;
	}
	return cc->migrate_pfn;
}

/* A pageblock that is partly free, in the nearer half of what there is to scan, or the eighth. */
static unsigned long fast_find_migrateblock(struct compact_control *cc)
{
	unsigned int limit = freelist_scan_limit(cc), nr_scanned = 0;
	unsigned long distance = (cc->free_pfn - cc->migrate_pfn) >> 1, high_pfn;
	struct page *page = NULL;

	if (!fast_search_makes_sense(cc))
		return cc->migrate_pfn;
	if (cc->migrate_pfn != cc->bz->zone->zone_start_pfn)
		distance >>= 2;
	high_pfn = pageblock_start_pfn(cc->migrate_pfn + distance);
	for (int order = cc->order - 1;
	     order >= PAGE_ALLOC_COSTLY_ORDER && !page && nr_scanned < limit; order--) {
		spin_lock_irqsave(&cc->bz->lock);
		page = search_list(cc, order, limit, high_pfn, &nr_scanned);
		spin_unlock_irqrestore(&cc->bz->lock);
	}
	charge_scan(cc, nr_scanned);
	cc->migrate_scanned += nr_scanned;
	return page ? found_block(cc, page) : search_failed(cc);
}

/* Passed over? A pageblock of which a part was scanned is gone on with. */
static bool passed_over(const struct compact_control *cc, unsigned long pfn, bool fast)
{
	return pageblock_aligned(pfn) && !fast && !isolation_suitable(cc, pfn);
}

enum isolate_migrate isolate_migratepages(struct compact_control *cc)
{
	unsigned long pfn = fast_find_migrateblock(cc);
	bool fast = pfn != cc->migrate_pfn && !cc->fast_search_fail;
	unsigned long end_pfn = pageblock_end_pfn(pfn);

	for (; end_pfn <= cc->free_pfn;
	     fast = false, cc->migrate_pfn = pfn = end_pfn, end_pfn += pageblock_nr_pages) {
		charge(COST_LIST_STEP);
		if (passed_over(cc, pfn, fast))
			continue;
		if (!suitable_migration_source(cc, pfn)) {
			update_cached_migrate(cc, end_pfn);
			continue;
		}
		isolate_migratepages_block(cc, pfn, end_pfn);
		break;
	}
	return cc->nr_migratepages ? ISOLATE_SUCCESS : ISOLATE_NONE;
}
