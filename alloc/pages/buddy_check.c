/*
 * The recount of a zone, bottom-up.
 *
 * Theory: two walks that know nothing of each other must agree. One goes over every struct from the
 * start of the zone to the untouched range and says what each block is; the other follows every
 * list. If each list entry is a block of the first walk and the numbers are equal, each free block
 * is on exactly one list. What the counters say is compared with both.
 *
 * Invariant: nothing is changed, no simulated time passes, no untouched struct is read.
 *
 * Unlike Linux: there only single pages are looked at, as they pass (free_page_is_bad,
 * check_new_page).
 */
#include "alloc/pages/pcp.h"

struct zone_census {
	unsigned long buddy[MIGRATE_TYPES][MAX_ORDER]; /* blocks */
	unsigned long pcp_pages, given_pages;
};

#define HEAD_KINDS (PG_buddy | PG_pcp | PG_allocated)

static void check_given_out(const struct page *page)
{
	unsigned long pfn = page_to_pfn(page);

	ASSERT(!(page->flags & PG_head) == !page->order);
	for (unsigned long i = 1; i < 1UL << page->order; i++) {
		ASSERT((page[i].flags & (PG_tail | PG_head | HEAD_KINDS)) == PG_tail);
		ASSERT(page[i].index == pfn);
	}
}

static void check_free(const struct page *page)
{
	ASSERT(!(page->flags & ~(PG_buddy | PG_pcp | PG_written)));
	for (unsigned long i = 1; i < 1UL << page->order; i++)
		ASSERT(!(page[i].flags & ~PG_written));
}

/* Whole pageblocks of HIGHATOMIC merge with no others, and stay apart when they change type. */
static void check_unmerged(const struct buddy_zone *bz, const struct page *page)
{
	const struct page *buddy = pfn_to_page(page_to_pfn(page) ^ (1UL << page->order));

	if (page->order == MAX_ORDER - 1)
		return;
	if (!(buddy->flags & PG_buddy) || buddy->order != page->order)
		return;
	ASSERT(page->order >= pageblock_order && bz->was_highatomic);
}

static void check_marks(const struct buddy_zone *bz)
{
	const struct zone_watermarks *m = &bz->marks;
	unsigned long first = bz->zone->zone_start_pfn >> pageblock_order;
	long reserved = 0;

	for (unsigned long i = 0; i < bz->zone->spanned_pages >> pageblock_order; i++)
		reserved += bz->pageblock_type[first + i] == MIGRATE_HIGHATOMIC;
	ASSERT(reserved * (long)pageblock_nr_pages == m->nr_reserved_highatomic);
	ASSERT(m->boost >= 0 && m->boost <= bz->boost_max);
	ASSERT(m->min <= m->low && m->low <= m->high);
	for (int type = 0; type < MAX_NR_ZONES; type++)
		ASSERT(!bz->zone->spanned_pages ||
		       bz->fast_mark[type] == m->low + m->boost +
						      reserved * (long)pageblock_nr_pages +
						      m->lowmem_reserve[type]);
	/* Whoever boosted it in passing has woken kswapd by the end of his request. */
	ASSERT(!(bz->flags & ZONE_BOOSTED_WATERMARK));
}

/* The books of a pageblock (struct pageblock_use) are what its structs say. */
static void check_books(unsigned long block)
{
	unsigned long pfn = block << pageblock_order, end = pfn + pageblock_nr_pages;
	const struct page *large = pfn_to_page(pfn & ~((1UL << LARGEST_ORDER) - 1));
	const struct pageblock_use *use = &kernel->block_use[block];
	unsigned long nr[MIGRATE_PCPTYPES] = {0}, movable = 0;

	if (large->order == LARGEST_ORDER && large->flags & HEAD_KINDS) {
		if (large->flags & PG_allocated) /* free ones may be HIGHATOMIC's */
			nr[large->migratetype] = pageblock_nr_pages;
		pfn = end;
	}
	while (pfn < end) {
		const struct page *page = pfn_to_page(pfn);

		if (page->flags & PG_allocated) {
			nr[page->migratetype] += 1UL << page->order;
			movable += (page->flags & PG_movable) != 0;
		}
		pfn += 1UL << page->order;
	}
	for (int mt = 0; mt < MIGRATE_PCPTYPES; mt++)
		ASSERT(use->nr[mt] == nr[mt]);
	ASSERT(use->movable == movable);
}

/* Says what each block of the touched part is. */
static void walk_structs(const struct buddy_zone *bz, struct zone_census *c)
{
	unsigned long pfn = bz->zone->zone_start_pfn;

	while (pfn < bz->fresh_pfn) {
		const struct page *page = pfn_to_page(pfn);
		u32 kind = page->flags & HEAD_KINDS;

		ASSERT(page->order < MAX_ORDER && pfn % (1UL << page->order) == 0);
		if (kind == PG_buddy) {
			c->buddy[page->migratetype][page->order]++;
			check_unmerged(bz, page);
			check_free(page);
		} else if (kind == PG_pcp) {
			c->pcp_pages += 1UL << page->order;
			check_free(page);
		} else {
			ASSERT(kind == PG_allocated);
			c->given_pages += 1UL << page->order;
			check_given_out(page);
		}
		pfn += 1UL << page->order;
	}
	ASSERT(pfn == bz->fresh_pfn);
	for (pfn = bz->zone->zone_start_pfn; pfn < bz->fresh_pfn; pfn += pageblock_nr_pages)
		check_books(pfn >> pageblock_order);
}

static void check_buddy_list(const struct buddy_zone *bz, int order, int migratetype,
			     unsigned long blocks)
{
	const struct free_area *area = &bz->free_area[order];
	bool fresh = order == MAX_ORDER - 1 && migratetype == bz->fresh_type;
	unsigned long n = 0;
	struct page *page;

	list_for_each_entry (page, &area->free_list[migratetype], lru) {
		ASSERT((page->flags & HEAD_KINDS) == PG_buddy);
		ASSERT(page->order == order && page->migratetype == migratetype);
		ASSERT(page_zone(page) == bz->zone);
		n++;
	}
	ASSERT(n == blocks);
	if (fresh)
		n += (bz->end_pfn - bz->fresh_pfn) >> order;
	ASSERT(n == area->nr_free[migratetype]);
	ASSERT((bz->nonempty[migratetype] >> order & 1) == (n > 0));
}

static unsigned long walk_pcp(const struct buddy_zone *bz, const struct per_cpu_pages *pcp)
{
	unsigned long pages = 0;
	struct page *page;

	for (int pindex = 0; pindex < NR_PCP_LISTS; pindex++) {
		list_for_each_entry (page, &pcp->lists[pindex], lru) {
			ASSERT((page->flags & HEAD_KINDS) == PG_pcp);
			ASSERT(page->order == pindex_to_order(pindex));
			ASSERT(page_zone(page) == bz->zone);
			pages += 1UL << page->order;
		}
	}
	ASSERT(pages == pcp->count);
	return pages;
}

void buddy_zone_check(const struct buddy_zone *bz)
{
	unsigned long free_pages = 0, pcp_pages = 0;
	struct zone_census c = {.pcp_pages = 0};
	int cpu;

	check_marks(bz);
	walk_structs(bz, &c);
	for (int order = 0; order < MAX_ORDER; order++) {
		for (int mt = 0; mt < MIGRATE_TYPES; mt++) {
			check_buddy_list(bz, order, mt, c.buddy[mt][order]);
			free_pages += bz->free_area[order].nr_free[mt] << order;
		}
	}
	if (bz->pageset)
		for_each_possible_cpu (cpu)
			pcp_pages += walk_pcp(bz, per_cpu_ptr(bz->pageset, cpu));
	ASSERT(pcp_pages == c.pcp_pages);
	ASSERT((long)free_pages == bz->zone->vm_stat[NR_FREE_PAGES]);
	ASSERT(free_pages + pcp_pages + c.given_pages == bz->end_pfn - bz->zone->zone_start_pfn);
	ASSERT(!bz->lock.locked);
}
