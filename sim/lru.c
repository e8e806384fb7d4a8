/*
 * Lists of what was used least recently.
 *
 * Theory: the accesses of one object are a Poisson process, so the time to the next one is
 * exponential whenever one looks, and has no memory. The object was accessed in the last dt with
 * probability 1 - exp(-dt / mean): that is, if a time drawn with that mean is at most dt. One draw
 * at each look stands for all accesses between two looks, and nobody pays for those that no look
 * asks about.
 *
 * Lists are linked by ids: half as long as pointers, and a list is the same wherever its entries
 * lie.
 *
 * Invariant: an entry is on the list it names and on no other; a list's sizes are the sums of its
 * entries' by zone.
 *
 * Unlike Linux: a mark that a page was accessed is set by the access, and says how often (PG_active
 * after two reads, the bits of each page table). Here it is one bit: accessed or not. Nothing waits
 * in per-CPU batches before it comes to a list.
 */
#include "sim/lru.h"

#include <stdlib.h>

#include "lib/mem.h"

void lru_init(struct lru *l, u32 nr_lists, u64 seed)
{
	*l = (struct lru){.nr_lists = nr_lists};
	l->lists = mem_alloc(nr_lists, sizeof(*l->lists));
	for (u32 i = 0; i < nr_lists; i++)
		l->lists[i].head = l->lists[i].tail = LRU_NONE;
	rng_init(&l->accesses, seed, "reclaim", "accesses");
}

void lru_free(struct lru *l)
{
	free(l->entries);
	free(l->lists);
	*l = (struct lru){0};
}

void lru_grow(struct lru *l, u64 nr_entries)
{
	l->entries = mem_grow_zeroed(l->entries, l->nr_entries, nr_entries, sizeof(*l->entries));
	for (u64 i = l->nr_entries; i < nr_entries; i++)
		l->entries[i].list = LRU_NONE;
	l->nr_entries = nr_entries;
}

void lru_add(struct lru *l, u32 list, u32 id)
{
	struct lru_entry *e = &l->entries[id];
	struct lru_list *at = &l->lists[list];

	ASSERT(e->list == LRU_NONE);
	e->list = list;
	e->prev = LRU_NONE;
	e->next = at->head;
	if (at->head == LRU_NONE)
		at->tail = id;
	else
		l->entries[at->head].prev = id;
	at->head = id;
	at->nr[e->zone] += 1ULL << e->order;
}

void lru_del(struct lru *l, u32 id)
{
	struct lru_entry *e = &l->entries[id];
	struct lru_list *at = &l->lists[e->list];

	if (e->prev == LRU_NONE)
		at->head = e->next;
	else
		l->entries[e->prev].next = e->next;
	if (e->next == LRU_NONE)
		at->tail = e->prev;
	else
		l->entries[e->next].prev = e->prev;
	at->nr[e->zone] -= 1ULL << e->order;
	e->list = LRU_NONE;
}

u64 lru_size(const struct lru *l, u32 list, int highest_zone)
{
	u64 n = 0;

	for (int zone = 0; zone <= highest_zone; zone++)
		n += l->lists[list].nr[zone];
	return n;
}

bool lru_referenced(struct lru *l, u32 id, u64 now_ns)
{
	struct lru_entry *e = &l->entries[id];
	u64 dt_ns = max(now_ns, e->looked_ns) - e->looked_ns;

	e->looked_ns = now_ns;
	return e->mean_ns != LRU_NEVER && rng_exponential(&l->accesses, e->mean_ns) <= dt_ns;
}

/* The largest integer whose square is at most x (int_sqrt, lib/math). */
static u64 int_sqrt(u64 x)
{
	u64 root = 0;

	while ((root + 1) * (root + 1) <= x)
		root++;
	return root;
}

/* mm/vmscan.c, 6.1: where the table of ratios stands that this comes to. */
bool inactive_is_low(u64 inactive, u64 active)
{
	u64 gb = (inactive + active) >> (30 - PAGE_SHIFT);
	u64 ratio = gb ? int_sqrt(10 * gb) : 1;

	return inactive * ratio < active;
}

static void check_list(const struct lru *l, u32 list)
{
	const struct lru_list *at = &l->lists[list];
	u64 nr[MAX_NR_ZONES] = {0};
	u32 prev = LRU_NONE;

	for (u32 id = at->head; id != LRU_NONE; id = l->entries[id].next) {
		const struct lru_entry *e = &l->entries[id];

		ASSERT(e->list == list && e->prev == prev);
		nr[e->zone] += 1ULL << e->order;
		prev = id;
	}
	ASSERT(at->tail == prev);
	for (int zone = 0; zone < MAX_NR_ZONES; zone++)
		ASSERT(nr[zone] == at->nr[zone]);
}

void lru_check(const struct lru *l)
{
	for (u32 i = 0; i < l->nr_lists; i++)
		check_list(l, i);
}
