/*
 * What /proc/vmstat and /proc/zoneinfo know, for results.
 *
 * Theory: Linux counts what becomes of page requests where it happens (enum vm_event_item), and
 * keeps gauges of each zone and node. Who compares two kernels compares these; so a run has them
 * under the same names.
 *
 * Invariant: the counters only grow between two calls of vmstat_restart.
 *
 * Unlike Linux: figures are exact at any time, not up to what each CPU has not added yet. Only what
 * the simulated machine has is there: no swap, no writeback, no memory of user processes as such.
 */
#include "sim/vmstat.h"

#include <string.h>

#include "alloc/pages/buddy.h"
#include "alloc/pages/page_allocator.h"

static u64 free_pages(void)
{
	const struct zone *zone;
	long n = 0;

	for_each_populated_zone (zone)
		n += zone->vm_stat[NR_FREE_PAGES];
	return (u64)max(n, 0L);
}

/* NR_SLAB_RECLAIMABLE and its sister of a zone are a layer's, and not there without it. */
static u64 slab_pages(struct replay *rp, bool reclaimable)
{
	u64 pages = 0;

	for_each_name(rp, n)
	{
		struct slab_counts counts = {0};

		if (!n->slabs || reclaimable == !(n->slabs->gfp & __GFP_RECLAIMABLE))
			continue;
		slab_cache_counts(n->slabs, &counts);
		pages += counts.total << n->slabs->order;
	}
	return pages;
}

void vmstat_visit(struct replay *rp, void (*line)(void *arg, const char *name, u64 value),
		  void *arg)
{
	line(arg, "nr_free_pages", free_pages());
	line(arg, "nr_slab_reclaimable", slab_pages(rp, true));
	line(arg, "nr_slab_unreclaimable", slab_pages(rp, false));
	for (int i = 0; i < NR_VM_EVENT_ITEMS; i++)
		line(arg, vm_event_names[i], kernel->vm_event[i]);
}

struct listener {
	struct sink *sink;
	u64 t_ns;
};

static void tell_line(void *arg, const char *name, u64 value)
{
	const struct listener *l = arg;

	l->sink->ops->vmstat(l->sink, l->t_ns, name, value);
}

void vmstat_report(struct replay *rp, u64 t_ns)
{
	u64 clock_ns = kernel->clock_ns; /* looking costs nothing */

	vmstat_visit(rp, tell_line, &(struct listener){rp->sink, t_ns});
	kernel->clock_ns = clock_ns;
}

void vmstat_restart(void)
{
	memset(kernel->vm_event, 0, sizeof(kernel->vm_event));
}

static u64 mark_pages(long mark)
{
	return (u64)max(mark, 0L);
}

void zones_report(struct replay *rp)
{
	const struct zone *zone;

	for_each_populated_zone (zone) {
		const struct zone_watermarks *w = zone_marks(rp->stack.pages, zone);

		rp->sink->ops->zone(rp->sink, &(struct sink_zone){
						      .node = zone->node,
						      .zone = zone->name,
						      .start_pfn = zone->zone_start_pfn,
						      .spanned = zone->spanned_pages,
						      .present = zone->spanned_pages,
						      .managed = zone->spanned_pages,
						      .min = w ? mark_pages(w->min) : 0,
						      .low = w ? mark_pages(w->low) : 0,
						      .high = w ? mark_pages(w->high) : 0,
					      });
	}
}
