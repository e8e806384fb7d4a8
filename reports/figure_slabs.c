/*
 * Slab utilisation by cache: what the largest caches hold and what of it is in use, at the peak of
 * slab memory and at the end.
 *
 * In use is what the load holds. Linux's slabinfo counts more as active: free objects on the CPUs'
 * own slabs, and what layers above hold back.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/out.h"
#include "lib/units.h"
#include "reports/figure.h"
#include "reports/proc_state.h"
#include "reports/values.h"

#define CACHES_MAX 10
#define LABEL_PIXELS 19 /* above the bars of a cache */
#define STACK_PIXELS 13 /* for each bar */

enum when { AT_PEAK, AT_END, NR_WHEN };

static const char *const when_titles[NR_WHEN] = {"at the peak of slab memory", "at the end"};
static const char *const when_columns[NR_WHEN] = {"peak", "end"};

/* Bytes, the inner ones first. */
enum shade { LIVE, ACTIVE, TOTAL, NR_SHADES };

static const char *const shade_columns[NR_SHADES] = {"live", "active", "slab"};
static const double shade_fill[NR_SHADES] = {1, 0.58, 0.24};

struct use {
	double bytes[NR_SHADES];
};

struct cache_use {
	char *name;
	struct use of[REPORT_STACKS_MAX][NR_WHEN];
	double largest; /* over stacks, at the peak */
};

struct slab_use {
	struct cache_use *caches;
	size_t nr, room;
	struct use all[REPORT_STACKS_MAX][NR_WHEN];
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
	double inner = 0;

	for (int k = 0; k < NR_SHADES; k++) {
		inner = max(inner, sqlite3_column_double(row, k + 1));
		c->of[stack][when].bytes[k] += inner;
		u->all[stack][when].bytes[k] += inner;
	}
	c->largest = max(c->largest, c->of[stack][AT_PEAK].bytes[TOTAL]);
}

/* Several aliases may share a physical cache. */
#define USE_SQL(at)                                                                                \
	"WITH at(t) AS (" at "), live(cache, bytes) AS ("                                          \
	"SELECT cache, sum(bytes_alloc) FROM cache_view WHERE run_id = ?1"                         \
	" AND t_ns = (SELECT t FROM at) GROUP BY cache)"                                           \
	" SELECT s.cache, coalesce(l.bytes, 0), s.active_objs * s.objsize,"                        \
	" s.num_slabs * s.pagesperslab * " PROC_PAGE_BYTES_SQL                                     \
	" FROM slab_view s LEFT JOIN live l ON l.cache = s.cache"                                  \
	" WHERE s.run_id = ?1 AND s.t_ns = (SELECT t FROM at)"

static int use_read(struct slab_use *u, struct report *p, const struct report_run *run,
		    enum when when, struct err *e)
{
	static const char *const sql[NR_WHEN] = {
		USE_SQL("SELECT t_ns FROM slab_view WHERE run_id = ?1 GROUP BY t_ns"
			" ORDER BY sum(num_slabs * pagesperslab) DESC, t_ns LIMIT 1"),
		USE_SQL("SELECT max(t_ns) FROM slab_view WHERE run_id = ?1"),
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
		for (int k = 0; k < NR_SHADES; k++)
			fprintf(f, ",%s_%s_bytes", when_columns[w], shade_columns[k]);
	fputc('\n', f);
	for (size_t i = 0; i < u->nr; i++) {
		const struct cache_use *c = &u->caches[i];

		fprintf(f, "%zu,", i + 1);
		csv_string(f, c->name);
		for (int w = 0; w < NR_WHEN; w++)
			for (int k = 0; k < NR_SHADES; k++)
				fprintf(f, ",%.0f", c->of[s][w].bytes[k]);
		fputc('\n', f);
	}
	return report_file_close(&p->dir, f, e);
}

static double percent(const struct use *u)
{
	return u->bytes[TOTAL] > 0 ? 100 * u->bytes[LIVE] / u->bytes[TOTAL] : 100;
}

/* How full slabs are at the end, and the cache with most unused bytes then, under any stack. */
static void slab_finding(const struct report *p, size_t load, const struct slab_use *u)
{
	struct spread full = {.nr = 0}, unused = {.nr = 0};
	size_t worst = 0;
	char waste[VALUE_TEXT_MAX];

	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (!run)
			continue;
		spread_add(&full, run, percent(&u->all[s][AT_END]));
		for (size_t i = 0; i < u->nr; i++) {
			const struct use *c = &u->caches[i].of[s][AT_END];
			double v = c->bytes[TOTAL] - c->bytes[LIVE];

			worst = !unused.nr || v > unused.most ? i : worst;
			spread_add(&unused, run, v);
		}
	}
	size_human(unused.most, waste, sizeof(waste));
	if (full.most - full.least < 0.5)
		report_finding(
			p,
			"When %s ends, %.0f %% of slab memory is in use%s; most is left unused "
			"in %s, %s under %s.",
			p->loads.names[load], full.most, full.nr > 1 ? " under every stack" : "",
			u->caches[worst].name, waste, p->stacks[unused.high->stack].name);
	else
		report_finding(
			p,
			"When %s ends, %.0f %% of slab memory is in use under %s, %.0f %% under "
			"%s; most is left unused in %s, %s under %s.",
			p->loads.names[load], full.most, p->stacks[full.high->stack].name,
			full.least, p->stacks[full.low->stack].name, u->caches[worst].name, waste,
			p->stacks[unused.high->stack].name);
}

/* A row is 1 high: the cache's name, then a bar for each stack. The middle of the nth. */
static double row_of_stack(size_t nth, size_t nr)
{
	double row = LABEL_PIXELS + STACK_PIXELS * (double)nr;

	return 1 - (LABEL_PIXELS + STACK_PIXELS * ((double)nth + 0.4)) / row;
}

/* Bars over each other, the longest first; the text: the share of the innermost. */
static void stack_bars(struct figure *f, const struct report_run *run, size_t nth, size_t nr,
		       enum when when, double bytes)
{
	const char *colour = f->page->stacks[run->stack].colour;
	double y = row_of_stack(nth, nr);
	double half = 0.42 * STACK_PIXELS / (LABEL_PIXELS + STACK_PIXELS * (double)nr);
	int first = 3 + NR_SHADES * (int)when;

	for (int k = NR_SHADES - 1; k >= 0; k--)
		fprintf(f->gp,
			"%s'../data/slabs-%s.csv' every ::0::%d using (0):(%g-$1):(0):($%d/%g):"
			"(%g-$1):(%g-$1) skip 1 with boxxyerror fillstyle solid %g noborder "
			"linecolor rgb '%s' notitle",
			nth || k != NR_SHADES - 1 ? ", " : "", run->slug, CACHES_MAX - 1, y,
			first + k, bytes, y - half, y + half, shade_fill[k], colour);
	fprintf(f->gp,
		", '' every ::0::%d using ($%d/%g):(%g-$1):($%d > 0 ? sprintf(' %%.0f %%%%', "
		"100*$%d/$%d) : '') skip 1 with labels left offset 0.3,0 font ',11' textcolor rgb "
		"'" INK_SOFT "' notitle",
		CACHES_MAX - 1, first + TOTAL, bytes, y, first + TOTAL, first + LIVE,
		first + TOTAL);
}

/* Shades mean the same in every colour: shown in grey. */
static void shades_legend(struct figure *f)
{
	static const char *const names[NR_SHADES] = {"in use",
						     "free on a CPU's slabs, or held back", "free"};

	for (int k = 0; k < NR_SHADES; k++)
		figure_legend(f, INK_SOFT, shade_fill[k], names[k]);
}

static void slab_panel(struct figure *f, const struct slab_use *u, enum when when, double most,
		       size_t nr)
{
	const struct report *p = f->page;
	size_t shown = min(u->nr, (size_t)CACHES_MAX), nth = 0;
	double bytes;

	figure_panel(f, when_titles[when]);
	bytes = figure_bytes_axis(f, 'x', most * 1.08);
	fprintf(f->gp, "set yrange [-%zu:0]\nset grid noytics\nset ytics scale 0 ('' 0)\n", shown);
	for (size_t i = 0; i < shown; i++) {
		fputs("set label ", f->gp);
		figure_quote(f->gp, u->caches[i].name);
		fprintf(f->gp,
			" at graph 0, first -%zu offset 0.2,-0.55 left font ',11' textcolor rgb "
			"'" INK "'\n",
			i);
	}
	if (when == AT_PEAK) {
		figure_legend_stacks(f);
		shades_legend(f);
	}
	fputs("plot ", f->gp);
	for (size_t s = 0; s < p->nr_stacks; s++)
		if (figure_run(f, s))
			stack_bars(f, figure_run(f, s), nth++, nr, when, bytes);
	fputc('\n', f->gp);
}

static int slab_figure(struct report *p, size_t load, size_t group, const struct slab_use *u,
		       struct err *e)
{
	struct figure f = {.cols = 2,
			   .panel_w = 480,
			   .left = 26,
			   .right = 34,
			   .page = p,
			   .load = load,
			   .group = group};
	size_t shown = min(u->nr, (size_t)CACHES_MAX), nr = 0;
	double most = 0;

	for (size_t s = 0; s < p->nr_stacks; s++)
		nr += figure_run(&f, s) != NULL;
	if (!nr)
		return 0;
	for (size_t i = 0; i < shown; i++)
		most = max(most, u->caches[i].largest);
	f.panel_h = 62 + (int)(shown * (LABEL_PIXELS + STACK_PIXELS * nr));
	figure_open(&f, p, "slabs", load, NR_WHEN);
	for (int w = 0; w < NR_WHEN; w++)
		slab_panel(&f, u, w, most, nr);
	return figure_close(
		&f,
		"The caches with most memory. A whole bar: the cache's slab pages; strongest: live "
		"objects; the number: their share. The middle shade, too, is active to Linux's "
		"slabinfo. Both panels have the same scale.",
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
	for (size_t g = 0; g < figure_groups(p); g++)
		if (slab_figure(p, load, g, u, e))
			return -1;
	return 0;
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
