/*
 * kswapd and direct reclaim.
 */
#include "alloc/pages/vmscan.h"

void vmscan_create(struct page_source *ps)
{
	(void)ps;
}

void vmscan_destroy(struct page_source *ps)
{
	(void)ps;
}

void wakeup_kswapd(struct buddy_zone *bz, struct pglist_data *pgdat, gfp_t gfp, int order,
		   int highest_zone)
{
	(void)bz, (void)pgdat, (void)gfp, (void)order, (void)highest_zone;
}

bool kswapd_is_running(const struct pglist_data *pgdat)
{
	(void)pgdat;
	return false;
}

unsigned long try_to_free_pages(const struct alloc_context *ac)
{
	(void)ac;
	return 0;
}
