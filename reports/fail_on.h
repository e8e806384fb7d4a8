/*
 * --fail-on 'METRIC>AMOUNT': when a comparison counts as failed.
 *
 *	slab_bytes_max>+5%	more than 5 % above the base
 *	latency_*<-10%		more than 10 % below
 *	held_bytes_max>1MiB	more than 1 MiB above; the amount carries the metric's unit
 *	nr_failed>0		any more than the base
 *
 * METRIC may be a pattern. The amount is the difference from the base, never the figure itself;
 * over several seeds it is the median of the paired differences (or of their ratios), detected or
 * not: what may not get worse may not get worse by chance either. Caches are not looked at.
 */
#ifndef REPORTS_FAIL_ON_H
#define REPORTS_FAIL_ON_H

#include "lib/err.h"
#include "reports/effects.h"

struct fail_on {
	const char *text; /* as given; the caller's */
	char *pattern;	  /* of the metric */
	bool above;	  /* '>', else '<' */
	bool relative;
	bool negative;
	double ratio; /* relative: 0.05 */
	const char
		*amount; /* absolute: parsed in the unit of each metric; inside pattern's memory */
};

int __must_check fail_on_parse(struct fail_on *f, const char *text, struct err *e);
void fail_on_free(struct fail_on *f);
/* 1: tripped, 0: not (or another metric), -1: the amount does not fit the metric's unit. */
int __must_check fail_on_check(const struct fail_on *f, const struct effect *x, struct err *e);

#endif
