/*
 * The sample stream into a results database.
 *
 * A run is stored in one transaction, at its end: what a crash, a signal or a full disk cuts short
 * is not there at all, and the database stays valid. Until then its rows wait beside the database
 * (see reports/rows.h), so that several runs, each with a sink of its own, may go on at once over
 * one `db`.
 */
#ifndef REPORTS_DB_SINK_H
#define REPORTS_DB_SINK_H

#include "lib/err.h"
#include "reports/db.h"
#include "sim/sink.h"

/* The database outlives the sink. begin ... end may be repeated, a run each time. */
struct sink *db_sink_new(struct db *db);
/* A run that was begun and not ended is forgotten. */
void db_sink_free(struct sink *s);
/* Called before each run is stored: where somebody may have to wait until it is his turn. */
void db_sink_before_store(struct sink *s, void (*wait)(void *arg), void *arg);

/*
 * One figure of a recorded machine beside the simulated one, at one snapshot. kind "slab": bytes of
 * the slabs of cache `name`; kind "free": free pages in blocks of "NODE/ZONE/ORDER", as
 * "0/DMA32/3". `first` is what was recorded at the first snapshot: doing nothing scores against it.
 */
struct fidelity_row {
	u64 t_ns;
	const char *snapshot, *kind, *name;
	u64 recorded, simulated, first;
};

/* Between begin and end; `s` is what db_sink_new gave. */
void db_fidelity_add(struct sink *s, const struct fidelity_row *row);

/*
 * What a resumed sweep asks before each run: has this very run (label, load, stack, machine, input,
 * seed, samples, version) been stored, whatever came out (ok or oom: it would come out again), and
 * is it the last one of its label, load and seed, which is what counts? 1 or 0, -1 with e set.
 */
int __must_check db_has_run(struct db *db, const struct sink_run *run, struct err *e);

#endif
