/*
 * What a request does that finds nothing above the low watermarks (__alloc_pages_slowpath,
 * mm/page_alloc.c, 6.1).
 */
#include "alloc/pages/page_source.h"

/* Who must not wait, and who is important, may go below the mark (gfp_to_alloc_flags). */
static unsigned int gfp_to_alloc_flags(gfp_t gfp)
{
	unsigned int flags = ALLOC_WMARK_MIN;

	if (gfp & __GFP_HIGH)
		flags |= ALLOC_MIN_RESERVE | (gfp & __GFP_DIRECT_RECLAIM ? 0 : ALLOC_NON_BLOCK);
	return flags;
}

struct page *alloc_pages_slowpath(const struct alloc_context *ac)
{
	struct page *page = get_page_from_freelist(ac, gfp_to_alloc_flags(ac->gfp));

	if (!page)
		page = get_page_from_freelist(ac, ALLOC_NO_WATERMARKS);
	if (page || !(ac->gfp & __GFP_DIRECT_RECLAIM) || !ac->ps->o.pcp)
		return page;
	drain_all_pages(ac->ps);
	return get_page_from_freelist(ac, ALLOC_NO_WATERMARKS);
}
