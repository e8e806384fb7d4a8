/*
 * reclaimable: accounts its pages as slabs that reclaim can get back.
 *
 * Theory, invariant and what differs from Linux: accounted.c.
 */
#include "alloc/pages/accounted.h"

static struct allocator_desc reclaimable_desc;

static struct page_allocator *reclaimable_create(struct page_allocator *base, const void *options,
						 struct err *e)
{
	(void)options;
	return accounted_create(base, NR_SLAB_RECLAIMABLE, &reclaimable_desc, e);
}

struct page_allocator *reclaimable_slab(struct page_allocator *base)
{
	struct err e;

	return reclaimable_create(base, NULL, &e);
}

static struct allocator_desc reclaimable_desc = {
	.name = "reclaimable",
	.kind = ALLOC_PAGES,
	.role = ROLE_LAYER,
	.summary = "accounts its pages in NR_SLAB_RECLAIMABLE of their zone",
	.help = "For memory that reclaim can get back by asking its owner (dentries, inodes).",
	.create_pages = reclaimable_create,
};
ALLOCATOR(reclaimable_desc)
