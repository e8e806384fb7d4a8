/*
 * Log-linear histograms.
 */
#include "lib/hist.h"

/* Lowest value that lands in bucket i. */
static u64 hist_bucket_low(unsigned int i)
{
	unsigned int shift;

	if (i < 2U << HIST_SUB_BITS)
		return i;
	shift = (i >> HIST_SUB_BITS) - 1;
	return (u64)(i - (shift << HIST_SUB_BITS)) << shift;
}

void hist_merge(struct hist *h, const struct hist *from)
{
	h->count += from->count;
	h->sum += from->sum;
	h->max = max(h->max, from->max);
	for (unsigned int i = 0; i < HIST_BUCKETS; i++)
		h->bucket[i] += from->bucket[i];
}

u64 hist_quantile(const struct hist *h, double q)
{
	double need = q * (double)h->count;
	u64 seen = 0;

	if (!h->count)
		return 0;
	for (unsigned int i = 0; i < HIST_BUCKETS; i++) {
		seen += h->bucket[i];
		if (h->bucket[i] && (double)seen >= need)
			return min(hist_bucket_low(i + 1) - 1, h->max);
	}
	return h->max;
}
