/*
 * The dispatcher in front of slab allocators, and the toolkit for deriving them.
 *
 * Theory: as for pages (page_dispatch.c): a derived allocator's cache stands on a cache of its
 * base, and a method always gets a cache of its own allocator. kfree enters at the top cache of the
 * object's page, so no layer is bypassed. A forwarder is not called: the dispatcher walks past the
 * layer, and does for it what it does for each.
 *
 * Invariant: layer->live_objs is what came out through this layer, over all its caches, and has not
 * come back; bytes are chunks (cache->size), which are the same at every layer of one cache.
 */
#include "alloc/slab_alloc.h"

#include <stdlib.h>
#include <string.h>

#include "alloc/layer.h"
#include "alloc/slab_leak.h"

/* Forwarders: what a derivation has that overrides nothing. */
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

static inline void check_object(const struct slab_cache *cache, const void *object)
{
	ASSERT(((unsigned long)virt_to_phys(object) & (cache->align - 1)) == 0);
	ASSERT(virt_addr_valid(object));
}

static inline bool forwards_alloc(const struct slab_cache *cache, bool by_node)
{
	return by_node ? cache->slab_alloc->alloc_node == forward_alloc_node
		       : cache->slab_alloc->alloc == forward_alloc;
}

/* The cache's own method. */
static __always_inline void *call_alloc(struct slab_cache *cache, gfp_t flags, int node,
					bool by_node)
{
	struct layer_span span;
	void *object;

	if (layer_injects(cache->layer))
		return NULL;
	span = layer_enter(cache->layer);
	charge(COST_INDIRECT_CALL);
	object = by_node ? cache->slab_alloc->alloc_node(cache, flags, node)
			 : cache->slab_alloc->alloc(cache, flags);
	layer_leave(cache->layer, span);
	if (unlikely(!object)) {
		cache->layer->nr_failed++;
		return NULL;
	}
	check_object(cache, object);
	layer_allocated(cache->layer, cache->size);
	return object;
}

/* A request that was counted from `cache` down to `end`, `end` excluded, was refused. */
static void *refused_past(struct slab_cache *cache, const struct slab_cache *end)
{
	for (; cache != end; cache = cache->base)
		layer_allocated_not(cache->layer, cache->size);
	return NULL;
}

/*
 * Walks past forwarders to a method. Their time is that of their call; what the method gives is
 * counted beforehand, and checked for all of them at once.
 */
static __always_inline void *alloc_past_forwarders(struct slab_cache *cache, gfp_t flags, int node,
						   bool by_node)
{
	const u64 call_ns = kernel->cost_ns[COST_INDIRECT_CALL];
	struct slab_cache *c = cache;
	unsigned int align_mask = 0;
	u64 passed_ns = 0;
	void *object;

	for (; forwards_alloc(c, by_node); c = c->base) {
		if (layer_injects(c->layer)) {
			layers_passed(passed_ns);
			return refused_past(cache, c);
		}
		c->layer->self_ns += call_ns;
		passed_ns += call_ns;
		align_mask |= c->align - 1;
		layer_allocated(c->layer, c->size);
	}
	layers_passed(passed_ns);
	object = call_alloc(c, flags, node, by_node);
	if (unlikely(!object))
		return refused_past(cache, c);
	ASSERT(((unsigned long)virt_to_phys(object) & align_mask) == 0);
	return object;
}

void *slab_alloc(struct slab_cache *cache, gfp_t flags)
{
	return forwards_alloc(cache, false)
		       ? alloc_past_forwarders(cache, flags, NUMA_NO_NODE, false)
		       : call_alloc(cache, flags, NUMA_NO_NODE, false);
}

void *slab_alloc_node(struct slab_cache *cache, gfp_t flags, int node)
{
	return forwards_alloc(cache, true) ? alloc_past_forwarders(cache, flags, node, true)
					   : call_alloc(cache, flags, node, true);
}

static struct slab_cache *free_past_forwarders(struct slab_cache *cache)
{
	const u64 call_ns = kernel->cost_ns[COST_INDIRECT_CALL];
	u64 passed_ns = 0;

	for (; cache->slab_alloc->free == forward_free; cache = cache->base) {
		layer_freed(cache->layer, cache->size);
		cache->layer->self_ns += call_ns;
		passed_ns += call_ns;
	}
	layers_passed(passed_ns);
	return cache;
}

void slab_free(struct slab_cache *cache, void *object)
{
	struct layer_span span;

	if (cache->slab_alloc->free == forward_free)
		cache = free_past_forwarders(cache);
	span = layer_enter(cache->layer);
	charge(COST_INDIRECT_CALL);
	layer_freed(cache->layer, cache->size);
	cache->slab_alloc->free(cache, object);
	layer_leave(cache->layer, span);
}

/*
 * Entered on the top cache by slab_free_object: from here on it is an ordinary free, layer by
 * layer.
 */
static void forward_free_object(struct page *page, void *object)
{
	struct slab_cache *top = slab_cache_of(page, object)->top;

	top->slab_alloc->free(top, object);
}

void slab_free_object(struct page *page, void *object)
{
	struct slab_cache *cache = slab_cache_of(page, object), *top;
	struct layer_span span;

	if (unlikely(!cache)) {
		report_event("invalid_pointer", "kfree of 0x%llx, no object of its slab",
			     (unsigned long long)virt_to_phys(object));
		return;
	}
	top = cache->top;
	if (likely(top->slab_alloc->__free == forward_free_object)) {
		slab_free(top, object);
		return;
	}
	span = layer_enter(top->layer);
	charge(COST_INDIRECT_CALL);
	layer_freed(top->layer, top->size);
	top->slab_alloc->__free(page, object);
	layer_leave(top->layer, span);
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
	struct layer_span span = layer_enter(cache->layer);
	int slabs = cache->slab_alloc->shrink(cache, move_object);

	layer_leave(cache->layer, span);
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
	ASSERT(slab_valid_pointer(cache, object));
	ASSERT(slab_in_use(cache, object));
	kernel->clock_ns = clock_ns; /* looking takes no time */
}

/* ---- More forwarders ---- */

static int forward_valid_pointer(struct slab_cache *cache, const void *object)
{
	return slab_valid_pointer(cache->base, object);
}

static int forward_in_use(struct slab_cache *cache, const void *object)
{
	return slab_in_use(cache->base, object);
}

static u32 forward_alloc_site(struct slab_cache *cache, const void *object)
{
	return slab_alloc_site(cache->base, object);
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

int slab_forward_move(struct slab_cache *base, void *object)
{
	struct slab_cache *cache = base->above;

	return slab_move_object(cache, cache->move_object, object);
}

static int forward_shrink(struct slab_cache *cache, move_object_fn move_object)
{
	return derived_slab_cache_shrink(cache, move_object, slab_forward_move);
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
	return pages ? page_check_keeps(pages, what, e) : 0;
}
