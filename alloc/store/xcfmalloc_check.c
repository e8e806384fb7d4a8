/*
 * xcfmalloc: whether a handle, a block, a page, the pool are what they seem.
 *
 * Theory: a descriptor says where its block is, the block's header says whose it is. A handle names
 * a live object if both agree, which takes looking at two places. If they do not, but the cache
 * says that the descriptor is in use, somebody has written over the header. Then all lists are made
 * anew from headers; a page whose headers do not add up to what the books say of it is given up.
 * What is lost by that is its free memory, and, if the pool is destroyed before the object whose
 * header was hit is freed, that object's descriptor.
 *
 * Invariant: after xcf_recover no page that is not given up is damaged.
 */
#include "alloc/store/xcfmalloc_pool.h"

bool xcf_is_desc(const struct xcf_pool *x, u64 phys)
{
	const struct xcf_desc *d;
	struct page *page;
	struct slab_cache *cache;

	if (!pfn_valid(phys >> PAGE_SHIFT) || phys & 7)
		return false;
	d = xcf_desc(phys);
	page = virt_to_head_page(d);
	if (!(page->flags & PG_slab) ||
	    phys + sizeof(*d) > xcf_page_at(page) + (PAGE_SIZE << page->order))
		return false;
	cache = slab_cache_of(page, d);
	return cache && cache->top == x->descs->cache;
}

/* Fields that a descriptor of a block of this pool may have. */
static bool makes_sense(const struct xcf_pool *x, const struct xcf_desc *d)
{
	u32 low = x->unit - 1;

	return pfn_valid(d->pfn) && !(d->offset & low) && !(d->size & low) && d->size &&
	       d->offset + d->size <= PAGE_SIZE && d->used && d->used + x->header <= d->size &&
	       store_page_of(&x->s, (unsigned long)xcf_bytes(xcf_block(d)));
}

static bool header_agrees(const struct xcf_pool *x, const struct xcf_desc *d)
{
	u64 at = xcf_block(d);

	return xcf_sound(x, at) && xcf_owner(x, at) == virt_to_phys(d) &&
	       xcf_tag(x, at)->size == d->size;
}

struct xcf_desc *xcf_find(const struct xcf_pool *x, unsigned long handle, size_t size,
			  bool *damaged)
{
	struct xcf_desc *first = (struct xcf_desc *)handle;
	bool in_doubt = false;
	u32 left, nr = 0;

	*damaged = false;
	if (unlikely(!virt_addr_valid(first) || !xcf_is_desc(x, virt_to_phys(first)) ||
		     !first->asked || (size && first->asked != size)))
		return NULL;
	left = first->asked;
	for (struct xcf_desc *d = first; d; d = xcf_desc(d->next)) {
		if (unlikely(nr++ == x->max_blocks || !makes_sense(x, d) || d->used > left))
			return NULL;
		left -= d->used;
		if (unlikely(xcf_page(xcf_block(d))->store_given_up))
			in_doubt = true;
		else if (unlikely(!header_agrees(x, d)))
			*damaged = true;
		if (unlikely(d->next != XCF_NONE && !xcf_is_desc(x, d->next)))
			return NULL;
	}
	if (likely(!left && !in_doubt && !*damaged))
		return first;
	return !left && store_cache_holds(x->descs, handle) ? first : NULL;
}

const char *xcf_kind_of_bad(const struct xcf_pool *x, unsigned long handle, bool freeing)
{
	const struct xcf_desc *d = (const struct xcf_desc *)handle;

	if (!virt_addr_valid(d) || !xcf_is_desc(x, virt_to_phys(d)) ||
	    !slab_valid_pointer(x->descs->cache, d))
		return "invalid_pointer";
	if (store_cache_holds(x->descs, handle) && (d->asked || d->before))
		return "invalid_pointer";
	return freeing ? "double_free" : "use_after_free";
}

struct xcf_desc *xcf_prove(struct xcf_pool *x, unsigned long handle, size_t size)
{
	bool damaged = false;
	struct xcf_desc *d = size ? xcf_find(x, handle, size, &damaged) : NULL;

	if (likely(!d || !damaged))
		return d;
	xcf_recover(x, xcf_block(d));
	d = xcf_find(x, handle, size, &damaged);
	return damaged ? NULL : d;
}

/* ---- Damage ---- */

bool xcf_page_sound(const struct xcf_pool *x, const struct page *page)
{
	u32 units = 0, objects = 0, prev = XCF_FIRST;

	for (u64 at = xcf_page_at(page); at != XCF_NONE; at = xcf_behind(x, at)) {
		u64 owner = xcf_owner(x, at);

		charge(COST_LIST_STEP);
		if (!xcf_sound(x, at) || xcf_tag(x, at)->prev != prev)
			return false;
		prev = xcf_offset(at);
		if (owner == XCF_NONE)
			continue;
		if (!xcf_is_desc(x, owner) || xcf_block(xcf_desc(owner)) != at ||
		    xcf_desc(owner)->size != xcf_tag(x, at)->size)
			return false;
		units += (u32)xcf_tag(x, at)->size >> x->shift;
		objects++;
	}
	return units == page->store_used && objects == page->store_blocks;
}

/* Room that compaction has found and not used is free. */
static void forget_plan(struct xcf_pool *x)
{
	for (u32 i = 0; i < x->nr_plan; i++)
		for (u32 j = 0; j < x->plan[i].nr_to; j++)
			xcf_set_owner(x, x->plan[i].to[j], XCF_NONE);
	x->nr_plan = 0;
}

void xcf_recover(struct xcf_pool *x, u64 at)
{
	struct page *page, *next;
	u32 nr = 0;

	forget_plan(x);
	xcf_lists_clear(x);
	for (u32 i = 0; i <= x->units; i++)
		list_for_each_entry_safe (page, next, &x->buckets[i], lru) {
			if (xcf_page_sound(x, page)) {
				xcf_list_page(x, page);
				continue;
			}
			report_event("redzone", "%s: headers of page 0x%llx are overwritten",
				     x->s.name, (unsigned long long)xcf_page_at(page));
			xcf_give_up(x, page);
			nr++;
		}
	if (!nr)
		report_event("redzone", "%s: links of free blocks are overwritten, near 0x%llx",
			     x->s.name, (unsigned long long)at);
}

/* ---- Recount ---- */

struct recount {
	u64 nr_free[XCF_UNITS_MAX + 1], nr_used[XCF_UNITS_MAX + 1];
	u64 pages, blocks, units, free_units, objs, given_up;
};

static void check_object(const struct xcf_pool *x, const struct xcf_desc *first)
{
	u32 bytes = 0, nr = 0;

	for (const struct xcf_desc *d = first; d; d = xcf_desc(d->next)) {
		ASSERT(store_cache_holds(x->descs, (unsigned long)d));
		ASSERT(d->before == nr++ && (d == first || !d->asked));
		ASSERT(makes_sense(x, d));
		bytes += d->used;
	}
	ASSERT(nr <= x->max_blocks && bytes == first->asked);
}

static void check_page(const struct xcf_pool *x, const struct page *page, struct recount *r)
{
	bool free_before = false;

	ASSERT(store_page_of(&x->s, (unsigned long)page_name(page)) && !page->store_given_up);
	ASSERT(page->store_used && xcf_page_sound(x, page));
	r->pages++;
	for (u64 at = xcf_page_at(page); at != XCF_NONE; at = xcf_behind(x, at)) {
		u32 units = (u32)xcf_tag(x, at)->size >> x->shift;
		const struct xcf_desc *d = xcf_desc(xcf_owner(x, at));

		if (!d) {
			ASSERT(!free_before);
			r->nr_free[units]++;
			r->free_units += units;
		} else {
			r->nr_used[units]++;
			r->units += units;
			r->blocks++;
			if (d->asked) {
				r->objs++;
				check_object(x, d);
			}
		}
		free_before = !d;
	}
}

/* The links of each list: as many as headers say, all of that size. */
static void check_lists(const struct xcf_pool *x, const struct recount *r)
{
	for (u32 units = 1; units < x->units; units++) {
		u64 prev = XCF_NONE, nr = 0;

		for (u64 at = x->free[units]; at != XCF_NONE; at = xcf_link(x, at, XCF_NEXT)) {
			ASSERT(xcf_link(x, at, XCF_PREV) == prev && !xcf_page(at)->store_given_up);
			ASSERT(xcf_owner(x, at) == XCF_NONE &&
			       xcf_tag(x, at)->size == units << x->shift);
			prev = at;
			nr++;
		}
		ASSERT(nr == r->nr_free[units] && nr == x->nr_free[units]);
		ASSERT(bit_test(x->free_map, units) == (nr > 0));
	}
}

static void check_buckets(const struct xcf_pool *x, struct recount *r)
{
	for (u32 i = 0; i <= x->units; i++) {
		struct page *page;

		list_for_each_entry (page, &x->buckets[i], lru) {
			ASSERT(x->victims != XCF_EMPTIEST || page->store_used == i);
			ASSERT(x->victims != XCF_FEWEST || page->store_blocks == i);
			check_page(x, page, r);
		}
		ASSERT(bit_test(x->bucket_map, i) == !list_empty(&x->buckets[i]));
	}
}

static void check_pages_without_buckets(const struct xcf_pool *x, struct recount *r)
{
	struct page *page;
	u64 reserve = 0;

	list_for_each_entry (page, &x->given_up, lru) {
		ASSERT(page->store_given_up && page->store_used);
		r->given_up++;
		r->pages++;
		r->units += page->store_used;
		r->blocks += page->store_blocks;
	}
	list_for_each_entry (page, &x->reserve, lru) {
		ASSERT(store_page_of(&x->s, (unsigned long)page_name(page)));
		ASSERT(!page->store_given_up && !page->store_used && !page->store_blocks);
		reserve++;
	}
	ASSERT(reserve == x->nr_reserve && reserve == x->nr_free[x->units]);
	ASSERT(bit_test(x->free_map, x->units) == (reserve > 0));
	r->pages += reserve;
}

void xcf_check(const struct store *self)
{
	const struct xcf_pool *x = to_xcf(self);
	struct recount r = {0};

	ASSERT(!x->nr_plan && !x->nr_spare && !x->lock.locked);
	check_buckets(x, &r);
	check_pages_without_buckets(x, &r);
	check_lists(x, &r);
	ASSERT(r.pages == self->nr_pages && r.free_units == x->free_units);
	ASSERT(r.units == x->used_units && r.blocks == x->nr_blocks && r.blocks == x->nr_descs);
	if (r.given_up)
		return;
	ASSERT(r.objs == x->nr_objs);
	ASSERT(r.pages == x->nr_reserve + ((r.units + r.free_units) >> (PAGE_SHIFT - x->shift)));
	for (u32 units = 1; units <= x->units; units++)
		ASSERT(r.nr_used[units] == x->nr_used[units]);
}
