/*
 * Drawings of the blocks of allocators of bytes, and their heaps counted, for tests.
 */
#include "tests/bytes_lab.h"

#include <stdio.h>

static const struct slab_cache *owner_of(const struct bytes_block *b, u64 i)
{
	const struct bytes_allocator *ba = bytes_allocator_of(b->part->heap->c.slab_alloc);

	return b->owner[i] && !(b->owner[i] & 1) ? &ba->caches[b->owner[i] >> 1]->c : NULL;
}

char *draw_bytes(char *buf, size_t n, const void *address)
{
	const struct page *page = virt_to_head_page(address);
	const struct bytes_block *b;
	u64 end = 0;
	size_t at = 0;

	snprintf(buf, n, "gone");
	if (!(page->flags & PG_mixed))
		return buf;
	b = bytes_block_of_page(page);
	for (u64 i = 0; i < bytes_block_size(b) / BYTES_GRANULE; i++) {
		const struct slab_cache *owner = owner_of(b, i);

		if (!owner)
			continue;
		if (i * BYTES_GRANULE > end)
			at += (size_t)snprintf(buf + at, n - at, ".%llu ",
					       (unsigned long long)(i * BYTES_GRANULE - end));
		at += (size_t)snprintf(buf + at, n - at, "%c%u ", *owner->name, owner->objsize);
		end = i * BYTES_GRANULE + owner->objsize;
	}
	if (end < bytes_block_size(b))
		at += (size_t)snprintf(buf + at, n - at, ".%llu ",
				       (unsigned long long)(bytes_block_size(b) - end));
	ASSERT(at < n);
	buf[at - 1] = '\0';
	return buf;
}

u64 heap_pages(const struct slab_cache *cache)
{
	const struct bytes_heap *heap = container_of(cache->shares, struct bytes_heap, c);
	u64 pages = heap->nr_table_pages;
	const struct bytes_block *b;
	int nid;

	for_each_node (nid)
		list_for_each_entry (b, &heap->parts[nid]->blocks, list)
			pages += 1UL << b->page->order;
	return pages;
}

struct slab_cache *bytes_cache(struct slab_lab *sl, const char *name, unsigned int objsize,
			       unsigned int align)
{
	struct slab_control *room = instance_alloc(sizeof(*room));
	struct slab_cache parameters = {.objsize = objsize, .align = align, .node = NUMA_NO_NODE};

	snprintf(parameters.name, sizeof(parameters.name), "%s", name);
	return slab_cache_create(sl->sa, room, &parameters);
}

void *bytes_alloc(struct slab_lab *sl, struct slab_cache *cache)
{
	void *object = slab_lab_alloc(sl, 0, cache, GFP_KERNEL, NUMA_NO_NODE);

	ASSERT(object);
	return object;
}

void bytes_lab_free(struct slab_lab *sl, struct slab_cache *cache, void *object)
{
	slab_lab_free(sl, 0, cache, object);
}

void bytes_lab_open(struct slab_lab *sl, const char *slab)
{
	slab_lab_open(sl, LAB_NODE, "page_allocator(pcp=off)", slab);
}
