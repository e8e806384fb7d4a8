/*
 * The snapshots that belong to a load, and whether they do.
 *
 * The one question everybody asks: *where from?* From the folder the user named; without one, from
 * the trace itself, if the recording was imported with its snapshots.
 */
#ifndef TRACES_SNAPSHOTS_LOAD_H
#define TRACES_SNAPSHOTS_LOAD_H

#include "sim/source.h"
#include "traces/kmt.h"
#include "traces/snapshots.h"

/*
 * 1: *s holds them (the caller closes it); 0: there are none (dir is NULL, and the load carries
 * none); -1 with e set: damaged, or of another recording. A snapshot that the load has no mark for
 * is told of in *warning (owned by the caller; NULL: nothing to say).
 */
int __must_check snapshots_of_load(struct snapshots *s, struct source *load, const char *dir,
				   char **warning, struct err *e);

/* What is known of a recording when its snapshots are compared with it. */
struct snapshots_trace {
	const char *name; /* for messages */
	unsigned int nr_cpus;
	unsigned int cpus_used; /* CPUs of events are below this; 0: not known */
	bool all_cpus;		/* nr_cpus counts those that were idle too */
	u64 t_first_ns, t_last_ns;
	u64 pfn_max; /* highest frame in it; 0: not known */
	const struct source_mark *marks;
	unsigned int nr_marks;
};

struct snapshots_trace snapshots_trace_of(const char *name, const struct kmt_meta *m);
/* Are they of this recording? As above. */
int __must_check snapshots_check(const struct snapshots *s, const struct snapshots_trace *t,
				 char **warning, struct err *e);

#endif
