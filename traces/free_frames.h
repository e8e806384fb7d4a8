/*
 * Page frames known to be free at time zero (state.h), and where they were.
 *
 * The one question everybody asks: *how can a trace know?* If the first thing that happens to a
 * frame after time zero is that it is given out, it was free: on a free list if zone->lock was
 * taken for it (mm_page_alloc_zone_locked), else on the list of the CPU that got it. A frame freed
 * before time zero that nothing happens to until then was free as well.
 *
 * Migratetypes have the recorded kernel's numbers.
 *
 * Rows come in the order in which the frames were given out: what a list holds first goes first.
 */
#ifndef TRACES_FREE_FRAMES_H
#define TRACES_FREE_FRAMES_H

#include "lib/err.h"
#include "sim/page_target.h"
#include "sim/source.h"
#include "traces/bytes.h"
#include "traces/map.h"
#include "traces/raw_event.h"

struct free_frames {
	struct page_free *rows;
	u64 nr, max;
	struct map seen_at; /* (pfn / 64) + 1 -> index of word */
	u64 *seen;	    /* frames that something has happened to since time zero */
	u32 nr_seen, seen_max;
	bool locked; /* mm_page_alloc_zone_locked was recorded: lists can be told apart */
};

void free_frames_init(struct free_frames *f);
void free_frames_free(struct free_frames *f);
/* Time zero is now. */
void free_frames_begin(struct free_frames *f);
void free_frames_event(struct free_frames *f, const struct raw_event *ev);
/* What is freed here had been taken from the free lists by compaction, without an event. */
void free_frames_taken(struct free_frames *f, const struct raw_event *ev);
/* Freed: it was in use. */
void free_frames_freed(struct free_frames *f, const struct raw_event *ev);
/* After the last event: it was free when time zero came. */
void free_frames_add(struct free_frames *f, u64 pfn);
void free_frames_encode(const struct free_frames *f, struct bytes *out);

/* 1: the rows of a load, the caller frees them; 0: it carries none; -1 with e set. */
int __must_check free_frames_read(struct source *kmt, struct page_free **rows, u64 *nr,
				  struct err *e);

#endif
