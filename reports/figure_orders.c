/*
 * Figures with a panel for each order of free blocks.
 */
#include "reports/figure_orders.h"

#include <stdio.h>

#include "lib/units.h"
#include "reports/proc_state.h"
#include "reports/values.h"

void order_columns(FILE *f, const char *prefix)
{
	fputs("t_s", f);
	for (int k = 0; k < SINK_NR_ORDERS; k++)
		fprintf(f, ",%s%d,%s%d_low,%s%d_high", prefix, k, prefix, k, prefix, k);
	fputc('\n', f);
}

void order_row(FILE *f, u64 t_ns, const struct band bands[SINK_NR_ORDERS])
{
	fprintf(f, "%.9g", (double)t_ns / 1e9);
	for (int k = 0; k < SINK_NR_ORDERS; k++)
		fprintf(f, ",%.6g,%.6g,%.6g", bands[k].mid, bands[k].low, bands[k].high);
	fputc('\n', f);
}

static void order_title(int k, char *buf, size_t n)
{
	char size[VALUE_TEXT_MAX];

	size_human((double)((u64)PROC_PAGE_BYTES << k), size, sizeof(size));
	snprintf(buf, n, "order %d (%s)", k, size);
}

/* Bands first, so that every line lies above them. */
static void order_lines(struct figure *f, const char *kind, int k, double factor)
{
	const struct report *p = f->page;
	const char *comma = "";

	fputs("plot ", f->gp);
	for (int line = 0; line < 2; line++) {
		for (size_t s = 0; s < p->nr_stacks; s++) {
			const struct report_run *run = figure_run(f, s);

			if (!run || (!line && run->nr_seeds < 2))
				continue;
			fprintf(f->gp, "%s'../data/%s-%s.csv' using ($1*%g):", comma, kind,
				run->slug, factor);
			if (line)
				fprintf(f->gp, "%d skip 1 ", 3 * k + 2);
			else
				fprintf(f->gp, "%d:%d skip 1 ", 3 * k + 3, 3 * k + 4);
			(line ? figure_line : figure_band)(f, s);
			comma = ", ";
		}
	}
	fputc('\n', f->gp);
}

/* Does the group show anybody but the hidden? */
static bool group_shows(const struct figure *f, const struct report *p)
{
	for (size_t s = 0; s < p->nr_stacks; s++)
		if (figure_run(f, s))
			return true;
	return false;
}

int order_figures(struct report *p, size_t load, const struct order_figure *o,
		  const char *how_to_read, struct err *e)
{
	size_t panels = 0;

	for (int k = 0; k < SINK_NR_ORDERS; k++)
		panels += !o->left_out[k];
	for (size_t g = 0; g < figure_groups(p); g++) {
		struct figure f = {.cols = 4,
				   .panel_w = 276,
				   .panel_h = 176,
				   .left = 54,
				   .group = g,
				   .hidden = o->hidden};

		f.page = p;
		f.load = load;
		if (!group_shows(&f, p))
			continue;
		figure_open(&f, p, o->kind, load, panels);
		for (int k = 0; k < SINK_NR_ORDERS; k++) {
			char title[96];
			double factor;

			if (o->left_out[k])
				continue;
			order_title(k, title, sizeof(title));
			figure_panel(&f, title);
			if (f.nr_panels == 1)
				figure_legend_lines(&f);
			factor = figure_time_axis(&f);
			figure_number_axis(&f, 'y', o->most[k], o->unit);
			order_lines(&f, o->kind, k, factor);
		}
		if (figure_close(&f, how_to_read, e))
			return -1;
	}
	return 0;
}
