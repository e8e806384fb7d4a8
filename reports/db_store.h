/*
 * One run, complete, into the database: in one transaction.
 */
#ifndef REPORTS_DB_STORE_H
#define REPORTS_DB_STORE_H

#include "lib/err.h"
#include "reports/db.h"
#include "reports/rows.h"
#include "sim/sink.h"

/* The kinds of rows in `struct rows`; their words are the columns of the table, without the id. */
enum row_kind {
	ROW_SAMPLE,
	ROW_FREE_AREA,
	ROW_SLAB,
	ROW_CACHE,
	ROW_EVENT,
	ROW_SUMMARY,
	ROW_SITE,
	ROW_LATENCY,
	ROW_LOCK,
	ROW_BLOCK_MAP,
	ROW_FIDELITY,
	ROW_COMPACT,
	ROW_RECLAIM,
	ROW_BLOCK_MOVES,
	ROW_ZONE,
	ROW_VMSTAT,
	ROW_BLAME,
	ROW_BLAME_BLOCK,
	ROW_STORE,
	ROW_STORE_CLASS,
	NR_ROW_KINDS
};

/* What is known of a run at its beginning; owns its strings. */
struct run_head {
	char *label, *load, *stack, *machine, *input, *command;
	u64 input_hash, seed, sample_ns;
	char started_at[32];
};

/* Stores all or nothing. *run_id is set on success. */
int __must_check db_store(struct db *db, const struct run_head *run, struct rows *rows,
			  const struct sink_end *end, s64 *run_id, struct err *e);

#endif
