/*
 * The numbers of an import, by name.
 */
#include "traces/stats.h"

#define ROW(field, help, always)                                                                   \
	{                                                                                          \
#field, help, offsetof(struct import_stats, field), always                         \
	}
#define STAT(field, help) ROW(field, help, false)
#define ALWAYS(field, help) ROW(field, help, true)

const struct import_stat_desc import_stat_table[] = {
	STAT(t_first_ns, "time of the first event on the recorded clock"),
	STAT(t_last_ns, "time of the last event"),
	STAT(nr_events, "events recorded"),
	STAT(pfn_max, "highest page frame in the events"),
	STAT(cpus_used, "CPUs up to the last that had an event"),
	ALWAYS(lost_events, "events the recording lost"),
	ALWAYS(null_frees, "frees of NULL, skipped"),
	STAT(failed_allocs, "allocations that failed, skipped"),
	ALWAYS(orphan_frees, "frees without allocation"),
	STAT(orphan_births, "objects born before the trace"),
	STAT(orphan_page_births, "pages born before the trace"),
	STAT(bulk_births, "objects allocated in bulk, without an event"),
	STAT(bulk_page_births, "pages allocated in bulk, without an event"),
	STAT(moved_pages, "pages moved by compaction: the request lives on"),
	STAT(moved_page_frees, "frees of pages at the place they were moved to"),
	STAT(isolated_pages, "free pages that compaction took and gave back"),
	ALWAYS(reappeared, "objects allocated twice: free put in"),
	STAT(reappeared_pages, "pages allocated twice: free put in"),
	STAT(slab_page_frees, "objects that died with their slab page: free put in"),
	STAT(silent_frees, "objects of sites that free in bulk, without an event: free put in"),
	STAT(split_pages, "blocks allocated whole, freed in parts"),
	STAT(joined_pages, "blocks allocated in parts, freed whole"),
	ALWAYS(slab_pages, "pages of the recorded kernel's slabs, not replayed"),
	STAT(slab_pages_old, "such pages older than the trace"),
	STAT(large_kmallocs, "kmalloc above 8 KiB, replayed as pages"),
	STAT(store_objects, "objects of the recorded zsmalloc, not replayed"),
	STAT(store_residents, "compressed objects before, throughout and after the trace: put in"),
	STAT(store_pages, "pages of the recorded zsmalloc, not replayed"),
	STAT(known_free_slots, "slots known to be free at the start"),
	STAT(zero_ns, "time zero of a warm start, since the first event"),
	STAT(zero_live, "objects alive then whose address is known"),
	STAT(zero_free, "slots of slabs known to be free then"),
	STAT(zero_pages, "blocks of pages allocated then whose frame is known"),
	ALWAYS(live_at_end, "requests alive at the end"),
	STAT(unresolved_objects, "objects whose cache has no name"),
	ALWAYS(unresolved_caches, "caches without a name"),
	STAT(truth_slab_pages, "slab pages by the trace's own ground truth"),
	STAT(truth_missed, "of these, not recognised"),
	STAT(truth_wrong, "taken for slab pages, but none"),
	{NULL, NULL, 0, false},
};
