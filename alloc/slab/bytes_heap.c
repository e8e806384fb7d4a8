/*
 * Heaps: one for each kind of pages that caches of an allocator stand on, and the caches' ids.
 *
 * Theory: what may share a page is what would have been asked of the page allocator in the same
 * words. So a heap is known by its page allocator and gfp (zone, mobility), is made for the first
 * such cache and goes with the last.
 *
 * Invariant: a heap is on its allocator's list as long as it has caches or leaked objects; its
 * shared cache names its pages and is nobody's to allocate from. An id in a map of owners is that
 * of a cache, or of one that has gone and whose objects had all been freed.
 *
 * Unlike the originals: each of them has one heap, made at boot, which never goes.
 */
#include "alloc/slab/bytes.h"

static struct bytes_part *make_part(struct bytes_heap *heap, int nid)
{
	struct bytes_part *part = instance_alloc(heap->ops->part_size);

	part->heap = heap;
	part->node = nid;
	part->stand_in = -1;
	INIT_LIST_HEAD(&part->blocks);
	heap->ops->init(part);
	return part;
}

static struct bytes_heap *make_heap(struct bytes_allocator *ba, const struct slab_cache *like)
{
	size_t parts = (size_t)kernel->nr_node_ids * sizeof(struct bytes_part *);
	struct bytes_heap *heap = instance_alloc(sizeof(*heap) + parts);
	int nid;

	heap->ops = ba->ops;
	heap->c =
		(struct slab_cache){.node = NUMA_NO_NODE, .align = BYTES_GRANULE, .gfp = like->gfp};
	heap->c.page_alloc =
		page_allocator_get((struct page_allocator *)(unsigned long)like->page_alloc);
	strcpy(heap->c.name, ba->sa.desc->name);
	spin_lock_init(&heap->lock, ba->ops->lock_class);
	slab_cache_init(&heap->c, &ba->sa, NULL);
	list_add_tail(&heap->list, &ba->heaps);
	for_each_node (nid)
		heap->parts[nid] = make_part(heap, nid);
	return heap;
}

struct bytes_heap *bytes_heap_get(struct bytes_allocator *ba, const struct slab_cache *like)
{
	struct bytes_heap *heap;

	list_for_each_entry (heap, &ba->heaps, list) {
		if (heap->c.page_alloc == like->page_alloc && heap->c.gfp == like->gfp) {
			heap->nr_caches++;
			return heap;
		}
	}
	heap = make_heap(ba, like);
	heap->nr_caches = 1;
	return heap;
}

void bytes_heap_put(struct bytes_heap *heap)
{
	int nid;

	if (--heap->nr_caches || heap->live)
		return;
	for_each_node (nid) {
		struct bytes_part *part = heap->parts[nid];
		struct bytes_block *b, *next;

		heap->ops->fini(part);
		list_for_each_entry_safe (b, next, &part->blocks, list)
			bytes_block_put(b);
		instance_free(part);
	}
	list_del(&heap->list);
	list_del(&heap->c.list);
	page_allocator_put((struct page_allocator *)(unsigned long)heap->c.page_alloc);
	instance_free(heap);
}

u32 bytes_id_get(struct bytes_allocator *ba)
{
	struct bytes_cache **caches;

	for (u32 i = 0; ba->nr_ids > BYTES_CACHES_MAX && i < ba->nr_ids; i++) {
		u32 id = (ba->next_id + i) % ba->nr_ids;

		if (id && !ba->caches[id]) {
			ba->next_id = id + 1;
			return id;
		}
	}
	if (ba->nr_ids > BYTES_CACHES_MAX)
		return 0;
	if (is_power_of_2(ba->nr_ids)) {
		caches = instance_alloc(2 * ba->nr_ids * sizeof(struct bytes_cache *));
		memcpy(caches, ba->caches, ba->nr_ids * sizeof(struct bytes_cache *));
		instance_free(ba->caches);
		ba->caches = caches;
	}
	return ba->nr_ids++;
}
