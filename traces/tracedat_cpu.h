/*
 * A CPU's records, one chunk at a time.
 *
 * How much memory does it take? One chunk (as a rule ten pages) for each CPU, however long the
 * trace is: libtracecmd keeps every page it has read until the file is closed.
 */
#ifndef TRACES_TRACEDAT_CPU_H
#define TRACES_TRACEDAT_CPU_H

#include "traces/tracedat_check.h"

struct tracedat_record {
	u64 t_ns;
	const u8 *data; /* valid until the next record of this CPU is asked for */
	u32 size;	/* bytes */
	u64 lost;	/* records the kernel lost just before; at least this many */
};

struct tracedat_cpus;

/* What tracedat_check() has found of the file; `about` must outlive what is opened. */
struct tracedat_cpus *tracedat_cpus_open(const char *path, const struct tracedat_about *about,
					 struct err *e);
/* 1: the next record of the CPU; 0: none left; -1: damaged, the message names CPU and offset. */
int __must_check tracedat_cpu_next(struct tracedat_cpus *f, unsigned int cpu,
				   struct tracedat_record *rec, struct err *e);
void tracedat_cpus_close(struct tracedat_cpus *f);

#endif
