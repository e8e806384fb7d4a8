/*
 * Caches that stand on caches: how they are made and unmade.
 *
 * Theory: a derived allocator's cache stands on one of its base, made in room of its own from the
 * same parameters, which the layer may have changed. The cache below knows the one above, and every
 * cache of the tree the one on top, which the user holds.
 *
 * Invariant: `top` is the same throughout a tree; `above` of a base is the cache it was made for.
 *
 * Unlike the modular slab (2006): there a derived allocator's create handed out the base's cache.
 */
#include "alloc/slab_alloc.h"

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

	if (base && base->refs > 1) { /* a fixed one, which others hold: under them it stays */
		slab_cache_destroy(base);
		base = NULL;
	}
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
		cache->base = NULL;
		instance_free(base);
		page_allocator_put(cache->own_pages);
	}
	return live;
}
