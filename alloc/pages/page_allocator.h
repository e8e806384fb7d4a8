/*
 * What can be asked of the buddy system beyond struct page_allocator's methods.
 */
#ifndef ALLOC_PAGES_PAGE_ALLOCATOR_H
#define ALLOC_PAGES_PAGE_ALLOCATOR_H

#include "alloc/page_alloc.h"

struct per_cpu_pages;
struct zone_watermarks; /* alloc/pages/buddy.h */

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

/* The zone's watermarks, boost and HIGHATOMIC reserve now; NULL if the source keeps none. */
const struct zone_watermarks *zone_marks(const struct page_allocator *pa, const struct zone *zone);

/*
 * Pageblocks of the zone that hold pages of a mobility other than their own type
 * (pagetypeinfo_showmixedcount_print, mm/page_owner.c); 0 if the source keeps no types. Walks what
 * was ever given out.
 */
u64 nr_mixed_pageblocks(const struct page_allocator *pa, const struct zone *zone);

#endif
