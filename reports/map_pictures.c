/*
 * The memory map as pictures, in the files: what lives where at the start, when most is in use and
 * at the end; who keeps what, and what compaction moved, at the end.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/out.h"
#include "lib/units.h"
#include "reports/figure.h"
#include "reports/map_load.h"
#include "reports/proc_state.h"
#include "reports/values.h"

#define PICTURE_COLS 64 /* cells in a row of a picture */
#define FEW_COLS 32	/* where there are few */
#define NR_INSTANTS 3	/* of what lives where */
#define PANEL_PIXELS 368

static size_t instant(const struct film *f, int which)
{
	u64 most = 0;
	size_t at = 0;

	for (size_t i = 0; which == 1 && i < f->nr_frames; i++) {
		u64 used = 0;

		for (size_t k = 0; k < f->nr_cells; k++) {
			const struct sink_cell *c = film_frame(f, i) + k;

			used += (u64)c->unmovable + c->movable + c->reclaimable;
		}
		if (used > most) {
			most = used;
			at = i;
		}
	}
	return which == 2 ? f->nr_frames - 1 : at;
}

static double percent(u8 share)
{
	return 100.0 * share / SINK_CELL_FULL;
}

/* What all stacks of the load need: rows of cells for each zone, and cells in a row. Below the last
 * row that anybody ever used there is nothing to see. */
struct grid {
	u32 cols, rows;
	u32 zone_rows[64 * 4]; /* more zones than a machine may have are not shown */
	size_t nr_zones;
};

static u32 zone_cells(const struct report *p, const struct map_load *m, size_t z)
{
	u32 n = 1;

	for (size_t s = 0; s < p->nr_stacks; s++)
		if (z < m->films[s].nr_zones)
			n = max(n, m->films[s].zones[z].nr_touched);
	return n;
}

static struct grid grid_of(const struct report *p, const struct map_load *m)
{
	struct grid g = {.cols = FEW_COLS};
	u64 cells = 0;

	for (size_t s = 0; s < p->nr_stacks; s++)
		g.nr_zones = max(g.nr_zones, min(m->films[s].nr_zones, ARRAY_SIZE(g.zone_rows)));
	for (size_t z = 0; z < g.nr_zones; z++)
		cells += zone_cells(p, m, z);
	if (cells > 16 * FEW_COLS)
		g.cols = PICTURE_COLS;
	for (size_t z = 0; z < g.nr_zones; z++) {
		g.zone_rows[z] = DIV_ROUND_UP(zone_cells(p, m, z), g.cols);
		g.rows += g.zone_rows[z] + 1;
	}
	return g;
}

static void picture_zone(FILE *out, const struct film *f, size_t frame, const struct film_zone *z,
			 const struct grid *g, u32 row)
{
	u32 nr = min(z->nr_cells, g->cols * g->zone_rows[z - f->zones]);

	for (u32 i = 0; i < nr; i++) {
		const struct sink_cell *c = film_frame(f, frame) + z->first_cell + i;
		int type = c->type_pinned & SINK_CELL_TYPE_MASK;

		fprintf(out, "%.9g,%d,", (double)f->t_ns[frame] / 1e9, z->node);
		csv_string(out, z->name);
		fprintf(out, ",%llu,%u,%.1f,%.1f,%.1f,%d,%.1f,%u,%u\n",
			(unsigned long long)(z->first_pfn +
					     (u64)i * z->per_cell * PROC_BLOCK_PAGES),
			z->per_cell * PROC_BLOCK_PAGES, percent(c->unmovable), percent(c->movable),
			percent(c->reclaimable),
			type == SINK_CELL_NO_TYPE   ? -1
			: type == SINK_CELL_UNTYPED ? 4
						    : type,
			100.0 * (c->type_pinned >> 3) / SINK_CELL_PINNED, i % g->cols,
			row + i / g->cols);
	}
}

/* A block of lines for each picture; gnuplot's index counts them. */
static int picture_write(struct report *p, const struct report_run *run, const struct film *f,
			 const struct grid *g, struct err *e)
{
	FILE *out = report_file(&p->dir, e, "data/map-%s.csv", run->slug);

	if (!out)
		return -1;
	fputs("t_s,node,zone,first_pfn,pages,unmovable_percent,movable_percent,reclaimable_percent,"
	      "pageblock_type,pinned_percent,x,y\n",
	      out);
	for (int which = 0; which < NR_INSTANTS; which++) {
		u32 row = 0;

		for (size_t z = 0; z < min(f->nr_zones, g->nr_zones); z++) {
			picture_zone(out, f, instant(f, which), &f->zones[z], g, row);
			row += g->zone_rows[z] + 1;
		}
		fputs("\n\n", out);
	}
	return report_file_close(&p->dir, out, e);
}

/* A colour, from white (0) to itself (1). */
static void shade_function(FILE *gp)
{
	fputs("rgb(c, s) = int(255-(255-int(c/65536))*s)*65536 + "
	      "int(255-(255-int(c/256)%256)*s)*256 + "
	      "int(255-(255-int(c)%256)*s)\n",
	      gp);
}

/* Columns 6 to 8 are shares in use; the strongest gives the hue, their sum the strength. */
static void lives_functions(FILE *gp)
{
	shade_function(gp);
	fprintf(gp,
		"hue(u, m, r) = m >= u && m >= r ? 0x%06x : u >= r ? 0x%06x : 0x%06x\n"
		"cell(u, m, r, t) = u+m+r > 0 ? rgb(hue(u, m, r), 0.28+0.72*(u+m+r)/100) : t < 0 ? "
		"0xfafbfc : 0x%06x\n",
		theme_rgb(LIVES_MOVABLE), theme_rgb(LIVES_UNMOVABLE), theme_rgb(LIVES_RECLAIMABLE),
		theme_rgb(USE_4));
}

static void panel_begin(struct figure *f, const char *title, const struct grid *g)
{
	figure_panel(f, title);
	if (f->nr_panels == 1)
		fputs("unset xtics\nunset ytics\nunset border\n", f->gp);
	fprintf(f->gp, "set xrange [-0.5:%u.5]\nset yrange [%u:-0.5]\n", g->cols - 1, g->rows);
}

static void picture_panel(struct figure *f, const struct report_run *run, const struct film *film,
			  int which, const struct grid *g)
{
	char title[192], when[VALUE_TEXT_MAX];
	size_t frame = instant(film, which);

	time_human((double)film->t_ns[frame], when, sizeof(when));
	snprintf(title, sizeof(title), "%.96s, %s", f->page->stacks[run->stack].name, when);
	panel_begin(f, title, g);
	if (f->nr_panels == 1) {
		figure_legend(f, LIVES_UNMOVABLE, 1, "mostly unmovable");
		figure_legend(f, LIVES_MOVABLE, 1, "mostly movable");
		figure_legend(f, LIVES_RECLAIMABLE, 1, "mostly reclaimable");
		figure_legend(f, USE_4, 1, "free again");
		figure_legend_mark(f, 5, 0.4, "pinned");
		lives_functions(f->gp);
	}
	fprintf(f->gp,
		"plot '../data/map-%s.csv' index %d skip %d using 11:12:($11-0.45):($11+0.45):"
		"($12-0.45):($12+0.45):(cell($6,$7,$8,$9)) with boxxyerror fillstyle solid 1 "
		"noborder "
		"linecolor rgb variable notitle, '' index %d skip %d using ($10 > 0 ? $11+0.2 : "
		"1/0):"
		"($12+0.2) with points pointtype 5 pointsize 0.12 linecolor rgb '" INK
		"' notitle\n",
		run->slug, which, !which, which, !which);
}

static struct figure figure_of(const struct grid *g, int cols)
{
	struct figure f = {.cols = cols,
			   .panel_w = PANEL_PIXELS,
			   .left = 8,
			   .right = 12,
			   .bottom = 8,
			   .all_stacks = true};

	f.panel_h = 36 + (int)(g->rows * (u32)(f.panel_w - 20) / g->cols);
	return f;
}

static int lives_picture(struct report *p, size_t load, const struct map_load *m,
			 const struct grid *g, struct err *e)
{
	struct figure f = figure_of(g, NR_INSTANTS);

	for (size_t s = 0; s < p->nr_stacks; s++)
		if (m->films[s].nr_frames &&
		    picture_write(p, report_run(p, load, s), &m->films[s], g, e))
			return -1;
	figure_open(&f, p, "map", load, m->nr * NR_INSTANTS);
	for (size_t s = 0; s < p->nr_stacks; s++)
		for (int which = 0; m->films[s].nr_frames && which < NR_INSTANTS; which++)
			picture_panel(&f, report_run(p, load, s), &m->films[s], which, g);
	return figure_close_files(&f,
				  "Pictures of the film for papers: at its start, when most memory "
				  "is in use, at its end.",
				  e);
}

/* ---- At the end: who keeps what, and what compaction has moved ---- */

/* A picture with a panel for each stack that has something to show. */
struct end_picture {
	const char *kind, *columns, *how_to_read;
	bool (*has)(const struct map_load *m, size_t stack);
	void (*row)(FILE *out, const struct map_load *m, size_t stack, size_t cell);
	void (*legend)(struct figure *f, const struct map_load *m);
	const char *plot; /* of '../data/...', by the functions of `legend` */
};

static double used_percent(const struct film *f, size_t cell)
{
	const struct sink_cell *c = film_frame(f, f->nr_frames - 1) + cell;

	return percent(c->unmovable) + percent(c->movable) + percent(c->reclaimable);
}

static bool blame_has(const struct map_load *m, size_t stack)
{
	return m->kept[stack].nr;
}

static int by_cell(const void *key, const void *element)
{
	size_t cell = *(const size_t *)key;
	const struct kept_cell *k = element;

	return (cell > k->cell) - (cell < k->cell);
}

static void blame_row(FILE *out, const struct map_load *m, size_t stack, size_t cell)
{
	const struct kept_map *kept = &m->kept[stack];
	const struct kept_cell *k =
		bsearch(&cell, kept->cells, kept->nr, sizeof(*kept->cells), by_cell);

	if (!k) {
		fputs(",-1,0,0,0,0,0,,", out);
		return;
	}
	fprintf(out, ",%zu,%llu,%llu,%llu,%llu,%.9g,", k->holder, (unsigned long long)k->pages,
		(unsigned long long)k->unmovable, (unsigned long long)k->movable,
		(unsigned long long)k->free, (double)k->kept_ns / 1e9);
	csv_string(out, k->holder < HOLDERS_MAX ? m->holders[k->holder].call_site : "(others)");
	fputc(',', out);
	csv_string(out, k->holder < HOLDERS_MAX ? m->holders[k->holder].cache : "");
}

static void blame_legend(struct figure *f, const struct map_load *m)
{
	size_t nr = min(m->nr_holders, (size_t)HOLDER_COLOURS);

	for (size_t i = 0; i < nr; i++) {
		char name[96], text[128];

		holder_print(m->holders[i].call_site, m->holders[i].cache, name, sizeof(name));
		snprintf(text, sizeof(text), "%.60s: %llu", name,
			 (unsigned long long)m->holders[i].blocks);
		figure_legend(f, holder_colour(i), 1, text);
	}
	if (m->nr_holders > nr)
		figure_legend(f, AXIS, 1, "others");
	figure_legend(f, USE_3, 1, "in use");
	figure_legend(f, USE_4, 1, "free");
	fputs("holder(h) = ", f->gp);
	for (size_t i = 0; i < nr; i++)
		fprintf(f->gp, "h == %zu ? 0x%06x : ", i, theme_rgb(holder_colour(i)));
	fprintf(f->gp, "0x%06x\nkept(h, used) = h >= 0 ? holder(h) : used > 0 ? 0x%06x : 0x%06x\n",
		theme_rgb(AXIS), theme_rgb(USE_3), theme_rgb(USE_4));
}

static bool moves_has(const struct map_load *m, size_t stack)
{
	return m->films[stack].moves;
}

static void moves_row(FILE *out, const struct map_load *m, size_t stack, size_t cell)
{
	const struct film *f = &m->films[stack];
	const struct sink_moves *at = film_moves(f, f->nr_frames - 1) + cell;

	fprintf(out, ",%u,%u", at->from, at->to);
}

static void moves_legend(struct figure *f, const struct map_load *m)
{
	u64 most = 1;

	for (size_t s = 0; s < REPORT_STACKS_MAX; s++) {
		const struct film *film = &m->films[s];

		for (size_t i = 0; film->moves && i < film->nr_cells; i++) {
			const struct sink_moves *at = film_moves(film, film->nr_frames - 1) + i;

			most = max(most, (u64)at->from);
			most = max(most, (u64)at->to);
		}
	}
	figure_legend(f, MOVED_FROM, 1, "left half: moved out of here");
	figure_legend(f, MOVED_TO, 1, "right half: moved in");
	figure_legend(f, USE_3, 1, "in use");
	figure_legend(f, USE_4, 1, "free");
	shade_function(f->gp);
	fprintf(f->gp,
		"half(n, c, used) = n > 0 ? rgb(c, 0.3+0.7*log(1+n)/log(%.9g)) : used > 0 ? 0x%06x "
		": 0x%06x\nfrom(n, used) = half(n, 0x%06x, used)\nto(n, used) = half(n, 0x%06x, "
		"used)\n",
		1 + (double)most, theme_rgb(USE_3), theme_rgb(USE_4), theme_rgb(MOVED_FROM),
		theme_rgb(MOVED_TO));
}

static const struct end_picture end_pictures[] = {
	{"blame-map",
	 ",holder,holder_pages,unmovable_pages,movable_pages,free_pages,kept_s,call_site,cache",
	 "Who keeps otherwise free pageblocks, at the end: the holder with most of the pages that "
	 "cannot move; numbers: blocks, under all stacks.",
	 blame_has, blame_row, blame_legend,
	 "skip 1 using 6:7:($6-0.45):($6+0.45):($7-0.45):($7+0.45):(kept($8,$5)) with boxxyerror "
	 "fillstyle solid 1 noborder linecolor rgb variable notitle\n"},
	{"moves-map", ",moved_from,moved_to",
	 "Pages that compaction moved out of each pageblock and into it, over the whole run; "
	 "strength: their number, logarithmic.",
	 moves_has, moves_row, moves_legend,
	 "skip 1 using 6:7:($6-0.45):6:($7-0.45):($7+0.45):(from($8,$5)) "
	 "with boxxyerror fillstyle solid 1 noborder linecolor rgb variable notitle, "
	 "'' skip 1 using 6:7:6:($6+0.45):($7-0.45):($7+0.45):(to($9,$5)) "
	 "with boxxyerror fillstyle solid 1 noborder linecolor rgb variable notitle\n"},
};

static void end_zone(FILE *out, const struct end_picture *e, const struct map_load *m, size_t stack,
		     const struct film_zone *z, const struct grid *g, u32 row)
{
	const struct film *f = &m->films[stack];
	u32 nr = min(z->nr_cells, g->cols * g->zone_rows[z - f->zones]);

	for (u32 i = 0; i < nr; i++) {
		size_t cell = z->first_cell + i;

		fprintf(out, "%d,%llu,%u,", z->node,
			(unsigned long long)(z->first_pfn +
					     (u64)i * z->per_cell * PROC_BLOCK_PAGES),
			z->per_cell * PROC_BLOCK_PAGES);
		csv_string(out, z->name);
		fprintf(out, ",%.1f,%u,%u", used_percent(f, cell), i % g->cols, row + i / g->cols);
		e->row(out, m, stack, cell);
		fputc('\n', out);
	}
}

static int end_write(struct report *p, const struct report_run *run, const struct end_picture *kind,
		     const struct map_load *m, const struct grid *g, struct err *e)
{
	FILE *out = report_file(&p->dir, e, "data/%s-%s.csv", kind->kind, run->slug);
	const struct film *f = &m->films[run->stack];
	u32 row = 0;

	if (!out)
		return -1;
	fprintf(out, "node,first_pfn,pages,zone,used_percent,x,y%s\n", kind->columns);
	for (size_t z = 0; z < min(f->nr_zones, g->nr_zones); z++) {
		end_zone(out, kind, m, run->stack, &f->zones[z], g, row);
		row += g->zone_rows[z] + 1;
	}
	return report_file_close(&p->dir, out, e);
}

static int end_picture(struct report *p, size_t load, const struct end_picture *kind,
		       const struct map_load *m, const struct grid *g, struct err *e)
{
	struct figure f = figure_of(g, NR_INSTANTS);
	size_t nr = 0;

	for (size_t s = 0; s < p->nr_stacks; s++) {
		if (!kind->has(m, s))
			continue;
		if (end_write(p, report_run(p, load, s), kind, m, g, e))
			return -1;
		nr++;
	}
	if (!nr)
		return 0;
	figure_open(&f, p, kind->kind, load, nr);
	for (size_t s = 0; s < p->nr_stacks; s++) {
		if (!kind->has(m, s))
			continue;
		panel_begin(&f, p->stacks[s].name, g);
		if (f.nr_panels == 1)
			kind->legend(&f, m);
		fprintf(f.gp, "plot '../data/%s-%s.csv' ", kind->kind,
			report_run(p, load, s)->slug);
		fputs(kind->plot, f.gp);
	}
	return figure_close_files(&f, kind->how_to_read, e);
}

int map_pictures(struct report *p, size_t load, const struct map_load *m, struct err *e)
{
	struct grid g = grid_of(p, m);

	if (lives_picture(p, load, m, &g, e))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(end_pictures); i++)
		if (end_picture(p, load, &end_pictures[i], m, &g, e))
			return -1;
	return 0;
}
