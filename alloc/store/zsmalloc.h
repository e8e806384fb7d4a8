/*
 * What the files of zsmalloc share: its pool, size classes and zspages.
 *
 * zsmalloc.c		the store: options, objects and their handles, statistics
 * zsmalloc_class.c	size classes: how large, how many pages together
 * zsmalloc_zspage.c	zspages: their pages, free lists and fullness groups
 * zsmalloc_compact.c	objects move together
 * zsmalloc_check.c	the full recount
 *
 * The one question everybody asks: *how does a handle lead to bytes?* A handle is the address of a
 * word; the word has the object's place, <pfn, number>; the page's struct has its zspage, whose
 * class has the size, and number * size is where the object begins.
 *
 * Source of names and rules: mm/zsmalloc.c, 6.1.
 */
#ifndef ALLOC_STORE_ZSMALLOC_H
#define ALLOC_STORE_ZSMALLOC_H

#include "alloc/layer.h"
#include "alloc/store_alloc.h"

/* Word at the head of each object: its handle and OBJ_ALLOCATED_TAG, or a link of the free list. */
#define ZS_HANDLE_SIZE 8U
#define ZS_MIN_ALLOC_SIZE 32U
#define ZS_MAX_ALLOC_SIZE ((u32)PAGE_SIZE)
#define ZS_SIZE_CLASS_DELTA ((u32)PAGE_SIZE >> 8)
#define ZS_SIZE_CLASSES ((ZS_MAX_ALLOC_SIZE - ZS_MIN_ALLOC_SIZE) / ZS_SIZE_CLASS_DELTA + 1)
#define ZS_CHAIN_MAX 8U /* pages of a zspage: 4 in 6.1, up to 16 from 6.3 on */

/*
 * Where an object is, in one word: <pfn, number within the zspage, tag>. 23 bits of 64 for the
 * number and one for the tag leave 40 for the pfn: 52 bits of addresses.
 */
#define OBJ_ALLOCATED_TAG 1U
#define OBJ_TAG_BITS 1
#define OBJ_INDEX_BITS 23
#define OBJ_INDEX_MASK ((1U << OBJ_INDEX_BITS) - 1)
#define OBJ_NONE (~0U >> OBJ_TAG_BITS) /* ends a free list */

/* In the order in which malloc looks for room, from behind. */
enum fullness_group { ZS_EMPTY, ZS_ALMOST_EMPTY, ZS_ALMOST_FULL, ZS_FULL, NR_ZS_FULLNESS };

#define ZSPAGE_MAGIC 0x58U

/* A descriptor in simulated memory, as large as Linux's with CONFIG_COMPACTION. */
struct zspage {
	u32 huge : 1, fullness : 2, class : 9, magic : 8;
	u32 inuse;
	u32 freeobj; /* number of the first free object, or OBJ_NONE */
	s32 cpu;     /* that wrote to it last; Linux has nothing here */
	struct page *first_page;
	struct list_head list; /* of its class and group, unless isolated */
	u64 head;	       /* huge: the object's head, so that it has the whole page */
	u64 lock;	       /* a rwlock_t: its time is charged, nobody waits for it */
};
_Static_assert(sizeof(struct zspage) == 56, "the size of recorded zspages");

struct zs_class {
	struct list_head fullness_list[NR_ZS_FULLNESS];
	u64 nr_zspages[NR_ZS_FULLNESS];
	u64 obj_allocated, obj_used;
	u32 index; /* the largest that was merged into it */
	u32 size, objs_per_zspage, pages_per_zspage;
	struct zspage *resume; /* compaction stopped while emptying this one; NULL */
};

struct zsmalloc_options {
	u64 chain;
};

struct zs_pool {
	struct store s;
	spinlock_t lock; /* of all that follows but the caches */
	struct kmem_cache *handle_cache, *zspage_cache;
	struct zs_class *size_class[ZS_SIZE_CLASSES]; /* by size; some are the same */
	struct zs_class classes[ZS_SIZE_CLASSES];
	u64 nr_zspages;
	u64 nr_spanning; /* live objects that lie in two pages */
	u64 nr_split;
};

static inline struct zs_pool *to_zs_pool(const struct store *s)
{
	return container_of((struct store *)(unsigned long)s, struct zs_pool, s);
}

/* ---- Classes ---- */

/* Sets up size_class and classes for zspages of at most `chain` pages. */
void zs_classes_init(struct zs_pool *pool, u32 chain);

/* The class of objects of `size` bytes without their head. */
static inline struct zs_class *zs_class_for(const struct zs_pool *pool, size_t size)
{
	u32 with_head = (u32)size + ZS_HANDLE_SIZE, i = 0;

	if (with_head > ZS_MIN_ALLOC_SIZE)
		i = DIV_ROUND_UP(with_head - ZS_MIN_ALLOC_SIZE, ZS_SIZE_CLASS_DELTA);
	return pool->size_class[min(i, ZS_SIZE_CLASSES - 1)];
}

#define for_each_zs_class(pool, class)                                                             \
	for ((class) = (pool)->classes; (class) < (pool)->classes + ZS_SIZE_CLASSES; (class)++)    \
		if (!(class)->size)                                                                \
			;                                                                          \
		else

/* Pages that compaction of the class would free. */
static inline u64 zs_can_compact(const struct zs_class *class)
{
	return (class->obj_allocated - class->obj_used) / class->objs_per_zspage *
	       class->pages_per_zspage;
}

/* ---- Objects ---- */

/* An object's place. */
struct zs_place {
	struct zspage *zspage;
	struct page *page; /* that it begins in */
	u32 idx;	   /* number within the zspage */
	u32 offset;	   /* within page */
};

static inline struct zs_class *zspage_class(const struct zs_pool *pool, const struct zspage *zspage)
{
	ASSERT(zspage->magic == ZSPAGE_MAGIC);
	return pool->size_class[zspage->class];
}

/* A zspage's pages are a ring; page->store_private is its descriptor, page->store_nr its number. */
static inline struct zspage *page_zspage(const struct page *page)
{
	return (struct zspage *)page->store_private;
}

static inline struct page *next_page(const struct page *page)
{
	return list_entry(page->lru.next, struct page, lru);
}

struct zs_place zs_place_of(const struct zs_class *class, struct zspage *zspage, u32 idx);

/* The object's first word; of a huge one, which has none, the word in its descriptor. */
static inline u64 *zs_head(const struct zs_place *at)
{
	if (unlikely(at->zspage->huge))
		return &at->zspage->head;
	return (u64 *)(void *)((char *)page_address(at->page) + at->offset);
}

/* One object in one page: its head lies in its descriptor. */
static inline bool zs_is_huge(const struct zs_class *class)
{
	return class->objs_per_zspage == 1 && class->pages_per_zspage == 1;
}

static inline bool zs_spans(const struct zs_class *class, const struct zs_place *at)
{
	return at->offset + class->size > PAGE_SIZE;
}

static inline u64 place_to_obj(const struct zs_place *at)
{
	return ((u64)page_to_pfn(at->page) << OBJ_INDEX_BITS | at->idx) << OBJ_TAG_BITS;
}

/* Takes the zspage's first free object for this handle. Its group is the caller's affair. */
struct zs_place zs_obj_take(struct zs_pool *pool, struct zspage *zspage, unsigned long handle);
void zs_obj_put(struct zs_pool *pool, const struct zs_place *at);

static inline void zs_record(unsigned long handle, const struct zs_place *at)
{
	*(u64 *)handle = place_to_obj(at);
}

/* ---- Zspages ---- */

/* Empty, on no list and in no books; NULL: refused. Without the lock. */
struct zspage *zspage_create(struct zs_pool *pool, struct zs_class *class, gfp_t flags);
/* Of one that is on no list, but in the books. Under the lock. */
void zspage_free(struct zs_pool *pool, struct zs_class *class, struct zspage *zspage);
/* By its fullness. */
void zspage_insert(struct zs_class *class, struct zspage *zspage);
void zspage_remove(struct zs_class *class, struct zspage *zspage);
/* Moves it to the group it belongs to now, which is returned. */
enum fullness_group zspage_fix_group(struct zs_class *class, struct zspage *zspage);
enum fullness_group zspage_group(const struct zs_class *class, const struct zspage *zspage);

/* Its line comes from whoever wrote to it last. */
static inline void zspage_touch(struct zspage *zspage)
{
	charge_line_of(zspage->cpu);
	zspage->cpu = kernel->cpu;
}

void zs_compact(struct store *self, struct store_compact *c);
void zs_check(const struct store *self);

#endif
