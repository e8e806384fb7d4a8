/*
 * The runs of a results database, and which of them belong beside each other.
 */
#include "reports/runs.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/suggest.h"

#define LABEL_SHOWN_MAX 48

static void run_release(struct run_info *r)
{
	char **const texts[] = {&r->label,	  &r->load,	  &r->stack,   &r->machine,
				&r->machine_yaml, &r->version,	  &r->status,  &r->digest,
				&r->input,	  &r->input_hash, &r->command, &r->started_at};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		free(*texts[i]);
}

static void run_read(struct run_info *r, sqlite3_stmt *s)
{
	char **const texts[] = {&r->label,	  &r->load,	  &r->stack,   &r->machine,
				&r->machine_yaml, &r->version,	  &r->status,  &r->digest,
				&r->input,	  &r->input_hash, &r->command, &r->started_at};
	s64 *const numbers[] = {&r->id, &r->seed, &r->nr_requests, &r->sim_ns, &r->wall_ns};
	int at = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		*texts[i] = mem_dup((const char *)sqlite3_column_text(s, at++));
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		*numbers[i] = sqlite3_column_int64(s, at++);
}

static const char runs_sql[] =
	"SELECT r.label, r.load, r.stack, m.name, m.yaml, r.version, r.status, r.digest, r.input,"
	" r.input_hash, r.command, r.started_at, r.id, r.seed, r.nr_requests, r.sim_ns, r.wall_ns"
	" FROM run r JOIN machine m ON m.id = r.machine WHERE ? OR r.id IN"
	" (SELECT max(id) FROM run GROUP BY label, load, seed) ORDER BY r.id";

int runs_load(struct db *db, struct run_list *list, bool all, struct err *e)
{
	sqlite3_stmt *s = db_prepare(db, runs_sql, e);
	int rc;

	memset(list, 0, sizeof(*list));
	if (!s)
		return -1;
	sqlite3_bind_int(s, 1, all);
	while ((rc = db_step(db, s, e)) > 0) {
		MEM_ROOM(list->runs, list->nr, list->room);
		run_read(&list->runs[list->nr++], s);
	}
	sqlite3_finalize(s);
	if (!rc && !list->nr)
		rc = err_set(e, "%s: empty: no run has been stored in it", db_path(db));
	if (rc)
		runs_free(list);
	return rc;
}

void runs_free(struct run_list *list)
{
	for (size_t i = 0; i < list->nr; i++)
		run_release(&list->runs[i]);
	free(list->runs);
	memset(list, 0, sizeof(*list));
}

int runs_print(struct db *db, FILE *f, enum out_format format, struct err *e)
{
	static const struct out_column cols[] = {
		{"run_id", OUT_INT},	  {"name", OUT_STR},	{"load", OUT_STR},
		{"seed", OUT_INT},	  {"status", OUT_STR},	{"digest", OUT_STR},
		{"nr_requests", OUT_INT}, {"sim_ns", OUT_INT},	{"machine", OUT_STR},
		{"version", OUT_STR},	  {"summary", OUT_STR}, {NULL, OUT_STR}};
	struct run_list list;
	struct out o;

	if (runs_load(db, &list, true, e))
		return -1;
	out_begin(&o, f, format, cols);
	for (size_t i = 0; i < list.nr; i++) {
		const struct run_info *r = &list.runs[i];

		out_int(&o, r->id);
		out_str(&o, r->label);
		out_str(&o, r->load);
		out_int(&o, r->seed);
		out_str(&o, r->status);
		out_str(&o, r->digest);
		out_int(&o, r->nr_requests);
		out_int(&o, r->sim_ns);
		out_str(&o, r->machine);
		out_str(&o, r->version);
		out_str(&o, r->stack);
		out_row_end(&o);
	}
	out_end(&o);
	runs_free(&list);
	return 0;
}

long name_set_find(const struct name_set *set, const char *name)
{
	for (size_t i = 0; i < set->nr; i++)
		if (!strcmp(set->names[i], name))
			return (long)i;
	return -1;
}

void name_set_add(struct name_set *set, const char *name)
{
	if (name_set_find(set, name) >= 0)
		return;
	set->names = mem_grow(set->names, set->nr + 2, sizeof(*set->names));
	set->names[set->nr++] = name;
	set->names[set->nr] = NULL;
}

void name_set_free(struct name_set *set)
{
	free(set->names);
	memset(set, 0, sizeof(*set));
}

void runs_labels(const struct run_list *list, struct name_set *set)
{
	for (size_t i = 0; i < list->nr; i++)
		name_set_add(set, list->runs[i].label);
}

void runs_loads(const struct run_list *list, struct name_set *set)
{
	for (size_t i = 0; i < list->nr; i++)
		name_set_add(set, list->runs[i].load);
}

int runs_need_label(struct db *db, const struct run_list *list, const char *label, struct err *e)
{
	struct name_set set = {0};
	const char *near;
	int rc = 0;

	runs_labels(list, &set);
	if (name_set_find(&set, label) < 0) {
		near = suggest_nearest(label, set.names);
		rc = near ? err_set(e, "%s: no run is labelled '%s': did you mean '%s'?",
				    db_path(db), label, near)
			  : err_set(e,
				    "%s: no run is labelled '%s'; there are %zu labels, the first "
				    "is '%s'",
				    db_path(db), label, set.nr, set.names[0]);
	}
	name_set_free(&set);
	return rc;
}

void label_short(const char *label, char *buf, size_t n)
{
	size_t used = 0, room = min(n - 1, (size_t)LABEL_SHOWN_MAX);
	const char *p = label;

	for (int depth = 0; *p && used < room; p++) {
		depth += *p == '(';
		if (!depth)
			buf[used++] = *p;
		depth -= *p == ')' && depth;
	}
	/* Cut between characters, never inside one. */
	if ((*p & 0xc0) == 0x80)
		while (used && (buf[--used] & 0xc0) == 0x80)
			;
	buf[used] = '\0';
}
