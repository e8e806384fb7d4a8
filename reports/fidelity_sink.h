/*
 * The sample stream of a run, looked at where the recorded machine was: at the marks of snapshots.
 *
 * Marks are those of sim/snap_mark.h, "SNAP LABEL begin FILE": the program that took the snapshots
 * wrote them right before it read FILE. The first snapshot may be older than the run: it has the
 * state at time zero until its own marks come. What is sampled at marks becomes the simulated side
 * of a `struct fidelity`; everything else goes on to another sink, and at the end of the run so do
 * scores and figures.
 */
#ifndef REPORTS_FIDELITY_SINK_H
#define REPORTS_FIDELITY_SINK_H

#include "reports/fidelity.h"
#include "sim/sink.h"

struct fidelity_sink;

/* `next` is what db_sink_new gave, or NULL. Both outlive the sink. */
struct fidelity_sink *fidelity_sink_new(struct fidelity *f, struct sink *next);
struct sink *fidelity_sink_base(struct fidelity_sink *s);
void fidelity_sink_free(struct fidelity_sink *s);

#endif
