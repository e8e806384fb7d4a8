/*
 * A cache that was destroyed with objects still in use.
 */
#ifndef ALLOC_SLAB_LEAK_H
#define ALLOC_SLAB_LEAK_H

#include "alloc/slab_alloc.h"
#include "lib/text.h"

#define LEAK_SITES_MAX 8

/* Call sites of what is still in use. */
struct leak_sites {
	struct {
		u32 site;
		u64 objects;
	} known[LEAK_SITES_MAX];
	unsigned int nr;
	u64 others; /* of further sites */
};

void leak_site_add(struct leak_sites *ls, u32 site);
/* A line for each. */
void leak_sites_print(const struct leak_sites *ls, struct text *t);

/*
 * Calls look for each page of slabs there is, of whatever allocator (its head): no allocator lists
 * what it has handed out.
 */
void for_each_slab_page(void (*look)(struct page *page, void *arg), void *arg);

/*
 * The last holder of `cache`, its top, has gone, `live` objects of it are still in use: reports
 * them as one event "leak", with the call sites that allocated them as far as a layer knows. From
 * here on the caches serve nobody; what they stand in must stay for as long as the allocator does.
 */
void slab_cache_abandon(struct slab_cache *cache, u64 live);

#endif
