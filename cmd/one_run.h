/*
 * One run as `run` and `replay` do it: trial, database, the closing line.
 */
#ifndef CMD_ONE_RUN_H
#define CMD_ONE_RUN_H

#include "cmd/start.h"
#include "lib/err.h"
#include "reports/db.h"
#include "sim/trial.h"
#include "workloads/workload.h"

#define EXIT_OOM 3

struct one_run {
	const struct machine_config *machine; /* NULL: what the load carries, else the default */
	const struct stack_config *stack;
	const char *load_path;		 /* a .kmt file or a workload */
	struct start start;		 /* of a trace; all 0: warm if it carries snapshots */
	const struct fragment *fragment; /* NULL: memory starts as the load has it */
	const char *load;    /* its name in results; NULL: the path without folders and ending */
	const char *label;   /* NULL: the canonical stack */
	const char *command; /* the line that repeats this run */
	u64 seed, sample_ns, check_every;
	u64 duration_ns; /* of a workload; 0: what it says itself */
	struct workload_change change;
	bool verify; /* run twice and compare the digests */
	/* For a comparison with the recorded machine; NULL and false: none. */
	const struct slab_shapes *shapes;
	bool at_marks;
	const char *recorded_machine; /* YAML, for a load that carries none */
	struct sink *sink;	      /* NULL: results are not kept */
	char **slabinfo;	      /* as of struct trial */
	struct proc_files *proc;      /* likewise */
	/* Where another process looks how far it is; NULL: a bar on standard error. */
	struct progress_cell *progress;
};

/* 0: done; EXIT_OOM; EXIT_MISTAKE with e set; EXIT_BUG: --verify found two digests. */
int one_run(const struct one_run *r, struct err *e);
/* What results depend on besides what `struct one_run` says: the same for every stack and seed. */
struct load_id {
	u64 input_hash;
	char *machine; /* the resolved one, as YAML */
};

/* Opens the load of a run, and closes it again. -1 with e set. */
int __must_check load_id_open(struct load_id *id, const struct one_run *r, struct err *e);
void load_id_close(struct load_id *id);
/* Is this run, with all that its results depend on, in the database? 1 or 0; -1 with e set. */
int __must_check one_run_stored(const struct one_run *r, const struct load_id *id, struct db *db,
				struct err *e);

#endif
