/*
 * The colours of page and plots, light and dark.
 *
 * Theory: gnuplot draws in the light colours; in the page each becomes a variable of the style
 * sheet, whose value depends on the theme. So a plot is drawn once, and a stack has one colour
 * everywhere.
 */
#ifndef REPORTS_THEME_H
#define REPORTS_THEME_H

#include <stdio.h>

#include "lib/types.h"

/* Colours of stacks that stay apart: the first is the base's, the others go round. */
#define THEME_STACKS 8

#define INK "#1c2026"
#define INK_SOFT "#454c56"
#define AXIS "#8a929c"
#define GRID "#e3e6ea"
#define PAPER "#ffffff"

/* Greys of what memory is used for, from most wanted to least. */
#define USE_1 "#2f3b49"
#define USE_2 "#74869b"
#define USE_3 "#b0bdcb"
#define USE_4 "#e4e9ef"

/* What lives in a pageblock. */
#define LIVES_UNMOVABLE "#c2410c"
#define LIVES_MOVABLE "#2f7fc1"
#define LIVES_RECLAIMABLE "#8a5fbf"

/* What compaction moved; two of the stacks' colours. */
#define MOVED_FROM "#d55e00"
#define MOVED_TO "#009e73"

/* What is in the pages of a store, from most wanted to least, and beside them. */
#define STORE_ASKED "#553c8b"
#define STORE_INSIDE "#9a84d0"
#define STORE_BETWEEN "#d5caee"
#define STORE_DESCRIPTORS "#8a5a2b"

/* Of the nth stack. */
const char *theme_stack(size_t nth);
/* Of "#rrggbb". */
unsigned int theme_rgb(const char *colour);
/* "var(--ink)" for a colour of the theme, "#rrggbb" for any other. */
void theme_name(unsigned int rgb, char *buf, size_t n);
/* The variables as CSS, for both themes; those of stores only where there is one. */
void theme_css(FILE *f, bool stores);

#endif
