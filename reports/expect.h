/*
 * What an experiment expects of its runs: measured in the results database, and judged.
 *
 * A measure and every bound is an SQL expression over the runs of the experiment, evaluated on a
 * connection that can only read:
 * - of(STACK, LOAD, METRIC [, LAYER]): mean over the seeds of a figure in summary_view; the names
 *   are the experiment's; LAYER '' (or left out) is the whole stack. A figure that is not there is
 *   an error, never a NULL.
 * - at(STACK, LOAD, METRIC, T_NS): mean over the seeds of a figure in sample_view, of the whole
 *   stack, at the time of a sample.
 * - (SELECT ...) over the result views, which hold the runs of this experiment alone (the latest of
 *   each load, stack and seed), and each of which has the columns load, label (the stack's name)
 *   and seed besides its own.
 * - what SQLite has: arithmetic (7 / 2 is 3: write 7.0), pow, exp, ln, sqrt, min, max, CASE.
 *
 * The one question everybody asks: *when is a mistake in it found?* Before the first run, as far as
 * it can be: syntax, columns, functions, the names of stacks and loads, and of metrics given to
 * of(). The rest when it is judged: e tells the place, and the verdict is "error".
 */
#ifndef REPORTS_EXPECT_H
#define REPORTS_EXPECT_H

#include <stdio.h>

#include "lib/err.h"
#include "lib/out.h"
#include "lib/types.h"
#include "lib/yaml.h"
#include "reports/db.h"

enum expect_kind { EXPECT_VALUE, EXPECT_AT_LEAST, EXPECT_AT_MOST, EXPECT_BETWEEN, EXPECT_NOTE };

struct expectation {
	const char *what, *source; /* source: "" if there is none */
	enum expect_kind kind;
	/* SQL; low alone is the value itself or the only bound. */
	const struct yaml_node *measure, *low, *high;
	double within; /* of EXPECT_VALUE: in the measure's unit, or a share of the value */
	bool relative;
};

struct expectations {
	struct expectation *rows;
	size_t nr;
	/* The experiment's, NULL-terminated; the strings are somebody else's. */
	const char **stacks, **loads;
	const u64 *seeds;
	size_t nr_seeds;
};

enum expect_verdict { EXPECT_MET, EXPECT_MISSED, EXPECT_NOTED, EXPECT_ERROR };

struct judgement {
	enum expect_verdict verdict;
	char expected[96]; /* as shown: "1.1 ± 5 %", ">= 2", "2 to 3"; "" of a note */
	double measured;   /* NaN: EXPECT_ERROR */
};

/* Frees rows, stacks and loads. */
void expectations_free(struct expectations *x);

/* All that can be checked without a run. -1 with e set. */
int __must_check expectations_check(const struct expectations *x, struct err *e);

/*
 * One judgement a row; what is wrong with an expression goes to `mistake`, a line each, and the
 * others are judged all the same. -1 with e set: the database cannot be read.
 */
int __must_check expectations_judge(const struct expectations *x, const char *db_path,
				    struct judgement *list,
				    void (*mistake)(const struct err *mistake), struct err *e);

/* In place of what was stored of the experiment before. */
int __must_check expectations_store(struct db *db, const char *experiment,
				    const struct expectations *x, const struct judgement *list,
				    struct err *e);

void expectations_print(FILE *f, enum out_format format, const struct expectations *x,
			const struct judgement *list);

#define EXPECT_NUMBER_MAX 32
/* As tables show it: four digits, more before the point. */
void expect_number_print(double v, char *buf, size_t n);

#endif
