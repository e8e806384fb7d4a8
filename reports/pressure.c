/*
 * What a run says of memory under pressure.
 */
#include "reports/pressure.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "reports/samples.h"

/* Each view is asked only where there is one. */
static const struct {
	const char *view, *sql;
} tells_sql[] = {
	{"compact_view", "SELECT 1 FROM compact_view WHERE run_id = ? LIMIT 1"},
	{"vmstat_view",
	 "SELECT 1 FROM vmstat_view WHERE run_id = ? AND value > 0"
	 " AND (name GLOB 'allocstall*' OR name GLOB 'pgscan_*' OR name GLOB"
	 " 'pgsteal_*' OR name IN ('compact_stall', 'pageoutrun', 'oom_kill')) LIMIT 1"},
	{"latency_view", "SELECT 1 FROM latency_view WHERE run_id = ? AND op = 'page_alloc/9'"
			 " AND path NOT IN ('fast', 'slow', 'early') AND count > 0 LIMIT 1"},
	{"reclaim_view", "SELECT 1 FROM reclaim_view WHERE run_id = ? LIMIT 1"},
	{"event_view", "SELECT 1 FROM event_view WHERE run_id = ? AND kind = 'oom' LIMIT 1"},
	{"zone_view", "SELECT 1 FROM zone_index_view i JOIN zone_view z ON z.run_id = i.run_id"
		      " AND z.node = i.node AND z.zone = i.zone WHERE i.run_id = ?"
		      " AND i.page_order = 0 AND i.free_pages < z.high LIMIT 1"},
};

int pressure_tells(struct db *db, s64 run_id, bool *tells, struct err *e)
{
	*tells = false;
	for (size_t i = 0; i < ARRAY_SIZE(tells_sql) && !*tells; i++) {
		int rc;
		sqlite3_stmt *row =
			db_rows_of(db, tells_sql[i].view, tells_sql[i].sql, run_id, &rc, e);

		if (rc)
			return -1;
		if (!row)
			continue;
		rc = db_step(db, row, e);
		sqlite3_finalize(row);
		if (rc < 0)
			return -1;
		*tells = rc > 0;
	}
	return 0;
}

/* ---- Curves ---- */

static void curve_add(struct curve *c, u64 t_ns, double value)
{
	/* Of what happens at one instant the last counts. */
	if (c->nr && c->t_ns[c->nr - 1] == t_ns) {
		c->value[c->nr - 1] = value;
		return;
	}
	if (c->nr == c->room) {
		c->room = c->room ? 2 * c->room : 64;
		c->t_ns = mem_grow(c->t_ns, c->room, sizeof(*c->t_ns));
		c->value = mem_grow(c->value, c->room, sizeof(*c->value));
	}
	c->t_ns[c->nr] = t_ns;
	c->value[c->nr++] = value;
}

static void curve_free(struct curve *c)
{
	free(c->t_ns);
	free(c->value);
}

double curve_at(const struct curve *c, u64 t_ns)
{
	size_t nr = c ? instants_up_to(c->t_ns, c->nr, t_ns) : 0;
	double share;

	if (!nr)
		return 0;
	if (nr == c->nr)
		return c->value[nr - 1];
	share = (double)(t_ns - c->t_ns[nr - 1]) / (double)(c->t_ns[nr] - c->t_ns[nr - 1]);
	return c->value[nr - 1] + share * (c->value[nr] - c->value[nr - 1]);
}

double curve_most(const struct curve *c)
{
	double most = 0;

	for (size_t i = 0; i < c->nr; i++)
		most = max(most, c->value[i]);
	return most;
}

double curve_least(const struct curve *c)
{
	double least = c->nr ? c->value[0] : 0;

	for (size_t i = 0; i < c->nr; i++)
		least = min(least, c->value[i]);
	return least;
}

/* ---- Zones ---- */

const struct pressure_zone *pressure_zone(const struct pressure *p, int node, const char *name)
{
	for (size_t i = 0; i < p->nr_zones; i++)
		if (p->zones[i].node == node && !strcmp(p->zones[i].name, name))
			return &p->zones[i];
	return NULL;
}

const struct pressure_node *pressure_node(const struct pressure *p, int node)
{
	for (size_t i = 0; i < p->nr_nodes; i++)
		if (p->nodes[i].node == node)
			return &p->nodes[i];
	return NULL;
}

static struct pressure_zone *zone_of(struct pressure *p, sqlite3_stmt *row)
{
	int node = sqlite3_column_int(row, 1);
	char name[sizeof(p->zones->name)];
	const struct pressure_zone *known;

	snprintf(name, sizeof(name), "%s", (const char *)sqlite3_column_text(row, 2));
	known = pressure_zone(p, node, name);
	if (known)
		return &p->zones[known - p->zones];
	MEM_ROOM(p->zones, p->nr_zones, p->zones_room);
	p->zones[p->nr_zones] = (struct pressure_zone){.node = node};
	memcpy(p->zones[p->nr_zones].name, name, sizeof(name));
	return &p->zones[p->nr_zones++];
}

static void marks_take(void *arg, sqlite3_stmt *row)
{
	struct pressure_zone *z = zone_of(arg, row);

	z->min = max(sqlite3_column_double(row, 3), 0.0);
	z->low = max(sqlite3_column_double(row, 4), 0.0);
	z->high = max(sqlite3_column_double(row, 5), 0.0);
}

/* A row for each instant, zone and order. */
static void index_take(void *arg, sqlite3_stmt *row)
{
	struct pressure_zone *z = zone_of(arg, row);
	int k = sqlite3_column_int(row, 3);

	curve_add(&z->free, (u64)sqlite3_column_int64(row, 0), sqlite3_column_double(row, 4));
	if (z->index_room < z->free.room) {
		z->index_room = z->free.room;
		z->fragmentation =
			mem_grow(z->fragmentation, z->index_room, sizeof(*z->fragmentation));
		z->unusable = mem_grow(z->unusable, z->index_room, sizeof(*z->unusable));
	}
	z->fragmentation[z->free.nr - 1][k] = (s16)sqlite3_column_int(row, 5);
	z->unusable[z->free.nr - 1][k] = (s16)sqlite3_column_int(row, 6);
}

static void score_take(void *arg, sqlite3_stmt *row)
{
	struct pressure *p = arg;
	int node = sqlite3_column_int(row, 1);

	if (!p->nr_nodes || p->nodes[p->nr_nodes - 1].node != node) {
		MEM_ROOM(p->nodes, p->nr_nodes, p->nodes_room);
		p->nodes[p->nr_nodes++] = (struct pressure_node){.node = node};
	}
	curve_add(&p->nodes[p->nr_nodes - 1].score, (u64)sqlite3_column_int64(row, 0),
		  sqlite3_column_double(row, 2));
}

/* ---- What was done ---- */

/* A sum that grows while something runs, and stays as it is between. */
static void curve_run(struct curve *c, u64 begin, u64 end, double value)
{
	if (!c->nr)
		curve_add(c, 0, 0);
	if (!c->nr || begin > c->t_ns[c->nr - 1])
		curve_add(c, begin, c->nr ? c->value[c->nr - 1] : 0);
	curve_add(c, max(end, c->t_ns[c->nr - 1]), value);
}

/* Another `more` were done between the instants in the first two columns. */
static void work_add(struct pressure *p, enum pressure_work work, sqlite3_stmt *row, double more)
{
	struct curve *c = &p->work[work];
	u64 begin = (u64)sqlite3_column_int64(row, 0), end = (u64)sqlite3_column_int64(row, 1);

	curve_run(c, begin, end, (c->nr ? c->value[c->nr - 1] : 0) + more);
}

static void compaction_take(void *arg, sqlite3_stmt *row)
{
	work_add(arg, WORK_MOVED, row, sqlite3_column_double(row, 2));
	work_add(arg, WORK_GAINED, row, sqlite3_column_double(row, 3));
	work_add(arg, WORK_COMPACT_NS, row, sqlite3_column_double(row, 4));
}

static void reclaim_take(void *arg, sqlite3_stmt *row)
{
	bool direct = sqlite3_column_int(row, 3);

	work_add(arg, direct ? WORK_STEAL_DIRECT : WORK_STEAL_KSWAPD, row,
		 sqlite3_column_double(row, 2));
	if (direct)
		work_add(arg, WORK_STALLS, row, 1);
}

static void state_take(void *arg, sqlite3_stmt *row)
{
	static const char *const metrics_of[NR_STATES] = {[STATE_AVAILABLE] = "availability/9",
							  [STATE_COMPACTED] =
								  "availability_compacted/9",
							  [STATE_MOVES] = "huge_moves_bound"};
	struct pressure *p = arg;

	for (int i = 0; i < NR_STATES; i++)
		if (!strcmp((const char *)sqlite3_column_text(row, 0), metrics_of[i]))
			curve_add(&p->state[i], (u64)sqlite3_column_int64(row, 1),
				  sqlite3_column_double(row, 2));
}

/* Sums stay as they are up to the end. */
static void work_end(struct pressure *p, u64 end_ns)
{
	for (int i = 0; i < NR_WORK; i++) {
		struct curve *c = &p->work[i];

		if (c->nr && end_ns > c->t_ns[c->nr - 1])
			curve_add(c, end_ns, c->value[c->nr - 1]);
	}
}

static const struct {
	const char *view, *sql;
	void (*take)(void *p, sqlite3_stmt *row);
} loads[] = {
	{"zone_view",
	 "SELECT 0, node, zone, min, low, high FROM zone_view WHERE run_id = ? ORDER BY node, zone",
	 marks_take},
	{"zone_index_view",
	 "SELECT t_ns, node, zone, page_order, free_pages, fragmentation_index, unusable_free_index"
	 " FROM zone_index_view WHERE run_id = ? ORDER BY node, zone, t_ns, page_order",
	 index_take},
	{"compaction_score_view",
	 "SELECT t_ns, node, score FROM compaction_score_view WHERE run_id = ?"
	 " ORDER BY node, t_ns",
	 score_take},
	{"compact_view",
	 "SELECT t_ns, t_ns + ns, moved, blocks_gained, ns FROM compact_view WHERE run_id = ?"
	 " ORDER BY t_ns + ns, t_ns",
	 compaction_take},
	{"reclaim_view",
	 "SELECT t_ns, end_ns, reclaimed, mode = 'direct' FROM reclaim_view WHERE run_id = ?"
	 " ORDER BY end_ns, t_ns",
	 reclaim_take},
	{"sample_view",
	 "SELECT metric, t_ns, value FROM sample_view WHERE run_id = ? AND layer = ''"
	 " AND metric IN ('availability/9', 'availability_compacted/9', 'huge_moves_bound')"
	 " ORDER BY t_ns",
	 state_take},
};

int pressure_load(struct pressure *p, struct db *db, s64 run_id, u64 end_ns, struct err *e)
{
	memset(p, 0, sizeof(*p));
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++)
		if (db_each_row(db, loads[i].view, loads[i].sql, run_id, loads[i].take, p, e)) {
			pressure_free(p);
			return -1;
		}
	work_end(p, end_ns);
	return 0;
}

void pressure_free(struct pressure *p)
{
	for (size_t i = 0; i < p->nr_zones; i++) {
		curve_free(&p->zones[i].free);
		free(p->zones[i].fragmentation);
		free(p->zones[i].unusable);
	}
	for (size_t i = 0; i < p->nr_nodes; i++)
		curve_free(&p->nodes[i].score);
	for (int i = 0; i < NR_WORK; i++)
		curve_free(&p->work[i]);
	for (int i = 0; i < NR_STATES; i++)
		curve_free(&p->state[i]);
	free(p->zones);
	free(p->nodes);
	memset(p, 0, sizeof(*p));
}
