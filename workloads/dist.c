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
#include <math.h>
#include <stdlib.h>

#include "lib/assert.h"
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
	struct shape s = {mean, 0, exponential_lower, exponential_upper};

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
	struct shape s = {log(median), sigma, lognormal_lower, lognormal_upper};

	*d = (struct dist){.max = UINT64_MAX, .mean = median * exp(sigma * sigma / 2)};
	quantiles_make(d, &s);
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

u64 dist_draw_slow(const struct dist *d, struct rng *r)
{
	u32 lo = 0, hi = d->nr_values;
	u64 u;

	if (d->kind == DIST_UNIFORM)
		return d->min + rng_below(r, d->max - d->min + 1);
	ASSERT(d->kind == DIST_WEIGHTS);
	u = rng_u64(r) >> 1;
	while (hi - lo > 1) { /* the first whose sum is above u */
		u32 mid = (lo + hi) / 2;

		if (d->cumulative[mid - 1] > u)
			hi = mid;
		else
			lo = mid;
	}
	return d->values[lo];
}

void dist_free(struct dist *d)
{
	free(d->quantiles[0]);
	free(d->quantiles[1]);
	free(d->values);
	free(d->cumulative);
	*d = (struct dist){0};
}
