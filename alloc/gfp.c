/*
 * Allocation flags: their names.
 *
 * Theory: one list makes both tables, so that no name stands beside another's number.
 *
 * Invariant: single flags begin with an underscore, combinations do not.
 *
 * Unlike Linux: flags that mean nothing to any allocator here (tags of memory, lockdep) have no
 * name; in a recording their bits stay what they are.
 */
#include "alloc/gfp.h"

#include <stddef.h>

/* clang-format off */
#define GFP_FLAGS(X)                                                                               \
	X(__GFP_DMA) X(__GFP_HIGHMEM) X(__GFP_DMA32) X(__GFP_MOVABLE) X(__GFP_RECLAIMABLE)         \
	X(__GFP_HIGH) X(__GFP_IO) X(__GFP_FS) X(__GFP_ZERO) X(__GFP_ATOMIC)                        \
	X(__GFP_DIRECT_RECLAIM) X(__GFP_KSWAPD_RECLAIM) X(__GFP_WRITE) X(__GFP_NOWARN)             \
	X(__GFP_RETRY_MAYFAIL) X(__GFP_NOFAIL) X(__GFP_NORETRY) X(__GFP_MEMALLOC)                  \
	X(__GFP_COMP) X(__GFP_NOMEMALLOC) X(__GFP_HARDWALL) X(__GFP_THISNODE) X(__GFP_ACCOUNT)     \
	X(GFP_KERNEL) X(GFP_ATOMIC) X(GFP_NOWAIT) X(GFP_NOIO) X(GFP_NOFS) X(GFP_USER)              \
	X(GFP_DMA) X(GFP_DMA32) X(GFP_HIGHUSER) X(GFP_HIGHUSER_MOVABLE) X(GFP_TRANSHUGE)           \
	X(GFP_TRANSHUGE_LIGHT) X(GFP_KERNEL_ACCOUNT)
/* clang-format on */

#define FLAG_NAME(flag) #flag,
#define FLAG_VALUE(flag) flag,

/* GFP_THISNODE is no flag of Linux 6.1, but what stacks call __GFP_THISNODE. */
const char *const gfp_flag_names[] = {GFP_FLAGS(FLAG_NAME) "GFP_THISNODE", NULL};
const u64 gfp_flag_values[] = {GFP_FLAGS(FLAG_VALUE) __GFP_THISNODE};

_Static_assert(ARRAY_SIZE(gfp_flag_names) == ARRAY_SIZE(gfp_flag_values) + 1,
	       "a value for each name");
