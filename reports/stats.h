/*
 * Statistics of paired differences: how large, how sure, is there anything at all.
 *
 * The one question everybody asks: *which test?* Wilcoxon's signed-rank test, two-sided: the pairs
 * are of one load and seed, and nothing is known of how their differences are distributed. Zeros
 * are left out (Wilcoxon 1945; as R and scipy do by default), ties get the mean of their ranks. Up
 * to STATS_EXACT_MAX differences that are left, p is exact, ties or not: it is the share of all 2^n
 * choices of signs that lie at least as far out. Above, the normal approximation with the variance
 * reduced for ties, without continuity correction.
 */
#ifndef REPORTS_STATS_H
#define REPORTS_STATS_H

#include "lib/types.h"

/* Below this many pairs no two-sided p can be under 0.05 (2 of 2^5 choices are 0.0625). */
#define STATS_PAIRS_MIN 6
#define STATS_EXACT_MAX 50
#define STATS_RESAMPLES 2000
#define STATS_LEVEL 0.05 /* p below this: detected */

struct interval {
	double low, high;
};

/* n > 0. The mean of the two in the middle if n is even. */
double stats_median(const double *v, size_t n);

/*
 * 95 % for the median: percentile bootstrap of STATS_RESAMPLES resamples. The generator (mt19937)
 * starts from the same seed at every call: the same figures have the same interval, whatever else
 * was asked before.
 */
struct interval stats_median_interval(const double *v, size_t n);

/* p of differences; 1 if all of them are zero. */
double stats_signed_rank(const double *d, size_t n);
/* Its two branches, whatever n is; at most STATS_EXACT_MAX differences from zero for the first. */
double stats_signed_rank_exact(const double *d, size_t n);
double stats_signed_rank_normal(const double *d, size_t n);

/*
 * Holm's step-down correction: what p[i] becomes when n tests are made together. The chance that
 * any of them is below 0.05 by chance alone is at most 0.05 then, however they hang together.
 */
void stats_holm(const double *p, double *adjusted, size_t n);
/* The fewest pairs with which the clearest of n tests can be below 0.05 after Holm. */
size_t stats_holm_pairs(size_t n);

#endif
