/*
 * Where the recorded kernel's direct map begins.
 */
#include "traces/direct_map.h"

#define STEP (1ULL << 30)
#define VOTES_NEEDED 3
/* Documentation/x86/x86_64/mm.rst: page_offset_base with four-level page tables. */
#define DIRECT_MAP_DEFAULT 0xffff888000000000ULL

static bool vote(struct direct_map *d, u64 base)
{
	for (int i = 0; i < DIRECT_MAP_CANDIDATES; i++) {
		if (d->candidates[i].votes && d->candidates[i].base != base)
			continue;
		d->candidates[i].base = base;
		if (++d->candidates[i].votes < VOTES_NEEDED)
			return false;
		d->base = base;
		d->known = true;
		return true;
	}
	return false;
}

bool direct_map_learn(struct direct_map *d, const struct raw_event *ev)
{
	unsigned int cpu = ev->cpu % DIRECT_MAP_CPUS_MAX;
	u64 base;

	if (ev->type == RAW_PAGE_ALLOC) {
		d->last_page[cpu].pfn = ev->ptr;
		d->last_page[cpu].order = ev->order;
		d->last_page[cpu].set = ev->ptr != RAW_PFN_NONE;
		return false;
	}
	if ((ev->type != RAW_KMALLOC && ev->type != RAW_CACHE_ALLOC) || !ev->ptr ||
	    !d->last_page[cpu].set)
		return false;
	d->last_page[cpu].set = false;
	base = ev->ptr - (d->last_page[cpu].pfn << 12);
	if (base % STEP >= 4096ULL << (d->last_page[cpu].order & 15))
		return false;
	return vote(d, base - base % STEP);
}

void direct_map_settle(struct direct_map *d)
{
	u32 most = 0;

	d->known = true;
	d->base = DIRECT_MAP_DEFAULT;
	for (int i = 0; i < DIRECT_MAP_CANDIDATES; i++)
		if (d->candidates[i].votes > most) {
			most = d->candidates[i].votes;
			d->base = d->candidates[i].base;
		}
}
