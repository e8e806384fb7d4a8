/*
 * kmalloc: caches by size class and type over any slab allocator; larger requests go to pages.
 *
 * Theory: the usual classes are the powers of two from 8 to 8192 and, since a third of small
 * objects would waste close to half of those, 96 and 192. Which classes are best depends on the
 * load, so the table is configuration. Another table maps the size in units of 8 bytes to its
 * class. The type follows from the flags, so that pages of one slab live alike: DMA, reclaimable
 * and accounted objects have slabs of their own. (mm/slab_common.c, include/linux/slab.h:
 * kmalloc_index, kmalloc_type; Linux 6.1.) Some allocators (slob) keep objects of any size side by
 * side: classes would hide from them what was asked for, so there every multiple of 8 is a class.
 *
 * Invariant: class_of[n] is the smallest class of at least 8 n bytes. A cache that exists stays
 * until kmalloc_destroy.
 *
 * Unlike Linux: caches are made when the first request comes, all types alike, and not at boot.
 */
#include "alloc/kmalloc.h"

#include <string.h>

#include "lib/text.h"

static const struct kmalloc_config default_config = {
	.nr = 13,
	.classes = {8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192},
};
static const struct kmalloc_config unsaid;
#define EXACT_SIZE_MAX 8192

static const struct {
	const char *prefix;
	gfp_t gfp;
	slab_flags_t flags;
} types[NR_KMALLOC_TYPES] = {
	[KMALLOC_NORMAL] = {"kmalloc-", 0, 0},
	[KMALLOC_CGROUP] = {"kmalloc-cg-", 0, SLAB_ACCOUNT},
	[KMALLOC_RECLAIM] = {"kmalloc-rcl-", __GFP_RECLAIMABLE, 0},
	[KMALLOC_DMA] = {"dma-kmalloc-", __GFP_DMA, 0},
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

/* ---- The table of classes ---- */

int kmalloc_config_check(const struct kmalloc_config *config, u32 *bad, struct err *e)
{
	for (u32 i = 0; i < config->nr; i++) {
		u32 size = config->classes[i];

		*bad = i;
		if (!size || size % 8)
			return err_set(e, "a class of %u bytes is no multiple of 8", size);
		if (size > KMALLOC_CLASS_SIZE_MAX)
			return err_set(e, "a class of %u bytes: the largest can be %u", size,
				       KMALLOC_CLASS_SIZE_MAX);
		if (i && size <= config->classes[i - 1])
			return err_set(e, "classes ascend: %u bytes after %u", size,
				       config->classes[i - 1]);
	}
	return 0;
}

static bool is_exact(const struct slab_allocator *slab, const struct kmalloc_config *config)
{
	return config->exact || (!config->nr && slab_allocator_source(slab)->desc->any_size);
}

static u32 nr_classes(const struct slab_allocator *slab, const struct kmalloc_config *config)
{
	if (!is_exact(slab, config))
		return config->nr ? config->nr : default_config.nr;
	return EXACT_SIZE_MAX / 8;
}

u32 kmalloc_nr_caches(const struct slab_allocator *slab, const struct kmalloc_config *config)
{
	return NR_KMALLOC_TYPES * nr_classes(slab, config ? config : &unsaid);
}

static void set_up(struct kmalloc *km, struct slabulator *sl, const struct kmalloc_config *config)
{
	const u32 *classes;
	u16 cls = 0;

	if (!config)
		config = &unsaid;
	classes = config->nr ? config->classes : default_config.classes;
	km->sl = sl;
	sl->kmalloc = km;
	km->exact = is_exact(sl->slab, config);
	km->nr_classes = nr_classes(sl->slab, config);
	km->class_size = instance_alloc(km->nr_classes * sizeof(*km->class_size));
	km->caches =
		instance_alloc((size_t)km->nr_classes * NR_KMALLOC_TYPES * sizeof(*km->caches));
	for (u32 i = 0; i < km->nr_classes; i++)
		km->class_size[i] = km->exact ? 8 * (i + 1) : classes[i];
	km->size_max = km->class_size[km->nr_classes - 1];
	for (u32 i = 0; i <= km->size_max / 8; i++) {
		if (i * 8 > km->class_size[cls])
			cls++;
		km->class_of[i] = cls;
	}
}

void kmalloc_init_by(struct kmalloc *km, struct slabulator *sl, const struct kmalloc_config *config)
{
	memset(km, 0, sizeof(*km));
	set_up(km, sl, config);
}

void kmalloc_init(struct kmalloc *km, struct slab_allocator *slab, struct page_allocator *pages,
		  const struct kmalloc_config *config)
{
	memset(km, 0, sizeof(*km));
	slabulator_init(&km->own, slab, pages);
	set_up(km, &km->own, config);
}

u64 kmalloc_destroy(struct kmalloc *km)
{
	u64 live = 0;

	for (u32 i = 0; i < NR_KMALLOC_TYPES * km->nr_classes; i++)
		if (km->caches[i].k)
			live += kmem_cache_destroy(km->caches[i].k);
	km->sl->kmalloc = NULL;
	instance_free(km->caches);
	instance_free(km->class_size);
	return live;
}

/* ---- Caches ---- */

/* "kmalloc-cg-1k"; by bytes alone where every size has a class. */
static void cache_name(const struct kmalloc *km, enum kmalloc_type type, u32 size,
		       char name[SLAB_NAME_MAX])
{
	struct text t = text_in(name, SLAB_NAME_MAX);

	if (size % 1024 || km->exact)
		text_add(&t, "%s%u", types[type].prefix, size);
	else
		text_add(&t, "%s%uk", types[type].prefix, size / 1024);
}

/* Powers of two are aligned to themselves, the others to 8 (ARCH_KMALLOC_MINALIGN). */
static struct kmalloc_cache *create_cache(struct kmalloc *km, enum kmalloc_type type, u32 cls,
					  struct kmalloc_cache *c)
{
	u32 size = km->class_size[cls];
	struct slab_cache parameters = {
		.objsize = size,
		.align = is_power_of_2(size) ? size : 8,
		.node = NUMA_NO_NODE,
		.gfp = types[type].gfp,
	};

	cache_name(km, type, size, parameters.name);
	parameters.shape = slab_shape_find(km->sl->shapes, parameters.name);
	c->k = slabulator_create(km->sl, &parameters, SLAB_KMALLOC | types[type].flags, NULL, NULL);
	if (!c->k)
		return NULL;
	c->cache = c->k->cache;
	return c;
}

u32 kmalloc_class_size(const struct kmalloc *km, size_t size)
{
	return size > km->size_max ? 0 : km->class_size[km->class_of[DIV_ROUND_UP(size, 8)]];
}

struct kmalloc_cache *kmalloc_class(struct kmalloc *km, size_t size, gfp_t flags)
{
	enum kmalloc_type type = kmalloc_type(flags);
	struct kmalloc_cache *c;
	u32 cls;

	slab_state_check("kmalloc");
	if (unlikely(size > km->size_max))
		return NULL;
	cls = km->class_of[DIV_ROUND_UP(size, 8)];
	c = &km->caches[type * km->nr_classes + cls];
	return likely(c->cache) ? c : create_cache(km, type, cls, c);
}

struct slab_cache *kmalloc_slab(struct kmalloc *km, size_t size, gfp_t flags)
{
	struct kmalloc_cache *c = kmalloc_class(km, size, flags);

	return c ? c->cache : NULL;
}

/* ---- Blocks ---- */

static void *kmalloc_large(struct kmalloc *km, size_t size, gfp_t flags, int node)
{
	struct page *page;
	int order = 0;

	slab_state_check("kmalloc");
	while (order < MAX_ORDER && PAGE_SIZE << order < size)
		order++;
	if (order >= MAX_ORDER)
		return NULL;
	page = page_alloc(km->sl->pages, order, flags | __GFP_COMP, node);
	return page ? page_address(page) : NULL;
}

void *kmalloc_node(struct kmalloc *km, size_t size, gfp_t flags, int node)
{
	struct slab_cache *cache;

	if (unlikely(size > km->size_max))
		return kmalloc_large(km, size, flags, node);
	if (unlikely(!size))
		return ZERO_SIZE_PTR;
	cache = kmalloc_slab(km, size, flags);
	return cache ? slab_alloc_node(cache, flags, node) : NULL;
}

void *kmalloc(struct kmalloc *km, size_t size, gfp_t flags)
{
	return kmalloc_node(km, size, flags, NUMA_NO_NODE);
}

void *kzalloc(struct kmalloc *km, size_t size, gfp_t flags)
{
	return kmalloc(km, size, flags | __GFP_ZERO);
}

/* A block of pages: an address inside, or one that is free, is no block. */
static void kfree_pages(struct kmalloc *km, struct page *page, void *object)
{
	if (object != page_address(page)) {
		report_event("invalid_pointer", "kfree of 0x%llx, inside or outside of any block",
			     (unsigned long long)virt_to_phys(object));
		return;
	}
	page_free(km->sl->pages, page, page->order);
}

void kfree(struct kmalloc *km, void *object)
{
	struct page *page;

	slab_state_check("kfree");
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

void *krealloc(struct kmalloc *km, void *object, size_t size, gfp_t flags)
{
	size_t room = ksize(object);
	void *larger;

	if (!size) {
		kfree(km, object);
		return ZERO_SIZE_PTR;
	}
	if (room >= size)
		return object;
	larger = kmalloc(km, size, flags);
	if (larger && room) {
		charge_bytes(room);
		memcpy(larger, object, room);
		kfree(km, object);
	}
	return larger;
}
