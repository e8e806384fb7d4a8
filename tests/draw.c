/*
 * Memory drawings for tests.
 */
#include "tests/draw.h"

#include <stdio.h>

#include "alloc/kernel.h"

struct pen {
	char *at, *end;
};

static void pen_char(struct pen *p, char c)
{
	ASSERT(p->at + 1 < p->end);
	*p->at++ = c;
	*p->at = '\0';
}

char draw_kind(const struct page *page)
{
	static const char given_out[MIGRATE_TYPES] = {'U', 'M', 'R', 'H'};
	u32 kinds = PG_buddy | PG_pcp | PG_allocated | PG_tail;

	if (page->flags & PG_layer)
		return '~';
	switch (page->flags & kinds) {
	case PG_buddy:
		return '.';
	case PG_pcp:
		return ':';
	case PG_allocated:
		return page->flags & PG_slab ? 'S' : given_out[page->migratetype % MIGRATE_TYPES];
	case 0:
		return '_';
	default:
		return '?';
	}
}

/* Pages of the block at pfn: an untouched one is as large as its alignment allows. */
static int block_order(unsigned long pfn)
{
	const struct page *page = pfn_to_page(pfn);

	if (draw_kind(page) != '_')
		return page->order;
	return pfn ? (int)min(bit_lowest(pfn), (unsigned int)MAX_ORDER - 1) : MAX_ORDER - 1;
}

char *draw_pages(char *buf, size_t n, unsigned long pfn, unsigned long nr)
{
	struct pen p = {buf, buf + n};
	unsigned long end = pfn + nr;

	pen_char(&p, '|');
	while (pfn < end) {
		char kind = draw_kind(pfn_to_page(pfn));
		unsigned long next = pfn + (1UL << block_order(pfn));

		for (; pfn < min(next, end); pfn++)
			pen_char(&p, kind);
		pen_char(&p, '|');
	}
	return buf;
}

char *draw_blocks(char *buf, size_t n, unsigned long pfn, unsigned long nr)
{
	struct pen p = {buf, buf + n};
	unsigned long end = pfn + nr;

	buf[0] = '\0';
	while (pfn < end) {
		char kind = draw_kind(pfn_to_page(pfn)), text[32];
		int order = block_order(pfn);
		unsigned int alike = 0;

		for (;
		     pfn < end && draw_kind(pfn_to_page(pfn)) == kind && block_order(pfn) == order;
		     pfn += 1UL << order)
			alike++;
		snprintf(text, sizeof(text), alike > 1 ? "%s%c%d*%u" : "%s%c%d", *buf ? " " : "",
			 kind, order, alike);
		for (const char *c = text; *c; c++)
			pen_char(&p, *c);
	}
	return buf;
}
