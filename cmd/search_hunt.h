/*
 * The search for a bad case, on one stack: between its files (cmd/search.h says what it is).
 */
#ifndef CMD_SEARCH_HUNT_H
#define CMD_SEARCH_HUNT_H

#include "cmd/search_case.h"
#include "cmd/sweep.h"
#include "lib/out.h"

/* What a process that ran one leaves behind. */
struct result {
	double value; /* NAN: it could not be run */
	struct err why;
};

struct hunt { /* on one stack */
	const struct search *search;
	const struct sweep_args *args;
	struct search_case c;
	const u64 *seeds;
	size_t nr_seeds;
	struct evolution ev;	/* its step 0 is the load as it is */
	struct result *results; /* of the brood; shared with those who work */
	u64 nr_failed;
	struct err why; /* the last that could not be run */
	struct out *out;
	bool bug;
};

/* How the candidate differs from the load: settings, which settings_free frees. */
size_t settings_of(const struct hunt *h, const struct candidate *k, char **settings);
void settings_free(char **settings, size_t nr);
/* Of the workload, over the seeds; other files of it lie beside `path`. NAN with e set. */
double mean_figure(const struct hunt *h, const struct yaml_node *workload, const char *path,
		   struct err *e);

/* Tries one after the other; each that is the worst so far is a row of h->out. 0; EXIT_MISTAKE
 * with e set; EXIT_BUG, which has been said. */
int hunt_run(struct hunt *h, struct err *e);
/* Saves the worst, and puts its runs into the database. Returns the exit code. */
int hunt_conclude(const struct hunt *h, struct err *e);

#endif
