/*
 * What the kernel prints when memory runs out.
 */
#ifndef ALLOC_SHOW_MEM_H
#define ALLOC_SHOW_MEM_H

#include "alloc/page_alloc.h"

struct text;

/* So many reports in a time; 0 at the start. */
struct ratelimit {
	u64 until_ns;
	u32 left;
};

/* Mem-Info of the zones up to this type (show_free_areas), as far as they are modelled. */
void show_mem(const struct page_allocator *pa, int highest_zone, struct text *t);

/* A request was refused: an event, unless it has __GFP_NOWARN or there was one lately. */
void warn_alloc(const struct page_allocator *pa, struct ratelimit *rs, gfp_t gfp, int order);
/* The OOM killer would look for a process. */
void oom_report(const struct page_allocator *pa, struct ratelimit *rs, gfp_t gfp, int order);

#endif
