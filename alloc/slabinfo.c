/*
 * /proc/slabinfo of a slabulator.
 *
 * Theory: one line for each physical cache, in the format of slabinfo_show (mm/slab_common.c, Linux
 * 6.1), so that tools made for the file read it. As with SLUB, objsize is the chunk, active objects
 * are those not on partial lists, and nothing is tunable.
 *
 * Invariant: a line is the counts at one instant; looking costs no simulated time.
 *
 * Unlike Linux: aliases are not hidden but a matter of the results (cache_view).
 */
#include "alloc/slabinfo.h"

#include "lib/slabinfo.h"

static void add_line(const struct slab_cache *cache, const struct slab_counts *counts,
		     struct text *t)
{
	text_add(t, SLABINFO_LINE, cache->name, (unsigned long long)counts->objs_active,
		 (unsigned long long)counts->objs_total, (unsigned long long)cache->size,
		 (unsigned long long)cache->objects, 1ULL << cache->order,
		 (unsigned long long)counts->active, (unsigned long long)counts->total);
}

void slabulator_slabinfo(const struct slabulator *sl, struct text *t)
{
	u64 clock_ns = kernel->clock_ns;
	const struct kmem_slabs *s;

	text_add(t, SLABINFO_HEAD);
	list_for_each_entry_reverse (s, &sl->slabs, list) {
		struct slab_counts counts = {0};

		slab_cache_counts(s->cache, &counts);
		add_line(s->cache, &counts, t);
	}
	kernel->clock_ns = clock_ns;
}
