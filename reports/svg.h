/*
 * gnuplot's SVG into the page: one picture for each panel, so that they flow with the width of the
 * screen; smaller, and in the colours of the theme.
 */
#ifndef REPORTS_SVG_H
#define REPORTS_SVG_H

#include <stdio.h>

#include "lib/types.h"

/* A part of the drawing, in pixels from the upper left. */
struct svg_panel {
	int x, y, width, height;
	char title[128];
};

/*
 * What a script draws first in each panel so that it can be cut out: a rectangle behind everything
 * in this colour, with the panel's number in its lowest bits. gnuplot may draw it more than once.
 */
#define SVG_MARK 0x5a0000U

/* The marks' shapes, once in a page, before the first panel. */
void svg_defs(FILE *html);
/* False if the drawing is not whole or has another number of panels. */
bool svg_panels(FILE *html, const char *svg, const struct svg_panel *panels, size_t nr);

#endif
