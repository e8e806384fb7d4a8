/*
 * The recorded side of a comparison: snapshots, made ready for the fidelity of a load.
 */
#ifndef CMD_RECORDED_H
#define CMD_RECORDED_H

#include "alloc/slab_alloc.h"
#include "reports/fidelity.h"
#include "sim/source.h"
#include "traces/snapshots.h"

/*
 * The snapshots whose marks are in the load, in order, with the caches that have activity in it.
 * NULL with e set: they are of another kernel, or the load has no mark of any. What cannot be said
 * is said on standard error.
 */
struct fidelity *recorded_fidelity(const struct snapshots *s, struct source *kmt, struct err *e);

/* The geometry of every cache that the snapshots know. The caller frees shapes->shapes; names are
 * the snapshots'. */
int __must_check recorded_shapes(const struct snapshots *s, struct slab_shapes *shapes,
				 struct err *e);

#endif
