/*
 * Tables that sort and filter in the page, with everything in them as CSV beside it.
 */
#ifndef REPORTS_BROWSE_H
#define REPORTS_BROWSE_H

#include "lib/err.h"
#include "reports/report_page.h"

struct browse_column {
	const char *title, *csv;
	const char *kind; /* of page.js: text, bytes, count, number, percent, ns, ratio */
	bool choose;	  /* few values: the reader picks one */
};

struct browse_table {
	const char *id;			     /* of the element, and the name of the file */
	const struct browse_column *columns; /* behind load and stack, which every table has */
	size_t nr_columns;
	size_t sort; /* by which column at first, downwards; 0 is the load */
	/*
	 * ?1 is the run; gives the columns, then whether the page shows the row or only the file.
	 */
	const char *sql;
};

/* Of the lowest seed of every run. Writes data/ID.csv, and the table into the page; nothing if it
 * would be empty. */
int __must_check browse_write(struct report *p, const struct browse_table *t, struct err *e);

#endif
