/*
 * The event queue: a binary heap with a total order.
 *
 * Theory: no two events are equal, for the sequence number decides last; so what comes out does not
 * depend on the heap's shape, and a run not on its history of cancellations. An event knows its
 * place, so that cancelling one costs no search.
 *
 * Invariant: heap[i] comes before heap[2i+1] and heap[2i+2]; heap[i]->index == i + 1.
 */
#include "sim/event.h"

#include <stdlib.h>

#include "lib/assert.h"
#include "lib/mem.h"

static bool before(const struct event *a, const struct event *b)
{
	if (a->t_ns != b->t_ns)
		return a->t_ns < b->t_ns;
	if (a->priority != b->priority)
		return a->priority < b->priority;
	return a->seq < b->seq;
}

static void put(struct event_queue *q, u32 i, struct event *ev)
{
	q->heap[i] = ev;
	ev->index = i + 1;
}

static void sift_up(struct event_queue *q, u32 i, struct event *ev)
{
	while (i && before(ev, q->heap[(i - 1) / 2])) {
		put(q, i, q->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(q, i, ev);
}

static void sift_down(struct event_queue *q, u32 i, struct event *ev)
{
	for (;;) {
		u32 child = 2 * i + 1;

		if (child >= q->nr)
			break;
		if (child + 1 < q->nr && before(q->heap[child + 1], q->heap[child]))
			child++;
		if (!before(q->heap[child], ev))
			break;
		put(q, i, q->heap[child]);
		i = child;
	}
	put(q, i, ev);
}

void event_queue_free(struct event_queue *q)
{
	free(q->heap);
	*q = (struct event_queue){0};
}

void event_schedule(struct event_queue *q, struct event *ev, u64 t_ns, enum event_priority priority,
		    void (*func)(struct event *ev))
{
	ASSERT(!event_pending(ev));
	MEM_ROOM(q->heap, q->nr, q->max);
	ev->t_ns = t_ns;
	ev->priority = priority;
	ev->func = func;
	ev->seq = q->seq++;
	sift_up(q, q->nr++, ev);
}

void event_cancel(struct event_queue *q, struct event *ev)
{
	struct event *last;
	u32 i = ev->index - 1;

	ASSERT(event_pending(ev) && q->heap[i] == ev);
	ev->index = 0;
	last = q->heap[--q->nr];
	if (last == ev)
		return;
	if (i && before(last, q->heap[(i - 1) / 2]))
		sift_up(q, i, last);
	else
		sift_down(q, i, last);
}

struct event *event_pop(struct event_queue *q)
{
	struct event *ev;

	if (!q->nr)
		return NULL;
	ev = q->heap[0];
	event_cancel(q, ev);
	return ev;
}
