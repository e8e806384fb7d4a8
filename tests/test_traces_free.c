/*
 * What a trace knows of frames that were free at time zero.
 */
#include <stdlib.h>

#include "tests/test.h"
#include "traces/free_frames.h"

static void event(struct free_frames *f, u8 type, u64 pfn, u8 order, u16 cpu)
{
	free_frames_event(
		f, &(struct raw_event){
			   .type = type, .ptr = pfn, .order = order, .cpu = cpu, .alloc = 1});
}

static void freed(struct free_frames *f, u64 pfn)
{
	free_frames_freed(f, &(struct raw_event){.type = RAW_PAGE_FREE, .ptr = pfn});
}

static void row(const struct free_frames *f, u64 i, u64 pfn, int order, int cpu)
{
	assert_true(i < f->nr);
	assert_int_equal(f->rows[i].pfn, pfn);
	assert_int_equal(f->rows[i].order, order);
	assert_int_equal(f->rows[i].cpu, cpu);
}

/*
 *	free list: 10 -> CPU 1	(zone->lock was taken for it)
 *	CPU 2's list: 16..19
 *	in use: 30, freed and given out later
 *	CPU 0's list, given back: 41
 */
static void first_events_tell(void **state)
{
	struct free_frames f;

	(void)state;
	free_frames_init(&f);
	event(&f, RAW_ZONE_LOCKED, 10, 0, 1);
	event(&f, RAW_PAGE_ALLOC, 10, 0, 1);
	event(&f, RAW_PAGE_ALLOC, 16, 2, 2);
	freed(&f, 30);
	event(&f, RAW_PAGE_ALLOC, 30, 0, 2);
	event(&f, RAW_PCPU_DRAIN, 41, 0, 0);
	event(&f, RAW_PAGE_ALLOC, 16, 0, 0); /* again: says nothing of then */
	assert_int_equal(f.nr, 3);
	row(&f, 0, 10, 0, PAGE_FREE_LISTED);
	row(&f, 1, 16, 2, 2);
	row(&f, 2, 41, 0, 0);
	assert_int_equal(f.rows[0].migratetype, 1);
	assert_int_equal(f.rows[1].migratetype, PAGE_FREE_ANY);
	free_frames_free(&f);
}

/* A block of which a part was in use then; a frame freed before, and not heard of since. */
static void parts_and_the_past(void **state)
{
	struct free_frames f;

	(void)state;
	free_frames_init(&f);
	event(&f, RAW_PAGE_ALLOC, 99, 0, 0); /* before time zero */
	free_frames_begin(&f);
	assert_int_equal(f.nr, 0);
	event(&f, RAW_ZONE_LOCKED, 200, 0, 0); /* from here on lists are told apart */
	freed(&f, 9);
	event(&f, RAW_ZONE_LOCKED, 8, 1, 3);
	free_frames_add(&f, 77);
	free_frames_add(&f, 9);
	assert_int_equal(f.nr, 3);
	row(&f, 1, 8, 0, PAGE_FREE_LISTED);
	row(&f, 2, 77, 0, PAGE_FREE_LISTED);
	free_frames_free(&f);
}

/* Without mm_page_alloc_zone_locked nobody can tell whose list it was. */
static void without_lock_events(void **state)
{
	struct free_frames f;

	(void)state;
	free_frames_init(&f);
	event(&f, RAW_PAGE_ALLOC, 16, 2, 2);
	row(&f, 0, 16, 2, PAGE_FREE_LISTED);
	/* Compaction took it without an event and gives it back. */
	free_frames_taken(&f, &(struct raw_event){.type = RAW_PAGE_FREE, .ptr = 64});
	row(&f, 1, 64, 0, PAGE_FREE_LISTED);
	free_frames_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_events_tell),
		cmocka_unit_test(parts_and_the_past),
		cmocka_unit_test(without_lock_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
