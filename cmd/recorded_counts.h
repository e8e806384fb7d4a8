/*
 * What the recorded machine counted, for the fidelity of a load.
 */
#ifndef CMD_RECORDED_COUNTS_H
#define CMD_RECORDED_COUNTS_H

#include "reports/fidelity.h"
#include "sim/source.h"
#include "traces/snapshots.h"
#include "traces/tally.h"

/* Fills in the recorded counts of a snapshot: of its vmstat, and of events up to the mark at which
 * it was read. Without a vmstat, at the mark of its slabinfo. */
void recorded_counts(struct fidelity_snapshot *to, const struct snapshot *snap,
		     const struct source_tables *tables, const struct tallies *tallies);

#endif
