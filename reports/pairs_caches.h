/*
 * How figures get into a pairing; and those of each cache, which no summary has.
 *
 * A cache is a layer "cache/NAME" here, with one metric, slab_bytes_mean: the mean over time of the
 * bytes of its slabs. Those of all caches add up to the whole stack's slab_bytes_mean, so that
 * their differences say where its difference comes from.
 */
#ifndef REPORTS_PAIRS_CACHES_H
#define REPORTS_PAIRS_CACHES_H

#include "reports/pairs.h"

struct summary_figure {
	const char *layer, *metric, *unit, *better;
	double value;
};

/* The new run's figures first, then the base's. */
void pairing_take(struct pairing *pg, const struct summary_figure *f, bool is_base);
int __must_check pairing_read_caches(struct pairing *pg, struct db *db, bool is_base,
				     struct err *e);

bool layer_is_cache(const char *layer);

#endif
