/*
 * Shrinking the caches of a run, and objects that can be moved out of its way.
 *
 * The one question everybody asks: *which objects move?* Those of caches that the load says are
 * movable (source_cache), but for those it says are pinned (REQ_F_PINNED).
 */
#ifndef SIM_MOVABLE_H
#define SIM_MOVABLE_H

#include "sim/replay.h"

/* A request to shrink: every cache gives back what it can, movable ones are defragmented. */
void movable_shrink(struct replay *rp, const struct request *r);
/* One cache of movable objects is defragmented, by whoever runs. */
void movable_defragment(const struct name *n);
/* A live object of a movable cache has just been made: gets its number and contents. */
void movable_born(const struct replay *rp, const struct object *o);
/* ASSERTs that the object holds what it was born with, wherever it lies by now. */
void movable_check(const struct replay *rp, const struct object *o);

/* The object belongs to a movable cache. */
static inline bool is_movable(const struct replay *rp, const struct object *o)
{
	return rp->acc.names[o->name].movable;
}

#endif
