/*
 * What is known of each page frame of the recorded machine, while its events pass by.
 *
 * Frames that no event names cost nothing: they live in chunks of 64, found by a hash.
 */
#ifndef TRACES_FRAMES_H
#define TRACES_FRAMES_H

#include "traces/map.h"

#define FRAME_ORDER_MAX 15	   /* what struct request can hold */
#define FRAME_PFN_MAX (1ULL << 34) /* 64 TiB, all that a direct map holds: above is damage */

enum frame_state {
	FRAME_UNSEEN, /* no event yet: as it was before the trace */
	FRAME_FREE,   /* freed in the trace */
	FRAME_HEAD,   /* first page of a block allocated in the trace */
	FRAME_TAIL,   /* other page of one: the head is `order`-aligned below */
};

#define FRAME_F_SLAB 1U	 /* an object was seen in it: a slab page (or, if not HEAD, part of one) */
#define FRAME_F_STORE 2U /* allocated by the recorded store */
#define FRAME_F_LARGE 4U /* a kmalloc too large for a slab */
#define FRAME_F_TRUTH 8U /* a slab page, says the trace's ground truth */

#define FRAME_CACHE_UNKNOWN 0xffffU

struct frame {
	u32 objects; /* first of the objects known in it, + 1; 0: none. Of a block: at its head */
	u32 pos;  /* HEAD: place in the spool of its allocation. FREE: the place after its free */
	u32 slot; /* HEAD: of its request. FREE: of the birth that its free made */
	u32 gfp;
	u16 cache;
	u8 state, order : 4, flags : 4;
};

struct frame_chunk;

struct frames {
	struct map by_chunk; /* (pfn / 64) + 1 -> index of chunk */
	struct frame (*chunks)[64];
	u32 nr_chunks, chunks_max;
	u64 last_key; /* chunk found last */
	u32 last_chunk;
};

void frames_init(struct frames *fs);
void frames_free(struct frames *fs);
/* Valid until the next call for another frame (chunks may move). */
struct frame *frames_get(struct frames *fs, u64 pfn);

#endif
