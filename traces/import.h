/*
 * A recorded trace to a .kmt file: probe, read in a guarded process, repair, write.
 */
#ifndef TRACES_IMPORT_H
#define TRACES_IMPORT_H

#include <stdio.h>

#include "lib/err.h"
#include "traces/emit.h"
#include "traces/importer.h"
#include "traces/snapshot_files.h"
#include "traces/snapshots.h"

struct import_options {
	const char *from;    /* an importer's name; NULL: found by looking at the file */
	const char *machine; /* canonical YAML text to store; NULL: none */
	struct emit_nodes nodes;
	const char *name; /* of the file, for messages, where the path does not say; else NULL */
	/* Snapshots of the recording, to be checked and stored, and what they say; NULL: none. */
	const struct snapshot_files *files;
	const struct snapshots *snapshots;
};

/* `out` is empty and seekable; on failure what was written to it is worthless. */
int __must_check import_trace(const char *path, FILE *out, const struct import_options *o,
			      struct err *e);

/* For tests: raw events straight to a file, without importer or guard. */
struct raw_sink *raw_sink_open(struct err *e);
/* Before the first event: what was read of the recorded store; lives as long as the sink. */
void raw_sink_mm_stat(struct raw_sink *s, const struct mm_stat_row *rows, size_t nr);
int __must_check raw_sink_finish(struct raw_sink *s, struct kmt_writer *w,
				 const struct import_options *o, const char *source_name,
				 u64 source_hash, const char *importer, struct err *e);
void raw_sink_close(struct raw_sink *s);

#endif
