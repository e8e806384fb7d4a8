/*
 * What an import found and what it did about it: the numbers that `import` prints and `info`
 * repeats.
 *
 * One table (import_stat_table) names each; the names are those of `info --format json` and of the
 * file.
 */
#ifndef TRACES_STATS_H
#define TRACES_STATS_H

#include "lib/types.h"

struct import_stats {
	u64 t_first_ns, t_last_ns; /* on the recorded clock */
	u64 nr_events;
	u64 pfn_max;   /* highest page frame in the events */
	u64 cpus_used; /* CPUs of events are below this; 0: not counted */
	u64 lost_events;

	/* Frees of nothing, allocations that got nothing. */
	u64 null_frees, failed_allocs;

	/* Frees without allocation, and what became of them. */
	u64 orphan_frees;  /* births, bulk births, moves, handles freed twice: together */
	u64 orphan_births; /* of objects: born before time zero */
	u64 orphan_page_births;
	u64 bulk_births; /* objects allocated in bulk, without an event: allocation put in */
	u64 bulk_page_births;
	u64 moved_pages;      /* freed by compaction: the request lives on */
	u64 moved_page_frees; /* orphan frees that ended such a request */
	u64 isolated_pages;   /* free pages that compaction had taken and gave back: no request */

	/* Allocations of what was already allocated: the free before it was put in. */
	u64 reappeared, reappeared_pages;
	/* Objects that their slab page's free proved dead: the free was put in. */
	u64 slab_page_frees;
	/* Objects that died of age, for others of their site are freed in bulk, without an
	 * event. */
	u64 silent_frees;
	u64 split_pages;  /* allocated as one, freed in parts */
	u64 joined_pages; /* allocated in parts, freed as one */

	/* Not replayed. */
	u64 slab_pages;			/* pages of the recorded kernel's slabs: births */
	u64 slab_pages_old;		/* and such that are older than the trace: frees */
	u64 large_kmallocs;		/* above 8 KiB: seen again as pages */
	u64 store_objects, store_pages; /* the recorded zsmalloc's own */

	u64 store_residents; /* compressed objects older than the trace that outlive it: born */

	u64 known_free_slots; /* slots of old slab pages whose first event is an allocation */
	/* The state at time zero (state.h). */
	u64 zero_ns, zero_live, zero_free, zero_pages;
	u64 live_at_end;
	u64 unresolved_objects; /* whose cache has no recorded name */
	u64 unresolved_caches;

	/* Only where the trace tells the truth about slab pages (group gt). */
	u64 truth_slab_pages, truth_missed, truth_wrong;
};

struct import_stat_desc {
	const char *name, *help;
	size_t offset;
	bool always; /* people want to see it even if it is 0 */
};

/* Ends with a NULL name. */
extern const struct import_stat_desc import_stat_table[];

static inline u64 *import_stat(struct import_stats *s, const struct import_stat_desc *d)
{
	return (u64 *)((char *)s + d->offset);
}

#endif
