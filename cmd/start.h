/*
 * How a run of a recorded trace starts: cold, on an empty machine, or warm, on the machine that
 * its snapshots tell of.
 *
 * The one question everybody asks: *which is it?* Warm wherever there are snapshots: in the folder
 * the user named, else in the trace. `cold` says no to both.
 */
#ifndef CMD_START_H
#define CMD_START_H

#include "sim/source.h"
#include "traces/snapshots.h"

struct start {
	const char *dir;	       /* of the snapshots; NULL: those that the trace carries */
	const struct snapshots *given; /* already read; NULL: they are looked for */
	bool cold;
};

/* The load in the .kmt file; *note (the caller frees) says how well a warm start is met, NULL for a
 * cold one. NULL with e set. */
struct source *start_open(const char *path, const struct start *how, char **note, struct err *e);

#endif
