/*
 * The free scanner: frames to move pages to, from the end of a zone downwards.
 *
 * Theory: it takes free blocks off the buddy lists, pageblock by pageblock, until there are as many
 * frames as pages to move, and stops where it meets the migrate scanner. Pageblocks that are free
 * as a whole are what compaction is for, and those of other mobilities are not filled with movable
 * pages. Before it walks, it looks at the free lists for a block near the end (mm/compaction.c,
 * 6.1: isolate_freepages_block, fast_isolate_freepages, isolate_freepages).
 *
 * Invariant: a frame in cc->freepages is on no list and has no owner; all are given back or given
 * out before anything else runs.
 *
 * Unlike Linux: blocks are never split before they are looked at, since nobody else runs meanwhile.
 * The free lists are not searched once the scanners have passed each other: there a distance wraps.
 * What was never given out is passed over without a look: it is free in the largest blocks.
 */
#include "alloc/pages/compact_control.h"

/* Single frames, highest first. */
static void split_map_pages(struct compact_control *cc, struct page *page, int order)
{
	for (struct page *p = page; p < page + (1UL << order); p++) {
		p->order = 0;
		list_add(&p->lru, &cc->freepages);
	}
	charge_n(COST_LIST_STEP, 1UL << order);
	cc->nr_freepages += 1U << order;
	count_vm_events(COMPACTISOLATED, 1UL << order);
}

/* From now on the pageblock is filled with movable pages. */
static void claim_pageblocks(const struct compact_control *cc, unsigned long pfn, int order)
{
	unsigned long end = pfn + (1UL << order);

	for (; pfn < end; pfn += pageblock_nr_pages)
		if (cc->ps->grouping && pageblock_type_of(cc->bz, pfn) < MIGRATE_PCPTYPES)
			cc->bz->pageblock_type[pfn >> pageblock_order] = MIGRATE_MOVABLE;
}

/* The whole free block, unless too little would stay free (__isolate_free_page). */
static bool isolate_free_page(struct compact_control *cc, const struct page *page)
{
	unsigned long pfn = page_to_pfn(page);
	int order = page->order;

	if (!zone_watermark_ok(cc->bz, 0, cc->bz->marks.min + (1L << order), 0, 0))
		return false;
	if (order >= pageblock_order - 1)
		claim_pageblocks(cc, pfn, order);
	split_map_pages(cc, buddy_take_at(cc->bz, pfn, order), order);
	return true;
}

static void unlock(const struct compact_control *cc, bool *locked)
{
	if (*locked)
		spin_unlock_irqrestore(&cc->bz->lock);
	*locked = false;
}

/* *start_pfn: how far it came. Returns frames taken. */
static unsigned long isolate_freepages_block(struct compact_control *cc, unsigned long *start_pfn,
					     unsigned long end_pfn, unsigned int stride)
{
	unsigned long pfn = *start_pfn, nr_scanned = 0, total = 0;
	bool locked = false;

	for (; pfn < end_pfn; pfn += stride) {
		struct page *page = pfn_to_page(pfn);
		unsigned long nr = 1UL << page->order;

		if (!(pfn % COMPACT_CLUSTER_MAX))
			unlock(cc, &locked);
		nr_scanned++;
		if (page->flags & PG_head)
			pfn += nr - 1;
		if (!(page->flags & PG_buddy))
			continue;
		if (!locked)
			compact_lock(cc);
		locked = true;
		if (!isolate_free_page(cc, page))
			break;
		nr_scanned += nr - 1;
		total += nr;
		if (cc->nr_migratepages <= cc->nr_freepages) {
			pfn += nr;
			break;
		}
		pfn += nr - 1;
	}
	unlock(cc, &locked);
	charge_scan(cc, nr_scanned - total);
	cc->free_scanned += nr_scanned;
	*start_pfn = min(pfn, end_pfn);
	return total;
}

/* ---- From the free lists ---- */

struct fast_search {
	unsigned long low_pfn, min_pfn; /* preferred: above low; taken at need: above min */
	unsigned long highest;		/* pageblock seen */
	unsigned int limit, nr_scanned;
	struct page *page; /* found */
};

/* One order of movable free blocks, those that were freed first or searched last. */
static void search_order(struct compact_control *cc, struct fast_search *f, int order)
{
	struct list_head *list = &cc->bz->free_area[order].free_list[MIGRATE_MOVABLE];
	unsigned int nr_scanned = 0;
	struct page *page, *last = NULL;
	unsigned long high_pfn = 0;

	list_for_each_entry_reverse (page, list, lru) {
		unsigned long pfn = page_to_pfn(page);

		last = page;
		nr_scanned++;
		if (pfn >= f->highest)
			f->highest = pageblock_start_pfn(pfn);
		if (pfn >= f->low_pfn) {
			cc->fast_search_fail = 0;
			cc->search_order = order;
			f->page = page;
			break;
		}
		if (pfn >= f->min_pfn && pfn > high_pfn) {
			high_pfn = pfn;
			f->limit >>= 1;
		}
		if (nr_scanned >= f->limit)
			break;
	}
	f->nr_scanned += nr_scanned;
	if (!f->page && high_pfn)
		f->page = last = pfn_to_page(high_pfn);
	if (last)
		free_list_begin_with(list, last);
	if (nr_scanned >= f->limit)
		f->limit = max(1U, f->limit >> 1);
}

/* Orders in turn, from the one that was found last; -1: all were searched. */
static int next_search_order(struct compact_control *cc, int order)
{
	order--;
	if (order < 0)
		order = cc->order - 1;
	if (order != cc->search_order)
		return order;
	cc->search_order--;
	if (cc->search_order < 0)
		cc->search_order = cc->order - 1;
	return -1;
}

static void search_orders(struct compact_control *cc, struct fast_search *f)
{
	int order;

	cc->search_order = min(cc->order - 1, cc->search_order);
	for (order = cc->search_order; !f->page && order >= 0;
	     order = next_search_order(cc, order)) {
		unsigned long nr = 0;

		for (int mt = 0; mt < MIGRATE_TYPES; mt++)
			nr += cc->bz->free_area[order].nr_free[mt];
		if (!nr)
			continue;
		spin_lock_irqsave(&cc->bz->lock);
		search_order(cc, f, order);
		if (f->page && isolate_free_page(cc, f->page)) {
			f->nr_scanned += (1U << order) - 1;
		} else if (f->page) {
			order = cc->search_order + 1;
			f->page = NULL;
		}
		spin_unlock_irqrestore(&cc->bz->lock);
	}
}

/* The rest of what the pageblock has (fast_isolate_around). */
static void isolate_around(struct compact_control *cc, unsigned long pfn)
{
	unsigned long start_pfn = pageblock_start_pfn(pfn);

	if (cc->nr_freepages >= cc->nr_migratepages || (cc->direct && cc->mode == MIGRATE_ASYNC))
		return;
	isolate_freepages_block(cc, &start_pfn, pageblock_end_pfn(pfn), 1);
	if (cc->nr_freepages < cc->nr_migratepages)
		set_pageblock_skip(cc->bz, pfn);
}

/* Nothing was found: where to walk from. The pageblock to look around in; ~0: none. */
static unsigned long search_missed(struct compact_control *cc, const struct fast_search *f,
				   bool scan_start)
{
	cc->fast_search_fail++;
	if (!scan_start)
		return ~0UL;
	if (f->highest >= f->min_pfn)
		return cc->free_pfn = f->highest;
	if (cc->direct)
		return cc->free_pfn = f->min_pfn;
	return ~0UL;
}

static void fast_isolate_freepages(struct compact_control *cc)
{
	struct zone_compaction *c = cc->bz->compaction;
	struct fast_search f = {.limit = max(1U, freelist_scan_limit(cc) >> 1)};
	bool scan_start = cc->free_pfn >= c->init_free_pfn;
	unsigned long distance = cc->free_pfn - cc->migrate_pfn, pfn;

	if (cc->order <= 0 || cc->free_pfn <= cc->migrate_pfn)
		return;
	if (scan_start)
		f.limit = pageblock_nr_pages >> 1;
	f.low_pfn = pageblock_start_pfn(cc->free_pfn - (distance >> 2));
	f.min_pfn = pageblock_start_pfn(cc->free_pfn - (distance >> 1));
	search_orders(cc, &f);
	pfn = f.page ? page_to_pfn(f.page) : search_missed(cc, &f, scan_start);
	if (f.highest && f.highest >= c->cached_free_pfn)
		c->cached_free_pfn = f.highest - pageblock_nr_pages;
	charge_scan(cc, f.nr_scanned);
	cc->free_scanned += f.nr_scanned;
	if (pfn != ~0UL)
		isolate_around(cc, pfn);
}

/* ---- Pageblock by pageblock ---- */

/* A free pageblock stays one; other mobilities stay among themselves. */
static bool suitable_migration_target(const struct compact_control *cc, unsigned long pfn)
{
	const struct page *page = pfn_to_page(pfn);

	if (page->flags & PG_buddy && page->order >= pageblock_order)
		return false;
	return cc->ignore_block_suitable || pageblock_type_of(cc->bz, pfn) == MIGRATE_MOVABLE;
}

static void walk_down(struct compact_control *cc)
{
	unsigned long pfn = cc->free_pfn, start = pageblock_start_pfn(pfn);
	unsigned long low_pfn = pageblock_end_pfn(cc->migrate_pfn);
	unsigned int stride = cc->mode == MIGRATE_ASYNC ? COMPACT_CLUSTER_MAX : 1;

	for (; start >= low_pfn; start -= pageblock_nr_pages, pfn = start) {
		unsigned long end = start + pageblock_nr_pages, nr;

		charge(COST_LIST_STEP);
		if (!suitable_migration_target(cc, start) || !isolation_suitable(cc, start))
			continue;
		nr = isolate_freepages_block(cc, &pfn, end, stride);
		if (pfn == end)
			update_pageblock_skip(cc, start);
		if (cc->nr_freepages >= cc->nr_migratepages) {
			if (pfn >= end)
				pfn = start - pageblock_nr_pages;
			break;
		}
		if (pfn < end)
			break; /* too little would stay free */
		stride = nr ? 1 : min((unsigned int)COMPACT_CLUSTER_MAX, stride << 1);
	}
	cc->free_pfn = pfn;
}

struct page *compaction_alloc(struct compact_control *cc)
{
	struct page *page;

	if (list_empty(&cc->freepages)) {
		fast_isolate_freepages(cc);
		if (!cc->nr_freepages)
			walk_down(cc);
		if (list_empty(&cc->freepages))
			return NULL;
	}
	page = list_first_entry(&cc->freepages, struct page, lru);
	list_del(&page->lru);
	cc->nr_freepages--;
	return page;
}

void compaction_free(struct compact_control *cc, struct page *page)
{
	list_add(&page->lru, &cc->freepages);
	cc->nr_freepages++;
}

unsigned long release_freepages(struct compact_control *cc)
{
	unsigned long high_pfn = 0;
	struct page *page, *next;

	if (!cc->nr_freepages)
		return 0;
	spin_lock_irqsave(&cc->bz->lock);
	list_for_each_entry_safe (page, next, &cc->freepages, lru) {
		unsigned long pfn = page_to_pfn(page);

		list_del(&page->lru);
		buddy_free(cc->bz, page, 0, pageblock_type_of(cc->bz, pfn));
		high_pfn = max(high_pfn, pfn);
	}
	spin_unlock_irqrestore(&cc->bz->lock);
	cc->nr_freepages = 0;
	return high_pfn;
}
