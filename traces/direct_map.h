/*
 * Where the recorded kernel's direct map begins: pfn = (address - base) / 4096.
 *
 * Theory. Kernels randomise the base (KASLR), in steps of 1 GiB, and no event tells it. But a slab
 * page's mm_page_alloc precedes its first object's event on the same CPU: if the object's address
 * less that page's physical address is within the block above a multiple of 1 GiB, this multiple is
 * the base. By chance that happens once in 2^18 times; three equal votes decide.
 */
#ifndef TRACES_DIRECT_MAP_H
#define TRACES_DIRECT_MAP_H

#include "traces/raw_event.h"

#define DIRECT_MAP_CPUS_MAX 4096
#define DIRECT_MAP_CANDIDATES 8

struct direct_map {
	u64 base;
	bool known;
	struct {
		u64 pfn;
		u8 order;
		bool set;
	} last_page[DIRECT_MAP_CPUS_MAX];
	struct {
		u64 base;
		u32 votes;
	} candidates[DIRECT_MAP_CANDIDATES];
};

/* Looks at one more event; true once the base is known. */
bool direct_map_learn(struct direct_map *d, const struct raw_event *ev);
/* Nothing more to look at: the candidate with most votes, else where x86-64 puts it
 * unrandomised. */
void direct_map_settle(struct direct_map *d);

#endif
