/*
 * What lives in each 2 MiB of the machine: as a film in the page, as pictures in the files.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/out.h"
#include "lib/text.h"
#include "lib/units.h"
#include "reports/cells.h"
#include "reports/figure.h"
#include "reports/films.h"
#include "reports/html.h"
#include "reports/values.h"

#define PICTURE_COLS 64 /* cells in a row of a picture */
#define FEW_COLS 32	/* where there are few */
#define NR_INSTANTS 3	/* of the picture */

struct map_load {
	struct film films[REPORT_STACKS_MAX];
	size_t nr; /* stacks with a film */
};

/* ---- The film, in the page ---- */

static void base64(FILE *f, const u8 *data, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		u32 v = (u32)data[i] << 16 | (u32)(i + 1 < n ? data[i + 1] : 0) << 8 |
			(i + 2 < n ? data[i + 2] : 0);

		fputc(digits[v >> 18], f);
		fputc(digits[v >> 12 & 63], f);
		fputc(i + 1 < n ? digits[v >> 6 & 63] : '=', f);
		fputc(i + 2 < n ? digits[v & 63] : '=', f);
	}
}

/* Little changes from frame to frame: each is XORed with the one before, then packed as a whole. */
static void put_cells(FILE *f, const struct film *film)
{
	size_t nr = film->nr_frames * film->nr_cells;
	struct sink_cell *cells = mem_alloc(nr, sizeof(*cells));
	u8 *packed = mem_alloc(nr, CELL_PACKED_MAX), *to = (u8 *)cells;
	const u8 *from = (const u8 *)film->cells;

	memcpy(cells, film->cells, nr * sizeof(*cells));
	for (size_t i = film->nr_cells * sizeof(*cells); i < nr * sizeof(*cells); i++)
		to[i] = from[i] ^ from[i - film->nr_cells * sizeof(*cells)];
	base64(f, packed, cells_pack(cells, nr, packed));
	free(cells);
	free(packed);
}

static void put_map(const struct report *p, size_t stack, const struct film *film)
{
	FILE *f = p->html;
	char colour[32];

	theme_name(theme_rgb(p->stacks[stack].colour), colour, sizeof(colour));
	fputs("{\"stack\":", f);
	html_json_string(f, p->stacks[stack].name);
	fprintf(f, ",\"colour\":\"%s\",\"t\":[", colour);
	for (size_t i = 0; i < film->nr_frames; i++)
		fprintf(f, "%s%llu", i ? "," : "", (unsigned long long)film->t_ns[i]);
	fputs("],\"zones\":[", f);
	for (size_t z = 0; z < film->nr_zones; z++) {
		const struct film_zone *zone = &film->zones[z];

		fprintf(f, "%s{\"node\":%d,\"zone\":", z ? "," : "", zone->node);
		html_json_string(f, zone->name);
		fprintf(f, ",\"pfn\":%llu,\"blocks\":%u,\"per\":%u,\"touched\":%u}",
			(unsigned long long)zone->first_pfn, zone->nr_blocks, zone->per_cell,
			zone->nr_touched);
	}
	fprintf(f, "],\"nr_cells\":%zu,\"cells\":\"", film->nr_cells);
	put_cells(f, film);
	fputs("\"}", f);
}

static void legend(FILE *f, u32 per_cell)
{
	static const struct {
		const char *style, *text;
	} keys[] = {{"style=\"background:var(--unmovable)\"", "mostly unmovable"},
		    {"style=\"background:var(--movable)\"", "mostly movable"},
		    {"style=\"background:var(--reclaimable)\"", "mostly reclaimable"},
		    {"style=\"background:var(--use4)\"", "free again"}};

	fputs("<p class=\"legend\">", f);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		fprintf(f, "<span class=\"entry\"><i class=\"key\" %s></i>%s</span>\n",
			keys[i].style, keys[i].text);
	fputs("<span class=\"entry\"><i class=\"key untouched\"></i>never used</span>\n"
	      "<span class=\"entry\"><i class=\"key dot\"></i>pinned: holds pages that cannot "
	      "move</span></p>\n",
	      f);
	fprintf(f,
		"<p class=\"how\">A square is %u MiB%s; the fuller it is, the stronger its colour. "
		"Space plays, arrow keys step.</p>\n",
		2 * per_cell, per_cell > 1 ? ", several pageblocks together" : ", one pageblock");
}

static void put_film(const struct report *p, size_t load, const struct map_load *m)
{
	const char *comma = "";
	FILE *f = p->html;
	u32 per_cell = 1;

	for (size_t s = 0; s < p->nr_stacks; s++)
		if (m->films[s].nr_frames)
			per_cell = max(per_cell, m->films[s].zones[0].per_cell);
	legend(f, per_cell);
	fprintf(f,
		"<div class=\"film\" data-film=\"film-%s\"><p class=\"how\">The film needs "
		"JavaScript; pictures of it are below.</p></div>\n",
		p->load_slugs[load]);
	fprintf(f, "<script type=\"application/json\" id=\"film-%s\">{\"maps\":[",
		p->load_slugs[load]);
	for (size_t s = 0; s < p->nr_stacks; s++) {
		if (!m->films[s].nr_frames)
			continue;
		fputs(comma, f);
		put_map(p, s, &m->films[s]);
		comma = ",\n";
	}
	fputs("]}</script>\n", f);
}

/* ---- The pictures, in the files: the start, when most is in use, the end ---- */

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
			(unsigned long long)(z->first_pfn + (u64)i * z->per_cell * 512),
			z->per_cell * 512, percent(c->unmovable), percent(c->movable),
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

/* Columns 6 to 8 are shares in use; the strongest gives the hue, their sum the strength. */
static void lives_functions(FILE *gp)
{
	fprintf(gp,
		"rgb(c, s) = int(255-(255-int(c/65536))*s)*65536 + "
		"int(255-(255-int(c/256)%%256)*s)*256 + "
		"int(255-(255-int(c)%%256)*s)\n"
		"hue(u, m, r) = m >= u && m >= r ? 0x%06x : u >= r ? 0x%06x : 0x%06x\n"
		"cell(u, m, r, t) = u+m+r > 0 ? rgb(hue(u, m, r), 0.28+0.72*(u+m+r)/100) : t < 0 ? "
		"0xfafbfc : 0x%06x\n",
		theme_rgb(LIVES_MOVABLE), theme_rgb(LIVES_UNMOVABLE), theme_rgb(LIVES_RECLAIMABLE),
		theme_rgb(USE_4));
}

static void picture_panel(struct figure *f, const struct report_run *run, const struct film *film,
			  int which, const struct grid *g)
{
	char title[192], when[VALUE_TEXT_MAX];
	size_t frame = instant(film, which);

	time_human((double)film->t_ns[frame], when, sizeof(when));
	snprintf(title, sizeof(title), "%.96s, %s", f->page->stacks[run->stack].name, when);
	figure_panel(f, title);
	if (f->nr_panels == 1) {
		figure_legend(f, LIVES_UNMOVABLE, 1, "mostly unmovable");
		figure_legend(f, LIVES_MOVABLE, 1, "mostly movable");
		figure_legend(f, LIVES_RECLAIMABLE, 1, "mostly reclaimable");
		figure_legend(f, USE_4, 1, "free again");
		figure_legend_mark(f, 5, 0.4, "pinned");
		lives_functions(f->gp);
		fputs("unset xtics\nunset ytics\nunset border\n", f->gp);
	}
	fprintf(f->gp, "set xrange [-0.5:%u.5]\nset yrange [%u:-0.5]\n", g->cols - 1, g->rows);
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

static int picture(struct report *p, size_t load, const struct map_load *m, struct err *e)
{
	struct figure f = {.cols = NR_INSTANTS,
			   .panel_w = 368,
			   .left = 8,
			   .right = 12,
			   .bottom = 8,
			   .all_stacks = true};
	struct grid g = grid_of(p, m);

	for (size_t s = 0; s < p->nr_stacks; s++)
		if (m->films[s].nr_frames &&
		    picture_write(p, report_run(p, load, s), &m->films[s], &g, e))
			return -1;
	f.panel_h = 36 + (int)(g.rows * (u32)(f.panel_w - 20) / g.cols);
	figure_open(&f, p, "map", load, m->nr * NR_INSTANTS);
	for (size_t s = 0; s < p->nr_stacks; s++)
		for (int which = 0; m->films[s].nr_frames && which < NR_INSTANTS; which++)
			picture_panel(&f, report_run(p, load, s), &m->films[s], which, &g);
	return figure_close_files(&f,
				  "Pictures of the film for papers: at its start, when most memory "
				  "is in use, at its end.",
				  e);
}

/* ---- The finding ---- */

static void map_finding(const struct report *p, size_t load, const struct map_load *m)
{
	struct spread x = {.nr = 0};
	struct film_census low, high;
	const struct film *f;

	for (size_t s = 0; s < p->nr_stacks; s++) {
		f = &m->films[s];
		if (f->nr_frames)
			spread_add(&x, report_run(p, load, s),
				   (double)film_census(f, f->nr_frames - 1).pinned);
	}
	f = &m->films[x.high->stack];
	high = film_census(f, f->nr_frames - 1);
	f = &m->films[x.low->stack];
	low = film_census(f, f->nr_frames - 1);
	if (high.pinned == low.pinned)
		report_finding(
			p,
			"When %s ends, %llu of the machine's %llu blocks of 2 MiB are pinned%s; "
			"%llu of these have less than an eighth in use.",
			p->loads.names[load], (unsigned long long)high.pinned,
			(unsigned long long)high.blocks, x.nr > 1 ? " under every stack" : "",
			(unsigned long long)high.nearly_free);
	else
		report_finding(p,
			       "When %s ends, %llu of the machine's %llu blocks of 2 MiB are "
			       "pinned by pages "
			       "that cannot move under %s (%llu of them with less than an eighth "
			       "in use), %llu "
			       "under %s (%llu).",
			       p->loads.names[load], (unsigned long long)high.pinned,
			       (unsigned long long)high.blocks, p->stacks[x.high->stack].name,
			       (unsigned long long)high.nearly_free, (unsigned long long)low.pinned,
			       p->stacks[x.low->stack].name, (unsigned long long)low.nearly_free);
}

static int map_load(struct report *p, size_t load, struct map_load *m, struct err *e)
{
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (!run)
			continue;
		if (film_load(&m->films[s], p->db, run->info->id, e))
			return -1;
		m->nr += m->films[s].nr_frames > 0;
	}
	if (!m->nr)
		return 0;
	report_load_heading(p, load);
	map_finding(p, load, m);
	put_film(p, load, m);
	return picture(p, load, m, e);
}

int report_map_figures(struct report *p, struct err *e)
{
	bool any = false;

	for (size_t load = 0; load < p->loads.nr; load++) {
		struct map_load *m = mem_alloc(1, sizeof(*m));
		int rc = map_load(p, load, m, e);

		any = any || m->nr;
		for (size_t s = 0; s < p->nr_stacks; s++)
			film_free(&m->films[s]);
		free(m);
		if (rc)
			return -1;
	}
	if (!any)
		fputs("<p>No maps were stored: the allocators remember nothing, or the database "
		      "has no table of maps.</p>\n",
		      p->html);
	return 0;
}
