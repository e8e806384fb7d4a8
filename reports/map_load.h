/*
 * What the memory map of a load shows: a film for each stack, and who keeps its pageblocks.
 */
#ifndef REPORTS_MAP_LOAD_H
#define REPORTS_MAP_LOAD_H

#include <stdio.h>

#include "lib/err.h"
#include "reports/films.h"
#include "reports/report_page.h"

#define HOLDERS_MAX 48	 /* with a name in the page; the rest are one */
#define HOLDER_COLOURS 7 /* the first; the others are grey */

/* Who keeps otherwise free pageblocks from being free (sim/sink.h: sink_blame). */
struct holder {
	char *call_site, *cache;
	u64 blocks; /* in which it has most of what cannot move, over all stacks */
};

/* A cell with kept blocks, at the end of the run. */
struct kept_cell {
	size_t cell;   /* of the film's frame */
	size_t holder; /* place in map_load.holders: of the block with most of its pages */
	u32 blocks;    /* that are kept */
	u64 pages;     /* the holder's, of that block */
	u64 unmovable, movable, free; /* pages of the kept blocks */
	u64 kept_ns;		      /* longest of them */
};

struct kept_map {
	struct kept_cell *cells; /* by cell */
	size_t nr, room;
};

struct map_load {
	struct film films[REPORT_STACKS_MAX];
	size_t nr; /* stacks with a film */
	struct kept_map kept[REPORT_STACKS_MAX];
	struct holder *holders; /* by blocks, most first; HOLDERS_MAX at most have cells */
	size_t nr_holders, room;
};

/* Films are loaded. A database without blame has no holders. */
int __must_check map_blame_load(struct report *p, size_t load, struct map_load *m, struct err *e);
void map_load_free(struct map_load *m);
/* "alloc_inode+0x1e, ext4_inode_cache", as the page names a holder. */
void holder_print(const char *call_site, const char *cache, char *buf, size_t n);
/* The colour of the nth holder. */
const char *holder_colour(size_t nth);
bool map_has_moves(const struct map_load *m);

/* The same as pictures, in the files: mobility at three instants, blame and moves at the end. */
int __must_check map_pictures(struct report *p, size_t load, const struct map_load *m,
			      struct err *e);

#endif
