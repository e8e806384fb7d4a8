/*
 * Random quantities: tables of quantiles, weights, draws.
 *
 * Theory: a continuous distribution is drawn from by its quantile function (GSL's gsl_cdf_*inv) at
 * a uniform point. The function is taken at the ends of cells and is a straight line between them.
 * Cells are finer the further out they lie, 64 for each halving of the probability, down to 2^-41:
 * means are off by some 1e-5 of their value, far below what a run could show.
 *
 * Invariant: after the tables are made, a draw is integer arithmetic.
 */
#include "workloads/dist.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdlib.h>

#include "lib/assert.h"
#include "lib/digest.h"
#include "lib/mem.h"

/* 52 days in ns: what does not fit is cut off there. */
#define QUANTILE_MAX 0x1p52

/* To 24 bits, then to fixed point: the same number even if the library's last bits differ. */
static u64 quantile_fixed(double x)
{
	if (!(x < QUANTILE_MAX))
		x = QUANTILE_MAX;
	return (u64)((double)(float)x * (1U << DIST_FRACTION_BITS));
}

struct shape {
	double a, b;
	double below, above;				  /* probability that is cut off */
	double (*lower)(double p, const struct shape *s); /* quantile of p */
	double (*upper)(double q, const struct shape *s); /* quantile of 1 - q */
};

static void quantiles_make(struct dist *d, const struct shape *s)
{
	d->kind = DIST_QUANTILES;
	for (int half = 0; half < 2; half++) {
		d->quantiles[half] = mem_alloc(DIST_RINGS, sizeof(*d->quantiles[half]));
		for (int ring = 0; ring < DIST_RINGS; ring++) {
			for (u32 cell = 0; cell <= DIST_CELLS; cell++) {
				double p = ldexp(1 + (double)cell / DIST_CELLS, -(ring + 2));
				double x = half ? s->upper(p, s) : s->lower(p, s);

				d->quantiles[half][ring][cell] = quantile_fixed(x);
			}
		}
	}
}

static double exponential_lower(double p, const struct shape *s)
{
	return gsl_cdf_exponential_Pinv(p, s->a);
}

static double exponential_upper(double q, const struct shape *s)
{
	return gsl_cdf_exponential_Qinv(q, s->a);
}

void dist_exponential(struct dist *d, double mean)
{
	struct shape s = {.a = mean, .lower = exponential_lower, .upper = exponential_upper};

	*d = (struct dist){.max = UINT64_MAX, .mean = mean};
	quantiles_make(d, &s);
}

static double lognormal_lower(double p, const struct shape *s)
{
	return gsl_cdf_lognormal_Pinv(p, s->a, s->b);
}

static double lognormal_upper(double q, const struct shape *s)
{
	return gsl_cdf_lognormal_Qinv(q, s->a, s->b);
}

void dist_lognormal(struct dist *d, double median, double sigma)
{
	struct shape s = {
		.a = log(median), .b = sigma, .lower = lognormal_lower, .upper = lognormal_upper};

	*d = (struct dist){.max = UINT64_MAX, .mean = median * exp(sigma * sigma / 2)};
	quantiles_make(d, &s);
}

static double normal_lower(double p, const struct shape *s)
{
	return s->a + gsl_cdf_gaussian_Pinv(s->below + p * (1 - s->below - s->above), s->b);
}

static double normal_upper(double q, const struct shape *s)
{
	return s->a + gsl_cdf_gaussian_Qinv(s->above + q * (1 - s->below - s->above), s->b);
}

#define NORMAL_INSIDE_MIN 1e-6

int dist_normal(struct dist *d, double mean, double sd, u64 min, u64 max)
{
	double lo = (double)min - mean, hi = (double)max - mean;
	struct shape s = {.a = mean,
			  .b = sd,
			  .below = gsl_cdf_gaussian_P(lo, sd),
			  .above = gsl_cdf_gaussian_Q(hi, sd),
			  .lower = normal_lower,
			  .upper = normal_upper};
	double inside = 1 - s.below - s.above;

	*d = (struct dist){.min = min, .max = max};
	if (!(inside >= NORMAL_INSIDE_MIN))
		return -1;
	d->mean = mean +
		  sd * sd * (gsl_ran_gaussian_pdf(lo, sd) - gsl_ran_gaussian_pdf(hi, sd)) / inside;
	quantiles_make(d, &s);
	return 0;
}

void dist_constant(struct dist *d, u64 value)
{
	*d = (struct dist){
		.kind = DIST_CONSTANT, .min = value, .max = value, .mean = (double)value};
}

int dist_weights(struct dist *d, u64 *values, double *weights, u32 n)
{
	double sum = 0, before = 0, mean = 0;

	*d = (struct dist){.kind = DIST_WEIGHTS, .min = UINT64_MAX};
	for (u32 i = 0; i < n; i++)
		sum += weights[i];
	if (!(sum > 0) || isinf(sum)) {
		free(values);
		free(weights);
		return -1;
	}
	d->values = values;
	d->cumulative = mem_alloc(n, sizeof(*d->cumulative));
	for (u32 i = 0; i < n; i++) {
		if (weights[i] <= 0)
			continue;
		before += weights[i];
		mean += weights[i] / sum * (double)values[i];
		values[d->nr_values] = values[i];
		d->cumulative[d->nr_values++] = (u64)(before / sum * 0x1p63);
		d->min = min(d->min, values[i]);
		d->max = max(d->max, values[i]);
	}
	d->cumulative[d->nr_values - 1] = 1ULL << 63;
	d->mean = mean;
	free(weights);
	return 0;
}

int dist_mix(struct dist *d, struct dist *parts, double *weights, u32 n)
{
	u64 *numbers = mem_alloc(n, sizeof(*numbers));
	double sum = 0, mean = 0;
	int ret;

	for (u32 i = 0; i < n; i++) {
		numbers[i] = i;
		sum += weights[i];
		mean += weights[i] * parts[i].mean;
	}
	ret = dist_weights(d, numbers, weights, n);
	d->parts = parts;
	d->nr_parts = n;
	if (ret) {
		dist_free(d);
		return -1;
	}
	d->kind = DIST_MIX;
	d->mean = mean / sum;
	d->min = UINT64_MAX;
	d->max = 0;
	for (u32 i = 0; i < n; i++) {
		d->min = min(d->min, parts[i].min);
		d->max = max(d->max, parts[i].max);
		if (parts[i].digest)
			d->digest = digest_u64(d->digest, parts[i].digest);
	}
	return 0;
}

static u64 draw_weighted(const struct dist *d, struct rng *r)
{
	u32 lo = 0, hi = d->nr_values;
	u64 u = rng_u64(r) >> 1;

	while (hi - lo > 1) { /* the first whose sum is above u */
		u32 mid = (lo + hi) / 2;

		if (d->cumulative[mid - 1] > u)
			hi = mid;
		else
			lo = mid;
	}
	return d->values[lo];
}

u64 dist_draw_slow(const struct dist *d, struct rng *r)
{
	if (d->kind == DIST_UNIFORM)
		return d->min + rng_below(r, d->max - d->min + 1);
	ASSERT(d->kind == DIST_WEIGHTS || d->kind == DIST_MIX);
	if (d->kind == DIST_MIX)
		return dist_draw(&d->parts[draw_weighted(d, r)], r);
	return draw_weighted(d, r);
}

void dist_free(struct dist *d)
{
	for (u32 i = 0; i < d->nr_parts; i++)
		dist_free(&d->parts[i]);
	free(d->parts);
	free(d->quantiles[0]);
	free(d->quantiles[1]);
	free(d->values);
	free(d->cumulative);
	*d = (struct dist){0};
}
