/*
 * What is sampled of free memory, and of what huge pages it could give.
 */
#ifndef SIM_SAMPLE_FREE_H
#define SIM_SAMPLE_FREE_H

#include "sim/replay.h"

/* Free blocks of every zone, migratetype and order, to the sink. */
void sample_free_areas(struct replay *rp, u64 t_ns);
/* These, and all gauges that follow from them. */
void sample_free_memory(struct sampler *s, struct replay *rp, u64 t_ns);

#endif
