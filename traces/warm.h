/*
 * A load that starts on a lived-in machine.
 *
 * Theory. Snapshots say how many objects and slabs there were at time zero (state.h), the recorded
 * addresses which of them shared a slab, and which slots were free. So the load gets, before its
 * first request, the births of everything that was alive, slab after slab; births of placeholders
 * in the free slots, so that the next slab begins where the recorded one did; the frees of the
 * placeholders, and a shrink of every cache, as the recorded machine did. Each allocator makes of
 * it what it makes of it: on slabs of the recorded geometry, the recorded slabs.
 *
 * How many live that no event names: the smallest, over snapshots, of the active objects less what
 * the load allocated until then; free objects on CPU slabs count as active and would never die. But
 * never fewer than are known. Nothing is taken from how many slabs there were after time zero.
 *
 * The one question everybody asks: *was the target met?* struct warm_report has it by cache.
 */
#ifndef TRACES_WARM_H
#define TRACES_WARM_H

#include "lib/err.h"
#include "sim/source.h"
#include "traces/snapshots.h"

struct warm_cache {
	const char *name;
	u32 objs_per_slab; /* recorded; 0: neither snapshots nor addresses tell of this cache */
	u64 slabs_wanted, slabs_made, slabs_seen; /* seen: an event names a slot of it */
	u64 objs_wanted, objs_made;		  /* wanted: of the snapshot */
	u64 objs_known, free_known;		  /* slots that events tell of */
};

struct warm_report {
	struct warm_cache *caches; /* by number of the load's cache */
	u32 nr_caches;
	u64 t_ns; /* of time zero, since the start of the load */
	u64 slabs_wanted, slabs_made, objs_wanted, objs_made, residents, pages;
	u32 nr_missed; /* caches whose slabs or objects are not as wanted */
};

/*
 * The load of `kmt` (kmt_open) from time zero on. Takes kmt over, also on failure; `snapshots` only
 * have to live until the return. NULL with e set: the snapshots are not of this load, or it does
 * not tell of time zero (generated, or imported before there was such a section).
 */
struct source *warm_open(struct source *kmt, const struct snapshots *snapshots,
			 struct warm_report *report, struct err *e);
/* What the target was and how well it is met, in one line without its end. */
void warm_report_print(const struct warm_report *r, char *buf, size_t n);
void warm_report_free(struct warm_report *r);

#endif
