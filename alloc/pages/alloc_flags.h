/*
 * What a request may do on its way through the zones (ALLOC_*, mm/internal.h, 6.1). The low bits
 * say which mark it respects; two flags have the numbers of the GFP flags they come from.
 */
#ifndef ALLOC_PAGES_ALLOC_FLAGS_H
#define ALLOC_PAGES_ALLOC_FLAGS_H

#include "alloc/gfp.h"

#define ALLOC_WMARK_MIN 0x0u
#define ALLOC_WMARK_LOW 0x1u
#define ALLOC_WMARK_HIGH 0x2u
#define ALLOC_NO_WATERMARKS 0x4u
#define ALLOC_WMARK_MASK 0x3u
#define ALLOC_OOM 0x8u		/* of a victim of the OOM killer */
#define ALLOC_NON_BLOCK 0x10u	/* cannot wait */
#define ALLOC_MIN_RESERVE 0x20u /* important: half of min is for it (__GFP_HIGH) */
#define ALLOC_NOFRAGMENT 0x100u /* rather a lower zone than mixed mobilities */
#define ALLOC_HIGHATOMIC 0x200u /* may take from HIGHATOMIC pageblocks */
#define ALLOC_KSWAPD 0x800u	/* wakes kswapd (__GFP_KSWAPD_RECLAIM) */
/* May go below min: such a request sees the HIGHATOMIC pages as free. */
#define ALLOC_RESERVES (ALLOC_NON_BLOCK | ALLOC_MIN_RESERVE | ALLOC_HIGHATOMIC | ALLOC_OOM)

_Static_assert(ALLOC_MIN_RESERVE == __GFP_HIGH && ALLOC_KSWAPD == __GFP_KSWAPD_RECLAIM,
	       "flags of requests are taken over as they are");

#endif
