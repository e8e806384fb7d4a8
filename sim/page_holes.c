/*
 * Free frames around those that are known to be free.
 *
 * Theory: a machine's free blocks are as large as its free frames allow. If most of these are
 * known, the few that nobody ever heard of are holes in larger blocks: from the largest order down,
 * blocks that lack least are filled up until there are as many as wanted, or no more pages are
 * missing.
 *
 * Invariant: `keep` only grows, by no more frames than were missing, and never onto used ones.
 *
 * Unlike Linux: no kernel has to guess what is free.
 */
#include "sim/page_holes.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

/* The class of a free block that large: as it is like, as far as such are wanted. */
static void class_large(struct page_plan *p, unsigned long frame, int order,
			u64 want[MIGRATE_TYPES][MAX_ORDER])
{
	unsigned int class = p->like[frame >> pageblock_order];

	if (class >= p->nr_classes || !want[class][order])
		for (unsigned int c = 0; c < p->nr_classes; c++)
			class = want[c][order] ? c : class;
	if (class >= p->nr_classes)
		return;
	want[class][order] -= want[class][order] > 0;
	for (unsigned long i = 0; i < 1UL << (order - pageblock_order); i++)
		p->class[(frame >> pageblock_order) + i] = (u8) class;
}

static void class_all_large(struct page_plan *p)
{
	u64 want[MIGRATE_TYPES][MAX_ORDER];

	memcpy(want, p->want, sizeof(want));
	for (unsigned long f = 0; f < p->nr_frames; f += 1UL << LARGEST_ORDER) {
		if (page_plan_full(p->keep, f, LARGEST_ORDER)) {
			class_large(p, f, LARGEST_ORDER, want);
			continue;
		}
		for (unsigned long h = f; h < f + (1UL << LARGEST_ORDER); h += pageblock_nr_pages)
			if (page_plan_full(p->keep, h, pageblock_order))
				class_large(p, h, pageblock_order, want);
	}
}

/* Maximal kept blocks under this one, which lies in no larger one. */
static void count_kept(const struct page_plan *p, unsigned long frame, int order,
		       u64 have[MIGRATE_TYPES][MAX_ORDER])
{
	if (page_plan_clear(p->keep, frame, order))
		return;
	if (page_plan_full(p->keep, frame, order)) {
		have[p->class[frame >> pageblock_order]][order]++;
		return;
	}
	count_kept(p, frame, order - 1, have);
	count_kept(p, frame + (1UL << (order - 1)), order - 1, have);
}

struct hole {
	unsigned long frame; /* of the block around it */
	u32 missing;	     /* frames that are not kept */
};

static int by_missing(const void *a, const void *b)
{
	const struct hole *ha = a, *hb = b;

	if (ha->missing != hb->missing)
		return ha->missing < hb->missing ? -1 : 1;
	return (ha->frame > hb->frame) - (ha->frame < hb->frame);
}

/* Frames of a block that are not kept; none of it is used. */
static u32 missing_of(const struct page_plan *p, unsigned long frame, int order)
{
	u32 kept = 0;

	if (order < WORD_ORDER)
		kept = (u32)__builtin_popcountll(p->keep[frame / BITS_PER_WORD] &
						 block_mask(frame, order));
	for (unsigned long i = 0; order >= WORD_ORDER && i < 1UL << (order - WORD_ORDER); i++)
		kept += (u32)__builtin_popcountll(p->keep[frame / BITS_PER_WORD + i]);
	return (1U << order) - kept;
}

static bool joins_buddy(const struct page_plan *p, unsigned long frame, int order)
{
	return order < LARGEST_ORDER && page_plan_full(p->keep, frame ^ (1UL << order), order);
}

/* Blocks that could become free ones of this order, those that lack least first. */
static size_t find_holes(const struct page_plan *p, struct hole *holes, int class, int order,
			 u64 left)
{
	size_t nr = 0;

	for (unsigned long f = 0; f < p->nr_frames; f += 1UL << order) {
		u32 missing;

		if ((class >= 0 && p->class[f >> pageblock_order] != class) ||
		    !page_plan_clear(p->used, f, order) || joins_buddy(p, f, order))
			continue;
		missing = missing_of(p, f, order);
		if (missing && missing <= left)
			holes[nr++] = (struct hole){f, missing};
	}
	if (nr)
		qsort(holes, nr, sizeof(*holes), by_missing);
	return nr;
}

/* Makes `nr` free blocks of this order out of what is kept, with few frames more. */
static void fill_holes(struct page_plan *p, int class, int order, u64 nr, u64 *left)
{
	struct hole *holes = mem_alloc(p->nr_frames >> order, sizeof(*holes));
	size_t nr_holes = nr && *left ? find_holes(p, holes, class, order, *left) : 0;

	for (size_t i = 0; i < nr_holes && nr; i++) {
		if (holes[i].missing > *left || joins_buddy(p, holes[i].frame, order))
			continue;
		page_plan_set(p->keep, holes[i].frame, order);
		*left -= holes[i].missing;
		nr--;
	}
	free(holes);
}

static void count_all_kept(const struct page_plan *p, u64 have[MIGRATE_TYPES][MAX_ORDER])
{
	memset(have, 0, MIGRATE_TYPES * sizeof(have[0]));
	for (unsigned long f = 0; f < p->nr_frames; f += 1UL << LARGEST_ORDER)
		count_kept(p, f, LARGEST_ORDER, have);
}

/* Pages wanted that are not kept yet. */
u64 page_holes_pages(const struct page_plan *p)
{
	u64 have[MIGRATE_TYPES][MAX_ORDER], wanted = 0, kept = 0;

	count_all_kept(p, have);
	for (unsigned int c = 0; c < p->nr_classes; c++) {
		for (int order = 0; order < MAX_ORDER; order++) {
			kept += have[c][order] << order;
			wanted += p->want[c][order] << order;
		}
	}
	return wanted > kept ? wanted - kept : 0;
}

/* Of all classes together: they have none yet. */
void page_holes_fill_large(struct page_plan *p, u64 *left)
{
	for (int order = LARGEST_ORDER; order >= pageblock_order; order--) {
		u64 have[MIGRATE_TYPES][MAX_ORDER], nr = 0, wanted = 0;

		count_all_kept(p, have);
		for (unsigned int c = 0; c < p->nr_classes; c++) {
			nr += have[c][order];
			wanted += p->want[c][order];
		}
		fill_holes(p, -1, order, wanted - min(wanted, nr), left);
	}
	class_all_large(p);
}

void page_holes_fill_small(struct page_plan *p, u64 *left)
{
	for (int order = pageblock_order - 1; order >= 0; order--) {
		u64 have[MIGRATE_TYPES][MAX_ORDER];

		count_all_kept(p, have);
		for (unsigned int c = 0; c < p->nr_classes; c++)
			fill_holes(p, (int)c, order,
				   p->want[c][order] - min(p->want[c][order], have[c][order]),
				   left);
	}
}
