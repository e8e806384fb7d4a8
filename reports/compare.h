/*
 * `compare`: what a stack does to each figure of each load, printed.
 */
#ifndef REPORTS_COMPARE_H
#define REPORTS_COMPARE_H

#include <stdio.h>

#include "lib/err.h"
#include "lib/out.h"
#include "reports/db.h"
#include "reports/pairs.h"

struct compare_options {
	struct comparison_options labels;
	const char *metric; /* pattern; NULL: all */
	enum out_format format;
	const char *const *fail_on; /* NULL-terminated expressions; NULL: none */
};

/* Prints to f; what tripped goes to `notes` (standard error). 0; 1: a --fail-on tripped; -1: e is
 * set and nothing was printed to f. */
int __must_check compare_print(struct db *db, const struct compare_options *options, FILE *f,
			       FILE *notes, struct err *e);

#endif
