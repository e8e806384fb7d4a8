/*
 * Memory over time, the stacks against each other: taken from the machine, in slabs, held back.
 */
#include <math.h>
#include <stdlib.h>

#include "lib/mem.h"
#include "lib/text.h"
#include "lib/units.h"
#include "reports/figure.h"
#include "reports/values.h"

enum curve { CURVE_TAKEN, CURVE_SLAB, CURVE_HELD, NR_CURVES };

static const struct {
	const char *title, *column;
} curves[NR_CURVES] = {
	{"taken from the machine", "pages_taken"},
	{"pages of slabs", "slab"},
	{"held back (freed, not reusable yet)", "held_back"},
};

static double curve_at(const struct samples *s, int what, u64 t)
{
	return what == CURVE_HELD   ? samples_held_at(s, t)
	       : what == CURVE_SLAB ? samples_whole_at(s, "slab_bytes", t)
				    : samples_whole_at(s, "pages_taken_bytes", t);
}

/* Points that keep the peaks of all three curves. */
static size_t curve_points(const struct report_run *run, const struct series *lead, size_t *picks)
{
	double *mid = mem_alloc(lead->nr, sizeof(*mid));
	size_t n = 0;

	for (int c = 0; c < NR_CURVES; c++) {
		for (size_t i = 0; i < lead->nr; i++)
			mid[i] = report_band(run, curve_at, c, lead->t_ns[i]).mid;
		n += points_pick(mid, lead->nr, POINTS_MAX / NR_CURVES, picks + n);
	}
	free(mid);
	return points_merge(picks, n);
}

static int curves_write(struct report *p, const struct report_run *run, struct err *e)
{
	const struct series *lead = samples_lead(run_samples(run));
	FILE *f = report_file(&p->dir, e, "data/stacks-%s.csv", run->slug);
	size_t picks[POINTS_MAX], n = lead ? curve_points(run, lead, picks) : 0;

	if (!f)
		return -1;
	fputs("t_s", f);
	for (int c = 0; c < NR_CURVES; c++)
		fprintf(f, ",%s_bytes,%s_low,%s_high", curves[c].column, curves[c].column,
			curves[c].column);
	fputc('\n', f);
	for (size_t i = 0; i < n; i++) {
		u64 t = lead->t_ns[picks[i]];

		fprintf(f, "%.9g", (double)t / 1e9);
		for (int c = 0; c < NR_CURVES; c++) {
			struct band b = report_band(run, curve_at, c, t);

			fprintf(f, ",%.0f,%.0f,%.0f", b.mid, b.low, b.high);
		}
		fputc('\n', f);
	}
	return report_file_close(&p->dir, f, e);
}

/* The top of any seed's curve. */
static double curve_max(const struct report_run *run, int what)
{
	double most = 0;

	for (size_t k = 0; k < run->nr_seeds; k++) {
		const struct samples *s = &run->seeds[k].samples;
		const struct series *lead = samples_lead(s);

		for (size_t i = 0; lead && i < lead->nr; i++)
			most = max(most, curve_at(s, what, lead->t_ns[i]));
	}
	return most;
}

/* A column of the data, a line for each stack; bands lie behind all lines. */
static void curve_panel(struct figure *f, int what, double most)
{
	const struct report *p = f->page;
	double factor, bytes;
	const char *comma = "";

	figure_panel(f, curves[what].title);
	factor = figure_time_axis(f);
	bytes = figure_bytes_axis(f, 'y', most);
	if (!what)
		figure_legend_lines(f);
	fputs("plot ", f->gp);
	for (int line = 0; line < 2; line++) {
		for (size_t s = 0; s < p->nr_stacks; s++) {
			const struct report_run *run = figure_run(f, s);
			int column = 2 + 3 * what;

			if (!run || (!line && run->nr_seeds < 2))
				continue;
			fprintf(f->gp, "%s'../data/stacks-%s.csv' using ($1*%g):", comma, run->slug,
				factor);
			if (line)
				fprintf(f->gp, "($%d/%g) skip 1 ", column, bytes);
			else
				fprintf(f->gp, "($%d/%g):($%d/%g) skip 1 ", column + 1, bytes,
					column + 2, bytes);
			(line ? figure_line : figure_band)(f, s);
			comma = ", ";
		}
	}
	fputc('\n', f->gp);
}

/* --- Findings --- */

static void taken_words(const struct report *p, size_t load, struct text *text)
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
						  curve_max(run, CURVE_TAKEN)));
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

static void stacks_finding(const struct report *p, size_t load)
{
	char sentence[SENTENCE_MAX];
	struct text text = text_in(sentence, sizeof(sentence));

	taken_words(p, load, &text);
	held_words(p, load, &text);
	report_finding(p, "%s", sentence);
}

static int stacks_figure(struct report *p, size_t load, size_t group, const double most[NR_CURVES],
			 struct err *e)
{
	struct figure f = {.cols = 3, .panel_w = 368, .panel_h = 240, .group = group};

	figure_open(&f, p, "stacks", load, most[CURVE_HELD] > 0 ? 3 : 2);
	for (int c = 0; c < (most[CURVE_HELD] > 0 ? NR_CURVES : CURVE_HELD); c++)
		curve_panel(&f, c, most[c]);
	return figure_close(&f,
			    p->many_seeds
				    ? "Lines: median of the seeds; bands: from the lowest to "
				      "the highest. x: simulated time. All axes start at 0; "
				      "each panel has its own scale."
				    : "x: simulated time. All axes start at 0; each panel has "
				      "its own scale. Held back: what layers such as rcu keep "
				      "until a grace period has passed.",
			    e);
}

int report_stacks_figures(struct report *p, struct err *e)
{
	for (size_t i = 0; i < p->nr_runs; i++)
		if (curves_write(p, &p->runs[i], e))
			return -1;
	for (size_t load = 0; load < p->loads.nr; load++) {
		double most[NR_CURVES] = {0};

		for (size_t s = 0; s < p->nr_stacks; s++)
			for (int c = 0; report_run(p, load, s) && c < NR_CURVES; c++)
				most[c] = max(most[c], curve_max(report_run(p, load, s), c));
		report_load_heading(p, load);
		stacks_finding(p, load);
		for (size_t g = 0; g < figure_groups(p); g++)
			if (stacks_figure(p, load, g, most, e))
				return -1;
	}
	return 0;
}
