/*
 * zsmalloc: the full recount.
 *
 * Theory: from the bytes up: heads and links of all objects make out which live, the free list of a
 * zspage must reach its end after exactly the others, each live one's handle must lead back to it,
 * and zspages, lists, classes and pages must add up to what is kept.
 *
 * Invariant: those of zsmalloc.c, zsmalloc_class.c and zsmalloc_zspage.c.
 *
 * Unlike Linux: it has nothing of the kind.
 */
#include "alloc/store/zsmalloc.h"

struct recount {
	u64 zspages, pages, live, spanning;
};

/* A list that reaches its end after n steps has n different members. */
static void check_free_list(const struct zs_class *class, struct zspage *zspage)
{
	u32 idx = zspage->freeobj;

	for (u32 nr = zspage->inuse; nr < class->objs_per_zspage; nr++) {
		struct zs_place at = zs_place_of(class, zspage, idx);

		ASSERT(!(*zs_head(&at) & OBJ_ALLOCATED_TAG));
		idx = (u32)(*zs_head(&at) >> OBJ_TAG_BITS);
	}
	ASSERT(idx == OBJ_NONE);
}

static void check_objects(const struct zs_pool *pool, const struct zs_class *class,
			  struct zspage *zspage, struct recount *r)
{
	u32 inuse = 0;

	for (u32 idx = 0; idx < class->objs_per_zspage; idx++) {
		struct zs_place at = zs_place_of(class, zspage, idx);
		u64 head = *zs_head(&at);
		unsigned long handle = head & ~(u64)OBJ_ALLOCATED_TAG;

		if (!(head & OBJ_ALLOCATED_TAG))
			continue;
		inuse++;
		r->spanning += zs_spans(class, &at);
		ASSERT(store_cache_holds(pool->handle_cache, handle));
		ASSERT(*(const u64 *)handle == place_to_obj(&at));
	}
	ASSERT(inuse == zspage->inuse);
	r->live += inuse;
}

static void check_pages(const struct zs_pool *pool, const struct zs_class *class,
			const struct zspage *zspage)
{
	const struct page *page = zspage->first_page;

	for (u32 i = 0; i < class->pages_per_zspage; i++) {
		ASSERT(page->flags & PG_store && page->mapping == &pool->s);
		ASSERT(page_zspage(page) == zspage && page->store_nr == i);
		page = next_page(page);
	}
	ASSERT(page == zspage->first_page);
}

static void check_zspage(const struct zs_pool *pool, const struct zs_class *class,
			 enum fullness_group group, struct zspage *zspage, struct recount *r)
{
	ASSERT(store_cache_holds(pool->zspage_cache, (unsigned long)zspage));
	ASSERT(zspage_class(pool, zspage) == class && zspage->class == class->index);
	ASSERT(zspage->fullness == group && zspage_group(class, zspage) == group);
	ASSERT(group != ZS_EMPTY);
	check_pages(pool, class, zspage);
	check_objects(pool, class, zspage, r);
	check_free_list(class, zspage);
	r->zspages++;
	r->pages += class->pages_per_zspage;
}

static void check_class(const struct zs_pool *pool, const struct zs_class *class,
			struct recount *total)
{
	struct recount r = {0};
	bool resume = !class->resume;

	for (enum fullness_group group = 0; group < NR_ZS_FULLNESS; group++) {
		const struct list_head *list = &class->fullness_list[group];
		u64 before = r.zspages;
		struct zspage *zspage;

		list_for_each_entry (zspage, list, list) {
			check_zspage(pool, class, group, zspage, &r);
			resume |= zspage == class->resume;
		}
		ASSERT(r.zspages - before == class->nr_zspages[group]);
	}
	ASSERT(resume);
	ASSERT(r.live == class->obj_used);
	ASSERT(r.zspages * class->objs_per_zspage == class->obj_allocated);
	total->zspages += r.zspages;
	total->pages += r.pages;
	total->live += r.live;
	total->spanning += r.spanning;
}

void zs_check(const struct store *self)
{
	const struct zs_pool *pool = to_zs_pool(self);
	const struct zs_class *class;
	struct recount r = {0};

	for_each_zs_class(pool, class) check_class(pool, class, &r);
	ASSERT(r.zspages == pool->nr_zspages);
	ASSERT(r.pages == self->nr_pages);
	ASSERT(r.spanning == pool->nr_spanning);
	ASSERT((s64)r.live == self->layer->live_objs);
}
