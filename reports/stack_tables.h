/*
 * Tables that have the stacks of a load beside each other, or below each other.
 *
 * Tables are of the lowest seed, figures of whole runs the median of the seeds.
 */
#ifndef REPORTS_STACK_TABLES_H
#define REPORTS_STACK_TABLES_H

#include "reports/report_page.h"

struct table_column {
	const char *title, *unit; /* unit NULL: text */
};

/* A row for each row of each stack's answer. */
struct stack_table {
	const char *view, *heading, *sql; /* heading NULL: none; the run is sql's only parameter */
	const struct table_column *columns;
	size_t nr_columns;
};

/* Nothing without rows, or without the view. */
int __must_check stack_table(struct report *p, size_t load, const struct stack_table *t,
			     struct err *e);
/* The rows of several answers in one table: begun is false before the first; then table_end. */
int __must_check stack_table_rows(struct report *p, size_t load, const struct stack_table *t,
				  bool *begun, struct err *e);
void table_end(FILE *f, bool begun);

/* Figures of the whole run whose names match, pattern after pattern: a row for each that says
 * something, a column for each stack. */
void metrics_table(const struct report *p, size_t load, const char *const *patterns, size_t nr);

/* The cells of a row's head: of its first column, and of each stack that ran the load. */
void table_heads(const struct report *p, size_t load, const char *first);
/* Is any of the values not 0? */
bool row_tells(const double *v, size_t n);

#endif
