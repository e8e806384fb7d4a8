/*
 * Counts at marks: what is gathered is what a load tells, holds of a lock are told apart, damage is
 * noticed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/test.h"
#include "traces/tally.h"

static void event(struct tally *t, u8 type, u16 cpu, u32 size, u8 order)
{
	tally_event(t, &(struct raw_event){.type = type, .cpu = cpu, .size = size, .order = order});
}

static struct tallies decoded(const struct tally *t, u32 nr_marks)
{
	struct bytes out = {0};
	struct tallies got;

	tally_encode(t, &out);
	assert_int_equal(tallies_decode(&got, out.data, out.n, nr_marks), 0);
	bytes_free(&out);
	return got;
}

static u64 at(const struct tallies *t, u32 mark, const char *name)
{
	for (u32 i = 0; i < t->nr_rows; i++)
		if (!strcmp(t->names[i], name))
			return tallies_at(t, mark, i);
	fail_msg("no row %s", name);
	return 0;
}

/*
 * CPU 0: two pages in, out to a request, one more in; CPU 1 between them: a run of its own.
 *	cpu 0	L L   A L     -> 2 refills
 *	cpu 1	    L     L   -> 1: nothing of CPU 1 came between
 */
static void runs_are_of_a_cpu(void **state)
{
	struct tallies got;
	struct tally t;

	(void)state;
	tally_init(&t);
	event(&t, RAW_ZONE_LOCKED, 0, 1, 0);
	event(&t, RAW_ZONE_LOCKED, 0, 1, 0);
	event(&t, RAW_ZONE_LOCKED, 1, 1, 0);
	event(&t, RAW_PAGE_ALLOC, 0, 0, 0);
	event(&t, RAW_ZONE_LOCKED, 0, 1, 0);
	event(&t, RAW_ZONE_LOCKED, 1, 1, 0);
	tally_mark(&t);
	/* For a request itself: each is a hold of its own, and ends what came before. */
	event(&t, RAW_ZONE_LOCKED, 0, 0, 4);
	event(&t, RAW_ZONE_LOCKED, 0, 0, 4);
	event(&t, RAW_ZONE_LOCKED, 0, 1, 0);
	event(&t, RAW_PCPU_DRAIN, 0, 0, 0);
	event(&t, RAW_PCPU_DRAIN, 0, 0, 0);
	event(&t, RAW_PAGE_FREE, 0, 0, 0);
	event(&t, RAW_PCPU_DRAIN, 0, 0, 0);
	event(&t, RAW_PAGE_FREE, 0, 0, 4);
	event(&t, RAW_PAGE_FREE, 0, 0, 9);
	tally_mark(&t);
	got = decoded(&t, 2);
	assert_int_equal(at(&got, 0, TALLY_REFILLS), 3);
	assert_int_equal(at(&got, 1, TALLY_REFILLS), 4);
	assert_int_equal(at(&got, 0, TALLY_LOCKED), 0);
	assert_int_equal(at(&got, 1, TALLY_LOCKED), 2);
	assert_int_equal(at(&got, 1, TALLY_DRAINS), 2);
	assert_int_equal(at(&got, 1, TALLY_UNLOCKED), 1);
	tallies_close(&got);
	tally_free(&t);
}

/* What was set, and classes of fallbacks; a mark at which nothing was new keeps the values. */
static void values_stand_until_they_change(void **state)
{
	struct tallies got;
	struct tally t;
	char row[160];

	(void)state;
	tally_init(&t);
	tally_mark(&t);
	tally_set(&t, "mm_page_alloc", 7);
	tally_event(&t, &(struct raw_event){.type = RAW_EXTFRAG,
					    .order = 1,
					    .size = 8,
					    .alloc = 0,
					    .node = 2,
					    .ptr = 1});
	tally_mark(&t);
	tally_mark(&t);
	tally_set(&t, "mm_page_alloc", 1ULL << 40);
	for (u32 i = 0; i < 500; i++) { /* many rows */
		snprintf(row, sizeof(row), "row-%u", i);
		tally_set(&t, row, i);
	}
	tally_mark(&t);
	got = decoded(&t, 4);
	assert_int_equal(at(&got, 0, "mm_page_alloc"), 0);
	assert_int_equal(at(&got, 1, "mm_page_alloc"), 7);
	assert_int_equal(at(&got, 2, "mm_page_alloc"), 7);
	assert_int_equal(at(&got, 3, "mm_page_alloc"), 1ULL << 40);
	assert_int_equal(at(&got, 3, "row-499"), 499);
	snprintf(row, sizeof(row), TALLY_EXTFRAG_FORM, 1, 8, 0, 2, 1);
	assert_int_equal(at(&got, 0, row), 0);
	assert_int_equal(at(&got, 2, row), 1);
	tallies_close(&got);
	tally_free(&t);
}

/* Cut anywhere, of another number of marks, or naming a row that is not there. */
static void damage_is_noticed(void **state)
{
	struct bytes out = {0};
	struct tallies got;
	struct tally t;

	(void)state;
	tally_init(&t);
	tally_set(&t, "a", 1);
	tally_mark(&t);
	tally_encode(&t, &out);
	for (size_t n = 0; n < out.n; n++)
		assert_int_equal(tallies_decode(&got, out.data, n, 1), -1);
	assert_int_equal(tallies_decode(&got, out.data, out.n, 2), -1);
	assert_int_equal(tallies_decode(&got, out.data, out.n, 1), 0);
	tallies_close(&got);
	out.data[out.n - 12] = 1; /* the row */
	assert_int_equal(tallies_decode(&got, out.data, out.n, 1), -1);
	bytes_free(&out);
	tally_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_are_of_a_cpu),
		cmocka_unit_test(values_stand_until_they_change),
		cmocka_unit_test(damage_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
