/*
 * What vmstat does not count, up to a mark of the load, for sinks that compare it with a recorded
 * machine.
 */
#ifndef SIM_MARK_COUNTS_H
#define SIM_MARK_COUNTS_H

#include "sim/replay.h"

/* A sample of each figure. */
void mark_counts(const struct replay *rp, u64 t_ns);

#endif
