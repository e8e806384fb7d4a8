/*
 * The slabulator: the classical interface to caches, over any slab allocator.
 *
 *	k = kmem_cache_create(sl, "dentry", 192, 8, SLAB_RECLAIM_ACCOUNT, NULL, NULL);
 *	d = kmem_cache_alloc(k, GFP_KERNEL);
 *
 * Every flag is implemented by deriving: SLAB_DESTROY_BY_RCU gives a cache over rcuified pages,
 * SLAB_POISON one of a debug slab allocator, and so on. Derived allocators are made once for each
 * set of flags (once for each cache with a constructor) and put when the last cache goes.
 *
 * The one question everybody asks: *which cache is `k->cache`?* The physical one, which the objects
 * lie in. With merging several kmem_caches share it, and each holds one reference (`dup`).
 */
#ifndef ALLOC_SLABULATOR_H
#define ALLOC_SLABULATOR_H

#include "alloc/boot.h"
#include "alloc/page_alloc.h"
#include "alloc/slab_alloc.h"
#include "alloc/slab_flags.h"
#include "lib/text.h"

struct kmalloc;
struct kmem_cache;

/*
 * Run on each object of a fresh slab, and before the slab goes. mode: CTOR_MAY_SLEEP, or 0.
 */
typedef void (*kmem_ctor_fn)(void *object, struct kmem_cache *k, unsigned int mode);

/* Caches whose name matches stand on another slab allocator. */
struct slab_choice {
	const char *glob;
	struct slab_allocator *slab;
	u64 nr_caches; /* made by it so far */
};

struct slabulator {
	struct slab_allocator *slab;
	struct page_allocator *pages;
	struct slab_choice *choices; /* the first that matches; NULL: none */
	unsigned int nr_choices;
	const struct slab_shapes *shapes; /* geometry that caches should have; NULL: their own */
	bool merge;
	struct kmalloc *kmalloc; /* whose classes are shared before other caches; NULL: none */
	struct list_head caches; /* struct kmem_cache, in order of creation */
	struct list_head slabs;	 /* struct kmem_slabs, in order of creation */
	struct list_head derived;
	unsigned int nr_derived; /* sets of allocators made so far: numbers their layers */
	bool panicked;		 /* a cache with SLAB_PANIC could not be made */
	struct err why;		 /* of the last create that made no sense; "": it lacked memory */
};

/* A physical cache: what aliases share. */
struct kmem_slabs {
	struct list_head list;
	struct slab_cache *cache; /* in room */
	struct slab_control *room;
	const struct slab_allocator *chain; /* that the name chose */
	struct slab_derived *derived;	    /* by flags; NULL: the chain itself */
	slab_flags_t flags;
	unsigned int capacity; /* bytes of the largest object it can take */
	bool constructed;      /* has a constructor or destructor */
};

/* One name. */
struct kmem_cache {
	struct slab_cache *cache;
	struct kmem_slabs *slabs;
	struct slabulator *sl;
	char name[SLAB_NAME_MAX];
	unsigned int size; /* asked for */
	slab_flags_t flags;
	kmem_ctor_fn ctor, dtor;
	u64 nr_live; /* had by kmem_cache_alloc; whoever goes to k->cache counts for himself */
	struct list_head list;
};

/* slab and pages outlive it. */
void slabulator_init(struct slabulator *sl, struct slab_allocator *slab,
		     struct page_allocator *pages);
/* Destroys what caches are left; returns the number of objects still live. */
u64 slabulator_destroy(struct slabulator *sl);

/*
 * NULL: refused, for lack of memory or because flags, ctor and allocator make no sense together;
 * then sl->why and an event ("refused") say why, and nothing is left behind. With SLAB_PANIC it is
 * an "oom" event, and sl->panicked. align 0: any.
 */
struct kmem_cache *kmem_cache_create(struct slabulator *sl, const char *name, unsigned int size,
				     unsigned int align, slab_flags_t flags, kmem_ctor_fn ctor,
				     kmem_ctor_fn dtor);
/* The same with what else parameters of a slab cache say: gfp, node, shape. */
struct kmem_cache *slabulator_create(struct slabulator *sl, const struct slab_cache *parameters,
				     slab_flags_t flags, kmem_ctor_fn ctor, kmem_ctor_fn dtor);
/*
 * The physical cache goes with its last name. Returns objects still live then (reported, and leaked
 * on purpose), else 0.
 */
u64 kmem_cache_destroy(struct kmem_cache *k);
/* Gives empty slabs back; returns how many. */
int kmem_cache_shrink(struct kmem_cache *k);

/* __GFP_ZERO of what a constructor has made: reported. */
void kmem_cache_warn_zero(const struct kmem_cache *k);

static inline gfp_t kmem_cache_gfp(const struct kmem_cache *k, gfp_t flags)
{
	if (unlikely(k->ctor && flags & __GFP_ZERO)) {
		kmem_cache_warn_zero(k);
		flags &= ~__GFP_ZERO;
	}
	return flags;
}

static inline void *kmem_cache_alloc(struct kmem_cache *k, gfp_t flags)
{
	void *object;

	slab_state_check("kmem_cache_alloc");
	object = slab_alloc(k->cache, kmem_cache_gfp(k, flags));
	k->nr_live += object != NULL;
	return object;
}

static inline void *kmem_cache_alloc_node(struct kmem_cache *k, gfp_t flags, int node)
{
	void *object;

	slab_state_check("kmem_cache_alloc_node");
	object = slab_alloc_node(k->cache, kmem_cache_gfp(k, flags), node);
	k->nr_live += object != NULL;
	return object;
}

static inline void *kmem_cache_zalloc(struct kmem_cache *k, gfp_t flags)
{
	return kmem_cache_alloc(k, flags | __GFP_ZERO);
}

static inline void kmem_cache_free(struct kmem_cache *k, void *object)
{
	slab_state_check("kmem_cache_free");
	k->nr_live--;
	slab_free(k->cache, object);
}

static inline unsigned int kmem_cache_size(const struct kmem_cache *k)
{
	return k->size;
}

static inline const char *kmem_cache_name(const struct kmem_cache *k)
{
	return k->name;
}

/* ---- Between the slabulator's files ---- */

/* slabulator_derive.c: the allocators of these flags over this chain. */
struct slab_derived {
	struct list_head list; /* of the slabulator; empty: of one cache alone */
	const struct slab_allocator *chain;
	slab_flags_t flags;
	struct slab_allocator *slab;
	struct page_allocator *pages;
	unsigned int refs, number;
	bool in_stack; /* its layers are among those of a struct stack */
};

/*
 * What the flags ask for, one reference to it in *d (NULL if they ask for nothing). chunk: of the
 * objects that k's constructor makes; 0: there is none. -1 with e set if the combination makes no
 * sense.
 */
int __must_check slab_derive(struct slabulator *sl, const struct slab_allocator *chain,
			     slab_flags_t flags, struct kmem_cache *k, size_t chunk,
			     struct slab_derived **d, struct err *e);
void slab_derived_put(struct slab_derived *d);
/* -1 with e set if objects of this chain cannot be constructed, or wait, as flags and k ask. */
int __must_check slab_derive_check(const struct slabulator *sl, const struct slab_allocator *chain,
				   slab_flags_t flags, const struct kmem_cache *k, struct err *e);

/* slabulator_merge.c: the slabs that a cache of these parameters may share; NULL: none. */
struct kmem_slabs *slab_find_mergeable(struct slabulator *sl, const struct slab_allocator *chain,
				       const struct slab_cache *parameters, slab_flags_t flags);

/* calculate_alignment() of mm/slab_common.c. */
unsigned int slab_calculate_alignment(slab_flags_t flags, unsigned int align, unsigned int size);

#endif
