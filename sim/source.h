/*
 * The request stream: what a load is, wherever it comes from.
 *
 * A recorded trace and a generated workload are both a `struct source`: some tables, then requests
 * in batches, in time order. The one question everybody asks: *in which order?* By (t_ns, position
 * in the stream); requests of one CPU keep the order in which they were recorded.
 *
 * Time is in nanoseconds since the start of the load. Births (REQ_F_BIRTH) come first, at t_ns 0:
 * objects that lived before the load began, and what made room between them: frees and a shrink may
 * be among the births. They cost no simulated time and are counted in no metric.
 *
 * A load whose next requests depend on how earlier ones went (a thread that waits for its memory)
 * asks to be told: ended(). It then hands out batches that are as short as need be.
 */
#ifndef SIM_SOURCE_H
#define SIM_SOURCE_H

#include "alloc/gfp.h"
#include "alloc/slab_flags.h"
#include "lib/err.h"
#include "lib/types.h"
#include "sim/page_target.h"

enum request_kind {
	REQ_KMALLOC,	   /* object, size, gfp, node, site */
	REQ_KFREE,	   /* object, site */
	REQ_CACHE_ALLOC,   /* as REQ_KMALLOC, cache; size is the cache's object size */
	REQ_CACHE_FREE,	   /* object, site */
	REQ_PAGE_ALLOC,	   /* object, order, gfp, node (-1: of the CPU) */
	REQ_PAGE_FREE,	   /* object */
	REQ_STORE_ALLOC,   /* object, size: compressed bytes */
	REQ_STORE_FREE,	   /* object */
	REQ_SHRINK,	   /* shrink every cache, as the recorded machine did here */
	REQ_MARK,	   /* object: index into the mark table */
	REQ_STORE_READ,	   /* object: all of its contents */
	REQ_STORE_COMPACT, /* size: KiB moved at most; 0: as much as is worth it */
	NR_REQUEST_KINDS
};

/* "kmalloc", "kfree", "kmem_cache_alloc", "kmem_cache_free", "page_alloc", "page_free",
 * "store_alloc", "store_free", "shrink", "mark", "store_read", "store_compact": the kinds as
 * results and `info` name them. */
extern const char *const request_kind_names[NR_REQUEST_KINDS];

static inline bool request_is_alloc(enum request_kind k)
{
	return k == REQ_KMALLOC || k == REQ_CACHE_ALLOC || k == REQ_PAGE_ALLOC ||
	       k == REQ_STORE_ALLOC;
}

static inline bool request_is_free(enum request_kind k)
{
	return k == REQ_KFREE || k == REQ_CACHE_FREE || k == REQ_PAGE_FREE || k == REQ_STORE_FREE;
}

/* Times of a load stay below this, so that sums of times cannot wrap around. */
#define DURATION_NS_MAX (1ULL << 62)

/* Request flags. */
#define REQ_F_BIRTH 1U	/* before time zero: an orphan's allocation, a warm start */
#define REQ_F_REPAIR 2U /* not recorded: put in by the importer's repair */
#define REQ_F_STOP 4U	/* if it is refused, the run ends in oom */
#define REQ_F_PINNED 8U /* of a movable cache, but this object must stay where it is */

struct request {
	u64 t_ns;   /* since the start of the load */
	u32 object; /* dense id: smallest free number, reused after the object's free */
	u32 size;   /* bytes asked for */
	gfp_t gfp;  /* the numbers of Linux 6.1, whatever kernel was recorded */
	u32 site;   /* index into the site table; 0: unknown */
	u16 cache;  /* index into the cache table (CACHE_*, KMALLOC: the recorded cache) */
	u16 cpu;
	s16 node; /* asked for; -1: any */
	u8 kind;  /* enum request_kind */
	u8 order : 4, flags : 4;
};

_Static_assert(sizeof(struct request) == 32, "two requests to a cache line");

struct source_cache {
	const char *name;
	u32 object_size;    /* bytes_req of kmem events; 0: not seen */
	u32 size;	    /* chunk on the recorded machine; 0: not seen */
	u32 align;	    /* smallest power of two that explains size; 8 if none does */
	bool kmalloc;	    /* one of kmalloc's own (kmalloc-*, kmalloc-cg-*, ...) */
	bool reclaimable;   /* allocates with __GFP_RECLAIMABLE pages, where known */
	bool movable;	    /* its objects, of at least 8 bytes, can be moved when it shrinks */
	slab_flags_t flags; /* as a made-up load asks for them; a recorded one: 0 */
};

/* At this mark the load's warm-up ends. */
#define MARK_WARMUP "kmemsim: the warm-up ends"

struct source_mark {
	const char *text; /* "SNAP before begin shrink" */
	u64 t_ns;
};

/* What is known before the first request. All pointers live as long as the source. */
struct source_tables {
	const char *name; /* of the load, for messages: the file's name */
	bool made_up;	  /* nobody recorded it: what reclaim and refusals do to it is simulated */
	const char *machine;   /* YAML text (machine/1) the load carries; NULL: none */
	u64 input_hash;	       /* of the content: the provenance of results */
	unsigned int nr_cpus;  /* requests use CPUs 0..nr_cpus-1 */
	unsigned int nr_nodes; /* and ask for nodes below this; 0: not known beforehand */
	u64 nr_requests;       /* births included; an estimate for generators */
	u64 nr_objects_max;    /* object ids are below this; next() may raise it */
	u64 duration_ns;       /* time of the last request */
	u64 warmup_ns;	       /* what comes before is simulated, and counted in no metric */
	const struct source_cache *caches;
	unsigned int nr_caches;
	const char *const *sites; /* [0] is "?" */
	unsigned int nr_sites;
	const struct source_mark *marks;
	unsigned int nr_marks;
	/* The state of page memory after the births; NULL: as they leave it. */
	const struct page_target *pages;
};

/* The first mark "SNAP LABEL begin FILE", or "... end FILE" (snap_mark.h); NULL: there is none. */
const struct source_mark *source_snap_mark(const struct source_tables *t, const char *label,
					   bool end, const char *file);

struct source {
	const struct source_ops *ops;
	struct source_tables tables;
};

struct source_ops {
	/*
	 * Gives the next requests: sets *batch to an array that stays valid until the next call and
	 * returns its length; 0 at the end; -1 with e set when the input is damaged.
	 */
	long (*next)(struct source *s, const struct request **batch, struct err *e);
	/* Back to the first request. */
	int (*rewind)(struct source *s, struct err *e);
	void (*close)(struct source *s);
	/*
	 * Optional: an allocation or free of the batch that next() gave last has ended on its CPU,
	 * at end_ns. Called for each of them, in order, before next() is called again; a trace does
	 * without. refused: there was no memory (or, for a free, nothing to give back).
	 */
	void (*ended)(struct source *s, const struct request *r, bool refused, u64 end_ns);
	/*
	 * Optional: mean time between two accesses of what this allocation makes, for reclaim; 0:
	 * reclaim leaves it alone; LRU_NEVER (sim/lru.h): it is not accessed again. Called once for
	 * each allocation, in order. Of a recording nobody knows: what was reclaimed is among its
	 * frees.
	 */
	u64 (*accessed_ns)(struct source *s, const struct request *r);
};

#endif
