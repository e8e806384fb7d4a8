/*
 * Figures of pressure: a panel for each curve, a line for each stack.
 */
#include "reports/figure_curves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/units.h"
#include "reports/proc_state.h"

static const struct curve *curve_of(const struct curve_figure *c, const struct pressure *p,
				    size_t panel)
{
	return p ? c->of(p, &c->panels[panel]) : NULL;
}

/* ---- The data: medians of the seeds ---- */

static struct band band_at(const struct report_run *run, const struct pressure_load *l,
			   const struct curve_figure *c, size_t panel, u64 t)
{
	double *values = mem_alloc(run->nr_seeds, sizeof(*values));
	struct band b;

	for (size_t i = 0; i < run->nr_seeds; i++)
		values[i] = curve_at(curve_of(c, &l->seeds[run->stack][i], panel), t);
	b = band_of(values, run->nr_seeds);
	free(values);
	return b;
}

static int by_time(const void *a, const void *b)
{
	const u64 *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * Instants that keep the peaks and dips of every panel: some of each curve's own, for a curve of
 * many points must not take the place of one with few.
 */
static size_t instants(const struct report_run *run, const struct pressure_load *l,
		       const struct curve_figure *c, u64 *t)
{
	size_t n = 0, kept = 0;

	for (size_t panel = 0; panel < c->nr; panel++) {
		const struct curve *own = curve_of(c, &l->seeds[run->stack][0], panel);
		size_t picks[POINTS_MAX], nr = own ? own->nr : 0;
		double *mid = mem_alloc(nr + 1, sizeof(*mid));

		for (size_t i = 0; i < nr; i++)
			mid[i] = band_at(run, l, c, panel, own->t_ns[i]).mid;
		nr = points_pick(mid, nr, POINTS_MAX / CURVE_PANELS_MAX, picks);
		for (size_t i = 0; i < nr; i++)
			t[n++] = own->t_ns[picks[i]];
		free(mid);
	}
	qsort(t, n, sizeof(*t), by_time);
	for (size_t i = 0; i < n; i++)
		if (!kept || t[kept - 1] != t[i])
			t[kept++] = t[i];
	return kept;
}

static int data_write(struct report *p, const struct report_run *run, const struct pressure_load *l,
		      const struct curve_figure *c, struct err *e)
{
	FILE *f = report_file(&p->dir, e, "data/%s-%s.csv", c->kind, run->slug);
	u64 t[POINTS_MAX];
	size_t n;

	if (!f)
		return -1;
	n = instants(run, l, c, t);
	fputs("t_s", f);
	for (size_t i = 0; i < c->nr; i++)
		fprintf(f, ",%s,%s_low,%s_high", c->panels[i].column, c->panels[i].column,
			c->panels[i].column);
	fputc('\n', f);
	for (size_t k = 0; k < n; k++) {
		fprintf(f, "%.9g", (double)t[k] / 1e9);
		for (size_t i = 0; i < c->nr; i++) {
			struct band b = band_at(run, l, c, i, t[k]);

			fprintf(f, ",%.9g,%.9g,%.9g", b.mid, b.low, b.high);
		}
		fputc('\n', f);
	}
	return report_file_close(&p->dir, f, e);
}

/* ---- The panels ---- */

/* Over all stacks and seeds, so that groups have the same axes. */
static void ends_of(const struct report *p, size_t load, const struct pressure_load *l,
		    const struct curve_figure *c, size_t panel, double *least, double *most)
{
	*most = 0;
	*least = c->panels[panel].axis == CURVE_LOG_PAGES ? INFINITY : 0;
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		for (size_t i = 0; run && i < run->nr_seeds; i++) {
			const struct curve *curve = curve_of(c, &l->seeds[s][i], panel);

			*most = curve ? max(*most, curve_most(curve)) : *most;
			*least = curve ? min(*least, curve_least(curve)) : *least;
		}
	}
}

/* Pages, as sizes; a page is the least there is. */
static void log_axis(struct figure *f, const struct curve_panel *panel, double least, double most)
{
	double top = max(most, panel->band_high) * 1.5, step;
	double bottom = max(min(least, panel->band_low) / 2, 1.0);
	const char *comma = "";

	step = top / bottom > 2000 ? 16 : top / bottom > 100 ? 4 : 2;
	fprintf(f->gp, "set logscale y 2\nset yrange [%.9g:%.9g]\nset ytics (", bottom, top);
	for (double pages = 1; pages <= top; pages *= step) {
		char size[32];

		if (pages < bottom)
			continue;
		size_human(pages * PROC_PAGE_BYTES, size, sizeof(size));
		fprintf(f->gp, "%s'%s' %.0f", comma, size, pages);
		comma = ", ";
	}
	fputs(")\n", f->gp);
	if (panel->band_high <= 0)
		return;
	fprintf(f->gp,
		"set object rectangle from graph 0, first %.9g to graph 1, first %.9g behind "
		"fillcolor rgb '" USE_3 "' fillstyle solid 0.6 noborder\n"
		"set arrow from graph 0, first %.9g to graph 1, first %.9g nohead linewidth 1 "
		"linecolor rgb '" INK_SOFT "'\n",
		max(panel->band_low, 1.0), panel->band_high, max(panel->mark, 1.0),
		max(panel->mark, 1.0));
}

static double value_axis(struct figure *f, const struct curve_panel *panel, double least,
			 double most)
{
	double unit = 1;

	switch (panel->axis) {
	case CURVE_LOG_PAGES:
		log_axis(f, panel, least, most);
		return 1;
	case CURVE_PERCENT:
		figure_number_axis(f, 'y', 100, "");
		break;
	case CURVE_NS:
		unit = figure_ns_axis(f, 'y', most);
		break;
	case CURVE_COUNT:
		figure_number_axis(f, 'y', most, "");
		break;
	}
	if (least < 0)
		fprintf(f->gp, "set yrange [%.6g:%.6g]\n", least * 1.06 / unit,
			max(most, -least / 16) * 1.06 / unit);
	for (size_t i = 0; i < panel->nr_marks; i++)
		fprintf(f->gp,
			"set arrow from graph 0, first %g to graph 1, first %g nohead linewidth 1 "
			"dashtype (6,4) linecolor rgb '%s'\n",
			panel->marks[i].height, panel->marks[i].height, panel->marks[i].colour);
	return unit;
}

/* On a logarithmic axis nothing is drawn as 1. */
static void column_put(FILE *gp, int column, double unit, bool log)
{
	if (log)
		fprintf(gp, ":($%d < 1 ? 1 : $%d)", column, column);
	else
		fprintf(gp, ":($%d/%g)", column, unit);
}

/* Bands first, so that every line lies above them. */
static void lines(struct figure *f, const struct pressure_load *l, const struct curve_figure *c,
		  size_t panel, double factor, double unit)
{
	bool log = c->panels[panel].axis == CURVE_LOG_PAGES;
	int column = (int)(3 * panel) + 2;
	const char *comma = "";

	fputs("plot ", f->gp);
	for (int line = 0; line < 2; line++) {
		for (size_t s = 0; s < f->page->nr_stacks; s++) {
			const struct report_run *run = figure_run(f, s);
			int first = line ? column : column + 1;

			if (!run || (!line && run->nr_seeds < 2) ||
			    !curve_of(c, &l->seeds[s][0], panel))
				continue;
			fprintf(f->gp, "%s'../data/%s-%s.csv' skip 1 using ($1*%g)", comma, c->kind,
				run->slug, factor);
			for (int i = first; i < first + (line ? 1 : 2); i++)
				column_put(f->gp, i, unit, log);
			fputc(' ', f->gp);
			(line ? figure_line : figure_band)(f, s);
			comma = ", ";
		}
	}
	/* A panel whose zone is of another group's stacks alone. */
	fputs(*comma ? "\n" : "1/0 notitle\n", f->gp);
}

static int group_figure(struct report *p, size_t load, const struct pressure_load *l,
			const struct curve_figure *c, size_t group, const char *how_to_read,
			struct err *e)
{
	struct figure f = {.cols = 3,
			   .panel_w = 368,
			   .panel_h = 210,
			   .left = 70,
			   .right = 26,
			   .group = group,
			   .page = p,
			   .load = load};
	bool any = false;

	for (size_t s = 0; s < p->nr_stacks; s++)
		any = any || figure_run(&f, s);
	if (!any)
		return 0;
	figure_open(&f, p, c->kind, load, c->nr);
	for (size_t i = 0; i < c->nr; i++) {
		double least, most, factor;

		ends_of(p, load, l, c, i, &least, &most);
		figure_panel(&f, c->panels[i].title);
		fputs("unset logscale y\n", f.gp);
		if (!i) {
			figure_legend_lines(&f);
			if (c->legend)
				c->legend(&f);
		}
		factor = figure_time_axis(&f);
		lines(&f, l, c, i, factor, value_axis(&f, &c->panels[i], least, most));
	}
	return figure_close(&f, how_to_read, e);
}

int curve_figures(struct report *p, size_t load, const struct pressure_load *l,
		  const struct curve_figure *c, const char *how_to_read, struct err *e)
{
	if (!c->nr)
		return 0;
	for (size_t s = 0; s < p->nr_stacks; s++)
		if (report_run(p, load, s) && data_write(p, report_run(p, load, s), l, c, e))
			return -1;
	for (size_t g = 0; g < figure_groups(p); g++)
		if (group_figure(p, load, l, c, g, how_to_read, e))
			return -1;
	return 0;
}
