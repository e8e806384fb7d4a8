/*
 * Plans around frames that are known to be free: holes are filled, nothing known is lost.
 */
#include <stdlib.h>

#include "sim/page_plan.h"
#include "tests/test.h"

#define FRAMES 4096UL

static void plan_open(struct page_plan *p)
{
	*p = (struct page_plan){.nr_classes = 1, .has_known = true};
	page_plan_init(p, FRAMES);
	for (unsigned long b = 0; b < FRAMES >> pageblock_order; b++)
		p->like[b] = NO_CLASS;
}

static u64 kept_blocks(const struct page_plan *p, int order)
{
	u64 n = 0;

	for (unsigned long f = 0; f < FRAMES; f += 1UL << order)
		n += page_plan_full(p->keep, f, order) &&
		     (order == MAX_ORDER - 1 ||
		      !page_plan_full(p->keep, f & ~((2UL << order) - 1), order + 1));
	return n;
}

/*
 *	frames 64..127:	known but for 70 and 99; 300..303: known
 *	wanted:		one block of order 6, one of order 2
 *	kept:		64..127, 300..303, and no other frame
 */
static void holes_are_filled(void **state)
{
	struct page_plan p;

	(void)state;
	plan_open(&p);
	page_plan_set(p.known, 64, 6);
	bit_clear(p.known, 70);
	bit_clear(p.known, 99);
	page_plan_set(p.known, 300, 2);
	p.want[0][6] = p.want[0][2] = 1;
	page_plan_make(&p);
	assert_true(page_plan_full(p.keep, 64, 6));
	assert_int_equal(kept_blocks(&p, 6), 1);
	assert_int_equal(kept_blocks(&p, 2), 1);
	for (int order = 0; order < MAX_ORDER; order++)
		assert_int_equal(kept_blocks(&p, order), order == 6 || order == 2);
	page_plan_free(&p);
}

/* The hole is in use: another block has to do, and what is known stays free all the same. */
static void used_frames_stay_used(void **state)
{
	struct page_plan p;

	(void)state;
	plan_open(&p);
	page_plan_set(p.known, 64, 3);
	bit_clear(p.known, 66);
	bit_set(p.used, 66);
	p.want[0][3] = 2;
	page_plan_make(&p);
	assert_false(bit_test(p.keep, 66));
	for (unsigned long f = 64; f < 72; f++)
		assert_int_equal(bit_test(p.keep, f), f != 66);
	assert_int_equal(kept_blocks(&p, 3), 1); /* seven of 16 pages were there already */
	page_plan_free(&p);
}

/* More is known than wanted: nothing is added, nothing taken away. */
static void what_is_known_counts_more(void **state)
{
	struct page_plan p;

	(void)state;
	plan_open(&p);
	page_plan_set(p.known, 1024, 10);
	page_plan_set(p.known, 8, 0);
	p.want[0][5] = 3;
	page_plan_make(&p);
	for (unsigned long i = 0; i < FRAMES / BITS_PER_WORD; i++)
		assert_true(p.keep[i] == p.known[i]);
	page_plan_free(&p);
}

/* Pageblocks that are free as a whole: the classes that such are wanted of. */
static void large_blocks_have_the_wanted_class(void **state)
{
	struct page_plan p;

	(void)state;
	plan_open(&p);
	p.nr_classes = MIGRATE_TYPES;
	p.nr_blocks[MIGRATE_UNMOVABLE] = 5;
	p.nr_blocks[MIGRATE_MOVABLE] = 2;
	p.nr_blocks[MIGRATE_RECLAIMABLE] = 1;
	page_plan_set(p.known, 1024, 10);
	page_plan_set(p.known, 512, 9);
	p.like[1] = MIGRATE_RECLAIMABLE;
	p.want[MIGRATE_MOVABLE][10] = 1;
	p.want[MIGRATE_RECLAIMABLE][9] = 1;
	page_plan_make(&p);
	assert_int_equal(p.class[1], MIGRATE_RECLAIMABLE);
	assert_int_equal(p.class[2], MIGRATE_MOVABLE);
	assert_int_equal(p.class[3], MIGRATE_MOVABLE);
	assert_int_equal(p.class[0], MIGRATE_UNMOVABLE);
	page_plan_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holes_are_filled),
		cmocka_unit_test(used_frames_stay_used),
		cmocka_unit_test(what_is_known_counts_more),
		cmocka_unit_test(large_blocks_have_the_wanted_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
