/*
 * Density and time over the size of objects: a million allocations, and the curve.
 *
 * Loads of one workload whose names differ in their numbers only ("64B", "size-4096") are a sweep,
 * if their objects have SIZES_MIN sizes at least. If they have one size, the number is what they
 * differ in ("cpus8"): then it is time and waiting over that.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/out.h"
#include "lib/text.h"
#include "lib/units.h"
#include "reports/figure.h"
#include "reports/figure_store.h"
#include "reports/html.h"
#include "reports/values.h"

#define SIZES_MIN 3
#define LOG_FROM 8 /* most over least: a logarithmic axis */

enum { SERVED, DENSITY, PER_BYTE, MALLOC, WRITE, READ, FREE, WAITS, NR_CURVES };

/* Of memory two figures: the end's count where something is stored then, else the mean. */
static const struct {
	const char *title, *column, *metric, *at_end;
	bool over_size, over_number;
} curves[NR_CURVES] = {
	[SERVED] = {"allocations in all", "nr_alloc", "nr_alloc", NULL, false, true},
	[DENSITY] = {"density: objects a page", "density", "store_density_mean",
		     "store_density_end", true, false},
	[PER_BYTE] = {"memory for what is stored", "memory_percent", "store_memory_percent_mean",
		      "store_memory_percent_end", true, false},
	[MALLOC] = {"time of a malloc, mean", "malloc_ns", "store_malloc_mean_ns", NULL, true,
		    true},
	[WRITE] = {"time of a write, mean", "write_ns", "store_write_mean_ns", NULL, true, true},
	[READ] = {"time of a read, mean", "read_ns", "store_read_mean_ns", NULL, true, true},
	[FREE] = {"time of a free, mean", "free_ns", "store_free_mean_ns", NULL, true, true},
	[WAITS] = {"waits for locks, together", "lock_wait_ns", "lock_wait_ns", NULL, false, true},
};

struct sweep {
	size_t *loads, nr; /* by x */
	double *x;	   /* of each: the size of its objects, or the number in its name */
	bool over_number;
	bool at_end; /* all of them still store something then */
	double least[NR_CURVES], most[NR_CURVES];
	bool shown[REPORT_STACKS_MAX];
};

/* ---- Which loads belong together ---- */

/* The next byte of a name with each number and its unit as '#'. */
static int letter(const char **name)
{
	if (!isdigit((u8) * *name))
		return **name ? *(*name)++ : 0;
	while (isdigit((u8) * *name))
		(*name)++;
	if (**name && strchr("kKM", **name))
		(*name)++;
	if (**name == 'i')
		(*name)++;
	if (**name == 'B')
		(*name)++;
	return '#';
}

static bool names_alike(const char *a, const char *b)
{
	int x, y;

	do {
		x = letter(&a);
		y = letter(&b);
	} while (x && x == y);
	return x == y;
}

static const struct report_run *run_of_load(const struct report *p, size_t load)
{
	for (size_t s = 0; s < p->nr_stacks; s++)
		if (report_run(p, load, s) &&
		    samples_has_store(run_samples(report_run(p, load, s))))
			return report_run(p, load, s);
	return NULL;
}

static double size_of(const struct report *p, size_t load)
{
	const struct report_run *run = run_of_load(p, load);

	return run ? report_summary(run, "store_size_mean", NAN) : NAN;
}

static bool belong(const struct report *p, size_t a, size_t b)
{
	const struct report_run *x = run_of_load(p, a), *y = run_of_load(p, b);

	return x && y && names_alike(p->loads.names[a], p->loads.names[b]) &&
	       !strcmp(x->info->input, y->info->input) && !isnan(size_of(p, a)) &&
	       !isnan(size_of(p, b));
}

static void insert(struct sweep *w, size_t load, double x)
{
	size_t at = w->nr++;

	for (; at && w->x[at - 1] > x; at--) {
		w->x[at] = w->x[at - 1];
		w->loads[at] = w->loads[at - 1];
	}
	w->x[at] = x;
	w->loads[at] = load;
}

static double number_of(const struct report *p, size_t load)
{
	const char *digits = strpbrk(p->loads.names[load], "0123456789");

	return digits ? strtod(digits, NULL) : 0;
}

/* The loads that belong to `first`; false: they have too few different x. */
static bool take(const struct report *p, size_t first, struct sweep *w,
		 double (*x)(const struct report *p, size_t load))
{
	size_t nr = 0;

	w->nr = 0;
	for (size_t load = first; load < p->loads.nr; load++)
		if (belong(p, first, load) && x(p, load) > 0)
			insert(w, load, x(p, load));
	/* Means of one distribution differ a little. */
	for (size_t i = 0; i < w->nr; i++)
		nr += !i || w->x[i] > 1.05 * w->x[i - 1];
	return nr >= SIZES_MIN;
}

/* Those that belong to `first`, which none before it belongs to; false: too few. */
static bool sweep_find(const struct report *p, size_t first, struct sweep *w)
{
	for (size_t load = 0; load < first; load++)
		if (belong(p, load, first))
			return false;
	w->over_number = false;
	if (take(p, first, w, size_of))
		return true;
	w->over_number = true;
	return take(p, first, w, number_of);
}

/* Of time a store tells even if no sample saw it with a page. */
static bool has_part(const struct sweep *w, const struct report_run *run)
{
	return w->over_number ? samples_has_store(run_samples(run)) : store_shown(run);
}

static bool curve_drawn(const struct sweep *w, int curve)
{
	return (w->over_number ? curves[curve].over_number : curves[curve].over_size) &&
	       w->most[curve] > 0;
}

/* ---- The data ---- */

static double value_of(const struct sweep *w, const struct report_run *run, int curve)
{
	bool at_end = w->at_end && curves[curve].at_end;

	return report_summary(run, at_end ? curves[curve].at_end : curves[curve].metric, NAN);
}

static void row_write(FILE *f, const struct report *p, struct sweep *w,
		      const struct report_run *run, double size)
{
	fprintf(f, "%zu,", run->stack);
	csv_string(f, p->stacks[run->stack].name);
	fputc(',', f);
	csv_string(f, run->info->load);
	fprintf(f, ",%.9g", size);
	for (int k = 0; k < NR_CURVES; k++) {
		double v = value_of(w, run, k);

		if (isnan(v)) {
			fputs(",nan", f);
			continue;
		}
		fprintf(f, ",%.9g", v);
		w->most[k] = max(w->most[k], v);
		w->least[k] = w->least[k] > 0 ? min(w->least[k], v) : v;
	}
	fputc('\n', f);
}

static void ends_find(const struct report *p, struct sweep *w)
{
	w->at_end = true;
	for (size_t i = 0; i < w->nr; i++) {
		for (size_t s = 0; s < p->nr_stacks; s++) {
			const struct report_run *run = report_run(p, w->loads[i], s);

			if (run && has_part(w, run))
				w->at_end =
					w->at_end && report_summary(run, "store_objs_end", 0) > 0;
		}
	}
}

static int sweep_write(struct report *p, struct sweep *w, struct err *e)
{
	FILE *f = report_file(&p->dir, e, "data/store-sizes-%s.csv", p->load_slugs[w->loads[0]]);

	if (!f)
		return -1;
	fprintf(f, "row,stack,load,%s", w->over_number ? "number" : "size");
	for (int k = 0; k < NR_CURVES; k++)
		fprintf(f, ",%s", curves[k].column);
	fputc('\n', f);
	for (size_t s = 0; s < p->nr_stacks; s++) {
		for (size_t i = 0; i < w->nr; i++) {
			const struct report_run *run = report_run(p, w->loads[i], s);

			if (!run || !has_part(w, run))
				continue;
			w->shown[s] = true;
			row_write(f, p, w, run, w->x[i]);
		}
	}
	return report_file_close(&p->dir, f, e);
}

/* ---- The panels ---- */

/* Powers of two between two ends. */
static void log_axis(struct figure *f, char axis, double least, double most,
		     void (*name)(double v, char *buf, size_t n))
{
	const char *comma = "";
	double step = most / least > (axis == 'x' ? 32 : 1000) ? 4 : 2; /* room for the names */

	fprintf(f->gp, "set logscale %c 2\nset %crange [%.9g:%.9g]\nset %ctics (", axis, axis,
		least * 0.9, most * 1.1, axis);
	for (double v = exp2(floor(log2(least))); v <= most * 1.1; v *= step) {
		char text[32];

		if (v < least * 0.9)
			continue;
		name(v, text, sizeof(text));
		fprintf(f->gp, "%s'%s' %.9g", comma, text, v);
		comma = ", ";
	}
	fputs(")\n", f->gp);
}

static void number_name(double v, char *buf, size_t n)
{
	snprintf(buf, n, "%.3g", v);
}

static void share_name(double v, char *buf, size_t n)
{
	snprintf(buf, n, "%g %%%%", 100 * v); /* gnuplot takes it for a format */
}

/* Wide enough for powers of two. */
static bool wide(double least, double most)
{
	return least > 0 && most / least >= LOG_FROM;
}

/* Returns what x is divided by. */
static double x_axis(struct figure *f, const struct sweep *w, int curve)
{
	double first = w->x[0], last = w->x[w->nr - 1], unit;

	if (w->over_number && wide(first, last)) {
		log_axis(f, 'x', first, last, number_name);
		return 1;
	}
	if (w->over_number) {
		figure_number_axis(f, 'x', last, "");
		return 1;
	}
	if (curve == DENSITY && wide(first, last)) {
		log_axis(f, 'x', first, last, size_human);
		return 1;
	}
	unit = figure_bytes_axis(f, 'x', last);
	if (unit > 1 && last <= 4 * unit)
		fputs(last <= 2 * unit ? "set xtics 0,0.5\n" : "set xtics 0,1\n", f->gp);
	return unit;
}

/* Returns what values are divided by. */
static double y_axis(struct figure *f, const struct sweep *w, int curve)
{
	double least = w->least[curve], most = w->most[curve];

	switch (curve) {
	case SERVED:
		figure_number_axis(f, 'y', most, "");
		return 1;
	case DENSITY:
		if (wide(least, most))
			log_axis(f, 'y', least, most, number_name);
		else
			figure_real_axis(f, 'y', most);
		return 1;
	case PER_BYTE:
		if (wide(least, most)) {
			log_axis(f, 'y', least / 100, most / 100, share_name);
			return 100;
		}
		figure_number_axis(f, 'y', most, " %%");
		return 1;
	}
	return figure_ns_axis(f, 'y', most);
}

static void sizes_panel(struct figure *f, const struct sweep *w, int curve, bool first)
{
	const struct report *p = f->page;
	const char *comma = "";
	double x, y;

	figure_panel(f, curves[curve].title);
	fputs("unset logscale\n", f->gp);
	x = x_axis(f, w, curve);
	y = y_axis(f, w, curve);
	if (first)
		figure_legend_lines(f);
	fputs("plot ", f->gp);
	for (size_t s = 0; s < p->nr_stacks; s++) {
		if (!figure_run(f, s))
			continue;
		fprintf(f->gp,
			"%s'../data/store-sizes-%s.csv' using ($1 == %zu ? $4/%g : 1/0):($%d/%g) "
			"skip 1 ",
			comma, p->load_slugs[f->load], s, x, 5 + curve, y);
		figure_line(f, s);
		comma = ", ";
	}
	fputc('\n', f->gp);
}

static const char how_number[] = "x: the number in the loads' names, on a logarithmic axis; the "
				 "names differ in nothing else.";
static const char how_size_at_end[] =
	"x: size of the objects of a load; too large for a store, they have a page each. Memory, "
	"at the end: pages for contents and descriptors, in percent of the bytes stored. "
	"Steps of powers of two: a logarithmic axis.";
static const char how_size_mean[] =
	"x: size of the objects of a load; too large for a store, they have a page each. Memory, "
	"mean over time: pages for contents and descriptors, in percent of the bytes stored. "
	"Steps of powers of two: a logarithmic axis.";

static int sizes_group(struct report *p, const struct sweep *w, size_t group, struct err *e)
{
	bool hidden[REPORT_STACKS_MAX];
	struct figure f = {.cols = 3,
			   .panel_w = 368,
			   .panel_h = 260,
			   .left = 74,
			   .group = group,
			   .hidden = hidden,
			   .page = p,
			   .load = w->loads[0]};
	size_t nr = 0;
	bool any = false;

	for (size_t s = 0; s < p->nr_stacks; s++) {
		hidden[s] = !w->shown[s];
		any = any || figure_run(&f, s);
	}
	for (int k = 0; k < NR_CURVES; k++)
		nr += curve_drawn(w, k);
	if (!any || !nr)
		return 0;
	figure_open(&f, p, "store-sizes", w->loads[0], nr);
	for (int k = 0; k < NR_CURVES; k++)
		if (curve_drawn(w, k))
			sizes_panel(&f, w, k, !f.nr_panels);
	return figure_close(&f,
			    w->over_number ? how_number
			    : w->at_end	   ? how_size_at_end
					   : how_size_mean,
			    e);
}

/* ---- The finding ---- */

/* Who needs least memory for how many of the sizes. */
static void sizes_finding(const struct report *p, const struct sweep *w)
{
	size_t best[REPORT_STACKS_MAX] = {0}, nr = 0;
	char sentence[SENTENCE_MAX], least[VALUE_TEXT_MAX], most[VALUE_TEXT_MAX];
	struct text text = text_in(sentence, sizeof(sentence));

	for (size_t i = 0; i < w->nr; i++) {
		struct spread x = {.nr = 0};

		for (size_t s = 0; s < p->nr_stacks; s++) {
			const struct report_run *run = report_run(p, w->loads[i], s);
			double v = run && has_part(w, run) ? value_of(w, run, PER_BYTE) : NAN;

			if (!isnan(v))
				spread_add(&x, run, v);
		}
		if (!x.nr)
			continue;
		nr++;
		if (x.nr_low == 1)
			best[x.low->stack]++;
	}
	for (size_t s = 0; s < p->nr_stacks; s++)
		if (best[s])
			text_add(&text, "%s%s for %zu", text.len ? ", " : "", p->stacks[s].name,
				 best[s]);
	size_human(w->x[0], least, sizeof(least));
	size_human(w->x[w->nr - 1], most, sizeof(most));
	if (text.len)
		report_finding(p,
			       "Of %zu loads with objects of %s to %s, least memory for the bytes "
			       "stored takes %s.",
			       nr, least, most, sentence);
}

/* What the last load of the row serves, for each one of the first. */
static void number_finding(const struct report *p, const struct sweep *w)
{
	struct spread x = {.nr = 0};

	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *first = report_run(p, w->loads[0], s);
		const struct report_run *last = report_run(p, w->loads[w->nr - 1], s);
		double from = first ? report_summary(first, "nr_alloc", 0) : 0;

		if (from > 0 && last && w->shown[s])
			spread_add(&x, last, report_summary(last, "nr_alloc", 0) / from);
	}
	if (x.nr)
		report_finding(p,
			       "From %s to %s: %.3g times as many allocations under %s, %.3g times "
			       "under %s.",
			       p->loads.names[w->loads[0]], p->loads.names[w->loads[w->nr - 1]],
			       x.most, p->stacks[x.high->stack].name, x.least,
			       p->stacks[x.low->stack].name);
}

static void heading(const struct report *p, const struct sweep *w)
{
	fputs("<h3>", p->html);
	html_print(p->html, "Over the %s: %s to %s",
		   w->over_number ? "number in the loads' names" : "size of objects",
		   p->loads.names[w->loads[0]], p->loads.names[w->loads[w->nr - 1]]);
	fputs("</h3>\n", p->html);
}

int store_sizes_figures(struct report *p, bool *shown, struct err *e)
{
	for (size_t first = 0; first < p->loads.nr; first++) {
		struct sweep w = {.loads = mem_alloc(p->loads.nr, sizeof(*w.loads)),
				  .x = mem_alloc(p->loads.nr, sizeof(*w.x))};
		int rc = 0;

		if (sweep_find(p, first, &w)) {
			ends_find(p, &w);
			for (size_t i = 0; i < w.nr; i++)
				shown[w.loads[i]] = true;
			heading(p, &w);
			rc = sweep_write(p, &w, e);
			if (!rc)
				(w.over_number ? number_finding : sizes_finding)(p, &w);
			for (size_t g = 0; g < figure_groups(p) && !rc; g++)
				rc = sizes_group(p, &w, g, e);
		}
		free(w.loads);
		free(w.x);
		if (rc)
			return -1;
	}
	return 0;
}
