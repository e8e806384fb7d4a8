/*
 * Latency by operation and path: from the median to one in a thousand, a row for each, a line for
 * each stack.
 */
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/out.h"
#include "lib/units.h"
#include "reports/figure.h"
#include "reports/values.h"

#define ROWS_MAX 18
#define LABEL_PIXELS 20 /* above each row */
#define STACK_PIXELS 13 /* for each stack in a row */
/* Fewer operations have no 99th percentile worth a headline. */
#define FINDING_COUNT_MIN 1000

enum { COUNT, P50, P90, P99, P999, MAX, NR_FIGURES };

struct latency {
	u64 v[NR_FIGURES]; /* COUNT; the others in ns */
};

struct latency_row {
	char *op, *path;
	struct latency of[REPORT_STACKS_MAX];	  /* median of the seeds */
	struct latency *seeds[REPORT_STACKS_MAX]; /* nr_seeds each; NULL: the stack has none */
	u64 count;				  /* over stacks */
};

struct latency_rows {
	struct latency_row *rows;
	size_t nr, room;
};

static struct latency_row *row_of(struct latency_rows *l, const char *op, const char *path)
{
	for (size_t i = 0; i < l->nr; i++)
		if (!strcmp(l->rows[i].op, op) && !strcmp(l->rows[i].path, path))
			return &l->rows[i];
	MEM_ROOM(l->rows, l->nr, l->room);
	memset(&l->rows[l->nr], 0, sizeof(*l->rows));
	l->rows[l->nr].op = mem_dup(op);
	l->rows[l->nr].path = mem_dup(path);
	return &l->rows[l->nr++];
}

static void rows_release(struct latency_rows *l)
{
	for (size_t i = 0; i < l->nr; i++) {
		for (size_t s = 0; s < REPORT_STACKS_MAX; s++)
			free(l->rows[i].seeds[s]);
		free(l->rows[i].op);
		free(l->rows[i].path);
	}
	free(l->rows);
}

static int seed_read(struct latency_rows *l, struct report *p, const struct report_run *run,
		     size_t seed, struct err *e)
{
	sqlite3_stmt *s =
		db_prepare(p->db,
			   "SELECT op, path, count, p50_ns, p90_ns, p99_ns, p999_ns, max_ns "
			   "FROM latency_view WHERE run_id = ? AND count > 0",
			   e);
	int rc;

	if (!s)
		return -1;
	sqlite3_bind_int64(s, 1, run->seeds[seed].info->id);
	while ((rc = db_step(p->db, s, e)) > 0) {
		struct latency_row *row = row_of(l, (const char *)sqlite3_column_text(s, 0),
						 (const char *)sqlite3_column_text(s, 1));
		struct latency **seeds = &row->seeds[run->stack];
		u64 v[6];

		for (int i = 0; i < 6; i++)
			v[i] = (u64)sqlite3_column_int64(s, i + 2);
		if (!*seeds)
			*seeds = mem_alloc(run->nr_seeds, sizeof(**seeds));
		(*seeds)[seed] = (struct latency){{v[0], v[1], v[2], v[3], v[4], v[5]}};
		row->count += v[0];
	}
	sqlite3_finalize(s);
	return rc;
}

/* Of the seeds in which it happened at all. */
static struct latency median(const struct latency *seeds, size_t nr)
{
	double *values = mem_alloc(nr, sizeof(*values));
	struct latency mid;

	for (int i = 0; i < NR_FIGURES; i++) {
		size_t n = 0;

		for (size_t k = 0; k < nr; k++)
			if (seeds[k].v[COUNT])
				values[n++] = (double)seeds[k].v[i];
		mid.v[i] = n ? (u64)band_of(values, n).mid : 0;
	}
	free(values);
	return mid;
}

static int latency_read(struct latency_rows *l, struct report *p, const struct report_run *run,
			struct err *e)
{
	for (size_t k = 0; k < run->nr_seeds; k++)
		if (seed_read(l, p, run, k, e))
			return -1;
	for (size_t i = 0; i < l->nr; i++)
		if (l->rows[i].seeds[run->stack])
			l->rows[i].of[run->stack] =
				median(l->rows[i].seeds[run->stack], run->nr_seeds);
	return 0;
}

static int by_count(const void *a, const void *b)
{
	const struct latency_row *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->op, y->op) ? strcmp(x->op, y->op) : strcmp(x->path, y->path);
}

/* Operations together, the most frequent path first. */
static int by_op(const void *a, const void *b)
{
	const struct latency_row *x = a, *y = b;

	return strcmp(x->op, y->op) ? strcmp(x->op, y->op) : by_count(a, b);
}

/* What is plotted first, operations together; the rest by count. */
static void rows_order(struct latency_rows *l)
{
	qsort(l->rows, l->nr, sizeof(*l->rows), by_count);
	qsort(l->rows, min(l->nr, (size_t)ROWS_MAX), sizeof(*l->rows), by_op);
}

static int latency_write(struct report *p, const struct latency_rows *l,
			 const struct report_run *run, struct err *e)
{
	FILE *f = report_file(&p->dir, e, "data/latency-%s.csv", run->slug);

	if (!f)
		return -1;
	fputs("row,op,path,count,p50_ns,p90_ns,p99_ns,p999_ns,max_ns\n", f);
	for (size_t i = 0; i < l->nr; i++) {
		const struct latency *v = &l->rows[i].of[run->stack];

		if (!v->v[COUNT])
			continue;
		fprintf(f, "%zu,", i + 1);
		csv_string(f, l->rows[i].op);
		fputc(',', f);
		csv_string(f, l->rows[i].path);
		for (int k = 0; k < NR_FIGURES; k++)
			fprintf(f, ",%llu", (unsigned long long)v->v[k]);
		fputc('\n', f);
	}
	return report_file_close(&p->dir, f, e);
}

/* Where some stack's 99th percentile is furthest above the first stack's. */
static void latency_finding(const struct report *p, const struct latency_rows *l)
{
	const struct latency_row *worst = NULL;
	size_t stack = 0;
	double most = 1;
	char low[VALUE_TEXT_MAX], high[VALUE_TEXT_MAX];

	for (size_t i = 0; i < min(l->nr, (size_t)ROWS_MAX); i++) {
		const struct latency *base = &l->rows[i].of[0];

		for (size_t s = 1; s < p->nr_stacks && base->v[P99]; s++) {
			double ratio = (double)l->rows[i].of[s].v[P99] / (double)base->v[P99];

			if (ratio <= most || base->v[COUNT] < FINDING_COUNT_MIN ||
			    l->rows[i].of[s].v[COUNT] < FINDING_COUNT_MIN)
				continue;
			most = ratio;
			worst = &l->rows[i];
			stack = s;
		}
	}
	if (!worst) {
		if (p->nr_stacks > 1)
			report_finding(p,
				       "No operation's 99th percentile is above %s's, among those "
				       "done %d times or more.",
				       p->stacks[0].name, FINDING_COUNT_MIN);
		return;
	}
	time_human((double)worst->of[0].v[P99], low, sizeof(low));
	time_human((double)worst->of[stack].v[P99], high, sizeof(high));
	report_finding(
		p, "The 99th percentile rises most for %s (%s): from %s under %s to %s under %s.",
		worst->op, worst->path, low, p->stacks[0].name, high, p->stacks[stack].name);
}

/* A row is 1 high: its label, then a line for each stack. Where the nth of them lies. */
static double offset_of(size_t nth, size_t nr)
{
	double row = LABEL_PIXELS + STACK_PIXELS * (double)nr;

	return 1 - (LABEL_PIXELS + STACK_PIXELS * ((double)nth + 0.35)) / row;
}

/* Column of the data, gnuplot's point type (7 disc, 9 triangle, 13 diamond) and size. */
static const struct {
	const char *name;
	int column, type;
	double size;
} marks[] = {{"p50", 5, 7, 0.62}, {"p90", 6, 7, 0.36}, {"p99", 7, 9, 0.62}, {"p99.9", 8, 13, 0.62}};

/* A thin line from p50 to p99.9; marks at the quantiles. A log axis has no 0: 0 ns is drawn at 1.
 */
static void stack_lines(struct figure *f, const struct report_run *run, size_t nth, size_t nr,
			size_t first, size_t shown)
{
	const char *colour = f->page->stacks[run->stack].colour;
	double y = offset_of(nth, nr);

	fprintf(f->gp,
		"%s'../data/latency-%s.csv' using ($1 > %zu && $1 <= %zu ? ($5 < 1 ? 1 : $5) : "
		"1/0):(%g-$1):(($8 < 1 ? 1 : $8)-($5 < 1 ? 1 : $5)):(0) skip 1 with vectors nohead "
		"linewidth 2 linecolor rgb '%s' notitle",
		nth ? ", " : "", run->slug, first, first + shown, y, colour);
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		fprintf(f->gp,
			", '' using ($1 > %zu && $1 <= %zu ? ($%d < 1 ? 1 : $%d) : 1/0):(%g-$1) "
			"skip 1 with points pointtype %d pointsize %g linecolor rgb '%s' notitle",
			first, first + shown, marks[i].column, marks[i].column, y, marks[i].type,
			marks[i].size, colour);
}

static void marks_legend(struct figure *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		figure_legend_mark(f, marks[i].type, marks[i].size + 0.2, marks[i].name);
}

/* The powers of ten around all that is shown. */
static void axis_ends(const struct latency_rows *l, size_t shown, double *start, double *end)
{
	double least = INFINITY, most = 1;

	for (size_t i = 0; i < shown; i++) {
		for (size_t s = 0; s < REPORT_STACKS_MAX; s++) {
			const struct latency *v = &l->rows[i].of[s];

			if (!v->v[COUNT])
				continue;
			least = min(least, max((double)v->v[P50], 1.0));
			most = max(most, (double)v->v[P999]);
		}
	}
	*start = pow(10, floor(log10(least))) * 0.999;
	*end = most * 1.3;
}

/* "kmalloc, slow (n=1,200..1,350)" above each row. */
static void row_label(struct figure *f, const struct latency_row *row, size_t at)
{
	u64 most = 0, least = ~0ULL;
	char *name;

	for (size_t s = 0; s < REPORT_STACKS_MAX; s++) {
		most = max(most, row->of[s].v[COUNT]);
		least = row->of[s].v[COUNT] ? min(least, row->of[s].v[COUNT]) : least;
	}
	name = least == most
		       ? mem_print("%s, %s (n=%llu)", row->op, row->path, (unsigned long long)most)
		       : mem_print("%s, %s (n=%llu..%llu)", row->op, row->path,
				   (unsigned long long)least, (unsigned long long)most);
	fputs("set label ", f->gp);
	figure_quote(f->gp, name);
	fprintf(f->gp,
		" at graph 0, first -%zu offset 0.2,-0.55 left font ',11' textcolor rgb '" INK
		"'\n",
		at);
	free(name);
}

static void latency_panel(struct figure *f, const struct latency_rows *l, size_t first,
			  size_t shown, size_t nr, const double ends[2])
{
	const struct report *p = f->page;
	size_t nth = 0;

	figure_panel(f, "");
	fprintf(f->gp, "set logscale x\nset xrange [%.6g:%.6g]\nset yrange [-%zu:-%zu]\n", ends[0],
		ends[1], first + shown, first);
	fputs("set xtics ('1 ns' 1, '10 ns' 10, '100 ns' 100, '1 us' 1e3, '10 us' 1e4, "
	      "'100 us' 1e5, '1 ms' 1e6, '10 ms' 1e7, '100 ms' 1e8, '1 s' 1e9)\n"
	      "set grid noytics\nset ytics scale 0 ('' 0)\n",
	      f->gp);
	for (size_t i = first; i < first + min(shown, l->nr - first); i++)
		row_label(f, &l->rows[i], i);
	if (!first) {
		figure_legend_stacks(f);
		marks_legend(f);
	}
	fputs("plot ", f->gp);
	for (size_t s = 0; s < p->nr_stacks; s++)
		if (figure_run(f, s))
			stack_lines(f, figure_run(f, s), nth++, nr, first, shown);
	fputc('\n', f->gp);
}

static int latency_figure(struct report *p, size_t load, size_t group, const struct latency_rows *l,
			  struct err *e)
{
	struct figure f = {.cols = 3,
			   .panel_w = 368,
			   .left = 26,
			   .right = 24,
			   .top = 6,
			   .page = p,
			   .load = load,
			   .group = group};
	size_t shown = min(l->nr, (size_t)ROWS_MAX), nr = 0;
	size_t panels = shown < 3 ? 1 : 3, rows = DIV_ROUND_UP(shown, panels);
	double ends[2];

	for (size_t s = 0; s < p->nr_stacks; s++)
		nr += figure_run(&f, s) != NULL;
	if (!nr)
		return 0;
	panels = DIV_ROUND_UP(shown, rows);
	f.panel_h = 40 + (int)(rows * (LABEL_PIXELS + STACK_PIXELS * nr));
	axis_ends(l, shown, &ends[0], &ends[1]);
	figure_open(&f, p, "latency", load, panels);
	for (size_t i = 0; i < panels; i++)
		latency_panel(&f, l, i * rows, rows, nr, ends);
	return figure_close(
		&f,
		"Simulated time of one operation, on a logarithmic axis: each line goes "
		"from the median to the time that one in a thousand exceeds. The most "
		"frequent pairs of operation and path; n: how many, under the stacks.",
		e);
}

static int latency_load(struct report *p, size_t load, struct latency_rows *l, struct err *e)
{
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (run && latency_read(l, p, run, e))
			return -1;
	}
	if (!l->nr)
		return 0;
	rows_order(l);
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (run && latency_write(p, l, run, e))
			return -1;
	}
	report_load_heading(p, load);
	latency_finding(p, l);
	for (size_t g = 0; g < figure_groups(p); g++)
		if (latency_figure(p, load, g, l, e))
			return -1;
	return 0;
}

int report_latency_figures(struct report *p, struct err *e)
{
	for (size_t load = 0; load < p->loads.nr; load++) {
		struct latency_rows l = {0};
		int rc = latency_load(p, load, &l, e);

		rows_release(&l);
		if (rc)
			return -1;
	}
	return 0;
}
