/*
 * mempool: a reserve of blocks for the moment when there is no memory.
 *
 * Theory: whoever must make progress to free memory (writing pages out) must not depend on memory
 * being free. The reserve is taken when the layer is made, handed out only when the base refuses,
 * and refilled first when blocks come back. A block of it serves requests of its order that may use
 * its zone.
 *
 * Invariant: nr blocks lie on the list, at most min_nr, each PG_allocated to the base and PG_layer
 * to everybody; base->live_bytes - live_bytes of this layer is nr << order pages.
 *
 * Unlike Linux: mempool_alloc (mm/mempool.c) waits for a block to come back when the reserve is
 * empty; here such a request is refused.
 */
#include "alloc/page_alloc.h"
#include "alloc/pages/block.h"
#include "alloc/pages/zonelist.h"

struct mempool_options {
	u64 order, min_nr;
};

struct mempool {
	struct page_allocator pa;
	int order;
	u64 min_nr, nr;
	struct list_head blocks;
	spinlock_t lock;
};

static struct mempool *to_mempool(const struct page_allocator *pa)
{
	return container_of((struct page_allocator *)pa, struct mempool, pa);
}

static void keep(struct mempool *mp, struct page *page)
{
	page->flags |= PG_layer;
	list_add(&page->lru, &mp->blocks);
	mp->nr++;
}

static void let_go(struct mempool *mp, struct page *page)
{
	list_del(&page->lru);
	page->flags &= ~PG_layer;
	mp->nr--;
}

/* The reserve obeys what the layers below make of a request, as they would have. */
static struct page *take_reserved(struct mempool *mp, gfp_t flags, int node)
{
	struct page *page, *found = NULL;

	page_chain_rewrite(mp->pa.base, &flags, &node);
	spin_lock_irqsave(&mp->lock);
	list_for_each_entry (page, &mp->blocks, lru) {
		charge(COST_LIST_STEP);
		if (!gfp_allows_zone(page_zone(page), flags, node))
			continue;
		found = page;
		let_go(mp, page);
		break;
	}
	spin_unlock_irqrestore(&mp->lock);
	if (!found)
		return NULL;
	block_take_back(found, mp->order);
	block_give_out(found, mp->order, flags, gfp_migratetype(flags));
	return found;
}

static struct page *mempool_allocate(const struct page_allocator *self, int order, gfp_t flags,
				     int node)
{
	struct mempool *mp = to_mempool(self);
	struct page *page;

	charge(COST_CALL);
	page = page_alloc(self->base, order, flags, node);
	if (likely(page) || order != mp->order || !mp->nr)
		return page;
	note_path(PATH_SLOW);
	return take_reserved(mp, flags, node);
}

static void mempool_free(const struct page_allocator *self, struct page *page, int order)
{
	struct mempool *mp = to_mempool(self);

	charge(COST_CALL);
	if (likely(order != mp->order || mp->nr == mp->min_nr)) {
		page_free(self->base, page, order);
		return;
	}
	spin_lock_irqsave(&mp->lock);
	keep(mp, page);
	spin_unlock_irqrestore(&mp->lock);
}

static void mempool_check(const struct page_allocator *self)
{
	const struct mempool *mp = to_mempool(self);
	struct page *page;
	u64 nr = 0;

	list_for_each_entry (page, &mp->blocks, lru) {
		ASSERT((page->flags & (PG_allocated | PG_layer)) == (PG_allocated | PG_layer));
		ASSERT(page->order == mp->order);
		nr++;
	}
	ASSERT(nr == mp->nr && nr <= mp->min_nr);
}

static void give_reserve_back(struct mempool *mp)
{
	while (!list_empty(&mp->blocks)) {
		struct page *page = list_first_entry(&mp->blocks, struct page, lru);

		let_go(mp, page);
		page_free(mp->pa.base, page, mp->order);
	}
}

static void mempool_destructor(struct page_allocator *self)
{
	give_reserve_back(to_mempool(self));
	derived_destructor(self);
}

static int fill_reserve(struct mempool *mp, struct err *e)
{
	while (mp->nr < mp->min_nr) {
		struct page *page = page_alloc(mp->pa.base, mp->order, GFP_KERNEL, NUMA_NO_NODE);

		if (!page)
			return err_set(e, "min_nr=%llu: the machine gives %llu blocks of order %d",
				       (unsigned long long)mp->min_nr, (unsigned long long)mp->nr,
				       mp->order);
		keep(mp, page);
	}
	return 0;
}

static struct allocator_desc mempool_desc;

static struct page_allocator *mempool_create(struct page_allocator *base, const void *options,
					     struct err *e)
{
	const struct mempool_options *o = options;
	struct mempool *mp;

	if (base->keeps_nothing) {
		err_set(e, "'%s' keeps nothing: there is nothing to reserve", base->name);
		return NULL;
	}
	mp = instance_alloc(sizeof(*mp));
	derive_page_allocator(&mp->pa, base, &mempool_desc);
	mp->pa.allocate = mempool_allocate;
	mp->pa.free = mempool_free;
	mp->pa.check = mempool_check;
	mp->pa.destructor = mempool_destructor;
	mp->order = (int)o->order;
	mp->min_nr = o->min_nr;
	INIT_LIST_HEAD(&mp->blocks);
	spin_lock_init(&mp->lock, "mempool");
	if (!fill_reserve(mp, e))
		return &mp->pa;
	give_reserve_back(mp);
	mp->pa.base = NULL; /* the caller's still */
	derived_destructor(&mp->pa);
	return NULL;
}

struct page_allocator *mempool_page_allocator(struct page_allocator *base, int order, u64 min_nr)
{
	struct mempool_options o = {.order = (u64)order, .min_nr = min_nr};
	struct err e;

	return mempool_create(base, &o, &e);
}

static const struct opt_desc mempool_opts[] = {
	OPT_U64("order", struct mempool_options, order, "0", 0, MAX_ORDER - 1,
		"order of the blocks kept in reserve"),
	OPT_U64("min_nr", struct mempool_options, min_nr, "16", 1, 1 << 20,
		"blocks kept in reserve"),
	OPT_END,
};

static struct allocator_desc mempool_desc = {
	.name = "mempool",
	.kind = ALLOC_PAGES,
	.role = ROLE_LAYER,
	.summary = "keeps a reserve of blocks for when the base refuses",
	.help = "The reserve is taken at once. A request of its order that the base refuses gets a "
		"block "
		"of the\nreserve, if it may use the zone the block lies in; blocks that come back "
		"refill "
		"the reserve first.",
	.options = mempool_opts,
	.options_size = sizeof(struct mempool_options),
	.create_pages = mempool_create,
};
ALLOCATOR(mempool_desc)
