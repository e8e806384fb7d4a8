/*
 * How many huge pages memory could still give, and what that would cost.
 *
 * Theory: a zone with F free pages can have at most F >> 9 free pageblocks. Whoever wants T of them
 * must empty T pageblocks, and each page in those moves at least once; so no way is shorter than to
 * empty the T with the fewest pages: two fingers, one at the emptiest pageblock, one at a fuller
 * one with room. And that bound is met: the others have room for all that is in use, for T
 * pageblocks are no more than what is free. A page that cannot move takes its pageblock out of the
 * choice, never out of the room.
 *
 * Invariant: moves is 0 exactly if every zone has as many free pageblocks as its free pages could
 * make.
 *
 * Unlike Linux: nobody there computes this; it is LLFree's measure of how far from ideal memory is.
 */
#include "sim/huge.h"

#include "alloc/kernel.h"
#include "sim/metrics.h"

#define PAIR_ORDER (pageblock_order + 1)

struct census {
	u32 by_used[pageblock_nr_pages + 1];  /* pageblocks by pages in use */
	u32 by_moves[pageblock_nr_pages + 1]; /* the same, of those that can be emptied */
	u64 used, can_be_emptied, pairs;
};

static bool count_block(struct census *c, const struct pageblock_use *u)
{
	u32 used = 0;

	for (int mt = 0; mt < MIGRATE_PCPTYPES; mt++)
		used += u->nr[mt];
	ASSERT(used <= pageblock_nr_pages && u->movable <= used);
	c->used += used;
	c->by_used[used]++;
	if (u->movable < used)
		return false;
	c->by_moves[used]++;
	c->can_be_emptied++;
	return true;
}

static void count_untouched(struct census *c, u64 nr_blocks)
{
	c->by_used[0] += (u32)nr_blocks;
	c->by_moves[0] += (u32)nr_blocks;
	c->can_be_emptied += nr_blocks;
	c->pairs += nr_blocks / 2;
}

/* Zones start and end where blocks of the largest order do: pageblocks come in pairs. */
static void count_zone(struct census *c, const struct zone *zone)
{
	u64 b = zone->zone_start_pfn >> pageblock_order;
	u64 end = b + (zone->spanned_pages >> pageblock_order);

	ASSERT(!(b & 1) && !(end & 1));
	while (b < end) {
		u64 region = b >> BLOCK_REGION_SHIFT;

		if (kernel->block_regions[region]) {
			bool one = count_block(c, &kernel->block_use[b]);
			bool other = count_block(c, &kernel->block_use[b + 1]);

			c->pairs += one && other;
			b += 2;
		} else {
			u64 next = min((region + 1) << BLOCK_REGION_SHIFT, end);

			count_untouched(c, next - b);
			b = next;
		}
	}
}

void huge_prospects(struct huge_prospects *h)
{
	const struct zone *zone;

	*h = (struct huge_prospects){.moves = 0};
	for_each_populated_zone (zone) {
		struct census c = {.used = 0};
		u64 free_pages, ideal, possible;

		count_zone(&c, zone);
		free_pages = zone->spanned_pages - c.used;
		ideal = free_pages >> pageblock_order;
		possible = min(ideal, c.can_be_emptied);
		h->blocks[0] += possible;
		h->blocks[1] += min(free_pages >> PAIR_ORDER, c.pairs);
		h->moves += moves_bound(c.by_used, pageblock_nr_pages, ideal);
		h->moves_movable += moves_bound(c.by_moves, pageblock_nr_pages, possible);
	}
}
