/*
 * Fidelity of a store of compressed pages: what zram's mm_stat said while it was recorded, and what
 * the simulated store says at the same place of the load.
 *
 * store_error is the largest error of any reading: "within 5 % at every reading" is
 * 'store_error>0.05' not being true. The score of doing nothing is that of a store that keeps what
 * the first reading said.
 */
#ifndef REPORTS_FIDELITY_STORE_H
#define REPORTS_FIDELITY_STORE_H

#include <stdio.h>

#include "reports/fidelity.h"
#include "sim/sink.h"

/* Adds a reading: its label, and the text of its mark; both are copied. */
struct fidelity_store *fidelity_store_add(struct fidelity *f, const char *label, const char *mark);
/* The next reading whose mark has that text; NULL: none has. */
struct fidelity_store *fidelity_store_find(struct fidelity *f, const char *mark);
/* The simulated store, at the reading's mark. */
void fidelity_store_take(struct fidelity_store *r, const struct sink_store *store);
/* Errors of the readings, and the two scores. */
void fidelity_store_compute(struct fidelity *f);

/* One line, under those of the snapshots; the readings. */
void fidelity_print_store_score(FILE *out, const struct fidelity *f);
void fidelity_print_store(FILE *out, const struct fidelity *f);
/* The member "store", with a comma behind it; nothing where there are no readings. */
void fidelity_json_store(FILE *out, const struct fidelity *f);

#endif
