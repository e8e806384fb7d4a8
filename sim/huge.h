/*
 * How many huge pages memory could still give, and what that would cost.
 *
 * The one question everybody asks: *what does "with compaction" promise?* An upper bound, not a
 * forecast: what compaction would come to that moves every page that can be moved (order 0, asked
 * for as movable, not pinned), within its zone, to wherever it wants. Real compaction gives up
 * earlier.
 */
#ifndef SIM_HUGE_H
#define SIM_HUGE_H

#include "lib/types.h"

struct huge_prospects {
	u64 blocks[2]; /* of orders pageblock_order and 1 more, with compaction; free ones count */
	/*
	 * Pages to move until no zone can have more free pageblocks: taking each page for movable,
	 * as LLFree counts, and moving only what can be moved.
	 */
	u64 moves, moves_movable;
};

/* Of the current machine, from the books of its pageblocks. Pages of per-CPU lists are free. */
void huge_prospects(struct huge_prospects *h);

#endif
