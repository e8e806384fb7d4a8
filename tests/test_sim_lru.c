/*
 * Lists of what was used least recently, and the draws that stand for accesses.
 */
#include "sim/lru.h"

#include <math.h>
#include <stdio.h>

#include "alloc/mm.h"
#include "lib/units.h"
#include "tests/test.h"

#define MEAN_NS NSEC_PER_SEC

/* Ids from the newest to the oldest; in front of each its pages, if they are not one. */
static char *draw_list(char *buf, size_t n, const struct lru *l, u32 list)
{
	size_t at = 0;

	*buf = 0;
	for (u32 id = l->lists[list].head; id != LRU_NONE; id = l->entries[id].next) {
		at += (size_t)snprintf(buf + at, n - at, at ? " " : "");
		if (l->entries[id].order)
			at += (size_t)snprintf(buf + at, n - at, "%u*", 1U << l->entries[id].order);
		at += (size_t)snprintf(buf + at, n - at, "%u", id);
	}
	return buf;
}

#define assert_list(l, list, drawing)                                                              \
	do {                                                                                       \
		char drawn[256];                                                                   \
		assert_string_equal(draw_list(drawn, sizeof(drawn), l, list), drawing);            \
		lru_check(l);                                                                      \
	} while (0)

static void fill(struct lru *l, u32 list, u32 from, u32 to)
{
	for (u32 id = from; id < to; id++) {
		l->entries[id].mean_ns = MEAN_NS;
		lru_add(l, list, id);
	}
}

static void test_drawings(void **state)
{
	struct lru l;

	(void)state;
	lru_init(&l, 2, 1);
	lru_grow(&l, 4);
	fill(&l, 0, 0, 4);
	assert_list(&l, 0, "3 2 1 0");
	lru_del(&l, 0); /* the tail */
	assert_list(&l, 0, "3 2 1");
	lru_del(&l, 3); /* the head */
	assert_list(&l, 0, "2 1");
	lru_add(&l, 1, 0);
	lru_add(&l, 1, 3);
	assert_list(&l, 1, "3 0");
	lru_grow(&l, 8); /* lists stay as they are */
	fill(&l, 0, 4, 6);
	assert_list(&l, 0, "5 4 2 1");
	lru_del(&l, 4); /* in the middle */
	assert_list(&l, 0, "5 2 1");
	while (l.lists[0].tail != LRU_NONE)
		lru_del(&l, l.lists[0].tail);
	assert_list(&l, 0, "");
	assert_list(&l, 1, "3 0");
	lru_free(&l);
}

static void test_sizes_by_zone(void **state)
{
	struct lru l;

	(void)state;
	lru_init(&l, 1, 1);
	lru_grow(&l, 4);
	l.entries[1].zone = ZONE_NORMAL;
	l.entries[2].zone = ZONE_DMA32;
	l.entries[2].order = 3;
	fill(&l, 0, 0, 3);
	assert_list(&l, 0, "8*2 1 0");
	assert_int_equal(lru_size(&l, 0, ZONE_DMA), 1);
	assert_int_equal(lru_size(&l, 0, ZONE_DMA32), 9);
	assert_int_equal(lru_size(&l, 0, ZONE_MOVABLE), 10);
	lru_del(&l, 2);
	assert_int_equal(lru_size(&l, 0, ZONE_MOVABLE), 2);
	lru_free(&l);
}

/* The table over inactive_is_low(), mm/vmscan.c, 6.1: total, and its largest ratio. */
static void test_ratio(void **state)
{
	static const struct {
		u64 bytes;
		u64 ratio;
	} table[] = {{10 * MIB, 1},   {100 * MIB, 1},	 {1 * GIB, 3},	    {10 * GIB, 10},
		     {100 * GIB, 31}, {1024 * GIB, 101}, {10240 * GIB, 320}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		u64 pages = table[i].bytes >> PAGE_SHIFT, ratio = table[i].ratio;
		u64 inactive = pages / (ratio + 1);

		assert_false(inactive_is_low(inactive + 1, pages - inactive - 1));
		assert_true(inactive_is_low(inactive - 1, pages - inactive + 1));
	}
	assert_false(inactive_is_low(0, 0));
}

/* Of exponential times the mean and the variance, and the share beyond each multiple. */
static void test_exponential(void **state)
{
	enum { N = 200000 };
	u64 beyond[4] = {0};
	double sum = 0, squares = 0;
	struct rng r;

	(void)state;
	rng_init(&r, 1, "test", "exponential");
	for (int i = 0; i < N; i++) {
		double x = (double)rng_exponential(&r, MEAN_NS) / MEAN_NS;

		sum += x;
		squares += x * x;
		for (int k = 0; k < 4; k++)
			beyond[k] += x > k + 0.5;
	}
	assert_true(fabs(sum / N - 1) < 4 / sqrt(N));
	assert_true(fabs(squares / N - 2) < 4 * sqrt(20.0 / N));
	for (int k = 0; k < 4; k++) {
		double p = exp(-(k + 0.5));

		assert_true(fabs((double)beyond[k] / N - p) < 4 * sqrt(p * (1 - p) / N));
	}
	assert_int_equal(rng_exponential(&r, 0), 0);
}

/* Looked at after dt, a page was accessed with probability 1 - exp(-dt / mean). */
static void test_referenced(void **state)
{
	enum { N = 100000 };
	static const u64 dts[] = {0, MEAN_NS / 10, MEAN_NS, 3 * MEAN_NS};
	struct lru l;

	(void)state;
	lru_init(&l, 1, 7);
	lru_grow(&l, 2);
	fill(&l, 0, 0, 2);
	l.entries[1].mean_ns = LRU_NEVER;
	for (size_t d = 0; d < ARRAY_SIZE(dts); d++) {
		double p = 1 - exp(-(double)dts[d] / MEAN_NS);
		u64 now_ns = l.entries[0].looked_ns, accessed = 0;

		for (int i = 0; i < N; i++) {
			now_ns += dts[d];
			accessed += lru_referenced(&l, 0, now_ns);
			assert_int_equal(l.entries[0].looked_ns, now_ns);
		}
		assert_true(fabs((double)accessed / N - p) <= 4 * sqrt(p * (1 - p) / N));
		assert_false(lru_referenced(&l, 1, now_ns));
	}
	lru_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drawings),   cmocka_unit_test(test_sizes_by_zone),
		cmocka_unit_test(test_ratio),	   cmocka_unit_test(test_exponential),
		cmocka_unit_test(test_referenced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
