/*
 * kmalloc: an array of caches by size class and type, over any slab allocator.
 *
 * Classes 8 16 32 64 96 128 192 256 512 1k 2k 4k 8k; types as in Linux 6.1: DMA before reclaimable
 * before accounted before normal (kmalloc_type). Larger requests go to pages. Caches of a type are
 * made when the first request of that type and class comes.
 */
#ifndef ALLOC_KMALLOC_H
#define ALLOC_KMALLOC_H

#include "alloc/page_alloc.h"
#include "alloc/slab_alloc.h"

enum kmalloc_type {
	KMALLOC_NORMAL,
	KMALLOC_CGROUP,
	KMALLOC_RECLAIM,
	KMALLOC_DMA,
	NR_KMALLOC_TYPES
};

#define NR_KMALLOC_CLASSES 13
#define KMALLOC_MAX_CACHE_SIZE 8192

struct kmalloc {
	const struct slab_allocator *slab;
	const struct page_allocator *pages;
	const struct slab_shapes *shapes; /* geometry that caches should have; NULL: their own */
	struct slab_cache *caches[NR_KMALLOC_TYPES][NR_KMALLOC_CLASSES]; /* NULL: not yet */
	struct slab_control *rooms[NR_KMALLOC_TYPES][NR_KMALLOC_CLASSES];
	u8 class_of[KMALLOC_MAX_CACHE_SIZE / 8 + 1]; /* class by DIV_ROUND_UP(size, 8) */
};

void kmalloc_init(struct kmalloc *km, const struct slab_allocator *slab,
		  const struct page_allocator *pages);
/* Destroys every cache; returns the number of objects still live. */
u64 kmalloc_destroy(struct kmalloc *km);

/*
 * The cache that serves this request, made if need be; NULL if size is too large or it cannot be
 * made.
 */
struct slab_cache *kmalloc_slab(struct kmalloc *km, size_t size, gfp_t flags);

/* What kmalloc of 0 bytes returns, as in Linux: not NULL, not memory. */
#define ZERO_SIZE_PTR ((void *)16)

/* node -1: the local one. NULL: refused. */
void *kmalloc_node(struct kmalloc *km, size_t size, gfp_t flags, int node);
/* NULL and ZERO_SIZE_PTR do nothing. */
void kfree(struct kmalloc *km, void *object);
/* Bytes the caller may use; also of blocks above the largest class. */
size_t ksize(const void *object);

#endif
