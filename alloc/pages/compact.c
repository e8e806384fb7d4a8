/*
 * Compaction of a zone.
 */
#include "alloc/pages/compact.h"

void compaction_create(struct page_source *ps)
{
	(void)ps;
}

void compaction_destroy(struct page_source *ps)
{
	(void)ps;
}

enum compact_result compaction_suitable(const struct buddy_zone *bz, int order,
					unsigned int alloc_flags, int highest_zone)
{
	(void)bz, (void)order, (void)alloc_flags, (void)highest_zone;
	return COMPACT_SKIPPED;
}

bool compaction_deferred(struct buddy_zone *bz, int order)
{
	(void)bz, (void)order;
	return false;
}

enum compact_result try_to_compact_pages(const struct alloc_context *ac, unsigned int alloc_flags,
					 enum compact_priority prio)
{
	(void)ac, (void)alloc_flags, (void)prio;
	return COMPACT_SKIPPED;
}

void compaction_defer_reset(struct buddy_zone *bz, int order, bool alloc_success)
{
	(void)bz, (void)order, (void)alloc_success;
}

void wakeup_kcompactd(struct pglist_data *pgdat, int order, int highest_zone)
{
	(void)pgdat, (void)order, (void)highest_zone;
}
