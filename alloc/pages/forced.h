/*
 * Layers that change what is asked for: flags are added, the node is replaced.
 */
#ifndef ALLOC_PAGES_FORCED_H
#define ALLOC_PAGES_FORCED_H

#include "alloc/page_alloc.h"

/*
 * A derivation of base that adds flags to every request and, if node >= 0, asks for that node. NULL
 * with e set if no request could ever be met.
 */
struct page_allocator *forced_create(struct page_allocator *base, int node, gfp_t flags,
				     const struct allocator_desc *desc, struct err *e);

#endif
