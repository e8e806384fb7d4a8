/*
 * What xvmalloc says of itself, and its full recount.
 *
 * Theory: the pages of a pool are on a list and their blocks have no gaps, so everything the pool
 * counts can be counted again from headers in pages alone.
 *
 * Invariant: that of xvmalloc.c.
 *
 * Unlike Linux: it counts pages and nothing else.
 */
#include "alloc/store/xvmalloc.h"

void xv_stats(const struct store *self, struct store_stats *s)
{
	const struct xv_pool *p = to_xv(self);

	s->header_bytes = p->nr_live * XV_ALIGN;
	s->blocks = p->nr_live;
	s->block_bytes = p->live_bytes;
	s->free_bytes = (self->nr_pages << PAGE_SHIFT) - p->live_bytes;
}

unsigned int xv_classes(const struct store *self, struct store_class *classes, unsigned int n)
{
	const struct xv_pool *p = to_xv(self);
	unsigned int found = 0;

	for (u32 i = 0; i < NUM_FREE_LISTS; i++) {
		if (!p->lists[i].nr)
			continue;
		if (found < n)
			classes[found] = (struct store_class){
				.index = i,
				.size = XV_ALIGN + XV_MIN_ALLOC_SIZE + i * FL_DELTA,
				.obj_allocated = p->lists[i].nr,
				.pages_per_zspage = 1,
			};
		found++;
	}
	return found;
}

struct recount {
	u64 pages, live, live_bytes, asked, listed;
};

static void check_page(const struct page *page, struct recount *r)
{
	const struct xv_block *b = page_name(page), *before = NULL;
	u64 bits = 0, live = r->live;

	ASSERT(b->size < XV_MAX_ALLOC_SIZE || !(b->prev & BLOCK_FREE));
	for (; b; before = b, b = block_next(b)) {
		bool is_free = b->prev & BLOCK_FREE, after_free = b->prev & PREV_FREE;

		ASSERT(prev_offset(b) == (before ? offset_of(before) : 0));
		ASSERT(after_free == (before && before->prev & BLOCK_FREE));
		ASSERT(!(is_free && after_free) && !(is_free && b->size % XV_ALIGN));
		ASSERT(is_free || bit_test(map_of(page)->live, unit_of(object_of(b))));
		r->listed += is_free && b->size >= XV_MIN_ALLOC_SIZE;
		r->live += !is_free;
		r->live_bytes += is_free ? 0 : block_bytes(b);
		r->asked += is_free ? 0 : b->size;
	}
	for (u32 i = 0; i < ARRAY_SIZE(map_of(page)->live); i++)
		bits += (u64)__builtin_popcountll(map_of(page)->live[i]);
	ASSERT(bits == r->live - live);
	r->pages++;
}

static void check_list(const struct xv_pool *p, u32 i, struct recount *r)
{
	const struct xv_block *b = p->lists[i].first, *prev = NULL;
	u64 nr = 0;

	for (; b; prev = b, b = b->next_free, nr++) {
		ASSERT(store_page_of(&p->s, (unsigned long)b));
		ASSERT(b->prev & BLOCK_FREE && b->prev_free == prev && index_of(b->size) == i);
	}
	ASSERT(nr == p->lists[i].nr && bit_test(p->slbitmap, i) == !!nr);
	r->listed -= nr;
}

void xv_check(const struct store *self)
{
	const struct xv_pool *p = to_xv(self);
	struct recount r = {0};
	struct page *page;

	ASSERT(!p->lock.locked);
	list_for_each_entry (page, &p->pages, lru) {
		ASSERT(store_page_of(self, (unsigned long)page_name(page)) == page);
		check_page(page, &r);
	}
	for (u32 i = 0; i < NUM_FREE_LISTS; i++)
		check_list(p, i, &r);
	for (u32 i = 0; i < MAX_FLI; i++)
		ASSERT(bit_test(&p->flbitmap, i) == !!p->slbitmap[i]);
	ASSERT(!r.listed && r.pages == self->nr_pages);
	ASSERT(r.live == p->nr_live && r.live_bytes == p->live_bytes);
	ASSERT((s64)r.live == self->layer->live_objs && (s64)r.asked == self->layer->live_bytes);
}
