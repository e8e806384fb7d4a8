/*
 * Maps of the machine's pageblocks over time.
 *
 * Theory: whether a huge page can be had is decided block by block: one page that cannot move pins
 * its 2 MiB. So a map shows, for each pageblock, the pages in use by the mobility they were asked
 * for, its migratetype if the allocator keeps one, and whether anything in it is pinned. Pages are
 * in use from when the source of pages gives them out until it has them back: what a layer holds
 * back is in use, what lies on a per-CPU list is free. Large machines are drawn in cells of several
 * pageblocks, a power of two.
 *
 * Invariant: the books (struct pageblock_use) are what a walk over the page structs would count:
 * tests/test_sim_block_map.c walks.
 *
 * Unlike Linux: what cannot move is what was not asked for as movable. Linux can also move some
 * pages that were not (balloon, zsmalloc), and can fail to move some that were (pinned by drivers).
 */
#include "sim/block_map.h"

#include <stdlib.h>
#include <string.h>

#include "alloc/mm.h"
#include "alloc/pages/page_allocator.h"
#include "lib/mem.h"
#include "sim/metrics.h"

static bool pinned(const struct pageblock_use *u)
{
	return u->nr[MIGRATE_UNMOVABLE] || u->nr[MIGRATE_RECLAIMABLE];
}

/* n of all in parts of `full`: neither rounded to nothing nor to all. */
static u8 share(u64 n, u64 all, u64 full)
{
	u64 v;

	if (!n || n == all)
		return (u8)(n ? full : 0);
	v = (n * full + all / 2) / all;
	return (u8)(v == full ? full - 1 : max(v, (u64)1));
}

struct census {
	u64 pages[MIGRATE_PCPTYPES], pinned;
	u32 types[MIGRATE_TYPES]; /* of touched pageblocks */
};

/* Rounding up each share must not make a cell fuller than it is: the largest gives way. */
static void fit(struct sink_cell *c, u64 used, u64 all)
{
	u8 *most = &c->movable;
	int most_used = used < all ? SINK_CELL_FULL - 1 : SINK_CELL_FULL;

	most = c->unmovable > *most ? &c->unmovable : most;
	most = c->reclaimable > *most ? &c->reclaimable : most;
	*most = (u8)(*most - max(c->unmovable + c->movable + c->reclaimable - most_used, 0));
}

static struct sink_cell cell_of(const struct census *c, u32 nr_blocks)
{
	u64 all = (u64)nr_blocks << pageblock_order;
	int type = prevailing_migratetype(c->types);
	struct sink_cell cell = {
		.unmovable = share(c->pages[MIGRATE_UNMOVABLE], all, SINK_CELL_FULL),
		.movable = share(c->pages[MIGRATE_MOVABLE], all, SINK_CELL_FULL),
		.reclaimable = share(c->pages[MIGRATE_RECLAIMABLE], all, SINK_CELL_FULL),
	};

	fit(&cell,
	    c->pages[MIGRATE_UNMOVABLE] + c->pages[MIGRATE_MOVABLE] + c->pages[MIGRATE_RECLAIMABLE],
	    all);
	cell.type_pinned = (u8)((type < 0 ? SINK_CELL_UNTYPED : type) |
				share(c->pinned, nr_blocks, SINK_CELL_PINNED) << 3);
	return cell;
}

static bool untouched(u64 block, u32 nr_blocks)
{
	u64 b = block, end = block + nr_blocks;

	while (b < end) {
		if (!kernel->block_regions[b >> BLOCK_REGION_SHIFT])
			b = ((b >> BLOCK_REGION_SHIFT) + 1) << BLOCK_REGION_SHIFT;
		else if (kernel->block_use[b++].touched)
			return false;
	}
	return true;
}

static struct sink_cell take_cell(const struct page_allocator *pa, u64 block, u32 nr_blocks)
{
	struct census c = {.pinned = 0};

	if (untouched(block, nr_blocks))
		return (struct sink_cell){.type_pinned = SINK_CELL_NO_TYPE};
	for (u64 b = block; b < block + nr_blocks; b++) {
		const struct pageblock_use *u = &kernel->block_use[b];
		int type;

		if (!u->touched)
			continue;
		for (int mt = 0; mt < MIGRATE_PCPTYPES; mt++)
			c.pages[mt] += u->nr[mt];
		c.pinned += pinned(u);
		type = pageblock_migratetype(pa, b << pageblock_order);
		if (type >= 0)
			c.types[type]++;
	}
	return cell_of(&c, nr_blocks);
}

/* False: nothing ever moved in this zone. */
static bool take_moves(const struct zone *zone, u32 per_cell, struct sink_moves *moves)
{
	const struct pageblock_moves *m =
		kernel->block_moves + (zone->zone_start_pfn >> pageblock_order);
	u32 nr_blocks = (u32)(zone->spanned_pages >> pageblock_order);
	bool any = false;

	memset(moves, 0, DIV_ROUND_UP(nr_blocks, per_cell) * sizeof(*moves));
	for (u32 i = 0; i < nr_blocks; i++) {
		moves[i / per_cell].from += m[i].from;
		moves[i / per_cell].to += m[i].to;
		any |= m[i].from || m[i].to;
	}
	return any;
}

static void take_zone(const struct page_allocator *pa, const struct zone *zone, u32 per_cell,
		      struct sink_cell *cells, struct sink_moves *moves, struct sink *sink,
		      u64 t_ns)
{
	u64 first = zone->zone_start_pfn >> pageblock_order;
	u32 nr_blocks = (u32)(zone->spanned_pages >> pageblock_order);
	bool moved = kernel->vm_event[PGMIGRATE_SUCCESS] && take_moves(zone, per_cell, moves);

	for (u32 at = 0; at < nr_blocks; at += per_cell)
		cells[at / per_cell] = take_cell(pa, first + at, min(per_cell, nr_blocks - at));
	sink->ops->block_map(sink, &(struct sink_block_map){
					   .t_ns = t_ns,
					   .node = zone->node,
					   .zone = zone->name,
					   .first_pfn = zone->zone_start_pfn,
					   .nr_blocks = nr_blocks,
					   .blocks_per_cell = per_cell,
					   .cells = cells,
					   .moves = moved ? moves : NULL,
				   });
}

static u32 blocks_per_cell(void)
{
	u64 nr_blocks = kernel->max_pfn >> pageblock_order;
	u32 n = 1;

	while (nr_blocks / n > BLOCK_MAP_CELLS)
		n *= 2;
	return n;
}

void block_map_init(struct block_map *b, u64 duration_ns)
{
	*b = (struct block_map){
		.every_ns = max(duration_ns / BLOCK_MAP_FRAMES, (u64)1),
		.nr_left = 2 * BLOCK_MAP_FRAMES,
	};
}

void block_map_due(struct block_map *b)
{
	b->next_ns = 0;
	b->nr_left = max(b->nr_left, 1U);
}

void block_map_sample(struct block_map *b, const struct page_allocator *pa, struct sink *sink,
		      u64 t_ns)
{
	const struct zone *zone;
	struct sink_moves *moves;
	struct sink_cell *cells;
	u32 per_cell;

	if (!sink || t_ns < b->next_ns || !b->nr_left || pa->keeps_nothing)
		return;
	b->next_ns = max(b->next_ns + b->every_ns, t_ns + 1);
	b->nr_left--;
	per_cell = blocks_per_cell();
	cells = mem_alloc(2 * BLOCK_MAP_CELLS, sizeof(*cells));
	moves = mem_alloc(2 * BLOCK_MAP_CELLS, sizeof(*moves));
	for_each_populated_zone (zone)
		take_zone(pa, zone, per_cell, cells, moves, sink, t_ns);
	free(moves);
	free(cells);
}
