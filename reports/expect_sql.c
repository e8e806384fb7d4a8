/*
 * SQL expressions over the runs of an experiment.
 *
 * Theory: the connection's temporary schema comes before the database's own. There, `this_run` has
 * the runs, and for each result view stands one of the same name over those runs alone; then an
 * authorizer takes away everything but reading. What does not end is stopped by counting its steps:
 * so it is stopped in the same place on every host.
 */
#include "reports/expect_sql.h"

#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/suggest.h"
#include "reports/schema.h"
#include "sim/sink.h"

#define OF_ARGS_MIN 3
#define OF_ARGS_MAX 4
#define AT_NAMES 3 /* stack, load and metric; then a time */
#define PREFIX "SELECT ("
#define TEXT_BYTES_MAX (16 << 20)
/* Instructions of SQLite's machine; a second has some 100 million of them. */
#define STEPS_MAX_CHECK (u64)1e7 /* over no runs */
#define STEPS_MAX_JUDGE (u64)1e10
#define STEPS_COUNTED 1000

struct expect_sql {
	const struct expectations *x;
	struct db *db; /* NULL: no runs; handle is our own then */
	sqlite3 *handle;
	sqlite3_stmt *of, *at; /* the statements behind of() and at() */
	char *culprit;	       /* the name that these do not know, quoted; NULL: none */
	u64 steps_left;	       /* of the expression */
};

/* --- of() and at() --- */

static void metric_names(const char **names, size_t max)
{
	size_t n = 0;

	for (const struct metric_desc *m = metrics; m->name && n + 1 < max; m++)
		names[n++] = m->name;
	names[n] = NULL;
}

static void of_unknown(struct expect_sql *q, sqlite3_context *c, const char *kind, const char *name,
		       const char *const *known)
{
	const char *near = suggest_nearest(name, known);
	char *msg = near ? mem_print("no %s is named '%s': did you mean '%s'?", kind, name, near)
			 : mem_print("no %s is named '%s'%s%s%s", kind, name,
				     known[0] ? "; the first is '" : "", known[0] ? known[0] : "",
				     known[0] ? "'" : "");

	free(q->culprit);
	q->culprit = mem_print("'%s'", name);
	sqlite3_result_error(c, msg, -1);
	free(msg);
}

static bool is_among(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

/* Are stack and load ones that there are? Otherwise the error is set. */
static bool runs_known(struct expect_sql *q, sqlite3_context *c, const char *const *arg)
{
	if (!is_among(arg[0], q->x->stacks)) {
		of_unknown(q, c, "stack of the experiment", arg[0], q->x->stacks);
		return false;
	}
	if (!is_among(arg[1], q->x->loads)) {
		of_unknown(q, c, "load of the experiment", arg[1], q->x->loads);
		return false;
	}
	return true;
}

/* Is the metric one of summary_view? Likewise. */
static bool metric_known(struct expect_sql *q, sqlite3_context *c, const char *const *arg)
{
	size_t nr = 0;
	const char **names;

	if (metric_find(arg[2]))
		return true;
	while (metrics[nr].name)
		nr++;
	names = mem_alloc(nr + 1, sizeof(*names));
	metric_names(names, nr + 1);
	of_unknown(q, c, "metric", arg[2], names);
	free(names);
	return false;
}

/* The layers that have the metric; the caller frees the list and its texts. */
static char **layers_with(struct expect_sql *q, const char *const *arg)
{
	static const char sql[] = "SELECT DISTINCT layer FROM summary_view WHERE label = ? AND "
				  "load = ? AND metric = ?";
	char **list = mem_alloc(1, sizeof(*list));
	sqlite3_stmt *s = NULL;
	size_t n = 0;

	if (sqlite3_prepare_v2(q->handle, sql, -1, &s, NULL) != SQLITE_OK)
		return list;
	for (int i = 0; i < 3; i++)
		sqlite3_bind_text(s, i + 1, arg[i], -1, SQLITE_STATIC);
	while (sqlite3_step(s) == SQLITE_ROW) {
		list = mem_grow(list, n + 2, sizeof(*list));
		list[n++] = mem_dup((const char *)sqlite3_column_text(s, 0));
		list[n] = NULL;
	}
	sqlite3_finalize(s);
	return list;
}

static void of_absent(struct expect_sql *q, sqlite3_context *c, const char *const *arg)
{
	char **layers = layers_with(q, arg);
	char *msg;

	if (layers[0]) {
		of_unknown(q, c, "layer with that metric", arg[3], (const char *const *)layers);
	} else {
		msg = mem_print("'%s' on '%s' has no figure '%s'", arg[0], arg[1], arg[2]);
		sqlite3_result_error(c, msg, -1);
		free(msg);
	}
	for (size_t i = 0; layers[i]; i++)
		free(layers[i]);
	free(layers);
}

static void of_figure(struct expect_sql *q, sqlite3_context *c, const char *const *arg)
{
	sqlite3_stmt *s = q->of;

	for (int i = 0; i < OF_ARGS_MAX; i++)
		sqlite3_bind_text(s, i + 1, arg[i], -1, SQLITE_STATIC);
	if (sqlite3_step(s) != SQLITE_ROW)
		sqlite3_result_error(c, sqlite3_errmsg(q->handle), -1);
	else if (sqlite3_column_type(s, 0) == SQLITE_NULL)
		of_absent(q, c, arg);
	else
		sqlite3_result_double(c, sqlite3_column_double(s, 0));
	sqlite3_reset(s);
}

/* The first nr values are names; otherwise the error is set. */
static bool names_take(sqlite3_context *c, int nr, sqlite3_value **values, const char **arg)
{
	for (int i = 0; i < nr; i++) {
		if (sqlite3_value_type(values[i]) != SQLITE_TEXT) {
			sqlite3_result_error(c, "names are given as texts in '...'", -1);
			return false;
		}
		arg[i] = (const char *)sqlite3_value_text(values[i]);
	}
	return true;
}

static void of_call(sqlite3_context *c, int nr, sqlite3_value **values)
{
	struct expect_sql *q = sqlite3_user_data(c);
	const char *arg[OF_ARGS_MAX] = {"", "", "", ""};

	if (nr < OF_ARGS_MIN || nr > OF_ARGS_MAX) {
		sqlite3_result_error(c, "write of(STACK, LOAD, METRIC) or add a LAYER", -1);
		return;
	}
	if (!names_take(c, nr, values, arg) || !runs_known(q, c, arg) || !metric_known(q, c, arg))
		return;
	if (q->db)
		of_figure(q, c, arg);
	else
		sqlite3_result_double(c, 1);
}

static void at_sample(struct expect_sql *q, sqlite3_context *c, const char *const *arg,
		      sqlite3_value *t_ns)
{
	sqlite3_stmt *s = q->at;
	char *msg;

	for (int i = 0; i < AT_NAMES; i++)
		sqlite3_bind_text(s, i + 1, arg[i], -1, SQLITE_STATIC);
	sqlite3_bind_value(s, AT_NAMES + 1, t_ns);
	if (sqlite3_step(s) != SQLITE_ROW) {
		sqlite3_result_error(c, sqlite3_errmsg(q->handle), -1);
	} else if (sqlite3_column_type(s, 0) == SQLITE_NULL) {
		msg = mem_print("'%s' on '%s' has no sample of '%s' at %s ns", arg[0], arg[1],
				arg[2], (const char *)sqlite3_value_text(t_ns));
		sqlite3_result_error(c, msg, -1);
		free(msg);
	} else {
		sqlite3_result_double(c, sqlite3_column_double(s, 0));
	}
	sqlite3_reset(s);
}

static void at_call(sqlite3_context *c, int nr, sqlite3_value **values)
{
	struct expect_sql *q = sqlite3_user_data(c);
	const char *arg[AT_NAMES];

	(void)nr;
	if (!names_take(c, AT_NAMES, values, arg) || !runs_known(q, c, arg))
		return;
	if (q->db)
		at_sample(q, c, arg, values[AT_NAMES]);
	else
		sqlite3_result_double(c, 1);
}

/* --- the connection --- */

/* Some have the columns that say which run a row is of, some get them. */
static const struct {
	const char *name;
	bool named;
} views[] = {
	{"run_view", true},	     {"summary_view", true},
	{"sample_view", false},	     {"free_area_view", false},
	{"slab_view", false},	     {"cache_view", false},
	{"site_view", false},	     {"latency_view", false},
	{"lock_view", false},	     {"event_view", false},
	{"fidelity_view", false},    {"zone_view", false},
	{"zone_index_view", false},  {"compaction_score_view", false},
	{"vmstat_view", false},	     {"blame_view", false},
	{"blame_block_view", false}, {"compact_view", false},
	{"reclaim_view", false},     {"store_view", false},
	{"store_class_view", false},
};

static int failed(struct expect_sql *q, struct err *e)
{
	return q->db ? db_error(q->db, e) : err_set(e, "%s", sqlite3_errmsg(q->handle));
}

static int exec(struct expect_sql *q, const char *sql, struct err *e)
{
	return sqlite3_exec(q->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(q, e);
}

static int views_make(struct expect_sql *q, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(views) && !rc; i++) {
		char *sql =
			mem_print("CREATE TEMP VIEW %s AS SELECT v.*%s FROM temp.this_run t "
				  "CROSS JOIN main.%s v ON v.run_id = t.id",
				  views[i].name, views[i].named ? "" : ", t.load, t.label, t.seed",
				  views[i].name);

		rc = exec(q, sql, e);
		free(sql);
	}
	return rc;
}

/* Of runs that were repeated the last one counts. */
static int runs_fill(struct expect_sql *q, struct err *e)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(q->handle,
				    "INSERT INTO temp.this_run SELECT max(id), load, label, seed "
				    "FROM main.run WHERE load = ? AND label = ? AND seed = ? "
				    "GROUP BY load, label, seed",
				    -1, &s, NULL);

	for (const char **l = q->x->loads; *l && rc == SQLITE_OK; l++) {
		for (const char **k = q->x->stacks; *k && rc == SQLITE_OK; k++) {
			for (size_t i = 0; i < q->x->nr_seeds && rc == SQLITE_OK; i++) {
				sqlite3_bind_text(s, 1, *l, -1, SQLITE_STATIC);
				sqlite3_bind_text(s, 2, *k, -1, SQLITE_STATIC);
				sqlite3_bind_int64(s, 3, (s64)q->x->seeds[i]);
				sqlite3_step(s);
				rc = sqlite3_reset(s);
			}
		}
	}
	sqlite3_finalize(s);
	return rc == SQLITE_OK ? 0 : failed(q, e);
}

static int read_only(void *arg, int action, const char *a, const char *b, const char *schema,
		     const char *view)
{
	(void)arg, (void)a, (void)b, (void)schema, (void)view;
	return action == SQLITE_READ || action == SQLITE_SELECT || action == SQLITE_FUNCTION ||
			       action == SQLITE_RECURSIVE
		       ? SQLITE_OK
		       : SQLITE_DENY;
}

static int count_steps(void *arg)
{
	struct expect_sql *q = arg;

	q->steps_left -= min(q->steps_left, (u64)STEPS_COUNTED);
	return !q->steps_left;
}

static int functions_make(struct expect_sql *q, struct err *e)
{
	static const char of[] = "SELECT avg(value) FROM summary_view WHERE label = ? AND "
				 "load = ? AND metric = ? AND layer = ?";
	static const char at[] = "SELECT avg(value) FROM sample_view WHERE label = ? AND "
				 "load = ? AND metric = ? AND t_ns = ? AND layer = ''";

	if (sqlite3_create_function(q->handle, "of", -1, SQLITE_UTF8, q, of_call, NULL, NULL) ||
	    sqlite3_create_function(q->handle, "at", AT_NAMES + 1, SQLITE_UTF8, q, at_call, NULL,
				    NULL) ||
	    sqlite3_prepare_v2(q->handle, of, -1, &q->of, NULL) ||
	    sqlite3_prepare_v2(q->handle, at, -1, &q->at, NULL))
		return failed(q, e);
	sqlite3_set_authorizer(q->handle, read_only, NULL);
	sqlite3_limit(q->handle, SQLITE_LIMIT_LENGTH, TEXT_BYTES_MAX);
	sqlite3_progress_handler(q->handle, STEPS_COUNTED, count_steps, q);
	return 0;
}

static int open_handle(struct expect_sql *q, const char *db_path, struct err *e)
{
	if (db_path) {
		q->db = db_open(db_path, DB_READ, e);
		q->handle = q->db ? db_handle(q->db) : NULL;
		return q->db ? 0 : -1;
	}
	if (sqlite3_open(":memory:", &q->handle) != SQLITE_OK)
		return failed(q, e);
	return exec(q, schema_sql, e);
}

struct expect_sql *expect_sql_open(const struct expectations *x, const char *db_path, struct err *e)
{
	struct expect_sql *q = mem_alloc(1, sizeof(*q));

	q->x = x;
	if (!open_handle(q, db_path, e) &&
	    !exec(q, "CREATE TEMP TABLE this_run (id INTEGER PRIMARY KEY, load, label, seed)", e) &&
	    !runs_fill(q, e) && !views_make(q, e) && !functions_make(q, e))
		return q;
	expect_sql_close(q);
	return NULL;
}

void expect_sql_close(struct expect_sql *q)
{
	if (!q)
		return;
	sqlite3_finalize(q->of);
	sqlite3_finalize(q->at);
	if (q->db)
		db_close(q->db);
	else
		sqlite3_close(q->handle);
	free(q->culprit);
	free(q);
}

/* --- expressions --- */

/* Where in the expression: SQLite tells of its own errors, of() and at() which name
 * they do not know. */
static size_t error_offset(const struct expect_sql *q, const char *text)
{
	const char *at = q->culprit ? strstr(text, q->culprit) : NULL;
	int offset = sqlite3_error_offset(q->handle);
	size_t from = strlen(PREFIX);

	if (at)
		return (size_t)(at - text);
	return offset < (int)from ? 0 : min((size_t)offset - from, strlen(text));
}

static int expression_error(const struct expect_sql *q, const struct yaml_node *n, const char *text,
			    struct err *e)
{
	/* It would speak of temp.*, which nobody has asked for. */
	const char *msg = sqlite3_errmsg(q->handle);

	if (!q->steps_left)
		return yaml_error(n, e, "the expression does not come to an end");
	return yaml_error_at(n, error_offset(q, text), e, "%s",
			     strcmp(msg, "not authorized") ? msg : "an expression may only read");
}

static int value_read(const struct expect_sql *q, sqlite3_stmt *s, const struct yaml_node *n,
		      double *value, struct err *e)
{
	int type = sqlite3_column_type(s, 0);

	*value = type == SQLITE_NULL ? NAN : sqlite3_column_double(s, 0);
	if (type == SQLITE_TEXT || type == SQLITE_BLOB)
		return yaml_error(n, e, "the expression gives a text, not a number");
	if (type == SQLITE_NULL && q->db)
		return yaml_error(n, e,
				  "the expression gives nothing (NULL): no such row, or a division "
				  "by zero");
	if (isinf(*value) && q->db)
		return yaml_error(n, e, "the expression gives infinity");
	return 0;
}

static int evaluate(struct expect_sql *q, const struct yaml_node *n, const char *text,
		    const char *sql, double *value, struct err *e)
{
	const char *tail;
	sqlite3_stmt *s;
	int rc, step = SQLITE_DONE;

	if (sqlite3_prepare_v2(q->handle, sql, -1, &s, &tail) != SQLITE_OK)
		return expression_error(q, n, text, e);
	if (!*tail && sqlite3_column_count(s) == 1)
		step = sqlite3_step(s);
	if (step == SQLITE_DONE)
		rc = yaml_error(n, e, "one expression is wanted");
	else if (step != SQLITE_ROW)
		rc = expression_error(q, n, text, e);
	else
		rc = value_read(q, s, n, value, e);
	sqlite3_finalize(s);
	return rc;
}

int expect_sql_value(struct expect_sql *q, const struct yaml_node *expression, double *value,
		     struct err *e)
{
	const char *text = yaml_text(expression, e);
	char *sql;
	int rc;

	if (!text)
		return -1;
	if (!text[strspn(text, " \t\n")])
		return yaml_error(expression, e, "an expression is wanted");
	free(q->culprit);
	q->culprit = NULL;
	q->steps_left = q->db ? STEPS_MAX_JUDGE : STEPS_MAX_CHECK;
	sql = mem_print(PREFIX "%s\n)", text); /* a comment ends before the bracket */
	rc = evaluate(q, expression, text, sql, value, e);
	free(sql);
	return rc;
}
