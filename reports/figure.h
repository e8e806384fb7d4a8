/*
 * A figure: a gnuplot script beside its data, drawn to SVG and put into the page.
 *
 * The script is made to be kept: run in plots/, it draws the same picture from ../data again.
 */
#ifndef REPORTS_FIGURE_H
#define REPORTS_FIGURE_H

#include <stdio.h>

#include "lib/err.h"
#include "lib/types.h"
#include "reports/report_page.h"

#define FIGURE_WIDTH 1100 /* as wide as the page */

struct figure {
	FILE *gp; /* the script */
	char name[96];
	struct report *page;
	unsigned int nr_panels, nr_legend;
	double legend_x;		/* pixels from the left */
	bool hidden[REPORT_STACKS_MAX]; /* stacks without data here: not in the legend */

	/* Panels: a grid in pixels. */
	int width, height;
	int cols, rows, panels;	      /* panels: how many there will be */
	int left, right, top, bottom; /* of the whole figure */
	int gap_x, gap_y;
};

/* Opens plots/NAME.gp and writes its preamble; NAME is "KIND-LOADSLUG". The grid is set in f
 * before. */
int __must_check figure_open(struct figure *f, struct report *p, const char *kind, size_t load,
			     struct err *e);
/* Draws it and puts it into the page with a caption of how to read it. */
int __must_check figure_close(struct figure *f, const char *how_to_read, struct err *e);

/* Begins the next panel of the grid, left to right, then down: margins, title, no legend. */
void figure_panel(struct figure *f, const char *title);
/*
 * The legend, a line at the bottom of the figure: one entry after the other, drawn with the next
 * plot only. gnuplot's own key knows the panel, not the figure. A stack's entry is its colour and
 * name.
 */
void figure_legend(struct figure *f, const char *colour, const char *fill, const char *text);
void figure_legend_mark(struct figure *f, int point_type, double size, const char *text);
void figure_legend_stacks(struct figure *f, size_t load);
/* The same with the lines of figure_line, dashes and all. */
void figure_legend_lines(struct figure *f, size_t load);
/* A part that has a colour of its own in each panel: all of them, side by side. */
void figure_legend_own(struct figure *f, const char *const *colours, size_t nr, const char *fill,
		       const char *text);
/* "with lines ..." of a stack: its colour, and a width or dashes that let a line below show. */
void figure_line(struct figure *f, size_t stack);
/* A gnuplot string of any text. */
void figure_quote(FILE *gp, const char *text);
/* Simulated time 0..end on x, named below the lowest panels only; returns seconds to its unit. */
double figure_time_axis(struct figure *f, u64 end_ns);
/* Bytes 0..most on y (or x with axis 'x'), in a unit that suits; returns bytes of one unit. */
double figure_bytes_axis(struct figure *f, char axis, double most, const char **unit);

#endif
