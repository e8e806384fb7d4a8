/*
 * The slabulator: caches by name, over any slab allocator.
 *
 * Theory: a kmem_cache is a name, what was asked for under it, and a reference to a physical cache.
 * Flags choose which allocator makes that cache, and on which pages (slabulator_derive.c). With
 * merging a new name may take a reference to a cache that is there already (slabulator_merge.c).
 *
 * A constructor is the business of the pages: it runs on each chunk of a fresh slab, and its
 * opposite before the slab goes. What it made must outlive alloc and free, so the free pointer lies
 * behind the object. The distance of chunks is the allocator's to choose: a first cache is made to
 * learn it, and goes again.
 *
 * Invariant: slabs->cache->refs is the number of names that have these slabs.
 *
 * Unlike Linux (mm/slab_common.c, 6.1): flags are no code paths of the allocator but allocators
 * derived from it; destructors exist, as they did until 2.6.22; a machine may have several
 * slabulators.
 */
#include "alloc/slabulator.h"

#include <string.h>

#include "lib/glob.h"

void slabulator_init(struct slabulator *sl, struct slab_allocator *slab,
		     struct page_allocator *pages)
{
	*sl = (struct slabulator){.slab = slab, .pages = pages};
	INIT_LIST_HEAD(&sl->caches);
	INIT_LIST_HEAD(&sl->slabs);
	INIT_LIST_HEAD(&sl->derived);
}

u64 slabulator_destroy(struct slabulator *sl)
{
	struct kmem_cache *k, *next;
	u64 live = 0;

	list_for_each_entry_safe (k, next, &sl->caches, list)
		live += kmem_cache_destroy(k);
	ASSERT(live || list_empty(&sl->derived));
	return live;
}

static const struct slab_allocator *chain_of(struct slabulator *sl, const char *name)
{
	for (unsigned int i = 0; i < sl->nr_choices; i++) {
		if (!glob_matches(sl->choices[i].glob, name))
			continue;
		sl->choices[i].nr_caches++;
		return sl->choices[i].slab;
	}
	return sl->slab;
}

unsigned int slab_calculate_alignment(slab_flags_t flags, unsigned int align, unsigned int size)
{
	unsigned int line = SMP_CACHE_BYTES;

	if (flags & SLAB_HWCACHE_ALIGN) {
		while (size <= line / 2)
			line /= 2;
		align = max(align, line);
	}
	return max(align, 8U);
}

/* ---- Physical caches ---- */

/* Layers that keep something behind the object leave less than the chunk to it. */
static unsigned int capacity_of(const struct slab_cache *cache)
{
	const struct slab_cache *source = cache;

	while (source->base)
		source = source->base;
	return source->objsize == cache->objsize ? cache->size : ALIGN(cache->objsize, 8U);
}

static struct slab_cache *create_on(const struct slab_allocator *chain,
				    const struct slab_derived *d, struct slab_control *room,
				    const struct slab_cache *parameters)
{
	struct slab_cache p = *parameters;

	if (d)
		p.page_alloc = d->pages;
	return slab_cache_create(d ? d->slab : chain, room, &p);
}

/* The chunk that objects with a free pointer behind them get; 0: no such cache can be made. */
static size_t learn_chunk(struct slabulator *sl, const struct slab_allocator *chain,
			  const struct slab_cache *parameters, slab_flags_t flags, struct err *e)
{
	struct slab_control *room = instance_alloc(sizeof(*room));
	struct slab_derived *d = NULL;
	struct slab_cache *cache = NULL;
	size_t chunk = 0;

	if (!slab_derive(sl, chain, flags, NULL, 0, &d, e))
		cache = create_on(chain, d, room, parameters);
	if (cache) {
		chunk = cache->size;
		slab_cache_destroy(cache);
	}
	slab_derived_put(d);
	instance_free(room);
	return chunk;
}

/*
 * What a constructor made, or readers may still look at after the free, is not the allocator's to
 * write to (calculate_sizes, mm/slub.c, 6.1).
 */
static struct slab_cache beside_objects(const struct slab_cache *parameters)
{
	struct slab_cache p = *parameters;

	p.offset = ALIGN(p.objsize, 8U);
	p.objsize = p.offset + 8;
	return p;
}

static struct kmem_slabs *make_slabs(struct kmem_cache *k, const struct slab_allocator *chain,
				     const struct slab_cache *parameters, struct err *e)
{
	bool constructed = k->ctor || k->dtor;
	bool beside = constructed || k->flags & SLAB_TYPESAFE_BY_RCU;
	struct slab_cache p = beside ? beside_objects(parameters) : *parameters;
	struct slab_derived *d = NULL;
	struct kmem_slabs *s;
	size_t chunk = 0;

	if (slab_derive_check(k->sl, chain, k->flags, k, e))
		return NULL;
	if (constructed) {
		chunk = learn_chunk(k->sl, chain, &p, k->flags, e);
		if (!chunk)
			return NULL;
	}
	if (slab_derive(k->sl, chain, k->flags, constructed ? k : NULL, chunk, &d, e))
		return NULL;
	s = instance_alloc(sizeof(*s));
	*s = (struct kmem_slabs){.room = instance_alloc(sizeof(*s->room)),
				 .chain = chain,
				 .derived = d,
				 .flags = k->flags,
				 .constructed = constructed};
	s->cache = create_on(chain, d, s->room, &p);
	if (!s->cache) {
		slab_derived_put(d);
		instance_free(s->room);
		instance_free(s);
		return NULL;
	}
	ASSERT(!constructed || s->cache->size == chunk);
	s->cache->objsize = parameters->objsize;
	s->capacity = capacity_of(s->cache);
	list_add_tail(&s->list, &k->sl->slabs);
	return s;
}

/* Objects of `before` bytes, throughout the tree, have `objsize`. */
static void enlarge(struct slab_cache *cache, unsigned int before, unsigned int objsize)
{
	if (cache->objsize == before)
		cache->objsize = objsize;
	cache->inuse = max(cache->inuse, ALIGN(cache->objsize, 8U));
	for (struct slab_cache *b = cache->base; b; b = b->next_base)
		enlarge(b, before, objsize);
}

/* One more name has these slabs, and its objects fit. */
static void share(struct kmem_slabs *s, unsigned int objsize)
{
	struct slab_cache *c = slab_cache_dup(s->cache);

	if (objsize > c->objsize)
		enlarge(c, c->objsize, objsize);
}

/* ---- Names ---- */

static void refuse(struct slabulator *sl, const char *name, slab_flags_t flags, const struct err *e)
{
	const char *why = *e->msg ? e->msg : "no memory, or no order of pages fits";

	sl->why = *e;
	if (flags & SLAB_PANIC) {
		sl->panicked = true;
		report_event("oom",
			     "Kernel panic - not syncing: kmem_cache_create: Failed to create slab "
			     "'%s': %s",
			     name, why);
		return;
	}
	report_event("refused", "kmem_cache_create of '%s': %s", name, why);
}

static struct kmem_slabs *slabs_for(struct kmem_cache *k, const struct slab_cache *parameters,
				    struct err *e)
{
	const struct slab_allocator *chain = chain_of(k->sl, k->name);
	struct kmem_slabs *s = NULL;

	if (!k->ctor && !k->dtor)
		s = slab_find_mergeable(k->sl, chain, parameters, k->flags);
	if (!s)
		return make_slabs(k, chain, parameters, e);
	share(s, parameters->objsize);
	return s;
}

struct kmem_cache *slabulator_create(struct slabulator *sl, const struct slab_cache *parameters,
				     slab_flags_t flags, kmem_ctor_fn ctor, kmem_ctor_fn dtor)
{
	struct kmem_cache *k = instance_alloc(sizeof(*k));
	struct slab_cache p = *parameters;
	struct err e = {""};

	slab_state_check("kmem_cache_create");
	*k = (struct kmem_cache){
		.sl = sl, .size = p.objsize, .flags = flags, .ctor = ctor, .dtor = dtor};
	memcpy(k->name, p.name, sizeof(k->name));
	p.align = slab_calculate_alignment(flags, p.align, p.objsize);
	if (flags & SLAB_RECLAIM_ACCOUNT)
		p.gfp |= __GFP_RECLAIMABLE;
	if (flags & ~SLAB_FLAGS)
		err_set(&e, "flags 0x%x are none of a cache's", flags & ~SLAB_FLAGS);
	else if (p.objsize && p.objsize <= SLAB_OBJECT_MAX - SMP_CACHE_BYTES)
		k->slabs = slabs_for(k, &p, &e);
	else
		err_set(&e, "objects of %u bytes: 1 to %lu are possible", p.objsize,
			SLAB_OBJECT_MAX - SMP_CACHE_BYTES);
	if (!k->slabs) {
		refuse(sl, k->name, flags, &e);
		instance_free(k);
		return NULL;
	}
	k->cache = k->slabs->cache;
	list_add_tail(&k->list, &sl->caches);
	return k;
}

struct kmem_cache *kmem_cache_create(struct slabulator *sl, const char *name, unsigned int size,
				     unsigned int align, slab_flags_t flags, kmem_ctor_fn ctor,
				     kmem_ctor_fn dtor)
{
	struct slab_cache parameters = {
		.objsize = size,
		.align = align,
		.node = NUMA_NO_NODE,
		.shape = slab_shape_find(sl->shapes, name),
	};

	strncpy(parameters.name, name, sizeof(parameters.name) - 1);
	return slabulator_create(sl, &parameters, flags, ctor, dtor);
}

u64 kmem_cache_destroy(struct kmem_cache *k)
{
	struct kmem_slabs *s = k->slabs;
	bool last = s->cache->refs == 1;
	int live;

	slab_state_check("kmem_cache_destroy");
	live = slab_cache_destroy(s->cache);
	list_del(&k->list);
	if (last)
		list_del(&s->list);
	if (last && !live) { /* leaked objects keep all that they need */
		slab_derived_put(s->derived);
		instance_free(s->room);
		instance_free(s);
	}
	if (!live)
		instance_free(k);
	return (u64)live;
}

int kmem_cache_shrink(struct kmem_cache *k)
{
	slab_state_check("kmem_cache_shrink");
	return slab_cache_shrink(k->cache, NULL);
}

void kmem_cache_warn_zero(const struct kmem_cache *k)
{
	report_event("warn", "cache %s: __GFP_ZERO would undo what its constructor made: left out",
		     k->name);
}
