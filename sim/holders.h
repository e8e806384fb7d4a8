/*
 * Who holds the pages of a run: objects of the load, and frames that a state to start from holds.
 *
 * The one question everybody asks: *what is in page->index?* Of a page with PG_held the number of
 * its holder: of an object of the load, its id; HOLDER_STATE: it is held for nobody
 * (sim/page_state.c).
 */
#ifndef SIM_HOLDERS_H
#define SIM_HOLDERS_H

#include "alloc/mm.h"

struct replay;

#define HOLDER_STATE (1UL << 40)

/* From here on pages of the run can move, and are asked back under pressure. */
void holders_begin(struct replay *rp);
void holders_end(void);

#endif
