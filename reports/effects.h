/*
 * What a stack does to each figure of one load, over all seeds that both it and the base were run
 * with.
 *
 * The one question everybody asks: *where does a p-value come from, if replays are exact?* From
 * loads that depend on their seed: each seed's pair is exact, and the pairs are a sample of what
 * the load might have been. If the seeds change nothing (a recorded load), there is one exact
 * difference, and no statistics.
 *
 * The figures of a side are medians; difference and ratio are medians of the paired ones (so that
 * the difference is not, in general, that of the medians). How sure: see reports/stats.h.
 */
#ifndef REPORTS_EFFECTS_H
#define REPORTS_EFFECTS_H

#include "reports/pairs.h"
#include "reports/stats.h"

struct effect {
	const struct pair *pair; /* the first: layer, metric, unit, better; exact ones: all of it */
	size_t nr;		 /* pairs that have both sides */
	double base, new;	 /* NaN: not measured there */
	double diff, ratio;	 /* NaN unless nr */
	struct interval interval; /* of diff; NaN where no test is made */
	double p, p_holm;	  /* NaN where no test is made */
	enum verdict verdict;
};

struct effects {
	const struct pairing *pairings; /* of one load and one new label, by seed */
	size_t nr_pairings;
	bool exact;	     /* one seed, or seeds that change nothing */
	struct effect *list; /* in the order of the first pairing, what others have besides last */
	size_t nr, room;
};

/* Those that begin at pairing `at`; the comparison outlives them. */
void effects_make(struct effects *x, const struct comparison *c, size_t at);
void effects_free(struct effects *x);

/* Are there pairs enough for tests, and chance to test against? */
bool effects_tested(const struct effects *x);
/* "seed 1", "seeds 1 to 3, the same for each", "12 pairs, seeds 1 to 12". */
void effects_seeds_print(const struct effects *x, const struct comparison *c, char *buf, size_t n);

/* Lowest and highest of the paired differences. */
struct interval effect_range(const struct effects *x, const struct effect *f);
/*
 * Holm's correction over those of the figures for which `of` is true; p_holm of the others stays as
 * it is. Returns how many were tested: those with a p.
 */
size_t effects_holm(struct effects *x, bool (*of)(const struct effect *f, const void *arg),
		    const void *arg);

#endif
