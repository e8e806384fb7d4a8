/*
 * `report`: one page with plots, made of a results database.
 *
 *	DIR/index.html	everything, with the plots inside; needs no network
 *	DIR/plots/	each figure as SVG, PNG and PDF, and the gnuplot script that draws it
 *	DIR/data/	what the scripts draw, and every table, as CSV
 */
#ifndef REPORTS_REPORT_H
#define REPORTS_REPORT_H

#include "lib/err.h"
#include "lib/types.h"
#include "reports/db.h"

struct report_options {
	const char *dir;
	const char *const *labels; /* NULL-terminated; NULL or none: all */
	bool page_only;		   /* no PNG, no PDF: faster */
};

/* The directory appears whole or not at all; an earlier report there is replaced. -1 with e set. */
int __must_check report_write(struct db *db, const struct report_options *options, struct err *e);

#endif
