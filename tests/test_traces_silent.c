/*
 * Frees that no event tells: kfree_rcu() and its kin.
 */
#include "tests/test.h"
#include "tests/traces_lab.h"
#include "traces/silent.h"

static struct traces_lab lab;

static int begin(void **state)
{
	(void)state;
	traces_lab_begin(&lab);
	return 0;
}

static int end(void **state)
{
	(void)state;
	traces_lab_close(&lab);
	return 0;
}

/* Event i is at i * 10 ns. */
static void alloc(u64 ptr, const char *site)
{
	lab_cache_alloc(&lab, ptr, 96, 96, site, "leaky");
}

/* Ten objects of the site at one address, each where the one before was, 20 ns later: that is how
 * old they get. */
static void reuse(const char *site)
{
	for (int i = 0; i < 10; i++) {
		alloc(LAB_ADDR(0x10, 0), site);
		alloc(LAB_ADDR(0x20, i * 96), "other+0x1");
	}
}

static void dies_of_age(void **state)
{
	(void)state;
	reuse("open+0x3"); /* the last at 180 */
	lab_mark(&lab, "190 was the last, this is 200");
	lab_mark(&lab, "later");
	traces_lab_end(&lab);
	assert_non_null(strstr(lab.text, "180 kmem_cache_alloc #0 leaky\n"
					 "190 kmem_cache_alloc #10 leaky\n"
					 "200 kmem_cache_free #0 repair\n"
					 "200 mark 190 was"));
	assert_int_equal(lab_stats(&lab)->silent_frees, 10);
	assert_int_equal(lab_stats(&lab)->live_at_end, 10);
}

/* Once is nothing; and where frees have events, few that are missing are just that. */
static void few_tell_nothing(void **state)
{
	(void)state;
	alloc(LAB_ADDR(0x10, 0), "open+0x3");
	alloc(LAB_ADDR(0x10, 0), "open+0x3");
	for (int i = 0; i < 40; i++) {
		alloc(LAB_ADDR(0x10, 960), "told+0x3");
		lab_cache_free(&lab, LAB_ADDR(0x10, 960), "leaky");
	}
	for (int i = 0; i < 11; i++)
		alloc(LAB_ADDR(0x10, 960), "told+0x3");
	traces_lab_end(&lab);
	assert_int_equal(lab_stats(&lab)->silent_frees, 0);
	assert_int_equal(lab_stats(&lab)->reappeared, 11);
}

/* At time zero it is dead, and its slot free. */
static void dead_at_time_zero(void **state)
{
	(void)state;
	reuse("open+0x3");
	lab_mark(&lab, "200");
	lab_mark(&lab, "SNAP before end shrink");
	traces_lab_end(&lab);
	assert_int_equal(lab_stats(&lab)->zero_live, 10);
	assert_int_equal(lab_stats(&lab)->zero_free, 1);
}

/* Out in order of time, then of arrival. */
static void the_earliest_is_next(void **state)
{
	static const u64 times[] = {5, 3, 9, 3, 1, 7, 3, 8, 2, 6};
	struct silent s = {0};
	struct silent_end e;
	u64 last = 0, nr = 0;
	u32 last_slot = 0;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(times); i++)
		silent_add(&s, (struct silent_end){.t_ns = times[i], .slot = i});
	while (silent_next(&s, 8, &e)) {
		assert_true(e.t_ns > last || (e.t_ns == last && e.slot > last_slot));
		last = e.t_ns;
		last_slot = e.slot;
		nr++;
	}
	assert_int_equal(nr, ARRAY_SIZE(times) - 1);
	assert_int_equal(last, 8);
	silent_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(dies_of_age, begin, end),
		cmocka_unit_test_setup_teardown(few_tell_nothing, begin, end),
		cmocka_unit_test_setup_teardown(dead_at_time_zero, begin, end),
		cmocka_unit_test(the_earliest_is_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
