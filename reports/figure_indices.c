/*
 * Indices of a zone as maps: simulated time to the right, orders upwards.
 *
 * Not every sample has a column, and neighbours that hardly differ are one rectangle: a page has
 * many such maps.
 */
#include <stdlib.h>
#include <string.h>

#include "reports/figure_curves.h"
#include "reports/figure_orders.h"

#define MAP_COLUMNS 48
#define PANELS_MAX 6
#define ZONES_MAX 4
#define ALIKE 25 /* permille; nobody sees the difference in a colour */

enum { FRAGMENTATION, UNUSABLE, NR_KINDS };

struct index_zone {
	int node;
	char name[16];
};

struct index_zones {
	struct index_zone list[ZONES_MAX];
	size_t nr;
};

static s16 index_at(const struct pressure_zone *z, int kind, u64 t, int k)
{
	size_t i = 0, high = z->free.nr;

	while (i < high) {
		size_t mid = i + (high - i) / 2;

		if (z->free.t_ns[mid] <= t)
			i = mid + 1;
		else
			high = mid;
	}
	i = i ? i - 1 : 0;
	return kind == FRAGMENTATION ? z->fragmentation[i][k] : z->unusable[i][k];
}

/* Had it no free huge page at any time? */
static bool without_huge(const struct pressure_zone *z)
{
	for (size_t i = 0; i < z->free.nr; i++)
		if (z->fragmentation[i][HUGE_ORDER] >= 0)
			return true;
	return false;
}

static void zone_add(struct index_zones *zones, const struct pressure_zone *z)
{
	for (size_t i = 0; i < zones->nr; i++)
		if (zones->list[i].node == z->node && !strcmp(zones->list[i].name, z->name))
			return;
	if (zones->nr == ZONES_MAX)
		return;
	zones->list[zones->nr].node = z->node;
	memcpy(zones->list[zones->nr++].name, z->name, sizeof(z->name));
}

/* Zones with something to see: where nothing was free for a huge page; and, of free memory that
 * cannot be used, zones that ran short. */
static struct index_zones zones_of(const struct report *p, size_t load,
				   const struct pressure_load *l, int kind)
{
	struct index_zones zones = {.nr = 0};

	for (size_t s = 0; s < p->nr_stacks; s++) {
		for (size_t i = 0; l->seeds[s] && i < l->seeds[s][0].nr_zones; i++) {
			const struct pressure_zone *z = &l->seeds[s][0].zones[i];

			if (!z->free.nr || z->high <= 0)
				continue;
			if (without_huge(z) ||
			    (kind == UNUSABLE && zone_ran_short(p, load, l, z->node, z->name)))
				zone_add(&zones, z);
		}
	}
	return zones;
}

/* ---- The data ---- */

static void order_write(FILE *f, const struct pressure_zone *z, int kind, size_t zone, int k,
			u64 begin, u64 end)
{
	u64 from = begin;
	s16 value = index_at(z, kind, begin, k);

	for (u64 i = 1; i <= MAP_COLUMNS; i++) {
		u64 t = begin + (end - begin) * i / MAP_COLUMNS;
		s16 next = index_at(z, kind, t, k);

		if (i < MAP_COLUMNS && abs(next - value) < ALIKE && (next < 0) == (value < 0))
			continue;
		fprintf(f, "%.9g,%.9g,%zu,%d,%d\n", (double)from / 1e9, (double)t / 1e9, zone, k,
			value);
		from = t;
		value = next;
	}
}

static const char *const names[NR_KINDS] = {"fragmentation", "unusable-zones"};

static int data_write(struct report *p, const struct report_run *run, const struct pressure *first,
		      const struct index_zones *zones, int kind, struct err *e)
{
	FILE *f = report_file(&p->dir, e, "data/%s-%s.csv", names[kind], run->slug);

	if (!f)
		return -1;
	fputs("from_s,to_s,zone,page_order,index\n", f);
	for (size_t i = 0; i < zones->nr; i++) {
		const struct pressure_zone *z =
			pressure_zone(first, zones->list[i].node, zones->list[i].name);

		for (int k = 0; z && z->free.nr && k < SINK_NR_ORDERS; k++)
			order_write(f, z, kind, i, k, report_load_begin(p, run->load),
				    max(report_load_end(p, run->load),
					report_load_begin(p, run->load) + 1));
	}
	return report_file_close(&p->dir, f, e);
}

/* ---- The picture ---- */

/* Between two colours; also for those of the legend. */
static u32 between(u32 a, u32 b, double share)
{
	u32 mixed = 0;

	for (int shift = 0; shift <= 16; shift += 8) {
		double x = a >> shift & 255, y = b >> shift & 255;

		mixed |= (u32)(x + (y - x) * share + 0.5) << shift;
	}
	return mixed;
}

static void fragmentation_legend(struct figure *f)
{
	u32 low = theme_rgb(LIVES_MOVABLE), high = theme_rgb(LIVES_UNMOVABLE);
	char half[16];

	snprintf(half, sizeof(half), "#%06x", between(low, high, 0.5) & 0xffffff);
	figure_legend(f, USE_4, 1, "a block is there");
	figure_legend(f, LIVES_MOVABLE, 1, "0: none, memory is short");
	figure_legend(f, half, 1, "500");
	figure_legend(f, LIVES_UNMOVABLE, 1, "1000: none, memory is fragmented");
	fprintf(f->gp,
		"part(a, b, s) = int(a+(b-a)*s)\n"
		"colour(v) = v < 0 ? 0x%06x : part(%u, %u, v/1000.)*65536 + "
		"part(%u, %u, v/1000.)*256 + part(%u, %u, v/1000.)\n",
		theme_rgb(USE_4), low >> 16 & 255, high >> 16 & 255, low >> 8 & 255,
		high >> 8 & 255, low & 255, high & 255);
}

/* By opacity, which is right before a light and a dark page. */
static void unusable_legend(struct figure *f)
{
	figure_legend(f, LIVES_UNMOVABLE, 0.06, "0: all of it can be used");
	figure_legend(f, LIVES_UNMOVABLE, 0.5, "500");
	figure_legend(f, LIVES_UNMOVABLE, 1, "1000: none of it");
	fprintf(f->gp, "colour(v) = int(255*(0.94-0.94*v/1000))*16777216 + 0x%06x\n",
		theme_rgb(LIVES_UNMOVABLE));
}

static void panel(struct figure *f, const struct report_run *run, const struct index_zone *z,
		  size_t nth, int kind)
{
	char title[192];
	double factor;

	snprintf(title, sizeof(title), "%.96s: node %d, %s", f->page->stacks[run->stack].name,
		 z->node, z->name);
	figure_panel(f, title);
	if (f->nr_panels == 1)
		(kind == FRAGMENTATION ? fragmentation_legend : unusable_legend)(f);
	factor = figure_time_axis(f);
	fputs("set yrange [-0.5:10.5]\nset format y \"%g\"\nset ytics 0,2\nunset grid\n", f->gp);
	fprintf(f->gp,
		"plot '../data/%s-%s.csv' skip 1 using ($3 == %zu ? $1*%g : 1/0):4:($1*%g):($2*%g):"
		"($4-0.46):($4+0.46):(colour($5)) with boxxyerror fillstyle solid 1 noborder "
		"linecolor rgb variable notitle\n",
		names[kind], run->slug, nth, factor, factor, factor);
}

static bool run_has(const struct pressure_load *l, const struct report_run *run,
		    const struct index_zone *z)
{
	const struct pressure_zone *of =
		run ? pressure_zone(&l->seeds[run->stack][0], z->node, z->name) : NULL;

	return of && of->free.nr;
}

static int group_figure(struct report *p, size_t load, const struct pressure_load *l,
			const struct index_zones *zones, int kind, size_t group, struct err *e)
{
	static const char *const how[NR_KINDS] = {
		"Linux's fragmentation index of each order (upwards: order 0 to 10) over simulated "
		"time, for zones that ran short: why would a request fail? Of the lowest seed.",
		"Unusable free space index: which part of free memory, in permille, is in blocks "
		"too small for the order."};
	struct figure f = {.cols = 3,
			   .panel_w = 368,
			   .panel_h = 190,
			   .left = 34,
			   .right = 26,
			   .group = group,
			   .page = p,
			   .load = load};
	size_t nr = 0;

	for (size_t i = 0; i < zones->nr; i++)
		for (size_t s = 0; s < p->nr_stacks; s++)
			nr += run_has(l, figure_run(&f, s), &zones->list[i]);
	nr = min(nr, (size_t)PANELS_MAX);
	if (!nr)
		return 0;
	figure_open(&f, p, names[kind], load, nr);
	for (size_t i = 0; i < zones->nr; i++)
		for (size_t s = 0; s < p->nr_stacks && f.nr_panels < nr; s++)
			if (run_has(l, figure_run(&f, s), &zones->list[i]))
				panel(&f, figure_run(&f, s), &zones->list[i], i, kind);
	return figure_close(&f, how[kind], e);
}

static int kind_figures(struct report *p, size_t load, const struct pressure_load *l, int kind,
			struct err *e)
{
	struct index_zones zones = zones_of(p, load, l, kind);

	if (!zones.nr)
		return 0;
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (run && data_write(p, run, &l->seeds[s][0], &zones, kind, e))
			return -1;
	}
	for (size_t g = 0; g < figure_groups(p); g++)
		if (group_figure(p, load, l, &zones, kind, g, e))
			return -1;
	return 0;
}

int index_figures(struct report *p, size_t load, const struct pressure_load *l, struct err *e)
{
	for (int kind = 0; kind < NR_KINDS; kind++)
		if (kind_figures(p, load, l, kind, e))
			return -1;
	return 0;
}
