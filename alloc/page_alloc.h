/*
 * Page allocators: objects with methods, and functions that take one and return a derived one.
 *
 * The one question everybody asks: *which order is freed?* The order that was allocated. Orders
 * above 0 are compound: page is the head, its order stands in page->order.
 */
#ifndef ALLOC_PAGE_ALLOC_H
#define ALLOC_PAGE_ALLOC_H

#include "alloc/allocator.h"
#include "alloc/kernel.h"

struct page_allocator {
	/* node >= 0 asks for that node, -1 for the local one. NULL: refused. */
	struct page *(*allocate)(const struct page_allocator *self, int order, gfp_t flags,
				 int node);
	void (*free)(const struct page_allocator *self, struct page *page, int order);
	struct page_allocator *base; /* NULL for a source */
	struct layer *layer;	     /* its own; also of static, indestructible instances */
	/*
	 * The very block at pfn, a multiple of 2^order, if all of it is free (on per-CPU lists too)
	 * and flags and node allow its zone; else NULL. Mobility of pageblocks stays as it is:
	 * nothing falls back (alloc_contig_range, without the moving). A source without it refuses.
	 */
	struct page *(*allocate_at)(const struct page_allocator *self, unsigned long pfn, int order,
				    gfp_t flags, int node);
	/*
	 * What a layer makes of a request before passing it on; the forwarding `allocate` calls it,
	 * and so does whoever wants to know what a chain forces. Default: nothing.
	 */
	void (*rewrite)(const struct page_allocator *self, gfp_t *flags, int *node);
	/* Called when the last reference goes; frees the instance, then puts its base. */
	void (*destructor)(struct page_allocator *self);
	/* Full bottom-up recount of everything this layer keeps (not of its base); ASSERTs. */
	void (*check)(const struct page_allocator *self);
	/*
	 * Free blocks of one zone, migratetype and order (sources; a layer forwards). An allocator
	 * without migratetypes reports all under MIGRATE_MOVABLE; one without memory reports 0.
	 */
	u64 (*nr_free)(const struct page_allocator *self, const struct zone *zone, int migratetype,
		       int order);
	/* Gives pages of per-CPU lists back to where nr_free counts them. */
	void (*drain)(const struct page_allocator *self);
	/*
	 * Of a source, before it has given anything out: it has no memory until it is handed some
	 * (boot). Zone by zone its frames then come back in order of pfn: free ones by hand_over,
	 * blocks that are given out already, as their structs say, by adopt. False: it cannot.
	 */
	bool (*withhold)(const struct page_allocator *self);
	void (*hand_over)(const struct page_allocator *self, unsigned long pfn, unsigned long nr);
	void (*adopt)(const struct page_allocator *self, struct page *page, int order);
	const char *name; /* display name: "rcu:dma:page_allocator" */

	const struct allocator_desc *desc;
	unsigned int refs;
	bool defers_free;   /* a free below waits: contents may be read until then */
	bool keeps_nothing; /* the source does not remember its pages: they cannot be checked */
};

/* ---- The dispatcher: how everybody calls a page allocator ---- */

struct page *page_alloc(const struct page_allocator *pa, int order, gfp_t flags, int node);
/* The block at pfn and no other. */
struct page *page_alloc_at(const struct page_allocator *pa, unsigned long pfn, int order,
			   gfp_t flags, int node);
void page_free(const struct page_allocator *pa, struct page *page, int order);
u64 page_nr_free(const struct page_allocator *pa, const struct zone *zone, int migratetype,
		 int order);
/* Walks pa and all its bases. */
void page_allocator_check(const struct page_allocator *pa);
void page_allocator_drain(const struct page_allocator *pa);

/* ---- The toolkit ---- */

/*
 * Makes `self` (zeroed, embedded first in the instance) a derivation of base: every method forwards
 * to base with the base as self; the destructor is derived_destructor. Then override what differs.
 * For a source base is NULL: methods that are not set afterwards do nothing, or report nothing.
 */
void derive_page_allocator(struct page_allocator *self, struct page_allocator *base,
			   const struct allocator_desc *desc);
/* Frees name and instance and puts the base. */
void derived_destructor(struct page_allocator *self);

struct page_allocator *page_allocator_get(struct page_allocator *pa);
/* The last put destroys; outside of allocator operations only. NULL is fine. */
void page_allocator_put(struct page_allocator *pa);

/* The innermost one of the chain: where its pages come from. */
const struct page_allocator *page_allocator_source(const struct page_allocator *pa);
/*
 * -1 if what is written there is not there to be read. `what` the asker does begins the message:
 * "free lists lie in pages".
 */
int __must_check page_check_keeps(const struct page_allocator *pa, const char *what, struct err *e);
/* True if a layer of the chain, or its source, is of this kind. */
bool page_chain_has(const struct page_allocator *pa, const struct allocator_desc *desc);
/* What the source of the chain is asked for in the end, if pa is asked for this. */
void page_chain_rewrite(const struct page_allocator *pa, gfp_t *flags, int *node);

/* ---- Derivations by their C names (options: as their files document) ---- */

struct page_allocator *rcuify_page_allocator(struct page_allocator *base);
struct page_allocator *dmaify_page_allocator(struct page_allocator *base);
struct page_allocator *numactl_allocator(struct page_allocator *base, int node, gfp_t flags);
struct page_allocator *reclaimable_slab(struct page_allocator *base);
struct page_allocator *unreclaimable_slab(struct page_allocator *base);
/*
 * Runs ctor over each chunk of `size` bytes of a block after its allocation, dtor before its free.
 * mode: CTOR_MAY_SLEEP, or 0. NULL for either: nothing to do.
 */
#define CTOR_MAY_SLEEP 1U
typedef void (*page_ctor_fn)(void *object, void *private, unsigned int mode);
struct page_allocator *ctor_and_dtor_for_page_allocator(struct page_allocator *base, size_t size,
							void *private, page_ctor_fn ctor,
							page_ctor_fn dtor);
struct page_allocator *mempool_page_allocator(struct page_allocator *base, int order, u64 min_nr);

#endif
