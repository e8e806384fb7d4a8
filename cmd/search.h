/*
 * The search for a bad case (`search:` of an experiment): which settings of a workload hurt a stack
 * most?
 *
 *	search:
 *	  load: mix			# one of `loads:`, a workload
 *	  vary:				# keys of it, with dots as in --set
 *	    jobs.go.objects.size: {mix: 3, from: 32B, to: 4KiB}	# and how often each
 *	    jobs.go.every: {from: 1us, to: 100us}	# sizes, times, numbers; both ends included
 *	    jobs.go.pattern: [fifo, lru]		# one of these
 *	  maximize: store_memory_percent_end	# or minimize: a metric of the whole stack
 *	  steps: 200		# workloads tried for each stack, the load as it is among them
 *	  seed: 1			# of the search; left out: 1
 *	  save: workloads		# the folder that the worst of each stack goes to
 *
 * For each stack the load is run as it is, and then with other values, by an evolution
 * (lib/evolve.h): of each generation, drawn from the best so far, changed and mixed, the best
 * stay. The figure is the mean over the experiment's seeds. The worst is saved as
 * FOLDER/worst-STACK.yaml, a workload by itself, which has been run and has the same figure; its
 * runs and those of the load as it is go into the database, as loads `worst-STACK` and LOAD.
 *
 * The one question everybody asks: *is it the worst there is?* Nobody knows; it is the worst found.
 * The same search finds the same, whatever --jobs.
 */
#ifndef CMD_SEARCH_H
#define CMD_SEARCH_H

#include "cmd/experiment.h"
#include "cmd/sweep.h"
#include "lib/out.h"

/* Returns the exit code; EXIT_MISTAKE with e set. */
int search_run(const struct experiment *x, const struct sweep_args *a, enum out_format format,
	       struct err *e);
/* What would be searched, for `run --print`. */
void search_print(const struct experiment *x, const struct sweep_args *a);

#endif
