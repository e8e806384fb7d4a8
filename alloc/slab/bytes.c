/*
 * Slab methods over allocators of bytes.
 *
 * Theory: an allocator of bytes knows two acts, "so many bytes" and "these back". Everything else
 * that the interface asks for follows from knowing who owns which address: a map beside each block
 * of pages says where objects start and whose they are. So kfree finds the cache of an object among
 * others on its page, and a double free, a free inside of an object or in the wrong cache is told
 * from a good one before the allocator hears of it: its own structures never see a bad pointer.
 *
 * Memory grows here too: an object comes from the part of the node asked for; if nothing there
 * fits, a block of pages is taken, joins the part of the node it lies on, and that part serves. A
 * node that had to be represented by another once stays so until it has pages again, or every
 * request for it would take pages anew.
 *
 * Invariant: an object in use starts where the map has its cache's id, and nothing else starts
 * inside of it. The live counts of cache, block and heap are those of the map. All blocks of a part
 * lie on its node.
 *
 * Unlike the originals: these were written for machines with one kind of memory. Here each kind of
 * pages (page allocator, zone, mobility) has a heap, and each node its part of it.
 */
#include "alloc/slab/bytes.h"

/* ---- The map of owners ---- */

static u16 *owner_at(struct bytes_block *b, const void *object)
{
	return &b->owner[((const char *)object - (const char *)page_name(b->page)) / BYTES_GRANULE];
}

static bool aligned(const void *object)
{
	return virt_to_phys(object) % BYTES_GRANULE == 0;
}

static void *note_owner(struct bytes_cache *bc, void *object)
{
	struct bytes_block *b = bytes_block_of(object);
	u16 *owner = owner_at(b, object);

	ASSERT(b->part->heap == bc->heap && aligned(object));
	memset(owner, 0, DIV_ROUND_UP(bc->c.objsize, BYTES_GRANULE) * sizeof(*owner));
	*owner = (u16)(bc->id << 1);
	b->live++;
	bc->live++;
	bc->heap->live++;
	return object;
}

static void note_freed(struct bytes_cache *bc, struct bytes_block *b, void *object)
{
	*owner_at(b, object) |= 1;
	b->live--;
	bc->live--;
	bc->heap->live--;
}

static struct bytes_cache *cache_by_owner(const struct bytes_heap *heap, u16 owner)
{
	return bytes_allocator_of(heap->c.slab_alloc)->caches[owner >> 1];
}

/* The block of a heap of this allocator that an address lies in; NULL if there is none. */
static struct bytes_block *block_of(const struct slab_allocator *sa, const void *object)
{
	const struct page *page;

	if (!virt_addr_valid(object))
		return NULL;
	page = virt_to_head_page(object);
	if (!(page->flags & PG_mixed) || page->slab_cache->slab_alloc != sa)
		return NULL;
	return bytes_block_of_page(page);
}

/* Also of one that was freed and whose place nobody has taken since: its free is a double one. */
static struct slab_cache *bytes_cache_of(struct slab_cache *shared, const void *object)
{
	struct bytes_block *b = bytes_block_of(object);
	u16 *owner, *first;
	struct bytes_cache *bc;
	u64 distance, most;

	if (!b)
		return NULL;
	owner = owner_at(b, object);
	most = bytes_allocator_of(shared->slab_alloc)->objsize_max / BYTES_GRANULE;
	first = (u64)(owner - b->owner) > most ? owner - most : b->owner;
	while (!*owner && owner > first) /* further away nothing is large enough */
		owner--;
	bc = cache_by_owner(container_of(shared, struct bytes_heap, c), *owner);
	distance = (u64)((const char *)object - (const char *)page_name(b->page)) -
		   (u64)(owner - b->owner) * BYTES_GRANULE;
	return bc && distance < bc->c.objsize ? &bc->c : NULL;
}

static int bytes_in_use(struct slab_cache *cache, const void *object)
{
	struct bytes_block *b = block_of(cache->slab_alloc, object);

	return b && aligned(object) && *owner_at(b, object) == to_bytes(cache)->id << 1;
}

/* ---- Allocation ---- */

static void *from_part(struct bytes_part *part, const struct bytes_cache *bc)
{
	void *object = part->heap->ops->alloc(part, bc);

	if (object && part->node != kernel->nid)
		charge_memory(part->node);
	return object;
}

/* From what the heap has; node: asked for, -1: none. */
static void *from_heap(const struct bytes_cache *bc, gfp_t flags, int node)
{
	const struct bytes_heap *heap = bc->heap;
	int nid = node < 0 ? numa_node_id() : node, other;
	struct bytes_part *part = heap->parts[nid];
	void *object = from_part(part, bc);

	if (!object && part->stand_in >= 0 && (part->forced || !(flags & __GFP_THISNODE)))
		object = from_part(heap->parts[part->stand_in], bc);
	if (object || node >= 0 || flags & __GFP_THISNODE || !heap->ops->any_node)
		return object;
	for (other = 0; !object && other < kernel->nr_node_ids; other++)
		if (other != nid)
			object = from_part(heap->parts[other], bc);
	return object;
}

static struct bytes_block *new_block(const struct bytes_cache *bc, gfp_t flags, int node)
{
	int nid = node < 0 ? numa_node_id() : node;
	struct bytes_part *asked = bc->heap->parts[nid];
	struct bytes_block *b = bytes_block_get(bc->heap, bc->c.order, flags, node);

	if (!b)
		return NULL;
	asked->stand_in = b->part == asked ? -1 : b->part->node;
	asked->forced = b->part != asked && (flags & __GFP_THISNODE);
	return b;
}

/* Whether the block is needed is for its part to say, which need not be the one asked so far. */
static void *from_new_block(const struct bytes_cache *bc, gfp_t flags, int node)
{
	struct bytes_heap *heap = bc->heap;
	struct bytes_block *b = new_block(bc, flags, node);
	void *object = NULL;

	if (!b)
		return NULL;
	spin_lock_irqsave(&heap->lock);
	if (b->part->node != (node < 0 ? numa_node_id() : node))
		object = from_part(b->part, bc);
	if (object || !heap->ops->add(b->part, b->page, bc)) {
		bytes_block_put(b);
	} else {
		object = from_part(b->part, bc);
		ASSERT(object);
	}
	spin_unlock_irqrestore(&heap->lock);
	return object;
}

static void *from_pages(const struct bytes_cache *bc, gfp_t flags, int node)
{
	struct bytes_block *b = new_block(bc, flags, node);

	return b ? page_address(b->page) : NULL;
}

static void *bytes_alloc_node(struct slab_cache *cache, gfp_t flags, int node)
{
	struct bytes_cache *bc = to_bytes(cache);
	void *object = NULL;

	charge(COST_CALL);
	node = node < 0 ? cache->node : node;
	if (bc->whole) {
		object = from_pages(bc, flags, node);
	} else {
		spin_lock_irqsave(&bc->heap->lock);
		object = from_heap(bc, flags, node);
		spin_unlock_irqrestore(&bc->heap->lock);
		if (!object)
			object = from_new_block(bc, flags, node);
	}
	if (!object)
		return NULL;
	note_owner(bc, object);
	if (flags & __GFP_ZERO)
		slab_zero(cache, object);
	return object;
}

static void *bytes_alloc(struct slab_cache *cache, gfp_t flags)
{
	return bytes_alloc_node(cache, flags, NUMA_NO_NODE);
}

/* ---- Free ---- */

/* What is wrong with the free of an object that is not in use. */
static void report_bad_free(struct bytes_cache *bc, const void *object)
{
	struct bytes_block *b = block_of(bc->c.slab_alloc, object);
	u16 owner = b && aligned(object) ? *owner_at(b, object) : 0;
	const struct bytes_cache *other = owner ? cache_by_owner(b->part->heap, owner) : NULL;

	if (other && other != bc && !(owner & 1))
		report_event("invalid_pointer", "cache %s object 0x%llx size %u belongs to %s",
			     bc->c.name, (unsigned long long)virt_to_phys(object), bc->c.objsize,
			     other->c.name);
	else
		report_event(other == bc && owner & 1 ? "double_free" : "invalid_pointer",
			     "cache %s object 0x%llx size %u", bc->c.name,
			     (unsigned long long)virt_to_phys(object), bc->c.objsize);
	slab_free_refused(&bc->c);
}

static void bytes_free(struct slab_cache *cache, void *object)
{
	struct bytes_cache *bc = to_bytes(cache);
	struct bytes_block *b;

	charge(COST_CALL);
	if (unlikely(bc->gone || !bytes_in_use(cache, object))) {
		report_bad_free(bc, object);
		return;
	}
	b = bytes_block_of(object);
	note_freed(bc, b, object);
	if (bc->whole) {
		bytes_block_put(b);
		return;
	}
	spin_lock_irqsave(&bc->heap->lock);
	bc->heap->ops->free(b->part, object, bc);
	spin_unlock_irqrestore(&bc->heap->lock);
}

/* ---- Counts and checks ---- */

static struct bytes_heap *to_heap(struct slab_cache *shared)
{
	return container_of(shared, struct bytes_heap, c);
}

/* Of the cache that all share: the pages of its blocks; of any other, its objects alone. */
static unsigned long bytes_get_objects(struct slab_cache *cache, struct slab_counts *counts)
{
	struct bytes_heap *heap;
	const struct bytes_block *b;
	int nid;

	*counts = (struct slab_counts){0};
	if (cache->shares) {
		counts->objs_total = counts->objs_active = to_bytes(cache)->live;
		return 0;
	}
	heap = to_heap(cache);
	counts->objs_total = counts->objs_active = heap->live;
	counts->total = counts->active = heap->nr_table_pages;
	for_each_node (nid) {
		list_for_each_entry (b, &heap->parts[nid]->blocks, list) {
			u64 pages = bytes_block_size(b) >> PAGE_SHIFT;

			counts->total += pages;
			counts->active += b->live ? pages : 0;
		}
	}
	return counts->active;
}

/* Objects of the block, and how many of them are the cache's. */
static u64 recount(const struct bytes_block *b, const struct bytes_cache *bc, u64 *own)
{
	u64 live = 0;

	for (u64 i = 0; i < bytes_block_size(b) / BYTES_GRANULE; i++) {
		u16 owner = b->owner[i];

		if (!owner || owner & 1)
			continue;
		ASSERT(cache_by_owner(b->part->heap, owner));
		live++;
		*own += owner == bc->id << 1;
	}
	return live;
}

static void bytes_check(struct slab_cache *cache)
{
	const struct bytes_cache *bc = to_bytes(cache);
	const struct bytes_heap *heap = bc->heap;
	u64 live = 0, own = 0;
	int nid;

	ASSERT(!heap->lock.locked);
	for_each_node (nid) {
		const struct bytes_part *part = heap->parts[nid];
		const struct bytes_block *b;
		u64 nr = 0;

		list_for_each_entry (b, &part->blocks, list) {
			ASSERT(b->page->slab_cache == &heap->c && b->page->flags & PG_mixed);
			ASSERT(b->part == part && page_to_nid(b->page) == nid);
			ASSERT(bytes_block_of_page(b->page) == b);
			ASSERT(recount(b, bc, &own) == b->live);
			live += b->live;
			nr++;
		}
		ASSERT(nr == part->nr_blocks);
		heap->ops->check(part);
	}
	ASSERT(live == heap->live && own == bc->live);
}

/* ---- Caches ---- */

static bool is_kmalloc(const char *name)
{
	return !strncmp(name, "kmalloc-", 8) || !strncmp(name, "dma-kmalloc-", 12);
}

static struct slab_cache *bytes_create(const struct slab_allocator *self, struct slab_control *room,
				       const struct slab_cache *parameters)
{
	struct bytes_cache *bc = (struct bytes_cache *)(void *)room->room;
	struct bytes_allocator *ba = bytes_allocator_of(self);

	*bc = (struct bytes_cache){.c = *parameters, .sized = is_kmalloc(parameters->name)};
	bc->c.align = max(bc->c.align, BYTES_GRANULE);
	bc->c.inuse = ALIGN(bc->c.objsize, BYTES_GRANULE);
	bc->c.shape = NULL;
	bc->c.offset = 0; /* there is no free pointer */
	if (!bc->c.page_alloc)
		bc->c.page_alloc = self->pages;
	if (!ba->ops->geometry(self, bc))
		return NULL;
	bc->id = bytes_id_get(ba);
	if (!bc->id)
		return NULL;
	ba->caches[bc->id] = bc;
	ba->objsize_max = max(ba->objsize_max, bc->c.objsize);
	bc->heap = bytes_heap_get(ba, &bc->c);
	slab_cache_init(&bc->c, self, NULL);
	bc->c.shares = &bc->heap->c;
	return &bc->c;
}

static int bytes_shrink(struct slab_cache *cache, move_object_fn move_object)
{
	struct bytes_heap *heap = to_bytes(cache)->heap;
	int nid, blocks = 0;

	(void)move_object; /* where an object would move to is not for its cache to say */
	spin_lock_irqsave(&heap->lock);
	for_each_node (nid)
		blocks += heap->ops->reap(heap->parts[nid]);
	spin_unlock_irqrestore(&heap->lock);
	return blocks;
}

static int bytes_destroy(struct slab_cache *cache)
{
	struct bytes_cache *bc = to_bytes(cache);

	list_del(&cache->list);
	if (bc->live)
		bc->gone = true;
	else
		bytes_allocator_of(cache->slab_alloc)->caches[bc->id] = NULL;
	bytes_heap_put(bc->heap);
	return (int)bc->live;
}

/* ---- The allocator ---- */

/* Heaps of leaked objects are still there. */
static void bytes_destructor(struct slab_allocator *self)
{
	struct bytes_allocator *ba = bytes_allocator_of(self);
	struct bytes_heap *heap;

	list_for_each_entry (heap, &ba->heaps, list) {
		list_del(&heap->c.list);
		page_allocator_put((struct page_allocator *)(unsigned long)heap->c.page_alloc);
	}
	instance_free(ba->caches);
	derived_slab_destructor(self);
}

void bytes_init(struct bytes_allocator *ba, const struct bytes_ops *ops,
		struct page_allocator *pages, const struct allocator_desc *desc)
{
	struct slab_allocator *sa = &ba->sa;

	derive_slab_allocator(sa, NULL, pages, desc);
	sa->alloc = bytes_alloc;
	sa->alloc_node = bytes_alloc_node;
	sa->free = bytes_free;
	sa->cache_of = bytes_cache_of;
	sa->valid_pointer = bytes_in_use;
	sa->in_use = bytes_in_use;
	sa->get_objects = bytes_get_objects;
	sa->create = bytes_create;
	sa->shrink = bytes_shrink;
	sa->destroy = bytes_destroy;
	sa->check = bytes_check;
	sa->destructor = bytes_destructor;
	ba->ops = ops;
	ba->nr_ids = 1;
	ba->caches = instance_alloc(sizeof(struct bytes_cache *));
	INIT_LIST_HEAD(&ba->heaps);
}
