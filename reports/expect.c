/*
 * What an experiment expects of its runs: judged, stored and printed.
 */
#include "reports/expect.h"

#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "reports/expect_sql.h"

static const char *const verdicts[] = {
	[EXPECT_MET] = "met",
	[EXPECT_MISSED] = "MISSED",
	[EXPECT_NOTED] = "note",
	[EXPECT_ERROR] = "error",
};

void expectations_free(struct expectations *x)
{
	free(x->rows);
	free(x->stacks);
	free(x->loads);
	*x = (struct expectations){0};
}

struct figures {
	double measured, low, high;
};

static int row_figures(struct expect_sql *q, const struct expectation *row, struct figures *f,
		       struct err *e)
{
	if (expect_sql_value(q, row->measure, &f->measured, e) ||
	    (row->low && expect_sql_value(q, row->low, &f->low, e)) ||
	    (row->high && expect_sql_value(q, row->high, &f->high, e)))
		return -1;
	return 0;
}

int expectations_check(const struct expectations *x, struct err *e)
{
	struct expect_sql *q;
	struct figures f;
	int rc;

	if (!x->nr)
		return 0;
	q = expect_sql_open(x, NULL, e);
	rc = q ? 0 : -1;
	for (size_t i = 0; i < x->nr && !rc; i++)
		rc = row_figures(q, &x->rows[i], &f, e);
	expect_sql_close(q);
	return rc;
}

void expect_number_print(double v, char *buf, size_t n)
{
	snprintf(buf, n, fabs(v) >= 1e4 && fabs(v) < 1e15 ? "%.0f" : "%.4g", v);
}

static void expected_print(const struct expectation *row, const struct figures *f,
			   struct judgement *j)
{
	char low[EXPECT_NUMBER_MAX], high[EXPECT_NUMBER_MAX], within[EXPECT_NUMBER_MAX];
	size_t n = sizeof(j->expected);

	expect_number_print(f->low, low, sizeof(low));
	expect_number_print(f->high, high, sizeof(high));
	expect_number_print(row->relative ? 100 * row->within : row->within, within,
			    sizeof(within));
	switch (row->kind) {
	case EXPECT_VALUE:
		snprintf(j->expected, n, "%s ± %s%s", low, within, row->relative ? " %" : "");
		break;
	case EXPECT_AT_LEAST:
		snprintf(j->expected, n, ">= %s", low);
		break;
	case EXPECT_AT_MOST:
		snprintf(j->expected, n, "<= %s", low);
		break;
	case EXPECT_BETWEEN:
		snprintf(j->expected, n, "%s to %s", low, high);
		break;
	case EXPECT_NOTE:
		*j->expected = '\0';
	}
}

static bool is_met(const struct expectation *row, const struct figures *f)
{
	double within = row->relative ? row->within * fabs(f->low) : row->within;

	switch (row->kind) {
	case EXPECT_VALUE:
		return fabs(f->measured - f->low) <= within;
	case EXPECT_AT_LEAST:
		return f->measured >= f->low;
	case EXPECT_AT_MOST:
		return f->measured <= f->low;
	default:
		return f->measured >= f->low && f->measured <= f->high;
	}
}

static void row_judge(const struct expectation *row, const struct figures *f, struct judgement *j)
{
	expected_print(row, f, j);
	j->measured = f->measured;
	if (row->kind == EXPECT_NOTE)
		j->verdict = EXPECT_NOTED;
	else
		j->verdict = is_met(row, f) ? EXPECT_MET : EXPECT_MISSED;
}

int expectations_judge(const struct expectations *x, const char *db_path, struct judgement *list,
		       void (*mistake)(const struct err *mistake), struct err *e)
{
	struct expect_sql *q = expect_sql_open(x, db_path, e);

	if (!q)
		return -1;
	for (size_t i = 0; i < x->nr; i++) {
		struct figures f = {0};
		struct err wrong;

		if (!row_figures(q, &x->rows[i], &f, &wrong)) {
			row_judge(&x->rows[i], &f, &list[i]);
			continue;
		}
		list[i] = (struct judgement){.verdict = EXPECT_ERROR, .measured = NAN};
		mistake(&wrong);
	}
	expect_sql_close(q);
	return 0;
}

static int judgements_remove(struct db *db, const char *experiment, struct err *e)
{
	sqlite3_stmt *s = db_prepare(db, "DELETE FROM expectation WHERE experiment = ?", e);
	int rc;

	if (!s)
		return -1;
	sqlite3_bind_text(s, 1, experiment, -1, SQLITE_STATIC);
	rc = db_step(db, s, e);
	sqlite3_finalize(s);
	return rc;
}

static int judgements_add(struct db *db, const char *experiment, const struct expectations *x,
			  const struct judgement *list, struct err *e)
{
	sqlite3_stmt *s = db_prepare(db,
				     "INSERT INTO expectation (experiment, what, expected, verdict,"
				     " source, measured) VALUES (?,?,?,?,?,?)",
				     e);
	int rc = s ? 0 : -1;

	for (size_t i = 0; i < x->nr && !rc; i++) {
		const char *const texts[] = {experiment, x->rows[i].what, list[i].expected,
					     verdicts[list[i].verdict], x->rows[i].source};

		for (size_t k = 0; k < ARRAY_SIZE(texts); k++)
			sqlite3_bind_text(s, (int)k + 1, texts[k], -1, SQLITE_STATIC);
		sqlite3_bind_double(s, ARRAY_SIZE(texts) + 1, list[i].measured); /* NaN: NULL */
		rc = db_step(db, s, e);
		sqlite3_reset(s);
	}
	sqlite3_finalize(s);
	return rc;
}

int expectations_store(struct db *db, const char *experiment, const struct expectations *x,
		       const struct judgement *list, struct err *e)
{
	bool stored;

	if (db_write_begin(db, e))
		return -1;
	stored = !judgements_remove(db, experiment, e) &&
		 !judgements_add(db, experiment, x, list, e);
	return db_write_end(db, stored, e);
}

void expectations_print(FILE *f, enum out_format format, const struct expectations *x,
			const struct judgement *list)
{
	/* Numbers are for people in a text, and exact otherwise. */
	const struct out_column cols[] = {
		{"verdict", OUT_STR},  {"measured", format == OUT_TEXT ? OUT_STR : OUT_REAL},
		{"expected", OUT_STR}, {"what", OUT_STR},
		{"source", OUT_STR},   {NULL, OUT_STR}};
	char number[EXPECT_NUMBER_MAX];
	struct out o;

	out_begin(&o, f, format, cols);
	for (size_t i = 0; i < x->nr; i++) {
		const struct judgement *j = &list[i];

		expect_number_print(j->measured, number, sizeof(number));
		out_str(&o, verdicts[j->verdict]);
		if (format == OUT_TEXT)
			out_str(&o, isnan(j->measured) ? "" : number);
		else
			out_real(&o, j->measured);
		out_str(&o, j->expected);
		out_str(&o, x->rows[i].what);
		out_str(&o, x->rows[i].source);
		out_row_end(&o);
	}
	out_end(&o);
}
