/*
 * HIGHATOMIC pageblocks: who gets one, who may use it, when it is given back
 * (reserve_highatomic_pageblock, unreserve_highatomic_pageblock, mm/page_alloc.c, 6.1).
 *
 * A node of 16 MiB is one zone of 8 pageblocks; a hundredth of it and a pageblock are 552 pages, so
 * two pageblocks can be kept. min 1024, low 1280, high 1536 pages.
 */
#include "tests/pages_test.h"
#include "tests/pressure_lab.h"

#include "alloc/pages/buddy.h"

#define NODE                                                                                       \
	"  - {memory: 16MiB, cpus: 0-1, distance: [10]}\n"                                         \
	"watermarks: {min_free: 4MiB}\n"
/* min 2048, low 2560: four pageblocks are free below low, and who cannot wait goes down to 768. */
#define NODE_8M_FREE                                                                               \
	"  - {memory: 16MiB, cpus: 0-1, distance: [10]}\n"                                         \
	"watermarks: {min_free: 8MiB}\n"
#define CHAIN "page_allocator(pcp=off,boost=0)"

static const struct zone_watermarks *marks(struct lab *lab)
{
	return zone_marks(lab->pa, node_zone(0, ZONE_DMA));
}

static u64 nr_highatomic(struct lab *lab, int order)
{
	return page_nr_free(lab->pa, node_zone(0, ZONE_DMA), MIGRATE_HIGHATOMIC, order);
}

/* Down to so many free pages, with movable ones. */
static void fill_to(struct lab *lab, long left)
{
	while (node_zone(0, ZONE_DMA)->vm_stat[NR_FREE_PAGES] > left)
		assert_non_null(lab_alloc(lab, 0, 0, GFP_MOVABLE_USER, -1));
}

/* Above low nothing is kept; below it the pageblock that served an atomic request is. */
static void the_serving_pageblock_is_kept(void **state)
{
	struct page *page;
	struct lab lab;

	(void)state;
	pressure_open(&lab, NODE, CHAIN, MM_LIVE);
	page = lab_alloc(&lab, 0, 2, GFP_ATOMIC, -1);
	assert_int_equal(page_to_pfn(page), 0);
	assert_int_equal(marks(&lab)->nr_reserved_highatomic, 0);
	lab_free(&lab, 0, page, 2);
	fill_to(&lab, 1024);
	assert_blocks(0, 4096, ".10 M0*3072");
	page = lab_alloc(&lab, 0, 2, GFP_ATOMIC, -1);
	assert_int_equal(page_to_pfn(page), 0);
	assert_blocks(0, 1024, "U2 .2 .3 .4 .5 .6 .7 .8 .9");
	assert_int_equal(marks(&lab)->nr_reserved_highatomic, 512);
	assert_int_equal(pageblock_migratetype(lab.pa, 0), MIGRATE_HIGHATOMIC);
	assert_int_equal(pageblock_migratetype(lab.pa, 512), MIGRATE_UNMOVABLE);
	for (int order = 2; order < 9; order++)
		assert_int_equal(nr_highatomic(&lab, order), 1);
	assert_int_equal(nr_highatomic(&lab, 9), 0);
	page_allocator_check(lab.pa);
	/* The next one comes from there. */
	assert_int_equal(page_to_pfn(lab_alloc(&lab, 0, 3, GFP_ATOMIC, -1)), 8);
	assert_blocks(0, 512, "U2 .2 U3 .4 .5 .6 .7 .8");
	assert_int_equal(marks(&lab)->nr_reserved_highatomic, 512);
	page_allocator_check(lab.pa);
	pressure_close(&lab);
}

/* A hundredth of the zone and one pageblock: the third stays as it is. */
static void a_hundredth_is_kept_at_most(void **state)
{
	unsigned long pfn[3];
	struct lab lab;

	(void)state;
	pressure_open(&lab, NODE_8M_FREE, CHAIN, MM_LIVE);
	fill_to(&lab, 2560);
	for (int i = 0; i < 3; i++)
		pfn[i] = page_to_pfn(lab_alloc(&lab, 0, 9, GFP_ATOMIC, -1));
	assert_null(lab_alloc(&lab, 0, 9, GFP_ATOMIC | __GFP_NOWARN, -1));
	assert_int_equal(marks(&lab)->nr_reserved_highatomic, 1024);
	assert_int_equal(pageblock_migratetype(lab.pa, pfn[0]), MIGRATE_HIGHATOMIC);
	assert_int_equal(pageblock_migratetype(lab.pa, pfn[1]), MIGRATE_HIGHATOMIC);
	assert_int_equal(pageblock_migratetype(lab.pa, pfn[2]), MIGRATE_UNMOVABLE);
	page_allocator_check(lab.pa);
	pressure_close(&lab);
}

/* Its free pages are none to those who may not use them; a single page is had by who cannot wait. */
static void others_do_without(void **state)
{
	struct lab lab;

	(void)state;
	pressure_open(&lab, NODE, CHAIN, MM_LIVE);
	fill_to(&lab, 1024);
	assert_non_null(lab_alloc(&lab, 0, 3, GFP_ATOMIC, -1));
	/* 1016 are free, 504 of them here: a plain request is refused, and gives nothing back. */
	assert_null(lab_alloc(&lab, 0, 0, GFP_NOWAIT | __GFP_NOMEMALLOC, -1));
	assert_int_equal(marks(&lab)->nr_reserved_highatomic, 512);
	/* Half of min, less a quarter: 384. The last of it come from the pageblock. */
	for (int i = 0; i < 512; i++)
		assert_int_not_equal(page_to_pfn(lab_alloc(&lab, 0, 0, GFP_ATOMIC, -1)) / 512,
				     3072 / 512);
	assert_int_equal(page_to_pfn(lab_alloc(&lab, 0, 0, GFP_ATOMIC, -1)) / 512, 3072 / 512);
	assert_int_equal(marks(&lab)->nr_reserved_highatomic, 512);
	while (lab_alloc(&lab, 0, 0, GFP_ATOMIC | __GFP_NOWARN, -1))
		;
	assert_int_equal(node_zone(0, ZONE_DMA)->vm_stat[NR_FREE_PAGES], 384);
	page_allocator_check(lab.pa);
	pressure_close(&lab);
}

/* Who would be refused otherwise has the last one, as what he asked for. */
static void it_is_given_back_in_need(void **state)
{
	struct lab lab;

	(void)state;
	pressure_open(&lab, NODE, CHAIN, MM_LIVE);
	fill_to(&lab, 1030);
	assert_non_null(lab_alloc(&lab, 0, 2, GFP_ATOMIC, -1));
	assert_int_equal(marks(&lab)->nr_reserved_highatomic, 512);
	assert_non_null(lab_alloc(&lab, 0, 0, GFP_MOVABLE_USER, -1));
	assert_int_equal(marks(&lab)->nr_reserved_highatomic, 0);
	assert_int_equal(pageblock_migratetype(lab.pa, 3072), MIGRATE_MOVABLE);
	for (int order = 0; order < MAX_ORDER; order++)
		assert_int_equal(nr_highatomic(&lab, order), 0);
	page_allocator_check(lab.pa);
	pressure_close(&lab);
}

/* A state that is brought about from outside is counted as one that grew. */
static void set_from_outside_it_counts(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab, NODE, CHAIN);
	set_pageblock_migratetype(lab.pa, 1024, MIGRATE_HIGHATOMIC);
	set_pageblock_migratetype(lab.pa, 1536, MIGRATE_HIGHATOMIC);
	assert_int_equal(marks(&lab)->nr_reserved_highatomic, 1024);
	assert_int_equal(nr_highatomic(&lab, 10), 1);
	page_allocator_check(lab.pa);
	set_pageblock_migratetype(lab.pa, 1536, MIGRATE_MOVABLE);
	assert_int_equal(marks(&lab)->nr_reserved_highatomic, 512);
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_serving_pageblock_is_kept),
		cmocka_unit_test(a_hundredth_is_kept_at_most),
		cmocka_unit_test(others_do_without),
		cmocka_unit_test(it_is_given_back_in_need),
		cmocka_unit_test(set_from_outside_it_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
