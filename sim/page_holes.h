/*
 * Free frames around those that are known to be free: the part of a page_plan that has such.
 *
 * The one question everybody asks: *in which order?* page_holes_pages; the large blocks; then each
 * pageblock is given its class; then the small ones.
 */
#ifndef SIM_PAGE_HOLES_H
#define SIM_PAGE_HOLES_H

#include "sim/page_plan.h"

/* Pages wanted that are not kept yet. */
u64 page_holes_pages(const struct page_plan *p);
/* Blocks of whole pageblocks, of all classes together; at most `left` frames more. Each is of the
 * class it is like, as far as such are wanted. */
void page_holes_fill_large(struct page_plan *p, u64 *left);
/* The others, each in pageblocks of its class. */
void page_holes_fill_small(struct page_plan *p, u64 *left);

#endif
