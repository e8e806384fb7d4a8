/*
 * The oracle of the page fuzzer.
 */
#include "tests/page_oracle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAST_WORD (PAGE_SIZE / sizeof(u64) - 1)

void page_oracle_wrong(struct page_oracle *o, const char *fmt, ...)
{
	va_list ap;

	if (*o->wrong)
		return;
	va_start(ap, fmt);
	vsnprintf(o->wrong, sizeof(o->wrong), fmt, ap);
	va_end(ap);
}

void page_oracle_init(struct page_oracle *o)
{
	memset(o, 0, sizeof(*o));
	o->used = calloc(kernel->max_pfn / BITS_PER_WORD + 1, sizeof(u64));
	o->blocks = calloc(ORACLE_BLOCKS_MAX, sizeof(*o->blocks));
	ASSERT(o->used && o->blocks);
}

void page_oracle_fini(struct page_oracle *o)
{
	free(o->used);
	free(o->blocks);
}

/* ---- Frames and zones ---- */

static int highest_type(gfp_t flags)
{
	if (flags & __GFP_DMA)
		return ZONE_DMA;
	if (flags & __GFP_DMA32)
		return ZONE_DMA32;
	if ((flags & __GFP_HIGHMEM) && (flags & __GFP_MOVABLE))
		return ZONE_MOVABLE;
	return ZONE_NORMAL;
}

static bool zone_allowed(const struct zone *zone, const struct oracle_request *r)
{
	int node = r->node < 0 ? kernel->nid : r->node;

	return (int)zone->type <= highest_type(r->flags) &&
	       (!(r->flags & __GFP_THISNODE) || zone->node == node);
}

static bool frames_free(const struct page_oracle *o, unsigned long pfn, int order)
{
	for (unsigned long i = 0; i < 1UL << order; i++)
		if (bit_test(o->used, pfn + i))
			return false;
	return true;
}

bool page_oracle_in_use(const struct page_oracle *o, unsigned long pfn, int order)
{
	return !frames_free(o, pfn, order);
}

static bool zone_has_block(const struct page_oracle *o, const struct zone *zone, int order)
{
	unsigned long end = zone->zone_start_pfn + zone->spanned_pages;

	for (unsigned long pfn = zone->zone_start_pfn; pfn < end; pfn += 1UL << order)
		if (frames_free(o, pfn, order))
			return true;
	return false;
}

void page_oracle_refused(struct page_oracle *o, const struct oracle_request *r)
{
	for (int i = 0; i < kernel->nr_node_ids * MAX_NR_ZONES; i++)
		if (zone_allowed(&kernel->zones[i], r) &&
		    zone_has_block(o, &kernel->zones[i], r->order))
			page_oracle_wrong(
				o, "order %d flags 0x%x refused, but node %d zone %s has one",
				r->order, r->flags, kernel->zones[i].node, kernel->zones[i].name);
}

void page_oracle_refused_at(struct page_oracle *o, const struct oracle_request *r,
			    unsigned long pfn)
{
	if (zone_allowed(page_zone(pfn_to_page(pfn)), r) && frames_free(o, pfn, r->order))
		page_oracle_wrong(o, "order %d flags 0x%x refused at pfn 0x%lx, which is free",
				  r->order, r->flags, pfn);
}

/* ---- Contents ---- */

static const u64 *frame(const struct page *page)
{
	return page_name(page);
}

static void check_zero(struct page_oracle *o, const struct page *page, int order)
{
	size_t step = order > 3 ? LAST_WORD : 1;

	for (unsigned long i = 0; i < 1UL << order; i++)
		for (size_t word = 0; word <= LAST_WORD; word += step)
			if (frame(page + i)[word])
				page_oracle_wrong(o, "__GFP_ZERO: pfn 0x%lx has contents",
						  page_to_pfn(page + i));
}

static u64 stamp_of(const struct oracle_block *b, unsigned long i)
{
	return (u64)b->stamp << 32 | i;
}

static void write_stamps(const struct oracle_block *b)
{
	for (unsigned long i = 0; i < 1UL << b->order; i++) {
		u64 *words = page_address(b->page + i);

		words[0] = words[LAST_WORD] = stamp_of(b, i);
	}
}

static void check_stamps(struct page_oracle *o, const struct oracle_block *b)
{
	for (unsigned long i = 0; b->stamp && i < 1UL << b->order; i++) {
		const u64 *words = frame(b->page + i);

		if (words[0] != stamp_of(b, i) || words[LAST_WORD] != stamp_of(b, i))
			page_oracle_wrong(o, "contents of pfn 0x%lx changed while in use",
					  page_to_pfn(b->page + i));
	}
}

void page_oracle_verify(struct page_oracle *o)
{
	for (unsigned int i = 0; i < o->nr_blocks; i++)
		check_stamps(o, &o->blocks[i]);
}

/* ---- Blocks ---- */

static bool check_place(struct page_oracle *o, const struct oracle_request *r, struct page *page)
{
	unsigned long pfn = page_to_pfn(page);
	const struct zone *zone;

	if (pfn + (1UL << r->order) > kernel->max_pfn || pfn % (1UL << r->order)) {
		page_oracle_wrong(o, "pfn 0x%lx order %d: outside of memory or misaligned", pfn,
				  r->order);
		return false;
	}
	zone = page_zone(page);
	if (!zone_allowed(zone, r))
		page_oracle_wrong(o, "flags 0x%x node %d got pfn 0x%lx on node %d zone %s",
				  r->flags, r->node, pfn, zone->node, zone->name);
	if (!frames_free(o, pfn, r->order))
		page_oracle_wrong(o, "pfn 0x%lx order %d overlaps a block in use", pfn, r->order);
	return !*o->wrong;
}

void page_oracle_allocated(struct page_oracle *o, const struct oracle_request *r, struct page *page,
			   bool write)
{
	struct oracle_block *b = &o->blocks[o->nr_blocks];

	if (!check_place(o, r, page))
		return;
	for (unsigned long i = 0; i < 1UL << r->order; i++)
		bit_set(o->used, page_to_pfn(page) + i);
	if (r->flags & __GFP_ZERO)
		check_zero(o, page, r->order);
	*b = (struct oracle_block){page, r->order, write ? ++o->next_stamp : 0};
	if (write)
		write_stamps(b);
	o->nr_blocks++;
}

struct oracle_block page_oracle_freeing(struct page_oracle *o, unsigned int i)
{
	struct oracle_block b = o->blocks[i];

	check_stamps(o, &b);
	for (unsigned long k = 0; k < 1UL << b.order; k++)
		bit_clear(o->used, page_to_pfn(b.page) + k);
	o->blocks[i] = o->blocks[--o->nr_blocks];
	return b;
}

void page_oracle_moved(struct page_oracle *o, unsigned int i, struct page *to)
{
	struct oracle_block *b = &o->blocks[i];

	ASSERT(i < o->nr_blocks);
	if (page_zone(to) != page_zone(b->page))
		page_oracle_wrong(o, "pfn 0x%lx moved to another zone, pfn 0x%lx",
				  page_to_pfn(b->page), page_to_pfn(to));
	if (!frames_free(o, page_to_pfn(to), b->order))
		page_oracle_wrong(o, "pfn 0x%lx moved to pfn 0x%lx, which is in use",
				  page_to_pfn(b->page), page_to_pfn(to));
	for (unsigned long k = 0; k < 1UL << b->order; k++) {
		bit_clear(o->used, page_to_pfn(b->page) + k);
		bit_set(o->used, page_to_pfn(to) + k);
	}
	b->page = to;
	check_stamps(o, b);
}
