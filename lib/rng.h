/*
 * Random streams, seeded by (seed, job, purpose): taking one stream away leaves the others as they
 * were. Generator: xoshiro256** seeded through splitmix64 (Blackman and Vigna 2018).
 */
#ifndef LIB_RNG_H
#define LIB_RNG_H

#include "lib/types.h"

struct rng {
	u64 s[4];
};

void rng_init(struct rng *r, u64 seed, const char *job, const char *purpose);
u64 rng_u64(struct rng *r);
/* Uniform on 0..n-1 without bias; n > 0. */
u64 rng_below(struct rng *r, u64 n);
/* Uniform on [0, 1), 53 bits. */
double rng_double(struct rng *r);
/* Exponential, rounded down; the same on every machine. */
u64 rng_exponential(struct rng *r, u64 mean);

#endif
