/*
 * /proc/slabinfo of a slabulator.
 */
#ifndef ALLOC_SLABINFO_H
#define ALLOC_SLABINFO_H

#include "alloc/slabulator.h"

/* Version 2.1, as Linux 6.1 prints it: a line for each physical cache, the youngest first. */
void slabulator_slabinfo(const struct slabulator *sl, struct text *t);

#endif
