/*
 * Figures of samples: panels, in each a line for each stack; of the seeds the median, with a band
 * from the lowest to the highest.
 */
#ifndef REPORTS_FIGURE_SAMPLES_H
#define REPORTS_FIGURE_SAMPLES_H

#include "reports/figure.h"

#define SAMPLE_COLUMNS_MAX 16

/* A column of the data, and its panel. */
struct sample_column {
	const char *name;
	const char *title; /* of its panel; NULL: it has none */
	enum { SAMPLE_BYTES, SAMPLE_COUNT, SAMPLE_NUMBER, SAMPLE_PERCENT, SAMPLE_NS } unit;
	bool always;	    /* its panel is drawn even if all is 0 */
	const char *x;	    /* the column it is drawn over; NULL: time */
	const char *behind; /* a column whose line lies behind all stacks' lines; NULL: none */
};

struct sample_figure {
	const char *kind; /* of the figure, and of the data: data/KIND-SLUG.csv */
	const struct sample_column *columns;
	size_t nr;
	/* A NAN interrupts the line. */
	double (*value)(const struct samples *s, int column, u64 t);
	bool (*shows)(const struct report_run *run); /* NULL: every run */
	const char *behind_text;		     /* for the legend */
};

/* The data of a run. */
int __must_check sample_figure_write(struct report *p, const struct sample_figure *c,
				     const struct report_run *run, struct err *e);
/* The top of any seed's curve. */
double sample_figure_max(const struct sample_figure *c, const struct report_run *run,
			 size_t column);
/* Of each column, over all stacks of a load. */
void sample_figure_most(const struct report *p, const struct sample_figure *c, size_t load,
			double *most);
/* Draws a load for all groups of stacks; most: of each column, over all of them. */
int __must_check sample_figure_draw(struct report *p, const struct sample_figure *c, size_t load,
				    const double *most, const char *how_to_read, struct err *e);

#endif
