/*
 * The wheel against a plain sorted list.
 */
#include <stdlib.h>

#include "lib/rng.h"
#include "tests/test.h"
#include "workloads/wheel.h"

#define ITEMS_MAX 4096

/* What is in, in order: by time, job, order of putting in. */
struct model {
	struct wheel_item items[ITEMS_MAX];
	u32 nr;
};

static void model_put(struct model *m, struct wheel_item item)
{
	u32 at = m->nr++;

	for (; at && (m->items[at - 1].t_ns > item.t_ns ||
		      (m->items[at - 1].t_ns == item.t_ns && m->items[at - 1].job > item.job));
	     at--)
		m->items[at] = m->items[at - 1];
	m->items[at] = item;
}

static void model_drop(struct model *m)
{
	memmove(m->items, m->items + 1, --m->nr * sizeof(m->items[0]));
}

static bool same(const struct wheel_item *a, const struct wheel_item *b)
{
	return a->t_ns == b->t_ns && a->job == b->job && a->what == b->what && a->cpu == b->cpu;
}

/* Times from the same instant to years ahead; many fall together. */
static u64 some_time(struct rng *r, u64 now_ns)
{
	return now_ns + (rng_u64(r) >> (20 + rng_below(r, 43)) & ~(u64)rng_below(r, 4));
}

static void gives_back_in_order(void **state)
{
	struct wheel *w = wheel_new();
	struct model *m = calloc(1, sizeof(*m));
	struct rng r;
	u64 now_ns = 0, nr_taken = 0;

	(void)state;
	rng_init(&r, 11, "test", "wheel");
	for (u32 i = 0; i < 60000; i++) {
		struct wheel_item item = {.t_ns = some_time(&r, now_ns),
					  .what = i,
					  .cpu = (u16)i,
					  .job = (u8)rng_below(&r, 3)};
		u64 limit_ns = some_time(&r, now_ns);

		if (m->nr < ITEMS_MAX && rng_below(&r, 100) < 52) {
			wheel_put(w, item);
			model_put(m, item);
		} else if (wheel_take(w, limit_ns, &item)) {
			assert_true(m->nr && item.t_ns < limit_ns);
			assert_true(same(&item, &m->items[0]));
			model_drop(m);
			now_ns = item.t_ns;
			nr_taken++;
		} else {
			assert_true(!m->nr || m->items[0].t_ns >= limit_ns);
			now_ns = limit_ns; /* from there on, anything may come */
		}
	}
	assert_true(nr_taken > 10000);
	while (m->nr) {
		struct wheel_item item;

		assert_true(wheel_take(w, UINT64_MAX, &item));
		assert_true(same(&item, &m->items[0]));
		model_drop(m);
	}
	wheel_put(w, (struct wheel_item){.t_ns = UINT64_MAX});
	wheel_reset(w);
	assert_false(wheel_take(w, UINT64_MAX, &(struct wheel_item){0}));
	wheel_free(w);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(gives_back_in_order)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
