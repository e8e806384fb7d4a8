/*
 * What the files of the slabifier share: its caches, CPU slabs and free pointers.
 *
 * slabifier.c		 the allocator: options, fast paths, creation and destruction of caches
 * slabifier_geometry.c	 how many pages a slab gets, how many slabs wait where
 * slabifier_slow.c	 slow paths: slabs change hands between CPUs, nodes and the page allocator
 * slabifier_shrink.c	 flushing, the flusher, defragmentation
 * slabifier_check.c	 proofs: pointers, double frees, counts, the full recount
 */
#ifndef ALLOC_SLAB_SLABIFIER_H
#define ALLOC_SLAB_SLABIFIER_H

#include "alloc/slab_alloc.h"

/* page->objects has 15 bits (MAX_OBJS_PER_PAGE of mm/slub.c). */
#define SLAB_OBJECTS_MAX 32767

struct slabifier_options {
	u64 min_order, min_objects;
	s64 max_order, cpu_partial, min_partial; /* -1: as recorded, else by Linux's rule */
	u64 flush_ns;
	bool remote_partial;
};

struct slabifier {
	struct slab_allocator sa;
	struct slabifier_options o;
	/* For each node: those with memory, by distance from it. Rows are nr_node_ids long. */
	u8 *nearest;
	int nr_memory_nodes;
};

/*
 * What one CPU holds of one cache: a cache line, all that the fast path writes besides the object.
 */
struct slab_cpu {
	void *freelist;		  /* of page, for this CPU alone */
	struct page *page;	  /* frozen here; NULL: none */
	u64 used_ns;		  /* clock of the last use */
	struct list_head partial; /* frozen here too, waiting their turn */
	u32 nr_partial;
};
_Static_assert(sizeof(struct slab_cpu) <= SMP_CACHE_BYTES, "one cache line");

struct slab_flusher {
	struct delayed_work work;
	struct slabifier_cache *cache;
	int cpu;
};

struct slab_node {
	spinlock_t list_lock;
	struct list_head partial;
	u64 nr_partial, nr_slabs, nr_objects;
	/*
	 * Where pages came from when this node was asked for and had none; -1: from here. forced:
	 * although __GFP_THISNODE was set (a layer such as numactl decides).
	 */
	int stand_in;
	bool forced;
};

struct slabifier_cache {
	struct slab_cache c; /* first: the room's address is the cache's */
	struct slab_cpu *cpu_slab;
	u64 reciprocal; /* ceil(2^64 / size): see divides() */
	u32 tag;	/* upper half of every free pointer of this cache, never 0 */
	u32 cpu_partial_slabs;
	u32 objects, min_objects; /* of a slab of c.order, of min_order */
	int min_order;
	u32 min_partial;
	u64 flush_ns; /* 0: no flusher */
	struct slab_node *nodes;
	struct slab_flusher *flushers; /* one a CPU */
	const struct slabifier *sl;
};
_Static_assert(sizeof(struct slabifier_cache) <= SLAB_CONTROL_BYTES, "fits the caller's room");

static inline struct slabifier_cache *to_slabifier(struct slab_cache *cache)
{
	return container_of(cache, struct slabifier_cache, c);
}

/*
 * A free pointer lies in the free object at c.offset: the tag of the cache above the distance to
 * the next free object in bytes, 0 at the end of the list. Relative, so that contents do not depend
 * on where the host put the memory. A word without the tag was overwritten, or belongs to an object
 * in use.
 */
static inline u64 *freeptr_word(const struct slabifier_cache *s, const void *object)
{
	return (u64 *)(void *)((char *)(unsigned long)object + s->c.offset);
}

static inline bool freeptr_tagged(const struct slabifier_cache *s, u64 word)
{
	return word >> 32 == s->tag;
}

static inline void *freeptr_next(void *object, u64 word)
{
	s32 distance = (s32)(u32)word;

	return distance ? (char *)object + distance : NULL;
}

static inline void set_freepointer(const struct slabifier_cache *s, void *object, const void *next)
{
	s32 distance = next ? (s32)((const char *)next - (char *)object) : 0;

	*freeptr_word(s, object) = (u64)s->tag << 32 | (u32)distance;
}

/*
 * size divides offset: the remainder test of Lemire, Kaser and Kurz 2019, exact for offset < 2^32.
 */
static inline bool divides(const struct slabifier_cache *s, u64 offset)
{
	return offset * s->reciprocal < s->reciprocal;
}

static inline unsigned long slab_bytes(const struct page *page)
{
	return PAGE_SIZE << page->order;
}

/* The page of an object of this cache; NULL if there is none such. */
static inline struct page *slab_page_of(const struct slabifier_cache *s, const void *object)
{
	u64 phys = virt_to_phys(object);
	unsigned long pfn = phys >> PAGE_SHIFT;
	struct page *page = pfn_to_page(pfn);

	if (unlikely(!pfn_valid(pfn)))
		return NULL;
	if (page->flags & PG_tail) {
		pfn = page->index;
		page = pfn_to_page(pfn);
	}
	phys -= (u64)pfn << PAGE_SHIFT;
	if (unlikely(page->slab_cache != &s->c || !(page->flags & PG_slab) || !divides(s, phys) ||
		     phys + s->c.size > slab_bytes(page)))
		return NULL;
	return page;
}

static inline struct slab_node *page_node(const struct slabifier_cache *s, const struct page *page)
{
	return &s->nodes[page_to_nid(page)];
}

/* The page struct was written by this CPU now, which the next one to touch it pays for. */
static inline void charge_page_struct(struct page *page)
{
	int writer = (int)page->slab_private - 1;

	charge_line_of(writer);
	if (writer < 0 || writer == kernel->cpu)
		if (page_to_nid(page) != kernel->nid)
			charge_memory(page_to_nid(page));
	page->slab_private = (u32)kernel->cpu + 1;
}

/* slabifier_geometry.c: sets size, offset, order and the limits; false if no order fits. */
bool slab_geometry(struct slabifier_cache *s, unsigned int size);

/* slabifier_slow.c */
void *slab_alloc_slow(struct slabifier_cache *s, struct slab_cpu *c, gfp_t flags, int node);
void slab_free_slow(struct slabifier_cache *s, struct page *page, void *object);
/* The CPU's slab goes to its node, its free objects with it. */
void deactivate_slab(struct slabifier_cache *s, struct slab_cpu *c);
void unfreeze_partials(struct slabifier_cache *s, struct slab_cpu *c);
void slab_unfreeze(struct slabifier_cache *s, struct page *page, bool tail);
void discard_slab(struct slabifier_cache *s, struct page *page);

/* slabifier_shrink.c */
void flusher_arm(struct slabifier_cache *s);
void flushers_init(struct slabifier_cache *s);
void flushers_cancel(struct slabifier_cache *s);
int slabifier_shrink(struct slab_cache *cache, move_object_fn move_object);

/* slabifier_check.c */
int slabifier_valid_pointer(struct slab_cache *cache, const void *object);
int slabifier_in_use(struct slab_cache *cache, const void *object);
/* True if the object is on a free list of its slab: walks them. */
bool object_is_free(struct slabifier_cache *s, struct page *page, const void *object);
/* A free that must not happen: reported, not counted, survived. */
void report_bad_free(struct slabifier_cache *s, const void *object);
void report_double_free(struct slabifier_cache *s, const void *object);
void report_overwritten(struct slabifier_cache *s, const void *object);
unsigned long slabifier_get_objects(struct slab_cache *cache, struct slab_counts *counts);
u64 slabifier_live(struct slabifier_cache *s);
void slabifier_check(struct slab_cache *cache);

#endif
