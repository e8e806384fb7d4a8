/*
 * Fidelity beside the scores: pageblocks by type, and what was counted between snapshots.
 */
#ifndef REPORTS_FIDELITY_COUNTS_H
#define REPORTS_FIDELITY_COUNTS_H

#include <stdio.h>

#include "reports/fidelity.h"

/* Both sides are known at this snapshot and at the one before. */
bool fidelity_counted(const struct fidelity *f, size_t i);

void fidelity_print_types(FILE *out, const struct fidelity *f);
void fidelity_print_counts(FILE *out, const struct fidelity *f);

/* Members of the i-th snapshot, each with a comma behind it. */
void fidelity_json_types(FILE *out, const struct fidelity *f, size_t i);
void fidelity_json_counts(FILE *out, const struct fidelity *f, size_t i);

#endif
