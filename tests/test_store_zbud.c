/*
 * zbud: buddies of a page before and after, its bounds, and which handles are believed.
 */
#include <string.h>

#include "lib/text.h"
#include "tests/store_churn.h"
#include "tests/test.h"

#define CHUNK 64U
#define CHUNKS (PAGE_SIZE / CHUNK)

struct drawn {
	unsigned long handle;
	size_t size;
	char name;
};

/* The page of the first object in runs of chunks: "H1 a2 .60 b1"; H: its header. */
static char *draw_zbud(char *buf, size_t n, const struct drawn *objects, int nr)
{
	unsigned long page = objects[0].handle & ~(PAGE_SIZE - 1);
	char chunks[CHUNKS + 1] = "H";
	struct text t = text_in(buf, n);

	memset(chunks + 1, '.', CHUNKS - 1);
	for (int i = 0; i < nr; i++) {
		u64 at = (objects[i].handle - page) / CHUNK;

		assert_int_equal(objects[i].handle % CHUNK, 0);
		for (u64 c = 0; c < DIV_ROUND_UP(objects[i].size, CHUNK); c++) {
			assert_in_range(at + c, 0, CHUNKS - 1);
			assert_int_equal(chunks[at + c], '.');
			chunks[at + c] = objects[i].name;
		}
	}
	for (u64 from = 0, to; from < CHUNKS; from = to) {
		for (to = from; to < CHUNKS && chunks[to] == chunks[from];)
			to++;
		text_add(&t, from ? " %c%u" : "%c%u", chunks[from], (unsigned int)(to - from));
	}
	return buf;
}

#define assert_drawn(text, ...)                                                                    \
	do {                                                                                       \
		const struct drawn objects_[] = {__VA_ARGS__};                                     \
		char buf_[256];                                                                    \
                                                                                                   \
		assert_string_equal(                                                               \
			draw_zbud(buf_, sizeof(buf_), objects_, (int)ARRAY_SIZE(objects_)), text); \
	} while (0)

static void test_buddies(void **state)
{
	unsigned long a, b, c;
	struct store_lab l;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "zbud");
	a = store_lab_malloc(&l, 0, 100);
	assert_drawn("H1 a2 .61", {a, 100, 'a'});
	b = store_lab_malloc(&l, 0, 64);
	assert_drawn("H1 a2 .60 b1", {a, 100, 'a'}, {b, 64, 'b'});
	c = store_lab_malloc(&l, 0, 10); /* two are enough, however much is free */
	assert_true(a / PAGE_SIZE != c / PAGE_SIZE);
	assert_int_equal(store_lab_stats(&l).pages, 2);
	store_check(l.store);
	assert_true(store_lab_free(&l, 0, a, 100));
	a = store_lab_malloc(&l, 0, 62 * 64); /* the room of both it and what was between */
	assert_drawn("H1 a62 b1", {a, 62 * 64, 'a'}, {b, 64, 'b'});
	store_check(l.store);
	assert_true(store_lab_free(&l, 0, a, 62 * 64) && store_lab_free(&l, 0, b, 64));
	assert_int_equal(store_lab_stats(&l).pages, 1);
	assert_true(store_lab_free(&l, 0, c, 10));
	assert_int_equal(store_lab_stats(&l).pages, 0);
	store_lab_close(&l);
}

/* The page with the smallest room that will do; of these, the one that came last. */
static void test_fit(void **state)
{
	struct store_stats before, after;
	unsigned long a, b, c;
	struct store_lab l;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "zbud");
	a = store_lab_malloc(&l, 0, 40 * 64); /* leaves 23 */
	b = store_lab_malloc(&l, 0, 50 * 64); /* 13 */
	c = store_lab_malloc(&l, 0, 50 * 64);
	before = store_lab_stats(&l);
	assert_int_equal(store_lab_malloc(&l, 0, 10 * 64) / PAGE_SIZE, c / PAGE_SIZE);
	after = store_lab_stats(&l);
	assert_int_equal(after.nr_searches - before.nr_searches, 1);
	assert_int_equal(after.nr_search_steps - before.nr_search_steps, 4); /* lists 10 to 13 */
	assert_int_equal(store_lab_malloc(&l, 0, 10 * 64) / PAGE_SIZE, b / PAGE_SIZE);
	assert_int_equal(store_lab_malloc(&l, 0, 10 * 64) / PAGE_SIZE, a / PAGE_SIZE);
	assert_int_equal(store_lab_stats(&l).pages, 3);
	store_check(l.store);
	store_lab_close(&l);
}

static u64 density_percent(size_t size, size_t other)
{
	struct store_lab l;
	u64 percent;

	store_lab_open(&l, LAB_NODE, NULL, NULL, "zbud");
	for (int i = 0; i < 500; i++)
		assert_true(store_lab_malloc(&l, 0, i % 2 ? other : size));
	percent = 100 * 500 / store_lab_stats(&l).pages;
	store_check(l.store);
	store_lab_close(&l);
	return percent;
}

/* Never below one object a page, never above two, whatever comes; and both are reached. */
static void test_bounds(void **state)
{
	(void)state;
	assert_int_equal(density_percent(1, 1), 200);
	assert_int_equal(density_percent(31 * 64, 32 * 64), 200);
	assert_int_equal(density_percent(31 * 64 + 1, 32 * 64), 100); /* 32 and 32 of 63 chunks */
	assert_int_equal(density_percent(3968, 3968), 100);
	assert_int_equal(density_percent(3968, 64), 200);
}

/* The reverse of best: every page is left with one small object. */
static void test_adversary(void **state)
{
	unsigned long h[400];
	struct store_stats s;
	struct store_lab l;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "zbud");
	for (int i = 0; i < 400; i++)
		h[i] = store_lab_malloc(&l, 0, 64);
	assert_int_equal(store_lab_stats(&l).pages, 200);
	for (int i = 0; i < 400; i += 2)
		assert_true(store_lab_free(&l, 0, h[i], 64));
	s = store_lab_stats(&l);
	assert_int_equal(s.pages, 200);
	assert_int_equal(s.blocks, 200);
	assert_int_equal(s.block_bytes, 200 * 64);
	assert_int_equal(s.header_bytes, 200 * 64);
	assert_int_equal(s.free_bytes, 200 * 62 * 64);
	store_check(l.store);
	assert_int_equal(store_lab_compact(&l, 0, UINT64_MAX, UINT64_MAX).moved_bytes, 0);
	store_lab_close(&l);
}

static void test_classes(void **state)
{
	struct store_class c[4];
	struct store_lab l;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "zbud");
	for (int i = 0; i < 5; i++) /* two pages of two, one of one */
		assert_true(store_lab_malloc(&l, 0, 20 * 64));
	assert_int_equal(store_classes(l.store, c, 4), 2);
	assert_int_equal(c[0].index, 0);
	assert_int_equal(c[0].pages_used, 2);
	assert_int_equal(c[0].obj_used, 4);
	assert_int_equal(c[1].index, 43);
	assert_int_equal(c[1].size, 43 * 64);
	assert_int_equal(c[1].obj_used, 1);
	assert_int_equal(c[1].obj_allocated, 2);
	store_lab_close(&l);
}

static void test_bad_handles(void **state)
{
	unsigned long a, b;
	struct store_lab l;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "zbud");
	assert_int_equal(l.store->size_max, 3968);
	assert_false(store_lab_malloc(&l, 0, 3969));
	a = store_lab_malloc(&l, 0, 100);
	b = store_lab_malloc(&l, 0, 100);
	store_refuses(&l, a, 101); /* of the same chunks */
	store_refuses(&l, a, 3000);
	store_refuses(&l, a + 64, 36);
	store_refuses(&l, a - 64, 100);
	store_refuses(&l, b + 64, 36);
	store_refuses(&l, b - 64, 164);
	store_refuses(&l, 0, 100);
	store_refuses(&l, (unsigned long)kernel->direct_map - 1, 100);
	assert_true(store_lab_free(&l, 0, a, 100));
	store_refuses(&l, a, 100);
	store_refuses(&l, a, 0);
	assert_true(store_lab_free(&l, 0, b, 100));
	store_refuses(&l, b, 100);
	assert_int_equal(store_lab_stats(&l).nr_bad, 33);
	store_lab_close(&l);
}

static void test_leak(void **state)
{
	struct store_lab l;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "zbud");
	for (int i = 0; i < 3; i++)
		assert_true(store_lab_malloc(&l, 0, 1000));
	store_put(l.store);
	l.store = NULL;
	assert_string_equal(l.sl.lab.event, "leak: zbud: 3 objects still in use");
	store_lab_close(&l);
}

static void test_faults(void **state)
{
	(void)state;
	assert_in_range(store_churn_faults(&(struct store_churn){.store = "zbud", .seed = 3}), 20,
			48);
}

static void test_fuzz(void **state)
{
	(void)state;
	store_churn_sizes("zbud");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buddies), cmocka_unit_test(test_fit),
		cmocka_unit_test(test_bounds),	cmocka_unit_test(test_adversary),
		cmocka_unit_test(test_classes), cmocka_unit_test(test_bad_handles),
		cmocka_unit_test(test_leak),	cmocka_unit_test(test_faults),
		cmocka_unit_test(test_fuzz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
