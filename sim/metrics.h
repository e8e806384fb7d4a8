/*
 * Exact definitions of what results say about free memory (Linux 6.1, mm/vmstat.c,
 * mm/compaction.c), in the kernel's integer arithmetic. The names of all metrics: sim/sink.h,
 * metrics[].
 */
#ifndef SIM_METRICS_H
#define SIM_METRICS_H

#include "alloc/kernel.h"
#include "sim/sink.h"

/* Free blocks by order: of a zone, or of several added up. */
struct free_blocks {
	u64 nr_free[SINK_NR_ORDERS];
};

u64 free_blocks_pages(const struct free_blocks *f);
/* Permille; -1000 if a block of order k exists, 0 if nothing is free. Towards 0 a request of order
 * k would fail for lack of memory, towards 1000 for fragmentation. */
int fragmentation_index(const struct free_blocks *f, int k);
/* Permille of free memory that is in blocks too small for order k; 1000 if nothing is free. */
int unusable_free_index(const struct free_blocks *f, int k);
/* Percent, as unusable_free_index, but 0 if nothing is free. */
int extfrag_for_order(const struct free_blocks *f, int k);
/* How many blocks of order k could be handed out right now, one after the other. */
u64 free_blocks_suitable(const struct free_blocks *f, int k);
/*
 * Fewest pages to move until `wanted` blocks are empty, of blocks that hold 0 to `size` pages:
 * nr[u] of them hold u. There are as many.
 */
u64 moves_bound(const u32 *nr, u64 size, u64 wanted);
/* Free huge pages (2 MiB) in percent of what the free memory could give at best; 0 if nothing is
 * free. */
double free_huge_percent(const struct free_blocks *f);
/* The mobility that counts most, the lower one of equals; -1: all are 0. */
int prevailing_migratetype(const u32 nr[MIGRATE_TYPES]);

#endif
