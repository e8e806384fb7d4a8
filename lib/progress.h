/*
 * A progress bar on standard error, only if that is a terminal; drawn at most 10 times a second.
 * Or, in a process that works for another one, figures where that one looks.
 */
#ifndef LIB_PROGRESS_H
#define LIB_PROGRESS_H

#include "lib/types.h"

/* What is shown is drawn anew so often. */
#define PROGRESS_REDRAW_NS 100000000ULL

struct progress_cell {
	u64 done, total;
};

struct progress {
	const char *what;
	struct progress_cell *cell; /* NULL: a bar */
	u64 total;		    /* 0: unknown */
	u64 next_check, drawn_ns;
	bool on;
};

void progress_begin(struct progress *p, const char *what, u64 total);
/* No bar: into the cell, which other processes may see. */
void progress_begin_cell(struct progress *p, struct progress_cell *cell, u64 total);
void progress_draw_(struct progress *p, u64 done);
/* Wipes the bar. */
void progress_end(struct progress *p);

/* Cheap enough for inner loops: looks at the clock every 4096 steps only. */
static inline void progress_step(struct progress *p, u64 done)
{
	if (p->on && done >= p->next_check)
		progress_draw_(p, done);
}

/* For few and slow steps: each is worth a look at the clock. */
static inline void progress_step_now(struct progress *p, u64 done)
{
	if (p->on)
		progress_draw_(p, done);
}

#endif
