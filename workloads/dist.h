/*
 * Random quantities: times, sizes, orders, as a distribution describes them.
 *
 * The one question everybody asks: *is a draw the same on every machine?* Yes. What is drawn from
 * is integers: bounds, cumulative weights, or a table of quantiles made once, each rounded to 24
 * bits, so that no last bit of a mathematics library finds its way into a run.
 */
#ifndef WORKLOADS_DIST_H
#define WORKLOADS_DIST_H

#include "lib/bits.h"
#include "lib/rng.h"
#include "lib/yaml.h"

/* Quantiles carry this many bits below the unit. */
#define DIST_FRACTION_BITS 10
/*
 * Each half of the distribution is cut into rings, from the middle outwards, each with half the
 * probability of the one before; each ring into equal cells.
 */
#define DIST_RINGS 40
#define DIST_CELL_BITS 6
#define DIST_CELLS (1U << DIST_CELL_BITS)

enum dist_kind { DIST_CONSTANT, DIST_UNIFORM, DIST_QUANTILES, DIST_WEIGHTS, DIST_MIX };

/* What the values of a distribution are, and which of them make sense. */
struct quantity_rules {
	const char *what; /* "size", "lifetime", ... for messages */
	enum { QUANTITY_TIME, QUANTITY_SIZE, QUANTITY_COUNT } unit;
	u64 min, max;
};

struct dist {
	enum dist_kind kind;
	u64 min, max; /* CONSTANT: both the value; UNIFORM: inclusive; QUANTILES: cut off there */
	double mean;
	u64 (*quantiles[2])[DIST_CELLS + 1]; /* QUANTILES: left and right, a ring a row, inwards */
	/* WEIGHTS: values; MIX: which of the parts. */
	u64 *values, *cumulative; /* of 2^63 */
	u32 nr_values;
	struct dist *parts;
	u32 nr_parts;
	u64 digest; /* of the files that were read */
};

/*
 * A bare value, or {dist: NAME, ...}. `dir` is where files are looked for besides the working
 * directory. -1 with e set, and nothing to free.
 */
int __must_check dist_read(struct dist *d, const struct yaml_node *n,
			   const struct quantity_rules *q, const char *dir, struct err *e);
void dist_free(struct dist *d);

/* An exponential distribution, as a generator needs it. */
void dist_exponential(struct dist *d, double mean);
void dist_constant(struct dist *d, u64 value);

/* One line a distribution, for help texts. */
extern const char dist_help[];

/* Between the files of distributions. */
void dist_lognormal(struct dist *d, double median, double sigma);
/* Values below min and above max are not drawn. -1: there is next to nothing between them. */
int __must_check dist_normal(struct dist *d, double mean, double sd, u64 min, u64 max);
/* Takes over both arrays of n. -1: the weights are all zero. */
int __must_check dist_mix(struct dist *d, struct dist *parts, double *weights, u32 n);
/* Takes over both arrays of n: values and weights. -1: the weights are all zero. */
int __must_check dist_weights(struct dist *d, u64 *values, double *weights, u32 n);
int __must_check dist_read_file(struct dist *d, const char *path, const struct quantity_rules *q,
				const char *unit, struct err *e);
/* Text of one value in its unit; the message has no place yet. */
int __must_check quantity_parse_text(const struct quantity_rules *q, const char *text, u64 *v,
				     struct err *e);

/* A plain decimal number; neither nan nor inf nor hexadecimal. */
int __must_check number_read(const struct yaml_node *n, double *v, struct err *e);

u64 dist_draw_slow(const struct dist *d, struct rng *r);

/* A quantile in units of 2^-DIST_FRACTION_BITS, not cut off. */
static inline u64 dist_draw_fine(const struct dist *d, struct rng *r)
{
	u64 u = rng_u64(r), half = u >> 63;
	u64 v = half ? ~u : u; /* distance from the half's outer end, in 2^-64; first bit 0 */
	unsigned int ring = (unsigned int)__builtin_clzll(v | 1ULL << (63 - DIST_RINGS)) - 1;
	const u64 *cell;

	v <<= ring + 2; /* what follows the leading 1: 0 is the ring's outer end */
	cell = &d->quantiles[half][ring][v >> (64 - DIST_CELL_BITS)];
	v = v << DIST_CELL_BITS >> 32;
	return cell[0] + (u64)((__int128)(s64)(cell[1] - cell[0]) * (s64)v >> 32);
}

/* A value, always from min to max. */
static inline u64 dist_draw(const struct dist *d, struct rng *r)
{
	u64 v;

	if (d->kind == DIST_CONSTANT)
		return d->min;
	if (d->kind != DIST_QUANTILES)
		return dist_draw_slow(d, r);
	v = (dist_draw_fine(d, r) + (1U << (DIST_FRACTION_BITS - 1))) >> DIST_FRACTION_BITS;
	return min(max(v, d->min), d->max);
}

#endif
