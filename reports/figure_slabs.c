/*
 * Slab utilisation by cache: what the largest caches hold and what of it is in use, at the peak of
 * slab memory and at the end.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/units.h"
#include "reports/figure.h"
#include "reports/mem.h"
#include "reports/values.h"

#define CACHES_MAX 10
#define SLAB_PAGE_SIZE 4096
#define BAR_HEIGHT 0.36 /* of a cache's row, shared by the stacks */

enum when { AT_PEAK, AT_END, NR_WHEN };

static const char *const when_titles[NR_WHEN] = {"at the peak of slab memory", "at the end"};
static const char *const when_columns[NR_WHEN] = {"peak", "end"};

struct cache_use {
	char *name;
	double active[REPORT_STACKS_MAX][NR_WHEN], total[REPORT_STACKS_MAX][NR_WHEN]; /* bytes */
	double largest; /* over stacks, at the peak */
};

struct slab_use {
	struct cache_use *caches;
	size_t nr, room;
	double active[REPORT_STACKS_MAX][NR_WHEN],
		total[REPORT_STACKS_MAX][NR_WHEN]; /* all caches */
};

static struct cache_use *cache_of(struct slab_use *u, const char *name)
{
	for (size_t i = 0; i < u->nr; i++)
		if (!strcmp(u->caches[i].name, name))
			return &u->caches[i];
	MEM_ROOM(u->caches, u->nr, u->room);
	memset(&u->caches[u->nr], 0, sizeof(*u->caches));
	u->caches[u->nr].name = mem_dup(name);
	return &u->caches[u->nr++];
}

static void slab_use_free(struct slab_use *u)
{
	for (size_t i = 0; i < u->nr; i++)
		free(u->caches[i].name);
	free(u->caches);
}

static void use_take(struct slab_use *u, size_t stack, enum when when, sqlite3_stmt *row)
{
	struct cache_use *c = cache_of(u, (const char *)sqlite3_column_text(row, 0));
	double active = sqlite3_column_double(row, 1), total = sqlite3_column_double(row, 2);

	c->active[stack][when] += active;
	c->total[stack][when] += total;
	u->active[stack][when] += active;
	u->total[stack][when] += total;
	c->largest = max(c->largest, c->total[stack][AT_PEAK]);
}

static int use_read(struct slab_use *u, struct report *p, const struct report_run *run,
		    enum when when, struct err *e)
{
	static const char *const sql[NR_WHEN] = {
		"SELECT cache, active_objs * objsize, num_slabs * pagesperslab * 4096 FROM "
		"slab_view"
		" WHERE run_id = ?1 AND t_ns = (SELECT t_ns FROM slab_view WHERE run_id = ?1 GROUP "
		"BY"
		" t_ns ORDER BY sum(num_slabs * pagesperslab) DESC, t_ns LIMIT 1)",
		"SELECT cache, active_objs * objsize, num_slabs * pagesperslab * 4096 FROM "
		"slab_view"
		" WHERE run_id = ?1 AND t_ns = (SELECT max(t_ns) FROM slab_view WHERE run_id = ?1)",
	};
	sqlite3_stmt *row = db_prepare(p->db, sql[when], e);
	int rc;

	if (!row)
		return -1;
	sqlite3_bind_int64(row, 1, run->info->id);
	while ((rc = db_step(p->db, row, e)) > 0)
		use_take(u, run->stack, when, row);
	sqlite3_finalize(row);
	return rc;
}

static int by_size(const void *a, const void *b)
{
	const struct cache_use *x = a, *y = b;

	if (x->largest != y->largest)
		return x->largest < y->largest ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* A row for each cache, all of them; the plot shows the first CACHES_MAX. */
static int use_write(struct report *p, const struct slab_use *u, const struct report_run *run,
		     struct err *e)
{
	FILE *f = report_file(&p->dir, e, "data/slabs-%s.csv", run->slug);
	size_t s = run->stack;

	if (!f)
		return -1;
	fputs("rank,cache", f);
	for (int w = 0; w < NR_WHEN; w++)
		fprintf(f, ",%s_active_bytes,%s_total_bytes", when_columns[w], when_columns[w]);
	fputc('\n', f);
	for (size_t i = 0; i < u->nr; i++) {
		const struct cache_use *c = &u->caches[i];

		fprintf(f, "%zu,\"", i + 1);
		for (const char *q = c->name; *q; q++)
			fprintf(f, *q == '"' ? "\"\"" : "%c", *q);
		fprintf(f, "\",%.0f,%.0f,%.0f,%.0f\n", c->active[s][AT_PEAK], c->total[s][AT_PEAK],
			c->active[s][AT_END], c->total[s][AT_END]);
	}
	return report_file_close(&p->dir, f, e);
}

static double percent(double active, double total)
{
	return total > 0 ? 100 * active / total : 100;
}

/* The cache with most unused bytes at the end, under any stack. */
static void slab_finding(const struct report *p, size_t load, const struct slab_use *u)
{
	struct sentence text = {.used = 0};
	size_t worst = 0, worst_stack = 0;
	char waste[VALUE_TEXT_MAX];
	double most = 0;

	for (size_t s = 0; s < p->nr_stacks; s++) {
		if (!report_run(p, load, s))
			continue;
		sentence_add(&text, "%s%s %.0f %% (%.0f %%)", text.used ? ", " : "",
			     p->stacks[s].name, percent(u->active[s][AT_END], u->total[s][AT_END]),
			     percent(u->active[s][AT_PEAK], u->total[s][AT_PEAK]));
		for (size_t i = 0; i < u->nr; i++) {
			double unused =
				u->caches[i].total[s][AT_END] - u->caches[i].active[s][AT_END];

			if (unused > most) {
				most = unused;
				worst = i;
				worst_stack = s;
			}
		}
	}
	size_human(most, waste, sizeof(waste));
	report_finding(
		p,
		"Slab memory in use at the end (at its peak): %s. Most is left unused in %s: "
		"%s under %s.",
		text.text, u->caches[worst].name, waste, p->stacks[worst_stack].name);
}

static double row_of_stack(size_t nth, size_t nr)
{
	return BAR_HEIGHT - (2 * nth + 1) * BAR_HEIGHT / (double)nr;
}

/* Light bar: the cache's slab pages; dark bar: bytes of objects in use; text: the share. */
static void stack_bars(struct figure *f, const struct report_run *run, size_t nth, size_t nr,
		       enum when when, double bytes)
{
	const char *colour = f->page->stacks[run->stack].colour;
	double y = row_of_stack(nth, nr), half = 0.86 * BAR_HEIGHT / (double)nr;
	int active = 3 + 2 * (int)when, total = active + 1;

	for (int dark = 0; dark < 2; dark++)
		fprintf(f->gp,
			"%s'../data/slabs-%s.csv' every ::0::%d using (0):(%g-$1):(0):($%d/%g):"
			"(%g-$1):(%g-$1) skip 1 with boxxyerror fillstyle solid %g noborder "
			"linecolor rgb '%s' notitle",
			nth || dark ? ", " : "", run->slug, CACHES_MAX - 1, y,
			dark ? active : total, bytes, y - half, y + half, dark ? 1.0 : 0.32,
			colour);
	fprintf(f->gp,
		", '' every ::0::%d using ($%d/%g):(%g-$1):($%d > 0 ? sprintf(' %%.0f %%%%', "
		"100*$%d/$%d) : '') skip 1 with labels left offset 0.3,0 font ',11' textcolor rgb "
		"'#454c56' "
		"notitle",
		CACHES_MAX - 1, total, bytes, y, total, active, total);
}

static void slab_panel(struct figure *f, size_t load, const struct slab_use *u, enum when when,
		       double most, size_t nr)
{
	const struct report *p = f->page;
	size_t shown = min(u->nr, (size_t)CACHES_MAX), nth = 0;
	const char *unit;
	double bytes;

	figure_panel(f, when_titles[when]);
	bytes = figure_bytes_axis(f, 'x', most * 1.08, &unit);
	fprintf(f->gp, "set xlabel 'memory of the cache [%s]' offset 0,0.4\n", unit);
	fprintf(f->gp, "set yrange [%g:-0.4]\nset grid noytics\nset ytics scale 0 (",
		-(double)shown - 0.6);
	for (size_t i = 0; i < shown; i++) {
		fputs(i ? ", " : "", f->gp);
		if (when == AT_PEAK)
			figure_quote(f->gp, u->caches[i].name);
		else
			fputs("''", f->gp);
		fprintf(f->gp, " %d", -(int)i - 1);
	}
	fputs(")\n", f->gp);
	if (when == AT_END)
		figure_legend_stacks(f, load);
	fputs("plot ", f->gp);
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (run)
			stack_bars(f, run, nth++, nr, when, bytes);
	}
	fputc('\n', f->gp);
}

static int slab_figure(struct report *p, size_t load, const struct slab_use *u, struct err *e)
{
	struct figure f = {.cols = 2,
			   .rows = 1,
			   .left = 170,
			   .right = 26,
			   .top = 30,
			   .bottom = 84,
			   .gap_x = 40};
	size_t shown = min(u->nr, (size_t)CACHES_MAX), nr = 0;
	double most = 0;

	for (size_t s = 0; s < p->nr_stacks; s++)
		nr += report_run(p, load, s) != NULL;
	for (size_t i = 0; i < shown; i++)
		most = max(most, u->caches[i].largest);
	f.height = f.top + f.bottom + 16 + (int)(shown * (10 + 15 * nr));
	if (figure_open(&f, p, "slabs", load, e))
		return -1;
	for (int w = 0; w < NR_WHEN; w++)
		slab_panel(&f, load, u, w, most, nr);
	return figure_close(
		&f,
		"The caches with most memory. Light bar: the cache's slab pages; dark: "
		"bytes of its objects in use; the number: their share. Both panels have "
		"the same scale.",
		e);
}

static int slab_load(struct report *p, size_t load, struct slab_use *u, struct err *e)
{
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		for (int w = 0; run && w < NR_WHEN; w++)
			if (use_read(u, p, run, w, e))
				return -1;
	}
	if (!u->nr)
		return 0;
	qsort(u->caches, u->nr, sizeof(*u->caches), by_size);
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (run && use_write(p, u, run, e))
			return -1;
	}
	report_load_heading(p, load);
	slab_finding(p, load, u);
	return slab_figure(p, load, u, e);
}

int report_slab_figures(struct report *p, struct err *e)
{
	for (size_t load = 0; load < p->loads.nr; load++) {
		struct slab_use u = {0};
		int rc = slab_load(p, load, &u, e);

		slab_use_free(&u);
		if (rc)
			return -1;
	}
	return 0;
}
