/*
 * What a user hands to import: a trace by itself, or a whole recording: the trace with the
 * snapshots of the machine beside it, as a folder or as a tar of one (plain, gzip, xz or zstd).
 *
 *	NAME/trace.dat			or trace.txt, trace.txt.zst
 *	NAME/snaps/NN-LABEL/...		see snapshots.h
 *	NAME/slab_static.tsv, NAME/META
 *
 * The one question everybody asks: *where is an archive unpacked?* Nowhere that could be left
 * behind: snapshots go to memory, the trace to a file without a name.
 */
#ifndef TRACES_RECORDING_H
#define TRACES_RECORDING_H

#include "lib/err.h"
#include "traces/snapshot_files.h"

struct recording {
	char *trace; /* path that can be opened while this is open */
	char *name;  /* the trace's, for messages: "fstree.tar.zst: fstree/trace.dat" */
	bool has_snapshots;
	struct snapshot_files files;
	int fd; /* of the unpacked trace; -1: it lies where the user has it */
};

int __must_check recording_open(struct recording *r, const char *path, struct err *e);
void recording_close(struct recording *r);

/* What the trace of a recording may be called: the first that is there counts. */
#define RECORDING_TRACES_WANTED "trace.dat, trace.txt or trace.txt.zst is wanted"
#define NR_RECORDING_TRACES 3
extern const char *const recording_traces[NR_RECORDING_TRACES];

/* 1: an archive, and *r holds what is in it; 0: something else; -1 with e set. */
int __must_check recording_unpack(struct recording *r, const char *path, struct err *e);

#endif
