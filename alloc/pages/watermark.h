/*
 * Watermarks of a zone.
 *
 * The one question everybody asks: *with boost or without?* wmark_pages() has it on top, as the
 * kernel's min_wmark_pages() and its sisters do; bz->marks has both apart.
 */
#ifndef ALLOC_PAGES_WATERMARK_H
#define ALLOC_PAGES_WATERMARK_H

#include "alloc/pages/alloc_flags.h"
#include "alloc/pages/buddy.h"

/* mark: ALLOC_WMARK_MIN, LOW or HIGH. */
long wmark_pages(const struct buddy_zone *bz, unsigned int mark);
/* Would so much stay free in the zone, had it given a block of this order (zone_watermark_ok)? */
bool zone_watermark_ok(const struct buddy_zone *bz, int order, long mark, int highest_zone,
		       unsigned int alloc_flags);
/* The same, were so many pages free (__zone_watermark_ok). */
bool watermark_ok_with(const struct buddy_zone *bz, int order, long mark, int highest_zone,
		       unsigned int alloc_flags, long free_pages);

/* Whoever changes one of them does it here: the common case reads a sum. */
void zone_set_marks(struct buddy_zone *bz, const struct zone_watermarks *marks);
void zone_set_boost(struct buddy_zone *bz, long boost);
void zone_add_highatomic(struct buddy_zone *bz, long pages);

/*
 * Mobilities were mixed in the zone: its marks rise by a pageblock, up to boost_max. False: they do
 * not, in this zone or at all.
 */
bool boost_watermark(struct buddy_zone *bz);

#endif
