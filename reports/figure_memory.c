/*
 * Memory over time: where each stack's memory goes.
 */
#include <string.h>

#include "reports/figure.h"

/*
 * What the memory a stack has taken is made of, bottom to top. With the accounting of the layers
 * the parts add up to pages_taken_bytes exactly: a slab source holds its free objects, a layer
 * above what it has not passed on yet. The first five are the pages of slabs, the next three those
 * of the store; those of a store of slabs (kmalloc) are not among the first.
 */
enum part {
	PART_OBJECTS,
	PART_ROUNDING,
	PART_SLAB_HELD,
	PART_DESCRIPTORS,
	PART_SLAB_FREE,
	PART_STORED,
	PART_STORE_HELD,
	PART_STORE_REST,
	PART_PAGES,
	PART_PAGE_HELD,
	NR_PARTS
};

static const struct {
	const char *name, *column, *colour; /* no colour: the stack's own */
} parts[NR_PARTS] = {
	{"objects, as requested", "objects_requested", USE_1},
	{"rounding", "rounding", USE_2},
	{"held back by slab layers", "held_by_slab_layers", NULL},
	{"descriptors of the store", "store_descriptors", STORE_DESCRIPTORS},
	{"free in slabs", "free_in_slabs", USE_3},
	{"stored, as requested", "stored", STORE_ASKED},
	{"held back by store layers", "held_by_store_layers", NULL},
	{"held by the store", "held_by_store", STORE_BETWEEN},
	{"pages, as requested", "pages_requested", USE_4},
	{"held back by page layers", "held_by_page_layers", NULL},
};

/* Have any of these stacks such parts? */
static bool part_known(const struct report *p, int k)
{
	return p->stores || (k != PART_DESCRIPTORS && k != PART_STORED && k != PART_STORE_HELD &&
			     k != PART_STORE_REST);
}

static void store_parts_at(const struct samples *s, u64 t, double v[NR_PARTS])
{
	double pages = samples_store_bytes_at(s, t), stored = samples_store_at(s, "bytes_req", t);

	v[PART_DESCRIPTORS] = samples_store_at(s, "descriptor_bytes", t);
	v[PART_STORED] = min(stored, pages); /* `null` has pages for nothing */
	v[PART_STORE_HELD] =
		min(samples_above_at(s, "store", "held_bytes", t), pages - v[PART_STORED]);
	v[PART_STORE_REST] = pages - v[PART_STORED] - v[PART_STORE_HELD];
}

/* One instant's parts, each at least 0 however the figures were sampled. */
static void parts_at(const struct samples *s, u64 t, double v[NR_PARTS])
{
	double req = samples_whole_at(s, "bytes_req_live", t),
	       slab = samples_whole_at(s, "slab_bytes", t), store = samples_store_bytes_at(s, t),
	       store_slabs = samples_store_slabs_at(s, t);
	double handed_out = samples_outer_at(s, "pages", "live_bytes", t);

	store_parts_at(s, t, v);
	v[PART_PAGES] = max(handed_out - slab - (store - store_slabs), 0.0);
	v[PART_OBJECTS] = max(req - v[PART_PAGES] - samples_store_at(s, "bytes_req", t), 0.0);
	v[PART_ROUNDING] = max(samples_whole_at(s, "bytes_alloc_live", t) - req, 0.0);
	v[PART_SLAB_HELD] = samples_above_at(s, "slab", "held_bytes", t);
	v[PART_SLAB_FREE] = max(slab - store_slabs - v[PART_OBJECTS] - v[PART_ROUNDING] -
					v[PART_SLAB_HELD] - v[PART_DESCRIPTORS],
				0.0);
	v[PART_PAGE_HELD] = samples_above_at(s, "pages", "held_bytes", t);
}

static void write_points(FILE *f, const struct report *p, const struct samples *s,
			 const struct series *lead)
{
	size_t picks[POINTS_MAX], n = points_pick(lead->value, lead->nr, POINTS_MAX, picks);

	for (size_t i = 0; i < n; i++) {
		u64 t = lead->t_ns[picks[i]];
		double v[NR_PARTS];

		parts_at(s, t, v);
		fprintf(f, "%.9g", (double)t / 1e9);
		for (int k = 0; k < NR_PARTS; k++)
			if (part_known(p, k))
				fprintf(f, ",%.0f", v[k]);
		fputc('\n', f);
	}
}

static int write_run(struct report *p, const struct report_run *run, struct err *e)
{
	const struct series *lead = samples_lead(run_samples(run));
	FILE *f = report_file(&p->dir, e, "data/memory-%s.csv", run->slug);

	if (!f)
		return -1;
	fputs("t_s", f);
	for (int k = 0; k < NR_PARTS; k++)
		if (part_known(p, k))
			fprintf(f, ",%s", parts[k].column);
	fputc('\n', f);
	if (lead)
		write_points(f, p, run_samples(run), lead);
	return report_file_close(&p->dir, f, e);
}

static double part_fill(int k)
{
	return k == PART_PAGE_HELD ? 0.5 : 1;
}

static double held_max(const struct report_run *run)
{
	const struct series *lead = samples_lead(run_samples(run));
	double most = 0;

	for (size_t i = 0; lead && i < lead->nr; i++)
		most = max(most, samples_held_at(run_samples(run), lead->t_ns[i]));
	return most;
}

/* Of a part that has the stack's own colour, the legend shows those of all which hold back. */
static void parts_legend(struct figure *f, const bool shown[NR_PARTS])
{
	const struct report *p = f->page;
	const char *own[THEME_STACKS];
	size_t nr = 0;

	for (size_t s = 0; s < p->nr_stacks && nr < THEME_STACKS; s++)
		if (report_run(p, f->load, s) && held_max(report_run(p, f->load, s)) > 0)
			own[nr++] = p->stacks[s].colour;
	for (int k = 0; k < NR_PARTS; k++) {
		if (!shown[k])
			continue;
		if (parts[k].colour)
			figure_legend(f, parts[k].colour, part_fill(k), parts[k].name);
		else
			figure_legend_own(f, own, nr, part_fill(k), parts[k].name);
	}
}

/* Bands from the outside in: each is drawn from 0 to its upper edge, over the one before. */
static void parts_plot(struct figure *f, const struct report_run *run, double factor, double bytes,
		       const bool shown[NR_PARTS])
{
	const char *own = f->page->stacks[run->stack].colour, *comma = "";

	fputs("plot ", f->gp);
	for (int k = NR_PARTS - 1; k >= 0; k--) {
		if (!shown[k])
			continue;
		fprintf(f->gp, "%s'../data/memory-%s.csv' using ($1*%g):((", comma, run->slug,
			factor);
		for (int j = 0, column = 2; j <= k; j++)
			if (part_known(f->page, j)) {
				fprintf(f->gp, "%s$%d", j ? "+" : "", column);
				column++;
			}
		fprintf(f->gp,
			")/%g) skip 1 with filledcurves y1=0 linecolor rgb '%s' fillstyle solid %g "
			"notitle",
			bytes, parts[k].colour ? parts[k].colour : own, part_fill(k));
		comma = ", ";
	}
	fputc('\n', f->gp);
}

/* The share nobody asked for when the run's memory is most. */
static double excess_at_peak(const struct report_run *run)
{
	const struct series *lead = samples_lead(run_samples(run));
	double v[NR_PARTS], sum = 0;
	size_t peak = 0;

	for (size_t i = 0; i < lead->nr; i++)
		peak = lead->value[i] > lead->value[peak] ? i : peak;
	parts_at(run_samples(run), lead->t_ns[peak], v);
	for (size_t k = 0; k < NR_PARTS; k++)
		sum += v[k];
	return 100 - 100 * (v[PART_OBJECTS] + v[PART_STORED] + v[PART_PAGES]) / max(sum, 1.0);
}

static void memory_finding(const struct report *p, size_t load)
{
	struct spread x = {.nr = 0};

	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (run && samples_lead(run_samples(run)))
			spread_add(&x, run, excess_at_peak(run));
	}
	if (x.nr && x.most - x.least < 0.05)
		report_finding(p,
			       "When most memory is taken on %s, %.1f %% of it was asked for by "
			       "nobody, under %s.",
			       p->loads.names[load], x.most,
			       x.nr > 1 ? "every stack" : p->stacks[x.low->stack].name);
	else if (x.nr)
		report_finding(p,
			       "When most memory is taken on %s, the share of it that nobody asked "
			       "for is largest under %s, %.1f %%, and smallest under %s, %.1f %%.",
			       p->loads.names[load], p->stacks[x.high->stack].name, x.most,
			       p->stacks[x.low->stack].name, x.least);
}

/* Which parts are ever there; false: none. */
static bool parts_shown(const struct report *p, size_t load, bool shown[NR_PARTS])
{
	bool any = false;

	memset(shown, 0, NR_PARTS * sizeof(*shown));
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);
		const struct series *lead = run ? samples_lead(run_samples(run)) : NULL;

		for (size_t i = 0; lead && i < lead->nr; i++) {
			double v[NR_PARTS];

			parts_at(run_samples(run), lead->t_ns[i], v);
			for (size_t k = 0; k < NR_PARTS; k++)
				shown[k] = shown[k] || v[k] > 0;
		}
	}
	for (size_t k = 0; k < NR_PARTS; k++)
		any = any || shown[k];
	return any;
}

static int memory_figure(struct report *p, size_t load, const bool shown[NR_PARTS], struct err *e)
{
	struct figure f = {.cols = 3, .panel_w = 368, .panel_h = 260, .all_stacks = true};
	bool keys = true;
	double taken = 0;
	size_t nr = 0;

	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (!run)
			continue;
		nr++;
		taken = max(taken,
			    series_max(samples_find(run_samples(run), "", "pages_taken_bytes")));
		taken = max(taken, series_max(samples_find(run_samples(run), "", "slab_bytes")));
	}
	if (nr > 9)
		f.cols = 4, f.panel_w = 276, f.panel_h = 200;
	figure_open(&f, p, "memory", load, nr);
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);
		double factor, bytes;

		if (!run)
			continue;
		figure_panel(&f, p->stacks[s].name);
		factor = figure_time_axis(&f);
		bytes = figure_bytes_axis(&f, 'y', taken);
		if (keys)
			parts_legend(&f, shown);
		parts_plot(&f, run, factor, bytes, shown);
		keys = false;
	}
	return figure_close(
		&f,
		p->stores
			? "Bands add up to all memory taken from the machine; the same scale in "
			  "each panel. Greys: what every stack has; violet: the store's pages; "
			  "brown: its descriptors, in pages of slabs; the stack's own colour: what "
			  "its layers hold back. x: simulated time."
			: "Bands add up to all memory taken from the machine; the same scale in "
			  "each panel. Greys: what every stack has; the stack's own colour: what "
			  "its layers hold back. x: simulated time.",
		e);
}

int report_memory_figures(struct report *p, struct err *e)
{
	for (size_t i = 0; i < p->nr_runs; i++)
		if (write_run(p, &p->runs[i], e))
			return -1;
	for (size_t load = 0; load < p->loads.nr; load++) {
		bool shown[NR_PARTS];

		report_load_heading(p, load);
		if (!parts_shown(p, load, shown)) {
			fputs("<p>Memory was not sampled.</p>\n", p->html);
			continue;
		}
		memory_finding(p, load);
		if (memory_figure(p, load, shown, e))
			return -1;
	}
	return 0;
}
