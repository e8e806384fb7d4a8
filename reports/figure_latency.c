/*
 * Latency by operation and path: from the median to one in a thousand, a row for each, a line for
 * each stack.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/units.h"
#include "reports/figure.h"
#include "reports/values.h"

#define ROWS_MAX 16
#define ROW_PIXELS 15 /* for each stack in a row */
/* Fewer operations have no 99th percentile worth a headline. */
#define FINDING_COUNT_MIN 1000

struct latency {
	u64 count, p50_ns, p90_ns, p99_ns, p999_ns, max_ns;
};

struct latency_row {
	char *op, *path;
	struct latency of[REPORT_STACKS_MAX];
	u64 count; /* over stacks */
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
		free(l->rows[i].op);
		free(l->rows[i].path);
	}
	free(l->rows);
}

static int latency_read(struct latency_rows *l, struct report *p, const struct report_run *run,
			struct err *e)
{
	sqlite3_stmt *s =
		db_prepare(p->db,
			   "SELECT op, path, count, p50_ns, p90_ns, p99_ns, p999_ns, max_ns "
			   "FROM latency_view WHERE run_id = ? AND count > 0",
			   e);
	int rc;

	if (!s)
		return -1;
	sqlite3_bind_int64(s, 1, run->info->id);
	while ((rc = db_step(p->db, s, e)) > 0) {
		struct latency_row *row = row_of(l, (const char *)sqlite3_column_text(s, 0),
						 (const char *)sqlite3_column_text(s, 1));
		u64 v[6];

		for (int i = 0; i < 6; i++)
			v[i] = (u64)sqlite3_column_int64(s, i + 2);
		row->of[run->stack] = (struct latency){v[0], v[1], v[2], v[3], v[4], v[5]};
		row->count += v[0];
	}
	sqlite3_finalize(s);
	return rc;
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

		if (v->count)
			fprintf(f, "%zu,%s,%s,%llu,%llu,%llu,%llu,%llu,%llu\n", i + 1,
				l->rows[i].op, l->rows[i].path, (unsigned long long)v->count,
				(unsigned long long)v->p50_ns, (unsigned long long)v->p90_ns,
				(unsigned long long)v->p99_ns, (unsigned long long)v->p999_ns,
				(unsigned long long)v->max_ns);
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

		for (size_t s = 1; s < p->nr_stacks && base->p99_ns; s++) {
			double ratio = (double)l->rows[i].of[s].p99_ns / (double)base->p99_ns;

			if (ratio <= most || base->count < FINDING_COUNT_MIN ||
			    l->rows[i].of[s].count < FINDING_COUNT_MIN)
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
	time_human((double)worst->of[0].p99_ns, low, sizeof(low));
	time_human((double)worst->of[stack].p99_ns, high, sizeof(high));
	report_finding(
		p, "The 99th percentile rises most for %s (%s): from %s under %s to %s under %s.",
		worst->op, worst->path, low, p->stacks[0].name, high, p->stacks[stack].name);
}

static double offset_of(size_t nth, size_t nr)
{
	return 0.36 - (2 * (double)nth + 1) * 0.36 / (double)nr;
}

/* Column of the data, gnuplot's point type (7 disc, 9 triangle, 13 diamond) and size. */
static const struct {
	const char *name;
	int column, type;
	double size;
} marks[] = {{"p50", 5, 7, 0.75}, {"p90", 6, 7, 0.42}, {"p99", 7, 9, 0.72}, {"p99.9", 8, 13, 0.72}};

/* A thin line from p50 to p99.9; marks at the quantiles. A log axis has no 0: 0 ns is drawn at 1.
 */
static void stack_lines(struct figure *f, const struct report_run *run, size_t nth, size_t nr,
			size_t shown)
{
	const char *colour = f->page->stacks[run->stack].colour;
	double y = offset_of(nth, nr);

	fprintf(f->gp,
		"%s'../data/latency-%s.csv' using ($1 <= %zu ? ($5 < 1 ? 1 : $5) : 1/0):(%g-$1):"
		"(($8 < 1 ? 1 : $8)-($5 < 1 ? 1 : $5)):(0) skip 1 with vectors nohead linewidth "
		"2.4 "
		"linecolor rgb '%s' notitle",
		nth ? ", " : "", run->slug, shown, y, colour);
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		fprintf(f->gp,
			", '' using ($1 <= %zu ? ($%d < 1 ? 1 : $%d) : 1/0):(%g-$1) skip 1 with "
			"points "
			"pointtype %d pointsize %g linecolor rgb '%s' notitle",
			shown, marks[i].column, marks[i].column, y, marks[i].type, marks[i].size,
			colour);
}

static void marks_legend(struct figure *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		figure_legend_mark(f, marks[i].type, marks[i].size + 0.2, marks[i].name);
}

/* The power of ten at or below every median shown. */
static u64 axis_start(const struct latency_rows *l, size_t shown)
{
	u64 least = ~0ULL, start = 1;

	for (size_t i = 0; i < shown; i++)
		for (size_t s = 0; s < REPORT_STACKS_MAX; s++)
			if (l->rows[i].of[s].count)
				least = min(least, l->rows[i].of[s].p50_ns);
	while (start * 10 <= least && start < NSEC_PER_SEC)
		start *= 10;
	return start;
}

static void latency_axes(struct figure *f, const struct latency_rows *l, size_t shown)
{
	fprintf(f->gp, "set logscale x\nset xrange [%llu*0.999:*]\nset yrange [%g:-0.4]\n",
		(unsigned long long)axis_start(l, shown), -(double)shown - 0.6);
	fputs("set xtics ('1 ns' 1, '10 ns' 10, '100 ns' 100, '1 us' 1e3, '10 us' 1e4, "
	      "'100 us' 1e5, '1 ms' 1e6, '10 ms' 1e7, '100 ms' 1e8, '1 s' 1e9)\n"
	      "set xlabel 'simulated time of one operation (logarithmic)' offset 0,0.4\n"
	      "set grid noytics\nset ytics scale 0 (",
	      f->gp);
	for (size_t i = 0; i < shown; i++) {
		const struct latency_row *row = &l->rows[i];
		u64 most = 0, least = ~0ULL;
		char *name;

		for (size_t s = 0; s < REPORT_STACKS_MAX; s++) {
			most = max(most, row->of[s].count);
			least = row->of[s].count ? min(least, row->of[s].count) : least;
		}
		name = least == most
			       ? mem_print("%s, %s (n=%llu)", row->op, row->path,
					   (unsigned long long)most)
			       : mem_print("%s, %s (n=%llu..%llu)", row->op, row->path,
					   (unsigned long long)least, (unsigned long long)most);

		fputs(i ? ", " : "", f->gp);
		figure_quote(f->gp, name);
		fprintf(f->gp, " %d", -(int)i - 1);
		free(name);
	}
	fputs(")\n", f->gp);
}

static int latency_figure(struct report *p, size_t load, const struct latency_rows *l,
			  struct err *e)
{
	struct figure f = {.cols = 1, .rows = 1, .left = 310, .right = 26, .top = 12, .bottom = 84};
	size_t shown = min(l->nr, (size_t)ROWS_MAX), nr = 0, nth = 0;

	for (size_t s = 0; s < p->nr_stacks; s++)
		nr += report_run(p, load, s) != NULL;
	f.height = f.top + f.bottom + (int)(shown * (8 + ROW_PIXELS * nr));
	if (figure_open(&f, p, "latency", load, e))
		return -1;
	figure_panel(&f, "");
	latency_axes(&f, l, shown);
	figure_legend_stacks(&f, load);
	marks_legend(&f);
	fputs("plot ", f.gp);
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (run)
			stack_lines(&f, run, nth++, nr, shown);
	}
	fputc('\n', f.gp);
	return figure_close(&f,
			    "Each line goes from the median to the time that one operation in a "
			    "thousand exceeds. The most frequent pairs of operation and path; n: "
			    "how many, under "
			    "the stacks.",
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
	return latency_figure(p, load, l, e);
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
