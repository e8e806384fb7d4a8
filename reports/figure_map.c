/*
 * What lives in each 2 MiB of the machine: as a film in the page, as pictures in the files.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "reports/cells.h"
#include "reports/html.h"
#include "reports/map_load.h"
#include "reports/theme.h"

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

/* Modulo 2^32, each frame less the one before. */
static void put_moves(FILE *f, const struct film *film)
{
	size_t nr = film->nr_frames * film->nr_cells;
	struct sink_moves *moves = mem_alloc(nr, sizeof(*moves));
	u8 *packed = mem_alloc(nr, MOVES_PACKED_MAX);

	memcpy(moves, film->moves, nr * sizeof(*moves));
	for (size_t i = nr; i-- > film->nr_cells;) {
		moves[i].from -= film->moves[i - film->nr_cells].from;
		moves[i].to -= film->moves[i - film->nr_cells].to;
	}
	fputs(",\"moves\":\"", f);
	base64(f, packed, moves_pack(moves, nr, packed));
	fputc('"', f);
	free(moves);
	free(packed);
}

/* [cell, holder, blocks, holder's pages, unmovable, movable, free, ns] */
static void put_kept(FILE *f, const struct kept_map *kept)
{
	fputs(",\"kept\":[", f);
	for (size_t i = 0; i < kept->nr; i++) {
		const struct kept_cell *k = &kept->cells[i];

		fprintf(f, "%s[%zu,%zu,%u,%llu,%llu,%llu,%llu,%.4g]", i ? "," : "", k->cell,
			k->holder, k->blocks, (unsigned long long)k->pages,
			(unsigned long long)k->unmovable, (unsigned long long)k->movable,
			(unsigned long long)k->free, (double)k->kept_ns);
	}
	fputc(']', f);
}

/* Behind the named ones, how many there are beside them. */
static void put_holders(FILE *f, const struct map_load *m)
{
	size_t nr = min(m->nr_holders, (size_t)HOLDERS_MAX);

	fputs("\"holders\":[", f);
	for (size_t i = 0; i < nr; i++) {
		char name[160];

		holder_print(m->holders[i].call_site, m->holders[i].cache, name, sizeof(name));
		fputs(i ? "," : "", f);
		html_json_string(f, name);
	}
	fprintf(f, "],\"other_holders\":%zu,\n", m->nr_holders - nr);
}

static void put_map(const struct report *p, size_t stack, const struct map_load *m)
{
	const struct film *film = &m->films[stack];
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
	fputc('"', f);
	if (film->moves)
		put_moves(f, film);
	if (m->kept[stack].nr)
		put_kept(f, &m->kept[stack]);
	fputc('}', f);
}

static void legend(FILE *f, u32 per_cell)
{
	static const struct {
		const char *style, *text;
	} keys[] = {{"style=\"background:var(--unmovable)\"", "mostly unmovable"},
		    {"style=\"background:var(--movable)\"", "mostly movable"},
		    {"style=\"background:var(--reclaimable)\"", "mostly reclaimable"},
		    {"style=\"background:var(--use4)\"", "free again"}};

	fputs("<p class=\"legend lives\">", f);
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
	fprintf(f, "<div class=\"film\" data-film=\"film-%s\">\n", p->load_slugs[load]);
	legend(f, per_cell);
	fprintf(f,
		"<p class=\"how\">The film needs JavaScript; pictures of it are below.</p></div>\n"
		"<script type=\"application/json\" id=\"film-%s\">{",
		p->load_slugs[load]);
	put_holders(f, m);
	fputs("\"maps\":[", f);
	for (size_t s = 0; s < p->nr_stacks; s++) {
		if (!m->films[s].nr_frames)
			continue;
		fputs(comma, f);
		put_map(p, s, m);
		comma = ",\n";
	}
	fputs("]}</script>\n", f);
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
	if (map_blame_load(p, load, m, e))
		return -1;
	report_load_heading(p, load);
	map_finding(p, load, m);
	put_film(p, load, m);
	return map_pictures(p, load, m, e);
}

int report_map_figures(struct report *p, struct err *e)
{
	bool any = false;

	for (size_t load = 0; load < p->loads.nr; load++) {
		struct map_load *m = mem_alloc(1, sizeof(*m));
		int rc = map_load(p, load, m, e);

		any = any || m->nr;
		map_load_free(m);
		if (rc)
			return -1;
	}
	if (!any)
		fputs("<p>No maps were stored: the allocators remember nothing, or the database "
		      "has no table of maps.</p>\n",
		      p->html);
	return 0;
}
