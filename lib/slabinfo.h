/*
 * /proc/slabinfo, version 2.1, as Linux 6.1 prints it for SLUB (mm/slab_common.c), where nothing is
 * tunable. One format for every writer: alloc/slabinfo.c, which the simulated kernel asks, and
 * reports/proc_state.c, which puts recorded caches beside simulated ones.
 */
#ifndef LIB_SLABINFO_H
#define LIB_SLABINFO_H

#define SLABINFO_HEAD                                                                              \
	"slabinfo - version: 2.1\n"                                                                \
	"# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"         \
	" : tunables <limit> <batchcount> <sharedfactor>"                                          \
	" : slabdata <active_slabs> <num_slabs> <sharedavail>\n"

/* char * name, then unsigned long long in the order of the head, without what is tunable. */
#define SLABINFO_LINE                                                                              \
	"%-17s %6llu %6llu %6llu %4llu %4llu : tunables    0    0    0"                            \
	" : slabdata %6llu %6llu      0\n"

#endif
