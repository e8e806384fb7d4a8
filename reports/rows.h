/*
 * The rows of one run, kept in the order given until the run has ended: in memory, and beyond a
 * limit in an unnamed temporary file. Names are kept once, as numbers from 0.
 *
 * Why not into the database at once? Its write lock would be held as long as the run lasts, and no
 * second run, no compare and no report could use it meanwhile.
 */
#ifndef REPORTS_ROWS_H
#define REPORTS_ROWS_H

#include <stdio.h>

#include "lib/err.h"
#include "lib/types.h"

/* A row: which table, then one word for each value (numbers as they are, doubles by their bits). */
struct rows {
	u64 *buf;	   /* rows as [kind << 32 | words][words...] */
	size_t used, room; /* in words */
	FILE *spill;	   /* NULL until the first overflow */
	const char *dir;   /* where the spill file is made; the caller's */
	int sys_errno;	   /* of the first failed write; 0: none */

	char **names;
	u32 nr_names, names_room;
	u32 *slots; /* hash table: number of the name + 1; 0: empty */
	u32 nr_slots;
};

void rows_init(struct rows *r, const char *dir);
/* Back to empty; keeps its memory. */
void rows_clear(struct rows *r);
void rows_free(struct rows *r);

/* The number of a name; equal names have equal numbers. */
u32 rows_name(struct rows *r, const char *name);

/* Appends a row. A write that fails is remembered in sys_errno, and the row is lost. */
void rows_add(struct rows *r, u32 kind, const u64 *words, u32 nr_words);
/* As rows_add, with bytes at the end: how many, then the bytes, padded with NULs. */
void rows_add_bytes(struct rows *r, u32 kind, const u64 *words, u32 nr_words, const void *data,
		    size_t bytes);
void rows_add_text(struct rows *r, u32 kind, const u64 *words, u32 nr_words, const char *text);

/* Calls visit for each row in order until it returns nonzero, and returns that; -1 with e set if
 * the temporary file cannot be read or was not written. */
int rows_visit(struct rows *r, int (*visit)(void *arg, u32 kind, const u64 *words), void *arg,
	       struct err *e);

#endif
