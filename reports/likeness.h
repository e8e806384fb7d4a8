/*
 * How truly a run followed the recorded machine: what was stored of it, and scores at each
 * snapshot. Definitions: the head of likeness.c.
 */
#ifndef REPORTS_LIKENESS_H
#define REPORTS_LIKENESS_H

#include "lib/err.h"
#include "lib/types.h"
#include "reports/db.h"

struct likeness_figure {
	size_t snapshot; /* place in snapshots */
	bool slab;	 /* bytes of a cache's slabs; else pages on a free list */
	char *name;
	double recorded, simulated, first; /* first: recorded at the first snapshot */
	double simulated_first;		   /* simulated there */
};

struct likeness_snapshot {
	char *name;
	u64 t_ns;
	/* NAN: nothing to divide by. */
	double slab_change_error, slab_error, slab_error_idle, free_error, free_error_idle;
};

struct likeness {
	struct likeness_figure *figures;
	struct likeness_snapshot *snapshots; /* in time order */
	size_t nr, room, nr_snapshots, snapshots_room;
	struct likeness_snapshot all; /* pooled over all snapshots after the first */
};

/* A run that is not of `fidelity` has no figures. */
int __must_check likeness_load(struct likeness *f, struct db *db, s64 run_id, struct err *e);
void likeness_free(struct likeness *f);

#endif
