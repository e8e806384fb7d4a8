/*
 * Compaction: who compacts and when, and whether it is worth while.
 */
#include "tests/compact_lab.h"

#include "lib/units.h"

/* ---- Who compacts, and when ---- */

/* Memory is two thirds full, all of it movable, and there is no huge page. */
static void scatter(struct lab *lab)
{
	for (unsigned long pfn = 0; pfn < NR_FRAMES; pfn++)
		if (pfn % 3)
			hold(lab, pfn, true);
}

static void requests_compact(void **state)
{
	struct page *page;
	struct lab lab;

	(void)state;
	compact_lab_open(&lab, "page_allocator", MM_LIVE);
	scatter(&lab);
	page = lab_alloc(&lab, 0, 9, GFP_TRANSHUGE_LIGHT, -1);
	assert_null(page); /* may not wait for it */
	assert_int_equal(nr_moves, 0);
	page = lab_alloc(&lab, 0, 9, GFP_TRANSHUGE, -1);
	assert_non_null(page);
	assert_int_equal(kernel->path, PATH_COMPACT);
	assert_string_equal(last_run.mode, "direct_async");
	assert_string_equal(last_run.result, "success");
	assert_true(nr_moves >= 341);
	/* One cluster more than the pageblock at most. */
	assert_true(nr_moves <= 342 + COMPACT_CLUSTER_MAX);
	assert_int_equal(kernel->vm_event[COMPACTSTALL], 1);
	assert_int_equal(kernel->vm_event[COMPACTSUCCESS], 1);
	contents_are_there();
	lab_free(&lab, 0, page, 9);
	compact_lab_close(&lab);
}

static void compaction_can_be_off(void **state)
{
	struct lab lab;

	(void)state;
	compact_lab_open(&lab, "page_allocator(compaction=off)", MM_LIVE);
	scatter(&lab);
	assert_null(lab_alloc(&lab, 0, 9, GFP_TRANSHUGE, -1));
	machine_advance(lab.m, 60 * NSEC_PER_SEC);
	assert_int_equal(nr_moves, 0);
	assert_int_equal(lab.m->kthreads.steps, 0);
	compact_lab_close(&lab);
}

/* One pinned page in each part of 16: async direct compaction moves none of the others. */
static void async_gives_up_early(void **state)
{
	struct alloc_context ac;
	struct lab lab;

	(void)state;
	compact_lab_open(&lab, "page_allocator(pcp=off)", MM_LIVE);
	for (unsigned long pfn = 0; pfn < NR_FRAMES; pfn++)
		if (pfn % 4)
			hold(&lab, pfn, pfn % 16 != 15);
	ac = (struct alloc_context){
		.ps = lab_source(&lab),
		.zonelist = gfp_zonelist(&lab_source(&lab)->zonelists, GFP_KERNEL, 0),
		.nr_zones = 1,
		.order = 4,
		.migratetype = MIGRATE_MOVABLE,
		.gfp = GFP_KERNEL};
	machine_enter(lab.m, 0, 0);
	assert_int_equal(try_to_compact_pages(&ac, ALLOC_WMARK_MIN, COMPACT_PRIO_ASYNC),
			 COMPACT_PARTIAL_SKIPPED);
	assert_int_equal(nr_moves, 0);
	assert_true(last_run.migrate_scanned > 0);
	/* With more effort the pages move, and still no block of 16 comes of it. */
	assert_int_equal(try_to_compact_pages(&ac, ALLOC_WMARK_MIN, COMPACT_PRIO_SYNC_FULL),
			 COMPACT_COMPLETE);
	assert_true(nr_moves > 0);
	contents_are_there();
	compact_lab_close(&lab);
}

/* A machine too small to group by mobility: compaction gives no pageblock a type of its own. */
static void compaction_groups_nothing(void **state)
{
	struct alloc_context ac;
	struct lab lab;

	(void)state;
	compact_lab_open_on(&lab, "  - {memory: 8MiB, cpus: 0-1, distance: [10]}\n",
			    "page_allocator(pcp=off)", MM_LIVE);
	assert_false(groups_by_mobility(lab.pa));
	/* Pageblocks begin with a free block of half their size; else every other page is free. */
	for (unsigned long pfn = 1; pfn < kernel->max_pfn; pfn += 2)
		if (pfn % pageblock_nr_pages >= pageblock_nr_pages / 2)
			hold(&lab, pfn, true);
	ac = (struct alloc_context){
		.ps = lab_source(&lab),
		.zonelist = gfp_zonelist(&lab_source(&lab)->zonelists, GFP_KERNEL, 0),
		.nr_zones = 1,
		.order = 9,
		.migratetype = MIGRATE_UNMOVABLE,
		.gfp = GFP_KERNEL};
	machine_enter(lab.m, 0, 0);
	try_to_compact_pages(&ac, ALLOC_WMARK_MIN, COMPACT_PRIO_SYNC_FULL);
	assert_true(nr_moves > 0);
	for (unsigned long pfn = 0; pfn < kernel->max_pfn; pfn += pageblock_nr_pages)
		assert_int_equal(pageblock_migratetype(lab.pa, pfn), MIGRATE_UNMOVABLE);
	contents_are_there();
	compact_lab_close(&lab);
}

static void kcompactd_is_woken(void **state)
{
	struct page_source *ps;
	struct lab lab;

	(void)state;
	compact_lab_open(&lab, "page_allocator(pcp=off,proactiveness=0)", MM_LIVE);
	scatter(&lab);
	ps = lab_source(&lab);
	machine_advance(lab.m, NSEC_PER_SEC);
	assert_int_equal(lab.m->kthreads.steps, 0);
	wakeup_kcompactd(&ps->nodes[0], 9, ZONE_MOVABLE);
	machine_advance(lab.m, 2 * NSEC_PER_SEC);
	page_allocator_check(lab.pa);
	contents_are_there();
	assert_int_equal(kernel->vm_event[KCOMPACTD_WAKE], 1);
	assert_string_equal(last_run.mode, "kcompactd");
	assert_string_equal(last_run.result, "success");
	assert_true(kernel->vm_event[KCOMPACTD_MIGRATE_SCANNED] > 0);
	/* One huge page in each zone, and no more. */
	assert_int_equal(free_huge(node_zone(0, ZONE_DMA32), &lab), 1);
	assert_int_equal(free_huge(node_zone(0, ZONE_DMA), &lab), 1);
	/* A step is a cluster, or what was left of a pageblock. */
	assert_true(lab.m->kthreads.steps > 2 * 342 / pageblock_nr_pages);
	compact_lab_close(&lab);
}

/* 100 percent scattered: above 90, twice a second, down to 80; then it is quiet. */
static void proactive_compaction(void **state)
{
	const struct pglist_data *node;
	struct lab lab;
	u64 steps;

	(void)state;
	compact_lab_open(&lab, "page_allocator(pcp=off)", MM_LIVE);
	node = &lab_source(&lab)->nodes[0];
	scatter(&lab);
	assert_true(fragmentation_score_node(node) > 90);
	assert_int_equal(fragmentation_score_wmark(node, true), 80);
	assert_int_equal(fragmentation_score_wmark(node, false), 90);
	machine_advance(lab.m, 499 * NSEC_PER_MSEC);
	assert_int_equal(nr_runs, 0);
	machine_advance(lab.m, NSEC_PER_SEC);
	assert_int_equal(nr_runs, 2); /* a zone each */
	assert_string_equal(last_run.mode, "proactive");
	assert_string_equal(last_run.result, "success");
	for (int type = ZONE_DMA; type <= ZONE_DMA32; type++)
		assert_true(fragmentation_score_zone(&lab_source(&lab)->zones[type]) <= 80);
	contents_are_there();
	steps = lab.m->kthreads.steps;
	machine_advance(lab.m, 11 * NSEC_PER_SEC);
	assert_int_equal(nr_runs, 2);
	assert_in_range(lab.m->kthreads.steps - steps, 19, 21);
	compact_lab_close(&lab);
}

/* Nothing can move: half a minute of rest after each attempt. */
static void proactive_compaction_gives_up(void **state)
{
	struct lab lab;

	(void)state;
	compact_lab_open(&lab, "page_allocator(pcp=off)", MM_LIVE);
	for (unsigned long pfn = 0; pfn < NR_FRAMES; pfn += 2)
		hold(&lab, pfn, false);
	machine_advance(lab.m, 32 * NSEC_PER_SEC);
	assert_int_equal(nr_runs, 2);
	machine_advance(lab.m, 33 * NSEC_PER_SEC);
	assert_int_equal(nr_runs, 4);
	assert_int_equal(nr_moves, 0);
	compact_lab_close(&lab);
}

static struct pglist_data *busy_node;

/* A zone is done, and nothing came of it; the node's run goes on. */
static void ask_meanwhile(void *arg, const struct compact_trace *t)
{
	(void)arg, (void)t;
	if (!nr_runs++)
		wakeup_kcompactd(busy_node, 9, ZONE_DMA32);
}

/* Who asks while it compacts by itself in vain does not wait for half a minute. */
static void asked_during_a_proactive_run(void **state)
{
	struct lab lab;

	(void)state;
	compact_lab_open(&lab, "page_allocator(pcp=off)", MM_LIVE);
	for (unsigned long pfn = 0; pfn < NR_FRAMES; pfn += 2)
		hold(&lab, pfn, false);
	busy_node = &lab_source(&lab)->nodes[0];
	lab.m->on_compact = ask_meanwhile;
	machine_advance(lab.m, NSEC_PER_SEC);
	assert_true(nr_runs > 2);
	assert_int_equal(kernel->vm_event[KCOMPACTD_WAKE], 1);
	compact_lab_close(&lab);
}

/* ---- Is it worth while? ---- */

/* After each failure twice as many attempts are left out, up to 64. */
static void deferral(void **state)
{
	struct buddy_zone *bz;
	struct lab lab;

	(void)state;
	compact_lab_open(&lab, "page_allocator", MM_BARE);
	bz = &lab_source(&lab)->zones[ZONE_DMA32];
	compaction_defer_reset(bz, 9, true);
	assert_false(compaction_deferred(bz, 9));
	for (unsigned int shift = 1; shift < 9; shift++) {
		unsigned int left_out = 0;

		defer_compaction(bz, 9);
		assert_false(compaction_deferred(bz, 8)); /* that never failed */
		while (compaction_deferred(bz, 9))
			left_out++;
		assert_int_equal(left_out, (1U << min(shift, 6U)) - 1);
	}
	assert_true(compaction_restarting(bz, 9));
	compaction_defer_reset(bz, 9, true);
	assert_false(compaction_restarting(bz, 9));
	assert_false(compaction_deferred(bz, 9));
	compact_lab_close(&lab);
}

static enum compact_result suitable(const struct lab *lab, int order)
{
	return compaction_suitable(&lab_source(lab)->zones[ZONE_DMA32], order, ALLOC_WMARK_MIN,
				   ZONE_DMA32);
}

static void suitability(void **state)
{
	const struct zone_watermarks *marks;
	unsigned long pfn = DMA32_PFN;
	struct lab lab;
	long left;

	(void)state;
	compact_lab_open(&lab, "page_allocator(pcp=off)", MM_BARE);
	marks = &lab_source(&lab)->zones[ZONE_DMA32].marks;
	assert_int_equal(suitable(&lab, 9), COMPACT_SUCCESS); /* there is one */
	assert_int_equal(suitable(&lab, -1), COMPACT_CONTINUE);
	for (; pfn < NR_FRAMES; pfn += 2)
		hold(&lab, pfn, false);
	assert_int_equal(suitable(&lab, 0), COMPACT_SUCCESS);
	assert_int_equal(suitable(&lab, 9), COMPACT_CONTINUE);
	/* Single pages only: the index of order 4 is 1000 - 1000 / 16 - .., of order 1 the gate is
	 * not asked. */
	assert_int_equal(suitable(&lab, 1), COMPACT_CONTINUE);
	left = NR_FRAMES / 2 - DMA32_PFN / 2;
	for (pfn = DMA32_PFN + 1; left > marks->low + 1024 + 1; pfn += 2, left--)
		hold(&lab, pfn, false);
	assert_int_equal(suitable(&lab, 9), COMPACT_CONTINUE);
	hold(&lab, pfn, false); /* too little is left to move things to */
	assert_int_equal(suitable(&lab, 9), COMPACT_SKIPPED);
	compact_lab_close(&lab);
}

/* What is free lies in blocks of 8 pages: an order-4 request fails for lack of memory as much. */
static void index_gate(void **state)
{
	struct lab lab;

	(void)state;
	compact_lab_open(&lab, "page_allocator(pcp=off)", MM_BARE);
	for (unsigned long pfn = DMA32_PFN; pfn < NR_FRAMES; pfn++)
		if (pfn % 16 < 8)
			hold(&lab, pfn, false);
	/* 1000 - (1000 + free * 1000 / 2^k) / (free / 8) = 1000 - 8000 / 2^k - 0. */
	assert_int_equal(suitable(&lab, 4), COMPACT_SKIPPED);  /* 500 */
	assert_int_equal(suitable(&lab, 5), COMPACT_CONTINUE); /* 750 */
	compact_lab_close(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_compact),
		cmocka_unit_test(compaction_can_be_off),
		cmocka_unit_test(async_gives_up_early),
		cmocka_unit_test(compaction_groups_nothing),
		cmocka_unit_test(kcompactd_is_woken),
		cmocka_unit_test(proactive_compaction),
		cmocka_unit_test(proactive_compaction_gives_up),
		cmocka_unit_test(asked_during_a_proactive_run),
		cmocka_unit_test(deferral),
		cmocka_unit_test(suitability),
		cmocka_unit_test(index_gate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
