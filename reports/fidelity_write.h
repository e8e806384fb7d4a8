/*
 * Both machines as files: DIR/recorded and DIR/simulated with slabinfo, buddyinfo and pagetypeinfo
 * of each snapshot, in the kernel's format, caches by name. For diff, and for every tool that reads
 * such files.
 */
#ifndef REPORTS_FIDELITY_WRITE_H
#define REPORTS_FIDELITY_WRITE_H

#include "lib/err.h"
#include "reports/fidelity.h"

/* DIR appears whole or not at all. An existing one must be empty or of this kind. */
int __must_check fidelity_write(const struct fidelity *f, const char *dir, struct err *e);

/* Would DIR be refused because of what is there? */
int __must_check fidelity_write_check(const char *dir, struct err *e);

#endif
