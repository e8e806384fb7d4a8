/*
 * page_allocator: what happens when a mobility type runs out. The rules are those of Linux 6.1
 * (mm/page_alloc.c), restated where each is tested. Without per-CPU lists each step shows.
 */
#include "tests/pages_test.h"

#include "alloc/pages/buddy.h"

#define NODE_4M "  - {memory: 4MiB, cpus: 0-1, distance: [10]}\n"
#define NODE_8M "  - {memory: 8MiB, cpus: 0-1, distance: [10]}\n"

static struct page *take(struct lab *lab, int order, gfp_t flags)
{
	return lab_alloc(lab, 0, order, flags, -1);
}

static unsigned long take_pfn(struct lab *lab, int order, gfp_t flags)
{
	struct page *page = take(lab, order, flags);

	assert_non_null(page);
	return page_to_pfn(page);
}

static u64 nr_free(struct lab *lab, int migratetype, int order)
{
	return page_nr_free(lab->pa, node_zone(0, ZONE_DMA), migratetype, order);
}

static void assert_extfrag4(struct lab *lab, u64 all, u64 fragmenting, u64 unmovable,
			    u64 into_movable)
{
	assert_int_equal(lab->m->nr_extfrag[EXTFRAG_ALL], all);
	assert_int_equal(lab->m->nr_extfrag[EXTFRAG_FRAGMENTING], fragmenting);
	assert_int_equal(lab->m->nr_extfrag[EXTFRAG_UNMOVABLE], unmovable);
	assert_int_equal(lab->m->nr_extfrag[EXTFRAG_UNMOVABLE_INTO_MOVABLE], into_movable);
}

/* Where every unmovable one went among movable ones. */
static void assert_extfrag(struct lab *lab, u64 all, u64 fragmenting, u64 unmovable)
{
	assert_extfrag4(lab, all, fragmenting, unmovable, unmovable);
}

/* At order >= pageblock_order every pageblock of the block changes type outright. */
static void a_whole_block_changes_type(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab, NODE_8M, "page_allocator(pcp=off,grouping=on)");
	assert_int_equal(take_pfn(&lab, 0, GFP_KERNEL), 0);
	assert_blocks(0, 2048, "U0 .0 .1 .2 .3 .4 .5 .6 .7 .8 .9 _10");
	assert_int_equal(pageblock_migratetype(lab.pa, 0), MIGRATE_UNMOVABLE);
	assert_int_equal(pageblock_migratetype(lab.pa, 512), MIGRATE_UNMOVABLE);
	assert_int_equal(pageblock_migratetype(lab.pa, 1024), MIGRATE_MOVABLE);
	assert_extfrag(&lab, 1, 0, 0);
	assert_int_equal(nr_free(&lab, MIGRATE_UNMOVABLE, 9), 1);
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

/* At one order: RECLAIMABLE before MOVABLE for an unmovable request. */
static void unmovable_prefers_reclaimable(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab, NODE_8M, "page_allocator(pcp=off,grouping=on)");
	assert_int_equal(take_pfn(&lab, 0, GFP_RECLAIM_KERNEL), 0);
	assert_int_equal(take_pfn(&lab, 9, GFP_MOVABLE_USER), 1024);
	assert_int_equal(nr_free(&lab, MIGRATE_RECLAIMABLE, 9), 1); /* at 512 */
	assert_int_equal(nr_free(&lab, MIGRATE_MOVABLE, 9), 1);	    /* at 1536 */
	assert_int_equal(take_pfn(&lab, 0, GFP_KERNEL), 512);
	assert_int_equal(pageblock_migratetype(lab.pa, 512), MIGRATE_UNMOVABLE);
	assert_int_equal(pageblock_migratetype(lab.pa, 0), MIGRATE_RECLAIMABLE);
	lab_close(&lab);
}

/* Orders are searched from the largest down: size matters more than the type preferred. */
static void the_largest_block_wins(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab, NODE_8M, "page_allocator(pcp=off,grouping=on)");
	take_pfn(&lab, 0, GFP_RECLAIM_KERNEL);
	assert_int_equal(take_pfn(&lab, 0, GFP_KERNEL), 1024);
	lab_close(&lab);
}

/* Leaves so many pages free at the end of the pageblock at 512; the rest is in use, and movable. */
static void fill_all_but(struct lab *lab, unsigned int nr_free_pages)
{
	lab_open(lab, NODE_4M, "page_allocator(pcp=off,grouping=on)");
	assert_int_equal(take_pfn(lab, 9, GFP_MOVABLE_USER), 0);
	assert_int_equal(take_pfn(lab, 8, GFP_MOVABLE_USER), 512);
	if (nr_free_pages < 256)
		assert_int_equal(take_pfn(lab, 7, GFP_MOVABLE_USER), 768);
}

/* free + alike = 256 + 0: half of the pageblock is enough. */
static void half_a_pageblock_is_claimed(void **state)
{
	struct lab lab;

	(void)state;
	fill_all_but(&lab, 256);
	assert_blocks(512, 512, "M8 .8");
	assert_int_equal(nr_mixed_pageblocks(lab.pa, node_zone(0, ZONE_DMA)), 0);
	assert_int_equal(take_pfn(&lab, 0, GFP_KERNEL), 768);
	assert_blocks(512, 512, "M8 U0 .0 .1 .2 .3 .4 .5 .6 .7");
	assert_int_equal(pageblock_migratetype(lab.pa, 512), MIGRATE_UNMOVABLE);
	assert_extfrag(&lab, 1, 1, 1);
	assert_int_equal(nr_mixed_pageblocks(lab.pa, node_zone(0, ZONE_DMA)), 1);
	assert_string_equal(lab.event, "extfrag: pfn=0x300 alloc_order=0 fallback_order=8 "
				       "alloc_migratetype=0 fallback_migratetype=1 "
				       "change_ownership=1");
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

/* free + alike = 128 + 0: all free pages change lists, the pageblock keeps its type. */
static void less_is_stolen_but_not_claimed(void **state)
{
	struct lab lab;

	(void)state;
	fill_all_but(&lab, 128);
	assert_int_equal(take_pfn(&lab, 0, GFP_KERNEL), 896);
	assert_int_equal(pageblock_migratetype(lab.pa, 512), MIGRATE_MOVABLE);
	for (int order = 0; order < 7; order++)
		assert_int_equal(nr_free(&lab, MIGRATE_UNMOVABLE, order), 1);
	assert_extfrag(&lab, 1, 1, 1);
	assert_non_null(strstr(lab.event, "change_ownership=0"));
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

/* In a MOVABLE pageblock, pages neither free nor movable count as alike: 128 + 128. */
static void unmovable_pages_count_towards_the_claim(void **state)
{
	struct lab lab;

	(void)state;
	fill_all_but(&lab, 128);
	for (int i = 0; i < 128; i++)
		take_pfn(&lab, 0, GFP_KERNEL);
	assert_blocks(512, 512, "M8 M7 U0*128");
	lab_free(&lab, 0, pfn_to_page(768), 7);
	assert_int_equal(nr_free(&lab, MIGRATE_MOVABLE, 7), 1);
	assert_int_equal(take_pfn(&lab, 0, GFP_KERNEL), 768);
	assert_int_equal(pageblock_migratetype(lab.pa, 512), MIGRATE_UNMOVABLE);
	lab_close(&lab);
}

/* A page goes back to the lists of its pageblock's type, whatever it was asked for as. */
static void a_free_follows_the_pageblock(void **state)
{
	struct lab lab;

	(void)state;
	fill_all_but(&lab, 256);
	take_pfn(&lab, 0, GFP_KERNEL); /* claims the pageblock of the movable block at 512 */
	lab_free(&lab, 0, pfn_to_page(512), 8);
	assert_int_equal(nr_free(&lab, MIGRATE_UNMOVABLE, 8), 1);
	assert_int_equal(nr_free(&lab, MIGRATE_MOVABLE, 8), 0);
	lab_close(&lab);
}

/* For a MOVABLE request the movable pages of the pageblock are alike. */
static void movable_claims_what_is_mostly_free(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab, NODE_4M, "page_allocator(pcp=off,grouping=on)");
	take_pfn(&lab, 0, GFP_KERNEL);
	assert_int_equal(take_pfn(&lab, 9, GFP_KERNEL), 512);
	assert_int_equal(take_pfn(&lab, 0, GFP_MOVABLE_USER), 1);
	assert_int_equal(pageblock_migratetype(lab.pa, 0), MIGRATE_MOVABLE);
	assert_pages(0, 16, "|U|M|..|....|........|");
	assert_int_equal(nr_free(&lab, MIGRATE_MOVABLE, 8), 1);
	assert_extfrag(&lab, 2, 1, 0);
	lab_close(&lab);
}

/* An unmovable 4 MiB of which only pages 1 and 4 to 7 are free. */
static void open_nearly_full(struct lab *lab)
{
	static const int orders[] = {0, 9, 8, 7, 6, 5, 4, 3, 1};

	lab_open(lab, NODE_4M, "page_allocator(pcp=off,grouping=on)");
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++)
		take_pfn(lab, orders[i], GFP_KERNEL);
	assert_pages(0, 16, "|U|.|UU|....|UUUUUUUU|");
}

/* Where MOVABLE may not take the rest along (order below 4) it takes the smallest block. */
static void movable_takes_the_smallest_it_cannot_steal(void **state)
{
	struct lab lab;

	(void)state;
	open_nearly_full(&lab);
	assert_int_equal(take_pfn(&lab, 0, GFP_MOVABLE_USER), 1);
	assert_pages(0, 16, "|U|M|UU|....|UUUUUUUU|");
	assert_int_equal(nr_free(&lab, MIGRATE_UNMOVABLE, 2), 1);
	assert_non_null(strstr(lab.event, "fallback_order=0"));
	assert_int_equal(take_pfn(&lab, 0, GFP_MOVABLE_USER), 4);
	assert_pages(0, 16, "|U|M|UU|M|.|..|UUUUUUUU|");
	assert_int_equal(nr_free(&lab, MIGRATE_MOVABLE, 1), 1);
	assert_int_equal(pageblock_migratetype(lab.pa, 0), MIGRATE_UNMOVABLE);
	assert_extfrag(&lab, 3, 2, 0);
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

/* RECLAIMABLE and UNMOVABLE may steal at any order, and take the largest block then. */
static void reclaimable_steals_at_any_order(void **state)
{
	struct lab lab;

	(void)state;
	open_nearly_full(&lab);
	assert_int_equal(take_pfn(&lab, 0, GFP_RECLAIM_KERNEL), 1);
	assert_non_null(strstr(lab.event, "fallback_order=2"));
	assert_int_equal(nr_free(&lab, MIGRATE_RECLAIMABLE, 2), 1); /* all free pages moved */
	assert_int_equal(pageblock_migratetype(lab.pa, 0), MIGRATE_UNMOVABLE);
	lab_close(&lab);
}

/* Each of the four counts apart, and who owns the pageblock afterwards. */
static void four_counts_and_the_owner(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab, NODE_4M, "page_allocator(pcp=off,grouping=on)");
	take_pfn(&lab, 9, GFP_MOVABLE_USER);
	take_pfn(&lab, 8, GFP_MOVABLE_USER);
	/* Reclaimable into movable: counted as fragmenting alone; it claims half a pageblock. */
	assert_int_equal(take_pfn(&lab, 0, GFP_RECLAIM_KERNEL), 768);
	assert_extfrag4(&lab, 1, 1, 0, 0);
	assert_non_null(strstr(lab.event, "alloc_migratetype=2 fallback_migratetype=1 "
					  "change_ownership=1"));
	/* Unmovable into reclaimable: unmovable, but not among movable; 255 are too few. */
	assert_int_equal(take_pfn(&lab, 7, GFP_KERNEL), 896);
	assert_extfrag4(&lab, 2, 2, 1, 0);
	assert_non_null(strstr(lab.event, "alloc_order=7 fallback_order=7 alloc_migratetype=0 "
					  "fallback_migratetype=2 change_ownership=0"));
	/* Movable takes from unmovable: the two before it stay as they are. */
	assert_int_equal(take_pfn(&lab, 6, GFP_MOVABLE_USER), 832);
	assert_extfrag4(&lab, 3, 3, 1, 0);
	assert_non_null(strstr(lab.event, "alloc_migratetype=1 fallback_migratetype=0"));
	assert_int_equal(pageblock_migratetype(lab.pa, 512), MIGRATE_MOVABLE);
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

/* With grouping off there is one type and nothing to fall back to. */
static void without_grouping_there_is_one_type(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab, NODE_4M, "page_allocator(pcp=off,grouping=off)");
	assert_int_equal(nr_free(&lab, MIGRATE_UNMOVABLE, 10), 1);
	assert_int_equal(take_pfn(&lab, 0, GFP_MOVABLE_USER), 0);
	assert_int_equal(take_pfn(&lab, 0, GFP_KERNEL), 1);
	assert_pages(0, 8, "|M|U|..|....|");
	assert_extfrag(&lab, 0, 0, 0);
	lab_close(&lab);
}

/* With less than a pageblock for each type, Linux groups nothing: five types there. */
static void tiny_machines_do_not_group(void **state)
{
	static const struct {
		const char *node, *chain;
		bool groups;
	} cases[] = {
		{NODE_8M, "page_allocator", false},
		{NODE_8M, "page_allocator(grouping=on)", true},
		{"  - {memory: 12MiB, cpus: 0-1, distance: [10]}\n", "page_allocator", true},
		{"  - {memory: 12MiB, cpus: 0-1, distance: [10]}\n", "page_allocator(grouping=off)",
		 false},
	};
	struct lab lab;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		lab_open(&lab, cases[i].node, cases[i].chain);
		assert_int_equal(groups_by_mobility(lab.pa), cases[i].groups);
		assert_int_equal(nr_free(&lab, MIGRATE_MOVABLE, 10) > 0, cases[i].groups);
		assert_int_equal(nr_free(&lab, MIGRATE_UNMOVABLE, 10) > 0, !cases[i].groups);
		lab_close(&lab);
	}
}

/* ---- ALLOC_NOFRAGMENT ---- */

/* 4 MiB of NORMAL behind DMA and DMA32. */
#define NODE_NORMAL "  - {memory: 4100MiB, cpus: 0-1, distance: [10]}\n"
#define NORMAL_PFN 0x100000UL

static void mixing_waits_for_lower_zones(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab, NODE_NORMAL, "page_allocator(pcp=off,grouping=on)");
	assert_int_equal(take_pfn(&lab, 0, GFP_KERNEL), NORMAL_PFN);
	/* A free pageblock may change type even then. */
	assert_int_equal(take_pfn(&lab, 9, GFP_MOVABLE_USER), NORMAL_PFN + 512);
	/* What is left of NORMAL is smaller than a pageblock and unmovable: DMA32 comes first. */
	assert_int_equal(take_pfn(&lab, 0, GFP_MOVABLE_USER), 0x1000);
	assert_int_equal(take_pfn(&lab, 0, GFP_KERNEL), NORMAL_PFN + 1);
	assert_extfrag(&lab, 2, 0, 0);
	lab_close(&lab);
}

/* A node without DMA32 mixes at once rather than leave the node. */
static void mixing_beats_leaving_the_node(void **state)
{
	struct page *page;
	struct lab lab;

	(void)state;
	lab_open(&lab,
		 "  - {memory: 4GiB, cpus: 0, distance: [10, 20]}\n"
		 "  - {memory: 4MiB, cpus: 1, distance: [20, 10]}\n",
		 "page_allocator(pcp=off,grouping=on)");
	lab_alloc(&lab, 1, 0, GFP_KERNEL, -1);
	lab_alloc(&lab, 1, 9, GFP_KERNEL, -1);
	page = lab_alloc(&lab, 1, 0, GFP_MOVABLE_USER, -1);
	assert_int_equal(page_to_nid(page), 1);
	assert_extfrag(&lab, 2, 1, 0);
	lab_close(&lab);
}

/* ---- HIGHATOMIC, on a zone by itself ---- */

static struct buddy_zone *bare_zone(struct lab *lab)
{
	struct buddy_zone *bz;
	u8 *types;

	lab_open(lab, NODE_4M, NULL);
	types = instance_alloc(2);
	types[0] = types[1] = MIGRATE_MOVABLE;
	bz = instance_alloc(sizeof(*bz));
	buddy_zone_init(bz, node_zone(0, ZONE_DMA), types, MIGRATE_MOVABLE);
	return bz;
}

static void highatomic_is_never_stolen(void **state)
{
	struct buddy_zone *bz;
	struct page *page;
	struct lab lab;

	(void)state;
	bz = bare_zone(&lab);
	page = buddy_take(bz, 10, MIGRATE_MOVABLE, 0);
	bz->pageblock_type[0] = bz->pageblock_type[1] = MIGRATE_HIGHATOMIC;
	buddy_free(bz, page, 10, MIGRATE_HIGHATOMIC);
	assert_null(buddy_take(bz, 0, MIGRATE_UNMOVABLE, 0));
	assert_null(buddy_take(bz, 0, MIGRATE_MOVABLE, 0));
	assert_ptr_equal(buddy_take_smallest(bz, 3, MIGRATE_HIGHATOMIC), page);
	lab_close(&lab);
}

static void highatomic_pageblocks_do_not_merge_with_others(void **state)
{
	struct buddy_zone *bz;
	struct page *low, *high;
	struct lab lab;

	(void)state;
	bz = bare_zone(&lab);
	low = buddy_take(bz, 9, MIGRATE_MOVABLE, 0);
	high = buddy_take(bz, 9, MIGRATE_MOVABLE, 0);
	buddy_set_type(bz, 512, MIGRATE_HIGHATOMIC);
	buddy_free(bz, low, 9, MIGRATE_MOVABLE);
	buddy_free(bz, high, 9, MIGRATE_HIGHATOMIC);
	assert_blocks(0, 1024, ".9*2");
	buddy_zone_check(bz);
	lab_close(&lab);
}

/* UNMOVABLE and MOVABLE pageblocks do: the pair takes the type of the one freed last. */
static void other_pageblocks_merge(void **state)
{
	struct lab lab;
	struct page *u, *m;

	(void)state;
	lab_open(&lab, NODE_4M, "page_allocator(pcp=off,grouping=on)");
	m = take(&lab, 9, GFP_MOVABLE_USER);
	u = take(&lab, 9, GFP_KERNEL);
	lab_free(&lab, 0, u, 9);
	lab_free(&lab, 0, m, 9);
	assert_blocks(0, 1024, ".10");
	assert_int_equal(nr_free(&lab, MIGRATE_MOVABLE, 10), 1);
	assert_int_equal(pageblock_migratetype(lab.pa, 512), MIGRATE_UNMOVABLE);
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_block_changes_type),
		cmocka_unit_test(unmovable_prefers_reclaimable),
		cmocka_unit_test(the_largest_block_wins),
		cmocka_unit_test(half_a_pageblock_is_claimed),
		cmocka_unit_test(less_is_stolen_but_not_claimed),
		cmocka_unit_test(unmovable_pages_count_towards_the_claim),
		cmocka_unit_test(a_free_follows_the_pageblock),
		cmocka_unit_test(movable_claims_what_is_mostly_free),
		cmocka_unit_test(movable_takes_the_smallest_it_cannot_steal),
		cmocka_unit_test(reclaimable_steals_at_any_order),
		cmocka_unit_test(four_counts_and_the_owner),
		cmocka_unit_test(without_grouping_there_is_one_type),
		cmocka_unit_test(tiny_machines_do_not_group),
		cmocka_unit_test(mixing_waits_for_lower_zones),
		cmocka_unit_test(mixing_beats_leaving_the_node),
		cmocka_unit_test(highatomic_is_never_stolen),
		cmocka_unit_test(highatomic_pageblocks_do_not_merge_with_others),
		cmocka_unit_test(other_pageblocks_merge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
