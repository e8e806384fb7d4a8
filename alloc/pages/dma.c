/*
 * dma: every allocation adds __GFP_DMA.
 *
 * Theory: an allocator for devices that reach low memory only is any allocator with that wish built
 * in.
 *
 * Invariant: what it hands out lies below 16 MiB, whatever was asked for.
 *
 * Unlike Linux: there the caller says so, or takes a DMA pool.
 */
#include "alloc/pages/forced.h"

static struct allocator_desc dma_desc;

static struct page_allocator *dma_create(struct page_allocator *base, const void *options,
					 struct err *e)
{
	(void)options;
	if (page_chain_has(base, &dma_desc)) {
		err_set(e, "the pages of '%s' lie in ZONE_DMA already", base->name);
		return NULL;
	}
	return forced_create(base, NUMA_NO_NODE, __GFP_DMA, &dma_desc, e);
}

/* Who derives in C need not know what stands below: twice is as good as once. */
struct page_allocator *dmaify_page_allocator(struct page_allocator *base)
{
	struct err e;

	return forced_create(base, NUMA_NO_NODE, __GFP_DMA, &dma_desc, &e);
}

static struct allocator_desc dma_desc = {
	.name = "dma",
	.kind = ALLOC_PAGES,
	.role = ROLE_LAYER,
	.summary = "every allocation adds __GFP_DMA",
	.create_pages = dma_create,
};
ALLOCATOR(dma_desc)
