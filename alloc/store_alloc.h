/*
 * Stores of compressed pages: pools of objects of any size up to a page, and the dispatcher in
 * front of them.
 *
 * A store hands out handles. Contents may lie in several pieces and may move while nobody looks
 * (compaction), so users go through store_write and store_read. Derived stores have handles of
 * their own and pass their base's on. The one question everybody asks: *who knows how long an
 * object is?* The user, who keeps its length beside the handle, as zram and zswap do; he names it
 * again in each call.
 *
 * A handle is an address in simulated memory that names the object (of a descriptor, of a slot that
 * holds its place, of its first byte); it stays what it is while the object lives. 0 is none.
 *
 * Simulated time, the same rule for all: what a pool keeps of itself (lists, bits, counters) is in
 * the cache, and what its lock costs is the lock's affair. What lies in memory is not: the head of
 * each object or block that is taken or given back, and the word, descriptor or record that a free
 * finds it by, are a line of memory each (store_touch). Neighbours on lists are left out. Contents
 * cost their bytes, those that move twice. What comes from slabs costs what the slabs say.
 *
 * Source: the zpool interface (mm/zpool.c, 6.1) and the API of xcfmalloc v2 (2011).
 */
#ifndef ALLOC_STORE_ALLOC_H
#define ALLOC_STORE_ALLOC_H

#include "alloc/allocator.h"
#include "alloc/kernel.h"
#include "alloc/page_alloc.h"
#include "alloc/slabulator.h"

struct store;

/* What a new store stands on, besides its base; all of it outlives the store. */
struct store_env {
	struct page_allocator *pages;
	struct slabulator *slabs; /* makes its caches of descriptors */
};

/*
 * How memory for compressed pages is asked for, if the load does not say (zram_drv.c). A store
 * whose pages cannot be migrated takes __GFP_MOVABLE out, as users of
 * zpool_malloc_support_movable() do: of all there are, zsmalloc's can.
 */
#define GFP_STORE (__GFP_KSWAPD_RECLAIM | __GFP_NOWARN | __GFP_HIGHMEM | __GFP_MOVABLE)

#define STORE_SPANS_MAX 8 /* the blocks that any store may scatter an object over */

/* A piece of an object's contents. */
struct store_span {
	void *addr;
	u32 len;
};

/* What is in a store at this moment, and what it has done since it exists. */
struct store_stats {
	u64 pages;	      /* for contents, taken from pages; those in reserve included */
	u64 reserve_pages;    /* of these: wholly free, and kept */
	u64 descriptors;      /* objects in caches beside the pages, of all its caches */
	u64 descriptor_bytes; /* that they take in their slabs */
	u64 descriptor_pages; /* that so many fill, each cache rounded up to whole pages */
	u64 slab_pages;	      /* that its caches hold */
	u64 header_bytes;     /* of metadata within the pages for contents */
	u64 blocks;	      /* pieces that live objects lie in */
	u64 block_bytes;      /* of these, headers and rounding included */
	u64 free_bytes;	      /* not in blocks, in pages that are not in reserve */
	u64 freeable_pages;   /* that compaction could free at most; 0 where nothing moves */
	u64 nr_split;	      /* requests that were given more than one block */
	u64 nr_searches;      /* for a free block or page */
	u64 nr_search_steps;  /* lists, blocks or words of a bitmap that were looked at for that */
	u64 nr_bad;	      /* calls refused because the handle is none of a live object */
};

/* A size class, as /sys/kernel/debug/zsmalloc/NAME/classes shows it; or a list of free blocks. */
struct store_class {
	u32 index, size; /* bytes of its objects, headers included */
	u64 almost_full, almost_empty;
	u64 obj_allocated, obj_used; /* objects there is room for, live ones */
	u64 pages_used;
	u32 pages_per_zspage;
	u64 freeable; /* pages that compaction could free */
};

/* A run of compaction. */
struct store_compact {
	u64 goal_pages; /* in: enough if so many came back; UINT64_MAX: all that can be gained */
	u64 bytes_max;	/* in: the last block moved is the one that reaches this; UINT64_MAX */
	u64 freed_pages, moved_blocks, moved_bytes; /* out: by this run */
	bool more;				    /* out: it stopped because of bytes_max */
};

/* What runs of compaction have done since the store exists; kept by the dispatcher. */
struct store_compacted {
	u64 runs, freed_pages, moved_blocks, moved_bytes, ns;
};

#define STORE_CACHES_MAX 4 /* of one layer: handles and zspages are the most so far */

struct store {
	/* 1 <= size <= size_max. 0: refused. */
	unsigned long (*malloc)(struct store *self, size_t size, gfp_t flags);
	/* False: the handle is none of a live object of this size; reported, nothing is changed. */
	bool (*free)(struct store *self, unsigned long handle, size_t size);
	/* All `size` bytes. False as above; buf is then undefined. */
	bool (*write)(struct store *self, unsigned long handle, const void *buf, size_t size);
	bool (*read)(struct store *self, unsigned long handle, void *buf, size_t size);
	/*
	 * Where its bytes lie at this moment, in order: the number of spans, which hold at least
	 * `size` bytes; 0: no live object of this size, as far as a look of constant time can tell.
	 * Takes no time, no lock, and reports nothing.
	 */
	int (*map)(const struct store *self, unsigned long handle, size_t size,
		   struct store_span spans[STORE_SPANS_MAX]);
	/* Makes room: see struct store_compact. Default: nothing moves. */
	void (*compact)(struct store *self, struct store_compact *c);
	/*
	 * Adds what it keeps itself (not its base) to what *s says of pages, searches and bad
	 * calls, which the dispatcher knows. Default of a layer: nothing.
	 */
	void (*stats)(const struct store *self, struct store_stats *s);
	/* Its classes; at most n are filled in. Returns how many there are. Default: none. */
	unsigned int (*classes)(const struct store *self, struct store_class *classes,
				unsigned int n);
	/* Full bottom-up recount of what this layer keeps (not of its base); ASSERTs. */
	void (*check)(const struct store *self);
	/*
	 * The last reference goes: gives all memory back, that of live objects too, which it
	 * reports (store_report_leak); ends in store_release.
	 */
	void (*destructor)(struct store *self);
	const char *name; /* "debug:zsmalloc" */

	const struct allocator_desc *desc;
	struct store *base; /* NULL for a source */
	struct store_env env;
	size_t size_max; /* bytes of the largest object */
	u64 nr_pages;	 /* that store_page_alloc gave it */
	u64 nr_bad;	 /* calls that were refused */
	u64 nr_searches, nr_search_steps;
	unsigned int refs;
	bool keeps_nothing; /* here or below: what is written is not there to be read */
	bool defers_free;   /* a free waits here or below: contents may be read until then */
	struct layer *layer;
	struct store_compacted compacted;
	/* Caches it has made (store_cache_create), for who lists them. */
	struct kmem_cache *caches[STORE_CACHES_MAX];
	unsigned int nr_caches;
};

/* ---- The dispatcher ---- */

/* 0: refused. A size of 0, or above size_max, is refused and reported. */
unsigned long store_malloc(struct store *s, size_t size, gfp_t flags);
bool store_free(struct store *s, unsigned long handle, size_t size);
bool store_write(struct store *s, unsigned long handle, const void *buf, size_t size);
bool store_read(struct store *s, unsigned long handle, void *buf, size_t size);
void store_compact(struct store *s, struct store_compact *c);
/* Of s and all its bases. */
void store_stats(const struct store *s, struct store_stats *stats);
/* Walks s and all its bases. */
void store_check(const struct store *s);

static inline int store_map(const struct store *s, unsigned long handle, size_t size,
			    struct store_span spans[STORE_SPANS_MAX])
{
	return s->map(s, handle, size, spans);
}

static inline unsigned int store_classes(const struct store *s, struct store_class *classes,
					 unsigned int n)
{
	return s->classes(s, classes, n);
}

/*
 * Bytes of pages for contents, those in reserve left out: xcf_get_total_size_bytes,
 * zs_get_total_pages.
 */
static inline u64 store_total_bytes(const struct store_stats *stats)
{
	return (stats->pages - stats->reserve_pages) << PAGE_SHIFT;
}

/* ---- The toolkit ---- */

/*
 * As derive_page_allocator: each method forwards to the base, with the base's own handles as its
 * own. A source has base NULL and sets malloc, free, map, stats and size_max; its write and read
 * are store_write_spans and store_read_spans until it has its own.
 */
void derive_store(struct store *self, struct store *base, const struct store_env *env,
		  const struct allocator_desc *desc);
/* The end of each destructor: caches, name, layer and instance go; then the base is put. */
void store_release(struct store *self);

struct store *store_get(struct store *s);
/* The last put destroys. NULL is fine. */
void store_put(struct store *s);
/* The innermost one of the chain. */
struct store *store_source(const struct store *s);
/* False: it has no compact of its own, no object of it ever moves. */
bool store_moves(const struct store *s);
/* True if a layer of the chain, or its source, is of this kind. */
bool store_chain_has(const struct store *s, const struct allocator_desc *desc);

/* Between buf and the first `size` bytes of the spans, of which there are n. Takes no time. */
void store_spans_write(const struct store_span *spans, int n, const void *buf, size_t size);
void store_spans_read(const struct store_span *spans, int n, void *buf, size_t size);
/* Copies over map's spans and charges for the bytes; who needs a lock holds it. */
bool store_write_spans(struct store *self, unsigned long handle, const void *buf, size_t size);
bool store_read_spans(struct store *self, unsigned long handle, void *buf, size_t size);

/* A line of memory that nobody has had for long. */
static inline void store_touch(const void *p)
{
	charge_memory(page_to_nid(virt_to_page(p)));
}

/*
 * A page for contents, counted in nr_pages: PG_store, and page->mapping names the store, whose are
 * lru and the fields store_*, which are 0.
 */
struct page *store_page_alloc(struct store *self, gfp_t flags);
void store_page_free(struct store *self, struct page *page);

/* Begins a search for a free block or page. */
static inline void store_search(struct store *self)
{
	self->nr_searches++;
}

/* It looks at so many lists, blocks or words of a bitmap. */
static inline void store_search_steps(struct store *self, u32 n)
{
	self->nr_search_steps += n;
	charge_n(COST_LIST_STEP, n);
}

/* The page of this store that the address lies in; NULL: it lies in none. */
static inline struct page *store_page_of(const struct store *self, unsigned long addr)
{
	struct page *page;

	if (!virt_addr_valid((const void *)addr))
		return NULL;
	page = virt_to_page((const void *)addr);
	return page->flags & PG_store && page->mapping == self ? page : NULL;
}

/* For objects in slabs, which are mapped and do not move (cache_alloc_zspage, mm/zsmalloc.c). */
static inline gfp_t store_gfp_slab(gfp_t flags)
{
	return flags & ~(__GFP_HIGHMEM | __GFP_MOVABLE);
}

/* A cache of descriptors, which goes with the store; NULL with e set: refused. */
struct kmem_cache *store_cache_create(struct store *self, const char *name, unsigned int size,
				      struct err *e);
void *store_cache_alloc(struct kmem_cache *k, gfp_t flags);
/* True if the address is that of an object of this cache that is handed out, as far as a look of
 * constant time can tell. */
bool store_cache_holds(const struct kmem_cache *k, unsigned long addr);
/* Adds the objects and slabs of a cache to the statistics. */
void store_cache_stats(struct kmem_cache *k, u64 nr_objects, struct store_stats *stats);

/* What reports call a handle: its physical address, where it has one. */
static inline unsigned long long handle_name(unsigned long handle)
{
	return virt_addr_valid((const void *)handle) ? virt_to_phys((const void *)handle) : handle;
}
/* At its end, objects are live: nothing to say of 0. */
void store_report_leak(const struct store *self, u64 nr_live);
/* A handle that is none: counts and reports it, and returns false. kind: as report_event's. */
bool store_bad(struct store *self, const char *kind, const char *call, unsigned long handle);

#endif
