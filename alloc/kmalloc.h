/*
 * kmalloc: an array of caches by size class and type, over any slab allocator.
 *
 * The table of classes is configuration; by default 8 16 32 64 96 128 192 256 512 1k 2k 4k 8k,
 * or, where the slab allocator's source keeps objects of any size, every multiple of 8 up to 8k
 * (exact). Types as in Linux 6.1: DMA before reclaimable before accounted before normal
 * (kmalloc_type). Requests above the largest class go to pages. Caches are made when the first
 * request of their type and class comes.
 */
#ifndef ALLOC_KMALLOC_H
#define ALLOC_KMALLOC_H

#include "alloc/page_alloc.h"
#include "alloc/slabulator.h"

enum kmalloc_type {
	KMALLOC_NORMAL,
	KMALLOC_CGROUP,
	KMALLOC_RECLAIM,
	KMALLOC_DMA,
	NR_KMALLOC_TYPES
};

#define KMALLOC_CLASSES_MAX 64	     /* in a table that is written down */
#define KMALLOC_CLASS_SIZE_MAX 32768 /* bytes; larger requests go to pages in any case */

struct kmalloc_config {
	bool exact; /* every multiple of 8 up to 8 KiB; nr is 0 */
	bool merge; /* caches of the load may share kmalloc's, and each other's */
	u32 nr;	    /* 0: the default table */
	u32 classes[KMALLOC_CLASSES_MAX]; /* bytes, ascending, multiples of 8 */
};

/*
 * -1 with e set if such a table cannot be; *bad: index of the class at fault.
 */
int __must_check kmalloc_config_check(const struct kmalloc_config *config, u32 *bad, struct err *e);

/* One class of one type. */
struct kmalloc_cache {
	struct slab_cache *cache; /* NULL: not yet */
	struct kmem_cache *k;
	u32 tag; /* the user's own; 0 at first */
};

struct kmalloc {
	struct slabulator *sl;	  /* that its caches are made by */
	struct slabulator own;	  /* if it is nobody else's */
	u32 nr_classes, size_max; /* size_max: of the largest class */
	u32 *class_size;
	struct kmalloc_cache *caches; /* NR_KMALLOC_TYPES x nr_classes */
	bool exact;
	u16 class_of[KMALLOC_CLASS_SIZE_MAX / 8 + 1]; /* class by DIV_ROUND_UP(size, 8) */
};

/*
 * By this slabulator, which outlives it and whose other caches may share kmalloc's. config NULL:
 * the default. The config must be sound.
 */
void kmalloc_init_by(struct kmalloc *km, struct slabulator *sl,
		     const struct kmalloc_config *config);
/* By one of its own. */
void kmalloc_init(struct kmalloc *km, struct slab_allocator *slab, struct page_allocator *pages,
		  const struct kmalloc_config *config);
/* Destroys every cache; returns the number of objects still live. */
u64 kmalloc_destroy(struct kmalloc *km);
/* Classes of all types: how many caches there can be. */
u32 kmalloc_nr_caches(const struct slab_allocator *slab, const struct kmalloc_config *config);

/*
 * The class that serves this request, its cache made if need be; NULL if size is too large or it
 * cannot be made.
 */
struct kmalloc_cache *kmalloc_class(struct kmalloc *km, size_t size, gfp_t flags);
/* Bytes of the class that serves this size; 0: pages do. */
u32 kmalloc_class_size(const struct kmalloc *km, size_t size);
/* Its cache. */
struct slab_cache *kmalloc_slab(struct kmalloc *km, size_t size, gfp_t flags);

/* What kmalloc of 0 bytes returns, as in Linux: not NULL, not memory. */
#define ZERO_SIZE_PTR ((void *)16)

/* node -1: the local one. NULL: refused. */
void *kmalloc_node(struct kmalloc *km, size_t size, gfp_t flags, int node);
void *kmalloc(struct kmalloc *km, size_t size, gfp_t flags);
void *kzalloc(struct kmalloc *km, size_t size, gfp_t flags);
/*
 * As in Linux: a block that has the room stays where it is (whatever shrinks stays); else its
 * contents move to a new one, and NULL leaves the old one alone. Of NULL: kmalloc. To 0 bytes:
 * kfree, and ZERO_SIZE_PTR.
 */
void *krealloc(struct kmalloc *km, void *object, size_t size, gfp_t flags);
/* NULL and ZERO_SIZE_PTR do nothing. */
void kfree(struct kmalloc *km, void *object);
/* Bytes the caller may use; also of blocks above the largest class. */
size_t ksize(const void *object);

#endif
