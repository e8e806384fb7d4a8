/*
 * Figures of pressure: a panel for each curve of a run (reports/pressure.h), a line for each stack.
 */
#ifndef REPORTS_FIGURE_CURVES_H
#define REPORTS_FIGURE_CURVES_H

#include "reports/figure.h"
#include "reports/pressure.h"

/* A load under every stack and seed. */
struct pressure_load {
	struct pressure *seeds[REPORT_STACKS_MAX]; /* of each stack's run; NULL: it did not run */
};

#define CURVE_PANELS_MAX 8

struct curve_panel {
	char title[96], column[48];
	int node; /* what `of` needs to know */
	char zone[16];
	int what;
	enum { CURVE_LOG_PAGES, CURVE_PERCENT, CURVE_COUNT, CURVE_NS } axis;
	double band_low, band_high, mark; /* pages; behind the lines of a logarithmic axis */
	struct {
		double height;
		const char *colour;
	} marks[2 * THEME_STACKS]; /* lines across the panel */
	size_t nr_marks;
};

struct curve_figure {
	const char *kind;
	const struct curve *(*of)(const struct pressure *p, const struct curve_panel *panel);
	struct curve_panel panels[CURVE_PANELS_MAX];
	size_t nr;
	void (*legend)(struct figure *f); /* behind the stacks; NULL: nothing */
};

/* Draws all groups; nothing without panels. */
int __must_check curve_figures(struct report *p, size_t load, const struct pressure_load *l,
			       const struct curve_figure *c, const char *how_to_read,
			       struct err *e);

/* Indices of the zones that ran short, as maps over time and orders; of the lowest seed. */
int __must_check index_figures(struct report *p, size_t load, const struct pressure_load *l,
			       struct err *e);
/* Has the zone, under any stack, been near its watermarks? */
bool zone_ran_short(const struct report *p, size_t load, const struct pressure_load *l, int node,
		    const char *zone);

/* What huge pages, compaction and reclaim came to: tables of numbers. */
int __must_check pressure_tables(struct report *p, size_t load, struct err *e);

#endif
