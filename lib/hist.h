/*
 * Log-linear histograms: 128 linear buckets for each power of two, so a quantile is off by at most
 * 1/128 of its value (0.8 %), exact below 256. Recording is an index and an increment.
 */
#ifndef LIB_HIST_H
#define LIB_HIST_H

#include "lib/bits.h"
#include "lib/types.h"

#define HIST_SUB_BITS 7
/* Values up to 2^40 - 1 (18 minutes in ns); larger ones land in the last bucket. */
#define HIST_MAX_BITS 40
#define HIST_BUCKETS (((HIST_MAX_BITS - HIST_SUB_BITS) + 1) << HIST_SUB_BITS)

struct hist {
	u64 count;
	u64 sum;
	u64 max;
	u64 bucket[HIST_BUCKETS];
};

static inline unsigned int hist_index(u64 v)
{
	unsigned int shift;

	if (v < 1ULL << (HIST_SUB_BITS + 1))
		return (unsigned int)v;
	if (unlikely(v >> HIST_MAX_BITS))
		return HIST_BUCKETS - 1;
	shift = bit_highest(v) - HIST_SUB_BITS;
	return (shift << HIST_SUB_BITS) + (unsigned int)(v >> shift);
}

static inline void hist_add(struct hist *h, u64 v)
{
	h->count++;
	h->sum += v;
	if (v > h->max)
		h->max = v;
	h->bucket[hist_index(v)]++;
}

/* The samples of `from` are added. */
void hist_merge(struct hist *h, const struct hist *from);

/* Upper end of the first bucket at which at least q (0..1) of all samples have been seen;
 * 0 if empty, never above max. */
u64 hist_quantile(const struct hist *h, double q);

#endif
