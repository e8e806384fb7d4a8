/*
 * The null store, and what the dispatcher does for every store.
 */
#include "tests/store_lab.h"
#include "tests/test.h"

static void test_sizes(void **state)
{
	struct store_lab l;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "null");
	assert_false(store_lab_malloc(&l, 0, 0));
	assert_int_equal(l.sl.lab.nr_events, 1);
	assert_false(store_lab_malloc(&l, 0, PAGE_SIZE + 1));
	assert_int_equal(l.sl.lab.nr_events, 2);
	assert_int_equal(l.store->layer->nr_failed, 2);
	assert_true(store_lab_malloc(&l, 0, PAGE_SIZE));
	store_lab_close(&l);
}

static void test_books(void **state)
{
	unsigned long a, b;
	struct store_lab l;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "null");
	a = store_lab_malloc(&l, 0, 100);
	b = store_lab_malloc(&l, 1, 28);
	assert_true(a && b && a != b);
	assert_int_equal(l.store->layer->live_objs, 2);
	assert_int_equal(l.store->layer->live_bytes, 128);
	assert_true(store_lab_write(&l, 0, a, 100, 1));
	assert_true(store_lab_free(&l, 0, a, 100));
	assert_int_equal(l.store->layer->live_bytes, 28);
	assert_true(store_lab_free(&l, 1, b, 28));
	assert_int_equal(store_lab_compact(&l, 0, UINT64_MAX, UINT64_MAX).freed_pages, 0);
	assert_int_equal(l.store->compacted.runs, 1);
	store_lab_close(&l);
}

static void test_induced_failure(void **state)
{
	struct store_lab l;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "null");
	l.store->layer->inject.every = 2;
	assert_true(store_lab_malloc(&l, 0, 100));
	assert_false(store_lab_malloc(&l, 0, 100));
	assert_int_equal(l.store->layer->live_objs, 1);
	store_lab_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_books),
		cmocka_unit_test(test_induced_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
