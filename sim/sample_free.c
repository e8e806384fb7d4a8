/*
 * What is sampled of free memory, and of what huge pages it could give.
 *
 * Theory: free blocks by order say what can be handed out right now (sim/metrics.h); the books of
 * the pageblocks say what could be had by moving pages (sim/huge.h). Gauges are of all zones
 * together; of each zone, the database computes the indices from the free blocks (zone_index_view).
 *
 * Invariant: looking changes nothing.
 *
 * Unlike Linux: indices of single zones are there (extfrag_index and unusable_index in debugfs);
 * the rest nobody computes.
 */
#include "sim/sample_free.h"

#include <stdio.h>

#include "alloc/pages/page_allocator.h"
#include "sim/huge.h"
#include "sim/metrics.h"

static void sample_zone(struct replay *rp, const struct zone *zone, u64 t_ns,
			struct free_blocks *sum)
{
	for (int mt = 0; mt < MIGRATE_TYPES; mt++) {
		u64 nr_free[SINK_NR_ORDERS];

		for (int o = 0; o < MAX_ORDER; o++) {
			nr_free[o] = page_nr_free(rp->stack.pages, zone, mt, o);
			sum->nr_free[o] += nr_free[o];
		}
		if (rp->sink)
			rp->sink->ops->free_area(rp->sink, t_ns, zone->node, zone->name,
						 migratetype_names[mt], nr_free);
	}
}

static void sample_zones(struct replay *rp, u64 t_ns, struct free_blocks *sum)
{
	const struct zone *zone;

	*sum = (struct free_blocks){0};
	for_each_populated_zone (zone)
		sample_zone(rp, zone, t_ns, sum);
}

void sample_free_areas(struct replay *rp, u64 t_ns)
{
	struct free_blocks sum;

	sample_zones(rp, t_ns, &sum);
}

static void sample_prospects(struct sampler *s, struct replay *rp, u64 t_ns)
{
	const struct zone *zone;
	struct huge_prospects h;
	u64 mixed = 0;

	if (rp->stack.pages->keeps_nothing)
		return;
	huge_prospects(&h);
	for_each_populated_zone (zone)
		mixed += nr_mixed_pageblocks(rp->stack.pages, zone);
	sampler_gauge(s, rp, t_ns, GAUGE_COMPACTED, "availability_compacted/9",
		      (double)h.blocks[0]);
	sampler_gauge(s, rp, t_ns, GAUGE_COMPACTED + 1, "availability_compacted/10",
		      (double)h.blocks[1]);
	sampler_gauge(s, rp, t_ns, GAUGE_MOVES, "huge_moves_bound", (double)h.moves);
	sampler_gauge(s, rp, t_ns, GAUGE_MOVES_MOVABLE, "huge_moves_bound_movable",
		      (double)h.moves_movable);
	sampler_gauge(s, rp, t_ns, GAUGE_MIXED, "mixed_pageblocks", (double)mixed);
}

void sample_free_memory(struct sampler *s, struct replay *rp, u64 t_ns)
{
	struct free_blocks f;
	char name[40];

	sample_zones(rp, t_ns, &f);
	sampler_gauge(s, rp, t_ns, GAUGE_FREE_BYTES, "free_bytes",
		      (double)(free_blocks_pages(&f) << PAGE_SHIFT));
	sampler_gauge(s, rp, t_ns, GAUGE_FREE_HUGE, "free_huge_percent", free_huge_percent(&f));
	for (int o = 0; o < MAX_ORDER; o++) {
		snprintf(name, sizeof(name), "unusable_free_index/%d", o);
		sampler_gauge(s, rp, t_ns, GAUGE_UNUSABLE + o, name, unusable_free_index(&f, o));
		snprintf(name, sizeof(name), "fragmentation_index/%d", o);
		sampler_gauge(s, rp, t_ns, GAUGE_FRAGMENTATION + o, name,
			      fragmentation_index(&f, o));
		snprintf(name, sizeof(name), "availability/%d", o);
		sampler_gauge(s, rp, t_ns, GAUGE_AVAILABILITY + o, name,
			      (double)free_blocks_suitable(&f, o));
	}
	sample_prospects(s, rp, t_ns);
}
