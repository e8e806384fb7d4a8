/*
 * gnuplot as a child: drawing now what the page needs, and beside it what papers need.
 */
#ifndef REPORTS_GNUPLOT_H
#define REPORTS_GNUPLOT_H

#include "lib/err.h"

/* Draws NAME.svg of NAME.gp in that folder; waits for it. */
int __must_check gnuplot_draw(const char *folder, const char *name, struct err *e);
/* Starts to draw NAME.png and NAME.pdf; waits only if too many others are under way. */
int __must_check gnuplot_draw_papers(const char *folder, const char *name, struct err *e);
/* Waits for all that was started; -1 with e set if one failed. */
int __must_check gnuplot_finish(struct err *e);
/* The same when nobody wants them any more. */
void gnuplot_abort(void);

#endif
