/*
 * What the files of xcfmalloc share: the pool, and how a block looks in the bytes of its page.
 *
 * A block begins with a header, a free one goes on with its links:
 *
 *	64-bit	| descriptor 8 | prev 2 | size 2 | sentinel 4 | next 8 | prev 8 |
 *	32-bit	| descriptor 4 | prev 2 | size 2 | sentinel 4 | next 8 | prev 8 |
 *
 * The descriptor is a physical address (32-bit: in words of 8 bytes), all ones if the block is
 * free. prev is the offset in the page of the block before, size that of the block itself, in
 * bytes. Links are physical addresses of blocks. `at` is such an address everywhere.
 *
 * The one question everybody asks: *who believes what?* Nobody believes a header: it may be
 * overwritten. The descriptor says where a block is and how long; what it says and what the header
 * says must agree before either is used (xcf_prove, xcf_neighbours_sound).
 */
#ifndef ALLOC_STORE_XCFMALLOC_POOL_H
#define ALLOC_STORE_XCFMALLOC_POOL_H

#include <string.h>

#include "alloc/store/xcfmalloc.h"

#define XCF_NONE (~0ULL)
#define XCF_SENTINEL 0x1f2e3d4cU
#define XCF_FIRST 0xffffU /* prev of the first block of a page */
#define XCF_SHIFT_MIN 5	  /* a header and two links fit a block */
#define XCF_UNITS_MAX (PAGE_SIZE >> XCF_SHIFT_MIN)
#define XCF_MAP_WORDS (XCF_UNITS_MAX / BITS_PER_WORD + 1)
#define XCF_SPARE_MAX 8U

struct xcf_tag {
	u16 prev, size;
	u32 sentinel;
};

/* A block of an object. In a 64-bit build the cache's objects have 8 bytes more. */
struct xcf_desc {
	u64 next; /* physical address of the next block's descriptor; XCF_NONE */
	u32 pfn;
	u16 offset, size; /* of the block, in bytes */
	u16 used;	  /* bytes of contents in it */
	u16 asked;	  /* first block: bytes of the object; else, and of no live object, 0 */
	u32 before;	  /* blocks of the object before this one */
};
_Static_assert(sizeof(struct xcf_desc) == 24, "170 of them fit a page");

/* A move that compaction has found room for. */
struct xcf_move {
	u64 from;
	struct xcf_desc *d;
	u64 to[STORE_SPANS_MAX];
	u32 nr_to;
};

struct xcf_pool {
	struct store s;
	u32 header, unit, shift, units; /* units of a page */
	u32 max_blocks;
	u64 reserve_max;
	enum xcf_victims victims;
	u64 tries;
	gfp_t gfp;
	struct kmem_cache *descs;
	spinlock_t lock;

	/* By units; a bit is set where there is one. Those of `units` units are the reserve. */
	u64 free_map[XCF_MAP_WORDS];
	u64 free[XCF_UNITS_MAX];
	u64 nr_free[XCF_UNITS_MAX + 1], nr_used[XCF_UNITS_MAX + 1];
	u64 free_units; /* of blocks on lists, the reserve left out */
	struct list_head reserve;
	u64 nr_reserve;

	/* Pages with blocks, by how soon compaction would empty them; and those given up. */
	u64 bucket_map[XCF_MAP_WORDS];
	struct list_head buckets[XCF_UNITS_MAX + 1];
	struct list_head given_up;

	u64 nr_objs, nr_descs, nr_blocks, used_units;
	u64 nr_split;

	/* Compaction. */
	struct page *victim; /* one that is half emptied; NULL */
	u64 pass;
	bool exhausted; /* nothing is to be gained, and nothing was freed or allocated since */
	struct xcf_move plan[XCF_UNITS_MAX];
	u32 nr_plan;
	struct xcf_desc *spare[XCF_SPARE_MAX];
	u32 nr_spare;
};

static inline struct xcf_pool *to_xcf(const struct store *s)
{
	return container_of((struct store *)s, struct xcf_pool, s);
}

/* ---- Blocks in the bytes of their page ---- */

static inline char *xcf_bytes(u64 at)
{
	return kernel->direct_map + at;
}

static inline u32 xcf_offset(u64 at)
{
	return (u32)(at & (PAGE_SIZE - 1));
}

static inline struct page *xcf_page(u64 at)
{
	return pfn_to_page(at >> PAGE_SHIFT);
}

static inline u64 xcf_page_at(const struct page *page)
{
	return (u64)page_to_pfn(page) << PAGE_SHIFT;
}

static inline struct xcf_tag *xcf_tag(const struct xcf_pool *x, u64 at)
{
	return (struct xcf_tag *)(void *)(xcf_bytes(at) + x->header - sizeof(struct xcf_tag));
}

/* Physical address of the block's descriptor; XCF_NONE: it is free. */
static inline u64 xcf_owner(const struct xcf_pool *x, u64 at)
{
	u32 word;

	if (x->header == 16)
		return *(u64 *)(void *)xcf_bytes(at);
	word = *(u32 *)(void *)xcf_bytes(at);
	return word == ~0U ? XCF_NONE : (u64)word << 3;
}

static inline void xcf_set_owner(const struct xcf_pool *x, u64 at, u64 owner)
{
	if (x->header == 16)
		*(u64 *)(void *)xcf_bytes(at) = owner;
	else
		*(u32 *)(void *)xcf_bytes(at) = (u32)(owner >> 3); /* of XCF_NONE: all ones */
}

static inline void xcf_set_block(const struct xcf_pool *x, u64 at, u32 prev, u32 size, u64 owner)
{
	xcf_set_owner(x, at, owner);
	*xcf_tag(x, at) = (struct xcf_tag){(u16)prev, (u16)size, XCF_SENTINEL};
}

static inline u64 xcf_link(const struct xcf_pool *x, u64 at, int i)
{
	u64 link;

	memcpy(&link, xcf_bytes(at) + x->header + 8 * i, 8);
	return link;
}

static inline void xcf_set_link(const struct xcf_pool *x, u64 at, int i, u64 to)
{
	memcpy(xcf_bytes(at) + x->header + 8 * i, &to, 8);
}

#define XCF_NEXT 0
#define XCF_PREV 1

/* A header that could be one: nobody has written over it. */
static inline bool xcf_sound(const struct xcf_pool *x, u64 at)
{
	const struct xcf_tag *tag = xcf_tag(x, at);

	return tag->sentinel == XCF_SENTINEL && tag->size && !(tag->size & (x->unit - 1)) &&
	       xcf_offset(at) + tag->size <= PAGE_SIZE;
}

/* The block behind; XCF_NONE: this is the last one of its page. */
static inline u64 xcf_behind(const struct xcf_pool *x, u64 at)
{
	u32 size = xcf_tag(x, at)->size;

	return xcf_offset(at) + size < PAGE_SIZE ? at + size : XCF_NONE;
}

static inline u64 xcf_before(const struct xcf_pool *x, u64 at)
{
	u32 prev = xcf_tag(x, at)->prev;

	return prev == XCF_FIRST ? XCF_NONE : (at & ~(u64)(PAGE_SIZE - 1)) + prev;
}

/* Where a page with blocks stands among victims. */
static inline u32 xcf_bucket_of(const struct xcf_pool *x, const struct page *page)
{
	if (x->victims == XCF_OLDEST)
		return 1;
	return x->victims == XCF_FEWEST ? page->store_blocks : page->store_used;
}

/* Units of a block for so many bytes. */
static inline u32 xcf_units(const struct xcf_pool *x, u32 bytes)
{
	return (bytes + x->header + x->unit - 1) >> x->shift;
}

/* ---- Descriptors ---- */

static inline struct xcf_desc *xcf_desc(u64 phys)
{
	return phys == XCF_NONE ? NULL : (struct xcf_desc *)(void *)xcf_bytes(phys);
}

static inline u64 xcf_block(const struct xcf_desc *d)
{
	return ((u64)d->pfn << PAGE_SHIFT) + d->offset;
}

static inline void xcf_point(struct xcf_desc *d, u64 at, u32 size)
{
	d->pfn = (u32)(at >> PAGE_SHIFT);
	d->offset = (u16)xcf_offset(at);
	d->size = (u16)size;
}

/* ---- xcfmalloc_block.c: all under the lock ---- */

/*
 * Takes a block for up to `bytes`: an exact one; else, unless it is the last one allowed, the
 * largest smaller one; else the smallest larger one, split. XCF_NONE: there is none. It is owner's
 * from now on, and in the books.
 */
u64 xcf_take(struct xcf_pool *x, u32 bytes, bool last, u64 owner);
/* For compaction: exact, larger, smaller; no reserve, and not in the books yet. */
u64 xcf_reserve_room(struct xcf_pool *x, u32 bytes, bool last, u64 owner);
/* Frees the block, which merges. True: its whole page is free now, and on no list. */
bool xcf_put(struct xcf_pool *x, u64 at);
/* Into and out of the books: used units, blocks, the page's bucket. */
void xcf_account(struct xcf_pool *x, u64 at, u32 size, int sign);
/* A page without blocks joins the reserve. */
void xcf_reserve_add(struct xcf_pool *x, struct page *page);
/* Free blocks of a page on and off the lists; neighbours are merged first. */
void xcf_list_page(struct xcf_pool *x, struct page *page);
bool xcf_unlist_page(struct xcf_pool *x, struct page *page); /* false: it was damaged */
/* All lists but the reserve are empty; the blocks are where they were. */
void xcf_lists_clear(struct xcf_pool *x);
/* Its headers cannot be believed: its blocks stay, what is free there serves nobody. */
void xcf_give_up(struct xcf_pool *x, struct page *page);
/* The last block of a page that was given up has gone. */
void xcf_take_back(struct page *page);
/*
 * Can this block be freed: are its neighbours sound, and the links of those that it merges with?
 * last: it is the only one in use of its page.
 */
bool xcf_neighbours_sound(const struct xcf_pool *x, u64 at, bool last);

/* ---- xcfmalloc_check.c ---- */

/* True if it is the address of an object of the cache of descriptors, handed out or not. */
bool xcf_is_desc(const struct xcf_pool *x, u64 phys);
/*
 * The first descriptor of a live object; NULL: there is none of this handle and size (0: any).
 * damaged: set if it is one, but a header of its blocks is overwritten.
 */
struct xcf_desc *xcf_find(const struct xcf_pool *x, unsigned long handle, size_t size,
			  bool *damaged);
/* The same, under the lock; what is damaged is set right first. NULL: no live object. */
struct xcf_desc *xcf_prove(struct xcf_pool *x, unsigned long handle, size_t size);
/* What to report of a handle that is none. */
const char *xcf_kind_of_bad(const struct xcf_pool *x, unsigned long handle, bool freeing);
/* Do the headers of the page add up to what the books say of it? */
bool xcf_page_sound(const struct xcf_pool *x, const struct page *page);
/* Something is overwritten near `at`: reports it and sets right what can be. */
void xcf_recover(struct xcf_pool *x, u64 at);
void xcf_check(const struct store *self);

/* ---- xcfmalloc_compact.c ---- */

void xcf_compact_run(struct store *self, struct store_compact *c);

#endif
