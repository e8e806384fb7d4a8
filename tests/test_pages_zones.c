/*
 * Zones: which a request may use and in which order; what Linux derives from their sizes.
 */
#include "tests/pages_test.h"

#include <stdio.h>

#include "alloc/pages/pcp.h"
#include "alloc/pages/zone_sizes.h"
#include "alloc/pages/zonelist.h"

/* "0:DMA32 0:DMA 1:Normal" */
static const char *list_text(const struct zonelist *zl, unsigned int nr)
{
	static char text[1024];
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < nr; i++) {
		const struct zone *zone = &kernel->zones[zl->zones[i]];

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%d:%s", i ? " " : "",
					 zone->node, zone->name);
	}
	return text;
}

static const char *zones_for(gfp_t flags, int node)
{
	struct zonelists zls;
	const struct zonelist *zl;
	const char *text;

	zonelists_create(&zls);
	zl = gfp_zonelist(&zls, flags, node);
	text = list_text(zl, zonelist_nr(zl, flags));
	zonelists_destroy(&zls);
	return text;
}

static void flags_choose_the_highest_zone(void **state)
{
	(void)state;
	assert_int_equal(gfp_zone(GFP_KERNEL), ZONE_NORMAL);
	assert_int_equal(gfp_zone(GFP_KERNEL | __GFP_DMA), ZONE_DMA);
	assert_int_equal(gfp_zone(GFP_KERNEL | __GFP_DMA32), ZONE_DMA32);
	assert_int_equal(gfp_zone(GFP_HIGHUSER), ZONE_NORMAL);
	assert_int_equal(gfp_zone(GFP_USER | __GFP_MOVABLE), ZONE_NORMAL);
	assert_int_equal(gfp_zone(GFP_HIGHUSER_MOVABLE), ZONE_MOVABLE);
	assert_int_equal(gfp_zone(GFP_HIGHUSER_MOVABLE | __GFP_DMA), ZONE_DMA);
}

static void the_own_node_comes_first_then_the_other(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab,
		 "  - {memory: 5GiB, cpus: 0, distance: [10, 20]}\n"
		 "  - {memory: 1GiB, cpus: 1, distance: [20, 10]}\n",
		 NULL);
	assert_string_equal(zones_for(GFP_KERNEL, 0), "0:Normal 0:DMA32 0:DMA 1:Normal");
	assert_string_equal(zones_for(GFP_KERNEL, 1), "1:Normal 0:Normal 0:DMA32 0:DMA");
	assert_string_equal(zones_for(GFP_KERNEL | __GFP_DMA32, 1), "0:DMA32 0:DMA");
	assert_string_equal(zones_for(GFP_KERNEL | __GFP_DMA, 1), "0:DMA");
	assert_string_equal(zones_for(GFP_KERNEL | __GFP_THISNODE, 1), "1:Normal");
	assert_string_equal(zones_for(GFP_KERNEL | __GFP_THISNODE | __GFP_DMA, 1), "");
	assert_string_equal(zones_for(GFP_KERNEL, -1), "0:Normal 0:DMA32 0:DMA 1:Normal");
	lab_close(&lab);
}

/*
 * find_next_best_node by hand. From 0: 1 (15), then 2 and 3 at 30: node 2 first. From 1: 0 at 15 +
 * 1 for a node before us; then 2 and 3 at 30, and 2 has been first of its group once: load makes it
 * 3.
 */
static void four_nodes_by_distance_and_load(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab,
		 "  - {memory: 16MiB, cpus: 0, distance: [10, 15, 30, 30]}\n"
		 "  - {memory: 16MiB, cpus: 1, distance: [15, 10, 30, 30]}\n"
		 "  - {memory: 16MiB, cpus: 2, distance: [30, 30, 10, 15]}\n"
		 "  - {memory: 16MiB, cpus: 3, distance: [30, 30, 15, 10]}\n",
		 NULL);
	assert_string_equal(zones_for(GFP_KERNEL, 0), "0:DMA 1:DMA32 2:DMA32 3:DMA32");
	assert_string_equal(zones_for(GFP_KERNEL, 1), "1:DMA32 0:DMA 3:DMA32 2:DMA32");
	assert_string_equal(zones_for(GFP_KERNEL, 2), "2:DMA32 3:DMA32 0:DMA 1:DMA32");
	assert_string_equal(zones_for(GFP_KERNEL, 3), "3:DMA32 2:DMA32 1:DMA32 0:DMA");
	lab_close(&lab);
}

static void a_node_without_memory_uses_the_nearest(void **state)
{
	struct page *page;
	struct lab lab;

	(void)state;
	lab_open(&lab,
		 "  - {memory: 16MiB, cpus: 0, distance: [10, 30, 20]}\n"
		 "  - {memory: 16MiB, cpus: 1, distance: [30, 10, 15]}\n"
		 "  - {memory: 0B, cpus: 2, distance: [20, 15, 10]}\n",
		 "page_allocator");
	assert_string_equal(zones_for(GFP_KERNEL, 2), "1:DMA32 0:DMA");
	page = lab_alloc(&lab, 2, 0, GFP_KERNEL, -1);
	assert_int_equal(page_to_nid(page), 1);
	assert_null(lab_alloc(&lab, 2, 0, GFP_KERNEL | __GFP_THISNODE, -1));
	assert_null(lab_alloc(&lab, 0, 0, GFP_KERNEL | __GFP_THISNODE, 2));
	lab_close(&lab);
}

/* At equal distance a node without CPUs is under less pressure and comes first. */
static void a_node_without_cpus_is_preferred(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab,
		 "  - {memory: 16MiB, cpus: 0, distance: [10, 20, 20]}\n"
		 "  - {memory: 16MiB, cpus: 1, distance: [20, 10, 20]}\n"
		 "  - {memory: 16MiB, distance: [20, 20, 10]}\n",
		 NULL);
	assert_string_equal(zones_for(GFP_KERNEL, 0), "0:DMA 2:DMA32 1:DMA32");
	lab_close(&lab);
}

/* Each request spills into the next zone of its list when one is used up. */
static void requests_spill_in_list_order(const char *chain)
{
	static const int nids[] = {1, 1, 0, 0, 0, 0};
	struct lab lab;

	lab_open(&lab,
		 "  - {memory: 16MiB, cpus: 0, distance: [10, 20]}\n"
		 "  - {memory: 8MiB, cpus: 1, distance: [20, 10]}\n",
		 chain);
	for (size_t i = 0; i < ARRAY_SIZE(nids); i++) {
		struct page *page = lab_alloc(&lab, 1, 10, GFP_KERNEL, -1);

		assert_non_null(page);
		assert_int_equal(page_to_nid(page), nids[i]);
	}
	assert_null(lab_alloc(&lab, 1, 0, GFP_KERNEL, -1));
	lab_close(&lab);
}

static void every_source_spills_in_list_order(void **state)
{
	(void)state;
	requests_spill_in_list_order("page_allocator(watermarks=off)");
	requests_spill_in_list_order("page_allocator(pcp=off,watermarks=off)");
	requests_spill_in_list_order("bitmap");
	requests_spill_in_list_order("null");
}

/* ---- Sizes ---- */

/*
 * The machine the shipped traces were recorded on; expected figures are its zoneinfo, word for
 * word. Boot keeps part of each zone and frees the initrd after watermarks are set, so what it
 * managed then is smaller than what zoneinfo says: these are the sizes that explain its shares of
 * 16896 pages.
 */
static void recorded_machine(struct lab *lab)
{
	lab_open(lab,
		 "  - {memory: 1GiB, cpus: 0-1, distance: [10, 20]}\n"
		 "  - {memory: 1GiB, cpus: 2-3, distance: [20, 10]}\n",
		 NULL);
	node_zone(0, ZONE_DMA)->spanned_pages = 3840;
	node_zone(0, ZONE_DMA32)->spanned_pages = 241580;
	node_zone(1, ZONE_DMA32)->spanned_pages = 248580;
}

static void assert_sizes(const struct zone *zone, unsigned long min, unsigned long low,
			 unsigned long high, unsigned int batch, unsigned int pcp_high)
{
	struct zone_sizes s;

	zone_sizes_compute(&s, zone, min_free_pages(), 0);
	assert_int_equal(s.min, min);
	assert_int_equal(s.low, low);
	assert_int_equal(s.high, high);
	assert_int_equal(s.pcp_batch, batch);
	assert_int_equal(s.pcp_high, pcp_high);
}

static void sizes_are_those_of_the_recorded_machine(void **state)
{
	struct lab lab;

	(void)state;
	recorded_machine(&lab);
	assert_int_equal(min_free_pages(), 16896);
	assert_sizes(node_zone(0, ZONE_DMA), 131, 163, 195, 1, 81);
	assert_sizes(node_zone(0, ZONE_DMA32), 8262, 10327, 12392, 63, 5163);
	assert_sizes(node_zone(1, ZONE_DMA32), 8502, 10627, 12752, 63, 5313);
	lab_close(&lab);
}

static void small_zones_move_small_batches(void **state)
{
	struct lab lab;

	(void)state;
	/* small-pressure's machine: 28450 and 44321 pages managed gave batches of 7. */
	recorded_machine(&lab);
	node_zone(0, ZONE_DMA32)->spanned_pages = 28450;
	node_zone(1, ZONE_DMA32)->spanned_pages = 44321;
	for (int nid = 0; nid < 2; nid++) {
		struct zone_sizes s;

		zone_sizes_compute(&s, node_zone(nid, ZONE_DMA32), min_free_pages(), 0);
		assert_int_equal(s.pcp_batch, 7);
	}
	lab_close(&lab);
}

static void batch_and_high_are_options(void **state)
{
	const struct per_cpu_pages *pcp;
	struct lab lab;

	(void)state;
	lab_open(&lab, LAB_NODE, "page_allocator(batch=5)");
	pcp = zone_pageset(lab.pa, node_zone(0, ZONE_DMA), 1);
	assert_int_equal(pcp->batch, 5);
	assert_true(pcp->high >= 20);
	lab_close(&lab);
	lab_open(&lab, LAB_NODE, "page_allocator(high=9)");
	assert_int_equal(zone_pageset(lab.pa, node_zone(0, ZONE_DMA), 0)->high, 9);
	lab_close(&lab);
}

/* nodes is followed by whatever else a machine file may say. */
static void the_machine_may_set_them(void **state)
{
	const char *const machine = LAB_NODE "percpu_lists: {batch: 6, high: 30}\n"
					     "watermarks: {min_free: 2MiB, scale: 1000}\n";
	const struct per_cpu_pages *pcp;
	struct zone_sizes s;
	struct lab lab;

	(void)state;
	lab_open(&lab, machine, "page_allocator");
	pcp = zone_pageset(lab.pa, node_zone(0, ZONE_DMA), 1);
	assert_int_equal(pcp->batch, 6);
	assert_int_equal(pcp->high, 30);
	assert_int_equal(min_free_pages(), 512);
	zone_sizes_compute(&s, node_zone(0, ZONE_DMA), min_free_pages(), 0);
	/* The gap is a tenth of the zone's 4096 pages, since that is more than a quarter of min. */
	assert_int_equal(s.min, 512);
	assert_int_equal(s.low, 512 + 409);
	lab_close(&lab);
	lab_open(&lab,
		 "  - {memory: 16MiB, cpus: 0}\n  - {memory: 16MiB, cpus: 1}\n"
		 "percpu_lists: {batch: 6, high: 30, zones: [{node: 1, zone: DMA32, "
		 "high: 99}]}\n",
		 "page_allocator");
	pcp = zone_pageset(lab.pa, node_zone(0, ZONE_DMA), 1);
	assert_int_equal(pcp->high, 30);
	pcp = zone_pageset(lab.pa, node_zone(1, ZONE_DMA32), 0);
	assert_int_equal(pcp->batch, 6);
	assert_int_equal(pcp->high, 99);
	lab_close(&lab);
	lab_open(&lab, machine, "page_allocator(batch=5)"); /* the allocator's own option wins */
	assert_int_equal(zone_pageset(lab.pa, node_zone(0, ZONE_DMA), 1)->batch, 5);
	lab_close(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_choose_the_highest_zone),
		cmocka_unit_test(the_own_node_comes_first_then_the_other),
		cmocka_unit_test(four_nodes_by_distance_and_load),
		cmocka_unit_test(a_node_without_memory_uses_the_nearest),
		cmocka_unit_test(a_node_without_cpus_is_preferred),
		cmocka_unit_test(every_source_spills_in_list_order),
		cmocka_unit_test(sizes_are_those_of_the_recorded_machine),
		cmocka_unit_test(small_zones_move_small_batches),
		cmocka_unit_test(batch_and_high_are_options),
		cmocka_unit_test(the_machine_may_set_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
