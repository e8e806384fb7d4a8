/*
 * What Linux derives from the sizes of zones: watermarks, and how much per-CPU lists hold.
 */
#ifndef ALLOC_PAGES_ZONE_SIZES_H
#define ALLOC_PAGES_ZONE_SIZES_H

#include "alloc/kernel.h"

struct zone_sizes {		      /* all in pages */
	unsigned long min, low, high; /* watermarks */
	/* Kept, above the watermark, from requests that could use zones up to this one. */
	unsigned long lowmem_reserve[MAX_NR_ZONES];
	unsigned int pcp_batch, pcp_high; /* moved at once; kept at most by each CPU */
};

/* min_free_kbytes of the current machine, in pages. */
unsigned long min_free_pages(void);
/* batch: 0 for what Linux takes, otherwise the user's; pcp_high follows from it. */
void zone_sizes_compute(struct zone_sizes *s, const struct zone *zone, unsigned long min_free,
			unsigned int batch);

#endif
