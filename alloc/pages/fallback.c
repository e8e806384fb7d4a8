/*
 * Fallback: a request of one mobility takes memory of another.
 *
 * Theory: pages that cannot move are kept apart from those that can, pageblock by pageblock, so
 * that whole blocks can be emptied later. When a type runs out it takes the largest block of
 * another, which comes nearest to a whole free pageblock, and if the rest of that pageblock is
 * mostly free or of its own kind it takes that over too. A movable request that could not take the
 * rest along takes the smallest block instead: it does no lasting harm wherever it lies
 * (mm/page_alloc.c, 6.1: __rmqueue_fallback, steal_suitable_fallback).
 *
 * What is taken out of the middle of a pageblock raises the zone's watermarks for a while
 * (watermark.c); the request that did it wakes kswapd.
 *
 * Invariant: nothing is given out here; blocks only change lists and pageblocks their type. A
 * HIGHATOMIC pageblock keeps its type.
 *
 * Unlike Linux: "movable" pages of a pageblock are those asked for as movable, where Linux looks at
 * the LRU lists.
 */
#include "alloc/pages/watermark.h"

#define NO_TYPE (-1)

static const u8 fallbacks[MIGRATE_PCPTYPES][2] = {
	[MIGRATE_UNMOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE},
	[MIGRATE_MOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE},
	[MIGRATE_RECLAIMABLE] = {MIGRATE_UNMOVABLE, MIGRATE_MOVABLE},
};

/* The first fallback with a block of this very order (find_suitable_fallback). */
static int find_fallback(const struct buddy_zone *bz, int order, int start_type)
{
	for (size_t i = 0; i < ARRAY_SIZE(fallbacks[0]); i++)
		if (bz->nonempty[fallbacks[start_type][i]] >> order & 1)
			return fallbacks[start_type][i];
	return NO_TYPE;
}

/* May the rest of the pageblock be taken along (can_steal_fallback)? */
static bool may_steal(int order, int start_type)
{
	return order >= pageblock_order / 2 || start_type != MIGRATE_MOVABLE;
}

bool buddy_can_steal(const struct buddy_zone *bz, int order, int start_type)
{
	return may_steal(order, start_type) && find_fallback(bz, order, start_type) != NO_TYPE;
}

struct block_census {
	unsigned long free, movable; /* pages */
};

/* Moves all free blocks of the pageblock to lists of start_type (move_freepages_block). */
static struct block_census move_free_blocks(struct buddy_zone *bz, unsigned long pfn,
					    int start_type)
{
	struct block_census c = {0, 0};
	unsigned long end;

	pfn &= ~(pageblock_nr_pages - 1);
	for (end = pfn + pageblock_nr_pages; pfn < end; pfn += 1UL << pfn_to_page(pfn)->order) {
		struct page *page = pfn_to_page(pfn);

		charge(COST_LIST_STEP);
		if (page->flags & PG_buddy) {
			c.free += 1UL << page->order;
			buddy_move(bz, page, start_type);
		} else if ((page->flags & (PG_allocated | PG_layer)) == PG_allocated &&
			   page->migratetype == MIGRATE_MOVABLE) {
			c.movable += 1UL << page->order;
		}
	}
	return c;
}

static void set_type(struct buddy_zone *bz, unsigned long block, int type)
{
	int reserved =
		(type == MIGRATE_HIGHATOMIC) - (bz->pageblock_type[block] == MIGRATE_HIGHATOMIC);

	bz->pageblock_type[block] = (u8)type;
	if (likely(!reserved))
		return;
	bz->was_highatomic = true;
	zone_add_highatomic(bz, reserved * (long)pageblock_nr_pages);
}

static void set_pageblock_types(struct buddy_zone *bz, const struct page *page, int type)
{
	unsigned long first = page_to_pfn(page) >> pageblock_order;
	unsigned long nr =
		page->order > pageblock_order ? 1UL << (page->order - pageblock_order) : 1;

	for (unsigned long i = 0; i < nr; i++)
		set_type(bz, first + i, type);
}

void buddy_set_type(struct buddy_zone *bz, unsigned long pfn, int migratetype)
{
	struct page *largest = buddy_around(bz, pfn, MAX_ORDER - 1);

	if (largest)
		buddy_move(bz, largest, migratetype);
	else
		move_free_blocks(bz, pfn, migratetype);
	set_type(bz, pfn >> pageblock_order, migratetype);
}

/* Pages of the pageblock that suit start_type as well as free ones do. */
static unsigned long alike_pages(const struct block_census *c, int start_type, int old_type)
{
	if (start_type == MIGRATE_MOVABLE)
		return c->movable;
	/* Which of the others are unmovable and which reclaimable cannot be told. */
	return old_type == MIGRATE_MOVABLE ? pageblock_nr_pages - c->free - c->movable : 0;
}

static void steal(struct buddy_zone *bz, struct page *page, int start_type,
		  unsigned int alloc_flags)
{
	int old_type = pageblock_type_of(bz, page_to_pfn(page));
	struct block_census c;

	if (old_type == MIGRATE_HIGHATOMIC) {
		buddy_move(bz, page, start_type);
		return;
	}
	if (page->order >= pageblock_order) {
		set_pageblock_types(bz, page, start_type);
		buddy_move(bz, page, start_type);
		return;
	}
	if (boost_watermark(bz) && alloc_flags & ALLOC_KSWAPD)
		bz->flags |= ZONE_BOOSTED_WATERMARK;
	if (!may_steal(page->order, start_type)) {
		buddy_move(bz, page, start_type);
		return;
	}
	c = move_free_blocks(bz, page_to_pfn(page), start_type);
	if (c.free + alike_pages(&c, start_type, old_type) >= pageblock_nr_pages / 2)
		set_pageblock_types(bz, page, start_type);
}

/* The order to steal at, from the largest down; NO_TYPE in *type if there is none. */
static int choose_order(const struct buddy_zone *bz, int order, int min_order, int start_type,
			int *type)
{
	int found;

	for (found = MAX_ORDER - 1; found >= min_order; found--) {
		*type = find_fallback(bz, found, start_type);
		if (*type != NO_TYPE)
			break;
	}
	if (found < min_order || found == order || may_steal(found, start_type))
		return found;
	for (found = order; *type = find_fallback(bz, found, start_type), *type == NO_TYPE;)
		found++;
	return found;
}

bool buddy_fallback(struct buddy_zone *bz, int order, int start_type, unsigned int alloc_flags)
{
	int min_order = alloc_flags & ALLOC_NOFRAGMENT ? max(order, pageblock_order) : order;
	int type = NO_TYPE, found = choose_order(bz, order, min_order, start_type, &type);
	struct page *page;

	if (type == NO_TYPE)
		return false;
	page = buddy_first(bz, found, type);
	steal(bz, page, start_type, alloc_flags);
	trace_mm_page_alloc_extfrag(page, order, found, start_type, type,
				    pageblock_type_of(bz, page_to_pfn(page)) == start_type);
	return true;
}
