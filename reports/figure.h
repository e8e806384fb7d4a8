/*
 * A figure: a gnuplot script beside its data, drawn to SVG and put into the page, and to PNG and
 * PDF for papers.
 *
 * Panels are small multiples in a grid. Each is complete by itself, units at its axes, so that the
 * page can let them flow with the width of the screen; the legend stands above them there, below in
 * the files. The script is made to be kept: run in plots/, it draws the same picture from ../data.
 *
 * More stacks than colours make several figures, each with the base: a group.
 */
#ifndef REPORTS_FIGURE_H
#define REPORTS_FIGURE_H

#include <stdio.h>

#include "lib/err.h"
#include "lib/types.h"
#include "reports/report_page.h"
#include "reports/svg.h"
#include "reports/theme.h"

struct figure {
	/* Set before figure_open. */
	int cols, panel_w, panel_h;   /* of the grid; of each panel, in pixels */
	int left, right, top, bottom; /* margins inside a panel; 0: the usual */
	size_t group;		      /* which stacks; see figure_run */
	bool all_stacks;	      /* no groups: a panel for each stack */
	const bool *hidden;	      /* stacks without data here; NULL: none */

	FILE *gp; /* the script's body, written to its file once its size is known */
	char name[96];
	struct report *page;
	size_t load;

	char *body;
	size_t body_size;
	FILE *legend; /* as HTML */
	char *legend_text;
	size_t legend_size;
	double legend_x;		    /* pixels from the left */
	int legend_line, nr_rows_of_legend; /* lines so far */
	struct svg_panel *panels;
	size_t nr_panels, room, nr_expected;
};

/* Opens plots/NAME.gp; NAME is "KIND-LOADSLUG", with the group's number if there are several.
 * panels: how many there will be. */
void figure_open(struct figure *f, struct report *p, const char *kind, size_t load, size_t panels);
/* Draws it and puts it into the page with a caption of how to read it. */
int __must_check figure_close(struct figure *f, const char *how_to_read, struct err *e);

/* Draws the files only: the page has the same in another form. */
int __must_check figure_close_files(struct figure *f, const char *how_to_read, struct err *e);

/* How many figures show all stacks; the run of a stack, NULL if another group shows it. */
size_t figure_groups(const struct report *p);
const struct report_run *figure_run(const struct figure *f, size_t stack);

/* Begins the next panel of the grid, left to right, then down. */
void figure_panel(struct figure *f, const char *title);

/*
 * The legend: entries are drawn with the panel that was begun last, the first as a rule. A stack's
 * entry is its colour and name.
 */
void figure_legend(struct figure *f, const char *colour, double fill, const char *text);
void figure_legend_mark(struct figure *f, int point_type, double size, const char *text);
void figure_legend_stacks(struct figure *f);
/* The same with the lines of figure_line, dashes and all. */
void figure_legend_lines(struct figure *f);
/* A part that has a colour of its own in each panel: all of them, side by side. */
void figure_legend_own(struct figure *f, const char *const *colours, size_t nr, double fill,
		       const char *text);

/* "with lines ..." of a stack: its colour, and a width or dashes that let a line below show. */
void figure_line(struct figure *f, size_t stack);
/* "with filledcurves ..." behind it: from the lowest to the highest seed. */
void figure_band(struct figure *f, size_t stack);
/* A gnuplot string of any text. */
void figure_quote(FILE *gp, const char *text);

/* Simulated time of the load on x; returns what seconds are multiplied with. */
double figure_time_axis(struct figure *f);
/* Bytes 0..most on axis 'x' or 'y', in a unit that suits; returns bytes of one unit. */
double figure_bytes_axis(struct figure *f, char axis, double most);
/* The same of times. */
double figure_ns_axis(struct figure *f, char axis, double most);
/* Numbers 0..most, with a unit behind each (" %%"); without one they are counts. */
void figure_number_axis(struct figure *f, char axis, double most, const char *unit);
/* Numbers 0..most that have fractions. */
void figure_real_axis(struct figure *f, char axis, double most);
/* Of a bar in row `row` (0 on top, one unit high, y downwards) that ends at x = `end`: its stack's
 * name above, the text behind. */
void figure_row_labels(struct figure *f, size_t row, size_t stack, double end, const char *text);

#endif
