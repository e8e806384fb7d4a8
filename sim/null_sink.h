/*
 * Methods of a sink that take no notice, for sinks that look at something else.
 */
#ifndef SIM_NULL_SINK_H
#define SIM_NULL_SINK_H

#include "sim/sink.h"

/* What `own` leaves out takes no notice from now on. Returns own. */
const struct sink_ops *null_sink_ops(struct sink_ops *own);

#endif
