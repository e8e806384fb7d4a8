/*
 * From the spool to the file: the second pass of an import.
 *
 * Every patch is in place; late records are sorted in, objects get their ids (the smallest free
 * number), caches their final number.
 */
#ifndef TRACES_EMIT_H
#define TRACES_EMIT_H

#include "traces/kmt.h"
#include "traces/repair.h"
#include "traces/state.h"

/* Where births go: CPUs by node of the recorded machine. nr_nodes 0: not known. */
struct emit_nodes {
	unsigned int nr_nodes;
	u64 pfn_end[64]; /* of each node: first frame above it */
	u16 cpu[64];	 /* of each node: one of its CPUs */
};

/* Fills in the statistics that only the end tells (r->stats) and the use of caches (r->naming);
 * *state is what it tells of time zero (state_free). */
int __must_check emit_requests(struct repair *r, const struct emit_nodes *nodes,
			       struct kmt_writer *w, struct state *state, struct err *e);

#endif
