/*
 * What /proc/vmstat and /proc/zoneinfo know, for results.
 *
 * The one question everybody asks: *since when do the counters count?* Since time zero; if the load
 * has a warm-up, since its end. Gauges (nr_...) are of the instant.
 */
#ifndef SIM_VMSTAT_H
#define SIM_VMSTAT_H

#include "sim/replay.h"

/* Every line of /proc/vmstat that the machine has, in the kernel's order, gauges first. */
void vmstat_visit(struct replay *rp, void (*line)(void *arg, const char *name, u64 value),
		  void *arg);
/* Hands them to the run's sink. */
void vmstat_report(struct replay *rp, u64 t_ns);
/* Counting begins anew. */
void vmstat_restart(void);

/* Hands the machine's zones, with the marks that the source of pages keeps, to the run's sink. */
void zones_report(struct replay *rp);

#endif
