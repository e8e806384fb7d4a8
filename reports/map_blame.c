/*
 * Who keeps the pageblocks of a memory map.
 *
 * Rows name a block by its first page and a holder by its names; here both become numbers: the cell
 * of the film, and the holder's rank over all stacks of the load, so that it has one colour in all
 * of them. What lies outside of the film's zones has no place in it and is left out.
 */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "reports/map_load.h"
#include "reports/proc_state.h"
#include "reports/theme.h"

static const char *text_of(sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	return text ? text : "";
}

static u64 count_of(sqlite3_stmt *row, int column)
{
	s64 n = sqlite3_column_int64(row, column);

	return n > 0 ? (u64)n : 0;
}

static size_t holder_of(struct map_load *m, const char *call_site, const char *cache)
{
	for (size_t i = 0; i < m->nr_holders; i++)
		if (!strcmp(m->holders[i].call_site, call_site) &&
		    !strcmp(m->holders[i].cache, cache))
			return i;
	MEM_ROOM(m->holders, m->nr_holders, m->room);
	m->holders[m->nr_holders] = (struct holder){mem_dup(call_site), mem_dup(cache), 0};
	return m->nr_holders++;
}

/* Which cell of a frame; SIZE_MAX: none. */
static size_t cell_of(const struct film *f, int node, const char *zone, u64 pfn)
{
	for (size_t z = 0; z < f->nr_zones; z++) {
		const struct film_zone *fz = &f->zones[z];
		u64 block = (pfn - fz->first_pfn) / PROC_BLOCK_PAGES;

		if (fz->node == node && !strcmp(fz->name, zone) && pfn >= fz->first_pfn &&
		    block < fz->nr_blocks)
			return fz->first_cell + (size_t)(block / fz->per_cell);
	}
	return SIZE_MAX;
}

static void kept_add(struct kept_map *k, const struct kept_cell *c)
{
	struct kept_cell *last = k->nr ? &k->cells[k->nr - 1] : NULL;

	if (!last || last->cell != c->cell) {
		MEM_ROOM(k->cells, k->nr, k->room);
		k->cells[k->nr++] = *c;
		return;
	}
	if (c->pages > last->pages) {
		last->holder = c->holder;
		last->pages = c->pages;
	}
	last->blocks += c->blocks;
	last->unmovable += c->unmovable;
	last->movable += c->movable;
	last->free += c->free;
	last->kept_ns = max(last->kept_ns, c->kept_ns);
}

static int by_cell(const void *a, const void *b)
{
	const struct kept_cell *x = a, *y = b;

	if (x->cell != y->cell)
		return x->cell < y->cell ? -1 : 1;
	return (x->holder > y->holder) - (x->holder < y->holder);
}

static const char blocks_sql[] =
	"SELECT node, zone, pfn, call_site, cache, holder_pages, unmovable_pages, movable_pages,"
	" free_pages, kept_ns FROM blame_block_view WHERE run_id = ? ORDER BY node, zone, pfn";

struct blocks_of { /* one stack */
	struct map_load *m;
	const struct film *film;
	struct kept_map *all;
};

static void block_take(void *arg, sqlite3_stmt *row)
{
	const struct blocks_of *b = arg;
	struct kept_cell c = {.cell = cell_of(b->film, sqlite3_column_int(row, 0), text_of(row, 1),
					      (u64)sqlite3_column_int64(row, 2)),
			      .holder = holder_of(b->m, text_of(row, 3), text_of(row, 4)),
			      .blocks = 1,
			      .pages = count_of(row, 5),
			      .unmovable = count_of(row, 6),
			      .movable = count_of(row, 7),
			      .free = count_of(row, 8),
			      .kept_ns = count_of(row, 9)};

	b->m->holders[c.holder].blocks++;
	if (c.cell == SIZE_MAX)
		return;
	MEM_ROOM(b->all->cells, b->all->nr, b->all->room);
	b->all->cells[b->all->nr++] = c;
}

static int by_blocks(const void *a, const void *b)
{
	const struct holder *x = *(const struct holder *const *)a;
	const struct holder *y = *(const struct holder *const *)b;

	if (x->blocks != y->blocks)
		return x->blocks < y->blocks ? 1 : -1;
	return strcmp(x->call_site, y->call_site) ? strcmp(x->call_site, y->call_site)
						  : strcmp(x->cache, y->cache);
}

/* From the order of reading to rank; `rank` is by the number of before. */
static void holders_rank(struct map_load *m, size_t *rank)
{
	const struct holder **order = mem_alloc(m->nr_holders + 1, sizeof(*order));
	struct holder *sorted = mem_alloc(m->nr_holders + 1, sizeof(*sorted));

	for (size_t i = 0; i < m->nr_holders; i++)
		order[i] = &m->holders[i];
	qsort(order, m->nr_holders, sizeof(*order), by_blocks);
	for (size_t i = 0; i < m->nr_holders; i++) {
		sorted[i] = *order[i];
		rank[order[i] - m->holders] = min(i, (size_t)HOLDERS_MAX);
	}
	free(m->holders);
	free(order);
	m->holders = sorted;
}

int map_blame_load(struct report *p, size_t load, struct map_load *m, struct err *e)
{
	struct kept_map *all = mem_alloc(REPORT_STACKS_MAX, sizeof(*all));
	size_t *rank;
	int rc = 0;

	for (size_t s = 0; s < p->nr_stacks && !rc; s++) {
		struct blocks_of b = {m, &m->films[s], &all[s]};

		if (m->films[s].nr_frames)
			rc = db_each_row(p->db, "blame_block_view", blocks_sql,
					 report_run(p, load, s)->info->id, block_take, &b, e);
	}
	rank = mem_alloc(m->nr_holders + 1, sizeof(*rank));
	holders_rank(m, rank);
	for (size_t s = 0; s < p->nr_stacks; s++) {
		for (size_t i = 0; i < all[s].nr; i++)
			all[s].cells[i].holder = rank[all[s].cells[i].holder];
		if (all[s].nr)
			qsort(all[s].cells, all[s].nr, sizeof(*all[s].cells), by_cell);
		for (size_t i = 0; i < all[s].nr; i++)
			kept_add(&m->kept[s], &all[s].cells[i]);
		free(all[s].cells);
	}
	free(rank);
	free(all);
	return rc;
}

void map_load_free(struct map_load *m)
{
	for (size_t s = 0; s < REPORT_STACKS_MAX; s++) {
		film_free(&m->films[s]);
		free(m->kept[s].cells);
	}
	for (size_t i = 0; i < m->nr_holders; i++) {
		free(m->holders[i].call_site);
		free(m->holders[i].cache);
	}
	free(m->holders);
	free(m);
}

void holder_print(const char *call_site, const char *cache, char *buf, size_t n)
{
	if (!*call_site || !strcmp(call_site, "?"))
		snprintf(buf, n, "%s", *cache ? cache : "pages of unknown call sites");
	else
		snprintf(buf, n, "%s, %s", call_site, *cache ? cache : "pages");
}

/* The base's blue is of what can move; here nothing can. */
const char *holder_colour(size_t nth)
{
	return nth < HOLDER_COLOURS ? theme_stack(nth + 1) : AXIS;
}

bool map_has_moves(const struct map_load *m)
{
	for (size_t s = 0; s < REPORT_STACKS_MAX; s++)
		if (m->films[s].moves)
			return true;
	return false;
}
