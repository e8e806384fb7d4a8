/*
 * Figures of compressed pages: what stores make of them.
 */
#ifndef REPORTS_FIGURE_STORE_H
#define REPORTS_FIGURE_STORE_H

#include "reports/report_page.h"

/* Has the run a store that has pages for what it stores? */
bool store_shown(const struct report_run *run);

/* Where the bytes of each store are: when it has most objects, and at the end. */
int __must_check store_bytes_figure(struct report *p, size_t load, struct err *e);
/* Density and time over the size of objects, of loads that differ in nothing else: these are set in
 * `shown`. */
int __must_check store_sizes_figures(struct report *p, bool *shown, struct err *e);
/* Time of each operation, locks, classes, figures. */
int __must_check store_tables(struct report *p, size_t load, struct err *e);

#endif
