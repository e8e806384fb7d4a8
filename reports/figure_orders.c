/*
 * Free memory by order over time: free blocks, and how much of it a request of each order cannot
 * use. A panel for each order, a line for each stack.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/text.h"
#include "lib/units.h"
#include "reports/figure.h"
#include "reports/values.h"

/* The order whose availability decides on huge pages (2 MiB). */
#define HUGE_ORDER 9
/* Panels are small: a quarter of the page. */
#define ORDER_POINTS 160

static void order_title(int k, char *buf, size_t n)
{
	char size[VALUE_TEXT_MAX];

	size_human((double)(4096ULL << k), size, sizeof(size));
	snprintf(buf, n, "order %d (%s)", k, size);
}

/* Axis titles stand at the left and below only: the panels share them. */
static double order_axes(struct figure *f, size_t load, const char *ylabel, double most)
{
	bool leftmost = ((int)f->nr_panels - 1) % f->cols == 0;

	fprintf(f->gp, "set ylabel '%s'\nset yrange [0:%.6g]\n", leftmost ? ylabel : "",
		most > 0 ? most * 1.08 : 1);
	return figure_time_axis(f, report_load_end(f->page, load));
}

/* Lines of column 2 + k of each run's data. */
static void order_lines(struct figure *f, size_t load, const char *kind, int k, double factor)
{
	const struct report *p = f->page;
	const char *comma = "";

	fputs("plot ", f->gp);
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (!run || f->hidden[s])
			continue;
		fprintf(f->gp, "%s'../data/%s-%s.csv' using ($1*%g):%d skip 1 ", comma, kind,
			run->slug, factor, k + 2);
		figure_line(f, s);
		comma = ", ";
	}
	fputc('\n', f->gp);
}

/* A panel for each order from `first` that is not left out; most[k] is the top of its axis. */
static void order_panels(struct figure *f, size_t load, const char *kind, int first,
			 const char *ylabel, const double most[SINK_NR_ORDERS],
			 const bool left_out[SINK_NR_ORDERS])
{
	f->panels = 0;
	for (int k = first; k < SINK_NR_ORDERS; k++)
		f->panels += !left_out[k];
	fputs("set tics font ',11'\n", f->gp);
	for (int k = first; k < SINK_NR_ORDERS; k++) {
		char title[96];

		if (left_out[k])
			continue;
		order_title(k, title, sizeof(title));
		figure_panel(f, title);
		if (f->nr_panels == 1)
			figure_legend_lines(f, load);
		order_lines(f, load, kind, k, order_axes(f, load, ylabel, most[k]));
	}
}

/* --- free blocks --- */

struct free_load {
	struct free_series runs[REPORT_STACKS_MAX]; /* by stack */
	double most[SINK_NR_ORDERS];
	bool hidden[REPORT_STACKS_MAX];
	bool any;
};

/* Takes a run into the axes; false if it never reports a free block (it keeps no free lists). */
static bool free_most(struct free_load *fl, const struct free_series *b)
{
	bool any = false;

	for (size_t i = 0; i < b->nr; i++)
		for (int k = 0; k < SINK_NR_ORDERS; k++)
			any = any || b->nr_free[i][k];
	for (size_t i = 0; i < b->nr; i++)
		for (int k = 0; k < SINK_NR_ORDERS; k++)
			fl->most[k] = max(fl->most[k], (double)b->nr_free[i][k]);
	fl->any = fl->any || any;
	return any;
}

static int free_write(struct report *p, const struct report_run *run, const struct free_series *b,
		      struct err *e)
{
	FILE *f = report_file(&p->dir, e, "data/free-%s.csv", run->slug);
	double *total = mem_alloc(b->nr, sizeof(*total));
	size_t picks[ORDER_POINTS], n;

	for (size_t i = 0; i < b->nr; i++)
		for (int k = 0; k < SINK_NR_ORDERS; k++)
			total[i] += (double)b->nr_free[i][k];
	n = points_pick(total, b->nr, ORDER_POINTS, picks);
	free(total);
	if (!f)
		return -1;
	fputs("t_s", f);
	for (int k = 0; k < SINK_NR_ORDERS; k++)
		fprintf(f, ",order_%d", k);
	fputc('\n', f);
	for (size_t i = 0; i < n; i++) {
		fprintf(f, "%.9g", (double)b->t_ns[picks[i]] / 1e9);
		for (int k = 0; k < SINK_NR_ORDERS; k++)
			fprintf(f, ",%llu", (unsigned long long)b->nr_free[picks[i]][k]);
		fputc('\n', f);
	}
	return report_file_close(&p->dir, f, e);
}

static int free_read(struct free_load *fl, struct report *p, size_t load, struct err *e)
{
	memset(fl, 0, sizeof(*fl));
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (!run)
			continue;
		if (free_series_load(&fl->runs[s], p->db, run->info->id, e) ||
		    free_write(p, run, &fl->runs[s], e))
			return -1;
		fl->hidden[s] = !free_most(fl, &fl->runs[s]);
	}
	return 0;
}

static double huge_share(const struct free_series *b, size_t at)
{
	double huge = 0, all = 0;

	for (int k = 0; at < b->nr && k < SINK_NR_ORDERS; k++) {
		double pages = ldexp((double)b->nr_free[at][k], k);

		all += pages;
		huge += k >= HUGE_ORDER ? pages : 0;
	}
	return all > 0 ? 100 * huge / all : 0;
}

static void free_finding(const struct report *p, size_t load, const struct free_load *fl)
{
	char sentence[SENTENCE_MAX];
	struct text text = text_in(sentence, sizeof(sentence));

	for (size_t s = 0; s < p->nr_stacks; s++)
		if (fl->runs[s].nr && !fl->hidden[s])
			text_add(&text, "%s%.2f %% under %s", text.len ? ", " : "",
				 huge_share(&fl->runs[s], fl->runs[s].nr - 1), p->stacks[s].name);
	report_finding(p, "Free memory in blocks of a huge page or larger when %s ends: %s.",
		       p->loads.names[load], sentence);
}

static int free_figure(struct report *p, size_t load, const struct free_load *fl, struct err *e)
{
	static const bool none[SINK_NR_ORDERS];
	struct figure f = {.height = 760,
			   .cols = 4,
			   .rows = 3,
			   .left = 74,
			   .right = 12,
			   .top = 30,
			   .bottom = 84,
			   .gap_x = 52,
			   .gap_y = 86};

	memcpy(f.hidden, fl->hidden, sizeof(f.hidden));
	if (figure_open(&f, p, "free", load, e))
		return -1;
	order_panels(&f, load, "free", 0, "free blocks", fl->most, none);
	return figure_close(&f,
			    "All zones and migratetypes of the machine together. Every axis starts "
			    "at 0; each order has its own scale.",
			    e);
}

int report_free_figures(struct report *p, struct err *e)
{
	for (size_t load = 0; load < p->loads.nr; load++) {
		struct free_load fl;
		int rc = free_read(&fl, p, load, e);

		if (!rc && fl.any) {
			report_load_heading(p, load);
			free_finding(p, load, &fl);
			rc = free_figure(p, load, &fl, e);
		}
		for (size_t s = 0; s < REPORT_STACKS_MAX; s++)
			free_series_free(&fl.runs[s]);
		if (rc)
			return -1;
	}
	return 0;
}

/* --- unusable-free index --- */

static const struct series *index_of(const struct report_run *run, int k)
{
	char metric[64];

	snprintf(metric, sizeof(metric), "unusable_free_index/%d", k);
	return samples_find(&run->samples, "", metric);
}

static int unusable_write(struct report *p, const struct report_run *run, struct err *e)
{
	const struct series *lead = index_of(run, HUGE_ORDER);
	FILE *f = report_file(&p->dir, e, "data/unusable-%s.csv", run->slug);
	size_t picks[ORDER_POINTS], n;

	if (!f)
		return -1;
	n = lead ? points_pick(lead->value, lead->nr, ORDER_POINTS, picks) : 0;
	fputs("t_s", f);
	for (int k = 0; k < SINK_NR_ORDERS; k++)
		fprintf(f, ",percent_order_%d", k);
	fputc('\n', f);
	for (size_t i = 0; i < n; i++) {
		u64 t = lead->t_ns[picks[i]];

		fprintf(f, "%.9g", (double)t / 1e9);
		for (int k = 0; k < SINK_NR_ORDERS; k++)
			fprintf(f, ",%.6g", series_at(index_of(run, k), t) / 10);
		fputc('\n', f);
	}
	return report_file_close(&p->dir, f, e);
}

/* Order 0 can use any free page: an index above 0 says that no free memory is known of. */
static bool index_known(const struct report_run *run)
{
	return run && index_of(run, HUGE_ORDER) && series_max(index_of(run, 0)) == 0;
}

/* From free blocks, unrounded (the index is in whole permille), so that it agrees with the share of
 * huge blocks; *worst and the result start as the index has them. */
static double unusable_at_end(const struct report *p, const struct report_run *run, double end,
			      double *worst)
{
	struct free_series b = {0};
	struct err e; /* without blocks, the index will do */

	if (!free_series_load(&b, p->db, run->info->id, &e) && b.nr &&
	    huge_share(&b, b.nr - 1) > 0) {
		*worst = 0;
		for (size_t i = 0; i < b.nr; i++)
			*worst = max(*worst, 100 - huge_share(&b, i));
		end = 100 - huge_share(&b, b.nr - 1);
	}
	free_series_free(&b);
	return end;
}

static void unusable_finding(const struct report *p, size_t load)
{
	char sentence[SENTENCE_MAX];
	struct text text = text_in(sentence, sizeof(sentence));

	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);
		const struct series *n = index_known(run) ? index_of(run, HUGE_ORDER) : NULL;

		double worst, end;

		if (!n)
			continue;
		worst = series_max(n) / 10;
		end = unusable_at_end(p, run, series_last(n) / 10, &worst);
		text_add(&text, "%s%.2f %% under %s (at worst %.2f %%)", text.len ? ", " : "", end,
			 p->stacks[s].name, worst);
	}
	report_finding(p,
		       "Free memory that no huge page (order 9) can be made of, when %s ends: %s.",
		       p->loads.names[load], sentence);
}

static double unusable_order_most(const struct report *p, size_t load, int k)
{
	double most = 0;

	for (size_t s = 0; s < p->nr_stacks; s++)
		if (index_known(report_run(p, load, s)))
			most = max(most, series_max(index_of(report_run(p, load, s), k)));
	return most;
}

static int unusable_figure(struct report *p, size_t load, double most, struct err *e)
{
	struct figure f = {.cols = 5,
			   .left = 74,
			   .right = 12,
			   .top = 30,
			   .bottom = 84,
			   .gap_x = 36,
			   .gap_y = 86};
	char words[512];
	struct text how = text_in(words, sizeof(words));
	bool left_out[SINK_NR_ORDERS];
	double tops[SINK_NR_ORDERS];
	int nr = 0;

	for (int k = 1; k < SINK_NR_ORDERS; k++) {
		left_out[k] = k != HUGE_ORDER && unusable_order_most(p, load, k) <= 0;
		nr += !left_out[k];
	}
	f.rows = DIV_ROUND_UP(nr, f.cols);
	f.cols = min(f.cols, max(nr, 2));
	f.height = f.top + f.bottom + f.rows * 160 + (f.rows - 1) * f.gap_y;
	for (size_t s = 0; s < p->nr_stacks; s++)
		f.hidden[s] = !index_known(report_run(p, load, s));
	if (figure_open(&f, p, "unusable", load, e))
		return -1;
	for (int k = 0; k < SINK_NR_ORDERS; k++)
		tops[k] = most;
	order_panels(&f, load, "unusable", 1, "% of free memory", tops, left_out);
	text_add(&how, "Share of free memory in blocks too small for a request of that order "
		       "(Linux's unusable free space index, there in permille), the same scale "
		       "in every panel. 0: all of it can be used.");
	for (int k = 1, any = 0; k < SINK_NR_ORDERS; k++)
		if (left_out[k])
			text_add(&how, any++ ? ", %d" : " Always 0 under every stack: order %d", k);
	if (nr + 1 < SINK_NR_ORDERS)
		text_add(&how, ".");
	return figure_close(&f, words, e);
}

/* The top of the load's axes; negative: no run knows of free memory. */
static double unusable_most(const struct report *p, size_t load)
{
	double most = -1;

	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		for (int k = 1; index_known(run) && k < SINK_NR_ORDERS; k++)
			most = max(most, series_max(index_of(run, k)) / 10);
	}
	return most;
}

int report_unusable_figures(struct report *p, struct err *e)
{
	for (size_t i = 0; i < p->nr_runs; i++)
		if (unusable_write(p, &p->runs[i], e))
			return -1;
	for (size_t load = 0; load < p->loads.nr; load++) {
		double most = unusable_most(p, load);

		if (most < 0)
			continue;
		report_load_heading(p, load);
		unusable_finding(p, load);
		if (unusable_figure(p, load, most, e))
			return -1;
	}
	return 0;
}
