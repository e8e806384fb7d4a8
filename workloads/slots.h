/*
 * Slots: the places of a device, each empty or with one object.
 *
 * A generator whose objects lie in slots does not say how long an object lives: each of its
 * requests is a step, and the step says what becomes of which slot.
 */
#ifndef WORKLOADS_SLOTS_H
#define WORKLOADS_SLOTS_H

#include "lib/rng.h"

struct job;

enum slot_what {
	SLOT_REST,    /* nothing, from now on */
	SLOT_READ,    /* what is in the slot */
	SLOT_WRITE,   /* a new object; what was in the slot goes when the new one is stored */
	SLOT_REPLACE, /* what is in the slot goes, then a new object comes */
	SLOT_DISCARD, /* what is in nr slots from this one on goes; behind the last is the first */
};

struct slot_step {
	enum slot_what what;
	u32 slot, nr;
};

struct slot_ops {
	u32 (*nr)(const struct job *job);
	/* What the steps of a run go by; a run begins with empty slots. */
	void *(*begin)(const struct job *job);
	void (*end)(void *state);
	struct slot_step (*step)(const struct job *job, void *state, struct rng *r);
};

#endif
