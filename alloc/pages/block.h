/*
 * What a block of pages looks like once given out, the same for every source.
 *
 * Theory: the head of a given-out block says PG_allocated, its order, the mobility asked for and
 * the CPU that took it. Orders above 0 are compound: PG_head, and each other page says PG_tail and
 * the pfn of its head (prep_compound_page, mm/page_alloc.c, 6.1).
 *
 * PG_written stays with a frame while it is free: a frame whose address nobody asked for since it
 * was zeroed has no contents, so __GFP_ZERO costs host time and memory only where there is
 * something to clear. Simulated time is charged for every page all the same.
 */
#ifndef ALLOC_PAGES_BLOCK_H
#define ALLOC_PAGES_BLOCK_H

#include <string.h>

#include "alloc/kernel.h"

static inline void block_zero(struct page *page, int order)
{
	charge_n(COST_ZERO_PAGE, 1UL << order);
	for (struct page *p = page; p < page + (1UL << order); p++) {
		if (!(p->flags & PG_written))
			continue;
		memset(page_address(p), 0, PAGE_SIZE);
		p->flags &= ~PG_written;
	}
}

/* What `from` holds, which may be nothing, is what `to` holds afterwards. */
static inline void block_copy(struct page *to, struct page *from, int order)
{
	charge_n(COST_COPY_PAGE, 1UL << order);
	for (unsigned long i = 0; i < 1UL << order; i++) {
		if (from[i].flags & PG_written) {
			memcpy(page_address(to + i), page_address(from + i), PAGE_SIZE);
		} else if (to[i].flags & PG_written) {
			memset(page_address(to + i), 0, PAGE_SIZE);
			to[i].flags &= ~PG_written;
		}
	}
}

static inline void block_set_tails(struct page *page, int order)
{
	unsigned long head = page_to_pfn(page);

	for (struct page *p = page + 1; p < page + (1UL << order); p++) {
		p->flags = (p->flags & PG_written) | PG_tail;
		p->index = head;
	}
}

/*
 * The books of what is in use where (struct pageblock_use). `pages` is negative when they come
 * back.
 */
static inline void block_use_add(const struct page *page, int order, int migratetype, int pages)
{
	unsigned long block = page_to_pfn(page) >> pageblock_order;
	struct pageblock_use *use = kernel->block_use + block;

	if (unlikely(!use->touched)) {
		use->touched = 1;
		kernel->block_regions[block >> BLOCK_REGION_SHIFT] = 1;
	}
	if (likely(order <= pageblock_order)) {
		use->nr[migratetype] += (u16)pages;
		return;
	}
	for (int i = 0; i < 1 << (order - pageblock_order); i++) {
		use[i].touched = 1;
		use[i].nr[migratetype] += (u16)(pages >> (order - pageblock_order));
	}
}

static __always_inline void block_give_out(struct page *page, int order, gfp_t flags,
					   int migratetype)
{
	if (unlikely(flags & __GFP_ZERO))
		block_zero(page, order);
	page->flags = (page->flags & PG_written) | PG_allocated;
	page->order = (u8)order;
	page->migratetype = (u8)migratetype;
	page->private = (u16)kernel->cpu;
	block_use_add(page, order, migratetype, 1 << order);
	if (unlikely(order)) {
		page->flags |= PG_head;
		block_set_tails(page, order);
	}
}

/* The caller of a method is the dispatcher, which has checked that the block is given out. */
static inline void block_take_back(struct page *page, int order)
{
	u32 written = page->flags & PG_written;

	(void)WARN_ON(page->flags & PG_slab); /* its slab allocator forgot it */
	charge_line_of(page->private);
	block_use_add(page, order, page->migratetype, -(1 << order));
	page->flags = written;
	if (likely(!order))
		return;
	/* The head's address reaches every page of the block. */
	for (struct page *p = page + 1; p < page + (1UL << order); p++)
		p->flags = (p->flags & PG_written) | written;
}

/* Forgets what earlier owners left in the structs, but for contents. */
static inline void block_forget(unsigned long start_pfn, unsigned long end_pfn)
{
	for (unsigned long pfn = start_pfn; pfn < end_pfn; pfn++) {
		struct page *page = pfn_to_page(pfn);

		*page = (struct page){.flags = page->flags & PG_written};
	}
	for (unsigned long block = start_pfn >> pageblock_order;
	     block < DIV_ROUND_UP(end_pfn, pageblock_nr_pages); block++) {
		kernel->block_use[block] = (struct pageblock_use){.touched = 0};
		kernel->block_regions[block >> BLOCK_REGION_SHIFT] = 0;
	}
}

_Static_assert(MIGRATE_UNMOVABLE == 0 && MIGRATE_MOVABLE == 1 && MIGRATE_RECLAIMABLE == 2,
	       "gfp_migratetype() numbers them so");

#endif
