/*
 * dma (dmaify_slab_allocator): objects for devices that reach low memory only.
 *
 * Theory: the caches stand on a dmaified page allocator; nothing else differs. That page allocator is
 * one for all caches of the allocator, and one for each cache that brings pages of its own.
 *
 * Invariant: every slab lies in ZONE_DMA, whatever the allocation asked for.
 *
 * Unlike the modular slab (2006): the page allocator made in create is put again with its last user,
 * and the cache knows its base.
 */
#include "alloc/slab_alloc.h"

struct dma_cache {
	struct slab_cache c;
	struct page_allocator *pages; /* of this cache alone; NULL: the allocator's */
};
_Static_assert(sizeof(struct dma_cache) <= SLAB_CONTROL_BYTES, "fits the caller's room");

static struct slab_cache *dma_create(const struct slab_allocator *self, struct slab_control *room,
				     const struct slab_cache *parameters)
{
	struct dma_cache *dc = (struct dma_cache *)(void *)room->room;
	struct slab_cache low = *parameters;

	dc->pages = NULL;
	if (parameters->page_alloc)
		dc->pages = dmaify_page_allocator(
			page_allocator_get((struct page_allocator *)parameters->page_alloc));
	low.page_alloc = dc->pages ? dc->pages : self->pages;
	if (derive_slab_cache(self, &dc->c, &low))
		return &dc->c;
	page_allocator_put(dc->pages);
	return NULL;
}

static int dma_destroy(struct slab_cache *cache)
{
	struct page_allocator *pages = container_of(cache, struct dma_cache, c)->pages;
	int live;

	ASSERT(cache->refs > 0);
	if (--cache->refs)
		return 0;
	live = derived_slab_cache_destroy(cache);
	page_allocator_put(pages);
	return live;
}

static struct allocator_desc dma_slab_desc;

static struct slab_allocator *dma_instance(struct slab_allocator *base,
					   struct page_allocator *pages, const void *options,
					   struct err *e)
{
	struct page_allocator *low;
	struct slab_allocator *sa;

	(void)options;
	for (const struct slab_allocator *s = base; s; s = s->base) {
		if (s->desc != &dma_slab_desc)
			continue;
		err_set(e, "the caches of '%s' lie in ZONE_DMA already", base->name);
		return NULL;
	}
	low = dmaify_page_allocator(page_allocator_get(pages));
	if (!low) {
		page_allocator_put(pages);
		err_set(e, "no page of '%s' can be in ZONE_DMA", pages->name);
		return NULL;
	}
	sa = instance_alloc(sizeof(*sa));
	derive_slab_allocator(sa, base, low, &dma_slab_desc);
	page_allocator_put(low);
	sa->create = dma_create;
	sa->destroy = dma_destroy;
	return sa;
}

struct slab_allocator *dmaify_slab_allocator(struct slab_allocator *base)
{
	struct err e;

	return dma_instance(base, base->pages, NULL, &e);
}

static struct allocator_desc dma_slab_desc = {
	.name = "dma",
	.kind = ALLOC_SLAB,
	.role = ROLE_LAYER,
	.summary = "caches stand on pages of ZONE_DMA",
	.create_slab = dma_instance,
};
ALLOCATOR(dma_slab_desc)
