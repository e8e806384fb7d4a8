/*
 * The `expect:` section of an experiment: read from its file, judged after its runs.
 */
#include "cmd/expect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "lib/file.h"
#include "lib/mem.h"

/* --- reading --- */

static int within_read(struct expectation *row, const struct yaml_node *n, struct err *e)
{
	const char *text = yaml_text(n, e);
	char *end;

	if (!text)
		return -1;
	row->within = strtod(text, &end);
	row->relative = *end == '%';
	if (row->relative)
		row->within /= 100;
	if (end == text || end[row->relative] || !isfinite(row->within) || row->within < 0)
		return yaml_error(n, e,
				  "within is a share, as 5%%, or a number in the measure's unit");
	return 0;
}

static int between_read(struct expectation *row, const struct yaml_node *n, struct err *e)
{
	if (!yaml_is_sequence(n) || yaml_count(n) != 2)
		return yaml_error(n, e, "between is a list of two: [LOW, HIGH]");
	row->low = yaml_item(n, 0);
	row->high = yaml_item(n, 1);
	return 0;
}

static int note_read(const struct yaml_node *n, struct err *e)
{
	const char *text = yaml_text(n, e);

	if (text && strcmp(text, "true"))
		return yaml_error(n, e, "note is true, or left out");
	return text ? 0 : -1;
}

static int kind_read(struct expectation *row, const struct yaml_node *n, struct err *e)
{
	row->low = n;
	switch (row->kind) {
	case EXPECT_BETWEEN:
		return between_read(row, n, e);
	case EXPECT_NOTE:
		row->low = NULL;
		return note_read(n, e);
	default:
		return yaml_text(n, e) ? 0 : -1;
	}
}

/* What is expected: one key of five. */
static int bounds_read(struct expectation *row, const struct yaml_node *map, struct err *e)
{
	static const char *const kinds[] = {
		[EXPECT_VALUE] = "expected",  [EXPECT_AT_LEAST] = "at_least",
		[EXPECT_AT_MOST] = "at_most", [EXPECT_BETWEEN] = "between",
		[EXPECT_NOTE] = "note",
	};
	const struct yaml_node *within = yaml_get(map, "within"), *found = NULL, *n;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		n = yaml_get(map, kinds[i]);
		if (n && found)
			return yaml_error(n, e, "'%s' and '%s': one of them is wanted",
					  kinds[row->kind], kinds[i]);
		if (n) {
			found = n;
			row->kind = (enum expect_kind)i;
		}
	}
	if (!found)
		return yaml_error(map, e,
				  "nothing is expected: add expected, at_least, at_most, between "
				  "or note");
	if (kind_read(row, found, e))
		return -1;
	if (within && row->kind != EXPECT_VALUE)
		return yaml_error(within, e, "within belongs to expected");
	if (row->kind == EXPECT_VALUE && !within)
		return yaml_error(found, e, "how near? add 'within', as 5%% or 0.02");
	return within ? within_read(row, within, e) : 0;
}

static int row_read(struct expectation *row, const struct yaml_node *map, struct err *e)
{
	static const char *const known[] = {"what",    "measure", "expected", "at_least", "at_most",
					    "between", "within",  "source",   "note",	  NULL};
	const struct yaml_node *what, *source;

	if (yaml_check_keys(map, known, e))
		return -1;
	what = yaml_need(map, "what", e);
	row->what = what ? yaml_text(what, e) : NULL;
	row->measure = row->what ? yaml_need(map, "measure", e) : NULL;
	if (!row->measure || !yaml_text(row->measure, e) || bounds_read(row, map, e))
		return -1;
	source = yaml_get(map, "source");
	if (!source && row->kind != EXPECT_NOTE)
		return yaml_error(map, e, "where does the expectation come from? add 'source'");
	row->source = source ? yaml_text(source, e) : "";
	return row->source ? 0 : -1;
}

int expect_read(struct expectations *x, const struct yaml_node *list, struct err *e)
{
	if (!yaml_is_sequence(list) || !yaml_count(list))
		return yaml_error(list, e, "expect is a list, '- {what: ..., measure: ...}'");
	x->rows = mem_alloc(yaml_count(list), sizeof(*x->rows));
	x->nr = yaml_count(list);
	for (size_t i = 0; i < x->nr; i++)
		if (row_read(&x->rows[i], yaml_item(list, i), e))
			return -1;
	return 0;
}

/* --- judging --- */

static void mistake(const struct err *e)
{
	fprintf(stderr, "kmemsim run: %s\n", e->msg);
}

/* The file's name without folders and ending. */
static char *experiment_name(const char *path)
{
	const char *base = file_base(path), *dot = strrchr(base, '.');

	return dot && dot != base ? mem_dup_n(base, (size_t)(dot - base)) : mem_dup(base);
}

static int store(const struct expectations *x, const char *experiment_path, const char *db_path,
		 const struct judgement *list, struct err *e)
{
	struct db *db = db_open(db_path, DB_WRITE, e);
	char *name = experiment_name(experiment_path);
	int rc = db ? expectations_store(db, name, x, list, e) : -1;

	free(name);
	db_close(db);
	return rc;
}

static int exit_code(const struct expectations *x, const struct judgement *list)
{
	int code = 0;

	for (size_t i = 0; i < x->nr; i++) {
		if (list[i].verdict == EXPECT_ERROR)
			return EXIT_MISTAKE;
		if (list[i].verdict == EXPECT_MISSED)
			code = EXIT_MISSED;
	}
	return code;
}

int expect_conclude(const struct expectations *x, const char *experiment_path, const char *db_path,
		    enum out_format format, struct err *e)
{
	struct judgement *list = mem_alloc(x->nr, sizeof(*list));
	int code = EXIT_MISTAKE;

	*e->msg = '\0';
	if (!expectations_judge(x, db_path, list, mistake, e) &&
	    !store(x, experiment_path, db_path, list, e)) {
		expectations_print(stdout, format, x, list);
		code = exit_code(x, list);
	}
	free(list);
	return code;
}
