/*
 * The film of a run: maps of its pageblocks over time (sim/sink.h: sink_block_map).
 */
#ifndef REPORTS_FILMS_H
#define REPORTS_FILMS_H

#include "lib/err.h"
#include "lib/types.h"
#include "reports/db.h"
#include "sim/sink.h"

struct film_zone {
	int node;
	char name[16];
	u64 first_pfn;
	u32 nr_blocks, per_cell, nr_cells;
	size_t first_cell; /* of a frame */
	u32 nr_touched;	   /* cells up to the last that was ever given out */
};

struct film {
	u64 *t_ns;
	size_t nr_frames, room;
	struct film_zone *zones;
	size_t nr_zones, zones_room;
	size_t nr_cells;	 /* of a frame: all zones, one after the other */
	struct sink_cell *cells; /* frame after frame */
	size_t cells_room;
	struct sink_moves *moves; /* as many; NULL: compaction moved nothing */
};

/* What a frame says of the whole machine. Counts of pageblocks are exact where a cell is one. */
struct film_census {
	u64 blocks, pinned;
	u64 nearly_free; /* pinned, with less than an eighth in use */
};

/* A run without maps has no frames. -1 with e set if the database is damaged. */
int __must_check film_load(struct film *f, struct db *db, s64 run_id, struct err *e);
void film_free(struct film *f);
const struct sink_cell *film_frame(const struct film *f, size_t frame);
/* Only of a film with moves. */
const struct sink_moves *film_moves(const struct film *f, size_t frame);
/* Pages that compaction had moved by then. */
u64 film_moved(const struct film *f, size_t frame);
struct film_census film_census(const struct film *f, size_t frame);

#endif
