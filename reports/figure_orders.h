/*
 * Figures with a panel for each order of free blocks, a line for each stack.
 */
#ifndef REPORTS_FIGURE_ORDERS_H
#define REPORTS_FIGURE_ORDERS_H

#include "reports/figure.h"

/* The order whose availability decides on huge pages (2 MiB). */
#define HUGE_ORDER 9
/* Panels are small: a quarter of the page. */
#define ORDER_POINTS 160

struct order_figure {
	const char *kind; /* of the figure and its data: columns t_s, then three for each order */
	const char *unit; /* behind the numbers of y */
	const bool *hidden;
	double most[SINK_NR_ORDERS]; /* top of the axis */
	bool left_out[SINK_NR_ORDERS];
};

/* Draws all groups. */
int __must_check order_figures(struct report *p, size_t load, const struct order_figure *o,
			       const char *how_to_read, struct err *e);
/* "t_s,PREFIX0,PREFIX0_low,PREFIX0_high,..." and the bands of an instant. */
void order_columns(FILE *f, const char *prefix);
void order_row(FILE *f, u64 t_ns, const struct band bands[SINK_NR_ORDERS]);

#endif
