/*
 * A workload as its file describes it; between the files of this folder.
 */
#ifndef WORKLOADS_SPEC_H
#define WORKLOADS_SPEC_H

#include "workloads/job.h"
#include "workloads/workload.h"

#define JOBS_MAX 250
#define CPUS_MAX 1024

struct phase {
	const char *name;
	u64 start_ns, end_ns; /* within a round of phases */
};

struct workload {
	struct workload_options options;
	struct yaml_file *file; /* names live in it */
	char *dir;
	u64 input_hash;
	u64 duration_ns, warmup_ns;
	struct phase phases[PHASES_MAX];
	unsigned int nr_phases; /* at least one */
	u64 round_ns;		/* all phases; then they begin again */
	struct job *jobs;
	u32 nr_jobs;
	struct source_cache *caches; /* with names of their own */
	unsigned int nr_caches, max_caches;
};

int __must_check workload_read(struct workload *w, const char *path,
			       const struct workload_options *o, struct err *e);
void workload_free(struct workload *w);

/* Number of the phase; -1 with e set. */
int phase_find(const struct workload *w, const struct yaml_node *name, struct err *e);

/* When a job is at work. */
struct span {
	u64 from_ns, until_ns; /* TIME_NEVER both: no more */
	unsigned int phase;
};

/* The first time at or after t_ns at which the job is at work, and for how long without a break. */
struct span job_span(const struct job *job, u64 t_ns);

#endif
