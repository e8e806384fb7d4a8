/*
 * Statistics of paired differences.
 *
 * Theory: if a stack makes no difference, each difference of a pair might as well have had the
 * other sign. The sum of the ranks of those above zero then has a known distribution: each of the n
 * ranks is in it or not, independently. Ranks are doubled, so that the mean ranks of ties are
 * whole.
 */
#include "reports/stats.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/assert.h"
#include "lib/mem.h"

#define RESAMPLE_SEED 20240229

double stats_median(const double *v, size_t n)
{
	double *copy = mem_alloc(n, sizeof(*copy)), median;

	ASSERT(n);
	memcpy(copy, v, n * sizeof(*v));
	median = gsl_stats_median(copy, 1, n);
	free(copy);
	return median;
}

static void resample_medians(const double *v, size_t n, double medians[STATS_RESAMPLES])
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	double *drawn = mem_alloc(n, sizeof(*drawn));

	gsl_rng_set(rng, RESAMPLE_SEED);
	for (size_t i = 0; i < STATS_RESAMPLES; i++) {
		for (size_t j = 0; j < n; j++)
			drawn[j] = v[gsl_rng_uniform_int(rng, n)];
		medians[i] = gsl_stats_median(drawn, 1, n);
	}
	free(drawn);
	gsl_rng_free(rng);
}

struct interval stats_median_interval(const double *v, size_t n)
{
	double *medians = mem_alloc(STATS_RESAMPLES, sizeof(*medians));
	struct interval i;

	resample_medians(v, n, medians);
	gsl_sort(medians, 1, STATS_RESAMPLES);
	i.low = gsl_stats_quantile_from_sorted_data(medians, 1, STATS_RESAMPLES, 0.025);
	i.high = gsl_stats_quantile_from_sorted_data(medians, 1, STATS_RESAMPLES, 0.975);
	free(medians);
	return i;
}

/* The differences that are not zero: their ranks, twice, and what follows from them. */
struct ranks {
	size_t *doubled; /* by size of the difference */
	size_t n;
	size_t above; /* sum of those above zero */
	size_t all;   /* sum of all: n (n + 1) */
	double ties;  /* sum of t^3 - t over groups of t ties */
};

static int by_size(const void *a, const void *b)
{
	double x = fabs(*(const double *)a), y = fabs(*(const double *)b);

	return (x > y) - (x < y);
}

static void ranks_make(struct ranks *r, const double *d, size_t n)
{
	double *left = mem_alloc(n + 1, sizeof(*left));

	*r = (struct ranks){.doubled = mem_alloc(n + 1, sizeof(*r->doubled))};
	for (size_t i = 0; i < n; i++)
		if (d[i] != 0)
			left[r->n++] = d[i];
	qsort(left, r->n, sizeof(*left), by_size);
	for (size_t i = 0, end; i < r->n; i = end) {
		for (end = i + 1; end < r->n && fabs(left[end]) == fabs(left[i]); end++)
			;
		for (size_t j = i; j < end; j++) {
			r->doubled[j] = i + 1 + end; /* the first rank and the last */
			r->above += left[j] > 0 ? r->doubled[j] : 0;
		}
		r->ties += pow((double)(end - i), 3) - (double)(end - i);
	}
	r->all = r->n * (r->n + 1);
	free(left);
}

/* Of all choices of signs, how many have a sum of at most `limit`? Whole numbers below 2^53. */
static double choices_up_to(const struct ranks *r, size_t limit)
{
	double *ways = mem_alloc(limit + 1, sizeof(*ways)), sum = 0;

	ways[0] = 1;
	for (size_t i = 0; i < r->n; i++)
		for (size_t w = limit + 1; w-- > r->doubled[i];)
			ways[w] += ways[w - r->doubled[i]];
	for (size_t w = 0; w <= limit; w++)
		sum += ways[w];
	free(ways);
	return sum;
}

/* Turning all signs round shows that both tails are alike. */
static double exact_p(const struct ranks *r)
{
	size_t tail = min(r->above, r->all - r->above);

	ASSERT(r->n <= STATS_EXACT_MAX);
	return min(1.0, 2 * choices_up_to(r, tail) / exp2((double)r->n));
}

static double normal_p(const struct ranks *r)
{
	double n = (double)r->n, distance = fabs((double)r->above - (double)r->all / 2) / 2;
	double variance = n * (n + 1) * (2 * n + 1) / 24 - r->ties / 48;

	return r->n ? min(1.0, 2 * gsl_cdf_ugaussian_Q(distance / sqrt(variance))) : 1;
}

static double with_ranks(const double *d, size_t n, double (*p)(const struct ranks *r))
{
	struct ranks r;
	double value;

	ranks_make(&r, d, n);
	if (!p)
		p = r.n <= STATS_EXACT_MAX ? exact_p : normal_p;
	value = p(&r);
	free(r.doubled);
	return value;
}

double stats_signed_rank(const double *d, size_t n)
{
	return with_ranks(d, n, NULL);
}

double stats_signed_rank_exact(const double *d, size_t n)
{
	return with_ranks(d, n, exact_p);
}

double stats_signed_rank_normal(const double *d, size_t n)
{
	return with_ranks(d, n, normal_p);
}

void stats_holm(const double *p, double *adjusted, size_t n)
{
	size_t *order = mem_alloc(n + 1, sizeof(*order));
	double last = 0;

	gsl_sort_index(order, p, 1, n);
	for (size_t i = 0; i < n; i++) {
		last = max(last, min(1.0, p[order[i]] * (double)(n - i)));
		adjusted[order[i]] = last;
	}
	free(order);
}

size_t stats_holm_pairs(size_t n)
{
	size_t pairs = STATS_PAIRS_MIN;

	while (2 * (double)n / exp2((double)pairs) >= STATS_LEVEL)
		pairs++;
	return pairs;
}
