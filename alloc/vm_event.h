/*
 * What /proc/vmstat counts of the page level, with its names and in its order (Linux 6.1,
 * include/linux/vm_event_item.h and vmstat_text in mm/vmstat.c). Counted at the place where Linux
 * counts it, on whichever CPU: one counter each.
 */
#ifndef ALLOC_VM_EVENT_H
#define ALLOC_VM_EVENT_H

#include "lib/types.h"

/* clang-format off */
#define VM_EVENTS(X)                                                                               \
	X(WORKINGSET_REFAULT_FILE, "workingset_refault_file")                                      \
	X(WORKINGSET_ACTIVATE_FILE, "workingset_activate_file")                                    \
	X(PGALLOC_DMA, "pgalloc_dma") X(PGALLOC_DMA32, "pgalloc_dma32")                            \
	X(PGALLOC_NORMAL, "pgalloc_normal") X(PGALLOC_MOVABLE, "pgalloc_movable")                  \
	X(ALLOCSTALL_DMA, "allocstall_dma") X(ALLOCSTALL_DMA32, "allocstall_dma32")                \
	X(ALLOCSTALL_NORMAL, "allocstall_normal") X(ALLOCSTALL_MOVABLE, "allocstall_movable")      \
	X(PGFREE, "pgfree") X(PGACTIVATE, "pgactivate") X(PGDEACTIVATE, "pgdeactivate")            \
	X(PGREFILL, "pgrefill")                                                                    \
	X(PGSTEAL_KSWAPD, "pgsteal_kswapd") X(PGSTEAL_DIRECT, "pgsteal_direct")                    \
	X(PGSCAN_KSWAPD, "pgscan_kswapd") X(PGSCAN_DIRECT, "pgscan_direct")                        \
	X(SLABS_SCANNED, "slabs_scanned")                                                          \
	X(KSWAPD_LOW_WMARK_HIT_QUICKLY, "kswapd_low_wmark_hit_quickly")                            \
	X(KSWAPD_HIGH_WMARK_HIT_QUICKLY, "kswapd_high_wmark_hit_quickly")                          \
	X(PAGEOUTRUN, "pageoutrun") X(OOM_KILL, "oom_kill")                                        \
	X(PGMIGRATE_SUCCESS, "pgmigrate_success") X(PGMIGRATE_FAIL, "pgmigrate_fail")              \
	X(COMPACTMIGRATE_SCANNED, "compact_migrate_scanned")                                       \
	X(COMPACTFREE_SCANNED, "compact_free_scanned") X(COMPACTISOLATED, "compact_isolated")      \
	X(COMPACTSTALL, "compact_stall") X(COMPACTFAIL, "compact_fail")                            \
	X(COMPACTSUCCESS, "compact_success") X(KCOMPACTD_WAKE, "compact_daemon_wake")              \
	X(KCOMPACTD_MIGRATE_SCANNED, "compact_daemon_migrate_scanned")                             \
	X(KCOMPACTD_FREE_SCANNED, "compact_daemon_free_scanned")                                   \
	X(THP_FAULT_ALLOC, "thp_fault_alloc") X(THP_FAULT_FALLBACK, "thp_fault_fallback")
/* clang-format on */

#define VM_EVENT_ITEM(item, name) item,
enum vm_event_item { VM_EVENTS(VM_EVENT_ITEM) NR_VM_EVENT_ITEMS };
extern const char *const vm_event_names[NR_VM_EVENT_ITEMS];

#endif
