/*
 * The front end of allocators that serve requests of any size from memory common to all caches:
 * slob, sequential_fit, power_of_two, buddy_bytes.
 *
 * bytes.c	  the slab methods, once for all of them: caches, growth by nodes, bad frees, counts
 * bytes_heap.c	  heaps, ids of caches
 * bytes_block.c  blocks of pages, who owns what in them, the pages of side tables
 *
 * A cache has no slabs: it is a size, an alignment and a place in a heap. A heap is the memory of
 * one kind of pages (page allocator and gfp); its part of each node is what the allocator manages,
 * by struct bytes_ops. The one question everybody asks: *what is simulated memory?* Free lists,
 * headers, bitmaps and tables of the allocators; the map of owners is the simulator's, so that a
 * bad free is known at the act, and costs nothing.
 *
 * Errors: NULL is a refusal. Context: any CPU; everything of a heap happens under its one lock but
 * for requests to the page allocator.
 */
#ifndef ALLOC_SLAB_BYTES_H
#define ALLOC_SLAB_BYTES_H

#include "alloc/slab_alloc.h"

#define BYTES_GRANULE 8U /* objects start at multiples of this */
#define BYTES_CACHES_MAX 32767U

struct bytes_heap;
struct bytes_part;

struct bytes_cache {
	struct slab_cache c; /* first: the room's address is the cache's; c.size: bytes it takes */
	struct bytes_heap *heap;
	u64 live;   /* objects handed out */
	u32 id;	    /* in the map of owners */
	bool whole; /* an object takes a whole block of 2^c.order pages */
	bool sized; /* kmalloc's: a kfree does not say how large the object is */
	bool gone;  /* destroyed with objects live */
};
_Static_assert(sizeof(struct bytes_cache) <= SLAB_CONTROL_BYTES, "fits the caller's room");

/* What an allocator supplies. */
struct bytes_ops {
	const char *lock_class;
	size_t part_size; /* of its part, which begins with a struct bytes_part */
	bool any_node;	  /* a request without a node takes from any before it takes new pages */
	/*
	 * From c.objsize, c.align and sized: c.size, c.order of the blocks taken when nothing fits,
	 * and whole. False: too large. An object is aligned within its block, so an order must
	 * suffice for both.
	 */
	bool (*geometry)(const struct slab_allocator *sa, struct bytes_cache *bc);
	void (*init)(struct bytes_part *part);
	/* An object of the cache from memory the part has; NULL: nothing fits. */
	void *(*alloc)(struct bytes_part *part, const struct bytes_cache *bc);
	/*
	 * A new block of c.order pages, for an object of this cache, which must fit then. False: no
	 * memory for what must be kept of it.
	 */
	bool (*add)(struct bytes_part *part, struct page *page, const struct bytes_cache *bc);
	/* Blocks that are empty then go back by bytes_block_put, if the allocator gives back. */
	void (*free)(struct bytes_part *part, void *object, const struct bytes_cache *bc);
	/* Gives back what it can; returns the blocks. */
	int (*reap)(struct bytes_part *part);
	void (*check)(const struct bytes_part *part);
	/* The heap goes, its blocks with it, wherever they are: side tables must go. */
	void (*fini)(struct bytes_part *part);
};

/* A heap's memory on one node. */
struct bytes_part {
	struct bytes_heap *heap;
	struct list_head blocks; /* all of them, struct bytes_block */
	u64 nr_blocks;
	u64 nr_runs; /* free ones, of an allocator that lists runs */
	int node;
	/* As in slabifier.h: whose pages came when this node was asked for; -1: its own. */
	int stand_in;
	bool forced;
};

struct bytes_heap {
	struct slab_cache c; /* what page->slab_cache names, and caches share */
	const struct bytes_ops *ops;
	struct list_head list; /* of the allocator */
	spinlock_t lock;
	u64 live;
	u32 nr_caches;
	u64 nr_table_pages;
	struct bytes_part *parts[]; /* one a node */
};

struct bytes_allocator {
	struct slab_allocator sa;
	const struct bytes_ops *ops;
	struct list_head heaps;
	struct bytes_cache **caches; /* by id; [0] unused */
	u32 nr_ids, next_id;
	u32 objsize_max; /* of any cache there ever was */
};

static inline struct bytes_cache *to_bytes(struct slab_cache *cache)
{
	return container_of(cache, struct bytes_cache, c);
}

static inline struct bytes_allocator *bytes_allocator_of(const struct slab_allocator *sa)
{
	return container_of((struct slab_allocator *)(unsigned long)sa, struct bytes_allocator, sa);
}

/* Sets the methods of a new, zeroed instance. */
void bytes_init(struct bytes_allocator *ba, const struct bytes_ops *ops,
		struct page_allocator *pages, const struct allocator_desc *desc);

/* The smallest order of pages with so many bytes; MAX_ORDER: there is none. */
int bytes_order(u64 bytes);

/* ---- Heaps ---- */

/* The heap for caches like this one (page_alloc, gfp); counted. */
struct bytes_heap *bytes_heap_get(struct bytes_allocator *ba, const struct slab_cache *like);
/* With the last cache everything goes, unless objects leaked: they keep it. */
void bytes_heap_put(struct bytes_heap *heap);
/*
 * An id that no map has seen for as long as possible: what maps say of freed objects stays true.
 * 0: all are taken.
 */
u32 bytes_id_get(struct bytes_allocator *ba);

/* ---- Blocks ---- */

/*
 * Of each block of pages: host memory, at page->freelist. owner: 0, or, where an object starts, its
 * cache's id, doubled, plus 1 if it has been freed since.
 */
struct bytes_block {
	struct list_head list;
	struct page *page;
	struct bytes_part *part;
	u32 live; /* objects in use */
	u16 owner[];
};

/* NULL: refused. flags: of the request. The page's other fields are the allocator's. */
struct bytes_block *bytes_block_get(struct bytes_heap *heap, int order, gfp_t flags, int node);
void bytes_block_put(struct bytes_block *b);

static inline u64 bytes_block_size(const struct bytes_block *b)
{
	return PAGE_SIZE << b->page->order;
}

/* The block of a page that belongs to a heap; NULL: one of a side table. */
static inline struct bytes_block *bytes_block_of_page(const struct page *page)
{
	return page->freelist;
}

static inline struct bytes_block *bytes_block_of(const void *object)
{
	return bytes_block_of_page(virt_to_head_page(object));
}

/* The block of this part that a physical address lies in; NULL if there is none. */
struct bytes_block *bytes_block_at(const struct bytes_part *part, u64 phys);

/* ---- Side tables: entries in pages of their own, which stay until the table goes ---- */

struct bytes_table {
	struct bytes_part *part;
	u32 entry_bytes; /* at least 4 */
	u32 free;	 /* first free slot, plus 1; each one names the next */
	u32 nr_used;
	u32 nr_pages, room;
	struct page **pages;
};

void bytes_table_init(struct bytes_table *t, struct bytes_part *part, u32 entry_bytes);
void bytes_table_fini(struct bytes_table *t);
/* A slot, zeroed; -1: no memory. */
s64 bytes_table_get(struct bytes_table *t);
void bytes_table_put(struct bytes_table *t, u32 slot);

static inline void *bytes_table_entry(const struct bytes_table *t, u32 slot)
{
	u32 per_page = (u32)PAGE_SIZE / t->entry_bytes;

	return (char *)page_address(t->pages[slot / per_page]) +
	       (size_t)(slot % per_page) * t->entry_bytes;
}

#endif
