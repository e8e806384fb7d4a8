/*
 * page_allocator's per-CPU lists: refill, order of reuse, trimming, what may stand on them.
 */
#include "tests/pages_test.h"

#include "alloc/pages/page_source.h"
#include "alloc/pages/pcp.h"

#define NODE_8M "  - {memory: 8MiB, cpus: 0-1, distance: [10]}\n"

static const struct per_cpu_pages *pageset(struct lab *lab, int cpu)
{
	return zone_pageset(lab->pa, node_zone(0, ZONE_DMA), cpu);
}

static unsigned int count(struct lab *lab, int cpu)
{
	return pageset(lab, cpu)->count;
}

static void a_refill_takes_a_batch(void **state)
{
	struct page *page;
	struct lab lab;

	(void)state;
	lab_open(&lab, NODE_8M, "page_allocator(batch=4,high=16,grouping=on)");
	page = lab_alloc(&lab, 0, 0, GFP_MOVABLE_USER, -1);
	assert_int_equal(page_to_pfn(page), 0);
	assert_int_equal(lab.m->k.path, PATH_SLOW);
	assert_pages(0, 16, "|M|:|:|:|....|........|");
	assert_int_equal(count(&lab, 0), 3);
	assert_int_equal(lab_free_pages(&lab), 2048 - 4);
	/* The next ones come in the order of their addresses, without the lock. */
	assert_int_equal(page_to_pfn(lab_alloc(&lab, 0, 0, GFP_MOVABLE_USER, -1)), 1);
	assert_int_equal(lab.m->k.path, PATH_FAST);
	/* Another CPU has lists of its own. */
	assert_int_equal(page_to_pfn(lab_alloc(&lab, 1, 0, GFP_MOVABLE_USER, -1)), 4);
	assert_pages(0, 16, "|M|M|:|:|M|:|:|:|........|");
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

/* batch >> order blocks at once, but two (__rmqueue_pcplist). */
static void larger_orders_take_fewer_blocks(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab, NODE_8M, "page_allocator(batch=16,high=1000,grouping=on)");
	lab_alloc(&lab, 0, 2, GFP_MOVABLE_USER, -1);
	assert_int_equal(count(&lab, 0), 3 * 4);
	lab_alloc(&lab, 0, 3, GFP_MOVABLE_USER, -1);
	assert_int_equal(count(&lab, 0), 3 * 4 + 8);
	lab_alloc(&lab, 0, 9, GFP_MOVABLE_USER, -1);
	assert_int_equal(count(&lab, 0), 3 * 4 + 8 + 512);
	lab_alloc(&lab, 1, 4, GFP_MOVABLE_USER, -1); /* order 4 has no list */
	assert_int_equal(count(&lab, 1), 0);
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

static void the_page_freed_last_is_reused_first(void **state)
{
	struct page *p[3];
	struct lab lab;

	(void)state;
	lab_open(&lab, NODE_8M, "page_allocator(batch=4,high=16,grouping=on)");
	for (int i = 0; i < 3; i++)
		p[i] = lab_alloc(&lab, 0, 0, GFP_MOVABLE_USER, -1);
	lab_free(&lab, 1, p[0], 0);
	lab_free(&lab, 0, p[1], 0);
	lab_free(&lab, 0, p[2], 0);
	assert_ptr_equal(lab_alloc(&lab, 0, 0, GFP_MOVABLE_USER, -1), p[2]);
	assert_ptr_equal(lab_alloc(&lab, 0, 0, GFP_MOVABLE_USER, -1), p[1]);
	assert_ptr_equal(lab_alloc(&lab, 1, 0, GFP_MOVABLE_USER, -1), p[0]);
	lab_close(&lab);
}

/*
 * nr_pcp_free with batch 4 and high 16: at 16 pages 4 go, at the next 16 twice as many, and so on
 * up to high - batch; an allocation halves it again.
 */
static void frees_alone_trim_ever_larger_batches(void **state)
{
	static const unsigned int after_trim[] = {12, 8, 4, 4};
	struct page *p[64];
	unsigned int peak = 0, trims = 0;
	struct lab lab;

	(void)state;
	lab_open(&lab, NODE_8M, "page_allocator(batch=4,high=16,grouping=on)");
	for (int i = 0; i < 64; i++)
		p[i] = lab_alloc(&lab, 0, 0, GFP_MOVABLE_USER, -1);
	assert_int_equal(count(&lab, 0), 0);
	for (int i = 0; i < 64 && trims < ARRAY_SIZE(after_trim); i++) {
		unsigned int before = count(&lab, 0);

		lab_free(&lab, 0, p[i], 0);
		peak = max(peak, before);
		if (count(&lab, 0) < before) {
			assert_int_equal(before, 15);
			assert_int_equal(count(&lab, 0), after_trim[trims++]);
		}
	}
	assert_int_equal(trims, ARRAY_SIZE(after_trim));
	assert_int_equal(peak, 15);
	assert_int_equal(pageset(&lab, 0)->free_factor, 2);
	lab_alloc(&lab, 0, 0, GFP_MOVABLE_USER, -1);
	assert_int_equal(pageset(&lab, 0)->free_factor, 1);
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

/* Options may set high below four batches, which Linux never does: still it bounds the lists. */
static void high_is_a_bound_whatever_the_batch(void **state)
{
	static const char *const chains[] = {"page_allocator(batch=4,high=1,grouping=on)",
					     "page_allocator(batch=4,high=4,grouping=on)",
					     "page_allocator(batch=4,high=5,grouping=on)",
					     "page_allocator(batch=1,high=1,grouping=on)"};

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(chains); c++) {
		struct page *p[40];
		struct lab lab;

		lab_open(&lab, NODE_8M, chains[c]);
		for (int i = 0; i < 40; i++)
			p[i] = lab_alloc(&lab, 0, 0, GFP_MOVABLE_USER, -1);
		for (int i = 0; i < 40; i++) {
			lab_free(&lab, 0, p[i], 0);
			assert_true(count(&lab, 0) < pageset(&lab, 0)->high || count(&lab, 0) < 4);
		}
		page_allocator_check(lab.pa);
		lab_close(&lab);
	}
}

/* The oldest page of a list goes first. */
static void a_trim_takes_the_coldest(void **state)
{
	struct page *p[16];
	struct lab lab;

	(void)state;
	lab_open(&lab, NODE_8M, "page_allocator(batch=4,high=16,grouping=on)");
	for (int i = 0; i < 16; i++)
		p[i] = lab_alloc(&lab, 0, 0, GFP_MOVABLE_USER, -1);
	for (int i = 0; i < 16; i++)
		lab_free(&lab, 0, p[i], 0);
	assert_pages(0, 16, "|....|:|:|:|:|:|:|:|:|:|:|:|:|");
	lab_close(&lab);
}

/* A CPU that frees without allocating keeps no blocks of orders 1 to 3 (free_unref_page_commit). */
static void freeing_larger_orders_empties_the_lists(void **state)
{
	struct page *p[16], *pair[2];
	struct lab lab;

	(void)state;
	lab_open(&lab, NODE_8M, "page_allocator(batch=4,high=16,grouping=on)");
	pair[0] = lab_alloc(&lab, 1, 1, GFP_MOVABLE_USER, -1);
	pair[1] = lab_alloc(&lab, 1, 1, GFP_MOVABLE_USER, -1);
	for (int i = 0; i < 16; i++)
		p[i] = lab_alloc(&lab, 0, 0, GFP_MOVABLE_USER, -1);
	lab_free(&lab, 0, pair[0], 1);
	assert_int_equal(count(&lab, 0), 2); /* no frees before: it stays */
	for (int i = 0; i < 14; i++)
		lab_free(&lab, 0, p[i], 0); /* up to high, and one trim */
	assert_int_equal(pageset(&lab, 0)->free_factor, 1);
	lab_free(&lab, 0, pair[1], 1);
	assert_int_equal(count(&lab, 0), 0);
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

static void huge_pages_are_trimmed_by_high_alone(void **state)
{
	struct page *p[3];
	struct lab lab;

	(void)state;
	lab_open(&lab, NODE_8M, "page_allocator(batch=4,high=1500,grouping=on)");
	for (int i = 0; i < 3; i++)
		p[i] = lab_alloc(&lab, 0, 9, GFP_MOVABLE_USER, -1);
	assert_int_equal(count(&lab, 0), 512);
	lab_free(&lab, 0, p[0], 9);
	assert_int_equal(count(&lab, 0), 1024);
	lab_free(&lab, 0, p[1], 9);
	assert_int_equal(count(&lab, 0), 1024);
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

/* The list of a freed page is that of its pageblock's type, not of the request's. */
static void freed_pages_stand_under_their_pageblocks_type(void **state)
{
	struct page *page;
	struct lab lab;

	(void)state;
	lab_open(&lab, NODE_8M, "page_allocator(batch=4,high=16,grouping=on)");
	page = lab_alloc(&lab, 0, 0, GFP_KERNEL, -1);
	while (page_to_pfn(lab_alloc(&lab, 0, 10, GFP_MOVABLE_USER, -1)) != 1024)
		;
	lab_alloc(&lab, 0, 9, GFP_MOVABLE_USER, -1); /* claims the unmovable pageblock at 512 */
	assert_int_equal(pageblock_migratetype(lab.pa, 0), MIGRATE_UNMOVABLE);
	lab_free(&lab, 0, page, 0);
	assert_int_equal(page->migratetype, MIGRATE_UNMOVABLE);
	page = lab_alloc(&lab, 1, 0, GFP_MOVABLE_USER, -1);
	assert_int_equal(pageblock_migratetype(lab.pa, page_to_pfn(page)), MIGRATE_MOVABLE);
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

static void drain_gives_everything_back(void **state)
{
	struct page *page;
	struct lab lab;

	(void)state;
	lab_open(&lab, NODE_8M, "page_allocator(grouping=on)");
	page = lab_alloc(&lab, 0, 0, GFP_MOVABLE_USER, -1);
	lab_free(&lab, 1, page, 0);
	page_allocator_drain(lab.pa);
	assert_blocks(0, 2048, ".10 _10");
	assert_int_equal(lab_free_pages(&lab), 2048);
	lab_close(&lab);
}

/* Pages on lists are found before a request that may reclaim is refused. */
static void the_last_pages_on_lists_are_found(void **state)
{
	struct page *page;
	struct lab lab;

	(void)state;
	lab_open(&lab, NODE_8M, "page_allocator(batch=4,high=4096,grouping=on)");
	for (int i = 0; i < 2047; i++)
		page = lab_alloc(&lab, 0, 0, GFP_MOVABLE_USER, -1);
	assert_int_equal(count(&lab, 0), 1);
	lab_free(&lab, 1, page, 0);
	assert_null(lab_alloc(&lab, 0, 0, GFP_ATOMIC, -1)); /* it lies on movable lists */
	assert_non_null(lab_alloc(&lab, 0, 0, GFP_KERNEL, -1));
	assert_non_null(lab_alloc(&lab, 0, 0, GFP_KERNEL, -1));
	assert_null(lab_alloc(&lab, 0, 0, GFP_KERNEL, -1));
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

/* The line of a page that another CPU took costs its transfer. */
static void freeing_on_another_cpu_costs_more(void **state)
{
	u64 busy[2];
	struct page *p[4];
	struct lab lab;

	(void)state;
	lab_open(&lab, NODE_8M, "page_allocator(batch=8,high=64,grouping=on)");
	for (int i = 0; i < 4; i++)
		p[i] = lab_alloc(&lab, 0, 0, GFP_KERNEL, -1);
	busy[0] = lab.m->cpus[0].busy_ns;
	busy[1] = lab.m->cpus[1].busy_ns;
	lab_free(&lab, 0, p[0], 0);
	lab_free(&lab, 1, p[1], 0);
	busy[0] = lab.m->cpus[0].busy_ns - busy[0];
	busy[1] = lab.m->cpus[1].busy_ns - busy[1];
	assert_int_equal(busy[1], busy[0] + lab.m->k.cost_ns[COST_LINE_SHARED]);
	lab_close(&lab);
}

/* ---- Under reclaim ---- */

static struct buddy_zone *zone_of(struct lab *lab)
{
	return &container_of(lab->pa, struct page_source, pa)->zones[0];
}

/* While kswapd is at work a list holds four batches (nr_pcp_high). */
static void lists_are_short_while_kswapd_works(void **state)
{
	struct page *pages[40];
	struct lab lab;

	(void)state;
	lab_open(&lab, NODE_8M, "page_allocator(batch=4,high=32,grouping=on)");
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		pages[i] = lab_alloc(&lab, 0, 0, GFP_MOVABLE_USER, -1);
	zone_set_reclaim_active(zone_of(&lab), true);
	assert_int_equal(pageset(&lab, 0)->high, 32);
	for (int i = 0; i < 15; i++)
		lab_free(&lab, 1, pages[i], 0);
	assert_int_equal(count(&lab, 1), 15);
	lab_free(&lab, 1, pages[15], 0);
	assert_int_equal(count(&lab, 1), 12); /* a batch went back */
	zone_set_reclaim_active(zone_of(&lab), false);
	for (int i = 16; i < 35; i++)
		lab_free(&lab, 1, pages[i], 0);
	assert_int_equal(count(&lab, 1), 31);
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

/* ---- When idle ---- */

#define TWO_NODES                                                                                  \
	"  - {memory: 8MiB, cpus: 0, distance: [10, 20]}\n"                                        \
	"  - {memory: 8MiB, cpus: 1, distance: [20, 10]}\n"
#define FROM_NODE_1 (GFP_MOVABLE_USER | __GFP_THISNODE)

static unsigned int remote_count(struct lab *lab)
{
	return zone_pageset(lab->pa, node_zone(1, ZONE_DMA), 0)->count;
}

/* CPU 0 has three pages of node 1 left over. */
static void open_with_remote_pages(struct lab *lab, enum mm_mode mode)
{
	lab_open(lab, TWO_NODES, "page_allocator(batch=4,high=32,grouping=on)");
	kernel->mm_mode = mode;
	lab_alloc(lab, 0, 0, FROM_NODE_1, 1);
	assert_int_equal(remote_count(lab), 3);
}

/* Counters of the local zone change, so the next round of the work comes. */
static void next_second(struct lab *lab)
{
	lab_alloc(lab, 0, 4, GFP_MOVABLE_USER, 0);
	assert_true(machine_step(lab->m));
}

/* Three rounds without use, and what is left goes back (refresh_cpu_vm_stats). */
static void remote_lists_are_given_back(void **state)
{
	struct lab lab;

	(void)state;
	open_with_remote_pages(&lab, MM_LIVE);
	next_second(&lab);
	next_second(&lab);
	assert_int_equal(remote_count(&lab), 3);
	next_second(&lab);
	assert_int_equal(remote_count(&lab), 0);
	/* A local list is never touched, and nobody comes by for it. */
	lab_alloc(&lab, 0, 0, GFP_MOVABLE_USER, 0);
	next_second(&lab);
	assert_false(machine_step(lab.m));
	assert_int_equal(count(&lab, 0), 3);
	page_allocator_check(lab.pa);
	kernel->mm_mode = MM_BARE;
	lab_close(&lab);
}

/* Use begins the three rounds anew. */
static void use_keeps_remote_lists(void **state)
{
	struct lab lab;

	(void)state;
	open_with_remote_pages(&lab, MM_LIVE);
	next_second(&lab);
	next_second(&lab);
	lab_alloc(&lab, 0, 5, FROM_NODE_1, 1); /* free pages of that zone change */
	next_second(&lab);
	next_second(&lab);
	assert_int_equal(remote_count(&lab), 3);
	next_second(&lab);
	assert_int_equal(remote_count(&lab), 0);
	kernel->mm_mode = MM_BARE;
	lab_close(&lab);
}

/* A quiet CPU's counters do not change, and nothing wakes it up for its lists, as in Linux. */
static void a_quiet_machine_sleeps(void **state)
{
	unsigned int rounds = 0;
	struct lab lab;

	(void)state;
	open_with_remote_pages(&lab, MM_LIVE);
	while (machine_step(lab.m))
		rounds++;
	assert_int_equal(rounds, 2);
	assert_int_equal(remote_count(&lab), 3);
	kernel->mm_mode = MM_BARE;
	lab_close(&lab);
	open_with_remote_pages(&lab, MM_BARE);
	assert_false(machine_step(lab.m));
	lab_close(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refill_takes_a_batch),
		cmocka_unit_test(larger_orders_take_fewer_blocks),
		cmocka_unit_test(the_page_freed_last_is_reused_first),
		cmocka_unit_test(frees_alone_trim_ever_larger_batches),
		cmocka_unit_test(high_is_a_bound_whatever_the_batch),
		cmocka_unit_test(a_trim_takes_the_coldest),
		cmocka_unit_test(freeing_larger_orders_empties_the_lists),
		cmocka_unit_test(huge_pages_are_trimmed_by_high_alone),
		cmocka_unit_test(freed_pages_stand_under_their_pageblocks_type),
		cmocka_unit_test(drain_gives_everything_back),
		cmocka_unit_test(the_last_pages_on_lists_are_found),
		cmocka_unit_test(freeing_on_another_cpu_costs_more),
		cmocka_unit_test(lists_are_short_while_kswapd_works),
		cmocka_unit_test(remote_lists_are_given_back),
		cmocka_unit_test(use_keeps_remote_lists),
		cmocka_unit_test(a_quiet_machine_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
