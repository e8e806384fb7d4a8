/*
 * A results database: opened, checked, and asked.
 *
 * The one question everybody asks: *may several programs use it at once?* Yes: readers at any time
 * but the instant a run is stored; two writers wait for each other, up to DB_WAIT_MS.
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
	DB_WRITE, /* created if absent; removed again by db_close if no run was stored */
};

/*
 * NULL with e set: no such file, not a database, another program's or another version's database,
 * locked, read-only (DB_WRITE), disk full. A DB_WRITE that succeeds has seen the database writable.
 */
struct db *db_open(const char *path, enum db_mode mode, struct err *e);
/* How long to wait for another program's lock, instead of DB_WAIT_MS. */
void db_wait_set(struct db *db, int wait_ms);
void db_close(struct db *db);

const char *db_path(const struct db *db);
struct sqlite3 *db_handle(struct db *db);

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

/* Serializes the threads of this process that store runs through one handle. */
void db_lock(struct db *db);
void db_unlock(struct db *db);

#endif
