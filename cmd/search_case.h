/*
 * Workloads that a search tries: the load as it is, and settings on top of it.
 */
#ifndef CMD_SEARCH_CASE_H
#define CMD_SEARCH_CASE_H

#include "cmd/experiment.h"
#include "cmd/search_read.h"

struct search_case {
	const struct experiment *x;
	const struct experiment_load *load;
	const struct experiment_stack *stack;
	const struct metric_desc *metric;
	u64 check_every;
};

/* The load with these settings as a document of its own; settings outlive it. NULL with e set. */
struct yaml_file *case_open(const struct experiment_load *l, char *const *settings, size_t nr,
			    struct err *e);
/* One run of the workload; other files of it are looked for beside `path`. -1 with e set: it
 * cannot be run, runs out of memory, or has no such figure. */
int __must_check case_run(const struct search_case *c, const struct yaml_node *workload,
			  const char *path, u64 seed, double *value, struct err *e);
/* The document as text, with `comment` (whole lines) above; the caller frees. */
char *case_print(const struct yaml_node *workload, const char *comment);

#endif
