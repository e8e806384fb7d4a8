/*
 * Merging: a new cache takes the slabs of one that is there, if its objects fit as well there.
 *
 * Theory: many small caches leave many slabs half full; those of one geometry may share. The rule
 * is find_mergeable's (mm/slab_common.c, Linux 6.1): chunks large enough, and by less than a word
 * too large; an alignment that the chunks keep; flags that ask for the same. kmalloc's classes come
 * first, made if need be, then the others from the youngest to the oldest.
 *
 * Invariant: caches that share slabs stand on the same chain and derive the same.
 *
 * Unlike Linux: kmalloc's classes come first whatever their age, as in the modular slab (2006); a
 * chain with debug in it never merges, as slub_debug forbids it for what it watches.
 */
#include "alloc/kmalloc.h"
#include "alloc/slabulator.h"

#define NEVER_MERGE                                                                                \
	(SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER | SLAB_TYPESAFE_BY_RCU | SLAB_NO_MERGE)
#define MERGE_SAME (SLAB_RECLAIM_ACCOUNT | SLAB_CACHE_DMA | SLAB_ACCOUNT)

static bool chunks_fit(unsigned int chunk, unsigned int capacity, unsigned int size,
		       unsigned int align)
{
	return size <= capacity && capacity - size < sizeof(void *) && chunk % align == 0;
}

static bool fits(const struct kmem_slabs *s, const struct slab_allocator *chain,
		 const struct slab_cache *p, slab_flags_t flags)
{
	unsigned int size = ALIGN(ALIGN(p->objsize, 8U), p->align);

	return s->chain == chain && !s->constructed && !(s->flags & NEVER_MERGE) &&
	       !((flags ^ s->flags) & MERGE_SAME) && p->gfp == s->cache->gfp &&
	       p->node == s->cache->node &&
	       (!chain->shifts_objects || s->cache->align >= p->align) &&
	       chunks_fit(s->cache->size, s->capacity, size, p->align);
}

/* kmalloc's class for objects of this kind, made if need be; NULL: none fits. */
static struct kmem_slabs *fitting_class(struct kmalloc *km, const struct slab_allocator *chain,
					const struct slab_cache *p, slab_flags_t flags)
{
	unsigned int size = ALIGN(ALIGN(p->objsize, 8U), p->align), class_size;
	gfp_t gfp = p->gfp | (flags & SLAB_ACCOUNT ? __GFP_ACCOUNT : 0);
	struct kmalloc_cache *c;

	class_size = km ? kmalloc_class_size(km, size) : 0;
	if (!class_size || !chunks_fit(class_size, class_size, size, p->align))
		return NULL;
	c = kmalloc_class(km, size, gfp);
	return c && fits(c->k->slabs, chain, p, flags) ? c->k->slabs : NULL;
}

struct kmem_slabs *slab_find_mergeable(struct slabulator *sl, const struct slab_allocator *chain,
				       const struct slab_cache *parameters, slab_flags_t flags)
{
	struct kmem_slabs *s;

	if (!sl->merge || flags & (NEVER_MERGE | SLAB_KMALLOC) ||
	    slab_chain_has(chain, allocator_find(ALLOC_SLAB, "debug")))
		return NULL;
	s = fitting_class(sl->kmalloc, chain, parameters, flags);
	if (s)
		return s;
	list_for_each_entry_reverse (s, &sl->slabs, list)
		if (fits(s, chain, parameters, flags))
			return s;
	return NULL;
}
