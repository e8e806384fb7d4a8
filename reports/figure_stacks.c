/*
 * Memory over time, the stacks against each other: taken from the machine, in slabs, held back.
 */
#include <math.h>
#include <stdlib.h>

#include "lib/mem.h"
#include "lib/text.h"
#include "lib/units.h"
#include "reports/figure_samples.h"
#include "reports/values.h"

enum curve { CURVE_TAKEN, CURVE_SLAB, CURVE_HELD, CURVE_STORE, NR_CURVES };

static const struct sample_column columns[NR_CURVES] = {
	[CURVE_TAKEN] = {.name = "pages_taken", .title = "taken from the machine", .always = true},
	[CURVE_SLAB] = {.name = "slab", .title = "pages of slabs", .always = true},
	[CURVE_HELD] = {.name = "held_back", .title = "held back (freed, not reusable yet)"},
	[CURVE_STORE] = {.name = "store", .title = "pages of the store"},
};

static double curve_at(const struct samples *s, int what, u64 t)
{
	switch (what) {
	case CURVE_TAKEN:
		return samples_whole_at(s, "pages_taken_bytes", t);
	case CURVE_SLAB:
		return samples_whole_at(s, "slab_bytes", t);
	case CURVE_HELD:
		return samples_held_at(s, t);
	}
	return samples_store_bytes_at(s, t);
}

/* --- Findings --- */

static void taken_words(const struct report *p, const struct sample_figure *c, size_t load,
			struct text *text)
{
	char least[VALUE_TEXT_MAX], most[VALUE_TEXT_MAX], ratio[VALUE_TEXT_MAX];
	char low[160], high[160];
	struct spread x = {.nr = 0};

	/* The summary's figure: a peak may lie between two samples. */
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (run)
			spread_add(&x, run,
				   report_summary(run, "pages_taken_bytes_max",
						  sample_figure_max(c, run, CURVE_TAKEN)));
	}
	size_human(x.least, least, sizeof(least));
	size_human(x.most, most, sizeof(most));
	if (x.least == x.most) {
		text_add(text, "At its peak, %s takes %s%s.", p->loads.names[load], most,
			 x.nr > 1 ? " under every stack" : "");
		return;
	}
	ratio_print(x.least > 0 ? x.most / x.least - 1 : INFINITY, ratio, sizeof(ratio));
	spread_name(p, &x, true, high, sizeof(high));
	spread_name(p, &x, false, low, sizeof(low));
	text_add(text,
		 "At its peak, %s takes most memory under %s, %s, and least under %s, %s (%s).",
		 p->loads.names[load], high, most, low, least, ratio);
}

/* Most and mean over time of what the lowest seed holds back; returns the instant of the peak. */
static u64 held_figures(const struct report_run *run, double *most, double *mean)
{
	const struct series *lead = samples_lead(run_samples(run));
	u64 t_ns = 0;

	*most = *mean = 0;
	for (size_t i = 0; lead && i < lead->nr; i++) {
		double held = samples_held_at(run_samples(run), lead->t_ns[i]);

		*mean += held / (double)lead->nr;
		if (held > *most) {
			*most = held;
			t_ns = lead->t_ns[i];
		}
	}
	return t_ns;
}

/* The stack that holds back most, and how many hold back nothing. */
static void held_words(const struct report *p, size_t load, struct text *text)
{
	char amount[VALUE_TEXT_MAX], average[VALUE_TEXT_MAX], when[VALUE_TEXT_MAX];
	const struct report_run *worst = NULL;
	size_t nr = 0, nr_none = 0;
	double top = 0, most, mean;

	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (!run)
			continue;
		nr++;
		held_figures(run, &most, &mean);
		nr_none += most <= 0;
		if (most > top) {
			top = most;
			worst = run;
		}
	}
	if (!worst) {
		text_add(text, nr > 1 ? " No stack holds freed memory back."
				      : " It holds no freed memory back.");
		return;
	}
	time_human((double)held_figures(worst, &most, &mean), when, sizeof(when));
	size_human(most, amount, sizeof(amount));
	size_human(mean, average, sizeof(average));
	text_add(text, " %s holds back up to %s of freed memory (at %s; %s on average)",
		 p->stacks[worst->stack].name, amount, when, average);
	if (nr_none && nr_none + 1 == nr)
		text_add(text, ", %s none.", nr == 2 ? "the other" : "the others");
	else
		text_add(text, ", the most of %zu that do.", nr - nr_none);
}

static void stacks_finding(const struct report *p, const struct sample_figure *c, size_t load)
{
	char sentence[SENTENCE_MAX];
	struct text text = text_in(sentence, sizeof(sentence));

	taken_words(p, c, load, &text);
	held_words(p, load, &text);
	report_finding(p, "%s", sentence);
}

int report_stacks_figures(struct report *p, struct err *e)
{
	const struct sample_figure c = {.kind = "stacks",
					.columns = columns,
					.nr = p->stores ? NR_CURVES : CURVE_STORE,
					.value = curve_at};

	for (size_t i = 0; i < p->nr_runs; i++)
		if (sample_figure_write(p, &c, &p->runs[i], e))
			return -1;
	for (size_t load = 0; load < p->loads.nr; load++) {
		double most[NR_CURVES];

		sample_figure_most(p, &c, load, most);
		report_load_heading(p, load);
		stacks_finding(p, &c, load);
		if (sample_figure_draw(
			    p, &c, load, most,
			    p->many_seeds
				    ? "Lines: median of the seeds; bands: from the lowest to "
				      "the highest. x: simulated time. All axes start at 0; "
				      "each panel has its own scale."
				    : "x: simulated time. All axes start at 0; each panel has "
				      "its own scale. Held back: what layers such as rcu keep "
				      "until a grace period has passed.",
			    e))
			return -1;
	}
	return 0;
}
