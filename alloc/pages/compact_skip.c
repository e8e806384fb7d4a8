/*
 * What compaction remembers of a zone: where its scanners stopped, and pageblocks not worth a look.
 *
 * Theory: a run seldom goes over the whole zone, so the next one goes on where it stopped. A
 * pageblock in which nothing could be isolated is passed over until, after a run over everything, a
 * sample of its pages shows something to move or somewhere to move to (mm/compaction.c, 6.1:
 * update_cached_migrate, update_pageblock_skip, __reset_isolation_suitable).
 *
 * Invariant: positions only decide where a run begins. A wrong one costs time, nothing else.
 *
 * Unlike Linux: pages that can move are those whose holder says so, not those on LRU lists.
 */
#include "alloc/pages/compact_control.h"

static u8 *skip_of(const struct buddy_zone *bz, unsigned long pfn)
{
	ASSERT(pfn - bz->zone->zone_start_pfn < bz->zone->spanned_pages);
	return &bz->compaction->skip[(pfn - bz->zone->zone_start_pfn) >> pageblock_order];
}

bool get_pageblock_skip(const struct buddy_zone *bz, unsigned long pfn)
{
	return *skip_of(bz, pfn);
}

void set_pageblock_skip(const struct buddy_zone *bz, unsigned long pfn)
{
	*skip_of(bz, pfn) = 1;
}

bool isolation_suitable(const struct compact_control *cc, unsigned long pfn)
{
	return cc->ignore_skip_hint || !get_pageblock_skip(cc->bz, pfn);
}

bool test_and_set_skip(const struct compact_control *cc, unsigned long pfn)
{
	bool skip;

	if (cc->ignore_skip_hint || !pageblock_aligned(pfn))
		return false;
	skip = get_pageblock_skip(cc->bz, pfn);
	set_pageblock_skip(cc->bz, pfn);
	return skip;
}

/* The end of the pageblock after this one's start, as there. */
void update_cached_migrate(const struct compact_control *cc, unsigned long pfn)
{
	struct zone_compaction *c = cc->bz->compaction;

	pfn = pageblock_end_pfn(pfn);
	c->cached_migrate_pfn[0] = max(c->cached_migrate_pfn[0], pfn);
	if (cc->mode != MIGRATE_ASYNC)
		c->cached_migrate_pfn[1] = max(c->cached_migrate_pfn[1], pfn);
}

void update_pageblock_skip(const struct compact_control *cc, unsigned long pfn)
{
	struct zone_compaction *c = cc->bz->compaction;

	set_pageblock_skip(cc->bz, pfn);
	c->cached_free_pfn = min(c->cached_free_pfn, pfn);
}

void reset_cached_positions(const struct buddy_zone *bz)
{
	struct zone_compaction *c = bz->compaction;

	c->cached_migrate_pfn[0] = c->cached_migrate_pfn[1] = bz->zone->zone_start_pfn;
	c->cached_free_pfn = pageblock_start_pfn(bz->end_pfn - 1);
}

/* Of every eighth page: is there one to move (source), or a free one to move to (target)? */
static bool sample_shows(const struct buddy_zone *bz, unsigned long pfn, bool source, bool target)
{
	unsigned long end = pfn + pageblock_nr_pages;

	for (; pfn < end && pfn < bz->fresh_pfn; pfn += 1 << PAGE_ALLOC_COSTLY_ORDER) {
		u32 flags = pfn_to_page(pfn)->flags;

		charge(COST_LIST_STEP);
		if ((source && flags & PG_movable) || (target && flags & PG_buddy))
			return true;
	}
	return target && pfn < end; /* never given out: one large free block */
}

static bool holds_huge_block(unsigned long pfn)
{
	const struct page *page = pfn_to_page(pfn);

	if (page->flags & PG_tail)
		page = pfn_to_page(page->index);
	return page->flags & PG_head && page->order >= pageblock_order;
}

/* True if the pageblock could be where a scanner begins (__reset_isolation_pfn). */
static bool reset_isolation(const struct buddy_zone *bz, unsigned long pfn, bool source,
			    bool target)
{
	bool fresh = pfn >= bz->fresh_pfn; /* its structs are not looked at */

	charge_memory(bz->zone->node);
	if (!fresh && holds_huge_block(pfn))
		return false;
	if (source && target && !get_pageblock_skip(bz, pfn))
		return true;
	if (!source && target && pageblock_type_of(bz, pfn) != MIGRATE_MOVABLE)
		return false;
	if (!sample_shows(bz, pageblock_start_pfn(pfn), source, target))
		return false;
	*skip_of(bz, pfn) = 0;
	return true;
}

void zone_reset_isolation(const struct buddy_zone *bz)
{
	struct zone_compaction *c = bz->compaction;
	unsigned long migrate_pfn = bz->zone->zone_start_pfn, free_pfn = bz->end_pfn - 1;
	unsigned long reset_migrate = free_pfn, reset_free = migrate_pfn;
	bool source_set = false, free_set = false;

	if (!c->blockskip_flush)
		return;
	c->blockskip_flush = false;
	for (; migrate_pfn < free_pfn;
	     migrate_pfn += pageblock_nr_pages, free_pfn -= pageblock_nr_pages) {
		if (reset_isolation(bz, migrate_pfn, true, source_set) &&
		    migrate_pfn < reset_migrate) {
			source_set = true;
			reset_migrate = migrate_pfn;
			c->init_migrate_end = reset_migrate + 1;
			c->cached_migrate_pfn[0] = c->cached_migrate_pfn[1] = reset_migrate;
		}
		if (reset_isolation(bz, free_pfn, free_set, true) && free_pfn > reset_free) {
			free_set = true;
			reset_free = free_pfn;
			c->init_free_pfn = reset_free;
			c->cached_free_pfn = reset_free;
		}
	}
	if (reset_migrate < reset_free)
		return;
	c->cached_migrate_pfn[0] = c->cached_migrate_pfn[1] = migrate_pfn;
	c->cached_free_pfn = free_pfn;
}

void reset_isolation_suitable(struct pglist_data *pgdat)
{
	const struct buddy_zone *bz;

	for_each_node_zone (bz, pgdat, MAX_NR_ZONES - 1)
		if (bz->compaction)
			zone_reset_isolation(bz);
}
