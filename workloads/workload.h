/*
 * A made-up load from YAML (workload/1): jobs that ask for memory and give it back.
 *
 *	kmemsim: workload/1
 *	description: ...	# free text
 *	duration: 60s		# left out: that of the experiment, or of the phases
 *	warmup: 5s		# simulated; counted in no metric
 *	phases:			# left out: one; repeated until the duration is over
 *	  - {name: fill, duration: 2s}
 *	  - {name: churn, duration: 8s}
 *	defaults: {cpus: 0-3, lifetime: {dist: exponential, mean: 2ms}}
 *	jobs:
 *	  NAME: {generator: poisson, rate: 200k/s, size: 256B, ...}	# workloads/job.h
 *
 * The one question everybody asks: *what does taking a job out change?* Nothing in the others'
 * requests: each job draws from its own streams, seeded by (seed, job, purpose). But for those that
 * wait: a closed loop asks when its last request has ended, and that depends on who else is there.
 */
#ifndef WORKLOADS_WORKLOAD_H
#define WORKLOADS_WORKLOAD_H

#include "lib/yaml.h"
#include "sim/source.h"

/* What an experiment makes of a workload; its file must outlive the source. */
struct workload_change {
	const struct yaml_node
		*root; /* the workload itself, in place of a file; NULL: there is one */
	const struct yaml_node *set; /* {jobs.skb.rate: 100k/s, ...}; NULL: nothing */
};

struct workload_options {
	u64 seed;
	u64 duration_ns;      /* 0: what the file says */
	const char *machine;  /* name of the machine, for messages */
	unsigned int nr_cpus; /* it has */
	unsigned int nr_nodes;
	struct workload_change change;
};

/*
 * With change.root, `path` is the file that it stands in: other files are looked for beside it.
 * NULL with e set.
 */
struct source *workload_open(const char *path, const struct workload_options *o, struct err *e);

#endif
