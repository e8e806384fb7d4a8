/*
 * What has been counted up to a mark of the load.
 *
 * Theory: fallbacks to another migratetype show in a recording as mm_page_alloc_extfrag, holds of
 * the lock of zones as runs of mm_page_alloc_zone_locked and mm_page_pcpu_drain.
 *
 * Invariant: figures only grow; what a mark says less what an earlier one said came between.
 */
#include "sim/mark_counts.h"

#include <string.h>

#define ZONE_LOCK "zone->lock"

static void put(const struct replay *rp, u64 t_ns, const char *name, u64 value)
{
	rp->sink->ops->sample(rp->sink, t_ns, "", name, (double)value);
}

static void put_extfrag(const struct replay *rp, u64 t_ns)
{
	static const char *const names[NR_EXTFRAG_CLASSES] = {
		[EXTFRAG_ALL] = "nr_extfrag",
		[EXTFRAG_FRAGMENTING] = "nr_extfrag_fragmenting",
		[EXTFRAG_UNMOVABLE] = "nr_extfrag_unmovable",
		[EXTFRAG_UNMOVABLE_INTO_MOVABLE] = "nr_extfrag_into_movable",
	};

	for (int c = 0; c < NR_EXTFRAG_CLASSES; c++)
		put(rp, t_ns, names[c], rp->m->nr_extfrag[c]);
}

void mark_counts(const struct replay *rp, u64 t_ns)
{
	const struct lock_class *c;

	put_extfrag(rp, t_ns);
	list_for_each_entry (c, &rp->m->lock_classes, list)
		if (!strcmp(c->name, ZONE_LOCK))
			put(rp, t_ns, "zone_lock_acquisitions", c->acquisitions);
}
