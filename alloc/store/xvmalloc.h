/*
 * xvmalloc's pool, the blocks of its pages and their lists.
 *
 * xvmalloc.c	    requests
 * xvmalloc_check.c statistics, lists as classes, the recount
 *
 * The one question everybody asks: *what is simulated memory?* Headers, and links of free blocks;
 * heads of lists and bits are the pool's, the maps of live objects the simulator's.
 */
#ifndef ALLOC_STORE_XVMALLOC_H
#define ALLOC_STORE_XVMALLOC_H

#include "alloc/store_alloc.h"

#define XV_ALIGN 4U /* of blocks; and bytes of a header */
#define XV_MIN_ALLOC_SIZE 32U
#define XV_MAX_ALLOC_SIZE ((u32)PAGE_SIZE - XV_ALIGN)
#define FL_DELTA 8U
#define NUM_FREE_LISTS ((XV_MAX_ALLOC_SIZE - XV_MIN_ALLOC_SIZE) / FL_DELTA + 1)
#define MAX_FLI DIV_ROUND_UP(NUM_FREE_LISTS, BITS_PER_WORD)

#define BLOCK_FREE 1U
#define PREV_FREE 2U
#define FLAGS_MASK (XV_ALIGN - 1)

/* Of a block that is in use, the header alone. */
struct xv_block {
	u16 size; /* bytes behind the header: as asked for; of a free block, all there are */
	u16 prev; /* offset of the block before it; flags */
	struct xv_block *next_free, *prev_free;
} __attribute__((packed, aligned(4)));
_Static_assert(sizeof(struct xv_block) <= XV_ALIGN + XV_MIN_ALLOC_SIZE, "links fit in a block");
_Static_assert(MAX_FLI <= BITS_PER_WORD, "one word for the first level");

/* Where objects in use begin on a page, in units of XV_ALIGN: page->store_private. */
struct xv_map {
	union {
		u64 live[PAGE_SIZE / XV_ALIGN / BITS_PER_WORD];
		struct xv_map *next_spare;
	};
};

struct xv_maps; /* many of them, host memory */

struct xv_pool {
	struct store s;
	spinlock_t lock;
	u64 flbitmap; /* words of slbitmap that are not 0 */
	u64 slbitmap[MAX_FLI];
	struct {
		struct xv_block *first;
		u64 nr;
	} lists[NUM_FREE_LISTS];
	struct list_head pages; /* page->lru */
	struct xv_map *spare;
	struct xv_maps *all_maps;
	u64 nr_live, live_bytes; /* blocks in use */
};

static inline struct xv_pool *to_xv(const struct store *s)
{
	return container_of((struct store *)(unsigned long)s, struct xv_pool, s);
}

/* ---- Blocks of a page ---- */

static inline u32 offset_of(const struct xv_block *b)
{
	return (u32)(virt_to_phys(b) % PAGE_SIZE);
}

static inline struct xv_block *block_at(const void *in_page, u32 offset)
{
	return (struct xv_block *)(void *)(kernel->direct_map +
					   (virt_to_phys(in_page) & ~(PAGE_SIZE - 1)) + offset);
}

/* Bytes, header and rounding included. */
static inline u32 block_bytes(const struct xv_block *b)
{
	return XV_ALIGN + ALIGN((u32)b->size, XV_ALIGN);
}

/* NULL: it is the last one of its page. */
static inline struct xv_block *block_next(const struct xv_block *b)
{
	u32 end = offset_of(b) + block_bytes(b);

	ASSERT(end <= PAGE_SIZE);
	return end == PAGE_SIZE ? NULL : block_at(b, end);
}

static inline u32 prev_offset(const struct xv_block *b)
{
	return b->prev & ~FLAGS_MASK;
}

/* The list of the blocks that are as large, or larger by less than FL_DELTA. */
static inline u32 index_of(u32 size)
{
	return (size - XV_MIN_ALLOC_SIZE) / FL_DELTA;
}

static inline struct xv_map *map_of(const struct page *page)
{
	return (struct xv_map *)page->store_private;
}

static inline void *object_of(const struct xv_block *b)
{
	return (char *)(unsigned long)b + XV_ALIGN;
}

static inline u64 unit_of(const void *object)
{
	return virt_to_phys(object) % PAGE_SIZE / XV_ALIGN;
}

void xv_stats(const struct store *self, struct store_stats *s);
/* Lists that are not empty: obj_allocated counts their blocks, none of which is used. */
unsigned int xv_classes(const struct store *self, struct store_class *classes, unsigned int n);
void xv_check(const struct store *self);

#endif
