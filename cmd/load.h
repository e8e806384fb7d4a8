/*
 * One way to open a load, whatever it is: a .kmt trace, or a workload (.yaml).
 */
#ifndef CMD_LOAD_H
#define CMD_LOAD_H

#include "cmd/start.h"
#include "lib/err.h"
#include "sim/machine_config.h"
#include "sim/source.h"
#include "workloads/workload.h"

struct load_spec {
	const char *path;
	const struct machine_config *machine; /* NULL: what the load carries, else */
	const char *recorded_machine;	      /* this YAML, else (NULL) the default */
	u64 seed;			      /* of workloads */
	u64 duration_ns;		      /* of workloads; 0: what the file says */
	struct workload_change change;	      /* of workloads; its root: `path` only names it */
	struct start start;		      /* of traces */
	char **start_note;		      /* as of start_open */
};

/* A path that ends in .yaml or .yml. */
bool load_is_workload(const char *path);

/* A --duration; more than zero. */
int __must_check load_duration_parse(const char *text, u64 *ns, struct err *e);

/* Also gives the machine that the load runs on. NULL with e set. */
struct source *load_open(const struct load_spec *l, struct machine_config *machine, struct err *e);

#endif
