/*
 * The dispatcher in front of slab allocators, and the toolkit for deriving them.
 *
 * Theory: as for pages (page_dispatch.c): a derived allocator's cache stands on a cache of its
 * base, and a method always gets a cache of its own allocator. kfree enters at the top cache of the
 * object's page, so no layer is bypassed.
 *
 * Invariant: layer->live_objs is what came out through this layer, over all its caches, and has not
 * come back; bytes are chunks (cache->size), which are the same at every layer of one cache.
 */
#include "alloc/slab_alloc.h"

#include <stdlib.h>
#include <string.h>

#include "alloc/layer.h"
#include "alloc/slab_leak.h"

static void check_object(const struct slab_cache *cache, const void *object)
{
	ASSERT(((unsigned long)virt_to_phys(object) & (cache->align - 1)) == 0);
	ASSERT(virt_addr_valid(object));
}

static inline void *allocated(struct slab_cache *cache, void *object, struct layer *caller)
{
	layer_leave(cache->layer, caller);
	if (unlikely(!object)) {
		cache->layer->nr_failed++;
		return NULL;
	}
	check_object(cache, object);
	layer_allocated(cache->layer, cache->size);
	return object;
}

void *slab_alloc(struct slab_cache *cache, gfp_t flags)
{
	struct layer *caller;

	if (layer_injects(cache->layer))
		return NULL;
	caller = layer_enter(cache->layer);
	charge(COST_INDIRECT_CALL);
	return allocated(cache, cache->slab_alloc->alloc(cache, flags), caller);
}

void *slab_alloc_node(struct slab_cache *cache, gfp_t flags, int node)
{
	struct layer *caller;

	if (layer_injects(cache->layer))
		return NULL;
	caller = layer_enter(cache->layer);
	charge(COST_INDIRECT_CALL);
	return allocated(cache, cache->slab_alloc->alloc_node(cache, flags, node), caller);
}

void slab_free(struct slab_cache *cache, void *object)
{
	struct layer *caller = layer_enter(cache->layer);

	charge(COST_INDIRECT_CALL);
	layer_freed(cache->layer, cache->size);
	cache->slab_alloc->free(cache, object);
	layer_leave(cache->layer, caller);
}

void slab_free_object(struct page *page, void *object)
{
	struct slab_cache *cache = slab_cache_of(page, object), *top;
	struct layer *caller;

	if (unlikely(!cache)) {
		report_event("invalid_pointer", "kfree of 0x%llx, no object of its slab",
			     (unsigned long long)virt_to_phys(object));
		return;
	}
	top = cache->top;
	caller = layer_enter(top->layer);
	charge(COST_INDIRECT_CALL);
	layer_freed(top->layer, top->size);
	top->slab_alloc->__free(page, object);
	layer_leave(top->layer, caller);
}

void slab_free_refused(struct slab_cache *cache)
{
	for (; cache; cache = cache->above)
		layer_free_refused(cache->layer, cache->size);
}

struct slab_cache *slab_cache_create(const struct slab_allocator *sa, struct slab_control *room,
				     const struct slab_cache *parameters)
{
	/* No layer need fear that its additions to a size wrap around. */
	if (!parameters->objsize || parameters->objsize > SLAB_OBJECT_MAX ||
	    parameters->align > SLAB_OBJECT_MAX ||
	    (parameters->align && !is_power_of_2(parameters->align)))
		return NULL;
	return sa->create(sa, room, parameters);
}

static int by_cache_name(const void *name, const void *shape)
{
	return strcmp(name, ((const struct slab_shape *)shape)->cache);
}

const struct slab_shape *slab_shape_find(const struct slab_shapes *shapes, const char *cache)
{
	if (!shapes || !shapes->nr_shapes)
		return NULL;
	return bsearch(cache, shapes->shapes, shapes->nr_shapes, sizeof(*shapes->shapes),
		       by_cache_name);
}

int slab_cache_shrink(struct slab_cache *cache, move_object_fn move_object)
{
	struct layer *caller = layer_enter(cache->layer);
	int slabs = cache->slab_alloc->shrink(cache, move_object);

	layer_leave(cache->layer, caller);
	return slabs;
}

int slab_cache_destroy(struct slab_cache *cache)
{
	int live;

	ASSERT(cache->refs > 0);
	if (--cache->refs)
		return 0;
	live = cache->slab_alloc->destroy(cache);
	if (unlikely(live) && !cache->above)
		slab_cache_abandon(cache, (u64)live);
	return live;
}

void slab_cache_counts(struct slab_cache *cache, struct slab_counts *counts)
{
	cache->slab_alloc->get_objects(cache, counts);
}

void slab_cache_check(struct slab_cache *cache)
{
	cache->slab_alloc->check(cache);
	for (struct slab_cache *b = cache->base; b; b = b->next_base)
		slab_cache_check(b);
}

void slab_object_check(struct slab_cache *cache, const void *object)
{
	u64 clock_ns = kernel->clock_ns;

	ASSERT(cache == cache->top);
	ASSERT(slab_cache_of(virt_to_head_page(object), object)->top == cache);
	check_object(cache, object);
	ASSERT(cache->slab_alloc->valid_pointer(cache, object));
	ASSERT(cache->slab_alloc->in_use(cache, object));
	kernel->clock_ns = clock_ns; /* looking takes no time */
}

/* ---- Forwarders ---- */

static void *forward_alloc(struct slab_cache *cache, gfp_t flags)
{
	return slab_alloc(cache->base, flags);
}

static void *forward_alloc_node(struct slab_cache *cache, gfp_t flags, int node)
{
	return slab_alloc_node(cache->base, flags, node);
}

static void forward_free(struct slab_cache *cache, void *object)
{
	slab_free(cache->base, object);
}

/* Entered on the top cache by slab_free_object: from here on it is an ordinary free, layer by
 * layer. */
static void forward_free_object(struct page *page, void *object)
{
	struct slab_cache *top = slab_cache_of(page, object)->top;

	top->slab_alloc->free(top, object);
}

static int forward_valid_pointer(struct slab_cache *cache, const void *object)
{
	return cache->base->slab_alloc->valid_pointer(cache->base, object);
}

static int forward_in_use(struct slab_cache *cache, const void *object)
{
	return cache->base->slab_alloc->in_use(cache->base, object);
}

static u32 forward_alloc_site(struct slab_cache *cache, const void *object)
{
	return cache->base->slab_alloc->alloc_site(cache->base, object);
}

static u32 site_not_known(struct slab_cache *cache, const void *object)
{
	(void)cache, (void)object;
	return 0;
}

static unsigned long own_object_size(struct page *page, const void *object)
{
	return slab_cache_of(page, object)->top->objsize;
}

static unsigned long forward_get_objects(struct slab_cache *cache, struct slab_counts *counts)
{
	return cache->base->slab_alloc->get_objects(cache->base, counts);
}

int slab_move_object(struct slab_cache *cache, move_object_fn move_object, void *object)
{
	int moved;

	charge(COST_INDIRECT_CALL);
	moved = move_object(cache, object);
	if (moved && cache == cache->top)
		slab_free(cache, object);
	return moved;
}

int derived_slab_cache_shrink(struct slab_cache *cache, move_object_fn move_object,
			      move_object_fn wrapper)
{
	int slabs;

	cache->move_object = move_object;
	slabs = slab_cache_shrink(cache->base, move_object ? wrapper : NULL);
	cache->move_object = NULL;
	return slabs;
}

static int forward_move_object(struct slab_cache *base, void *object)
{
	struct slab_cache *cache = base->above;

	return slab_move_object(cache, cache->move_object, object);
}

static int forward_shrink(struct slab_cache *cache, move_object_fn move_object)
{
	return derived_slab_cache_shrink(cache, move_object, forward_move_object);
}

static struct slab_cache *forward_create(const struct slab_allocator *self,
					 struct slab_control *room,
					 const struct slab_cache *parameters)
{
	return derive_slab_cache(self, (struct slab_cache *)(void *)room->room, parameters);
}

static struct slab_cache *count_holder(struct slab_cache *cache)
{
	cache->refs++;
	return cache;
}

static void nothing_kept(struct slab_cache *cache)
{
	(void)cache;
}

void derive_slab_allocator(struct slab_allocator *self, struct slab_allocator *base,
			   struct page_allocator *pages, const struct allocator_desc *desc)
{
	*self = (struct slab_allocator){
		.alloc = base ? forward_alloc : NULL,
		.alloc_node = base ? forward_alloc_node : NULL,
		.free = base ? forward_free : NULL,
		.__free = forward_free_object,
		.valid_pointer = base ? forward_valid_pointer : NULL,
		.in_use = base ? forward_in_use : NULL,
		.object_size = own_object_size,
		.alloc_site = base ? forward_alloc_site : site_not_known,
		.get_objects = base ? forward_get_objects : NULL,
		.create = base ? forward_create : NULL,
		.shrink = base ? forward_shrink : NULL,
		.dup = count_holder,
		.destroy = base ? derived_slab_cache_destroy : NULL,
		.destructor = derived_slab_destructor,
		.check = nothing_kept,
		.name = derived_name(desc->name, base ? base->name : NULL),
		.desc = desc,
		.base = base,
		.pages = page_allocator_get(pages),
		.refs = 1,
		.defers_free = base && base->defers_free,
		.spoils_free = base && base->spoils_free,
		.shifts_objects = base && base->shifts_objects,
		.layer = instance_alloc(sizeof(struct layer)),
	};
	INIT_LIST_HEAD(&self->caches);
}

void derived_slab_destructor(struct slab_allocator *self)
{
	struct slab_allocator *base = self->base;

	ASSERT(list_empty(&self->caches));
	instance_free((void *)self->name);
	instance_free(self->layer);
	page_allocator_put(self->pages);
	instance_free(self);
	slab_allocator_put(base);
}

struct slab_allocator *slab_allocator_get(struct slab_allocator *sa)
{
	sa->refs++;
	return sa;
}

void slab_allocator_put(struct slab_allocator *sa)
{
	if (!sa)
		return;
	ASSERT(sa->refs > 0);
	if (!--sa->refs)
		sa->destructor(sa);
}

const struct slab_allocator *slab_allocator_source(const struct slab_allocator *sa)
{
	while (sa->base)
		sa = sa->base;
	return sa;
}

bool slab_chain_has(const struct slab_allocator *sa, const struct allocator_desc *desc)
{
	while (sa && sa->desc != desc)
		sa = sa->base;
	return sa;
}

int slab_check_keeps(const struct slab_allocator *base, const struct page_allocator *pages,
		     const char *what, struct err *e)
{
	const struct slab_allocator *source = slab_allocator_source(base);

	if (source->desc->keeps_nothing)
		return err_set(e, "%s, and '%s' keeps nothing", what, source->name);
	if (pages && pages->keeps_nothing)
		return err_set(e, "%s, and the pages of '%s' keep nothing", what,
			       page_allocator_source(pages)->name);
	return 0;
}

struct page_allocator *slab_pages_get(const struct slab_allocator *self,
				      const struct slab_cache *parameters)
{
	const struct page_allocator *pages =
		parameters->page_alloc ? parameters->page_alloc : self->pages;

	return page_allocator_get((struct page_allocator *)pages);
}

/* `top` must reach the bottom. */
static void set_top(struct slab_cache *cache, struct slab_cache *top)
{
	cache->top = top;
	for (struct slab_cache *b = cache->base; b; b = b->next_base)
		set_top(b, top);
}

/* The list of an allocator's caches is bookkeeping of its own, whoever may read the rest. */
static struct list_head *list_of_caches(const struct slab_allocator *self)
{
	return (struct list_head *)&self->caches;
}

void slab_cache_init(struct slab_cache *cache, const struct slab_allocator *self,
		     struct slab_cache *base)
{
	cache->slab_alloc = self;
	cache->layer = self->layer;
	cache->base = base;
	cache->next_base = cache->above = NULL;
	for (struct slab_cache *b = base; b; b = b->next_base)
		b->above = cache;
	cache->own_pages = NULL;
	cache->shares = NULL;
	cache->refs = 1;
	list_add_tail(&cache->list, list_of_caches(self));
	set_top(cache, cache);
}

struct slab_cache *derive_slab_cache(const struct slab_allocator *self, struct slab_cache *cache,
				     const struct slab_cache *parameters)
{
	struct slab_control *room = instance_alloc(sizeof(*room));
	struct slab_cache *base = slab_cache_create(self->base, room, parameters);

	if (!base) {
		instance_free(room);
		return NULL;
	}
	*cache = *base;
	slab_cache_init(cache, self, base);
	return cache;
}

struct slab_cache *derive_slab_cache_on(const struct slab_allocator *self, struct slab_cache *cache,
					const struct slab_cache *parameters,
					struct page_allocator *pages)
{
	struct slab_cache on_pages = *parameters;

	on_pages.page_alloc = pages;
	if (!derive_slab_cache(self, cache, &on_pages)) {
		page_allocator_put(pages);
		return NULL;
	}
	cache->own_pages = pages;
	return cache;
}

int derived_slab_cache_destroy(struct slab_cache *cache)
{
	struct slab_cache *base = cache->base;
	int live;

	list_del(&cache->list);
	live = slab_cache_destroy(base);
	if (!live) { /* pages of leaked objects still point here */
		instance_free(base);
		page_allocator_put(cache->own_pages);
	}
	return live;
}
