/*
 * xcfmalloc: blocks of a page, and the lists of free ones.
 *
 * Theory: a page is tiled with blocks. Free ones are on the list of their size, linked through
 * their own bytes, the last one that came first; a bitmap says which lists have any, so that a
 * search looks at words, not at sizes. Wholly free pages are the list of the largest size; they
 * are linked through their page structs.
 *
 * Invariant: no two free blocks of a page touch. The blocks of a page that is not given up add up
 * to it; page->store_used is the units of those in use, page->store_blocks their number, and
 * page->store_private the pass of compaction that last tried to empty it, 0 if it has changed.
 */
#include "alloc/store/xcfmalloc_pool.h"

/* ---- Which sizes have a block ---- */

/* The smallest size from `units` on; 0: none. */
static u32 find_from(struct xcf_pool *x, u32 units)
{
	u32 last = x->units / BITS_PER_WORD;

	for (u32 w = units / BITS_PER_WORD; w <= last; w++) {
		u64 bits = x->free_map[w];

		if (w == units / BITS_PER_WORD)
			bits &= ~0ULL << units % BITS_PER_WORD;
		store_search_steps(&x->s, 1);
		if (bits)
			return w * BITS_PER_WORD + bit_lowest(bits);
	}
	return 0;
}

/* The largest size below `units`; 0: none. */
static u32 find_below(struct xcf_pool *x, u32 units)
{
	for (u32 w = units / BITS_PER_WORD + 1; w-- > 0;) {
		u64 bits = x->free_map[w];

		if (w == units / BITS_PER_WORD)
			bits &= (1ULL << units % BITS_PER_WORD) - 1;
		store_search_steps(&x->s, 1);
		if (bits)
			return w * BITS_PER_WORD + bit_highest(bits);
	}
	return 0;
}

/* ---- Lists ---- */

static bool is_free_of(const struct xcf_pool *x, u64 at, u32 size)
{
	return pfn_valid(at >> PAGE_SHIFT) && !(xcf_offset(at) & (x->unit - 1)) &&
	       store_page_of(&x->s, (unsigned long)xcf_bytes(at)) && xcf_sound(x, at) &&
	       xcf_tag(x, at)->size == size && xcf_owner(x, at) == XCF_NONE;
}

/* A sound free block whose links are what its neighbours on the list say. */
static bool links_sound(const struct xcf_pool *x, u64 at)
{
	u32 size = xcf_tag(x, at)->size;
	u64 next = xcf_link(x, at, XCF_NEXT), prev = xcf_link(x, at, XCF_PREV);

	if (next != XCF_NONE && (!is_free_of(x, next, size) || xcf_link(x, next, XCF_PREV) != at))
		return false;
	if (prev == XCF_NONE)
		return x->free[size >> x->shift] == at;
	return is_free_of(x, prev, size) && xcf_link(x, prev, XCF_NEXT) == at;
}

static void list_push(struct xcf_pool *x, u64 at)
{
	u32 units = (u32)xcf_tag(x, at)->size >> x->shift;
	u64 head = x->free[units];

	xcf_set_link(x, at, XCF_NEXT, head);
	xcf_set_link(x, at, XCF_PREV, XCF_NONE);
	if (head == XCF_NONE)
		bit_set(x->free_map, units);
	else
		xcf_set_link(x, head, XCF_PREV, at);
	x->free[units] = at;
	x->nr_free[units]++;
	x->free_units += units;
	charge(COST_LIST_STEP);
}

/* Its links are sound. */
static void list_unlink(struct xcf_pool *x, u64 at)
{
	u32 units = (u32)xcf_tag(x, at)->size >> x->shift;
	u64 next = xcf_link(x, at, XCF_NEXT), prev = xcf_link(x, at, XCF_PREV);

	if (prev == XCF_NONE)
		x->free[units] = next;
	else
		xcf_set_link(x, prev, XCF_NEXT, next);
	if (next != XCF_NONE)
		xcf_set_link(x, next, XCF_PREV, prev);
	else if (prev == XCF_NONE)
		bit_clear(x->free_map, units);
	x->nr_free[units]--;
	x->free_units -= units;
	charge(COST_LIST_STEP);
}

void xcf_reserve_add(struct xcf_pool *x, struct page *page)
{
	ASSERT(!page->store_used && !page->store_blocks && !page->store_given_up);
	list_add(&page->lru, &x->reserve);
	x->nr_reserve++;
	x->nr_free[x->units]++;
	bit_set(x->free_map, x->units);
	charge(COST_LIST_STEP);
}

static u64 reserve_take(struct xcf_pool *x)
{
	struct page *page = list_first_entry(&x->reserve, struct page, lru);
	u64 at = xcf_page_at(page);

	list_del(&page->lru);
	x->nr_free[x->units]--;
	if (!--x->nr_reserve)
		bit_clear(x->free_map, x->units);
	charge(COST_LIST_STEP);
	xcf_set_block(x, at, XCF_FIRST, PAGE_SIZE, XCF_NONE);
	return at;
}

/* ---- Splitting and merging ---- */

static bool behind_sound(const struct xcf_pool *x, u64 at)
{
	u64 behind = xcf_behind(x, at);

	return behind == XCF_NONE ||
	       (xcf_sound(x, behind) && xcf_tag(x, behind)->prev == xcf_offset(at));
}

static bool before_sound(const struct xcf_pool *x, u64 at)
{
	u64 before = xcf_before(x, at);

	if (before == XCF_NONE)
		return !xcf_offset(at);
	return before < at && !(xcf_offset(before) & (x->unit - 1)) && xcf_sound(x, before) &&
	       xcf_behind(x, before) == at;
}

static void set_prev(struct xcf_pool *x, u64 at, u64 prev)
{
	if (at != XCF_NONE)
		xcf_tag(x, at)->prev = (u16)xcf_offset(prev);
}

/* Cuts the block to `units`; what is left over is free. It is on no list. */
static void cut(struct xcf_pool *x, u64 at, u32 units)
{
	u32 have = xcf_tag(x, at)->size, size = units << x->shift;
	u64 rest = at + size, behind = xcf_behind(x, at);

	ASSERT(size <= have);
	if (size == have)
		return;
	xcf_tag(x, at)->size = (u16)size;
	xcf_set_block(x, rest, xcf_offset(at), have - size, XCF_NONE);
	set_prev(x, behind, rest);
	list_push(x, rest);
}

/* The first block of the list; false: it is damaged. */
static bool take_first(struct xcf_pool *x, u32 have, u32 units, u64 owner, u64 *at)
{
	if (have == x->units) {
		*at = reserve_take(x);
	} else {
		*at = x->free[have];
		if (unlikely(!is_free_of(x, *at, have << x->shift) || !links_sound(x, *at) ||
			     !behind_sound(x, *at)))
			return false;
		list_unlink(x, *at);
	}
	cut(x, *at, min(units, have));
	xcf_set_owner(x, *at, owner);
	return true;
}

/* Units of the block to take for so many; 0: none. */
static u32 choose(struct xcf_pool *x, u32 units, bool last)
{
	u32 have = find_from(x, units), smaller;

	if (have == units || last)
		return have;
	smaller = find_below(x, units);
	return smaller ? smaller : have;
}

u64 xcf_take(struct xcf_pool *x, u32 bytes, bool last, u64 owner)
{
	u32 units = xcf_units(x, bytes), have;
	u64 at;

	for (;;) {
		store_search(&x->s);
		have = choose(x, units, last);
		if (!have)
			return XCF_NONE;
		if (likely(take_first(x, have, units, owner, &at)))
			break;
		xcf_recover(x, x->free[have]);
	}
	xcf_account(x, at, xcf_tag(x, at)->size, 1);
	return at;
}

u64 xcf_reserve_room(struct xcf_pool *x, u32 bytes, bool last, u64 owner)
{
	u32 units = xcf_units(x, bytes), have = find_from(x, units);
	u64 at;

	store_search(&x->s);
	if ((!have || have == x->units) && !last)
		have = find_below(x, units);
	if (!have || have == x->units)
		return XCF_NONE;
	if (likely(take_first(x, have, units, owner, &at)))
		return at;
	xcf_recover(x, x->free[have]);
	return XCF_NONE;
}

bool xcf_put(struct xcf_pool *x, u64 at)
{
	u64 before = xcf_before(x, at), behind = xcf_behind(x, at);

	if (behind != XCF_NONE && xcf_owner(x, behind) == XCF_NONE) {
		list_unlink(x, behind);
		xcf_tag(x, at)->size = (u16)(xcf_tag(x, at)->size + xcf_tag(x, behind)->size);
	}
	if (before != XCF_NONE && xcf_owner(x, before) == XCF_NONE) {
		list_unlink(x, before);
		xcf_tag(x, before)->size = (u16)(xcf_tag(x, before)->size + xcf_tag(x, at)->size);
		at = before;
	}
	if (xcf_tag(x, at)->size == PAGE_SIZE)
		return true;
	set_prev(x, xcf_behind(x, at), at);
	xcf_set_owner(x, at, XCF_NONE);
	list_push(x, at);
	return false;
}

bool xcf_neighbours_sound(const struct xcf_pool *x, u64 at, bool last)
{
	u64 before, behind;
	u32 merged = xcf_tag(x, at)->size;

	if (!before_sound(x, at) || !behind_sound(x, at))
		return false;
	before = xcf_before(x, at);
	behind = xcf_behind(x, at);
	if (before != XCF_NONE && xcf_owner(x, before) == XCF_NONE) {
		if (!links_sound(x, before))
			return false;
		merged += xcf_tag(x, before)->size;
	}
	if (behind != XCF_NONE && xcf_owner(x, behind) == XCF_NONE) {
		if (!links_sound(x, behind))
			return false;
		merged += xcf_tag(x, behind)->size;
	}
	/* The last one leaves nothing but free memory. */
	return !last || merged == PAGE_SIZE;
}

/* ---- Books ---- */

static void bucket_remove(struct xcf_pool *x, struct page *page, u32 bucket)
{
	list_del(&page->lru);
	if (list_empty(&x->buckets[bucket]))
		bit_clear(x->bucket_map, bucket);
}

/*
 * What has changed has not been tried by the pass of compaction that runs, and stands before all
 * that has. In order of birth pages stay where they are.
 */
static void bucket_add(struct xcf_pool *x, struct page *page, u32 bucket)
{
	page->store_private = 0;
	if (x->victims == XCF_OLDEST)
		list_add_tail(&page->lru, &x->buckets[bucket]);
	else
		list_add(&page->lru, &x->buckets[bucket]);
	bit_set(x->bucket_map, bucket);
}

void xcf_account(struct xcf_pool *x, u64 at, u32 size, int sign)
{
	struct page *page = xcf_page(at);
	u32 units = size >> x->shift, from = page->store_used ? xcf_bucket_of(x, page) : 0, to;

	page->store_used = (u16)((int)page->store_used + sign * (int)units);
	page->store_blocks = (u32)((int)page->store_blocks + sign) & 0x7fff;
	ASSERT(page->store_used <= x->units && !page->store_used == !page->store_blocks);
	x->used_units += (u64)(s64)(sign * (int)units);
	x->nr_blocks += (u64)(s64)sign;
	x->nr_used[units] += (u64)(s64)sign;
	x->exhausted = false;
	if (unlikely(page->store_given_up))
		return;
	to = page->store_used ? xcf_bucket_of(x, page) : 0;
	if (from == to)
		return;
	if (from)
		bucket_remove(x, page, from);
	if (to)
		bucket_add(x, page, to);
	charge(COST_LIST_STEP);
}

/* ---- Whole pages ---- */

void xcf_list_page(struct xcf_pool *x, struct page *page)
{
	u64 at = xcf_page_at(page);

	for (; at != XCF_NONE; at = xcf_behind(x, at)) {
		u64 behind = xcf_behind(x, at);

		charge(COST_LIST_STEP);
		if (xcf_owner(x, at) != XCF_NONE)
			continue;
		while (behind != XCF_NONE && xcf_owner(x, behind) == XCF_NONE) {
			xcf_tag(x, at)->size =
				(u16)(xcf_tag(x, at)->size + xcf_tag(x, behind)->size);
			behind = xcf_behind(x, at);
		}
		set_prev(x, behind, at);
		list_push(x, at);
	}
}

bool xcf_unlist_page(struct xcf_pool *x, struct page *page)
{
	bool sound = xcf_page_sound(x, page);

	for (u64 at = xcf_page_at(page); sound && at != XCF_NONE; at = xcf_behind(x, at)) {
		if (xcf_owner(x, at) != XCF_NONE)
			continue;
		sound = links_sound(x, at);
		if (sound)
			list_unlink(x, at);
	}
	if (!sound)
		xcf_recover(x, xcf_page_at(page));
	return sound;
}

void xcf_lists_clear(struct xcf_pool *x)
{
	for (u32 units = 0; units < x->units; units++) {
		x->free[units] = XCF_NONE;
		x->nr_free[units] = 0;
		bit_clear(x->free_map, units);
	}
	x->free_units = 0;
}

void xcf_give_up(struct xcf_pool *x, struct page *page)
{
	bucket_remove(x, page, xcf_bucket_of(x, page));
	list_add_tail(&page->lru, &x->given_up);
	page->store_given_up = 1;
	if (x->victim == page)
		x->victim = NULL;
}

void xcf_take_back(struct page *page)
{
	ASSERT(page->store_given_up && !page->store_used);
	list_del(&page->lru);
	page->store_given_up = 0;
}
