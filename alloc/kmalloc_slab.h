/*
 * kmalloc's caches as a slab allocator: `create` gives the fixed cache of the class, and none anew.
 */
#ifndef ALLOC_KMALLOC_SLAB_H
#define ALLOC_KMALLOC_SLAB_H

#include "alloc/kmalloc.h"

/*
 * A cache of it is kmalloc's own, with one holder more: slab_cache_destroy lets go of it. Refused
 * (NULL): above the largest class, an alignment no class has, pages or a layout of one's own, and
 * so any layer on top. km outlives it; put with slab_allocator_put.
 */
struct slab_allocator *kmalloc_slab_allocator(struct kmalloc *km);

#endif
