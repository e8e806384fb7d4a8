/*
 * Figures of samples: panels, in each a line for each stack.
 */
#include "reports/figure_samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/assert.h"
#include "lib/mem.h"

/* ---- The data: medians of the seeds ---- */

/* Points that keep the peaks of all columns. */
static size_t points(const struct sample_figure *c, const struct report_run *run,
		     const struct series *lead, size_t *picks)
{
	double *mid = mem_alloc(lead->nr, sizeof(*mid));
	size_t n = 0;

	ASSERT(c->nr <= SAMPLE_COLUMNS_MAX);
	for (size_t k = 0; k < c->nr; k++) {
		for (size_t i = 0; i < lead->nr; i++)
			mid[i] = report_band(run, c->value, (int)k, lead->t_ns[i]).mid;
		n += points_pick(mid, lead->nr, POINTS_MAX / c->nr, picks + n);
	}
	free(mid);
	return points_merge(picks, n);
}

static void value_put(FILE *f, double v, bool whole)
{
	if (isnan(v))
		fputs(",nan", f);
	else
		fprintf(f, whole ? ",%.0f" : ",%.9g", v);
}

static void row_put(FILE *f, const struct sample_figure *c, const struct report_run *run, u64 t)
{
	fprintf(f, "%.9g", (double)t / 1e9);
	for (size_t k = 0; k < c->nr; k++) {
		struct band b = report_band(run, c->value, (int)k, t);
		bool whole = c->columns[k].unit == SAMPLE_BYTES;

		value_put(f, b.mid, whole);
		value_put(f, b.low, whole);
		value_put(f, b.high, whole);
	}
	fputc('\n', f);
}

int sample_figure_write(struct report *p, const struct sample_figure *c,
			const struct report_run *run, struct err *e)
{
	const struct series *lead = samples_lead(run_samples(run));
	FILE *f = report_file(&p->dir, e, "data/%s-%s.csv", c->kind, run->slug);
	size_t picks[POINTS_MAX], n = lead ? points(c, run, lead, picks) : 0;

	if (!f)
		return -1;
	fputs("t_s", f);
	for (size_t k = 0; k < c->nr; k++)
		fprintf(f, ",%s%s,%s_low,%s_high", c->columns[k].name,
			c->columns[k].unit == SAMPLE_BYTES ? "_bytes" : "", c->columns[k].name,
			c->columns[k].name);
	fputc('\n', f);
	for (size_t i = 0; i < n; i++)
		row_put(f, c, run, lead->t_ns[picks[i]]);
	return report_file_close(&p->dir, f, e);
}

double sample_figure_max(const struct sample_figure *c, const struct report_run *run, size_t column)
{
	double most = 0;

	for (size_t k = 0; k < run->nr_seeds; k++) {
		const struct samples *s = &run->seeds[k].samples;
		const struct series *lead = samples_lead(s);

		for (size_t i = 0; lead && i < lead->nr; i++) {
			double v = c->value(s, (int)column, lead->t_ns[i]);

			most = isnan(v) ? most : max(most, v);
		}
	}
	return most;
}

void sample_figure_most(const struct report *p, const struct sample_figure *c, size_t load,
			double *most)
{
	for (size_t k = 0; k < c->nr; k++) {
		most[k] = 0;
		for (size_t s = 0; s < p->nr_stacks; s++)
			if (report_run(p, load, s))
				most[k] = max(most[k],
					      sample_figure_max(c, report_run(p, load, s), k));
	}
}

/* ---- The panels ---- */

static size_t column_of(const struct sample_figure *c, const char *name)
{
	for (size_t k = 0; k < c->nr; k++)
		if (!strcmp(c->columns[k].name, name))
			return k;
	ASSERT(!"a column of the figure");
	return 0;
}

/* Returns what values are divided by. */
static double value_axis(struct figure *f, const struct sample_figure *c, char axis, size_t column,
			 double most)
{
	switch (c->columns[column].unit) {
	case SAMPLE_BYTES:
		return figure_bytes_axis(f, axis, most);
	case SAMPLE_NS:
		return figure_ns_axis(f, axis, most);
	case SAMPLE_PERCENT:
		figure_number_axis(f, axis, most, " %%");
		return 1;
	case SAMPLE_NUMBER:
		figure_real_axis(f, axis, most);
		return 1;
	case SAMPLE_COUNT:
		break;
	}
	figure_number_axis(f, axis, most, "");
	return 1;
}

struct panel_axes {
	double x, y; /* what values are divided by; of time: multiplied */
	int x_column, y_column;
};

static void line_put(struct figure *f, const struct sample_figure *c, const struct report_run *run,
		     const struct panel_axes *a)
{
	fprintf(f->gp, "'../data/%s-%s.csv' using ", c->kind, run->slug);
	if (a->x_column == 1)
		fprintf(f->gp, "($1*%g):", a->x);
	else
		fprintf(f->gp, "($%d/%g):", a->x_column, a->x);
}

/* What all stacks have, in the first one's words. */
static const char *behind_put(struct figure *f, const struct sample_figure *c,
			      const struct panel_axes *a, const char *name)
{
	for (size_t s = 0; s < f->page->nr_stacks; s++) {
		if (!figure_run(f, s))
			continue;
		line_put(f, c, figure_run(f, s), a);
		fprintf(f->gp,
			"($%d/%g) skip 1 with filledcurves y1=0 linecolor rgb '" USE_4 "' notitle",
			2 + 3 * (int)column_of(c, name), a->y);
		return ", ";
	}
	return "";
}

/* A column of the data, a line for each stack; bands lie behind all lines. */
static void lines(struct figure *f, const struct sample_figure *c, size_t column,
		  const struct panel_axes *a)
{
	const char *behind = c->columns[column].behind, *comma = "";

	fputs("plot ", f->gp);
	if (behind)
		comma = behind_put(f, c, a, behind);
	for (int line = 0; line < 2; line++) {
		for (size_t s = 0; s < f->page->nr_stacks; s++) {
			const struct report_run *run = figure_run(f, s);

			/* Over another column than time a band has no meaning. */
			if (!run || (!line && (run->nr_seeds < 2 || a->x_column != 1)))
				continue;
			fputs(comma, f->gp);
			line_put(f, c, run, a);
			if (line)
				fprintf(f->gp, "($%d/%g) skip 1 ", a->y_column, a->y);
			else
				fprintf(f->gp, "($%d/%g):($%d/%g) skip 1 ", a->y_column + 1, a->y,
					a->y_column + 2, a->y);
			(line ? figure_line : figure_band)(f, s);
			comma = ", ";
		}
	}
	fputc('\n', f->gp);
}

static void panel(struct figure *f, const struct sample_figure *c, size_t column,
		  const double *most, bool legend)
{
	const struct sample_column *own = &c->columns[column];
	struct panel_axes a = {.x_column = 1, .y_column = 2 + 3 * (int)column};
	double top =
		own->behind ? max(most[column], most[column_of(c, own->behind)]) : most[column];

	figure_panel(f, own->title);
	if (own->x) {
		size_t x = column_of(c, own->x);

		a.x_column = 2 + 3 * (int)x;
		a.x = value_axis(f, c, 'x', x, most[x]);
	} else {
		a.x = figure_time_axis(f);
	}
	a.y = value_axis(f, c, 'y', column, top);
	if (legend) {
		figure_legend_lines(f);
		if (c->behind_text)
			figure_legend(f, USE_4, 1, c->behind_text);
	}
	lines(f, c, column, &a);
}

static bool drawn(const struct sample_figure *c, size_t column, const double *most)
{
	return c->columns[column].title && (c->columns[column].always || most[column] > 0);
}

static int group_draw(struct report *p, const struct sample_figure *c, size_t load, size_t group,
		      const double *most, const char *how_to_read, struct err *e)
{
	bool hidden[REPORT_STACKS_MAX] = {false};
	struct figure f = {.cols = 3,
			   .panel_w = 368,
			   .panel_h = 240,
			   .group = group,
			   .hidden = c->shows ? hidden : NULL,
			   .page = p,
			   .load = load};
	size_t nr = 0, nr_drawn = 0;
	bool any = !c->shows;

	for (size_t s = 0; s < p->nr_stacks && c->shows; s++) {
		const struct report_run *run = report_run(p, load, s);

		hidden[s] = run && !c->shows(run);
		any = any || figure_run(&f, s);
	}
	for (size_t k = 0; k < c->nr; k++)
		nr += drawn(c, k, most);
	if (!any || !nr)
		return 0;
	figure_open(&f, p, c->kind, load, nr);
	for (size_t k = 0; k < c->nr; k++)
		if (drawn(c, k, most))
			panel(&f, c, k, most, !nr_drawn++);
	return figure_close(&f, how_to_read, e);
}

int sample_figure_draw(struct report *p, const struct sample_figure *c, size_t load,
		       const double *most, const char *how_to_read, struct err *e)
{
	for (size_t g = 0; g < figure_groups(p); g++)
		if (group_draw(p, c, load, g, most, how_to_read, e))
			return -1;
	return 0;
}
