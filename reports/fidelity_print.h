/*
 * Fidelity for people and for programs.
 */
#ifndef REPORTS_FIDELITY_PRINT_H
#define REPORTS_FIDELITY_PRINT_H

#include <stdio.h>

#include "reports/fidelity.h"

/* How one start of the simulator did: "warm" or "cold". */
struct fidelity_start {
	const char *name;
	const struct fidelity *f;
};

/* Scores of each start, then the worst caches and the free blocks of the first one. */
void fidelity_print_text(FILE *out, const struct fidelity_start *starts, size_t nr);
/* One object: the contract's keys for the first start; the other ones by their names. */
void fidelity_print_json(FILE *out, const struct fidelity_start *starts, size_t nr);

#endif
