/*
 * The runs of an experiment: which they are, and all of them brought into a database.
 */
#ifndef CMD_SWEEP_H
#define CMD_SWEEP_H

#include "cmd/experiment.h"
#include "cmd/one_run.h"
#include "cmd/only.h"

#define SETTINGS_MAX 64

/* What the user wants done with an experiment. */
struct sweep_args {
	const char *path, *db; /* db: as given; NULL: results.db */
	const char *settings[SETTINGS_MAX];
	size_t nr_settings;
	struct only only;
	bool verify, resume;
	u64 check_every, jobs;
};

/* The database that was named, or the one where results go otherwise. */
const char *sweep_db_name(const struct sweep_args *a);

/* The line that repeats one run; the caller frees. */
char *sweep_repeat_line(const struct sweep_args *a, const char *load, const char *stack, u64 seed);

struct sweep {
	const struct sweep_args *args;
	struct one_run *runs;  /* load by load, stack by stack, seed by seed */
	size_t nr, nr_planned; /* to do; with those left out, as the database has them */
};

/*
 * -1 with e set: --resume, and the database or a load cannot be read. The experiment outlives it.
 */
int __must_check sweep_plan(struct sweep *s, const struct experiment *x,
			    const struct sweep_args *args, struct err *e);
void sweep_free(struct sweep *s);
/*
 * Returns the exit code; EXIT_MISTAKE with e set, or empty if it has been said. A signal that ends
 * it ends the process, in the end.
 */
int sweep_run(struct sweep *s, struct err *e);

#endif
