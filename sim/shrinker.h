/*
 * Reclaimable objects of caches under pressure.
 */
#ifndef SIM_SHRINKER_H
#define SIM_SHRINKER_H

#include "sim/reclaim.h"

/*
 * A batch of objects of the node's next cache that has any; false: there is none left in this
 * round.
 */
bool shrinker_scan(struct replay *rp, struct scan_control *sc);
/* What there is to look at in a store, if its objects move at all. */
void store_shrinker_init(struct store_shrinker *ss, const struct store *s);
/*
 * The stack's store is compacted, once a round, if that frees enough; false: it was looked at, or
 * cannot free anything now.
 */
bool shrinker_compact(struct replay *rp, struct scan_control *sc);
/*
 * The last resort of kswapd: the next cache of movable objects empties its sparse slabs. False:
 * there is none left.
 */
bool shrinker_move(struct replay *rp, struct scan_control *sc);
/*
 * A request for objects was refused, for while an allocator of objects is in the middle of one,
 * none are taken from it. Now they are. True: it may be repeated.
 */
bool shrinker_rescue(struct replay *rp, gfp_t gfp);
/* The same for a request of the store: it is compacted, and nothing else is reclaimed. */
bool shrinker_rescue_store(struct replay *rp);

#endif
