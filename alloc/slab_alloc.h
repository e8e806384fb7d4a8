/*
 * Slab allocators, their caches, and the dispatcher in front of them.
 *
 * A slab allocator makes caches; a cache hands out objects of one size. A derived allocator's cache
 * stands on a cache of its base (`cache->base`): methods get their own cache, never the base's.
 * The one question everybody asks: *which cache does kfree find?* slab_cache_of() is the source's
 * cache; its `top` is the cache the user holds, and kfree enters there, so no layer is bypassed.
 */
#ifndef ALLOC_SLAB_ALLOC_H
#define ALLOC_SLAB_ALLOC_H

#include <string.h>

#include "alloc/allocator.h"
#include "alloc/kernel.h"
#include "alloc/page_alloc.h"

struct slab_allocator;

#define SLAB_NAME_MAX 64
/* Largest object, and alignment: a largest block of pages. */
#define SLAB_OBJECT_MAX (PAGE_SIZE << (MAX_ORDER - 1))

struct slab_cache;

/*
 * Moves one object out of the way: allocates anew from `cache` (the one the user holds), copies,
 * lets its users know; returns 1. 0: pinned. It must not free the old object: slab_move_object
 * does.
 */
typedef int (*move_object_fn)(struct slab_cache *cache, void *object);

/*
 * The geometry of a cache on a recorded machine, for an allocator that is to be compared with it.
 * What is not known is 0, a limit -1.
 */
struct slab_shape {
	const char *cache;
	unsigned int object_size, size, align; /* as in struct slab_cache: objsize, size, align */
	int order;			       /* of a slab's pages */
	int cpu_partial;		       /* objects on partial slabs of one CPU */
	int min_partial;		       /* slabs a node keeps even if empty */
};

struct slab_shapes { /* by cache name */
	const struct slab_shape *shapes;
	unsigned int nr_shapes;
};

/* NULL if there is none of that name, or shapes is NULL. */
const struct slab_shape *slab_shape_find(const struct slab_shapes *shapes, const char *cache);

struct slab_cache {
	const struct slab_allocator *slab_alloc;
	struct layer *layer; /* of slab_alloc, at hand for the dispatcher */
	/* Caches that stand on each other are a tree; all but a few have one base. */
	struct slab_cache *base; /* the first cache below; NULL in a source */
	struct slab_cache *top;	 /* the cache the user holds */
	const struct page_allocator *page_alloc;
	int node;	      /* -1: any */
	unsigned int align;   /* a power of two, at least 8 */
	unsigned int size;    /* chunk: distance of two objects; 0: of many sizes */
	unsigned int objsize; /* what the user may write */
	unsigned int inuse;   /* end of what the object uses, layers' additions included */
	unsigned int
		offset; /* of the free pointer; of parameters: where it is to be, 0: anywhere */
	unsigned int objects; /* of a slab; 0: they have many sizes */
	int order;	      /* of a slab's pages */
	gfp_t gfp;	      /* ORed into page requests (__GFP_RECLAIMABLE, __GFP_DMA) */
	char name[SLAB_NAME_MAX];
	struct list_head list; /* all caches of one allocator */

	struct slab_cache *next_base;	  /* the next one below the same cache; NULL: last */
	struct slab_cache *above;	  /* the cache that stands on this one; NULL: none */
	unsigned int refs;		  /* holders: create counts one, dup one more */
	move_object_fn move_object;	  /* of the shrink that runs (derived caches); NULL: none */
	struct page_allocator *own_pages; /* derived for this cache, put with it; NULL: none */
	/* Of a source: the cache whose slabs its objects lie in, with others'; NULL: its own. */
	struct slab_cache *shares;
	/* Of parameters alone: what the allocator should keep to; NULL: it decides. */
	const struct slab_shape *shape;
};

/* Room a cache is created in: the caller's, opaque. */
#define SLAB_CONTROL_BYTES 512
struct slab_control {
	_Alignas(64) char room[SLAB_CONTROL_BYTES];
};

struct slab_counts { /* slabs of one cache, as slabinfo reports them */
	u64 total;   /* slabs */
	u64 active;  /* slabs in use or empty on a CPU: all but the empty ones on partial lists */
	u64 partial; /* slabs on partial lists */
	u64 objs_total, objs_active; /* active as SLUB counts: all of per-CPU slabs included */
};

struct slab_allocator {
	/* Refused: NULL. node -1: the cache's, else the local one. */
	void *(*alloc)(struct slab_cache *cache, gfp_t flags);
	void *(*alloc_node)(struct slab_cache *cache, gfp_t flags, int node);
	void (*free)(struct slab_cache *cache, void *object);
	/* Entry from kfree, on the top cache's allocator. */
	void (*__free)(struct page *page, void *object);
	/*
	 * Of a source whose caches share slabs (PG_mixed), on the cache that page->slab_cache
	 * names: the cache of the object that this address lies in; NULL: there is none.
	 */
	struct slab_cache *(*cache_of)(struct slab_cache *shared, const void *object);
	/* 1: object is one this cache has handed out or may hand out (right page, right offset). */
	int (*valid_pointer)(struct slab_cache *cache, const void *object);
	/* 1: a valid pointer, and the object is handed out, as far as this allocator can tell. */
	int (*in_use)(struct slab_cache *cache, const void *object);
	unsigned long (*object_size)(struct page *page, const void *object);
	/* The call site that allocated an object in use; 0: not known. */
	u32 (*alloc_site)(struct slab_cache *cache, const void *object);
	/* Returns counts->active. */
	unsigned long (*get_objects)(struct slab_cache *cache, struct slab_counts *counts);
	/*
	 * Makes a cache in `room` from the parameters name, objsize, align, node, gfp, size (0: the
	 * allocator decides), shape (it may look at it) and page_alloc (NULL: the allocator's
	 * pages). NULL: refused (no page order fits, no memory).
	 */
	struct slab_cache *(*create)(const struct slab_allocator *self, struct slab_control *room,
				     const struct slab_cache *parameters);
	/* Gives empty slabs back; with move_object defragments. Returns the slabs given back. */
	int (*shrink)(struct slab_cache *cache, move_object_fn move_object);
	struct slab_cache *(*dup)(struct slab_cache *cache);
	/*
	 * The last holder has gone: frees everything, but slabs with objects still in use. Returns
	 * their number; the dispatcher reports them (slab_leak.h). A source refuses their late
	 * frees.
	 */
	int (*destroy)(struct slab_cache *cache);
	void (*destructor)(struct slab_allocator *self);
	/* Full bottom-up recount of one cache; ASSERTs. */
	void (*check)(struct slab_cache *cache);
	const char *name;

	const struct allocator_desc *desc;
	struct slab_allocator *base;
	struct page_allocator *pages; /* what new caches stand on; counted */
	unsigned int refs;
	bool defers_free;    /* a free waits here or below: contents may be read until then */
	bool spoils_free;    /* here or below: contents of free objects are overwritten */
	bool shifts_objects; /* here or below: objects do not begin where chunks of a slab do */
	struct layer *layer;
	struct list_head caches;
};

/* ---- The dispatcher ---- */

void *slab_alloc(struct slab_cache *cache, gfp_t flags);
void *slab_alloc_node(struct slab_cache *cache, gfp_t flags, int node);
void slab_free(struct slab_cache *cache, void *object);
/* kfree's entry: finds the object's top cache. */
void slab_free_object(struct page *page, void *object);

/* What the allocator of this cache says of an address; a layer asks its base so. */
static inline int slab_valid_pointer(struct slab_cache *cache, const void *object)
{
	return cache->slab_alloc->valid_pointer(cache, object);
}

static inline int slab_in_use(struct slab_cache *cache, const void *object)
{
	return cache->slab_alloc->in_use(cache, object);
}

static inline u32 slab_alloc_site(struct slab_cache *cache, const void *object)
{
	return cache->slab_alloc->alloc_site(cache, object);
}

/* The source's cache of an object on a page with PG_slab; NULL: the page has no such object. */
static inline struct slab_cache *slab_cache_of(const struct page *page, const void *object)
{
	struct slab_cache *cache = page->slab_cache;

	if (unlikely(page->flags & PG_mixed))
		return cache->slab_alloc->cache_of(cache, object);
	return cache;
}

struct slab_cache *slab_cache_create(const struct slab_allocator *sa, struct slab_control *room,
				     const struct slab_cache *parameters);
/* One holder more: slab_cache_destroy lets go of it. */
static inline struct slab_cache *slab_cache_dup(struct slab_cache *cache)
{
	return cache->slab_alloc->dup(cache);
}

int slab_cache_shrink(struct slab_cache *cache, move_object_fn move_object);
/* Drops one holder; with the last one the cache goes. Returns objects still live then, else 0. */
int slab_cache_destroy(struct slab_cache *cache);
void slab_cache_counts(struct slab_cache *cache, struct slab_counts *counts);
/* Walks the cache and those below it. */
void slab_cache_check(struct slab_cache *cache);
/* Of an object that its holder names, for no recount finds what is handed out; ASSERTs. */
void slab_object_check(struct slab_cache *cache, const void *object);

/*
 * An allocator's `free` did not take the object (double free, invalid pointer; reported): undoes
 * what the dispatcher counted on the way to this cache.
 */
void slab_free_refused(struct slab_cache *cache);

/* ---- The toolkit ---- */

/*
 * As derive_page_allocator. Derived methods that take a cache forward to cache->base; create makes
 * the base cache with derive_slab_cache. A source has base NULL.
 */
void derive_slab_allocator(struct slab_allocator *self, struct slab_allocator *base,
			   struct page_allocator *pages, const struct allocator_desc *desc);
void derived_slab_destructor(struct slab_allocator *self);
struct slab_allocator *slab_allocator_get(struct slab_allocator *sa);
void slab_allocator_put(struct slab_allocator *sa);

/* The innermost one of the chain: where its objects come from. */
const struct slab_allocator *slab_allocator_source(const struct slab_allocator *sa);
/* True if a layer of the chain, or its source, is of this kind. */
bool slab_chain_has(const struct slab_allocator *sa, const struct allocator_desc *desc);
/*
 * For a layer that leaves something with the objects of `base`, or with its pages (NULL: it leaves
 * nothing there): -1 if whoever is to keep it keeps nothing. `what` the layer does begins the
 * message.
 */
int __must_check slab_check_keeps(const struct slab_allocator *base,
				  const struct page_allocator *pages, const char *what,
				  struct err *e);
/* The pages a new cache of self shall stand on: its parameters' or self's; counted. */
struct page_allocator *slab_pages_get(const struct slab_allocator *self,
				      const struct slab_cache *parameters);

/* Its objects have gone: nothing of what a slab allocator keeps in it is left. */
static inline void slab_page_clear(struct page *page)
{
	page->flags &= ~(PG_slab | PG_mixed);
	page->slab_cache = NULL;
	page->freelist = NULL;
	page->inuse = 0;
	page->objects = 0;
	page->frozen = 0;
	page->slab_private = 0;
}

/* What __GFP_ZERO asks for. */
static inline void slab_zero(const struct slab_cache *cache, void *object)
{
	charge_bytes(cache->objsize);
	memset(object, 0, cache->objsize);
}

/*
 * What is the same in every new cache: its owner, its place on the owner's list, one holder. A
 * source's has base NULL; one with several bases links them by next_base beforehand.
 */
void slab_cache_init(struct slab_cache *cache, const struct slab_allocator *self,
		     struct slab_cache *base);

/*
 * Makes `cache` (in the caller's room) a derived cache of self: creates the base cache from
 * `parameters` (which the layer may have enlarged) in room of its own, copies its geometry, links
 * base and top, and puts it on self's list. NULL if the base refused.
 */
struct slab_cache *derive_slab_cache(const struct slab_allocator *self, struct slab_cache *cache,
				     const struct slab_cache *parameters);
/*
 * The same on pages of its own, whose reference goes with the cache (also with one that is
 * refused).
 */
struct slab_cache *derive_slab_cache_on(const struct slab_allocator *self, struct slab_cache *cache,
					const struct slab_cache *parameters,
					struct page_allocator *pages);
/*
 * How a layer or source that shrinks asks for an object of its cache to be moved; frees it at the
 * top if it was. Returns what move_object did.
 */
int slab_move_object(struct slab_cache *cache, move_object_fn move_object, void *object);
/*
 * Asks the cache above base for the object, with the move_object it remembers: the wrapper of a
 * layer that leaves objects as they are.
 */
int slab_forward_move(struct slab_cache *base, void *object);
/*
 * shrink of a derived cache: remembers move_object in the cache and shrinks the base with
 * `wrapper`, which gets the base's cache, translates or refuses, and goes on with slab_move_object
 * of the cache above.
 */
int derived_slab_cache_shrink(struct slab_cache *cache, move_object_fn move_object,
			      move_object_fn wrapper);
/*
 * The part of destroy common to derived caches: unlinks, destroys the base cache, frees its room.
 */
int derived_slab_cache_destroy(struct slab_cache *cache);

struct slab_allocator *rcuify_slab_allocator(struct slab_allocator *base);
struct slab_allocator *dmaify_slab_allocator(struct slab_allocator *base);
struct slab_allocator *numa_slab_allocator(struct slab_allocator *base);
struct slab_allocator *caching_slab_allocator(struct slab_allocator *base);
struct slab_allocator *debug_slab_allocator(struct slab_allocator *base);

#endif
