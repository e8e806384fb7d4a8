/*
 * One cache, while its slabs are placed: between warm_slabs.c, which knows the slabs, and
 * warm_holes.c, which decides who is in them.
 */
#ifndef TRACES_WARM_PLACE_H
#define TRACES_WARM_PLACE_H

#include "traces/warm_priv.h"

/* A slab of the recorded machine at time zero. */
struct warm_slab {
	u64 first, nr;	 /* its known slots; nr 0: unseen */
	u32 known, free; /* of these */
	u32 room;	 /* slots of which nothing is known */
	u32 holes;	 /* of these, free */
	bool chosen;	 /* while holes are spread */
	bool dead;	 /* it went back later */
	bool empty;	 /* nobody lives there: it is only there because a CPU has it */
	u8 nid;
	int cpu; /* if it is empty: whose it is */
};

/* One cache, while its slabs are placed. */
struct placing {
	struct warm *w;
	struct warm_cache *row;
	u32 cache, pages;
	const struct snapshot_sysfs *sysfs;
	struct warm_slab *slabs;
	u64 nr_slabs, slabs_max;
	const u32 *slots; /* indexes into the state's, sorted by (cache, address) */
	u64 nr_slots;
	u64 wanted[WARM_NODES]; /* slabs */
	const u32 *loose;	/* objects alive at addresses that nobody knows */
	u64 nr_loose;
};

static inline u64 less(u64 a, u64 b)
{
	return a > b ? a - b : 0;
}

/* Marks free slots and empty slabs: residents that nobody knows get the other slots. */
void warm_place_holes(struct placing *p, u64 residents);

#endif
