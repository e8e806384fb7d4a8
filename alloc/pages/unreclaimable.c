/*
 * unreclaimable: accounts its pages as slabs that reclaim cannot get back.
 *
 * Theory, invariant and what differs from Linux: accounted.c.
 */
#include "alloc/pages/accounted.h"

static struct allocator_desc unreclaimable_desc;

static struct page_allocator *unreclaimable_create(struct page_allocator *base, const void *options,
						   struct err *e)
{
	(void)options;
	return accounted_create(base, NR_SLAB_UNRECLAIMABLE, &unreclaimable_desc, e);
}

struct page_allocator *unreclaimable_slab(struct page_allocator *base)
{
	struct err e;

	return unreclaimable_create(base, NULL, &e);
}

static struct allocator_desc unreclaimable_desc = {
	.name = "unreclaimable",
	.kind = ALLOC_PAGES,
	.role = ROLE_LAYER,
	.summary = "accounts its pages in NR_SLAB_UNRECLAIMABLE of their zone",
	.help = "For memory that stays until its owner frees it.",
	.create_pages = unreclaimable_create,
};
ALLOCATOR(unreclaimable_desc)
