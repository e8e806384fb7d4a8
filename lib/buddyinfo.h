/*
 * /proc/buddyinfo and /proc/pagetypeinfo as Linux 6.1 prints them (mm/vmstat.c: frag_show_print,
 * pagetypeinfo_showfree_print, pagetypeinfo_showblockcount_print). One format for every writer:
 * sim/proc_files.c, which asks the simulated machine, and reports/proc_state.c, which puts
 * recorded zones beside simulated ones.
 *
 * Both go through the zones of each node; pagetypeinfo begins anew at each node.
 */
#ifndef LIB_BUDDYINFO_H
#define LIB_BUDDYINFO_H

#define PROC_ZONE "Node %d, zone %8s "
#define BUDDYINFO_FREE "%6llu " /* for each order, then a newline */

#define PAGETYPEINFO_HEAD "Page block order: %d\nPages per block:  %lu\n\n"
#define PAGETYPEINFO_FREE_HEAD "%-43s "
#define PAGETYPEINFO_FREE_TITLE "Free pages count per migrate type at order"
#define PAGETYPEINFO_ORDER "%6d " /* for each order, then a newline */
/* For each zone and type, with "%s%6llu " for each order: ">" stands before what is more. */
#define PAGETYPEINFO_TYPE "Node %4d, zone %8s, type %12s "
#define PAGETYPEINFO_FREE "%s%6llu "
#define PAGETYPEINFO_FREE_MAX 100000ULL /* the kernel stops counting a list there */
#define PAGETYPEINFO_BLOCKS_HEAD "\n%-23s"
#define PAGETYPEINFO_BLOCKS_TITLE "Number of blocks type "
#define PAGETYPEINFO_BLOCKS_TYPE "%12s " /* for each type, then a newline */
#define PAGETYPEINFO_BLOCKS "%12llu "	 /* after PROC_ZONE, for each type, then a newline */

#endif
