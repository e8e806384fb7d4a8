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
#include "lib/text.h"
#include "lib/units.h"
#include "reports/figure.h"
#include "reports/values.h"

#define CACHES_MAX 10
#define SLAB_PAGE_SIZE 4096
#define BAR_HEIGHT 0.36 /* of a cache's row, shared by the stacks */

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
	" s.num_slabs * s.pagesperslab * 4096"                                                     \
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

/* The cache with most unused bytes at the end, under any stack. */
static void slab_finding(const struct report *p, size_t load, const struct slab_use *u)
{
	char sentence[SENTENCE_MAX];
	struct text text = text_in(sentence, sizeof(sentence));
	size_t worst = 0, worst_stack = 0;
	char waste[VALUE_TEXT_MAX];
	double most = 0;

	for (size_t s = 0; s < p->nr_stacks; s++) {
		if (!report_run(p, load, s))
			continue;
		text_add(&text, "%s%s %.0f %% (%.0f %%)", text.len ? ", " : "", p->stacks[s].name,
			 percent(&u->all[s][AT_END]), percent(&u->all[s][AT_PEAK]));
		for (size_t i = 0; i < u->nr; i++) {
			const struct use *c = &u->caches[i].of[s][AT_END];

			if (c->bytes[TOTAL] - c->bytes[LIVE] > most) {
				most = c->bytes[TOTAL] - c->bytes[LIVE];
				worst = i;
				worst_stack = s;
			}
		}
	}
	size_human(most, waste, sizeof(waste));
	report_finding(p,
		       "Slab memory in use at the end (at its peak): %s. At the end most is left "
		       "unused in %s: %s under %s.",
		       sentence, u->caches[worst].name, waste, p->stacks[worst_stack].name);
}

static double row_of_stack(size_t nth, size_t nr)
{
	return BAR_HEIGHT - (2 * nth + 1) * BAR_HEIGHT / (double)nr;
}

/* Bars over each other, the longest first; the text: the share of the innermost. */
static void stack_bars(struct figure *f, const struct report_run *run, size_t nth, size_t nr,
		       enum when when, double bytes)
{
	const char *colour = f->page->stacks[run->stack].colour;
	double y = row_of_stack(nth, nr), half = 0.86 * BAR_HEIGHT / (double)nr;
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
		"'#454c56' "
		"notitle",
		CACHES_MAX - 1, first + TOTAL, bytes, y, first + TOTAL, first + LIVE,
		first + TOTAL);
}

/* Shades mean the same in every colour: shown in grey. */
static void shades_legend(struct figure *f)
{
	static const char *const names[NR_SHADES] = {"in use",
						     "free on a CPU's slabs, or held back", "free"};

	for (int k = 0; k < NR_SHADES; k++) {
		char fill[32];

		snprintf(fill, sizeof(fill), "solid %g", shade_fill[k]);
		figure_legend(f, "#454c56", fill, names[k]);
	}
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
	if (when == AT_END) {
		figure_legend_stacks(f, load);
		shades_legend(f);
	}
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
		"The caches with most memory. A whole bar: the cache's slab pages; dark: live "
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
