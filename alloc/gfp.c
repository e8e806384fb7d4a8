/*
 * Allocation flags: their names.
 */
#include "alloc/gfp.h"

#include <stddef.h>

const char *const gfp_flag_names[] = {
	"__GFP_DMA",	    "__GFP_HIGHMEM",	   "__GFP_DMA32",	  "__GFP_MOVABLE",
	"__GFP_RECLAIMABLE", "__GFP_HIGH",	   "__GFP_IO",		  "__GFP_FS",
	"__GFP_ZERO",	    "__GFP_ATOMIC",	   "__GFP_DIRECT_RECLAIM", "__GFP_KSWAPD_RECLAIM",
	"__GFP_WRITE",	    "__GFP_NOWARN",	   "__GFP_RETRY_MAYFAIL", "__GFP_NOFAIL",
	"__GFP_NORETRY",    "__GFP_MEMALLOC",	   "__GFP_COMP",	  "__GFP_NOMEMALLOC",
	"__GFP_HARDWALL",   "__GFP_THISNODE",	   "__GFP_ACCOUNT",	  "GFP_KERNEL",
	"GFP_ATOMIC",	    "GFP_NOWAIT",	   "GFP_NOIO",		  "GFP_NOFS",
	"GFP_USER",	    "GFP_DMA",		   "GFP_DMA32",		  "GFP_HIGHUSER",
	"GFP_HIGHUSER_MOVABLE", "GFP_TRANSHUGE",   "GFP_THISNODE",	  NULL,
};

const u64 gfp_flag_values[] = {
	__GFP_DMA,	    __GFP_HIGHMEM,	   __GFP_DMA32,		  __GFP_MOVABLE,
	__GFP_RECLAIMABLE,  __GFP_HIGH,		   __GFP_IO,		  __GFP_FS,
	__GFP_ZERO,	    __GFP_ATOMIC,	   __GFP_DIRECT_RECLAIM,  __GFP_KSWAPD_RECLAIM,
	__GFP_WRITE,	    __GFP_NOWARN,	   __GFP_RETRY_MAYFAIL,	  __GFP_NOFAIL,
	__GFP_NORETRY,	    __GFP_MEMALLOC,	   __GFP_COMP,		  __GFP_NOMEMALLOC,
	__GFP_HARDWALL,	    __GFP_THISNODE,	   __GFP_ACCOUNT,	  GFP_KERNEL,
	GFP_ATOMIC,	    GFP_NOWAIT,		   GFP_NOIO,		  GFP_NOFS,
	GFP_USER,	    GFP_DMA,		   GFP_DMA32,		  GFP_HIGHUSER,
	GFP_HIGHUSER_MOVABLE, GFP_TRANSHUGE,	   __GFP_THISNODE,
};

_Static_assert(ARRAY_SIZE(gfp_flag_names) == ARRAY_SIZE(gfp_flag_values) + 1,
	       "a value for each name");
