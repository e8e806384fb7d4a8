/*
 * pinned: each page is in use with probability p, on its own, and cannot be moved.
 *
 * Theory: an order-k block is free exactly if none of its 2^k pages is pinned: (1-p)^(2^k). Blocks
 * do not overlap, so their number is binomial: it deviates by sqrt(n q (1-q)).
 *
 * Invariant: pageblocks keep their type: the pages are pinned where they are, as by a long-term
 * get_user_pages.
 *
 * Unlike Linux: which would first migrate such a page out of CMA and ZONE_MOVABLE.
 */
#include <math.h>

#include "lib/units.h"
#include "sim/fragment.h"

struct pinned_options {
	u64 p;
};

static void pin_zone(struct fragmenting *f, const struct zone *zone, u64 p)
{
	struct page_plan plan;

	fragment_plan(f, zone, &plan);
	for (unsigned long frame = 0; frame < plan.nr_frames; frame++)
		if (rng_below(&f->rng, SHARE_ONE) >= p && page_plan_clear(plan.used, frame, 0))
			page_plan_set(plan.keep, frame, 0);
	page_state_carry_out(f->ps, zone, &plan, HOLD_PINNED);
	page_plan_free(&plan);
}

static int pinned_apply(struct fragmenting *f, struct err *e)
{
	const struct pinned_options *o = f->options;
	const struct zone *zone;
	u64 before[MAX_ORDER];

	(void)e;
	for (int order = 0; order < MAX_ORDER; order++)
		before[order] = fragment_nr_free(f, order);
	for_each_populated_zone (zone)
		pin_zone(f, zone, o->p);
	text_add(f->report, "%llu pages pinned\n",
		 (unsigned long long)f->ps->report.reserved_pages);
	for (int order = 0; order < MAX_ORDER; order++) {
		double q = pow(1 - (double)o->p / (double)SHARE_ONE, 1 << order);
		double n = (double)before[order], got = (double)fragment_nr_free(f, order);
		double sigma = sqrt(n * q * (1 - q));

		if (!before[order])
			continue;
		text_add(
			f->report,
			"order %2d: (1-p)^%-4d = %7.3f %% free, got %7.3f %% of %llu blocks, %+.1f "
			"sigma\n",
			order, 1 << order, q * 100, got / n * 100,
			(unsigned long long)before[order], sigma > 0 ? (got - n * q) / sigma : 0);
	}
	return 0;
}

static const struct opt_desc options[] = {
	OPT_SHARE("p", struct pinned_options, p, "1/512", 0, SHARE_ONE,
		  "probability that a page is pinned"),
	OPT_END,
};

static struct fragmenter pinned = {
	.name = "pinned",
	.summary = "each page pinned with probability p, the rest free",
	.help = "Pages that nothing can move lie here and there: an order-k block is free with "
		"probability (1-p)^(2^k). One page in 512, 0.195 % of memory, leaves 36.8 % of the "
		"huge pages; one in a hundred 0.58 %.",
	.options = options,
	.options_size = sizeof(struct pinned_options),
	.check = fragment_any,
	.apply = pinned_apply,
};
FRAGMENTER(pinned)
