/*
 * Which frames of a zone to leave free, so that its free lists come out as wished.
 *
 * Frames are numbered from the start of the zone, one bit each. The one question everybody asks:
 * *what is a class?* The mobility that the free blocks of a pageblock are listed under; a plan
 * without types has one class for all.
 */
#ifndef SIM_PAGE_PLAN_H
#define SIM_PAGE_PLAN_H

#include "alloc/kernel.h"

struct page_plan {
	unsigned long nr_frames; /* a multiple of the largest block's */
	u64 *used;		 /* in: frames that are not to be had */
	u64 *keep;		 /* out: frames to leave free */
	unsigned int nr_classes;
	u8 *class; /* of each pageblock; in: as it is, out: as it is to be */
	u8 *like;  /* of each pageblock: the class of its used frames; NO_CLASS: it has none */
	u64 want[MIGRATE_TYPES][MAX_ORDER];   /* blocks */
	u64 missed[MIGRATE_TYPES][MAX_ORDER]; /* out: blocks there is no room for */
	u64 *known; /* in: frames known to be free: they stay so, whatever is wanted */
	bool has_known;
	u64 nr_blocks[MIGRATE_TYPES]; /* pageblocks of each class; all 0: any number */
	unsigned long *percpu;	      /* out: frames for per-CPU lists, `nr_percpu` of them */
	u64 nr_percpu;		      /* in: as many as wanted; out: as many as there are */
	bool knows_moves;	      /* in: of the frames that get held, so many can move */
	u64 nr_moves;		      /* in: as many as wanted; out: as many as there are */
	u64 *moves;		      /* out: which; NULL: all of movable pageblocks */
};
#define NO_CLASS 0xff

/* Room for as many frames; no frame is used. What else was set stays. */
void page_plan_init(struct page_plan *p, unsigned long nr_frames);
/* Also of a zeroed one. */
void page_plan_free(struct page_plan *p);

void page_plan_make(struct page_plan *p);

#define WORD_ORDER 6

static inline u64 block_mask(unsigned long frame, int order)
{
	return ((1ULL << (1U << order)) - 1) << frame % BITS_PER_WORD;
}

/* Bits of a naturally aligned block. */
bool page_plan_clear(const u64 *map, unsigned long frame, int order);
bool page_plan_full(const u64 *map, unsigned long frame, int order);
void page_plan_set(u64 *map, unsigned long frame, int order);

#endif
