/*
 * dma (dmaify_slab_allocator): objects for devices that reach low memory only.
 *
 * Theory: each cache stands on a dmaified page allocator of its own; nothing else differs.
 *
 * Invariant: every slab lies in ZONE_DMA, whatever the allocation asked for.
 *
 * Unlike the modular slab (2006): the page allocator made in create is put again with its cache,
 * and the cache knows its base.
 */
#include "alloc/slab_alloc.h"

static struct slab_cache *dma_create(const struct slab_allocator *self, struct slab_control *room,
				     const struct slab_cache *parameters)
{
	struct page_allocator *pages = slab_pages_get(self, parameters);
	struct page_allocator *low = dmaify_page_allocator(pages);

	if (!low) {
		page_allocator_put(pages);
		return NULL;
	}
	return derive_slab_cache_on(self, (struct slab_cache *)(void *)room->room, parameters, low);
}

static struct allocator_desc dma_slab_desc;

static struct slab_allocator *dma_instance(struct slab_allocator *base,
					   struct page_allocator *pages, const void *options,
					   struct err *e)
{
	struct page_allocator *low;
	struct slab_allocator *sa;

	(void)options;
	if (slab_chain_has(base, &dma_slab_desc)) {
		err_set(e, "the caches of '%s' lie in ZONE_DMA already", base->name);
		return NULL;
	}
	low = dmaify_page_allocator(page_allocator_get(pages));
	if (!low) {
		page_allocator_put(pages);
		err_set(e, "no page of '%s' can be in ZONE_DMA", pages->name);
		return NULL;
	}
	page_allocator_put(low);
	sa = instance_alloc(sizeof(*sa));
	derive_slab_allocator(sa, base, pages, &dma_slab_desc);
	sa->create = dma_create;
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
