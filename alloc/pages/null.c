/*
 * null: hands out frames that were never handed out before, and keeps nothing.
 *
 * Theory: what a load costs the simulator itself is what remains when the allocator does nothing. A
 * pfn per zone moves up; frees are forgotten. The only structs written are those without which a
 * slab of several pages could not find its head.
 *
 * Invariant: no frame is handed out twice.
 *
 * Unlike Linux: it could not run there for long. Requests are refused once their zones are used up.
 */
#include "alloc/page_alloc.h"
#include "alloc/pages/block.h"
#include "alloc/pages/zonelist.h"

struct null_pages {
	struct page_allocator pa;
	struct zonelists zonelists;
	unsigned long *fresh_pfn; /* beside kernel->zones */
};

static struct allocator_desc null_pages_desc;

static struct null_pages *to_null(const struct page_allocator *pa)
{
	return container_of((struct page_allocator *)pa, struct null_pages, pa);
}

/* The next aligned block of a zone; false if it has none left. What alignment skips is lost. */
static bool bump(struct null_pages *np, u8 zone_index, int order, unsigned long *pfn)
{
	const struct zone *zone = &kernel->zones[zone_index];
	unsigned long start = ALIGN(np->fresh_pfn[zone_index], 1UL << order);

	if (start + (1UL << order) > zone->zone_start_pfn + zone->spanned_pages)
		return false;
	np->fresh_pfn[zone_index] = start + (1UL << order);
	*pfn = start;
	return true;
}

static struct page *null_allocate(const struct page_allocator *self, int order, gfp_t flags,
				  int node)
{
	struct null_pages *np = to_null(self);
	const struct zonelist *zl = gfp_zonelist(&np->zonelists, flags, node);
	unsigned int i = 0, nr = zonelist_nr(zl, flags);
	struct page *page;
	unsigned long pfn;

	while (i < nr && !bump(np, zl->zones[i], order, &pfn))
		i++;
	if (i == nr)
		return NULL;
	page = pfn_to_page(pfn);
	if (flags & __GFP_ZERO)
		block_zero(page, order);
	if (order) {
		page->flags |= PG_head;
		page->order = (u8)order;
		block_set_tails(page, order);
	}
	return page;
}

static void null_free(const struct page_allocator *self, struct page *page, int order)
{
	(void)self, (void)page, (void)order;
}

static void null_destructor(struct page_allocator *self)
{
	struct null_pages *np = to_null(self);

	for (int i = 0; i < kernel->nr_node_ids * MAX_NR_ZONES; i++)
		block_forget(kernel->zones[i].zone_start_pfn, np->fresh_pfn[i]);
	zonelists_destroy(&np->zonelists);
	instance_free(np->fresh_pfn);
	derived_destructor(self);
}

static struct page_allocator *null_create(struct page_allocator *base, const void *options,
					  struct err *e)
{
	struct null_pages *np = instance_alloc(sizeof(*np));
	int nr_zones = kernel->nr_node_ids * MAX_NR_ZONES;

	(void)options, (void)e;
	derive_page_allocator(&np->pa, base, &null_pages_desc);
	np->pa.allocate = null_allocate;
	np->pa.free = null_free;
	np->pa.destructor = null_destructor;
	zonelists_create(&np->zonelists);
	np->fresh_pfn = instance_alloc((size_t)nr_zones * sizeof(*np->fresh_pfn));
	for (int i = 0; i < nr_zones; i++)
		np->fresh_pfn[i] = kernel->zones[i].zone_start_pfn;
	return &np->pa;
}

static struct allocator_desc null_pages_desc = {
	.name = "null",
	.kind = ALLOC_PAGES,
	.role = ROLE_SOURCE,
	.summary = "hands out fresh page frames and keeps nothing: measures the simulator itself",
	.keeps_nothing = true,
	.create_pages = null_create,
};
ALLOCATOR(null_pages_desc)
