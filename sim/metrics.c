/*
 * Metrics: their definitions and their names.
 *
 * Theory: two questions about free memory need nothing but the number of free blocks by order. How
 * much of it lies in blocks too small for order k (the unusable index)? And if a request of order k
 * fails, is that for lack of memory or for fragmentation (the fragmentation index)? The second has
 * no answer while a block is there, hence -1000.
 *
 * Invariant: while anything is free, the unusable index is 0 at order 0 and never falls with the
 * order. The table of names is sorted.
 */
#include "sim/metrics.h"

#include <string.h>

#include "alloc/kernel.h"

_Static_assert(SINK_NR_ORDERS == MAX_ORDER, "results know every order");

static u64 free_blocks_total(const struct free_blocks *f)
{
	u64 n = 0;

	for (int o = 0; o < SINK_NR_ORDERS; o++)
		n += f->nr_free[o];
	return n;
}

u64 free_blocks_suitable(const struct free_blocks *f, int k)
{
	u64 n = 0;

	for (int o = k; o < SINK_NR_ORDERS; o++)
		n += f->nr_free[o] << (o - k);
	return n;
}

u64 free_blocks_pages(const struct free_blocks *f)
{
	return free_blocks_suitable(f, 0);
}

int fragmentation_index(const struct free_blocks *f, int k)
{
	u64 total = free_blocks_total(f), pages = free_blocks_pages(f);

	if (!total)
		return 0;
	if (free_blocks_suitable(f, k))
		return -1000;
	return 1000 - (int)((1000 + pages * 1000 / (1ULL << k)) / total);
}

static u64 unusable_pages(const struct free_blocks *f, int k)
{
	return free_blocks_pages(f) - (free_blocks_suitable(f, k) << k);
}

int unusable_free_index(const struct free_blocks *f, int k)
{
	u64 pages = free_blocks_pages(f);

	return pages ? (int)(unusable_pages(f, k) * 1000 / pages) : 1000;
}

int extfrag_for_order(const struct free_blocks *f, int k)
{
	u64 pages = free_blocks_pages(f);

	return pages ? (int)(unusable_pages(f, k) * 100 / pages) : 0;
}

u64 moves_bound(const u32 *nr, u64 size, u64 wanted)
{
	u64 moves = 0;

	for (u64 used = 0; used <= size && wanted; used++) {
		u64 n = min((u64)nr[used], wanted);

		moves += n * used;
		wanted -= n;
	}
	ASSERT(!wanted);
	return moves;
}

double free_huge_percent(const struct free_blocks *f)
{
	u64 ideal = free_blocks_pages(f) >> pageblock_order;

	return ideal ? 100.0 * (double)free_blocks_suitable(f, pageblock_order) / (double)ideal : 0;
}

#define LOWER BETTER_LOWER
#define HIGHER BETTER_HIGHER
#define NEITHER BETTER_NEITHER

/*
 * Sorted by name: a test holds us to it. Per layer means: also given for each layer of the stack.
 */
const struct metric_desc metrics[] = {
	{"alloc_latency_max_ns", "ns", LOWER, "longest allocation"},
	{"alloc_latency_mean_ns", "ns", LOWER, "mean time of an allocation"},
	{"alloc_latency_p50_ns", "ns", LOWER, "median time of an allocation"},
	{"alloc_latency_p999_ns", "ns", LOWER, "99.9th percentile of the time of an allocation"},
	{"alloc_latency_p99_ns", "ns", LOWER, "99th percentile of the time of an allocation"},
	{"availability_9_end", "count", HIGHER,
	 "huge pages that could be handed out right now, without compaction, at the end"},
	{"availability_9_mean", "count", HIGHER,
	 "huge pages that could be handed out right now, without compaction, mean over time"},
	{"availability_compacted_9_end", "count", HIGHER,
	 "huge pages that perfect compaction within each zone could give, at the end: pageblocks "
	 "without a page that cannot move, but no more than there is free memory for"},
	{"availability_compacted_9_mean", "count", HIGHER,
	 "huge pages that perfect compaction within each zone could give, mean over time"},
	{"boot_bytes_lost", "bytes", LOWER,
	 "bootmem (slab): bytes of early objects that were freed and could not be given back"},
	{"boot_bytes_req", "bytes", NEITHER,
	 "boot: bytes asked for and alive when memory was handed over"},
	{"boot_bytes_taken", "bytes", LOWER,
	 "boot: memory that was taken when the rest was handed over"},
	{"boot_bytes_wasted", "bytes", LOWER,
	 "boot: of the memory taken then, what nobody asked for"},
	{"boot_frees_lost", "count", LOWER,
	 "bootmem (slab): frees of early objects that came too late to be given back"},
	{"boot_ns", "ns", NEITHER, "boot: when memory was handed over"},
	{"boot_objects", "count", NEITHER,
	 "bootmem (slab): objects that were allocations of bootmem"},
	{"boot_pages_handed_over", "pages", HIGHER, "boot: free pages that were handed over"},
	{"boot_pages_kept", "pages", LOWER, "boot: pages that were given out before"},
	{"boot_requests", "count", NEITHER, "boot: requests before memory was handed over"},
	{"bytes_alloc_live_max", "bytes", LOWER, "most bytes live objects and pages ever occupied"},
	{"bytes_req_live_max", "bytes", NEITHER, "most bytes ever asked for and live"},
	{"compact_blocks_gained", "count", HIGHER,
	 "free blocks of 2 MiB, after and before each run of compaction, all runs together"},
	{"compact_failed_pages", "pages", LOWER, "pages compaction took up and could not move"},
	{"compact_moved_pages", "pages", LOWER, "pages compaction moved"},
	{"compact_ns", "ns", LOWER, "CPU time of compaction, by requests and by kcompactd"},
	{"compact_runs", "count", NEITHER, "runs of compaction over a zone"},
	{"cpu_ns", "ns", LOWER, "CPU time spent in the allocators, over all CPUs"},
	{"direct_reclaim_ns", "ns", LOWER,
	 "CPU time in which requests reclaimed memory themselves"},
	{"direct_reclaims", "count", LOWER,
	 "times a request had to reclaim memory itself (allocstall)"},
	{"evicted_objs", "count", NEITHER,
	 "reclaimable objects of caches that were freed under pressure"},
	{"free_error", "ratio", LOWER,
	 "fidelity: free pages by zone and order, sum |simulated - recorded| / sum recorded, over "
	 "snapshots after the first"},
	{"free_error_idle", "ratio", NEITHER,
	 "fidelity: the free_error of doing nothing, of the recorded state of the first snapshot"},
	{"free_huge_mean_percent", "percent", HIGHER,
	 "free huge pages in percent of what free memory could give at best, mean over time"},
	{"free_latency_max_ns", "ns", LOWER, "longest free"},
	{"free_latency_mean_ns", "ns", LOWER, "mean time of a free"},
	{"free_latency_p50_ns", "ns", LOWER, "median time of a free"},
	{"free_latency_p999_ns", "ns", LOWER, "99.9th percentile of the time of a free"},
	{"free_latency_p99_ns", "ns", LOWER, "99th percentile of the time of a free"},
	{"held_bytes_max", "bytes", LOWER,
	 "per layer: most bytes, whenever looked at, the layer kept back from what it stands on "
	 "(limbo, reserves, free slots)"},
	{"held_bytes_mean", "bytes", LOWER, "per layer: bytes kept back, mean over time"},
	{"huge_allocs", "count", NEITHER, "huge pages (order 9) asked for and had"},
	{"huge_failed", "count", LOWER, "huge pages (order 9) asked for and refused"},
	{"huge_moves_bound_end", "pages", LOWER,
	 "fewest pages to move until every zone has as many free huge pages as its free memory "
	 "could make, taking every page for movable, at the end"},
	{"huge_moves_bound_mean", "pages", LOWER,
	 "fewest pages to move until every zone has as many free huge pages as its free memory "
	 "could make, taking every page for movable, mean over time"},
	{"huge_moves_bound_movable_end", "pages", NEITHER,
	 "fewest pages to move to have the huge pages that perfect compaction could give, moving "
	 "only what can be moved, at the end"},
	{"huge_moves_bound_movable_mean", "pages", NEITHER,
	 "fewest pages to move to have the huge pages that perfect compaction could give, moving "
	 "only what can be moved, mean over time"},
	{"huge_success_percent", "percent", HIGHER,
	 "huge pages (order 9) had, of those asked for; of a load that asks for any"},
	{"idle_work_runs", "count", LOWER,
	 "delayed works that ran though nothing had been asked of their CPU since the same work "
	 "ran there last: what keeps a quiet machine awake"},
	{"internal_frag_percent", "percent", LOWER,
	 "share of allocated bytes nobody asked for, cumulative: 100 - 100 * requested / "
	 "allocated"},
	{"kswapd_ns", "ns", LOWER, "CPU time of kswapd, over all nodes"},
	{"kswapd_runs", "count", NEITHER,
	 "times kswapd was woken and balanced its node (pageoutrun)"},
	{"layer_cpu_ns", "ns", LOWER,
	 "per layer: CPU time of the layer itself, not of what it calls"},
	{"live_bytes_max", "bytes", NEITHER, "per layer: most bytes live through the layer"},
	{"live_objs_end", "count", NEITHER, "objects and page blocks alive at the end"},
	{"lock_contended", "count", LOWER, "lock acquisitions that had to wait"},
	{"lock_wait_ns", "ns", LOWER, "time spent waiting for locks"},
	{"mixed_pageblocks_end", "count", LOWER,
	 "pageblocks that hold pages of a mobility other than their own, at the end"},
	{"mixed_pageblocks_mean", "count", LOWER,
	 "pageblocks that hold pages of a mobility other than their own, mean over time"},
	{"nr_alloc", "count", NEITHER,
	 "allocations that succeeded, births left out (per layer: births included)"},
	{"nr_cross_node", "count", LOWER, "allocations from another node than the CPU's"},
	{"nr_extfrag", "count", LOWER,
	 "page allocations that fell back to another mobility's block"},
	{"nr_extfrag_fragmenting", "count", LOWER,
	 "of these, from a block smaller than a pageblock"},
	{"nr_extfrag_into_movable", "count", LOWER,
	 "of the unmovable ones, those placed among movable pages"},
	{"nr_extfrag_unmovable", "count", LOWER, "of these, for unmovable pages"},
	{"nr_failed", "count", LOWER, "allocations refused (per layer too)"},
	{"nr_free", "count", NEITHER, "frees (per layer too)"},
	{"nr_ping_pong", "count", LOWER,
	 "objects freed on another CPU than they were allocated on, both recorded"},
	{"nr_reports", "count", LOWER,
	 "events the allocators reported: double frees, extfrag, refusals"},
	{"nr_skipped_frees", "count", LOWER,
	 "frees left out because their allocation was refused or not served"},
	{"nr_unserved", "count", LOWER, "compressed objects not stored: the stack has no store"},
	{"pages_taken_bytes_max", "bytes", LOWER, "most memory ever taken from the page source"},
	{"pages_taken_bytes_mean", "bytes", LOWER,
	 "memory taken from the page source, mean over time"},
	{"rcu_callbacks_max", "count", LOWER, "most RCU callbacks waiting at once"},
	{"rcu_gp_max_ns", "ns", LOWER, "longest RCU grace period"},
	{"rcu_gp_mean_ns", "ns", LOWER, "mean length of an RCU grace period"},
	{"realized_frag_percent", "percent", LOWER,
	 "peak of memory taken over what was asked for at that moment, less one"},
	{"reclaim_pages_direct", "pages", NEITHER,
	 "pages of the page cache that requests evicted themselves"},
	{"reclaim_pages_kswapd", "pages", NEITHER, "pages of the page cache that kswapd evicted"},
	{"reclaim_scanned", "pages", LOWER, "pages of the page cache looked at to evict some"},
	{"reclaim_written", "pages", NEITHER, "dirty pages that kswapd had written"},
	{"refault_ns", "ns", LOWER, "CPU time in which evicted pages and objects were had again"},
	{"refaulted_objs", "count", LOWER, "evicted objects that were accessed, and made again"},
	{"refaulted_pages", "pages", LOWER, "evicted pages that were accessed, and read again"},
	{"refaults_refused", "count", LOWER,
	 "accesses to evicted pages and objects for which there was no memory"},
	{"shrink_bytes", "bytes", NEITHER,
	 "memory that requests to shrink gave back by the time they ended; what waits for a grace "
	 "period comes later"},
	{"shrink_moved_bytes", "bytes", LOWER, "bytes of objects moved to empty sparse slabs"},
	{"shrink_moved_objs", "count", LOWER, "objects moved to empty sparse slabs"},
	{"shrink_ns", "ns", LOWER, "CPU time of requests to shrink"},
	{"shrink_pinned_objs", "count", NEITHER, "objects asked to move that were pinned"},
	{"shrink_slabs", "count", NEITHER, "slabs that requests to shrink gave back"},
	{"slab_bytes_end", "bytes", LOWER, "memory held by the slab layer at the end"},
	{"slab_bytes_max", "bytes", LOWER, "most memory ever held by the slab layer"},
	{"slab_bytes_mean", "bytes", LOWER, "memory held by the slab layer, mean over time"},
	{"slab_change_error", "ratio", LOWER,
	 "fidelity: slab bytes of each cache active in the trace, d = change since the first "
	 "snapshot: sum |d_simulated - d_recorded| / sum |d_recorded| over the snapshots after it"},
	{"slab_change_error_idle", "ratio", NEITHER,
	 "fidelity: the slab_change_error of doing nothing: 1"},
	{"slab_error", "ratio", LOWER,
	 "fidelity: slab bytes of each cache active in the trace, sum |simulated - recorded| / sum "
	 "recorded over snapshots after the first; what never changes flatters it"},
	{"slab_error_idle", "ratio", NEITHER,
	 "fidelity: the slab_error of doing nothing, of the recorded state of the first snapshot"},
	{"slab_frag_percent", "percent", LOWER,
	 "share of slab memory nobody asked for: 1 - requested / held, mean over time"},
	{"store_bad_handles", "count", LOWER,
	 "store: calls with a handle that names no live object"},
	{"store_between_frag_percent", "percent", LOWER,
	 "store: share of its pages, those in reserve left out, in which no object lies, mean over "
	 "time"},
	{"store_blocks_per_obj", "count", LOWER,
	 "store: pieces that an object lies in, objects in pages of their own left out, mean over "
	 "time"},
	{"store_compact_freed_pages", "pages", HIGHER, "store: pages that compaction freed"},
	{"store_compact_moved_bytes", "bytes", LOWER, "store: bytes that compaction moved"},
	{"store_compact_ns", "ns", LOWER, "store: CPU time of compaction"},
	{"store_compact_pages_per_mib", "pages", HIGHER,
	 "store: pages that compaction freed for each MiB that it moved"},
	{"store_compact_runs", "count", NEITHER, "store: runs of compaction"},
	{"store_density_end", "ratio", HIGHER, "store: objects for each page of it, at the end"},
	{"store_density_mean", "ratio", HIGHER,
	 "store: objects for each page of it, mean over time; objects too large for it and the "
	 "pages they take count, pages in reserve do not"},
	{"store_effective_percent_end", "percent", LOWER,
	 "store: pages of it and of its descriptors for each 100 objects, at the end"},
	{"store_effective_percent_mean", "percent", LOWER,
	 "store: pages of it and of its descriptors for each 100 objects, mean over time: what is "
	 "left of a page that is stored; descriptors fill whole pages"},
	{"store_error", "ratio", LOWER,
	 "fidelity: memory of the store, |simulated - recorded mem_used_total| / recorded, at the "
	 "reading of mm_stat where it is largest"},
	{"store_error_idle", "ratio", NEITHER,
	 "fidelity: the store_error of doing nothing, of what the first reading of mm_stat said"},
	{"store_free_mean_ns", "ns", LOWER, "store: mean time of a free"},
	{"store_inside_frag_percent", "percent", LOWER,
	 "store: share of the blocks that objects lie in which nobody asked for (rounding, "
	 "headers), "
	 "mean over time"},
	{"store_malloc_mean_ns", "ns", LOWER, "store: mean time of a malloc"},
	{"store_malloc_p99_ns", "ns", LOWER, "store: 99th percentile of the time of a malloc"},
	{"store_memory_percent_end", "percent", LOWER,
	 "store: pages of contents and of descriptors in percent of the bytes stored, at the end"},
	{"store_memory_percent_mean", "percent", LOWER,
	 "store: pages of contents and of descriptors in percent of the bytes stored, mean over "
	 "time"},
	{"store_metadata_bytes_per_obj", "bytes", LOWER,
	 "store: bytes of descriptors, and of headers within its pages, for each object in it, "
	 "mean "
	 "over time"},
	{"store_objs_end", "count", NEITHER, "store: compressed objects at the end"},
	{"store_objs_mean", "count", NEITHER, "store: compressed objects, mean over time"},
	{"store_pages_end", "pages", LOWER,
	 "store: pages for contents, as in the mean, at the end"},
	{"store_pages_max", "pages", LOWER,
	 "store: most pages for contents, as in the mean, of all samples"},
	{"store_pages_mean", "pages", LOWER,
	 "store: pages for contents, those of objects too large for it included, its reserve left "
	 "out, mean over time"},
	{"store_raw_objs", "count", NEITHER,
	 "store: objects too large for it, which had a page each"},
	{"store_read_mean_ns", "ns", LOWER, "store: mean time of a read"},
	{"store_search_steps_per_malloc", "count", LOWER,
	 "store: lists, blocks or words of a bitmap looked at to find room, for each malloc"},
	{"store_searches_per_malloc", "count", LOWER,
	 "store: searches for a free block or page, for each malloc"},
	{"store_size_mean", "bytes", NEITHER, "store: bytes asked for by an object, mean"},
	{"store_split_percent", "percent", LOWER,
	 "store: mallocs that were given more than one block"},
	{"store_write_mean_ns", "ns", LOWER, "store: mean time of a write"},
	{"unusable_free_index_3_mean", "permille", LOWER,
	 "free memory in blocks too small for order 3, mean over time"},
	{"unusable_free_index_9_end", "permille", LOWER,
	 "free memory in blocks too small for a huge page, all zones together, at the end"},
	{"unusable_free_index_9_mean", "permille", LOWER,
	 "free memory in blocks too small for a huge page, mean over time"},
	{"work_delay_max_ns", "ns", LOWER,
	 "longest time a request waited because delayed works ran on its CPU"},
	{"work_delay_ns", "ns", LOWER,
	 "time requests waited because delayed works (flushers, reapers) ran on their CPU"},
	{"work_delayed", "count", LOWER, "requests that had to wait for delayed works"},
	{"work_ns", "ns", LOWER, "CPU time of delayed works, over all CPUs"},
	{"work_runs", "count", LOWER, "delayed works (flushers, reapers) that ran"},
	{NULL, NULL, NEITHER, NULL},
};

const struct metric_desc *metric_find(const char *name)
{
	for (const struct metric_desc *m = metrics; m->name; m++)
		if (!strcmp(m->name, name))
			return m;
	return NULL;
}

int prevailing_migratetype(const u32 nr[MIGRATE_TYPES])
{
	int most = 0;

	for (int mt = 1; mt < MIGRATE_TYPES; mt++)
		if (nr[mt] > nr[most])
			most = mt;
	return nr[most] ? most : -1;
}
