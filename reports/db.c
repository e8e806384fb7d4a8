/*
 * A results database: opened, checked, and asked.
 */
#define _GNU_SOURCE /* AT_EACCESS */
#include "reports/db.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/mem.h"
#include "reports/schema.h"

struct db {
	sqlite3 *handle; /* NULL: there is no file yet; it appears with its first run */
	char *path;
	bool created; /* the file is ours, and no run is in it yet */
	int wait_ms;
	pthread_mutex_t mutex;
};

const char *db_path(const struct db *db)
{
	return db->path;
}

struct sqlite3 *db_handle(struct db *db)
{
	return db->handle;
}

void db_lock(struct db *db)
{
	pthread_mutex_lock(&db->mutex);
}

void db_unlock(struct db *db)
{
	pthread_mutex_unlock(&db->mutex);
}

void db_wait_set(struct db *db, int wait_ms)
{
	db->wait_ms = wait_ms;
	if (db->handle)
		sqlite3_busy_timeout(db->handle, wait_ms);
}

/* SQLite keeps the system's reason of few failures only. */
static int io_error(struct db *db, struct err *e)
{
	if (sqlite3_extended_errcode(db->handle) == SQLITE_IOERR_WRITE)
		return err_set(
			e,
			"%s: cannot write (disk, quota or file size limit?): nothing of this "
			"run is stored",
			db->path);
	return err_set(e, "%s: cannot read or write: %s", db->path, sqlite3_errmsg(db->handle));
}

int db_error(struct db *db, struct err *e)
{
	switch (sqlite3_errcode(db->handle) & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(e,
			       "%s: locked by another program; close that program or name another "
			       "database",
			       db->path);
	case SQLITE_NOTADB:
		return err_set(e, "%s: not a results database (not an SQLite file)", db->path);
	case SQLITE_CORRUPT:
		return err_set(e, "%s: damaged: %s", db->path, sqlite3_errmsg(db->handle));
	case SQLITE_READONLY:
		return err_set(e, "%s: read-only%s: results cannot be stored in it", db->path,
			       sqlite3_extended_errcode(db->handle) == SQLITE_READONLY_DIRECTORY
				       ? " (its folder is)"
				       : "");
	case SQLITE_FULL:
		return err_set(e, "%s: disk full: nothing of this run is stored", db->path);
	case SQLITE_CANTOPEN:
		return err_set(e, "%s: cannot open: %s", db->path,
			       strerror(sqlite3_system_errno(db->handle)));
	case SQLITE_IOERR:
		return io_error(db, e);
	default:
		return err_set(e, "%s: %s", db->path, sqlite3_errmsg(db->handle));
	}
}

int db_exec(struct db *db, const char *sql, struct err *e)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_error(db, e);
}

struct sqlite3_stmt *db_prepare(struct db *db, const char *sql, struct err *e)
{
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(db->handle, sql, -1, &s, NULL) != SQLITE_OK)
		db_error(db, e);
	return s;
}

int db_step(struct db *db, struct sqlite3_stmt *s, struct err *e)
{
	switch (sqlite3_step(s)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return db_error(db, e);
	}
}

int db_number(struct db *db, const char *sql, s64 *value, struct err *e)
{
	sqlite3_stmt *s = db_prepare(db, sql, e);
	int rc = -1;

	if (!s)
		return -1;
	rc = db_step(db, s, e);
	if (rc > 0)
		*value = sqlite3_column_int64(s, 0);
	else if (!rc)
		err_set(e, "%s: damaged: no answer to '%s'", db->path, sql);
	sqlite3_finalize(s);
	return rc > 0 ? 0 : -1;
}

int db_has(struct db *db, const char *name, bool *has, struct err *e)
{
	sqlite3_stmt *s = db_prepare(db, "SELECT 1 FROM sqlite_schema WHERE name = ?", e);
	int rc;

	if (!s)
		return -1;
	sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	rc = db_step(db, s, e);
	*has = rc > 0;
	sqlite3_finalize(s);
	return rc < 0 ? -1 : 0;
}

sqlite3_stmt *db_rows_of(struct db *db, const char *name, const char *sql, s64 run_id, int *rc,
			 struct err *e)
{
	sqlite3_stmt *row;
	bool known;

	*rc = db_has(db, name, &known, e);
	if (*rc || !known)
		return NULL;
	row = db_prepare(db, sql, e);
	if (row)
		sqlite3_bind_int64(row, 1, run_id);
	else
		*rc = -1;
	return row;
}

int db_each_row(struct db *db, const char *name, const char *sql, s64 run_id,
		void (*take)(void *arg, sqlite3_stmt *row), void *arg, struct err *e)
{
	int rc;
	sqlite3_stmt *row = db_rows_of(db, name, sql, run_id, &rc, e);

	if (!row)
		return rc;
	while ((rc = db_step(db, row, e)) > 0)
		take(arg, row);
	sqlite3_finalize(row);
	return rc;
}

static int pragmas_set(struct db *db, struct err *e)
{
	char pragmas[128];

	snprintf(pragmas, sizeof(pragmas), "PRAGMA application_id = %d; PRAGMA user_version = %d;",
		 SCHEMA_APPLICATION_ID, SCHEMA_VERSION);
	return db_exec(db, pragmas, e);
}

static int schema_create(struct db *db, bool empty, struct err *e)
{
	if (!empty)
		return db_exec(db, schema_added_sql, e);
	return db_exec(db, schema_sql, e) || pragmas_set(db, e) ? -1 : 0;
}

/* Whose database is it? A new one, with no table at all, is nobody's yet. */
static int schema_check(struct db *db, bool *empty, struct err *e)
{
	s64 id, version, tables;

	if (db_number(db, "PRAGMA application_id", &id, e) ||
	    db_number(db, "PRAGMA user_version", &version, e) ||
	    db_number(db, "SELECT count(*) FROM sqlite_schema", &tables, e))
		return -1;
	*empty = !id && !version && !tables;
	if (*empty)
		return 0;
	if (id != SCHEMA_APPLICATION_ID)
		return err_set(e, "%s: an SQLite database, but not a kmemsim results database",
			       db->path);
	if (version != SCHEMA_VERSION)
		return err_set(e,
			       "%s: results of version %lld, this kmemsim reads and writes version "
			       "%d; name another database",
			       db->path, (long long)version, SCHEMA_VERSION);
	return 0;
}

static void handle_close(struct db *db)
{
	sqlite3_close(db->handle);
	db->handle = NULL;
	db->created = false;
}

static int handle_open(struct db *db, int flags, struct err *e)
{
	bool created = flags & SQLITE_OPEN_CREATE && access(db->path, F_OK);

	if (sqlite3_open_v2(db->path, &db->handle, flags, NULL) != SQLITE_OK) {
		db_error(db, e);
		handle_close(db);
		return -1;
	}
	db->created = created;
	sqlite3_busy_timeout(db->handle, db->wait_ms);
	return 0;
}

/* Has somebody removed or replaced the file since it was opened? What is stored in it is lost. */
static bool file_gone(struct db *db)
{
	int gone = 0;

	sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_HAS_MOVED, &gone);
	return gone;
}

/*
 * A file that we made and that holds no run is only in the user's way. Others may have it open
 * already: it goes under a lock that none of them has, and each looks, under its own lock and
 * before it stores a run, whether the file is still there.
 */
static void discard(struct db *db)
{
	struct err e;
	s64 tables;

	sqlite3_busy_timeout(db->handle, 0);
	if (!db_exec(db, "BEGIN EXCLUSIVE", &e) && !file_gone(db) &&
	    !db_number(db, "SELECT count(*) FROM sqlite_schema", &tables, &e) && !tables)
		unlink(sqlite3_db_filename(db->handle, "main"));
	handle_close(db);
}

static void take_back(struct db *db)
{
	sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	if (db->created)
		discard(db);
}

/* The file that stands at the path, locked. */
static int lock_file(struct db *db, struct err *e)
{
	for (;;) {
		if (!db->handle && handle_open(db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, e))
			return -1;
		if (db_exec(db, "BEGIN IMMEDIATE", e) && !file_gone(db))
			return -1;
		if (!file_gone(db))
			return 0;
		handle_close(db);
	}
}

int db_write_begin(struct db *db, struct err *e)
{
	bool empty;

	if (!lock_file(db, e) && !schema_check(db, &empty, e) && !schema_create(db, empty, e))
		return 0;
	if (db->handle)
		take_back(db);
	return -1;
}

int db_write_end(struct db *db, bool keep, struct err *e)
{
	if (keep && !db_exec(db, "COMMIT", e)) {
		db->created = false;
		return 0;
	}
	take_back(db);
	return -1;
}

int db_is_empty(struct db *db, bool *empty, struct err *e)
{
	*empty = !db->handle && access(db->path, F_OK);
	if (*empty)
		return 0;
	if (!db->handle && handle_open(db, SQLITE_OPEN_READWRITE, e))
		return -1;
	return schema_check(db, empty, e);
}

/*
 * A transaction shows that nobody else writes. A write that is taken back, as only that finds a
 * folder in which SQLite may not put its journal; and finds it now, not at the end of a long run.
 */
static int prepare_write(struct db *db, struct err *e)
{
	bool empty;
	int rc;

	if (db_exec(db, "BEGIN IMMEDIATE", e))
		return -1;
	rc = schema_check(db, &empty, e) || pragmas_set(db, e) ? -1 : 0;
	sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

static int prepare_read(struct db *db, struct err *e)
{
	bool empty;

	if (schema_check(db, &empty, e))
		return -1;
	return empty ? err_set(e, "%s: empty: no run has been stored in it", db->path) : 0;
}

/* Can a file be made there, at the end of the run? */
static int folder_check(const char *path, struct err *e)
{
	char *dir = file_dir(path);
	int rc = faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS);

	if (rc)
		err_set(e, "%s: cannot create: %s", path, strerror(errno));
	free(dir);
	return rc;
}

/*
 * SQLite would open a directory and only fail later, with less to say; "" and ":memory:" are none.
 */
static int path_check(const char *path, enum db_mode mode, bool *exists, struct err *e)
{
	struct stat st;

	*exists = !stat(path, &st);
	if (!*exists && (mode == DB_READ || errno != ENOENT))
		return err_set(e, "%s: cannot open: %s", path, strerror(errno));
	if ((*exists && !S_ISREG(st.st_mode)) || !*path || *path == ':')
		return err_set(e, "%s: not a file: results are stored in a file",
			       *path ? path : "''");
	return *exists ? 0 : folder_check(path, e);
}

static int open_existing(struct db *db, enum db_mode mode, struct err *e)
{
	if (handle_open(db, mode == DB_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE, e))
		return -1;
	if (mode == DB_READ)
		return prepare_read(db, e);
	if (sqlite3_db_readonly(db->handle, "main") == 1)
		return err_set(e, "%s: read-only: results cannot be stored in it", db->path);
	return prepare_write(db, e);
}

struct db *db_open(const char *path, enum db_mode mode, struct err *e)
{
	struct db *db;
	bool exists = false;

	if (mode != DB_LATER && path_check(path, mode, &exists, e))
		return NULL;
	db = mem_alloc(1, sizeof(*db));
	db->path = mem_dup(path);
	db->wait_ms = DB_WAIT_MS;
	pthread_mutex_init(&db->mutex, NULL);
	if (!exists || !open_existing(db, mode, e))
		return db;
	db_close(db);
	return NULL;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	sqlite3_close(db->handle);
	pthread_mutex_destroy(&db->mutex);
	free(db->path);
	free(db);
}
