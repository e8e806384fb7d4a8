/*
 * What can be asked of the buddy system beyond struct page_allocator's methods.
 */
#ifndef ALLOC_PAGES_PAGE_ALLOCATOR_H
#define ALLOC_PAGES_PAGE_ALLOCATOR_H

#include "alloc/page_alloc.h"

struct per_cpu_pages;

/* Type (enum migratetype) of the pageblock at pfn; -1 if the source keeps no types. */
int pageblock_migratetype(const struct page_allocator *pa, unsigned long pfn);

/* False: the source does not know types, or does not group by them. */
bool groups_by_mobility(const struct page_allocator *pa);

/*
 * Sets it; free blocks of the pageblock follow to lists of that type. A free block larger than a
 * pageblock goes as a whole: set its other half too. Without types it does nothing.
 */
void set_pageblock_migratetype(const struct page_allocator *pa, unsigned long pfn, int migratetype);

/* One CPU's lists of a zone; NULL if the chain's source has none. */
const struct per_cpu_pages *zone_pageset(const struct page_allocator *pa, const struct zone *zone,
					 int cpu);

#endif
