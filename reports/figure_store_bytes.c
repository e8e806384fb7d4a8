/*
 * Where the bytes of each store are: a bar for each stack, when most is stored and at the end;
 * of the lowest seed.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/out.h"
#include "lib/text.h"
#include "lib/units.h"
#include "reports/figure.h"
#include "reports/figure_store.h"
#include "reports/proc_state.h"

#define ROW_PIXELS 34

enum when { AT_MOST, AT_END, NR_WHEN };

static const char *const when_titles[NR_WHEN] = {"when most is stored", "at the end"};
static const char *const when_names[NR_WHEN] = {"most", "end"};

/* They add up to the pages for contents, those in reserve, and those of descriptors. */
enum part { ASKED, INSIDE, HELD, BETWEEN, REST, RESERVE, DESCRIPTORS, NR_PARTS };

static const struct {
	const char *name, *column, *colour; /* no colour: the stack's own */
} parts[NR_PARTS] = {
	[ASKED] = {"asked for", "asked_for", STORE_ASKED},
	[INSIDE] = {"rounding and headers in blocks", "inside_blocks", STORE_INSIDE},
	[HELD] = {"held back by store layers", "held_by_layers", NULL},
	[BETWEEN] = {"free between blocks", "between_blocks", STORE_BETWEEN},
	[REST] = {"pages' own headers and rests", "rest_of_pages", USE_3},
	[RESERVE] = {"pages in reserve", "reserve", USE_4},
	[DESCRIPTORS] = {"pages of descriptors", "descriptors", STORE_DESCRIPTORS},
};

struct store_bytes {
	bool shown[REPORT_STACKS_MAX];
	double v[REPORT_STACKS_MAX][NR_WHEN][NR_PARTS];
	double all[REPORT_STACKS_MAX][NR_WHEN], objects[REPORT_STACKS_MAX][NR_WHEN];
	double most; /* of all bars */
	bool any[NR_PARTS], whens[NR_WHEN];
};

static double pages_at(const struct samples *s, const char *column, u64 t)
{
	return samples_store_at(s, column, t) * PROC_PAGE_BYTES;
}

static void parts_at(const struct samples *s, u64 t, double v[NR_PARTS])
{
	double pages = pages_at(s, "pages", t), raw = pages_at(s, "raw", t);
	double blocks = samples_store_at(s, "block_bytes", t) + raw;

	v[ASKED] = min(samples_store_at(s, "bytes_req", t), pages);
	v[HELD] = max(min(samples_above_at(s, "store", "held_bytes", t), blocks - v[ASKED]), 0.0);
	v[INSIDE] = max(blocks - v[ASKED] - v[HELD], 0.0);
	v[BETWEEN] = samples_store_at(s, "free_bytes", t);
	v[REST] = max(pages - v[ASKED] - v[HELD] - v[INSIDE] - v[BETWEEN], 0.0);
	v[RESERVE] = pages_at(s, "reserve_pages", t);
	v[DESCRIPTORS] = pages_at(s, "descriptor_pages", t);
}

/* The first instant at which most is stored, and the last. */
static u64 instant(const struct series *stored, enum when when)
{
	size_t at = 0;

	if (when == AT_END)
		return stored->t_ns[stored->nr - 1];
	for (size_t i = 0; i < stored->nr; i++)
		at = stored->value[i] > stored->value[at] ? i : at;
	return stored->t_ns[at];
}

static void run_take(struct store_bytes *b, const struct report_run *run)
{
	const struct samples *s = run_samples(run);
	const struct series *stored = samples_find(s, SAMPLES_STORE, "bytes_req");

	b->shown[run->stack] = true;
	for (enum when w = 0; w < NR_WHEN; w++) {
		double *v = b->v[run->stack][w], *all = &b->all[run->stack][w];
		u64 t = instant(stored, w);

		parts_at(s, t, v);
		for (int k = 0; k < NR_PARTS; k++) {
			*all += v[k];
			b->any[k] = b->any[k] || v[k] > 0;
		}
		b->objects[run->stack][w] = samples_store_at(s, "objects", t);
		b->most = max(b->most, *all);
		b->whens[w] = b->whens[w] || *all > 0;
	}
}

static int bytes_write(struct report *p, size_t load, const struct store_bytes *b, struct err *e)
{
	FILE *f = report_file(&p->dir, e, "data/store-bytes-%s.csv", p->load_slugs[load]);

	if (!f)
		return -1;
	fputs("panel,when,row,stack,objects", f);
	for (int k = 0; k < NR_PARTS; k++)
		fprintf(f, ",%s_bytes", parts[k].column);
	fputc('\n', f);
	for (int w = 0; w < NR_WHEN; w++) {
		for (size_t s = 0; s < p->nr_stacks; s++) {
			if (!b->shown[s])
				continue;
			fprintf(f, "%d,%s,%zu,", w, when_names[w], s);
			csv_string(f, p->stacks[s].name);
			fprintf(f, ",%.0f", b->objects[s][w]);
			for (int k = 0; k < NR_PARTS; k++)
				fprintf(f, ",%.0f", b->v[s][w][k]);
			fputc('\n', f);
		}
	}
	return report_file_close(&p->dir, f, e);
}

/* "12.4 MiB, 83 % asked for": all that is in the bar. */
static void bar_text(const struct store_bytes *b, size_t s, enum when w, char *buf, size_t n)
{
	struct text text = text_in(buf, n);
	char size[48];

	size_human(b->all[s][w], size, sizeof(size));
	text_add(&text, "%s", size);
	if (b->v[s][w][ASKED] > 0)
		text_add(&text, ", %.0f %% asked for", 100 * b->v[s][w][ASKED] / b->all[s][w]);
}

static void bar_labels(struct figure *f, const struct store_bytes *b, size_t s, enum when w,
		       size_t row, double bytes)
{
	char text[96];

	bar_text(b, s, w, text, sizeof(text));
	figure_row_labels(f, row, s, b->all[s][w] / bytes, text);
}

/* From the outside in: each from 0 to its upper edge, over the one before. */
static void bar(struct figure *f, const struct store_bytes *b, size_t s, enum when w, size_t row,
		double bytes, const char **comma)
{
	for (int k = NR_PARTS - 1; k >= 0; k--) {
		if (!b->any[k])
			continue;
		fprintf(f->gp,
			"%s'../data/store-bytes-%s.csv' using ($1 == %d && $3 == %zu ? 0 : "
			"1/0):(%g):(0):((",
			*comma, f->page->load_slugs[f->load], (int)w, s, -(double)row - 0.66);
		for (int j = 0; j <= k; j++)
			fprintf(f->gp, "%s$%d", j ? "+" : "", j + 6);
		fprintf(f->gp, ")/%g):(%g):(%g) skip 1 with boxxyerror linecolor rgb '%s' notitle",
			bytes, -(double)row - 0.82, -(double)row - 0.50,
			parts[k].colour ? parts[k].colour : f->page->stacks[s].colour);
		*comma = ", ";
	}
}

static void legend(struct figure *f, const struct store_bytes *b)
{
	for (int k = 0; k < NR_PARTS; k++) {
		const char *own[THEME_STACKS];
		size_t nr = 0;

		for (size_t s = 0; s < f->page->nr_stacks && nr < THEME_STACKS; s++)
			if (b->v[s][AT_MOST][k] + b->v[s][AT_END][k] > 0)
				own[nr++] = f->page->stacks[s].colour;
		if (!b->any[k])
			continue;
		if (parts[k].colour)
			figure_legend(f, parts[k].colour, 1, parts[k].name);
		else
			figure_legend_own(f, own, nr, 1, parts[k].name);
	}
}

static void bytes_panel(struct figure *f, const struct store_bytes *b, enum when w, size_t nr,
			bool first)
{
	const char *comma = "";
	double bytes;
	size_t row = 0;

	figure_panel(f, when_titles[w]);
	/* The text behind the longest bar takes as much again as most bars. */
	bytes = figure_bytes_axis(f, 'x', b->most * 1.55);
	fprintf(f->gp, "set yrange [-%zu:0]\nset grid noytics\nset ytics scale 0 ('' 0)\n", nr);
	for (size_t s = 0; s < f->page->nr_stacks; s++)
		if (figure_run(f, s))
			bar_labels(f, b, s, w, row++, bytes);
	if (first)
		legend(f, b);
	row = 0;
	fputs("plot ", f->gp);
	for (size_t s = 0; s < f->page->nr_stacks; s++)
		if (figure_run(f, s))
			bar(f, b, s, w, row++, bytes, &comma);
	fputc('\n', f->gp);
}

static int bytes_group(struct report *p, size_t load, const struct store_bytes *b, size_t group,
		       struct err *e)
{
	bool hidden[REPORT_STACKS_MAX];
	struct figure f = {.cols = 2,
			   .panel_w = 480,
			   .left = 26,
			   .right = 34,
			   .group = group,
			   .hidden = hidden,
			   .page = p,
			   .load = load};
	size_t nr = 0;

	for (size_t s = 0; s < p->nr_stacks; s++) {
		hidden[s] = !b->shown[s];
		nr += figure_run(&f, s) != NULL;
	}
	if (!nr)
		return 0;
	f.panel_h = 66 + (int)nr * ROW_PIXELS;
	figure_open(&f, p, "store-bytes", load, (size_t)b->whens[AT_MOST] + b->whens[AT_END]);
	for (enum when w = 0; w < NR_WHEN; w++)
		if (b->whens[w])
			bytes_panel(&f, b, w, nr, !f.nr_panels);
	return figure_close(&f,
			    "A whole bar: all pages of the store and of its descriptors. Both "
			    "panels have the same scale.",
			    e);
}

int store_bytes_figure(struct report *p, size_t load, struct err *e)
{
	struct store_bytes *b = mem_alloc(1, sizeof(*b));
	int rc = 0;

	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (run && store_shown(run))
			run_take(b, run);
	}
	if (b->most > 0)
		rc = bytes_write(p, load, b, e);
	for (size_t g = 0; g < figure_groups(p) && !rc && b->most > 0; g++)
		rc = bytes_group(p, load, b, g, e);
	free(b);
	return rc;
}
