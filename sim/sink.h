/*
 * The sample stream: everything a run says about itself.
 *
 * A run calls begin once, then samples in time order, then the tables of its end, then end. The one
 * question everybody asks: *who keeps the strings?* Nobody: every pointer handed to a sink is valid
 * during the call only. A sink that fails remembers its first error and ignores the rest; end
 * reports it.
 *
 * All times are simulated nanoseconds since the start of the load, all sizes bytes, unless a name
 * says otherwise. Definitions of the metrics: sim/metrics.h and `kmemsim help METRIC`.
 */
#ifndef SIM_SINK_H
#define SIM_SINK_H

#include "lib/err.h"
#include "lib/types.h"

#define SINK_NR_ORDERS 11

/* Which way a metric is better. */
enum metric_better { BETTER_LOWER, BETTER_HIGHER, BETTER_NEITHER };

struct metric_desc {
	const char *name; /* as in results and on the command line */
	const char *unit; /* "bytes", "ns", "count", "permille", "percent", "pages" */
	enum metric_better better;
	const char *summary; /* one line: what it is */
};

/* Every metric a run can report, sorted by name, ended by a NULL name. In sim/metrics.c. */
extern const struct metric_desc metrics[];
/* NULL if there is none of that name. */
const struct metric_desc *metric_find(const char *name);

struct sink_run {
	const char *label;   /* the user's name for the stack; default: the canonical stack */
	const char *load;    /* name of the load in the experiment, or the file's name */
	const char *stack;   /* canonical: "pages=page_allocator(...) slab=rcu:slabifier(...)" */
	const char *machine; /* the resolved machine as canonical YAML text */
	const char *input;   /* path of the load's file, as given */
	u64 input_hash;
	u64 seed;
	u64 sample_ns;	     /* between samples, as asked for; 0: 200 samples over the load */
	const char *command; /* the line that repeats this run */
};

struct sink_slab { /* one physical cache at one instant; columns as in slabinfo 2.1 */
	u64 t_ns;
	const char *cache;
	u64 active_objs, num_objs;
	u64 objsize, objperslab, pagesperslab;
	u64 active_slabs, num_slabs;
};

struct sink_cache { /* one alias at one instant */
	u64 t_ns;
	const char *cache;		       /* the physical cache */
	const char *alias;		       /* the name under which it was asked for */
	u64 live_objs, bytes_req, bytes_alloc; /* of the live objects */
};

struct sink_site { /* one call site over the whole run */
	const char *call_site;
	const char *cache;		  /* "" for page requests */
	u64 hits, bytes_req, bytes_alloc; /* cumulative */
	u64 live_objs, live_bytes;	  /* at the end */
	u64 ping_pong;			  /* freed on another CPU than allocated on */
	u64 cross_node;			  /* memory of another node than the CPU's */
};

struct sink_latency {
	const char *op;	  /* "kmalloc", "kfree", "kmem_cache_alloc", "page_alloc/0", ... */
	const char *path; /* "fast", "slow", "new_slab", "refused", ... */
	u64 count, p50_ns, p90_ns, p99_ns, p999_ns, max_ns;
};

struct sink_zone { /* one populated zone, as the machine starts */
	int node;
	const char *zone;
	u64 start_pfn, spanned, present, managed; /* pages */
	u64 min, low, high;			  /* watermarks; 0: the allocator keeps none */
};

/* Who keeps otherwise free pageblocks from being free; definitions: sim/blame.h. */
struct sink_blame {	       /* one (call site, cache) over the whole run */
	const char *call_site; /* "" where it is not known */
	const char *cache;     /* "" for page requests; "(per-CPU lists)" and the like for others */
	double blocks_end;     /* kept at the end: holders share a block by their pages in it */
	u64 sole_end;	       /* of these, the ones nobody else keeps */
	u64 pages_end;	       /* the holder's pages in them */
	double blocks_mean, pages_mean; /* over time */
	u64 block_ns;			/* time of blocks kept, added up over its shares of them */
	u64 longest_ns; /* one block was kept, by any holder of this name, without a break */
};

struct sink_blame_block { /* one otherwise free pageblock at the end */
	int node;
	const char *zone;
	u64 pfn; /* of its first page */
	/* All pages of it; those on per-CPU lists are free, but where they alone keep it. */
	u32 free_pages, movable_pages, unmovable_pages;
	/*
	 * The holder with most of the unmovable pages; of a cache the call site with most of the
	 * objects that it has here.
	 */
	const char *call_site, *cache;
	u32 holder_pages;
	u64 kept_ns; /* for so long it has been kept, by whomever */
};

struct sink_lock { /* one lock class */
	const char *lock;
	u64 acquisitions, contended, wait_ns_total, wait_ns_max;
};

/* What compaction moved out of a cell and into it since the machine was created, in pages. */
struct sink_moves {
	u32 from, to;
};

/*
 * What lives in the pageblocks of one zone at one instant. A machine of many pageblocks has several
 * in a cell.
 */
struct sink_block_map {
	u64 t_ns;
	int node;
	const char *zone;
	u64 first_pfn;
	u32 nr_blocks, blocks_per_cell; /* the last cell may have fewer */
	const struct sink_cell *cells;	/* DIV_ROUND_UP(nr_blocks, blocks_per_cell) */
	const struct sink_moves *moves; /* as many; NULL: nothing ever moved in this zone */
};

#define SINK_CELL_FULL 255    /* all pages of the cell */
#define SINK_CELL_PINNED 31   /* all pageblocks of the cell */
#define SINK_CELL_UNTYPED 6   /* the allocator keeps no types */
#define SINK_CELL_NO_TYPE 7   /* never given out */
#define SINK_CELL_TYPE_MASK 7 /* the pinned ones stand above it */

/* Shares are rounded, but never to nothing, and never to all. */
struct sink_cell {
	u8 unmovable, movable, reclaimable; /* pages in use by the mobility asked for, of 255 */
	/* Bits 0-2: enum migratetype of (most of) the pageblocks; bits 3-7: pageblocks that hold
	 * pages which cannot move, of 31. */
	u8 type_pinned;
};

struct sink_compact { /* one run of compaction over a zone */
	u64 t_ns;     /* when it began */
	int node;
	const char *zone;
	const char *mode;   /* who: "direct_async", ..., "kcompactd", "proactive" */
	int page_order;	    /* wanted; -1: as many large blocks as can be */
	const char *result; /* as in Linux: "success", "complete", "contended", ... */
	u64 migrate_scanned, free_scanned, isolated, moved, failed; /* pages */
	s64 blocks_gained; /* free blocks of 2 MiB, after and before */
	u64 ns;		   /* of CPU time it took */
};

struct sink_reclaim {	  /* a run of kswapd over its node, or what a request did for itself */
	u64 t_ns, end_ns; /* from when to when; kswapd naps in between */
	int node;
	const char *mode;	/* who: "kswapd", "direct" */
	int page_order;		/* wanted */
	int priority;		/* the lowest it came to: 1 / 2^priority of the lists at a time */
	u64 scanned, reclaimed; /* pages */
	u64 ns;			/* of CPU time it took */
};

/*
 * The stack's store at one instant, in runs that have one. Objects and their bytes are those of the
 * load, raw ones included; blocks, headers and free bytes are the store's, without them. What has
 * been done counts from the end of the warm-up.
 */
struct sink_store {
	u64 t_ns;
	u64 objects, bytes_req; /* stored */
	u64 raw, raw_bytes_req; /* of these, too large for the store: in a page each */
	u64 pages;		/* for contents: the store's but its reserve, and the raw ones */
	u64 reserve_pages;
	u64 descriptors, descriptor_bytes, descriptor_pages, slab_pages; /* see store_stats */
	u64 header_bytes, blocks, block_bytes, free_bytes;
	u64 nr_malloc, nr_split, nr_searches, nr_search_steps;
	u64 compact_runs, compact_freed_pages, compact_moved_blocks, compact_moved_bytes;
	u64 compact_ns;
};

struct sink_store_class { /* one size class, at a mark of the load or at the end */
	u64 t_ns;
	u32 index, size;
	u64 almost_full, almost_empty;
	u64 obj_allocated, obj_used; /* objects there is room for, live ones */
	u64 pages_used;
	u32 pages_per_zspage;
	u64 freeable; /* pages that compaction could free */
};

struct sink_end {
	const char *status; /* "ok", "oom", "invariant", "aborted" */
	u64 digest;
	u64 nr_requests;
	u64 sim_ns;
	u64 wall_ns; /* host time: the only figure that may differ between equal runs */
};

struct sink {
	const struct sink_ops *ops;
};

#define MARK_TIME_ZERO "kmemsim: time zero"

struct sink_ops {
	void (*begin)(struct sink *s, const struct sink_run *run);
	/* A figure of one layer ("pages/0:rcu"; "" = whole stack) at an instant. */
	void (*sample)(struct sink *s, u64 t_ns, const char *layer, const char *metric,
		       double value);
	/*
	 * Free blocks of every order of one node, zone and migratetype (lists and untouched range).
	 */
	void (*free_area)(struct sink *s, u64 t_ns, int node, const char *zone,
			  const char *migratetype, const u64 nr_free[SINK_NR_ORDERS]);
	void (*slab)(struct sink *s, const struct sink_slab *slab);
	void (*cache)(struct sink *s, const struct sink_cache *cache);
	/*
	 * A mark of the load, in runs that sample at marks: free areas, slabs, maps, vmstat and
	 * samples that follow are the state at this mark, up to the call with text NULL. The first,
	 * before the load begins, is MARK_TIME_ZERO.
	 */
	void (*mark)(struct sink *s, u64 t_ns, const char *text);
	/* kind: double_free, extfrag, refused, oom, leak, ...: the contract's event_view.kind. */
	void (*event)(struct sink *s, u64 t_ns, int cpu, const char *kind, const char *detail);
	void (*compact)(struct sink *s, const struct sink_compact *compact);
	void (*reclaim)(struct sink *s, const struct sink_reclaim *reclaim);
	/* A figure of the whole run. The metric is one of metrics[]. */
	void (*summary)(struct sink *s, const char *layer, const struct metric_desc *metric,
			double value);
	void (*site)(struct sink *s, const struct sink_site *site);
	void (*latency)(struct sink *s, const struct sink_latency *latency);
	void (*lock)(struct sink *s, const struct sink_lock *lock);
	void (*zone)(struct sink *s, const struct sink_zone *zone);
	/* A counter or gauge of /proc/vmstat, at the end and at some instants before. */
	void (*vmstat)(struct sink *s, u64 t_ns, const char *name, u64 value);
	void (*blame)(struct sink *s, const struct sink_blame *blame);
	void (*blame_block)(struct sink *s, const struct sink_blame_block *block);
	/* At a bounded number of instants, zone after zone. */
	void (*block_map)(struct sink *s, const struct sink_block_map *map);
	/* At each sample and each mark; the classes follow, at marks and at the end. */
	void (*store)(struct sink *s, const struct sink_store *store);
	void (*store_class)(struct sink *s, const struct sink_store_class *c);
	/* Makes the run durable (or nothing of it): 0, or -1 with the first error. */
	int (*end)(struct sink *s, const struct sink_end *end, struct err *e);
};

#endif
