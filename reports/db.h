/*
 * A results database: opened, checked, and asked.
 *
 * The one question everybody asks: *may several programs use it at once?* Yes: readers at any time
 * but the instant a run is stored; two writers wait for each other, up to DB_WAIT_MS. A process
 * must not use what another one opened, its own child included: DB_LATER opens nothing before its
 * time.
 */
#ifndef REPORTS_DB_H
#define REPORTS_DB_H

#include "lib/err.h"
#include "lib/types.h"

#define DB_WAIT_MS 5000

struct db;
struct sqlite3;
struct sqlite3_stmt;

enum db_mode {
	DB_READ,  /* must exist */
	DB_WRITE, /* created if absent: the file appears with its first run */
	DB_LATER, /* the same, not looked at before the first run is stored: somebody just has */
};

/*
 * NULL with e set: no such file, not a database, another program's or another version's database,
 * locked, read-only (DB_WRITE). A DB_WRITE that succeeds has seen the database writable, or, if it
 * is still to come, its folder.
 */
struct db *db_open(const char *path, enum db_mode mode, struct err *e);
/* How long to wait for another program's lock, instead of DB_WAIT_MS. */
void db_wait_set(struct db *db, int wait_ms);
void db_close(struct db *db);

const char *db_path(const struct db *db);
/* NULL before the first run of a new database. */
struct sqlite3 *db_handle(struct db *db);

/*
 * Around what stores a run, in one transaction: the file that stands at the path, made now if there
 * is none (it was never there, or somebody has removed it), with its tables. If begin fails there
 * is nothing to end; an end that does not keep, or cannot, returns -1. What fails leaves the file
 * as it was, and no new one that nobody else has open.
 */
int __must_check db_write_begin(struct db *db, struct err *e);
int __must_check db_write_end(struct db *db, bool keep, struct err *e);
/* Has no run been stored in it yet, so that it has no tables to ask? */
int __must_check db_is_empty(struct db *db, bool *empty, struct err *e);

/* Sets e from the last SQLite error: "PATH: what is wrong, in the user's words"; returns -1. */
int db_error(struct db *db, struct err *e);
/* Statements without results. */
int __must_check db_exec(struct db *db, const char *sql, struct err *e);
/* NULL with e set. The caller finalizes. */
struct sqlite3_stmt *db_prepare(struct db *db, const char *sql, struct err *e);
/* 1: there is a row; 0: no more; -1: e is set. */
int __must_check db_step(struct db *db, struct sqlite3_stmt *s, struct err *e);
/* One number; -1 with e set if there is none. */
int __must_check db_number(struct db *db, const char *sql, s64 *value, struct err *e);

/* Has it a table or view of that name? Older databases lack some until a run is stored again. */
int __must_check db_has(struct db *db, const char *name, bool *has, struct err *e);
/*
 * What a table or view says of one run, the only parameter of `sql`. NULL with rc 0 if the database
 * has none of that name, with rc -1 and e set if it cannot be asked. The caller finalizes.
 */
struct sqlite3_stmt *db_rows_of(struct db *db, const char *name, const char *sql, s64 run_id,
				int *rc, struct err *e);
/* The same, row after row. */
int __must_check db_each_row(struct db *db, const char *name, const char *sql, s64 run_id,
			     void (*take)(void *arg, struct sqlite3_stmt *row), void *arg,
			     struct err *e);

/* Serializes the threads of this process that store runs through one handle. */
void db_lock(struct db *db);
void db_unlock(struct db *db);

#endif
