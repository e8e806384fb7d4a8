/*
 * A look at a trace.dat before the library gets it: does what it says about itself fit the file?
 *
 * Format: trace-cmd.dat.v7(5) and trace-cmd.dat.v6(5) of trace-cmd. What is found on the way and
 * has no accessor in the library is kept.
 */
#ifndef TRACES_TRACEDAT_CHECK_H
#define TRACES_TRACEDAT_CHECK_H

#include "lib/err.h"
#include "lib/types.h"

#define TRACEDAT_CPUS_MAX 4096

/* Where the records of a CPU are in the file; size 0: none. */
struct tracedat_span {
	u64 offset, size;
};

/* Recorded time to ns: (t * mult >> shift) + offset_ns; mult 0: t + offset_ns. */
struct tracedat_time {
	u32 mult, shift;
	s64 offset_ns;
};

struct tracedat_about {
	char kernel[256]; /* uname: "Linux HOST RELEASE VERSION"; "": not recorded */
	char clock[64];
	u32 page_bytes; /* of the recorded kernel's ring buffer */
	bool chunked;	/* each CPU's records are in chunks, compressed with zstd */
	u32 nr_cpus;	/* the highest number + 1 */
	struct tracedat_span cpus[TRACEDAT_CPUS_MAX];
	struct tracedat_time time;
	u64 lost;			  /* events that the kernel's buffer overwrote or dropped */
	u64 nr_events[TRACEDAT_CPUS_MAX]; /* of each CPU, as the recorder counted; 0: not said */
};

bool tracedat_probe(const u8 *head, size_t n);
int __must_check tracedat_check(const char *path, struct tracedat_about *about, struct err *e);

#endif
