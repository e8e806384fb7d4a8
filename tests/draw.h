/*
 * Memory drawings: what lies where, as a string, for tests that compare before and after.
 *
 *	draw_pages	|U|M|..|....|::|	one character a page, '|' at the borders of blocks
 *	draw_blocks	U0 M0*3 .2 .3 _10	one word a block: kind and order; *N for N alike
 *
 * Kinds: U M R H given out, by the mobility asked for; S the same to a slab allocator; ~ held back
 * by a layer (in RCU limbo); : free, on a per-CPU list; . free, in the buddy system; _ never
 * touched; ? none of these. Everything is read from page structs, so any page allocator can be
 * drawn.
 */
#ifndef TESTS_DRAW_H
#define TESTS_DRAW_H

#include <stddef.h>

struct page;

/* Kind of the block whose head this is. */
char draw_kind(const struct page *page);
/* nr pages from pfn on, where a block must begin. Return buf; what does not fit is a bug. */
char *draw_pages(char *buf, size_t n, unsigned long pfn, unsigned long nr);
char *draw_blocks(char *buf, size_t n, unsigned long pfn, unsigned long nr);

#endif
