/*
 * One run, complete, into the database.
 *
 * Theory: every row is a kind and some words. One table says how each kind's words are bound to its
 * INSERT, so that keeping rows and storing them is the same code for all kinds.
 */
#include "reports/db_store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "reports/db_sink.h"
#include "reports/schema.h"
#include "reports/version.h"

/* Types: i integer, n name, d double, t text, b bytes (both last). ?1 is the row's id. */
static const struct row_table {
	const char *types;
	const char *insert;
} row_tables[NR_ROW_KINDS] = {
	[ROW_SAMPLE] = {"innd", "INSERT INTO sample VALUES (?,?,?,?,?)"},
	[ROW_FREE_AREA] = {"iinniiiiiiiiiii",
			   "INSERT INTO free_area VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"},
	[ROW_SLAB] = {"iniiiiiii", "INSERT INTO slab VALUES (?,?,?,?,?,?,?,?,?,?)"},
	[ROW_CACHE] = {"inniii", "INSERT INTO cache VALUES (?,?,?,?,?,?,?)"},
	[ROW_EVENT] = {"iint", "INSERT INTO event VALUES (?,?,?,?,?)"},
	[ROW_SUMMARY] = {"nnnnd", "INSERT INTO summary VALUES (?,?,?,?,?,?)"},
	[ROW_SITE] = {"nniiiiiii", "INSERT INTO site VALUES (?,?,?,?,?,?,?,?,?,?)"},
	[ROW_LATENCY] = {"nniiiiii", "INSERT INTO latency VALUES (?,?,?,?,?,?,?,?,?)"},
	[ROW_LOCK] = {"niiii", "INSERT INTO lock VALUES (?,?,?,?,?,?)"},
	[ROW_BLOCK_MAP] = {"iiniiib", "INSERT INTO block_map VALUES (?,?,?,?,?,?,?,?)"},
	[ROW_COMPACT] = {"iinniniiiiiii",
			 "INSERT INTO compact VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"},
	[ROW_RECLAIM] = {"iiiniiiii", "INSERT INTO reclaim VALUES (?,?,?,?,?,?,?,?,?,?)"},
	[ROW_BLOCK_MOVES] = {"iiniiib", "INSERT INTO block_moves VALUES (?,?,?,?,?,?,?,?)"},
	[ROW_FIDELITY] = {"innniii", "INSERT INTO fidelity VALUES (?,?,?,?,?,?,?,?)"},
	[ROW_ZONE] = {"iniiiiiii", "INSERT INTO zone VALUES (?,?,?,?,?,?,?,?,?,?)"},
	[ROW_VMSTAT] = {"ini", "INSERT INTO vmstat VALUES (?,?,?,?)"},
	[ROW_BLAME] = {"nndiiddii", "INSERT INTO blame VALUES (?,?,?,?,?,?,?,?,?,?)"},
	[ROW_BLAME_BLOCK] = {"iniiiinnii",
			     "INSERT INTO blame_block VALUES (?,?,?,?,?,?,?,?,?,?,?)"},
	[ROW_STORE] =
		{"iiiiiiiiiiiiiiiiiiiiiiii",
		 "INSERT INTO store VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"},
	[ROW_STORE_CLASS] = {"iiiiiiiiii",
			     "INSERT INTO store_class VALUES (?,?,?,?,?,?,?,?,?,?,?)"},
};

struct store {
	struct db *db;
	const struct run_head *run;
	struct rows *rows;
	s64 run_id, next_row;
	s64 *name_ids; /* row ids in `string` by number of the name */
	sqlite3_stmt *insert[NR_ROW_KINDS];
	struct err *err;
};

static double bits_double(u64 bits)
{
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

/* The row id of a text in a table of (id, KEY); adds it if it is new. */
static s64 name_id(struct store *w, sqlite3_stmt *find, sqlite3_stmt *add, const char *name)
{
	s64 id = -1;
	int rc;

	sqlite3_bind_text(find, 1, name, -1, SQLITE_STATIC);
	rc = db_step(w->db, find, w->err);
	if (rc > 0)
		id = sqlite3_column_int64(find, 0);
	sqlite3_reset(find);
	if (rc)
		return id;
	sqlite3_bind_text(add, 1, name, -1, SQLITE_STATIC);
	if (!db_step(w->db, add, w->err))
		id = sqlite3_last_insert_rowid(db_handle(w->db));
	sqlite3_reset(add);
	return id;
}

static int store_names(struct store *w)
{
	sqlite3_stmt *find = NULL, *add = NULL;
	int rc = -1;

	w->name_ids = mem_grow(w->name_ids, w->rows->nr_names, sizeof(*w->name_ids));
	find = db_prepare(w->db, "SELECT id FROM string WHERE text = ?", w->err);
	add = find ? db_prepare(w->db, "INSERT INTO string (text) VALUES (?)", w->err) : NULL;
	if (!add)
		goto out;
	for (u32 i = 0; i < w->rows->nr_names; i++) {
		w->name_ids[i] = name_id(w, find, add, w->rows->names[i]);
		if (w->name_ids[i] < 0)
			goto out;
	}
	rc = 0;
out:
	sqlite3_finalize(find);
	sqlite3_finalize(add);
	return rc;
}

/* "2node" of a machine's canonical YAML; the whole text if it names none. The caller frees. */
static char *machine_name(const char *yaml)
{
	const char *at = strncmp(yaml, "name: ", 6) ? strstr(yaml, "\nname: ") : yaml;
	char *name;

	if (!at)
		return mem_dup(yaml);
	at = strchr(at, ' ') + 1;
	name = mem_dup(at);
	name[strcspn(name, "\n")] = '\0';
	return name;
}

/* Adds the machine; two different ones of one name become "name" and "name#2". */
static s64 machine_add(struct store *w)
{
	sqlite3_stmt *s =
		db_prepare(w->db,
			   "INSERT INTO machine (name, yaml) SELECT CASE count(*) WHEN 0 "
			   "THEN ?1 ELSE ?1 || '#' || (count(*) + 1) END, ?2 FROM machine "
			   "WHERE name = ?1 OR name GLOB ?1 || '#*'",
			   w->err);
	char *name = machine_name(w->run->machine);
	s64 id = -1;

	if (s) {
		sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
		sqlite3_bind_text(s, 2, w->run->machine, -1, SQLITE_STATIC);
		if (!db_step(w->db, s, w->err))
			id = sqlite3_last_insert_rowid(db_handle(w->db));
	}
	sqlite3_finalize(s);
	free(name);
	return id;
}

static s64 machine_id(struct store *w)
{
	sqlite3_stmt *s = db_prepare(w->db, "SELECT id FROM machine WHERE yaml = ?", w->err);
	s64 id = -1;
	int rc;

	if (!s)
		return -1;
	sqlite3_bind_text(s, 1, w->run->machine, -1, SQLITE_STATIC);
	rc = db_step(w->db, s, w->err);
	if (rc > 0)
		id = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return rc ? id : machine_add(w);
}

static void bind_run(struct store *w, sqlite3_stmt *s, const struct sink_end *end, s64 machine)
{
	const char *const texts[] = {w->run->label,   w->run->load,    w->run->stack,
				     w->run->input,   w->run->command, w->run->started_at,
				     KMEMSIM_VERSION, end->status};
	const s64 numbers[] = {machine, (s64)w->run->seed, (s64)end->nr_requests, (s64)end->sim_ns,
			       (s64)end->wall_ns};
	char hex[32];
	int at = 1;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		sqlite3_bind_text(s, at++, texts[i], -1, SQLITE_STATIC);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		sqlite3_bind_int64(s, at++, numbers[i]);
	snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)end->digest);
	sqlite3_bind_text(s, at++, hex, -1, SQLITE_TRANSIENT);
	snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)w->run->input_hash);
	sqlite3_bind_text(s, at++, hex, -1, SQLITE_TRANSIENT);
}

static int store_run(struct store *w, const struct sink_end *end)
{
	s64 machine = machine_id(w);
	sqlite3_stmt *s;
	int rc;

	if (machine < 0)
		return -1;
	s = db_prepare(w->db,
		       "INSERT INTO run (label, load, stack, input, command, started_at, version, "
		       "status, machine, seed, nr_requests, sim_ns, wall_ns, digest, input_hash) "
		       "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		       w->err);
	if (!s)
		return -1;
	bind_run(w, s, end, machine);
	rc = db_step(w->db, s, w->err);
	sqlite3_finalize(s);
	w->run_id = sqlite3_last_insert_rowid(db_handle(w->db));
	w->next_row = w->run_id << SCHEMA_RUN_SHIFT;
	return rc;
}

static int store_sampling(struct store *w)
{
	sqlite3_stmt *s = db_prepare(w->db, "INSERT OR REPLACE INTO sampling VALUES (?,?)", w->err);
	int rc;

	if (!s)
		return -1;
	sqlite3_bind_int64(s, 1, w->run_id);
	sqlite3_bind_int64(s, 2, (s64)w->run->sample_ns);
	rc = db_step(w->db, s, w->err);
	sqlite3_finalize(s);
	return rc;
}

static int store_row(void *arg, u32 kind, const u64 *words)
{
	struct store *w = arg;
	sqlite3_stmt *s = w->insert[kind];
	const char *type = row_tables[kind].types;
	int rc;

	sqlite3_bind_int64(s, 1, w->next_row++);
	for (int i = 0; type[i]; i++) {
		if (type[i] == 'i')
			sqlite3_bind_int64(s, i + 2, (s64)words[i]);
		else if (type[i] == 'n')
			sqlite3_bind_int64(s, i + 2, w->name_ids[words[i]]);
		else if (type[i] == 'd')
			sqlite3_bind_double(s, i + 2, bits_double(words[i]));
		else if (type[i] == 'b')
			sqlite3_bind_blob(s, i + 2, words + i + 1, (int)words[i], SQLITE_STATIC);
		else
			sqlite3_bind_text(s, i + 2, (const char *)(words + i + 1), (int)words[i],
					  SQLITE_STATIC);
	}
	rc = sqlite3_step(s) == SQLITE_DONE ? 0 : db_error(w->db, w->err);
	sqlite3_reset(s);
	return rc;
}

static int store_rows(struct store *w)
{
	int rc = 0;

	for (int i = 0; i < NR_ROW_KINDS && !rc; i++) {
		w->insert[i] = db_prepare(w->db, row_tables[i].insert, w->err);
		rc = w->insert[i] ? 0 : -1;
	}
	if (!rc)
		rc = rows_visit(w->rows, store_row, w, w->err);
	for (int i = 0; i < NR_ROW_KINDS; i++) {
		sqlite3_finalize(w->insert[i]);
		w->insert[i] = NULL;
	}
	return rc;
}

int db_store(struct db *db, const struct run_head *run, struct rows *rows,
	     const struct sink_end *end, s64 *run_id, struct err *e)
{
	struct store w = {.db = db, .run = run, .rows = rows, .err = e};
	bool stored;
	int rc;

	if (db_write_begin(db, e))
		return -1;
	stored = !store_run(&w, end) && !store_sampling(&w) && !store_names(&w) && !store_rows(&w);
	rc = db_write_end(db, stored, e);
	if (!rc)
		*run_id = w.run_id;
	free(w.name_ids);
	return rc;
}

/* A run that does not say how it was sampled is none that is known for sure. */
static const char has_run_sql[] =
	"SELECT 1 FROM run r JOIN machine m ON m.id = r.machine JOIN sampling s ON s.run = r.id "
	"WHERE r.id = (SELECT max(id) FROM run WHERE label = ?1 AND load = ?2 AND seed = ?6) AND "
	"stack = ?3 AND yaml = ?4 AND version = ?5 AND input_hash = ?7 AND sample_ns = ?8 AND "
	"status IN ('ok', 'oom')";

static int has_run(struct db *db, const struct sink_run *run, struct err *e)
{
	const char *const texts[] = {run->label, run->load, run->stack, run->machine,
				     KMEMSIM_VERSION};
	sqlite3_stmt *s = db_prepare(db, has_run_sql, e);
	char hex[32];
	int rc;

	if (!s)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		sqlite3_bind_text(s, (int)i + 1, texts[i], -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 6, (s64)run->seed);
	snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)run->input_hash);
	sqlite3_bind_text(s, 7, hex, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(s, 8, (s64)run->sample_ns);
	rc = db_step(db, s, e);
	sqlite3_finalize(s);
	return rc;
}

int db_has_run(struct db *db, const struct sink_run *run, struct err *e)
{
	bool empty;
	s64 known;

	if (db_is_empty(db, &empty, e))
		return -1;
	if (empty)
		return 0;
	if (db_number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'sampling'", &known, e))
		return -1;
	return known ? has_run(db, run, e) : 0;
}
