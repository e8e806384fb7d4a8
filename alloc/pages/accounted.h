/*
 * Layers that account what they hand out in a counter of its zone.
 */
#ifndef ALLOC_PAGES_ACCOUNTED_H
#define ALLOC_PAGES_ACCOUNTED_H

#include "alloc/page_alloc.h"

/*
 * A derivation of base that adds the pages it hands out to `item` of their zone and takes them off
 * when they are freed. NULL with e set if a layer below accounts them already.
 */
struct page_allocator *accounted_create(struct page_allocator *base, enum zone_stat_item item,
					const struct allocator_desc *desc, struct err *e);

#endif
