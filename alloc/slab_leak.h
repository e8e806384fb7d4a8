/*
 * A cache that was destroyed with objects still in use.
 */
#ifndef ALLOC_SLAB_LEAK_H
#define ALLOC_SLAB_LEAK_H

#include "alloc/slab_alloc.h"

/*
 * The last holder of `cache`, its top, has gone, `live` objects of it are still in use: reports
 * them as one event "leak", with the call sites that allocated them as far as a layer knows. From
 * here on the caches serve nobody; what they stand in must stay for as long as the allocator does.
 */
void slab_cache_abandon(struct slab_cache *cache, u64 live);

#endif
