/*
 * Evolution: what is tried, and what of it is kept.
 *
 * Theory. Where nobody has a formula for the figure, and it jumps (one more, and all is different),
 * there is no slope to follow. So: the best EVOLVE_PARENTS stay; of each brood of EVOLVE_BROOD one
 * is drawn anew, the others are a parent, or a mixture of two, with a gene or two changed. A brood
 * is as large as that however many are tried at once, and all chance is drawn before: what is found
 * does not depend on how many run side by side.
 *
 * Invariant. `best` is in order, the best first and of equals the first found, and no two of it are
 * the same.
 */
#include "lib/evolve.h"

#include <math.h>

#include "lib/assert.h"

void evolve_begin(struct evolution *ev, const struct gene *genes, size_t nr, bool maximize)
{
	ASSERT(nr && nr <= EVOLVE_GENES_MAX);
	ev->genes = genes;
	ev->nr_genes = nr;
	ev->maximize = maximize;
	ev->base = NAN;
	ev->nr_steps = ev->nr_brood = ev->nr_best = 0;
}

static void newcomer(struct evolution *ev, struct candidate *k)
{
	for (size_t i = 0; i < ev->nr_genes; i++)
		gene_draw(&ev->genes[i], &k->genes[i], &ev->rng);
}

static void child(struct evolution *ev, struct candidate *k)
{
	const struct candidate *mother = &ev->best[rng_below(&ev->rng, ev->nr_best)],
			       *father = &ev->best[rng_below(&ev->rng, ev->nr_best)];
	bool mixed = !rng_below(&ev->rng, 3);

	for (size_t i = 0; i < ev->nr_genes; i++)
		k->genes[i] = mixed && rng_below(&ev->rng, 2) ? father->genes[i] : mother->genes[i];
	for (u64 n = 1 + rng_below(&ev->rng, 2); n; n--) {
		size_t i = rng_below(&ev->rng, ev->nr_genes);

		gene_change(&ev->genes[i], &k->genes[i], &ev->rng);
	}
}

void evolve_next(struct evolution *ev, u64 left)
{
	ASSERT(left);
	ev->nr_brood = ev->nr_steps ? (size_t)min(left, (u64)EVOLVE_BROOD) : 1;
	for (size_t i = 0; i < ev->nr_brood; i++) {
		struct candidate *k = &ev->brood[i];

		*k = (struct candidate){.step = ev->nr_steps++, .value = NAN};
		if (!k->step)
			continue;
		if (!ev->nr_best || i == EVOLVE_BROOD - 1)
			newcomer(ev, k);
		else
			child(ev, k);
	}
}

bool evolve_better(const struct evolution *ev, double a, double b)
{
	return ev->maximize ? a > b : a < b;
}

static bool is_known(const struct evolution *ev, const struct candidate *k)
{
	for (size_t b = 0; b < ev->nr_best; b++) {
		size_t same = 0;

		while (same < ev->nr_genes && gene_same(&ev->best[b].genes[same], &k->genes[same]))
			same++;
		if (same == ev->nr_genes)
			return true;
	}
	return false;
}

/* Returns its place among the best; EVOLVE_PARENTS: none. */
static size_t keep(struct evolution *ev, const struct candidate *k)
{
	size_t at = ev->nr_best;

	while (at && evolve_better(ev, k->value, ev->best[at - 1].value))
		at--;
	if (at == EVOLVE_PARENTS)
		return at;
	ev->nr_best = min(ev->nr_best + 1, (size_t)EVOLVE_PARENTS);
	for (size_t i = ev->nr_best - 1; i > at; i--)
		ev->best[i] = ev->best[i - 1];
	ev->best[at] = *k;
	return at;
}

bool evolve_take(struct evolution *ev, const struct candidate *k)
{
	if (isnan(k->value))
		return false;
	if (!k->step) {
		ev->base = k->value;
		return true;
	}
	return !is_known(ev, k) && !keep(ev, k) && evolve_found(ev);
}

const struct candidate *evolve_found(const struct evolution *ev)
{
	bool found = ev->nr_best && evolve_better(ev, ev->best[0].value, ev->base);

	return found ? &ev->best[0] : NULL;
}
