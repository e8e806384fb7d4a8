/*
 * kmalloc: caches by size class and type over any slab allocator; larger requests go to pages.
 *
 * Theory: classes are the powers of two from 8 to 8192 and, since a third of small objects would
 * waste close to half of those, 96 and 192. A table maps the size in units of 8 bytes to its class.
 * The type follows from the flags, so that pages of one slab live alike: DMA, reclaimable and
 * accounted objects have slabs of their own. (mm/slab_common.c, include/linux/slab.h:
 * kmalloc_index, kmalloc_type; Linux 6.1.)
 *
 * Invariant: class_of[n] is the smallest class of at least 8 n bytes. A cache that exists stays
 * until kmalloc_destroy.
 *
 * Unlike Linux: caches are made when the first request comes, all types alike, and not at boot.
 */
#include "alloc/kmalloc.h"

#include <string.h>

static const u16 class_size[NR_KMALLOC_CLASSES] = {8,	16,  32,   64,	 96,   128, 192,
						   256, 512, 1024, 2048, 4096, 8192};

#define CLASS_NAMES(prefix)                                                                        \
	{                                                                                          \
		prefix "8", prefix "16", prefix "32", prefix "64", prefix "96", prefix "128",      \
			prefix "192", prefix "256", prefix "512", prefix "1k", prefix "2k",        \
			prefix "4k", prefix "8k"                                                   \
	}

static const char *const cache_names[NR_KMALLOC_TYPES][NR_KMALLOC_CLASSES] = {
	[KMALLOC_NORMAL] = CLASS_NAMES("kmalloc-"),
	[KMALLOC_CGROUP] = CLASS_NAMES("kmalloc-cg-"),
	[KMALLOC_RECLAIM] = CLASS_NAMES("kmalloc-rcl-"),
	[KMALLOC_DMA] = CLASS_NAMES("dma-kmalloc-"),
};

static const gfp_t type_gfp[NR_KMALLOC_TYPES] = {
	[KMALLOC_RECLAIM] = __GFP_RECLAIMABLE,
	[KMALLOC_DMA] = __GFP_DMA,
};

/* DMA before reclaimable before accounted. */
static enum kmalloc_type kmalloc_type(gfp_t flags)
{
	if (likely(!(flags & (__GFP_DMA | __GFP_RECLAIMABLE | __GFP_ACCOUNT))))
		return KMALLOC_NORMAL;
	if (flags & __GFP_DMA)
		return KMALLOC_DMA;
	return flags & __GFP_RECLAIMABLE ? KMALLOC_RECLAIM : KMALLOC_CGROUP;
}

void kmalloc_init(struct kmalloc *km, const struct slab_allocator *slab,
		  const struct page_allocator *pages)
{
	u8 cls = 0;

	memset(km, 0, sizeof(*km));
	km->slab = slab;
	km->pages = pages;
	for (size_t i = 0; i < ARRAY_SIZE(km->class_of); i++) {
		if (i * 8 > class_size[cls])
			cls++;
		km->class_of[i] = cls;
	}
}

u64 kmalloc_destroy(struct kmalloc *km)
{
	u64 live = 0;

	for (int type = 0; type < NR_KMALLOC_TYPES; type++) {
		for (int cls = 0; cls < NR_KMALLOC_CLASSES; cls++) {
			int n;

			if (!km->caches[type][cls])
				continue;
			n = slab_cache_destroy(km->caches[type][cls]);
			live += (u64)n;
			if (!n) /* pages of leaked objects point into the room */
				instance_free(km->rooms[type][cls]);
			km->caches[type][cls] = NULL;
		}
	}
	return live;
}

/* Powers of two are aligned to themselves, the others to 8 (ARCH_KMALLOC_MINALIGN). */
static struct slab_cache *create_cache(struct kmalloc *km, enum kmalloc_type type, unsigned int cls)
{
	unsigned int size = class_size[cls];
	struct slab_control *room = instance_alloc(sizeof(*room));
	struct slab_cache parameters = {
		.objsize = size,
		.align = is_power_of_2(size) ? size : 8,
		.node = NUMA_NO_NODE,
		.gfp = type_gfp[type],
		.shape = slab_shape_find(km->shapes, cache_names[type][cls]),
	};
	struct slab_cache *cache;

	strcpy(parameters.name, cache_names[type][cls]);
	cache = slab_cache_create(km->slab, room, &parameters);
	if (!cache) {
		instance_free(room);
		return NULL;
	}
	km->rooms[type][cls] = room;
	km->caches[type][cls] = cache;
	return cache;
}

struct slab_cache *kmalloc_slab(struct kmalloc *km, size_t size, gfp_t flags)
{
	enum kmalloc_type type = kmalloc_type(flags);
	struct slab_cache *cache;
	unsigned int cls;

	if (unlikely(size > KMALLOC_MAX_CACHE_SIZE))
		return NULL;
	cls = km->class_of[DIV_ROUND_UP(size, 8)];
	cache = km->caches[type][cls];
	return likely(cache) ? cache : create_cache(km, type, cls);
}

static void *kmalloc_large(struct kmalloc *km, size_t size, gfp_t flags, int node)
{
	struct page *page;
	int order = 0;

	while (order < MAX_ORDER && PAGE_SIZE << order < size)
		order++;
	if (order >= MAX_ORDER)
		return NULL;
	page = page_alloc(km->pages, order, flags | __GFP_COMP, node);
	return page ? page_address(page) : NULL;
}

void *kmalloc_node(struct kmalloc *km, size_t size, gfp_t flags, int node)
{
	struct slab_cache *cache;

	if (unlikely(size > KMALLOC_MAX_CACHE_SIZE))
		return kmalloc_large(km, size, flags, node);
	if (unlikely(!size))
		return ZERO_SIZE_PTR;
	cache = kmalloc_slab(km, size, flags);
	return cache ? slab_alloc_node(cache, flags, node) : NULL;
}

/* A block of pages: an address inside, or one that is free, is no block. */
static void kfree_pages(struct kmalloc *km, struct page *page, void *object)
{
	if (object != page_address(page)) {
		report_event("invalid_pointer", "kfree of 0x%llx, inside or outside of any block",
			     (unsigned long long)virt_to_phys(object));
		return;
	}
	page_free(km->pages, page, page->order);
}

void kfree(struct kmalloc *km, void *object)
{
	struct page *page;

	if (!object || object == ZERO_SIZE_PTR)
		return;
	if (unlikely(!virt_addr_valid(object))) {
		report_event("invalid_pointer", "kfree of an address outside of memory");
		return;
	}
	page = virt_to_head_page(object);
	if (likely(page->flags & PG_slab))
		slab_free_object(page, object);
	else
		kfree_pages(km, page, object);
}

size_t ksize(const void *object)
{
	struct page *page;

	if (!object || object == ZERO_SIZE_PTR || !virt_addr_valid(object))
		return 0;
	page = virt_to_head_page(object);
	if (page->flags & PG_slab) {
		const struct slab_cache *cache = slab_cache_of(page, object);

		return cache ? cache->top->slab_alloc->object_size(page, object) : 0;
	}
	return page->flags & PG_allocated ? PAGE_SIZE << page->order : 0;
}
