/*
 * The event queue: a total order, whatever was put in and taken out in between.
 */
#include <stdlib.h>

#include "lib/rng.h"
#include "sim/event.h"
#include "tests/test.h"

#define NR_EVENTS 2000

static void never(struct event *ev)
{
	(void)ev;
	fail();
}

static bool later(const struct event *a, const struct event *b)
{
	if (a->t_ns != b->t_ns)
		return a->t_ns > b->t_ns;
	if (a->priority != b->priority)
		return a->priority > b->priority;
	return a->seq > b->seq;
}

static void pops_in_total_order(void **state)
{
	struct event *evs = calloc(NR_EVENTS, sizeof(*evs)), *prev = NULL, *ev;
	struct event_queue q = {0};
	struct rng r;
	int n = 0, cancelled = 0;

	(void)state;
	rng_init(&r, 1, "test", "events");
	for (int i = 0; i < NR_EVENTS; i++)
		event_schedule(&q, &evs[i], rng_below(&r, 100),
			       (enum event_priority)rng_below(&r, 4), never);
	for (int i = 0; i < NR_EVENTS; i += 3, cancelled++)
		event_cancel(&q, &evs[i]);
	while ((ev = event_pop(&q))) {
		assert_false(event_pending(ev));
		assert_true(!prev || later(ev, prev));
		prev = ev;
		n++;
	}
	assert_int_equal(n, NR_EVENTS - cancelled);
	event_queue_free(&q);
	free(evs);
}

static void equal_times_keep_their_order(void **state)
{
	struct event a = {0}, b = {0}, c = {0};
	struct event_queue q = {0};

	(void)state;
	event_schedule(&q, &a, 5, EVENT_WORK, never);
	event_schedule(&q, &b, 5, EVENT_RCU, never);
	event_schedule(&q, &c, 5, EVENT_WORK, never);
	assert_ptr_equal(event_pop(&q), &b);
	assert_ptr_equal(event_pop(&q), &a);
	assert_ptr_equal(event_pop(&q), &c);
	assert_null(event_pop(&q));
	assert_true(event_next_ns(&q) == ~0ULL);
	event_queue_free(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pops_in_total_order),
		cmocka_unit_test(equal_times_keep_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
