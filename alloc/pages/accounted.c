/*
 * Layers that account what they hand out: what reclaimable and unreclaimable share.
 *
 * Theory: how much of a zone reclaim could get back is known to those who asked for the pages. A
 * slab allocator over such a layer accounts its slabs without knowing of it. A page is accounted
 * once, whoever asks: a chain that would count it twice is refused.
 *
 * Invariant: the counters of all zones together are what came out through the layers of that kind
 * and has not come back.
 *
 * Unlike Linux: there the slab allocator counts (mm/slab.h, account_slab), per node, in bytes.
 */
#include "alloc/pages/accounted.h"

struct accounted_pages {
	struct page_allocator pa;
	enum zone_stat_item item;
};

static const struct accounted_pages *to_accounted(const struct page_allocator *pa)
{
	return container_of(pa, const struct accounted_pages, pa);
}

static void account(const struct page_allocator *self, const struct page *page, long nr)
{
	charge(COST_THIS_CPU);
	mod_zone_page_state(page_zone(page), to_accounted(self)->item, nr);
}

static struct page *accounted_allocate(const struct page_allocator *self, int order, gfp_t flags,
				       int node)
{
	struct page *page;

	charge(COST_CALL);
	page = page_alloc(self->base, order, flags, node);
	if (likely(page))
		account(self, page, 1L << order);
	return page;
}

static struct page *accounted_allocate_at(const struct page_allocator *self, unsigned long pfn,
					  int order, gfp_t flags, int node)
{
	struct page *page;

	charge(COST_CALL);
	page = page_alloc_at(self->base, pfn, order, flags, node);
	if (likely(page))
		account(self, page, 1L << order);
	return page;
}

static void accounted_free(const struct page_allocator *self, struct page *page, int order)
{
	charge(COST_CALL);
	account(self, page, -(1L << order));
	page_free(self->base, page, order);
}

struct page_allocator *accounted_create(struct page_allocator *base, enum zone_stat_item item,
					const struct allocator_desc *desc, struct err *e)
{
	struct accounted_pages *ap;

	for (const struct page_allocator *pa = base; pa; pa = pa->base) {
		if (pa->allocate != accounted_allocate)
			continue;
		err_set(e, "'%s' accounts its pages already: they would be counted twice",
			pa->name);
		return NULL;
	}
	ap = instance_alloc(sizeof(*ap));
	derive_page_allocator(&ap->pa, base, desc);
	ap->pa.allocate = accounted_allocate;
	ap->pa.allocate_at = accounted_allocate_at;
	ap->pa.free = accounted_free;
	ap->item = item;
	return &ap->pa;
}
