/*
 * The buddy system of one zone: lists, splitting, merging.
 *
 * Theory: a block of order o starts at a multiple of 2^o; the block it was split from, and with it
 * its buddy, follow from its pfn. A request takes the smallest block that is large enough and gives
 * the upper halves back; a free block merges with its buddy while that is free as a whole (Knowlton
 * 1965; mm/page_alloc.c, 6.1: __rmqueue_smallest, expand, __free_one_page).
 *
 * Blocks of the largest order that nobody has touched yet are a range of pfns, not list entries:
 * the tail of their list, lowest first, which is the order in which boot hands memory over. Their
 * structs are not read before they are needed. Largest blocks never merge, so the range has no
 * buddies to look at.
 *
 * Invariant: every page of a zone lies in the range, or in one block that is free (PG_buddy, on the
 * list of its order and migratetype), on a per-CPU list (PG_pcp) or given out (PG_allocated). Two
 * buddies below the largest order are never both free, unless whole pageblocks of HIGHATOMIC and
 * another type meet, or met.
 *
 * Unlike Linux: free blocks are counted by type as well as by order; a mask of non-empty orders
 * replaces the walk over them.
 */
#include "alloc/pages/buddy.h"

#define LARGEST_PAGES (1UL << LARGEST_ORDER)

static void count_free(struct buddy_zone *bz, int order, int migratetype, long blocks)
{
	unsigned long *nr = &bz->free_area[order].nr_free[migratetype];

	*nr += (unsigned long)blocks;
	if (*nr)
		bz->nonempty[migratetype] |= (u16)(1U << order);
	else
		bz->nonempty[migratetype] &= (u16) ~(1U << order);
}

void buddy_zone_init(struct buddy_zone *bz, struct zone *zone, u8 *pageblock_type, int type)
{
	*bz = (struct buddy_zone){.zone = zone,
				  .pageblock_type = pageblock_type,
				  .fresh_pfn = zone->zone_start_pfn,
				  .end_pfn = zone->zone_start_pfn + zone->spanned_pages,
				  .fresh_type = type};
	spin_lock_init(&bz->lock, "zone->lock");
	for (int order = 0; order < MAX_ORDER; order++)
		for (int mt = 0; mt < MIGRATE_TYPES; mt++)
			INIT_LIST_HEAD(&bz->free_area[order].free_list[mt]);
	count_free(bz, LARGEST_ORDER, type, (long)(zone->spanned_pages >> LARGEST_ORDER));
	zone->vm_stat[NR_FREE_PAGES] = (long)zone->spanned_pages;
}

static void enlist(struct buddy_zone *bz, struct page *page, int order, int migratetype,
		   bool to_tail)
{
	struct list_head *list = &bz->free_area[order].free_list[migratetype];

	page->flags |= PG_buddy;
	page->order = (u8)order;
	page->migratetype = (u8)migratetype;
	if (to_tail)
		list_add_tail(&page->lru, list);
	else
		list_add(&page->lru, list);
	count_free(bz, order, migratetype, 1);
}

static void unlist(struct buddy_zone *bz, struct page *page)
{
	list_del(&page->lru);
	page->flags &= ~PG_buddy;
	count_free(bz, page->order, page->migratetype, -1);
}

/* The lowest block of the untouched range becomes an entry of the list it was the tail of. */
static void touch_fresh_block(struct buddy_zone *bz)
{
	struct page *page = pfn_to_page(bz->fresh_pfn);

	ASSERT(bz->fresh_pfn < bz->end_pfn);
	bz->fresh_pfn += LARGEST_PAGES;
	count_free(bz, LARGEST_ORDER, bz->fresh_type, -1);
	enlist(bz, page, LARGEST_ORDER, bz->fresh_type, true);
}

struct page *buddy_first(struct buddy_zone *bz, int order, int migratetype)
{
	struct list_head *list = &bz->free_area[order].free_list[migratetype];

	if (list_empty(list)) {
		ASSERT(order == LARGEST_ORDER && migratetype == bz->fresh_type);
		touch_fresh_block(bz);
	}
	return list_first_entry(list, struct page, lru);
}

void buddy_move(struct buddy_zone *bz, struct page *page, int migratetype)
{
	int order = page->order;

	charge(COST_LIST_STEP);
	unlist(bz, page);
	enlist(bz, page, order, migratetype, true);
}

/* Gives the upper halves back until `order` is left. */
static void split(struct buddy_zone *bz, struct page *page, int order, int migratetype)
{
	for (int high = page->order - 1; high >= order; high--) {
		charge(COST_LIST_STEP);
		enlist(bz, page + (1UL << high), high, migratetype, false);
	}
	page->order = (u8)order;
}

struct page *buddy_take_smallest(struct buddy_zone *bz, int order, int migratetype)
{
	unsigned int orders = (unsigned int)bz->nonempty[migratetype] >> order;
	struct page *page;

	if (!orders)
		return NULL;
	page = buddy_first(bz, order + (int)bit_lowest(orders), migratetype);
	charge_memory(bz->zone->node);
	charge(COST_LIST_STEP);
	unlist(bz, page);
	split(bz, page, order, migratetype);
	mod_zone_page_state(bz->zone, NR_FREE_PAGES, -(1L << order));
	return page;
}

struct page *buddy_around(struct buddy_zone *bz, unsigned long pfn, int order)
{
	while (bz->fresh_pfn <= pfn)
		touch_fresh_block(bz);
	for (; order <= LARGEST_ORDER; order++) {
		struct page *head = pfn_to_page(pfn & ~((1UL << order) - 1));

		if ((head->flags & PG_buddy) && head->order == order)
			return head;
	}
	return NULL;
}

/* As split(), but what is left begins at pfn. */
static struct page *split_around(struct buddy_zone *bz, struct page *page, unsigned long pfn,
				 int order)
{
	int migratetype = page->migratetype;

	for (int high = page->order - 1; high >= order; high--) {
		struct page *upper = page + (1UL << high);

		charge(COST_LIST_STEP);
		if (pfn & (1UL << high)) {
			enlist(bz, page, high, migratetype, false);
			page = upper;
		} else {
			enlist(bz, upper, high, migratetype, false);
		}
	}
	page->order = (u8)order;
	return page;
}

struct page *buddy_take_at(struct buddy_zone *bz, unsigned long pfn, int order)
{
	struct page *page = buddy_around(bz, pfn, order);

	if (!page)
		return NULL;
	charge_memory(bz->zone->node);
	charge(COST_LIST_STEP);
	unlist(bz, page);
	mod_zone_page_state(bz->zone, NR_FREE_PAGES, -(1L << order));
	return split_around(bz, page, pfn, order);
}

struct page *buddy_take(struct buddy_zone *bz, int order, int migratetype, unsigned int alloc_flags)
{
	for (;;) {
		struct page *page = buddy_take_smallest(bz, order, migratetype);

		if (page || !buddy_fallback(bz, order, migratetype, alloc_flags))
			return page;
	}
}

static unsigned long buddy_pfn(unsigned long pfn, int order)
{
	return pfn ^ (1UL << order);
}

/* True if all of the block's buddy is free, as one block. */
static bool buddy_is_free(unsigned long pfn, int order)
{
	const struct page *buddy = pfn_to_page(buddy_pfn(pfn, order));

	return (buddy->flags & PG_buddy) && buddy->order == order;
}

/* Above a pageblock, only types that fall back on each other merge (migratetype_is_mergeable). */
static bool may_merge(const struct buddy_zone *bz, unsigned long pfn, int order, int migratetype)
{
	int other;

	if (!buddy_is_free(pfn, order))
		return false;
	if (order < pageblock_order)
		return true;
	other = pageblock_type_of(bz, buddy_pfn(pfn, order));
	return migratetype == other || (migratetype < MIGRATE_PCPTYPES && other < MIGRATE_PCPTYPES);
}

/* If only the buddy is missing for the next merge but one, it pays to be reused last. */
static bool buddy_merge_likely(unsigned long pfn, int order)
{
	return order < LARGEST_ORDER - 1 && buddy_is_free(pfn & ~(1UL << order), order + 1);
}

/* Merges the free block as far as can be; returns the order of what it is then, at *pfn. */
static int merge(struct buddy_zone *bz, unsigned long *pfn, int order, int migratetype)
{
	charge_memory(bz->zone->node); /* the buddy's struct */
	while (order < LARGEST_ORDER && may_merge(bz, *pfn, order, migratetype)) {
		charge(COST_LIST_STEP);
		unlist(bz, pfn_to_page(buddy_pfn(*pfn, order)));
		*pfn &= ~(1UL << order);
		order++;
	}
	charge(COST_LIST_STEP);
	return order;
}

void buddy_free(struct buddy_zone *bz, struct page *page, int order, int migratetype)
{
	unsigned long pfn = page_to_pfn(page);

	mod_zone_page_state(bz->zone, NR_FREE_PAGES, 1L << order);
	order = merge(bz, &pfn, order, migratetype);
	enlist(bz, pfn_to_page(pfn), order, migratetype, buddy_merge_likely(pfn, order));
}

void buddy_free_to_tail(struct buddy_zone *bz, struct page *page, int order, int migratetype)
{
	unsigned long pfn = page_to_pfn(page);

	mod_zone_page_state(bz->zone, NR_FREE_PAGES, 1L << order);
	order = merge(bz, &pfn, order, migratetype);
	enlist(bz, pfn_to_page(pfn), order, migratetype, true);
}

void buddy_count_fresh(struct buddy_zone *bz, long blocks)
{
	count_free(bz, LARGEST_ORDER, bz->fresh_type, blocks);
	mod_zone_page_state(bz->zone, NR_FREE_PAGES, blocks * (long)LARGEST_PAGES);
}
