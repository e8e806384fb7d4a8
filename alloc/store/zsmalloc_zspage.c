/*
 * zsmalloc: zspages, their free lists and fullness groups.
 *
 * Theory: a zspage is a few single pages, wherever they come from, used as if they lay side by
 * side; so nothing but order 0 is ever asked for, and an object may lie across two of them. Free
 * objects form a list: the head of each has the number of the next. A class keeps its zspages in
 * groups, full ones apart, so that room is found without a search, and first where little is left:
 * what is almost empty shall have the chance to run empty. Within a group nothing is sorted, but a
 * zspage that comes in goes before the first one unless it is emptier.
 *
 * Invariant: zspage->inuse objects are taken, the others are on its free list, which ends with
 * OBJ_NONE. page->mapping is the store, page->store_private the zspage, page->store_nr the page's
 * number in it, page->lru links the ring of its pages. A zspage is on the list that
 * zspage->fullness says, unless it is isolated.
 */
#include "alloc/store/zsmalloc.h"

/* ---- Objects ---- */

struct zs_place zs_place_of(const struct zs_class *class, struct zspage *zspage, u32 idx)
{
	u32 offset = idx * class->size;
	struct zs_place at = {zspage, zspage->first_page, idx, offset & (PAGE_SIZE - 1)};

	ASSERT(idx < class->objs_per_zspage);
	for (u32 nr = offset >> PAGE_SHIFT; nr; nr--)
		at.page = next_page(at.page);
	return at;
}

struct zs_place zs_obj_take(struct zs_pool *pool, struct zspage *zspage, unsigned long handle)
{
	struct zs_class *class = zspage_class(pool, zspage);
	struct zs_place at = zs_place_of(class, zspage, zspage->freeobj);
	u64 *head = zs_head(&at);

	ASSERT(!(*head & OBJ_ALLOCATED_TAG));
	zspage->freeobj = (u32)(*head >> OBJ_TAG_BITS);
	*head = handle | OBJ_ALLOCATED_TAG;
	zspage->inuse++;
	ASSERT((zspage->freeobj == OBJ_NONE) == (zspage->inuse == class->objs_per_zspage));
	pool->nr_spanning += zs_spans(class, &at);
	store_touch(page_name(at.page));
	return at;
}

void zs_obj_put(struct zs_pool *pool, const struct zs_place *at)
{
	u64 *head = zs_head(at);

	ASSERT(*head & OBJ_ALLOCATED_TAG);
	*head = (u64)at->zspage->freeobj << OBJ_TAG_BITS;
	at->zspage->freeobj = at->idx;
	at->zspage->inuse--;
	pool->nr_spanning -= zs_spans(zspage_class(pool, at->zspage), at);
	store_touch(page_name(at->page));
}

/* ---- Fullness groups ---- */

/* Three quarters: fullness_threshold_frac. */
enum fullness_group zspage_group(const struct zs_class *class, const struct zspage *zspage)
{
	if (!zspage->inuse)
		return ZS_EMPTY;
	if (zspage->inuse == class->objs_per_zspage)
		return ZS_FULL;
	return zspage->inuse <= 3 * class->objs_per_zspage / 4 ? ZS_ALMOST_EMPTY : ZS_ALMOST_FULL;
}

void zspage_insert(struct zs_class *class, struct zspage *zspage)
{
	enum fullness_group group = zspage_group(class, zspage);
	struct list_head *list = &class->fullness_list[group];

	zspage->fullness = group;
	if (!list_empty(list) && zspage->inuse < list_first_entry(list, struct zspage, list)->inuse)
		list = list->next;
	list_add(&zspage->list, list);
	class->nr_zspages[group]++;
	charge(COST_LIST_STEP);
}

void zspage_remove(struct zs_class *class, struct zspage *zspage)
{
	ASSERT(class->nr_zspages[zspage->fullness]);
	list_del(&zspage->list);
	class->nr_zspages[zspage->fullness]--;
	charge(COST_LIST_STEP);
}

enum fullness_group zspage_fix_group(struct zs_class *class, struct zspage *zspage)
{
	enum fullness_group group = zspage_group(class, zspage);

	if (group != zspage->fullness) {
		zspage_remove(class, zspage);
		zspage_insert(class, zspage);
	}
	return group;
}

/* ---- Birth and death ---- */

static void free_pages_of(struct zs_pool *pool, struct page *first)
{
	struct page *page = first;

	do {
		struct page *next = next_page(page);

		charge(COST_ATOMIC); /* the page lock */
		store_page_free(&pool->s, page);
		page = next;
	} while (page != first);
}

/* The ring of its pages; NULL: refused. */
static struct page *take_pages(struct zs_pool *pool, const struct zs_class *class,
			       struct zspage *zspage, gfp_t flags)
{
	struct page *first = NULL;

	for (u32 i = 0; i < class->pages_per_zspage; i++) {
		struct page *page = store_page_alloc(&pool->s, flags);

		if (!page) {
			if (first)
				free_pages_of(pool, first);
			return NULL;
		}
		page->store_private = (unsigned long)zspage;
		page->store_nr = i;
		if (first)
			list_add_tail(&page->lru, &first->lru);
		else
			INIT_LIST_HEAD(&page->lru);
		first = first ? first : page;
	}
	return first;
}

/* All of its objects become one free list, in order. */
static void thread_free_list(const struct zs_class *class, struct zspage *zspage)
{
	struct zs_place at = {zspage, zspage->first_page, 0, 0};

	for (; at.idx < class->objs_per_zspage; at.idx++) {
		u32 next = at.idx + 1 < class->objs_per_zspage ? at.idx + 1 : OBJ_NONE;

		if (at.offset >= PAGE_SIZE) {
			at.page = next_page(at.page);
			at.offset -= PAGE_SIZE;
		}
		*zs_head(&at) = (u64)next << OBJ_TAG_BITS;
		at.offset += class->size;
	}
	zspage->freeobj = 0;
	charge_n(COST_LIST_STEP, class->objs_per_zspage);
	/* The first page's line is charged when its object is taken. */
	for (struct page *page = next_page(zspage->first_page); page != zspage->first_page;
	     page = next_page(page))
		store_touch(page_name(page));
}

struct zspage *zspage_create(struct zs_pool *pool, struct zs_class *class, gfp_t flags)
{
	struct zspage *zspage = store_cache_alloc(pool->zspage_cache, flags | __GFP_ZERO);

	if (!zspage)
		return NULL;
	zspage->first_page = take_pages(pool, class, zspage, flags);
	if (!zspage->first_page) {
		kmem_cache_free(pool->zspage_cache, zspage);
		return NULL;
	}
	note_path(PATH_NEW_SLAB);
	zspage->magic = ZSPAGE_MAGIC;
	zspage->class = class->index & 0x1ff;
	zspage->huge = zs_is_huge(class);
	zspage->cpu = kernel->cpu;
	thread_free_list(class, zspage);
	return zspage;
}

void zspage_free(struct zs_pool *pool, struct zs_class *class, struct zspage *zspage)
{
	ASSERT(!zspage->inuse);
	if (class->resume == zspage)
		class->resume = NULL;
	free_pages_of(pool, zspage->first_page);
	zspage->magic = 0;
	kmem_cache_free(pool->zspage_cache, zspage);
	class->obj_allocated -= class->objs_per_zspage;
	pool->nr_zspages--;
	charge(COST_ATOMIC); /* pages_allocated */
}
