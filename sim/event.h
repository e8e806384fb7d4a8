/*
 * The event queue: a binary heap with a total order, (time, priority, sequence).
 *
 * Lower priorities run first at equal times; the sequence number, taken when an event is scheduled,
 * decides the rest, so that no order depends on the heap's shape.
 */
#ifndef SIM_EVENT_H
#define SIM_EVENT_H

#include "lib/types.h"

enum event_priority { EVENT_RCU, EVENT_WORK, EVENT_KTHREAD, EVENT_FAULT };

struct event {
	u64 t_ns;
	u64 seq;
	enum event_priority priority;
	void (*func)(struct event *ev);
	u32 index; /* place in the heap + 1; 0: not pending */
	int cpu;
};

struct event_queue {
	struct event **heap; /* events are their owners' */
	u32 nr, max;
	u64 seq;
};

void event_queue_free(struct event_queue *q);
/* ev must not be pending. */
void event_schedule(struct event_queue *q, struct event *ev, u64 t_ns, enum event_priority priority,
		    void (*func)(struct event *ev));
void event_cancel(struct event_queue *q, struct event *ev);
/* Takes the first event out; NULL if there is none. */
struct event *event_pop(struct event_queue *q);

static inline bool event_pending(const struct event *ev)
{
	return ev->index != 0;
}

/* Time of the first event; all ones if there is none. */
static inline u64 event_next_ns(const struct event_queue *q)
{
	return q->nr ? q->heap[0]->t_ns : ~0ULL;
}

#endif
