/*
 * What /proc of a simulated machine said, as a folder: DIR/buddyinfo, pagetypeinfo, vmstat,
 * zoneinfo, slabinfo as they were at the end; DIR/snaps/NN-LABEL/ the same at time zero (00-start)
 * and at every snapshot of the recorded machine, laid out as recordings are.
 */
#ifndef CMD_PROC_WRITE_H
#define CMD_PROC_WRITE_H

#include "lib/err.h"
#include "reports/report_dir.h"
#include "sim/proc_files.h"

/* Before the run: is refused what could not be written after it. */
int __must_check proc_write_open(struct report_dir *d, const char *dir, struct err *e);
/* All of it or nothing; closes d. */
int __must_check proc_write(struct report_dir *d, const struct proc_files *p, struct err *e);

#endif
