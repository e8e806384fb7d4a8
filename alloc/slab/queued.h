/*
 * What the files of queued_slab share: its caches, nodes and arrays.
 *
 * queued.c		the allocator: options, allocation and free, creation and destruction
 * queued_geometry.c	how many pages a slab gets, where its index lies, how long arrays are
 * queued_array.c	arrays of objects: of CPUs, shared by a node, of alien objects
 * queued_node.c	a node's lists of slabs, and where slabs come from
 * queued_meta.c	the memory that all of this takes
 * queued_reap.c	the reaper
 * queued_shrink.c	draining, shrinking, moving objects together
 * queued_check.c	proofs: pointers, counts, the full recount
 */
#ifndef ALLOC_SLAB_QUEUED_H
#define ALLOC_SLAB_QUEUED_H

#include "alloc/slab_alloc.h"

struct queued_options {
	u64 limit, batchcount; /* 0: by Linux's rule */
	s64 shared;	       /* -1: by Linux's rule */
	u64 reap_ns;	       /* 0: no reaper */
	u64 min_order;
	s64 max_order; /* -1: by Linux's rule */
	u64 index;     /* of index_names */
	bool alien, colour;
};

/* page->objects has 15 bits. */
#define OBJECTS_MAX_SHORT 32767U

/* ---- Memory of its own (queued_meta.c) ---- */

#define NR_META_CLASSES 14
/* Longest array, in entries: what fits the largest class. */
#define QUEUED_ENTRIES_MAX 8190U

struct queued;
struct queued_cache;

/* NULL: refused. Contents are whatever was there. */
void *meta_alloc(struct queued *q, size_t size, gfp_t flags, int nid);
/* Of what was allocated with this size; NULL is fine. */
void meta_free(struct queued *q, void *p, size_t size);
/* The cache that memory of this size comes from; NULL: none is that large. */
struct queued_cache *meta_class(struct queued *q, size_t size);
void metas_create(struct queued *q);
/* Gives empty slabs back; those in use stay. */
void metas_drain(struct queued *q);
void metas_destroy(struct queued *q);

/* ---- Arrays ---- */

/* struct array_cache, in simulated memory. */
struct queued_array {
	u32 avail, limit, batchcount, touched;
	void *entry[];
};

static inline size_t array_bytes(unsigned int entries)
{
	return sizeof(struct queued_array) + entries * sizeof(void *);
}

struct queued_alien { /* objects of another node, freed on this one */
	spinlock_t lock;
	struct queued_array *ac; /* NULL: none of that node */
};

/* ---- Nodes and caches ---- */

struct queued_node {
	spinlock_t list_lock;
	struct list_head partial, full, free;
	u64 nr_slabs, nr_free; /* slabs: all, on the list of free ones */
	u64 free_objects;      /* on this node's slabs: neither in use nor in an array */
	u64 free_limit;
	u64 next_reap_ns;
	unsigned int colour_next;
	bool free_touched;
	/* Whose slabs serve this node: its own, or another's if pages come from there whatever is
	 * asked for (a layer such as numactl). */
	int serving;
	struct queued_array *shared;   /* NULL: none */
	struct queued_alien *aliens;   /* by node; NULL: none */
	void *node_room, *alien_table; /* what node and table take of simulated memory */
};

struct queued_cache {
	struct slab_cache c; /* first: the room's address is the cache's */
	struct queued *q;
	struct queued_node *nodes;
	struct queued_array **cpu_array; /* NULL: a cache of metadata has none */
	u64 reciprocal;			 /* ceil(2^64 / size) */
	unsigned int num;		 /* objects of a slab */
	unsigned int index_bytes;	 /* of one index */
	unsigned int colour, colour_off; /* how many colours, bytes apart */
	unsigned int limit, batchcount, shared;
	bool off_slab;
	bool defragmenting; /* objects pass by the arrays */
};
_Static_assert(sizeof(struct queued_cache) <= SLAB_CONTROL_BYTES, "fits the caller's room");

struct queued_reaper {
	struct delayed_work work;
	struct queued *q;
	int cpu, nid; /* nid: whose alien objects it returns next */
};

struct queued {
	struct slab_allocator sa;
	struct queued_options o;
	u8 *nearest; /* alloc/nearest.h */
	int nr_memory_nodes;
	unsigned int nr_caches;	       /* not counting those of metadata */
	struct queued_reaper *reapers; /* one a CPU */
	struct slab_control *metas;    /* caches of metadata, by class */
};

static inline struct queued_cache *to_queued(struct slab_cache *cache)
{
	return container_of(cache, struct queued_cache, c);
}

static inline struct queued_cache *meta_cache(const struct queued *q, unsigned int class)
{
	return (struct queued_cache *)(void *)q->metas[class].room;
}

/* The nearest node with memory (numa_mem_id() for this CPU's node). */
static inline int memory_node(const struct queued *q, int nid)
{
	return q->nearest[nid * kernel->nr_node_ids];
}

/* The node whose slabs serve requests for nid, which may have no memory. */
static inline int serving_node(const struct queued_cache *qc, int nid)
{
	return qc->nodes[memory_node(qc->q, nid)].serving;
}

static inline struct queued_array *this_array(const struct queued_cache *qc)
{
	return qc->cpu_array[smp_processor_id()];
}

/* ---- Slabs ---- */

/*
 * What Linux keeps in struct slab and struct page here has no room for. The index array lists the
 * slab's objects by number: those from page->inuse on are free. in_use is no part of the design:
 * it is how we know a double free at the act; it costs no simulated time and no simulated memory.
 */
struct slab_books {
	void *index; /* in simulated memory: at the slab's end, or off the slab */
	u64 in_use[];
};

static inline struct slab_books *books_of(const struct page *page)
{
	return page->freelist;
}

/* slab_private: the first object's distance from the slab's start in lines, then who wrote last. */
static inline unsigned int first_offset(const struct page *page)
{
	return (page->slab_private & 0xffff) * SMP_CACHE_BYTES;
}

static inline char *first_object(const struct page *page)
{
	return (char *)page_name(page) + first_offset(page);
}

static inline void queued_charge_page(struct page *page)
{
	charge_line_of((int)(page->slab_private >> 16) - 1);
	page->slab_private = (page->slab_private & 0xffff) | (u32)(kernel->cpu + 1) << 16;
}

/* Exact for objects of the slab (Lemire, Kaser and Kurz 2019). */
static inline unsigned int object_number(const struct queued_cache *qc, const struct page *page,
					 const void *object)
{
	u64 offset = (u64)((const char *)object - first_object(page));

	return (unsigned int)((unsigned __int128)offset * qc->reciprocal >> 64);
}

static inline void *object_at(const struct queued_cache *qc, const struct page *page,
			      unsigned int number)
{
	return first_object(page) + (size_t)number * qc->c.size;
}

static inline unsigned int get_index(const struct queued_cache *qc, const struct page *page,
				     unsigned int at)
{
	const void *index = books_of(page)->index;

	return qc->index_bytes == 1 ? ((const u8 *)index)[at] : ((const u16 *)index)[at];
}

static inline void set_index(const struct queued_cache *qc, const struct page *page,
			     unsigned int at, unsigned int number)
{
	void *index = books_of(page)->index;

	if (qc->index_bytes == 1)
		((u8 *)index)[at] = (u8)number;
	else
		((u16 *)index)[at] = (u16)number;
}

static inline bool object_in_use(const struct queued_cache *qc, const struct page *page,
				 const void *object)
{
	return bit_test(books_of(page)->in_use, object_number(qc, page, object));
}

static inline void object_set_in_use(const struct queued_cache *qc, const struct page *page,
				     const void *object, bool in_use)
{
	if (in_use)
		bit_set(books_of(page)->in_use, object_number(qc, page, object));
	else
		bit_clear(books_of(page)->in_use, object_number(qc, page, object));
}

/* The page of an object of this cache; NULL: there is no such object. */
static inline struct page *queued_page_of(const struct queued_cache *qc, const void *object)
{
	struct page *page;
	u64 offset;

	if (unlikely(!virt_addr_valid(object)))
		return NULL;
	page = virt_to_head_page(object);
	if (unlikely(!(page->flags & PG_slab) || page->slab_cache != &qc->c))
		return NULL;
	offset = (u64)((const char *)object - first_object(page)); /* before it: huge */
	if (unlikely(offset >= (u64)qc->num * qc->c.size ||
		     offset * qc->reciprocal >= qc->reciprocal))
		return NULL;
	return page;
}

/* ---- queued_geometry.c ---- */

extern const char *const queued_index_names[];
/* Sets size, order, objects and colours; false if no order fits. */
bool queued_geometry(struct queued_cache *qc, unsigned int size);
/* Sets limit, batchcount and shared. */
void queued_array_sizes(struct queued_cache *qc);

/* ---- queued_node.c ---- */

/* Empty lists. */
void queued_nodes_init(struct queued_cache *qc);
/* From the lists of the node, or a new slab there, or, unless forbidden, from elsewhere. */
void *queued_node_alloc(struct queued_cache *qc, gfp_t flags, int nid);
/*
 * The first slab with free objects, off its list; NULL: none. Its lock is held. slab_listed puts it
 * where it belongs.
 */
struct page *first_slab(struct queued_cache *qc, struct queued_node *n);
void slab_listed(struct queued_cache *qc, struct queued_node *n, struct page *page);
void *slab_take_object(struct queued_cache *qc, struct page *page);
/* A new slab for node nid, on no list yet; NULL: refused. exact: on this node, without trying. */
struct page *slab_grow(struct queued_cache *qc, gfp_t flags, int nid, bool exact);
void slab_grown(struct queued_cache *qc, struct page *page);
/*
 * Returns nr objects, none of them in use, to their slabs. n's lock is held; slabs to destroy go to
 * `doomed`. An object of another node (see queued_node.serving) makes it let go of the lock.
 */
void free_block(struct queued_cache *qc, struct queued_node *n, void *const *objects, u32 nr,
		struct list_head *doomed);
void slabs_destroy(struct queued_cache *qc, struct list_head *doomed);
/* Destroys up to nr free slabs of the node; returns how many. */
u64 drain_free_slabs(struct queued_cache *qc, struct queued_node *n, u64 nr);

/* ---- queued_array.c ---- */

/* All arrays of the cache; false, and none, if there is no memory. */
bool queued_arrays_create(struct queued_cache *qc);
void queued_arrays_destroy(struct queued_cache *qc);
/* Puts objects into this CPU's array, which is empty; false: there are none. */
bool array_refill(struct queued_cache *qc, struct queued_array *ac, gfp_t flags);
/* Makes room in this CPU's array. */
void array_flush(struct queued_cache *qc, struct queued_array *ac);
/* Frees an object of node nid that is not this CPU's. */
void alien_free(struct queued_cache *qc, void *object, int nid);
void alien_drain(struct queued_cache *qc, struct queued_alien *alien, int nid);
/* Returns a fifth of an array nobody used since the last look, or all of it. NULL is fine. */
void array_drain(struct queued_cache *qc, struct queued_node *n, struct queued_array *ac, bool all);

/* ---- queued_reap.c ---- */

void reapers_start(struct queued *q);
void reapers_stop(struct queued *q);

/* ---- queued_shrink.c ---- */

int queued_shrink(struct slab_cache *cache, move_object_fn move_object);
u64 queued_nr_slabs(const struct queued_cache *qc);

/* ---- queued_check.c ---- */

int queued_valid_pointer(struct slab_cache *cache, const void *object);
int queued_in_use(struct slab_cache *cache, const void *object);
/* A free that must not happen: reported, not counted, survived. */
void queued_report(struct queued_cache *qc, const char *kind, const void *object);
unsigned long queued_get_objects(struct slab_cache *cache, struct slab_counts *counts);
void queued_check(struct slab_cache *cache);

#endif
