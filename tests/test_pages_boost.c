/*
 * Boost: where mobilities are mixed, watermarks rise for a while (boost_watermark,
 * steal_suitable_fallback, zone_watermark_fast, mm/page_alloc.c, 6.1).
 *
 * A node of 16 MiB is one zone of 4096 pages: min 512, low 640, high 768, boost at most 1152.
 */
#include "tests/pages_test.h"
#include "tests/pressure_lab.h"

#include "alloc/pages/watermark.h"

#define NODE                                                                                       \
	"  - {memory: 16MiB, cpus: 0-1, distance: [10]}\n"                                         \
	"watermarks: {min_free: 2MiB}\n"
#define CHAIN "page_allocator(pcp=off,grouping=on)"

static const struct zone_watermarks *marks(struct lab *lab)
{
	return zone_marks(lab->pa, node_zone(0, ZONE_DMA));
}

static struct page *take(struct lab *lab, int order, gfp_t flags)
{
	return lab_alloc(lab, 0, order, flags | __GFP_NOWARN, -1);
}

/* Movable pages but for a free 1 MiB, and a free pageblock. */
static void open_mixable(struct lab *lab, const char *chain, enum mm_mode mode)
{
	pressure_open(lab, NODE, chain, mode);
	for (int i = 0; i < 3; i++)
		assert_non_null(take(lab, 10, GFP_MOVABLE_USER));
	assert_non_null(take(lab, 8, GFP_MOVABLE_USER));
	assert_blocks(0, 4096, "M10*3 M8 .8 .9");
}

static void mixing_boosts(void **state)
{
	struct lab lab;

	(void)state;
	open_mixable(&lab, CHAIN, MM_LIVE);
	/* A whole pageblock changes hands without harm. */
	assert_non_null(take(&lab, 0, GFP_RECLAIM_KERNEL));
	assert_int_equal(lab.m->nr_extfrag[EXTFRAG_ALL], 1);
	assert_int_equal(marks(&lab)->boost, 0);
	assert_non_null(take(&lab, 0, GFP_KERNEL));
	assert_blocks(3072, 1024, "M8 .8 R0 U0 .1 .2 .3 .4 .5 .6 .7 .8");
	assert_int_equal(lab.m->nr_extfrag[EXTFRAG_FRAGMENTING], 1);
	assert_int_equal(marks(&lab)->boost, 512);
	page_allocator_check(lab.pa);
	pressure_close(&lab);
}

/* 766 pages are free: more than min, less than min and boost. Haste outranks a boost. */
static void a_boost_makes_others_reclaim(void **state)
{
	struct lab lab;

	(void)state;
	open_mixable(&lab, CHAIN, MM_LIVE);
	take(&lab, 0, GFP_RECLAIM_KERNEL);
	take(&lab, 0, GFP_KERNEL);
	assert_null(take(&lab, 0, GFP_NOWAIT));
	assert_non_null(take(&lab, 0, GFP_ATOMIC));
	while (take(&lab, 0, GFP_ATOMIC))
		;
	/* min alone, less half, less a quarter. */
	assert_int_equal(node_zone(0, ZONE_DMA)->vm_stat[NR_FREE_PAGES], 192);
	pressure_close(&lab);
}

static void it_can_be_off(void **state)
{
	static const struct {
		const char *chain;
		enum mm_mode mode;
	} cases[] = {
		{"page_allocator(pcp=off,boost=0,grouping=on)", MM_LIVE},
		{CHAIN, MM_BARE},
		{CHAIN, MM_RECORDED},
		{"page_allocator(pcp=off,watermarks=off,grouping=on)", MM_LIVE},
	};
	struct lab lab;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		open_mixable(&lab, cases[i].chain, cases[i].mode);
		take(&lab, 0, GFP_RECLAIM_KERNEL);
		take(&lab, 0, GFP_KERNEL);
		assert_int_equal(lab.m->nr_extfrag[EXTFRAG_FRAGMENTING], 1);
		assert_int_equal(marks(&lab)->boost, 0);
		assert_non_null(take(&lab, 0, GFP_NOWAIT));
		pressure_close(&lab);
	}
}

static void it_has_an_end(void **state)
{
	struct buddy_zone *bz;
	struct lab lab;

	(void)state;
	pressure_open(&lab, NODE, NULL, MM_LIVE);
	bz = instance_alloc(sizeof(*bz));
	bz->boost_max = 1152;
	zone_set_marks(bz, &(struct zone_watermarks){.min = 512, .low = 640, .high = 768});
	for (long boost = 512; boost <= 3 * 512; boost += 512) {
		assert_true(boost_watermark(bz));
		assert_int_equal(bz->marks.boost, min(boost, 1152L));
		assert_int_equal(wmark_pages(bz, ALLOC_WMARK_MIN), 512 + bz->marks.boost);
		assert_int_equal(wmark_pages(bz, ALLOC_WMARK_LOW), 640 + bz->marks.boost);
		assert_int_equal(wmark_pages(bz, ALLOC_WMARK_HIGH), 768 + bz->marks.boost);
		assert_int_equal(bz->fast_mark[ZONE_NORMAL], 640 + bz->marks.boost);
	}
	bz->boost_max = 0;
	assert_false(boost_watermark(bz));
	pressure_close(&lab);
}

/* Of a zone of less than four pageblocks, no boost; of a small high, one pageblock. */
static void small_zones_are_spared(void **state)
{
	struct lab lab;

	(void)state;
	pressure_open(&lab, "  - {memory: 4MiB, cpus: 0, distance: [10]}\n", CHAIN, MM_LIVE);
	take(&lab, 9, GFP_MOVABLE_USER);
	take(&lab, 8, GFP_MOVABLE_USER);
	take(&lab, 0, GFP_KERNEL);
	assert_int_equal(lab.m->nr_extfrag[EXTFRAG_FRAGMENTING], 1);
	assert_int_equal(marks(&lab)->boost, 0);
	pressure_close(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mixing_boosts),
		cmocka_unit_test(a_boost_makes_others_reclaim),
		cmocka_unit_test(it_can_be_off),
		cmocka_unit_test(it_has_an_end),
		cmocka_unit_test(small_zones_are_spared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
