/*
 * The tables behind the result views.
 */
#ifndef REPORTS_SCHEMA_H
#define REPORTS_SCHEMA_H

/* PRAGMA application_id: "kmem" in ASCII; tells our databases from other people's. */
#define SCHEMA_APPLICATION_ID 0x6b6d656d
/* PRAGMA user_version: grows when a view's meaning changes, not when the program does. */
#define SCHEMA_VERSION 1

/* Row ids of the per-run tables are run_id << SCHEMA_RUN_SHIFT | position (see schema.c). */
#define SCHEMA_RUN_SHIFT 32
/* In SQL: row x is one of run r. */
#define SCHEMA_X_OF_RUN "x.id BETWEEN r.id << 32 AND (r.id << 32) + 4294967295"

/* Creates every table and view in an empty database. */
extern const char schema_sql[];
/*
 * Adds what has come since the version was given; changes nothing where it is there. A reader must
 * not expect it of every database.
 */
extern const char schema_added_sql[];

#endif
