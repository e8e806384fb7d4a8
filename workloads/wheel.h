/*
 * What is still to come, in order: by time, then job, then in the order in which it was put in.
 *
 * The one question everybody asks: *what may be put in?* Nothing before what was taken out last.
 */
#ifndef WORKLOADS_WHEEL_H
#define WORKLOADS_WHEEL_H

#include "lib/bits.h"
#include "lib/types.h"

#define WHEEL_BITS 8
#define WHEEL_SLOTS (1U << WHEEL_BITS)
#define WHEEL_FINEST_BITS 8 /* a slot of the lowest level is 256 ns */
#define WHEEL_LEVELS ((64 - WHEEL_FINEST_BITS) / WHEEL_BITS)

struct wheel_item {
	u64 t_ns;
	u32 what; /* the caller's, as `kind` and `cpu` are */
	u16 cpu;
	u8 job;
	u8 kind;
};
_Static_assert(sizeof(struct wheel_item) == 16, "four to a cache line");

struct wheel_slot {
	struct wheel_item *items;
	u32 head, nr, max;
};

struct wheel {
	u64 now_ns; /* no item is before this */
	u64 levels; /* a bit for each that holds anything */
	u32 nr_used[WHEEL_LEVELS];
	u64 used[WHEEL_LEVELS][WHEEL_SLOTS / BITS_PER_WORD];
	struct wheel_slot slots[WHEEL_LEVELS][WHEEL_SLOTS];
};

struct wheel *wheel_new(void);
void wheel_free(struct wheel *w);
/* Empty, at time 0. */
void wheel_reset(struct wheel *w);
/* t_ns is at or after the time of the item taken last. */
void wheel_put(struct wheel *w, struct wheel_item item);
/*
 * The first item, if it comes before limit_ns. After a false, items from limit_ns on may still be
 * put in.
 */
bool wheel_take(struct wheel *w, u64 limit_ns, struct wheel_item *item);

#endif
