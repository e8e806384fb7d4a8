/*
 * The figures that matter at one look: a panel for each, a bar for each stack.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/out.h"
#include "lib/text.h"
#include "reports/figure.h"
#include "reports/values.h"

#define ROW_PIXELS 34

enum { MEMORY, SLABS, ROUNDING, CPU_TIME, LATENCY, UNUSABLE, REFUSED, HUGE_REFUSED, STALLED };

struct shown {
	const char *metric, *unit, *title;
};

static const struct shown shown[] = {
	{"pages_taken_bytes_max", "bytes", "memory taken, at the peak"},
	{"slab_bytes_mean", "bytes", "memory in slabs, mean"},
	{"internal_frag_percent", "percent", "given beyond what was asked for"},
	{"cpu_ns", "ns", "CPU time"},
	{"alloc_latency_mean_ns", "ns", "allocation, mean latency"},
	{"unusable_free_index_9_mean", "permille", "free, but too small for a huge page"},
	/* Drawn only where there are any. */
	{"nr_failed", "count", "requests refused"},
	{"huge_failed", "count", "huge pages refused"},
	{"direct_reclaim_ns", "ns", "requests waiting for reclaim"},
};

/* In place of SLABS, which then holds little but descriptors, where every stack has stored. */
static const struct shown stored = {"store_memory_percent_mean", "percent",
				    "memory of the store, of the bytes stored"};

struct overview {
	const struct shown *shown[ARRAY_SIZE(shown)];
	struct band of[REPORT_STACKS_MAX][ARRAY_SIZE(shown)];
	bool has[REPORT_STACKS_MAX][ARRAY_SIZE(shown)];
	bool any[ARRAY_SIZE(shown)];
};

static bool all_stored(const struct report *p, size_t load)
{
	bool any = false;

	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		for (size_t k = 0; run && k < run->nr_seeds; k++) {
			if (isnan(report_summary_of(&run->seeds[k], stored.metric, NAN)))
				return false;
			any = true;
		}
	}
	return any;
}

static void overview_read(const struct report *p, size_t load, struct overview *o)
{
	for (size_t m = 0; m < ARRAY_SIZE(shown); m++)
		o->shown[m] = m == SLABS && all_stored(p, load) ? &stored : &shown[m];
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);
		double *values = run ? mem_alloc(run->nr_seeds, sizeof(*values)) : NULL;

		for (size_t m = 0; run && m < ARRAY_SIZE(shown); m++) {
			size_t n = 0;

			for (size_t k = 0; k < run->nr_seeds; k++) {
				double v =
					report_summary_of(&run->seeds[k], o->shown[m]->metric, NAN);

				if (!isnan(v))
					values[n++] = v;
			}
			if (!n)
				continue;
			o->of[s][m] = band_of(values, n);
			o->has[s][m] = true;
			o->any[m] = o->any[m] || o->of[s][m].high > 0;
		}
		free(values);
	}
}

static int overview_write(struct report *p, size_t load, const struct overview *o, struct err *e)
{
	FILE *f = report_file(&p->dir, e, "data/overview-%s.csv", p->load_slugs[load]);

	if (!f)
		return -1;
	fputs("panel,metric,unit,row,stack,median,low,high\n", f);
	for (size_t m = 0; m < ARRAY_SIZE(shown); m++) {
		for (size_t s = 0; s < p->nr_stacks; s++) {
			if (!o->has[s][m])
				continue;
			fprintf(f, "%zu,%s,%s,%zu,", m, o->shown[m]->metric, o->shown[m]->unit, s);
			csv_string(f, p->stacks[s].name);
			fprintf(f, ",%.12g,%.12g,%.12g\n", o->of[s][m].mid, o->of[s][m].low,
				o->of[s][m].high);
		}
	}
	return report_file_close(&p->dir, f, e);
}

/* "21.6 MiB, +7.8 %": against the first stack. */
static void bar_text(const struct overview *o, size_t s, size_t m, char *buf, size_t n)
{
	double base = o->of[0][m].mid, v = o->of[s][m].mid;
	struct text text = text_in(buf, n);
	char value[VALUE_TEXT_MAX], ratio[VALUE_TEXT_MAX];

	value_print(v, o->shown[m]->unit, value, sizeof(value));
	text_add(&text, "%s", value);
	if (!s || !o->has[0][m])
		return;
	/* Of a share, the difference says more than a share of a share. */
	if (!strcmp(o->shown[m]->unit, "percent") || !strcmp(o->shown[m]->unit, "permille"))
		value_print_diff(v - base, o->shown[m]->unit, ratio, sizeof(ratio));
	else
		ratio_print(base > 0 ? v / base - 1 : v > 0 ? INFINITY : 0, ratio, sizeof(ratio));
	text_add(&text, v == base ? ", the same" : ", %s", ratio);
}

static void bar_labels(struct figure *f, const struct overview *o, size_t m, size_t s, size_t row)
{
	char text[2 * VALUE_TEXT_MAX];

	bar_text(o, s, m, text, sizeof(text));
	figure_row_labels(f, row, s, o->of[s][m].high, text);
}

static void overview_panel(struct figure *f, const struct overview *o, size_t m, size_t nr)
{
	const struct report *p = f->page;
	size_t row = 0;
	double most = 0;
	const char *comma = "";

	figure_panel(f, o->shown[m]->title);
	for (size_t s = 0; s < p->nr_stacks; s++)
		most = fmax(most, o->has[s][m] ? o->of[s][m].high : 0);
	/* The text behind the longest bar takes as much again as most bars. */
	fprintf(f->gp, "unset xtics\nunset ytics\nset border 2\nset xrange [0:%.9g]\n", most * 1.8);
	fprintf(f->gp, "set yrange [-%zu:0]\n", nr);
	for (size_t s = 0; s < p->nr_stacks; s++)
		if (figure_run(f, s))
			bar_labels(f, o, m, s, row++);
	row = 0;
	fputs("plot ", f->gp);
	for (size_t s = 0; s < p->nr_stacks; s++) {
		if (!figure_run(f, s))
			continue;
		fprintf(f->gp,
			"%s'../data/overview-%s.csv' using ($1 == %zu && $4 == %zu ? 0 : "
			"1/0):(%g):(0):"
			"6:(%g):(%g) skip 1 with boxxyerror linecolor rgb '%s' notitle",
			comma, p->load_slugs[f->load], m, s, -(double)row - 0.66,
			-(double)row - 0.82, -(double)row - 0.50, p->stacks[s].colour);
		if (figure_run(f, s)->nr_seeds > 1)
			fprintf(f->gp,
				", '' using ($1 == %zu && $4 == %zu ? $7 : 1/0):(%g):($8-$7):(0) "
				"skip 1 "
				"with vectors nohead linewidth 2 linecolor rgb '" INK "' notitle",
				m, s, -(double)row - 0.66);
		row++;
		comma = ", ";
	}
	fputc('\n', f->gp);
}

/* ---- The finding ---- */

static void versus(const struct overview *o, size_t s, size_t m, const char *what,
		   struct text *text)
{
	double base = o->of[0][m].mid, v = o->of[s][m].mid;
	char ratio[VALUE_TEXT_MAX];

	if (!o->has[0][m] || !o->has[s][m] || base <= 0)
		return;
	ratio_print(v / base - 1, ratio, sizeof(ratio));
	text_add(text, text->len && text->buf[text->len - 1] != ' ' ? ", %s%s %s" : "%s%s %s",
		 v == base ? "the same " : "", v == base ? "" : ratio, what);
}

/* Who refuses more does less work: what it saves elsewhere is no gain. */
static void refused(const struct overview *o, size_t s, struct text *text)
{
	double base = o->of[0][REFUSED].mid, v = o->of[s][REFUSED].mid;

	if (o->has[0][REFUSED] && o->has[s][REFUSED] && base + v > 0)
		text_add(text, ", %.0f requests refused instead of %.0f", v, base);
}

#define FEW_STACKS 4 /* a sentence can speak of each */

static void each_stack(const struct report *p, size_t load, const struct overview *o)
{
	char sentence[SENTENCE_MAX];
	struct text text = text_in(sentence, sizeof(sentence));

	for (size_t s = 1; s < p->nr_stacks; s++) {
		if (!report_run(p, load, s))
			continue;
		text_add(&text, "%s%s ", text.len ? "; " : "", p->stacks[s].name);
		versus(o, s, MEMORY, "memory at the peak", &text);
		versus(o, s, CPU_TIME, "CPU time", &text);
		versus(o, s, LATENCY, "mean allocation latency", &text);
		refused(o, s, &text);
	}
	if (text.len)
		report_finding(p, "Against %s on %s: %s.", p->stacks[0].name, p->loads.names[load],
			       sentence);
}

/* "least memory at the peak under A (12.4 MiB), most under B (14.2 MiB)". */
static void ends_of(const struct report *p, size_t load, const struct overview *o, size_t m,
		    const char *what, struct text *text)
{
	struct spread x = {.nr = 0};
	char least[VALUE_TEXT_MAX], most[VALUE_TEXT_MAX];

	for (size_t s = 0; s < p->nr_stacks; s++)
		if (o->has[s][m])
			spread_add(&x, report_run(p, load, s), o->of[s][m].mid);
	if (!x.nr)
		return;
	value_print(x.least, o->shown[m]->unit, least, sizeof(least));
	value_print(x.most, o->shown[m]->unit, most, sizeof(most));
	if (x.least == x.most)
		text_add(text, "%sthe same %s under all (%s)", text->len ? "; " : "", what, most);
	else
		text_add(text, "%sleast %s under %s (%s), most under %s (%s)",
			 text->len ? "; " : "", what, p->stacks[x.low->stack].name, least,
			 p->stacks[x.high->stack].name, most);
}

static void overview_finding(const struct report *p, size_t load, const struct overview *o)
{
	char sentence[SENTENCE_MAX];
	struct text text = text_in(sentence, sizeof(sentence));

	if (p->nr_stacks <= FEW_STACKS && report_run(p, load, 0)) {
		each_stack(p, load, o);
		return;
	}
	ends_of(p, load, o, MEMORY, "memory at the peak", &text);
	ends_of(p, load, o, CPU_TIME, "CPU time", &text);
	ends_of(p, load, o, LATENCY, "mean allocation latency", &text);
	if (o->any[REFUSED])
		ends_of(p, load, o, REFUSED, "requests refused", &text);
	if (text.len)
		report_finding(p, "On %s: %s.", p->loads.names[load], sentence);
}

static int overview_load(struct report *p, size_t load, const struct overview *o, struct err *e)
{
	size_t panels = 0;

	for (size_t m = 0; m < ARRAY_SIZE(shown); m++)
		panels += o->any[m];
	if (!panels)
		return 0;
	if (overview_write(p, load, o, e))
		return -1;
	report_load_heading(p, load);
	overview_finding(p, load, o);
	for (size_t g = 0; g < figure_groups(p); g++) {
		struct figure f = {.cols = 3,
				   .panel_w = 368,
				   .left = 10,
				   .bottom = 10,
				   .page = p,
				   .load = load,
				   .group = g};
		size_t nr = 0;

		for (size_t s = 0; s < p->nr_stacks; s++)
			nr += figure_run(&f, s) != NULL;
		if (!nr)
			continue;
		f.panel_h = 40 + (int)nr * ROW_PIXELS;
		figure_open(&f, p, "overview", load, panels);
		for (size_t m = 0; m < ARRAY_SIZE(shown); m++)
			if (o->any[m])
				overview_panel(&f, o, m, nr);
		if (figure_close(
			    &f,
			    p->many_seeds
				    ? "Bars: median of the seeds; black: from the lowest to the "
				      "highest. Differences: against the first stack. All bars "
				      "start at 0; for all of these less is better."
				    : "Differences: against the first stack. All bars start at 0; "
				      "for all of these less is better.",
			    e))
			return -1;
	}
	return 0;
}

int report_overview(struct report *p, struct err *e)
{
	for (size_t load = 0; load < p->loads.nr; load++) {
		struct overview *o = mem_alloc(1, sizeof(*o));
		int rc;

		overview_read(p, load, o);
		rc = overview_load(p, load, o, e);
		free(o);
		if (rc)
			return -1;
	}
	return 0;
}
