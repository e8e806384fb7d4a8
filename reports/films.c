/*
 * The film of a run.
 *
 * Invariant: every frame has the same zones, in the same order; a database that says otherwise is
 * damaged.
 */
#include "reports/films.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "reports/cells.h"
#include "reports/schema.h"

#define CELLS_OF(table)                                                                            \
	"SELECT x.t_ns, x.node, z.text, x.first_pfn, x.nr_blocks,"                                 \
	" x.blocks_per_cell, x.cells FROM run r CROSS JOIN " table " x ON " SCHEMA_X_OF_RUN        \
	" CROSS JOIN string z ON z.id = x.zone WHERE r.id = ? ORDER BY x.id"

#define BLOCKS_MAX (1U << 30) /* 2 PiB; what a damaged database says may be anything */

static struct film_zone zone_read(sqlite3_stmt *row)
{
	struct film_zone z = {.node = sqlite3_column_int(row, 1),
			      .first_pfn = (u64)sqlite3_column_int64(row, 3),
			      .nr_blocks = (u32)sqlite3_column_int64(row, 4),
			      .per_cell = (u32)sqlite3_column_int64(row, 5)};

	snprintf(z.name, sizeof(z.name), "%s", (const char *)sqlite3_column_text(row, 2));
	if (!z.per_cell || z.nr_blocks > BLOCKS_MAX)
		z.nr_blocks = z.per_cell = 0;
	else
		z.nr_cells = DIV_ROUND_UP(z.nr_blocks, z.per_cell);
	return z;
}

static bool same_zone(const struct film_zone *a, const struct film_zone *b)
{
	return a->node == b->node && !strcmp(a->name, b->name) && a->first_pfn == b->first_pfn &&
	       a->nr_blocks == b->nr_blocks && a->per_cell == b->per_cell;
}

/* The zone of this row, the nth of its frame; NULL if it is not what the first frame had there. */
static const struct film_zone *zone_take(struct film *f, const struct film_zone *z, size_t nth)
{
	if (f->nr_frames == 1 && nth == f->nr_zones) {
		MEM_ROOM(f->zones, f->nr_zones, f->zones_room);
		f->zones[f->nr_zones] = *z;
		f->zones[f->nr_zones++].first_cell = f->nr_cells;
		f->nr_cells += z->nr_cells;
	}
	return nth < f->nr_zones && same_zone(&f->zones[nth], z) ? &f->zones[nth] : NULL;
}

static bool row_take(struct film *f, sqlite3_stmt *row, size_t *nth)
{
	u64 t_ns = (u64)sqlite3_column_int64(row, 0);
	struct film_zone read = zone_read(row);
	const struct film_zone *z;
	size_t need;

	if (!f->nr_frames || t_ns != f->t_ns[f->nr_frames - 1]) {
		if (f->nr_frames && *nth != f->nr_zones)
			return false;
		MEM_ROOM(f->t_ns, f->nr_frames, f->room);
		f->t_ns[f->nr_frames++] = t_ns;
		*nth = 0;
	}
	z = zone_take(f, &read, (*nth)++);
	if (!z || !z->nr_cells)
		return false;
	need = (f->nr_frames - 1) * f->nr_cells + z->first_cell + z->nr_cells;
	if (need > f->cells_room) {
		f->cells_room = max(need, 2 * f->cells_room);
		f->cells = mem_grow(f->cells, f->cells_room, sizeof(*f->cells));
	}
	return cells_unpack(sqlite3_column_blob(row, 6), (size_t)sqlite3_column_bytes(row, 6),
			    f->cells + need - z->nr_cells, z->nr_cells);
}

static void find_touched(struct film *f)
{
	for (size_t i = 0; i < f->nr_frames; i++) {
		for (size_t z = 0; z < f->nr_zones; z++) {
			struct film_zone *zone = &f->zones[z];
			const struct sink_cell *c = film_frame(f, i) + zone->first_cell;
			u32 n = zone->nr_cells;

			while (n > zone->nr_touched && !c[n - 1].unmovable && !c[n - 1].movable &&
			       !c[n - 1].reclaimable && c[n - 1].type_pinned == SINK_CELL_NO_TYPE)
				n--;
			zone->nr_touched = n;
		}
	}
}

static int maps_load(struct film *f, struct db *db, s64 run_id, struct err *e)
{
	size_t nth = 0;
	int rc;
	sqlite3_stmt *row = db_rows_of(db, "block_map", CELLS_OF("block_map"), run_id, &rc, e);

	if (!row)
		return rc;
	while ((rc = db_step(db, row, e)) > 0) {
		if (row_take(f, row, &nth))
			continue;
		rc = err_set(e, "%s: damaged: the map of run %lld at %lld ns is not whole",
			     db_path(db), (long long)run_id,
			     (long long)sqlite3_column_int64(row, 0));
		break;
	}
	sqlite3_finalize(row);
	if (!rc && f->nr_frames && nth != f->nr_zones)
		rc = err_set(e, "%s: damaged: the last map of run %lld is not whole", db_path(db),
			     (long long)run_id);
	return rc;
}

/* The place of a row of moves: its frame is `frame` or a later one. NULL: there is no such map. */
static struct sink_moves *moves_place(struct film *f, sqlite3_stmt *row, size_t *frame,
				      u32 *nr_cells)
{
	u64 t_ns = (u64)sqlite3_column_int64(row, 0);
	struct film_zone read = zone_read(row);

	while (*frame < f->nr_frames && f->t_ns[*frame] < t_ns)
		++*frame;
	if (*frame == f->nr_frames || f->t_ns[*frame] != t_ns)
		return NULL;
	for (size_t z = 0; z < f->nr_zones; z++) {
		if (!same_zone(&f->zones[z], &read))
			continue;
		*nr_cells = f->zones[z].nr_cells;
		return f->moves + *frame * f->nr_cells + f->zones[z].first_cell;
	}
	return NULL;
}

/* Zones that nothing has moved in have no rows. */
static int moves_load(struct film *f, struct db *db, s64 run_id, struct err *e)
{
	size_t frame = 0;
	int rc;
	sqlite3_stmt *row = db_rows_of(db, "block_moves", CELLS_OF("block_moves"), run_id, &rc, e);

	if (!row)
		return rc;
	while ((rc = db_step(db, row, e)) > 0) {
		struct sink_moves *to;
		u32 nr_cells;

		if (!f->moves)
			f->moves = mem_alloc(f->nr_frames * f->nr_cells + 1, sizeof(*f->moves));
		to = moves_place(f, row, &frame, &nr_cells);
		if (to && moves_unpack(sqlite3_column_blob(row, 6),
				       (size_t)sqlite3_column_bytes(row, 6), to, nr_cells))
			continue;
		rc = err_set(e, "%s: damaged: the moves of run %lld at %lld ns fit no map",
			     db_path(db), (long long)run_id,
			     (long long)sqlite3_column_int64(row, 0));
		break;
	}
	sqlite3_finalize(row);
	return rc;
}

int film_load(struct film *f, struct db *db, s64 run_id, struct err *e)
{
	memset(f, 0, sizeof(*f));
	if (maps_load(f, db, run_id, e) || moves_load(f, db, run_id, e)) {
		film_free(f);
		return -1;
	}
	find_touched(f);
	return 0;
}

void film_free(struct film *f)
{
	free(f->t_ns);
	free(f->zones);
	free(f->cells);
	free(f->moves);
	memset(f, 0, sizeof(*f));
}

const struct sink_cell *film_frame(const struct film *f, size_t frame)
{
	return f->cells + frame * f->nr_cells;
}

const struct sink_moves *film_moves(const struct film *f, size_t frame)
{
	return f->moves + frame * f->nr_cells;
}

u64 film_moved(const struct film *f, size_t frame)
{
	u64 pages = 0;

	for (size_t i = 0; f->moves && i < f->nr_cells; i++)
		pages += film_moves(f, frame)[i].from;
	return pages;
}

struct film_census film_census(const struct film *f, size_t frame)
{
	struct film_census s = {.blocks = 0};

	for (size_t z = 0; z < f->nr_zones; z++) {
		const struct film_zone *zone = &f->zones[z];

		for (u32 i = 0; i < zone->nr_cells; i++) {
			const struct sink_cell *c = film_frame(f, frame) + zone->first_cell + i;
			u32 n = min(zone->per_cell, zone->nr_blocks - i * zone->per_cell);
			u32 used = c->unmovable + c->movable + c->reclaimable;
			u32 pinned = ((c->type_pinned >> 3) * n + SINK_CELL_PINNED / 2) /
				     SINK_CELL_PINNED;

			s.blocks += n;
			s.pinned += pinned;
			s.nearly_free += used * 8 < SINK_CELL_FULL ? pinned : 0;
		}
	}
	return s;
}
