/*
 * kmalloc_slab_allocator: access to kmalloc's fixed caches without creating new ones.
 *
 * Theory: who is written against slab allocators can be given kmalloc instead. A cache is asked for
 * by size, alignment and the flags of its pages; those name a class, and the class's cache gets one
 * more holder (`dup`). The room the caller brings stays empty.
 *
 * Invariant: a cache handed out is kmalloc's: frees, checks and kfree go to it directly.
 *
 * Unlike the modular slab (2006): a layer on top is refused, for a fixed cache cannot stand under
 * two others at once.
 */
#include "alloc/kmalloc_slab.h"

struct fixed_caches {
	struct slab_allocator sa;
	struct kmalloc *km;
};

static struct slab_cache *fixed_create(const struct slab_allocator *self, struct slab_control *room,
				       const struct slab_cache *p)
{
	struct kmalloc *km = container_of(self, const struct fixed_caches, sa)->km;
	struct kmalloc_cache *c;

	(void)room;
	if (p->page_alloc || p->size || p->offset || p->node != NUMA_NO_NODE)
		return NULL;
	for (size_t size = p->objsize; (c = kmalloc_class(km, size, p->gfp));
	     size = c->cache->objsize + 1)
		if (c->cache->align >= p->align)
			return slab_cache_dup(c->cache);
	return NULL;
}

static const struct allocator_desc fixed_desc = {
	.name = "kmalloc",
	.kind = ALLOC_SLAB,
	.role = ROLE_LAYER,
	.summary = "kmalloc's fixed caches",
};

struct slab_allocator *kmalloc_slab_allocator(struct kmalloc *km)
{
	struct fixed_caches *f = instance_alloc(sizeof(*f));

	derive_slab_allocator(&f->sa, slab_allocator_get(km->sl->slab), km->sl->pages, &fixed_desc);
	f->sa.create = fixed_create;
	f->km = km;
	return &f->sa;
}
