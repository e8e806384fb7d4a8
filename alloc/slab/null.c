/*
 * null (slab): hands out addresses and remembers nothing.
 *
 * Theory: whatever a stack of `null` costs is the simulator's own share, so this does the least
 * that the interface allows: each cache has one block of pages and deals out its objects in turn,
 * round and round.
 *
 * Invariant: every address lies in the block, on a chunk, so that kfree finds the cache and checks
 * of alignment hold. Objects are handed out again while in use: their contents mean nothing, and
 * nothing is zeroed, verified or counted as live.
 *
 * Unlike any allocator: keeps_nothing.
 */
#include "alloc/slab_alloc.h"

/* Enough chunks that neighbours in time do not share a cache line. */
#define NULL_OBJECTS_WANTED 8

struct null_cache {
	struct slab_cache c;
	struct page *page;
	u32 next, end; /* offsets in the block */
};
_Static_assert(sizeof(struct null_cache) <= SLAB_CONTROL_BYTES, "fits the caller's room");

static struct null_cache *to_null(struct slab_cache *cache)
{
	return container_of(cache, struct null_cache, c);
}

static void *null_alloc_node(struct slab_cache *cache, gfp_t flags, int node)
{
	struct null_cache *n = to_null(cache);
	void *object = (char *)page_address(n->page) + n->next;

	(void)flags, (void)node;
	n->next += cache->size;
	if (n->next == n->end)
		n->next = 0;
	return object;
}

static void *null_alloc(struct slab_cache *cache, gfp_t flags)
{
	return null_alloc_node(cache, flags, NUMA_NO_NODE);
}

static void null_free(struct slab_cache *cache, void *object)
{
	(void)cache, (void)object;
}

static int null_valid_pointer(struct slab_cache *cache, const void *object)
{
	struct null_cache *n = to_null(cache);
	u64 offset = virt_to_phys(object) - virt_to_phys(page_address(n->page));

	return offset < n->end && offset % cache->size == 0;
}

static unsigned long null_get_objects(struct slab_cache *cache, struct slab_counts *counts)
{
	u64 objects = to_null(cache)->end / cache->size;

	*counts = (struct slab_counts){
		.total = 1, .active = 1, .objs_total = objects, .objs_active = objects};
	return counts->active;
}

static int null_order(unsigned int size)
{
	int order = 0;

	while (order < MAX_ORDER && PAGE_SIZE << order < size)
		order++;
	if (order < 3 && PAGE_SIZE << order < (u64)NULL_OBJECTS_WANTED * size)
		order = 3;
	return order;
}

static struct slab_cache *null_create(const struct slab_allocator *self, struct slab_control *room,
				      const struct slab_cache *parameters)
{
	struct null_cache *n = (struct null_cache *)(void *)room->room;
	struct slab_cache *c = &n->c;

	*n = (struct null_cache){.c = *parameters};
	c->align = max(c->align, 8U);
	c->inuse = ALIGN(max(c->objsize, 1U), 8U);
	c->size = ALIGN(max(c->inuse, c->size), c->align);
	c->order = null_order(c->size);
	if (!c->page_alloc)
		c->page_alloc = self->pages;
	if (c->order >= MAX_ORDER)
		return NULL;
	n->page = page_alloc(c->page_alloc, c->order, GFP_KERNEL | __GFP_COMP | c->gfp, c->node);
	if (!n->page)
		return NULL;
	n->page->flags |= PG_slab;
	n->page->slab_cache = c;
	c->objects = (unsigned int)((PAGE_SIZE << c->order) / c->size);
	n->end = c->objects * c->size;
	slab_cache_init(c, self, NULL);
	return c;
}

static int null_shrink(struct slab_cache *cache, move_object_fn move_object)
{
	(void)cache, (void)move_object;
	return 0;
}

static int null_destroy(struct slab_cache *cache)
{
	struct null_cache *n = to_null(cache);

	list_del(&cache->list);
	n->page->flags &= ~PG_slab;
	n->page->slab_cache = NULL;
	page_free(cache->page_alloc, n->page, cache->order);
	return 0;
}

static struct allocator_desc null_slab_desc;

static struct slab_allocator *null_instance(struct slab_allocator *base,
					    struct page_allocator *pages, const void *options,
					    struct err *e)
{
	struct slab_allocator *sa = instance_alloc(sizeof(*sa));

	(void)base, (void)options, (void)e;
	derive_slab_allocator(sa, NULL, pages, &null_slab_desc);
	sa->alloc = null_alloc;
	sa->alloc_node = null_alloc_node;
	sa->free = null_free;
	sa->valid_pointer = null_valid_pointer;
	sa->in_use = null_valid_pointer;
	sa->get_objects = null_get_objects;
	sa->create = null_create;
	sa->shrink = null_shrink;
	sa->destroy = null_destroy;
	return sa;
}

static struct allocator_desc null_slab_desc = {
	.name = "null",
	.kind = ALLOC_SLAB,
	.role = ROLE_SOURCE,
	.summary = "hands out addresses and remembers nothing: the simulator's own cost",
	.keeps_nothing = true,
	.create_slab = null_instance,
};
ALLOCATOR(null_slab_desc)
