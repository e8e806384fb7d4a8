/*
 * Whose objects lie on the slabs of a pageblock.
 */
#ifndef SIM_SLAB_SITES_H
#define SIM_SLAB_SITES_H

#include "sim/replay.h"

/*
 * caches: of each pageblock the one that is asked about, or NULL. rows: of each pageblock the row
 * of the books (a call site and a name) with most live objects on that cache's slabs in it; 0: no
 * object of the load is there.
 */
void slab_sites_find(const struct replay *rp, const struct slab_cache *const *caches, u32 *rows);

#endif
