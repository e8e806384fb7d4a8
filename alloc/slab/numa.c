/*
 * numa (numa_slab_allocator): slabs of each node, on pages pinned to it.
 *
 * Theory: a cache has a base cache for each node with memory, which stands on a page allocator of
 * its own: numactl of that node, with __GFP_THISNODE. So the base need know nothing of nodes. A
 * request goes to the base of its node, or, where there is none or its memory is full, to the
 * others by distance, unless it forbids that. A free goes to the base whose slab the object lies
 * in, from whatever node.
 *
 * A node whose pages cannot be what the cache asks for (ZONE_DMA lies on one node) counts as one
 * without memory.
 *
 * Invariant: an object of base n lies on node n, also after a shrink has moved it.
 *
 * Unlike Linux: there one cache knows all nodes (kmem_cache_node) and their slabs.
 */
#include "alloc/nearest.h"
#include "alloc/slab_alloc.h"

struct numa_slab {
	struct slab_allocator sa;
	u8 *nearest; /* alloc/nearest.h */
	int nr_memory_nodes;
	/* numactl over the allocator's own pages, by node: all caches of it share them. */
	struct page_allocator *pinned[MAX_NUMNODES];
};

struct numa_node {
	struct slab_cache *base; /* NULL: none */
	struct page_allocator *pages;
};

struct numa_cache {
	struct slab_cache c;
	const struct numa_slab *ns;
	struct numa_node *nodes;
	int moving; /* node whose objects a shrink moves; -1: none */
};
_Static_assert(sizeof(struct numa_cache) <= SLAB_CONTROL_BYTES, "fits the caller's room");

static struct numa_cache *to_numa(struct slab_cache *cache)
{
	return container_of(cache, struct numa_cache, c);
}

/* ---- Methods ---- */

static void *from_others(struct numa_cache *nc, gfp_t flags, int node)
{
	const u8 *row = nc->ns->nearest + node * kernel->nr_node_ids;
	void *object = NULL;

	note_path(PATH_SLOW);
	for (int i = 0; i < nc->ns->nr_memory_nodes && !object; i++) {
		struct slab_cache *base = nc->nodes[row[i]].base;

		charge(COST_LIST_STEP);
		if (base && row[i] != node)
			object = slab_alloc(base, flags);
	}
	return object;
}

static void *alloc_near(struct numa_cache *nc, gfp_t flags, int node)
{
	struct slab_cache *base;
	void *object = NULL;

	charge(COST_CALL);
	if (unlikely(nc->moving >= 0))
		node = nc->moving;
	base = nc->nodes[node].base;
	if (likely(base))
		object = slab_alloc(base, flags);
	if (likely(object) || flags & __GFP_THISNODE || nc->moving >= 0)
		return object;
	return from_others(nc, flags, node);
}

static void *numa_alloc_node(struct slab_cache *cache, gfp_t flags, int node)
{
	if (node < 0)
		node = cache->node < 0 ? numa_node_id() : cache->node;
	return alloc_near(to_numa(cache), flags, node);
}

static void *numa_alloc(struct slab_cache *cache, gfp_t flags)
{
	return numa_alloc_node(cache, flags, NUMA_NO_NODE);
}

/* The base that the object's slab belongs to; of what is no object one that will say so. */
static struct slab_cache *base_of(struct slab_cache *cache, const void *object)
{
	const struct numa_cache *nc = to_numa(cache);
	struct slab_cache *c = NULL;
	struct page *page;

	if (!virt_addr_valid(object))
		return cache->base;
	page = virt_to_head_page(object);
	if (page->flags & PG_slab)
		c = slab_cache_of(page, object);
	while (c && c->above != cache)
		c = c->above;
	if (unlikely(!c))
		c = nc->nodes[page_to_nid(page)].base;
	return c ? c : cache->base;
}

static void numa_free(struct slab_cache *cache, void *object)
{
	charge(COST_CALL);
	slab_free(base_of(cache, object), object);
}

static int numa_valid_pointer(struct slab_cache *cache, const void *object)
{
	return slab_valid_pointer(base_of(cache, object), object);
}

static int numa_in_use(struct slab_cache *cache, const void *object)
{
	return slab_in_use(base_of(cache, object), object);
}

static u32 numa_alloc_site(struct slab_cache *cache, const void *object)
{
	return slab_alloc_site(base_of(cache, object), object);
}

static unsigned long numa_get_objects(struct slab_cache *cache, struct slab_counts *counts)
{
	struct slab_counts one;

	*counts = (struct slab_counts){0};
	for (struct slab_cache *b = cache->base; b; b = b->next_base) {
		slab_cache_counts(b, &one);
		counts->total += one.total;
		counts->active += one.active;
		counts->partial += one.partial;
		counts->objs_total += one.objs_total;
		counts->objs_active += one.objs_active;
	}
	return counts->active;
}

static int numa_shrink(struct slab_cache *cache, move_object_fn move_object)
{
	struct numa_cache *nc = to_numa(cache);
	int slabs = 0, nid;

	cache->move_object = move_object;
	for_each_node (nid) {
		if (!nc->nodes[nid].base)
			continue;
		nc->moving = move_object ? nid : NUMA_NO_NODE;
		slabs += slab_cache_shrink(nc->nodes[nid].base,
					   move_object ? slab_forward_move : NULL);
	}
	nc->moving = NUMA_NO_NODE;
	cache->move_object = NULL;
	return slabs;
}

/* Bases that hold leaked objects stay, linked as before. */
static int destroy_bases(struct numa_cache *nc)
{
	struct slab_cache **link = &nc->c.base;
	int live = 0, nid;

	for_each_node (nid) {
		struct numa_node *n = &nc->nodes[nid];
		int live_here;

		if (!n->base)
			continue;
		live_here = slab_cache_destroy(n->base);
		live += live_here;
		if (live_here) {
			*link = n->base;
			link = &n->base->next_base;
		} else {
			instance_free(n->base);
			page_allocator_put(n->pages);
			*n = (struct numa_node){NULL, NULL};
		}
	}
	*link = NULL;
	return live;
}

static int numa_destroy(struct slab_cache *cache)
{
	struct numa_cache *nc = to_numa(cache);
	int live;

	list_del(&cache->list);
	live = destroy_bases(nc);
	if (!live)
		instance_free(nc->nodes);
	return live;
}

static void numa_check(struct slab_cache *cache)
{
	const struct numa_cache *nc = to_numa(cache);
	const struct slab_cache *b = cache->base;
	int nid;

	for_each_node (nid) {
		if (!nc->nodes[nid].base)
			continue;
		ASSERT(b == nc->nodes[nid].base && b->above == cache && b->top == cache->top);
		ASSERT(b->node == nid && b->size == cache->size);
		b = b->next_base;
	}
	ASSERT(!b && nc->moving < 0);
}

/* ---- Caches ---- */

/* Pages of the node alone; NULL: none of them can be what the cache asks for. Counted. */
static struct page_allocator *pin(const struct numa_slab *ns, struct page_allocator *pages, int nid)
{
	struct page_allocator *pinned;

	if (pages == ns->sa.pages)
		return ns->pinned[nid] ? page_allocator_get(ns->pinned[nid]) : NULL;
	pinned = numactl_allocator(page_allocator_get(pages), nid, __GFP_THISNODE);
	if (!pinned)
		page_allocator_put(pages);
	return pinned;
}

static struct slab_cache *create_base(struct numa_cache *nc, const struct slab_cache *parameters,
				      struct page_allocator *pages, int nid)
{
	struct page_allocator *pinned = pin(nc->ns, pages, nid);
	struct slab_cache of_node = *parameters, *base;
	struct slab_control *room;

	if (!pinned)
		return NULL;
	room = instance_alloc(sizeof(*room));
	of_node.page_alloc = pinned;
	of_node.node = nid;
	base = slab_cache_create(nc->ns->sa.base, room, &of_node);
	if (!base) {
		instance_free(room);
		page_allocator_put(pinned);
		return NULL;
	}
	nc->nodes[nid] = (struct numa_node){base, pinned};
	return base;
}

/* The first of the bases, linked; NULL: there is none. */
static struct slab_cache *create_bases(struct numa_cache *nc, const struct slab_cache *parameters,
				       struct page_allocator *pages)
{
	struct slab_cache *first = NULL, **link = &first;
	int nid;

	nc->nodes = instance_alloc((size_t)kernel->nr_node_ids * sizeof(*nc->nodes));
	for_each_node (nid) {
		*link = node_has_memory(nid) ? create_base(nc, parameters, pages, nid) : NULL;
		if (*link)
			link = &(*link)->next_base;
	}
	if (!first)
		instance_free(nc->nodes);
	return first;
}

static struct slab_cache *numa_create(const struct slab_allocator *self, struct slab_control *room,
				      const struct slab_cache *parameters)
{
	struct numa_cache *nc = (struct numa_cache *)(void *)room->room;
	struct page_allocator *pages = slab_pages_get(self, parameters);
	struct slab_cache *first;

	nc->ns = container_of(self, const struct numa_slab, sa);
	nc->moving = NUMA_NO_NODE;
	first = create_bases(nc, parameters, pages);
	page_allocator_put(pages); /* the pinned ones stand on them */
	if (!first)
		return NULL;
	nc->c = *first;
	nc->c.node = parameters->node;
	nc->c.page_alloc = pages;
	slab_cache_init(&nc->c, self, first);
	return &nc->c;
}

/* ---- Instances ---- */

static void numa_destructor(struct slab_allocator *self)
{
	struct numa_slab *ns = container_of(self, struct numa_slab, sa);
	int nid;

	for_each_node (nid)
		page_allocator_put(ns->pinned[nid]);
	instance_free(ns->nearest);
	derived_slab_destructor(self);
}

static struct allocator_desc numa_desc;

static int check_order(const struct slab_allocator *base, const struct page_allocator *pages,
		       struct err *e)
{
	int node = NUMA_NO_NODE;
	gfp_t flags = 0;

	if (slab_chain_has(base, &numa_desc))
		return err_set(e, "'%s' has slabs for each node already", base->name);
	page_chain_rewrite(pages, &flags, &node);
	if (node >= 0)
		return err_set(e,
			       "all pages of '%s' are asked of node %d: slabs of other nodes "
			       "would have none",
			       pages->name, node);
	return 0;
}

static struct slab_allocator *numa_instance(struct slab_allocator *base,
					    struct page_allocator *pages, const void *options,
					    struct err *e)
{
	struct numa_slab *ns;
	int nid;

	(void)options;
	if (check_order(base, pages, e))
		return NULL;
	ns = instance_alloc(sizeof(*ns));
	derive_slab_allocator(&ns->sa, base, pages, &numa_desc);
	ns->sa.alloc = numa_alloc;
	ns->sa.alloc_node = numa_alloc_node;
	ns->sa.free = numa_free;
	ns->sa.valid_pointer = numa_valid_pointer;
	ns->sa.in_use = numa_in_use;
	ns->sa.alloc_site = numa_alloc_site;
	ns->sa.get_objects = numa_get_objects;
	ns->sa.create = numa_create;
	ns->sa.shrink = numa_shrink;
	ns->sa.destroy = numa_destroy;
	ns->sa.check = numa_check;
	ns->sa.destructor = numa_destructor;
	ns->nearest = nearest_nodes_create(&ns->nr_memory_nodes);
	for_each_node (nid) {
		ns->pinned[nid] = numactl_allocator(page_allocator_get(pages), nid, __GFP_THISNODE);
		if (!ns->pinned[nid])
			page_allocator_put(pages);
	}
	return &ns->sa;
}

struct slab_allocator *numa_slab_allocator(struct slab_allocator *base)
{
	struct err e;

	return numa_instance(base, base->pages, NULL, &e);
}

static struct allocator_desc numa_desc = {
	.name = "numa",
	.kind = ALLOC_SLAB,
	.role = ROLE_LAYER,
	.summary = "slabs of each node, on pages pinned to it",
	.help = "A base cache for each node with memory, on numactl(node=N,flags=GFP_THISNODE) of "
		"the pages. Requests go to their node, then to the others by distance; "
		"__GFP_THISNODE forbids the others. Objects that a shrink moves stay on their "
		"node.",
	.create_slab = numa_instance,
};
ALLOCATOR(numa_desc)
