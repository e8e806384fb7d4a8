/*
 * Evolution: looks for values of some genes that make a figure as large, or as small, as can be.
 *
 *	evolve_begin(&ev, genes, nr, maximize);
 *	while (ev.nr_steps < steps) {
 *		evolve_next(&ev, steps - ev.nr_steps);
 *		... the value of each of ev.brood: the figure, NAN if there is none ...
 *		for (i = 0; i < ev.nr_brood; i++)
 *			evolve_take(&ev, &ev.brood[i]);
 *	}
 *
 * Step 0 stands for things as they are, without any gene; it is the first brood, alone.
 *
 * The one question everybody asks: *is it the best there is?* Nobody knows; it is the best found.
 */
#ifndef LIB_EVOLVE_H
#define LIB_EVOLVE_H

#include "lib/gene.h"

#define EVOLVE_GENES_MAX 32
#define EVOLVE_PARENTS 4
#define EVOLVE_BROOD 8

struct candidate {
	struct gene_value genes[EVOLVE_GENES_MAX];
	u64 step;
	double value;
};

struct evolution {
	const struct gene *genes;
	size_t nr_genes;
	bool maximize;
	struct rng rng;
	u64 nr_steps;
	double base; /* the figure of step 0; NAN: it has none */
	struct candidate brood[EVOLVE_BROOD];
	struct candidate best[EVOLVE_PARENTS]; /* of all but step 0, the best first */
	size_t nr_brood, nr_best;
};

/* Of nr genes, 1 to EVOLVE_GENES_MAX, which outlive it. The caller sets up the random stream. */
void evolve_begin(struct evolution *ev, const struct gene *genes, size_t nr, bool maximize);
/* What is to be tried next; at most `left`, which is more than 0. */
void evolve_next(struct evolution *ev, u64 left);
/* Takes what was tried, in order. True: none before was as good, step 0 included. */
bool evolve_take(struct evolution *ev, const struct candidate *k);
/* Is figure a better than b? */
bool evolve_better(const struct evolution *ev, double a, double b);
/* The best, if it is better than step 0; else NULL. */
const struct candidate *evolve_found(const struct evolution *ev);

#endif
