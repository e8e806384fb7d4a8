/*
 * A progress bar on standard error.
 */
#include "lib/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/units.h"

#define STEPS_PER_CHECK 4096
#define BAR_WIDTH 30

void progress_begin(struct progress *p, const char *what, u64 total)
{
	*p = (struct progress){.what = what, .total = total, .on = isatty(STDERR_FILENO)};
	p->drawn_ns = p->on ? host_ns() : 0; /* what is done in a blink shows no bar */
}

void progress_begin_cell(struct progress *p, struct progress_cell *cell, u64 total)
{
	*p = (struct progress){.cell = cell, .total = total, .on = true};
	*cell = (struct progress_cell){.total = total};
}

void progress_draw_(struct progress *p, u64 done)
{
	char count[32], bar[BAR_WIDTH + 1];
	unsigned int filled;
	u64 now;

	p->next_check = done + STEPS_PER_CHECK;
	if (p->cell) {
		p->cell->done = done;
		return;
	}
	now = host_ns();
	if (now - p->drawn_ns < PROGRESS_REDRAW_NS)
		return;
	p->drawn_ns = now;
	count_human((double)done, count, sizeof(count));
	if (!p->total) {
		fprintf(stderr, "\r%s: %s\033[K", p->what, count);
		return;
	}
	filled = done >= p->total ? BAR_WIDTH
				  : (unsigned int)((double)done / (double)p->total * BAR_WIDTH);
	for (unsigned int i = 0; i < BAR_WIDTH; i++)
		bar[i] = i < filled ? '#' : '.';
	bar[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r%s [%s] %3u %% %s\033[K", p->what, bar,
		(unsigned int)(100.0 * (double)min(done, p->total) / (double)p->total), count);
}

void progress_end(struct progress *p)
{
	if (p->on && !p->cell)
		fputs("\r\033[K", stderr);
	p->on = false;
}
