/*
 * The simulated machine beside the recorded one: scores, caches, free lists.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/out.h"
#include "lib/text.h"
#include "lib/units.h"
#include "reports/browse.h"
#include "reports/figure.h"
#include "reports/html.h"
#include "reports/likeness.h"
#include "reports/proc_state.h"
#include "reports/values.h"

#define LABELS 6 /* caches named in a scatter plot: the furthest off */

struct fidelity_load {
	struct likeness of[REPORT_STACKS_MAX];
	bool hidden[REPORT_STACKS_MAX];
	size_t nr; /* stacks that were compared with a recording */
};

/* ---- Data ---- */

static int scores_write(struct report *p, const struct report_run *run, const struct likeness *f,
			struct err *e)
{
	FILE *out = report_file(&p->dir, e, "data/fidelity-%s.csv", run->slug);

	if (!out)
		return -1;
	fputs("t_s,snapshot,kind,name,recorded,simulated,first,last_snapshot\n", out);
	for (size_t i = 0; i < f->nr; i++) {
		const struct likeness_figure *n = &f->figures[i];
		const struct likeness_snapshot *s = &f->snapshots[n->snapshot];

		fprintf(out, "%.9g,", (double)s->t_ns / 1e9);
		csv_string(out, s->name);
		fprintf(out, ",%s,", n->slab ? "slab" : "free");
		csv_string(out, n->name);
		fprintf(out, ",%.0f,%.0f,%.0f,%d\n", n->recorded, n->simulated, n->first,
			n->snapshot + 1 == f->nr_snapshots);
	}
	return report_file_close(&p->dir, out, e);
}

/* ---- Finding and scores ---- */

static void fidelity_finding(const struct report *p, size_t load, const struct fidelity_load *l)
{
	struct spread x = {.nr = 0};

	for (size_t s = 0; s < p->nr_stacks; s++)
		if (l->of[s].nr && !isnan(l->of[s].all.slab_change_error))
			spread_add(&x, report_run(p, load, s), l->of[s].all.slab_change_error);
	if (!x.nr) {
		report_finding(
			p,
			"The slab memory of %s does not change between the snapshots: there is "
			"nothing to predict.",
			p->loads.names[load]);
		return;
	}
	report_finding(
		p,
		"Of the change in slab memory that was recorded during %s, %s misses %.0f %% "
		"(doing nothing misses 100 %%)%s; pages on free lists are off by %.0f %% (doing "
		"nothing: %.0f %%).",
		p->loads.names[load], p->stacks[x.low->stack].name, 100 * x.least,
		x.nr > 1 ? ", the least of the stacks" : "",
		100 * l->of[x.low->stack].all.free_error,
		100 * l->of[x.low->stack].all.free_error_idle);
}

static void score_cell(FILE *f, double v)
{
	if (isnan(v))
		fputs("<td class=\"n\">–</td>", f);
	else
		fprintf(f, "<td class=\"n\">%.3f</td>", v);
}

static void score_row(FILE *f, const char *stack, const char *name, const char *when,
		      const struct likeness_snapshot *s)
{
	fputs("<tr><td>", f);
	html_text(f, stack);
	fputs("</td><td>", f);
	html_text(f, name);
	fprintf(f, "</td><td class=\"n\">%s</td>", when);
	score_cell(f, s->slab_change_error);
	score_cell(f, s->slab_error);
	score_cell(f, s->slab_error_idle);
	score_cell(f, s->free_error);
	score_cell(f, s->free_error_idle);
	fputs("</tr>\n", f);
}

static void scores_table(const struct report *p, const struct fidelity_load *l)
{
	static const char *const columns[] = {"time",	    "slab change error",
					      "slab error", "doing nothing",
					      "free error", "doing nothing"};
	FILE *f = p->html;

	fputs("<div class=\"scroll\"><table>\n<tr><th scope=\"col\">stack</th>"
	      "<th scope=\"col\">snapshot</th>",
	      f);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		fprintf(f, "<th scope=\"col\" class=\"n\">%s</th>", columns[i]);
	fputs("</tr>\n", f);
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct likeness *of = &l->of[s];

		for (size_t i = 0; i < of->nr_snapshots; i++) {
			char when[VALUE_TEXT_MAX];

			time_human((double)of->snapshots[i].t_ns, when, sizeof(when));
			score_row(f, p->stacks[s].name, of->snapshots[i].name, when,
				  &of->snapshots[i]);
		}
		if (of->nr_snapshots)
			score_row(f, p->stacks[s].name, "all after the first", "", &of->all);
	}
	fputs("</table></div>\n<p class=\"how\">Sums of differences over sums of what was "
	      "recorded; 0 "
	      "is perfect. Slab change error: of the change since the first snapshot; doing "
	      "nothing "
	      "scores 1.</p>\n",
	      f);
}

/* ---- Caches: a point for each, a panel for each stack ---- */

static int by_miss(const void *a, const void *b)
{
	const struct likeness_figure *const *x = a, *const *y = b;
	double p = fabs((*x)->simulated - (*x)->recorded);
	double q = fabs((*y)->simulated - (*y)->recorded);

	return p != q ? (p < q) - (p > q) : strcmp((*x)->name, (*y)->name);
}

/* The caches furthest off by name, at the last snapshot. */
static void scatter_labels(struct figure *f, const struct likeness *of, double most)
{
	const struct likeness_figure **all = mem_alloc(of->nr, sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; i < of->nr; i++)
		if (of->figures[i].slab && of->figures[i].snapshot + 1 == of->nr_snapshots)
			all[n++] = &of->figures[i];
	qsort(all, n, sizeof(*all), by_miss);
	for (size_t i = 0; i < min(n, (size_t)LABELS); i++) {
		double x = fmax(all[i]->recorded, 2048), y = fmax(all[i]->simulated, 2048);
		bool room = all[i]->simulated != all[i]->recorded;
		bool left = x * x > most * 2048;

		/* One text over another is none. */
		for (size_t k = 0; k < i; k++)
			room = room && fabs(log10(y / fmax(all[k]->simulated, 2048))) > 0.15;
		if (!room)
			continue;
		fputs("set label ", f->gp);
		figure_quote(f->gp, all[i]->name);
		fprintf(f->gp,
			" at first %.0f, first %.0f %s offset %s,0 font ',10' textcolor rgb "
			"'" INK_SOFT "'\n",
			x, y, left ? "right" : "left", left ? "-0.6" : "0.6");
	}
	free(all);
}

static void scatter_panel(struct figure *f, const struct report_run *run, const struct likeness *of,
			  double most)
{
	figure_panel(f, f->page->stacks[run->stack].name);
	fprintf(f->gp,
		"set logscale xy\nset xrange [2048:%.0f]\nset yrange [2048:%.0f]\n"
		"set xtics ('4 KiB' 4096, '64 KiB' 65536, '1 MiB' 1048576, '16 MiB' 16777216, "
		"'256 MiB' 268435456, '4 GiB' 4294967296.)\n"
		"set ytics ('4 KiB' 4096, '64 KiB' 65536, '1 MiB' 1048576, '16 MiB' 16777216, "
		"'256 MiB' 268435456, '4 GiB' 4294967296.)\n",
		most * 2, most * 2);
	scatter_labels(f, of, most);
	if (f->nr_panels == 1)
		figure_legend_mark(f, 7, 0.5, "a cache: recorded (x), simulated (y)");
	fprintf(f->gp,
		"plot x with lines linewidth 0.8 linecolor rgb '" AXIS "' notitle, "
		"'../data/fidelity-%s.csv' using (strcol(3) eq 'slab' && $8 == 1 ? ($5 < 2048 ? "
		"2048 : "
		"$5) : 1/0):($6 < 2048 ? 2048 : $6) skip 1 with points pointtype 7 pointsize 0.4 "
		"linecolor rgb '%s' notitle\n",
		run->slug, f->page->stacks[run->stack].colour);
}

static int scatter(struct report *p, size_t load, const struct fidelity_load *l, struct err *e)
{
	struct figure f = {.cols = 3, .panel_w = 368, .panel_h = 330, .all_stacks = true};
	double most = 8192;

	for (size_t s = 0; s < p->nr_stacks; s++)
		for (size_t i = 0; i < l->of[s].nr; i++)
			if (l->of[s].figures[i].slab)
				most = fmax(most, fmax(l->of[s].figures[i].recorded,
						       l->of[s].figures[i].simulated));
	figure_open(&f, p, "fidelity-caches", load, l->nr);
	for (size_t s = 0; s < p->nr_stacks; s++)
		if (l->of[s].nr)
			scatter_panel(&f, report_run(p, load, s), &l->of[s], most);
	return figure_close(
		&f,
		"Slab memory of each cache at the last snapshot, logarithmic: on the line "
		"the simulator was right, above it has more slabs than was recorded. Named "
		"are the caches furthest off. Below 2 KiB is drawn at 2 KiB.",
		e);
}

/* ---- Free lists: a panel for each zone ---- */

/* "0/DMA32" of "0/DMA32/3". */
static size_t zone_length(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? (size_t)(slash - name) : strlen(name);
}

struct zones {
	char names[64][48];
	size_t nr;
};

static void zones_find(struct zones *z, const struct likeness *of)
{
	for (size_t i = 0; i < of->nr; i++) {
		const char *name = of->figures[i].name;
		char zone[48];
		size_t k = 0;

		if (of->figures[i].slab)
			continue;
		snprintf(zone, sizeof(zone), "%.*s", (int)min(zone_length(name), (size_t)47), name);
		while (k < z->nr && strcmp(z->names[k], zone))
			k++;
		if (k == z->nr && z->nr < ARRAY_SIZE(z->names))
			memcpy(z->names[z->nr++], zone, sizeof(zone));
	}
}

/* Pages of an order at the last snapshot, in bytes; the first run that has them. */
static const struct likeness_figure *free_figure(const struct likeness *of, const char *zone,
						 int order)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/%d", zone, order);
	for (size_t i = of->nr; i-- > 0;)
		if (!of->figures[i].slab && of->figures[i].snapshot + 1 == of->nr_snapshots &&
		    !strcmp(of->figures[i].name, name))
			return &of->figures[i];
	return NULL;
}

/* zone, order, then bytes: at the first snapshot, recorded at the last, simulated by each stack. */
static int buddy_write(struct report *p, size_t load, const struct fidelity_load *l,
		       const struct zones *z, double most[64], struct err *e)
{
	FILE *out = report_file(&p->dir, e, "data/fidelity-free-%s.csv", p->load_slugs[load]);

	if (!out)
		return -1;
	fputs("zone_number,zone,order,first_bytes,recorded_bytes", out);
	for (size_t s = 0; s < p->nr_stacks; s++) {
		if (!l->of[s].nr)
			continue;
		fputc(',', out);
		csv_string(out, p->stacks[s].name);
	}
	fputc('\n', out);
	for (size_t i = 0; i < z->nr; i++) {
		for (int order = 0; order < SINK_NR_ORDERS; order++) {
			bool first = true;

			for (size_t s = 0; s < p->nr_stacks; s++) {
				const struct likeness_figure *n =
					free_figure(&l->of[s], z->names[i], order);

				if (!l->of[s].nr)
					continue;
				if (first) {
					fprintf(out, "%zu,", i);
					csv_string(out, z->names[i]);
					fprintf(out, ",%d,%.0f,%.0f", order,
						n ? n->first * PROC_PAGE_BYTES : 0,
						n ? n->recorded * PROC_PAGE_BYTES : 0);
				}
				first = false;
				fprintf(out, ",%.0f", n ? n->simulated * PROC_PAGE_BYTES : 0);
				if (n)
					most[i] = fmax(most[i],
						       PROC_PAGE_BYTES *
							       fmax(n->simulated,
								    fmax(n->recorded, n->first)));
			}
			fputc('\n', out);
		}
	}
	return report_file_close(&p->dir, out, e);
}

static void buddy_panel(struct figure *f, const struct fidelity_load *l, const struct zones *z,
			size_t zone, double most)
{
	const struct report *p = f->page;
	size_t nr = 2, nth = 0, column = 6;
	double bytes, width;
	char title[64];

	for (size_t s = 0; s < p->nr_stacks; s++)
		nr += figure_run(f, s) != NULL;
	width = 0.86 / (double)nr;
	snprintf(title, sizeof(title), "node %s", z->names[zone]);
	figure_panel(f, title);
	bytes = figure_bytes_axis(f, 'y', most);
	fputs("set xrange [-0.6:10.6]\nset format x 'order %g'\nset xtics 0,2\n", f->gp);
	if (!zone) {
		figure_legend(f, USE_3, 1, "recorded at the first snapshot");
		figure_legend(f, USE_1, 1, "recorded at the last");
		figure_legend_stacks(f);
	}
	fputs("plot ", f->gp);
	for (size_t s = 0, bar = 0; bar < 2 || s < p->nr_stacks;) {
		const char *colour = bar == 0 ? USE_3 : USE_1;
		size_t at = 4 + bar;

		if (bar >= 2) {
			at = column;
			column += l->of[s].nr != 0;
			colour = p->stacks[s].colour;
			if (!figure_run(f, s++))
				continue;
		}
		bar++;
		fprintf(f->gp,
			"%s'../data/fidelity-free-%s.csv' using ($1 == %zu ? $3+%g : "
			"1/0):($%zu/%g):(%g) "
			"skip 1 with boxes fillstyle solid 1 noborder linecolor rgb '%s' notitle",
			nth ? ", " : "", p->load_slugs[f->load], zone,
			-0.43 + width * ((double)nth + 0.5), at, bytes, width * 0.92, colour);
		nth++;
	}
	fputc('\n', f->gp);
}

static int buddy(struct report *p, size_t load, const struct fidelity_load *l, struct err *e)
{
	struct zones z = {.nr = 0};
	double most[64] = {0};

	for (size_t s = 0; s < p->nr_stacks; s++)
		zones_find(&z, &l->of[s]);
	if (!z.nr)
		return 0;
	if (buddy_write(p, load, l, &z, most, e))
		return -1;
	for (size_t g = 0; g < figure_groups(p); g++) {
		struct figure f = {
			.cols = 2, .panel_w = 552, .panel_h = 230, .group = g, .hidden = l->hidden};

		figure_open(&f, p, "fidelity-free", load, z.nr);
		for (size_t i = 0; i < z.nr; i++)
			buddy_panel(&f, l, &z, i, most[i]);
		if (figure_close(
			    &f,
			    "Free memory in blocks of each order, as /proc/buddyinfo counts them. "
			    "Each zone has its own scale.",
			    e))
			return -1;
	}
	return 0;
}

/* ---- The section ---- */

static const struct browse_column columns[] = {
	{"snapshot", "snapshot", "text", true},
	{"cache", "cache", "text", false},
	{"recorded", "recorded_bytes", "bytes", false},
	{"simulated", "simulated_bytes", "bytes", false},
	{"off by", "miss_bytes", "bytes", false},
	{"simulated/recorded", "ratio", "ratio", false},
	{"recorded first", "first_bytes", "bytes", false},
	{"recorded change", "change_bytes", "bytes", false},
};

static const struct browse_table table = {
	.id = "fidelity",
	.columns = columns,
	.nr_columns = ARRAY_SIZE(columns),
	.sort = 6,
	.sql = "SELECT snapshot, name, recorded, simulated, abs(simulated - recorded),"
	       " 1.0 * simulated / nullif(recorded, 0), first, recorded - first, 1"
	       " FROM fidelity_view WHERE run_id = ?1 AND kind = 'slab'"
	       " ORDER BY t_ns, abs(simulated - recorded) DESC, name",
};

static int fidelity_load_one(struct report *p, size_t load, struct fidelity_load *l, struct err *e)
{
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (run && likeness_load(&l->of[s], p->db, run->info->id, e))
			return -1;
		l->hidden[s] = !l->of[s].nr;
		l->nr += !l->hidden[s];
		if (!l->hidden[s] && scores_write(p, run, &l->of[s], e))
			return -1;
	}
	if (!l->nr)
		return 0;
	report_load_heading(p, load);
	fidelity_finding(p, load, l);
	scores_table(p, l);
	return scatter(p, load, l, e) || buddy(p, load, l, e) ? -1 : 0;
}

int report_fidelity(struct report *p, struct err *e)
{
	bool any = false;

	for (size_t load = 0; load < p->loads.nr; load++) {
		struct fidelity_load *l = mem_alloc(1, sizeof(*l));
		int rc = fidelity_load_one(p, load, l, e);

		any = any || l->nr;
		for (size_t s = 0; s < p->nr_stacks; s++)
			likeness_free(&l->of[s]);
		free(l);
		if (rc)
			return -1;
	}
	if (any)
		return browse_write(p, &table, e);
	fputs("<p>No run was compared with a recorded machine: "
	      "<code>kmemsim fidelity TRACE.kmt --db FILE</code> does that.</p>\n",
	      p->html);
	return 0;
}
