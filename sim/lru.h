/*
 * Lists of what was used least recently, over the objects of a load, by id.
 *
 * The one question everybody asks: *how does reclaim know that a page was accessed?* Nobody
 * simulates accesses. Each object has a mean time between two of them, and they know nothing of
 * each other; whether there was one since somebody last looked is drawn when somebody looks again.
 */
#ifndef SIM_LRU_H
#define SIM_LRU_H

#include "alloc/kernel.h"
#include "lib/rng.h"

#define LRU_NONE UINT32_MAX
#define LRU_NEVER UINT64_MAX /* mean of what is not accessed again */

struct fault; /* sim/refault.c */

/* What reclaim knows of an object. */
struct lru_entry {
	u64 mean_ns; /* between two accesses; 0: reclaim knows nothing of it */
	union {
		u64 looked_ns;	     /* on a list: when somebody last looked for accesses */
		struct fault *fault; /* evicted: its next access; NULL: none before the end */
	};
	u32 prev, next; /* on a list: towards its head, towards its tail */
	u32 list;	/* LRU_NONE: on none */
	u32 evicted_at; /* evicted: the node's age then (sim/reclaim.h) */
	gfp_t gfp;	/* it was asked for with these, */
	s16 node;	/* on this node; -1: any */
	u8 nid;		/* that its memory is on; evicted: was on */
	u8 zone;	/* enum zone_type, of a page */
	u8 order;	/* on its list it counts for 1 << order */
	bool dirty;
};

struct lru_list {
	u32 head, tail; /* newest, oldest */
	u64 nr[MAX_NR_ZONES];
};

struct lru {
	struct lru_entry *entries; /* by id */
	u64 nr_entries;
	struct lru_list *lists;
	u32 nr_lists;
	struct rng accesses;
};

void lru_init(struct lru *l, u32 nr_lists, u64 seed);
void lru_free(struct lru *l);
/* Room for ids below this. */
void lru_grow(struct lru *l, u64 nr_entries);

/* To the list's head. It is on none; its order and zone are set. */
void lru_add(struct lru *l, u32 list, u32 id);
void lru_del(struct lru *l, u32 id);
/* Of zones up to this type. */
u64 lru_size(const struct lru *l, u32 list, int highest_zone);
/* Was it accessed since somebody last looked, which is now? */
bool lru_referenced(struct lru *l, u32 id, u64 now_ns);
/* Walks all lists; ASSERTs. */
void lru_check(const struct lru *l);

/* More than 1 << 30 bytes on both lists: the active one may be this much larger. */
bool inactive_is_low(u64 inactive, u64 active);

static inline bool lru_on_list(const struct lru *l, u32 id)
{
	return l->entries[id].list != LRU_NONE;
}

#endif
