/*
 * Memory over time: the stacks against each other, then where each stack's memory goes.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/text.h"
#include "lib/units.h"
#include "reports/figure.h"
#include "reports/values.h"

/*
 * What the memory a stack has taken is made of, bottom to top. With the accounting of the layers
 * the parts add up to pages_taken_bytes exactly: a slab source holds its free objects, a layer
 * above what it has not passed on yet. The first four are the pages of slabs.
 */
enum part {
	PART_OBJECTS,
	PART_ROUNDING,
	PART_SLAB_HELD,
	PART_SLAB_FREE,
	PART_PAGES,
	PART_PAGE_HELD,
	NR_PARTS
};

static const struct {
	const char *name, *column, *colour; /* no colour: the stack's own */
} parts[NR_PARTS] = {
	{"objects, as requested", "objects_requested", "#2f3b49"},
	{"rounding", "rounding", "#74869b"},
	{"held back by slab layers", "held_by_slab_layers", NULL},
	{"free in slabs", "free_in_slabs", "#b0bdcb"},
	{"pages, as requested", "pages_requested", "#e4e9ef"},
	{"held back by page layers", "held_by_page_layers", NULL},
};

static double whole_at(const struct samples *s, const char *metric, u64 t)
{
	return series_at(samples_find(s, "", metric), t);
}

/* One instant's parts, each at least 0 however the figures were sampled. */
static void parts_at(const struct samples *s, u64 t, double v[NR_PARTS])
{
	double req = whole_at(s, "bytes_req_live", t), slab = whole_at(s, "slab_bytes", t);
	double handed_out = samples_outer_at(s, "pages", "live_bytes", t);

	v[PART_PAGES] = max(handed_out - slab, 0.0);
	v[PART_OBJECTS] = max(req - v[PART_PAGES], 0.0);
	v[PART_ROUNDING] = max(whole_at(s, "bytes_alloc_live", t) - req, 0.0);
	v[PART_SLAB_HELD] = samples_above_at(s, "slab", "held_bytes", t);
	v[PART_SLAB_FREE] = max(slab - v[PART_OBJECTS] - v[PART_ROUNDING] - v[PART_SLAB_HELD], 0.0);
	v[PART_PAGE_HELD] = samples_above_at(s, "pages", "held_bytes", t);
}

/* The series whose instants the curves use; NULL if memory was not sampled. */
static const struct series *lead_of(const struct report_run *run)
{
	const struct series *taken = samples_find(&run->samples, "", "pages_taken_bytes");

	return taken ? taken : samples_find(&run->samples, "", "slab_bytes");
}

static double held_at(const struct report_run *run, u64 t)
{
	return samples_above_at(&run->samples, "slab", "held_bytes", t) +
	       samples_above_at(&run->samples, "pages", "held_bytes", t);
}

static double held_max(const struct report_run *run)
{
	const struct series *lead = lead_of(run);
	double most = 0;

	for (size_t i = 0; lead && i < lead->nr; i++)
		most = max(most, held_at(run, lead->t_ns[i]));
	return most;
}

static double whole_max(const struct report_run *run, const char *metric)
{
	return series_max(samples_find(&run->samples, "", metric));
}

/*
 * Points that keep the peaks of all three curves that are compared: memory taken, slabs, held back.
 */
static size_t memory_points(const struct report_run *run, const struct series *lead, size_t *picks)
{
	double *slab = mem_alloc(lead->nr, sizeof(*slab)),
	       *held = mem_alloc(lead->nr, sizeof(*held));
	const double *const curves[] = {lead->value, slab, held};
	size_t n = 0;

	for (size_t i = 0; i < lead->nr; i++) {
		slab[i] = whole_at(&run->samples, "slab_bytes", lead->t_ns[i]);
		held[i] = held_at(run, lead->t_ns[i]);
	}
	for (size_t c = 0; c < ARRAY_SIZE(curves); c++)
		n += points_pick(curves[c], lead->nr, POINTS_MAX / 3, picks + n);
	free(slab);
	free(held);
	return points_merge(picks, n);
}

static void write_points(FILE *f, const struct report_run *run, const struct series *lead)
{
	size_t picks[POINTS_MAX], n = memory_points(run, lead, picks);

	for (size_t i = 0; i < n; i++) {
		u64 t = lead->t_ns[picks[i]];
		double v[NR_PARTS];

		parts_at(&run->samples, t, v);
		fprintf(f, "%.9g", (double)t / 1e9);
		for (size_t k = 0; k < NR_PARTS; k++)
			fprintf(f, ",%.0f", v[k]);
		fprintf(f, ",%.0f,%.0f\n", whole_at(&run->samples, "slab_bytes", t),
			whole_at(&run->samples, "pages_taken_bytes", t));
	}
}

static int write_run(struct report *p, const struct report_run *run, struct err *e)
{
	FILE *f = report_file(&p->dir, e, "data/memory-%s.csv", run->slug);

	if (!f)
		return -1;
	fputs("t_s", f);
	for (size_t k = 0; k < NR_PARTS; k++)
		fprintf(f, ",%s", parts[k].column);
	fputs(",slab_bytes,pages_taken_bytes\n", f);
	if (lead_of(run))
		write_points(f, run, lead_of(run));
	return report_file_close(&p->dir, f, e);
}

/* One panel: a column of the data, a line for each stack. */
static void stacks_panel(struct figure *f, size_t load, const char *title, const char *column,
			 double most, bool keys)
{
	const struct report *p = f->page;
	const char *unit, *comma = "";
	double bytes, factor;

	figure_panel(f, title);
	factor = figure_time_axis(f, report_load_end(p, load));
	bytes = figure_bytes_axis(f, 'y', most, &unit);
	fprintf(f->gp, "set ylabel '%s' offset 1,0\n", unit);
	if (keys)
		figure_legend_lines(f, load);
	fputs("plot ", f->gp);
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (!run)
			continue;
		fprintf(f->gp, "%s'../data/memory-%s.csv' using ($1*%g):(%s/%g) skip 1 ", comma,
			run->slug, factor, column, bytes);
		figure_line(f, s);
		comma = ", ";
	}
	fputc('\n', f->gp);
}

static double taken_max(const struct report_run *run)
{
	return whole_max(run, "pages_taken_bytes");
}

/* "rcu 54.5 MiB, plain 51.4 MiB": the summary's figure, for a peak may lie between two samples. */
static void taken_by_stack(const struct report *p, size_t load, struct text *text)
{
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);
		char amount[VALUE_TEXT_MAX];

		if (!run)
			continue;
		size_human(report_summary(p, run, "pages_taken_bytes_max", taken_max(run)), amount,
			   sizeof(amount));
		text_add(text, "%s%s %s", text->len ? ", " : "", p->stacks[s].name, amount);
	}
}

/* Most and mean of what a run holds back; returns the instant of the first peak. */
static u64 held_figures(const struct report_run *run, double *most, double *mean)
{
	const struct series *lead = lead_of(run);
	u64 t_ns = 0;

	*most = *mean = 0;
	for (size_t i = 0; lead && i < lead->nr; i++) {
		double held = held_at(run, lead->t_ns[i]);

		*mean += held / (double)lead->nr;
		if (held > *most) {
			*most = held;
			t_ns = lead->t_ns[i];
		}
	}
	return t_ns;
}

/* "plain nothing, rcu 8.25 MiB at 4 s (mean 301 KiB)". */
static void held_by_stack(const struct report *p, size_t load, struct text *text)
{
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);
		char amount[VALUE_TEXT_MAX], average[VALUE_TEXT_MAX], when[VALUE_TEXT_MAX];
		double most, mean;

		if (!run)
			continue;
		time_human((double)held_figures(run, &most, &mean), when, sizeof(when));
		size_human(most, amount, sizeof(amount));
		size_human(mean, average, sizeof(average));
		text_add(text, "%s%s ", text->len ? ", " : "", p->stacks[s].name);
		if (most > 0)
			text_add(text, "%s at %s (mean %s)", amount, when, average);
		else
			text_add(text, "nothing");
	}
}

static int stacks_figure(struct report *p, size_t load, struct err *e)
{
	struct figure f = {.height = 290,
			   .rows = 1,
			   .left = 74,
			   .right = 12,
			   .top = 30,
			   .bottom = 84,
			   .gap_x = 78};
	double taken = 0, slab = 0, held = 0;
	char held_columns[32];
	char taken_words[SENTENCE_MAX], held_words[SENTENCE_MAX];
	struct text taken_text = text_in(taken_words, sizeof(taken_words));
	struct text held_text = text_in(held_words, sizeof(held_words));

	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (run) {
			taken = max(taken, taken_max(run));
			slab = max(slab, whole_max(run, "slab_bytes"));
			held = max(held, held_max(run));
		}
	}
	taken_by_stack(p, load, &taken_text);
	held_by_stack(p, load, &held_text);
	report_finding(p,
		       held > 0 ? "Most memory taken: %s. Most held back from reuse: %s."
				: "Most memory taken: %s. No stack holds memory back.",
		       taken_words, held_words);
	f.cols = f.panels = held > 0 ? 3 : 2;
	/* Columns count from 1, and the first is the time. */
	snprintf(held_columns, sizeof(held_columns), "($%d+$%d)", PART_SLAB_HELD + 2,
		 PART_PAGE_HELD + 2);
	if (figure_open(&f, p, "stacks", load, e))
		return -1;
	stacks_panel(&f, load, "taken from the machine", "$9", taken, true);
	stacks_panel(&f, load, "pages of slabs", "$8", slab, false);
	if (held > 0)
		stacks_panel(&f, load, "held back (freed, not reusable yet)", held_columns, held,
			     false);
	return figure_close(
		&f,
		"All axes start at 0; each panel has its own scale. Held back: what layers "
		"such as rcu keep until a grace period has passed.",
		e);
}

int report_stacks_figures(struct report *p, struct err *e)
{
	for (size_t i = 0; i < p->nr_runs; i++)
		if (write_run(p, &p->runs[i], e))
			return -1;
	for (size_t load = 0; load < p->loads.nr; load++) {
		report_load_heading(p, load);
		if (stacks_figure(p, load, e))
			return -1;
	}
	return 0;
}

static const char *part_fill(int k)
{
	return k == PART_PAGE_HELD ? "solid 0.5" : "solid 1";
}

/* Of a part that has the stack's own colour, the legend shows those of all which hold back. */
static void parts_legend(struct figure *f, size_t load, const bool shown[NR_PARTS])
{
	const struct report *p = f->page;
	const char *own[REPORT_STACKS_MAX];
	size_t nr = 0;

	for (size_t s = 0; s < p->nr_stacks; s++)
		if (report_run(p, load, s) && held_max(report_run(p, load, s)) > 0)
			own[nr++] = p->stacks[s].colour;
	for (int k = 0; k < NR_PARTS; k++) {
		if (!shown[k])
			continue;
		if (parts[k].colour)
			figure_legend(f, parts[k].colour, part_fill(k), parts[k].name);
		else
			figure_legend_own(f, own, nr, part_fill(k), parts[k].name);
	}
}

/* Bands from the outside in: each is drawn from 0 to its upper edge, over the one before. */
static void parts_plot(struct figure *f, const struct report_run *run, double factor, double bytes,
		       const bool shown[NR_PARTS])
{
	const char *own = f->page->stacks[run->stack].colour, *comma = "";

	fputs("plot ", f->gp);
	for (int k = NR_PARTS - 1; k >= 0; k--) {
		if (!shown[k])
			continue;
		fprintf(f->gp, "%s'../data/memory-%s.csv' using ($1*%g):((", comma, run->slug,
			factor);
		for (int j = 0; j <= k; j++)
			fprintf(f->gp, "%s$%d", j ? "+" : "", j + 2);
		fprintf(f->gp,
			")/%g) skip 1 with filledcurves y1=0 linecolor rgb '%s' fillstyle %s "
			"notitle",
			bytes, parts[k].colour ? parts[k].colour : own, part_fill(k));
		comma = ", ";
	}
	fputc('\n', f->gp);
}

/* The share nobody asked for when the run's memory is most. */
static double excess_at_peak(const struct report_run *run)
{
	const struct series *lead = lead_of(run);
	double v[NR_PARTS], sum = 0;
	size_t peak = 0;

	for (size_t i = 0; i < lead->nr; i++)
		peak = lead->value[i] > lead->value[peak] ? i : peak;
	parts_at(&run->samples, lead->t_ns[peak], v);
	for (size_t k = 0; k < NR_PARTS; k++)
		sum += v[k];
	return 100 - 100 * (v[PART_OBJECTS] + v[PART_PAGES]) / max(sum, 1.0);
}

static void memory_finding(const struct report *p, size_t load)
{
	char sentence[SENTENCE_MAX];
	struct text text = text_in(sentence, sizeof(sentence));

	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (run && lead_of(run))
			text_add(&text, "%s%s %.1f %%", text.len ? ", " : "", p->stacks[s].name,
				 excess_at_peak(run));
	}
	report_finding(p, "Share of the memory that nobody asked for, when most is taken: %s.",
		       sentence);
}

/* Which parts are ever there; false: none. */
static bool parts_shown(const struct report *p, size_t load, bool shown[NR_PARTS])
{
	bool any = false;

	memset(shown, 0, NR_PARTS * sizeof(*shown));
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);
		const struct series *lead = run ? lead_of(run) : NULL;

		for (size_t i = 0; lead && i < lead->nr; i++) {
			double v[NR_PARTS];

			parts_at(&run->samples, lead->t_ns[i], v);
			for (size_t k = 0; k < NR_PARTS; k++)
				shown[k] = shown[k] || v[k] > 0;
		}
	}
	for (size_t k = 0; k < NR_PARTS; k++)
		any = any || shown[k];
	return any;
}

static int memory_figure(struct report *p, size_t load, const bool shown[NR_PARTS], struct err *e)
{
	struct figure f = {
		.left = 74, .right = 12, .top = 30, .bottom = 84, .gap_x = 40, .gap_y = 76};
	bool keys = true;
	double taken = 0;
	size_t nr = 0;

	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (!run)
			continue;
		nr++;
		taken = max(taken, taken_max(run));
		taken = max(taken, whole_max(run, "slab_bytes"));
	}
	f.panels = (int)nr;
	f.cols = (int)min(nr, (size_t)3);
	f.rows = (int)DIV_ROUND_UP(nr, (size_t)3);
	f.height = f.top + f.bottom + f.rows * 230 + (f.rows - 1) * f.gap_y;
	if (figure_open(&f, p, "memory", load, e))
		return -1;
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);
		double factor, bytes;
		const char *unit;

		if (!run)
			continue;
		figure_panel(&f, p->stacks[s].name);
		factor = figure_time_axis(&f, report_load_end(p, load));
		bytes = figure_bytes_axis(&f, 'y', taken, &unit);
		fprintf(f.gp, "set ylabel '%s' offset 1,0\n", keys ? unit : "");
		if (keys)
			parts_legend(&f, load, shown);
		parts_plot(&f, run, factor, bytes, shown);
		keys = false;
	}
	return figure_close(&f,
			    "Bands add up to all memory taken from the machine; the same scale in "
			    "each panel. Greys: what every stack has; the stack's own colour: what "
			    "its layers hold back.",
			    e);
}

int report_memory_figures(struct report *p, struct err *e)
{
	for (size_t load = 0; load < p->loads.nr; load++) {
		bool shown[NR_PARTS];

		report_load_heading(p, load);
		if (!parts_shown(p, load, shown)) {
			fputs("<p>Memory was not sampled.</p>\n", p->html);
			continue;
		}
		memory_finding(p, load);
		if (memory_figure(p, load, shown, e))
			return -1;
	}
	return 0;
}
