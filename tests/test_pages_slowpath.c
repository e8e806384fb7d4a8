/*
 * What a request does that finds nothing above the low watermarks, by its flags
 * (__alloc_pages_slowpath, mm/page_alloc.c, 6.1). Reclaim is the test's own: it has as many pages
 * as it is told.
 *
 * A node of 16 MiB is one zone of 4096 pages: min 256, low 320, high 384.
 */
#include "tests/pages_test.h"

#include "alloc/pages/pcp.h"
#include "tests/pressure_lab.h"

#define NODE                                                                                       \
	"  - {memory: 16MiB, cpus: 0-1, distance: [10]}\n"                                         \
	"watermarks: {min_free: 1MiB}\n"
#define CHAIN "page_allocator(pcp=off,boost=0)"

enum { MIN = 256, LOW = 320, HIGH = 384 };

static long nr_free_pages(void)
{
	return node_zone(0, ZONE_DMA)->vm_stat[NR_FREE_PAGES];
}

/* Movable pages until so many are left; the last `cache` of them are page cache. */
static void open_filled(struct lab *lab, const char *chain, long left, long cache)
{
	pressure_open(lab, NODE, chain, MM_BARE);
	while (nr_free_pages() > left) {
		struct page *page = lab_alloc(lab, 0, 0, GFP_MOVABLE_USER, -1);

		assert_non_null(page);
		if (nr_free_pages() < left + cache)
			pressure_add(page, 0);
	}
	kernel->mm_mode = MM_LIVE;
}

static u64 stalls(void)
{
	u64 n = 0;

	for (int type = 0; type < MAX_NR_ZONES; type++)
		n += vm_event(ALLOCSTALL_DMA + (unsigned int)type);
	return n;
}

/* Takes single pages until one is refused; how many are left. */
static long taken_down_to(struct lab *lab, gfp_t flags)
{
	while (lab_alloc(lab, 0, 0, flags | __GFP_NOWARN, -1))
		;
	page_allocator_check(lab->pa);
	return nr_free_pages();
}

/* ---- How far down ---- */

static void flags_say_how_far_down(void **state)
{
	static const struct {
		gfp_t flags;
		long left;
	} cases[] = {
		{GFP_KERNEL, MIN},
		{GFP_NOWAIT, MIN},			  /* cannot wait, but is not important */
		{GFP_KERNEL | __GFP_HIGH, MIN / 2},	  /* important, but can wait */
		{GFP_ATOMIC, MIN / 2 - MIN / 8},	  /* both */
		{GFP_ATOMIC | __GFP_NOMEMALLOC, MIN / 2}, /* may not use haste as a reason */
		{GFP_KERNEL | __GFP_MEMALLOC, 0},	  /* makes memory free: all there is */
		{GFP_KERNEL | __GFP_MEMALLOC | __GFP_NOMEMALLOC, MIN},
	};
	struct lab lab;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		open_filled(&lab, CHAIN, HIGH, 0);
		assert_int_equal(taken_down_to(&lab, cases[i].flags), cases[i].left);
		pressure_close(&lab);
	}
}

/* A bare machine and a recording are served while there is a block. */
static void who_only_replays_has_the_last_page(void **state)
{
	static const enum mm_mode modes[] = {MM_BARE, MM_RECORDED};
	struct lab lab;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		open_filled(&lab, CHAIN, HIGH, 64);
		kernel->mm_mode = modes[i];
		assert_int_equal(taken_down_to(&lab, GFP_KERNEL), 0);
		assert_int_equal(pressure.rounds, 0);
		assert_int_equal(stalls(), 0);
		pressure_close(&lab);
	}
}

/* ---- Reclaim ---- */

static void who_may_wait_reclaims(void **state)
{
	struct page *page;
	struct lab lab;

	(void)state;
	open_filled(&lab, CHAIN, MIN, 100);
	assert_null(lab_alloc(&lab, 0, 0, GFP_NOWAIT | __GFP_NOWARN, -1));
	assert_int_equal(stalls(), 0);
	page = lab_alloc(&lab, 0, 0, GFP_KERNEL, -1);
	assert_non_null(page);
	assert_int_equal(lab.m->k.path, PATH_RECLAIM);
	assert_int_equal(stalls(), 1);
	assert_int_equal(nr_free_pages(), MIN + SWAP_CLUSTER_MAX - 1);
	/* The next one finds enough. */
	assert_non_null(lab_alloc(&lab, 0, 0, GFP_KERNEL, -1));
	assert_int_equal(stalls(), 1);
	page_allocator_check(lab.pa);
	pressure_close(&lab);
}

/* Below low whoever says __GFP_KSWAPD_RECLAIM wakes kswapd, which rests above high. */
static void kswapd_is_woken_by_who_says_so(void **state)
{
	static const struct {
		gfp_t flags;
		bool wakes;
	} cases[] = {
		{GFP_NOWAIT, true},  {GFP_ATOMIC, true},
		{GFP_KERNEL, true},  {GFP_KERNEL & ~__GFP_KSWAPD_RECLAIM, false},
		{__GFP_HIGH, false},
	};
	struct lab lab;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		open_filled(&lab, CHAIN, LOW, 1000);
		assert_non_null(lab_alloc(&lab, 0, 0, cases[i].flags, -1));
		assert_int_equal(pressure.nr, 1000);
		for (int step = 0; step < 100; step++)
			machine_step(lab.m);
		assert_int_equal(nr_free_pages() > HIGH, cases[i].wakes);
		assert_int_equal(pressure.nr < 1000, cases[i].wakes);
		assert_int_equal(stalls(), 0);
		page_allocator_check(lab.pa);
		pressure_close(&lab);
	}
}

/* While it is at work a CPU's list holds four batches, afterwards what it did before. */
static void lists_are_short_while_kswapd_works(void **state)
{
	const struct per_cpu_pages *pcp;
	unsigned int limits[2] = {0};
	struct lab lab;

	(void)state;
	open_filled(&lab, "page_allocator(batch=4,high=64)", LOW, 1000);
	pcp = zone_pageset(lab.pa, node_zone(0, ZONE_DMA), 0);
	assert_int_equal(pcp->limit, 64);
	assert_non_null(lab_alloc(&lab, 0, 0, GFP_KERNEL, -1));
	for (int step = 0; step < 100; step++) {
		machine_step(lab.m);
		limits[pcp->limit == 16]++;
	}
	assert_true(limits[true] > 0);
	assert_true(nr_free_pages() > HIGH);
	assert_int_equal(pcp->limit, 64);
	pressure_close(&lab);
}

/* All page cache goes before a request is refused; then the OOM killer would come. */
static void order_0_is_refused_last(void **state)
{
	struct lab lab;

	(void)state;
	open_filled(&lab, CHAIN, HIGH, 1000);
	assert_int_equal(taken_down_to(&lab, GFP_KERNEL), MIN);
	assert_int_equal(pressure.nr, 0);
	assert_int_equal(vm_event(OOM_KILL), 1);
	pressure_close(&lab);
}

/* Whom the OOM killer would not help it is not called for. */
static void not_every_refusal_is_oom(void **state)
{
	static const struct {
		gfp_t flags;
		int order;
		u64 kills;
	} cases[] = {
		{GFP_KERNEL, 3, 1},
		{GFP_KERNEL, 4, 0}, /* costly */
		{GFP_KERNEL | __GFP_RETRY_MAYFAIL, 0, 0},
		{GFP_KERNEL | __GFP_THISNODE, 0, 0},
		{GFP_KERNEL | __GFP_NORETRY, 0, 0},
		{GFP_KERNEL | __GFP_DMA, 0, 0},
		{GFP_ATOMIC, 0, 0},
	};
	struct lab lab;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		open_filled(&lab, CHAIN, 64, 0);
		assert_null(lab_alloc(&lab, 0, cases[i].order, cases[i].flags, -1));
		assert_int_equal(vm_event(OOM_KILL), cases[i].kills);
		pressure_close(&lab);
	}
}

/* Pages come back, but never those that make a block. */
static void open_without_blocks(struct lab *lab, int cache)
{
	static struct page *pages[4096];

	pressure_open(lab, NODE, CHAIN, MM_BARE);
	for (int i = 0; i < 4096; i++)
		pages[i] = lab_alloc(lab, 0, 0, GFP_MOVABLE_USER, -1);
	for (int i = 0; i < 4096; i += 2) {
		if (i < 2 * cache)
			pressure_add(pages[i], 0);
		else
			lab_free(lab, 0, pages[i], 0);
	}
	kernel->mm_mode = MM_LIVE;
}

/* How many rounds of reclaim a request for a block is worth before it is refused. */
static void flags_say_how_long(void **state)
{
	static const struct {
		gfp_t flags;
		int order;
		bool reclaims, to_the_end;
	} cases[] = {
		{GFP_NOWAIT, 1, false, false},
		{GFP_KERNEL | __GFP_NORETRY, 1, true, false},
		{GFP_KERNEL, 4, true, false},		       /* costly */
		{GFP_KERNEL | __GFP_NORETRY, 9, false, false}, /* a huge page only compacts */
		{GFP_KERNEL | __GFP_NORETRY | __GFP_THISNODE, 9, false, false},
	};
	struct lab lab;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		open_without_blocks(&lab, 1900); /* 148 are free: below min */
		assert_null(lab_alloc(&lab, 0, cases[i].order, cases[i].flags | __GFP_NOWARN, -1));
		assert_int_equal(pressure.rounds > 0, cases[i].reclaims);
		assert_int_equal(pressure.nr == 0, cases[i].to_the_end);
		page_allocator_check(lab.pa);
		pressure_close(&lab);
	}
}

#define TWO_NODES                                                                                  \
	"  - {memory: 16MiB, cpus: 0, distance: [10, 20]}\n"                                       \
	"  - {memory: 16MiB, cpus: 1, distance: [20, 10]}\n"                                       \
	"watermarks: {min_free: 2MiB}\n"

/* Of this node or none: others have memory, and page cache, to no avail. */
static void thisnode_means_it(void **state)
{
	struct page *page;
	struct lab lab;

	(void)state;
	pressure_open(&lab, TWO_NODES, CHAIN, MM_LIVE);
	for (int i = 0; i < 64; i++)
		pressure_add(lab_alloc(&lab, 0, 0, GFP_MOVABLE_USER | __GFP_THISNODE, 0), 0);
	while (lab_alloc(&lab, 1, 0, GFP_MOVABLE_USER | __GFP_THISNODE | __GFP_NOWARN, 1))
		;
	assert_int_equal(pressure.nr, 64);
	page = lab_alloc(&lab, 1, 0, GFP_MOVABLE_USER, 1);
	assert_int_equal(page_to_nid(page), 0);
	/* What reclaim has of that very node it takes. */
	while (page)
		page = lab_alloc(&lab, 0, 0, GFP_MOVABLE_USER | __GFP_THISNODE | __GFP_NOWARN, 0);
	assert_int_equal(pressure.nr, 0);
	page_allocator_check(lab.pa);
	pressure_close(&lab);
}

/* What reclaim freed may lie on other CPUs' lists: they are emptied for who needs it. */
static void other_cpus_lists_are_emptied(void **state)
{
	static struct page *pages[4096];
	struct lab lab;
	long kept = 0;
	int n = 0;

	(void)state;
	pressure_open(&lab, NODE, "page_allocator(batch=8,high=400,boost=0)", MM_BARE);
	while (nr_free_pages() > MIN)
		pages[n++] = lab_alloc(&lab, 0, 0, GFP_MOVABLE_USER, -1);
	for (int i = 0; i < 300; i++)
		lab_free(&lab, 1, pages[--n], 0);
	kept = nr_free_pages();
	pressure_add(pages[--n], 0);
	kernel->mm_mode = MM_LIVE;
	assert_true(kept <= MIN + 8);
	assert_non_null(lab_alloc(&lab, 0, 3, GFP_KERNEL, -1));
	assert_true(nr_free_pages() > MIN);
	page_allocator_check(lab.pa);
	pressure_close(&lab);
}

/* ---- Compaction ---- */

static struct page *where[4096]; /* by holder */

static bool move(struct page *from, struct page *to)
{
	ASSERT(where[from->index] == from);
	where[from->index] = to;
	page_holder_set(to, from->index, true);
	page_holder_clear(from);
	return true;
}

/* Every second page is free; the others can move, if they may. */
static void open_scattered(struct lab *lab, const char *chain, bool movable)
{
	pressure_open(lab, NODE, chain, MM_BARE);
	pressure.migrate = move;
	for (unsigned long i = 0; i < 4096; i++) {
		where[i] = lab_alloc(lab, 0, 0, GFP_MOVABLE_USER, -1);
		if (movable)
			page_holder_set(where[i], i, true);
	}
	for (unsigned long i = 0; i < 4096; i += 2)
		lab_free(lab, 0, where[i], 0);
	assert_int_equal(nr_free_pages(), 2048);
	kernel->mm_mode = MM_LIVE;
}

/* There is memory, but no block: pages move, and nothing is reclaimed. */
static void a_huge_page_is_made_by_moving(void **state)
{
	struct lab lab;

	(void)state;
	open_scattered(&lab, CHAIN, true);
	assert_non_null(lab_alloc(&lab, 0, 9, GFP_TRANSHUGE | __GFP_NORETRY, -1));
	assert_int_equal(lab.m->k.path, PATH_COMPACT);
	assert_int_equal(vm_event(COMPACTSTALL), 1);
	assert_int_equal(vm_event(COMPACTSUCCESS), 1);
	assert_int_equal(vm_event(COMPACTFAIL), 0);
	assert_int_equal(stalls(), 0);
	for (unsigned long i = 1; i < 4096; i += 2)
		assert_true(where[i]->flags & PG_held && where[i]->index == i);
	page_allocator_check(lab.pa);
	pressure_close(&lab);
}

/* Nor is it where compaction is off, or the request may not start I/O, or may not wait. */
static void who_may_not_compact_does_not(void **state)
{
	static const struct {
		const char *chain;
		gfp_t flags;
	} cases[] = {
		{"page_allocator(pcp=off,boost=0,compaction=off)", GFP_TRANSHUGE | __GFP_NORETRY},
		{CHAIN, GFP_NOIO | __GFP_NORETRY},
		{CHAIN, GFP_TRANSHUGE_LIGHT},
	};
	struct lab lab;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		open_scattered(&lab, cases[i].chain, true);
		assert_null(lab_alloc(&lab, 0, 9, cases[i].flags, -1));
		assert_int_equal(vm_event(COMPACTSTALL), 0);
		assert_int_equal(vm_event(PGMIGRATE_SUCCESS), 0);
		page_allocator_check(lab.pa);
		pressure_close(&lab);
	}
}

/* Memory in pieces is of no use to who may not compact: it reclaims whatever is free. */
static void who_may_not_compact_reclaims(void **state)
{
	struct lab lab;

	(void)state;
	open_scattered(&lab, CHAIN, true);
	pressure_add(where[1], 0);
	assert_null(lab_alloc(&lab, 0, 9, GFP_TRANSHUGE & ~__GFP_IO, -1));
	assert_int_equal(pressure.nr, 0);
	page_allocator_check(lab.pa);
	pressure_close(&lab);
}

/* Where nothing can move it is tried, and then not for a while. */
static void failing_compaction_is_put_off(void **state)
{
	u64 scanned;
	struct lab lab;

	(void)state;
	open_scattered(&lab, CHAIN, false);
	assert_null(lab_alloc(&lab, 0, 9, GFP_TRANSHUGE, -1));
	assert_true(vm_event(COMPACTSTALL) > 0);
	assert_int_equal(vm_event(COMPACTFAIL), vm_event(COMPACTSTALL));
	assert_int_equal(vm_event(COMPACTSUCCESS), 0);
	scanned = vm_event(COMPACTMIGRATE_SCANNED);
	assert_true(scanned > 0);
	assert_null(lab_alloc(&lab, 0, 9, GFP_TRANSHUGE | __GFP_NORETRY, -1));
	assert_int_equal(vm_event(COMPACTMIGRATE_SCANNED), scanned);
	page_allocator_check(lab.pa);
	pressure_close(&lab);
}

/*
 * A small block that is not for movable pages compacts before it reclaims, but at first only
 * pageblocks of its own type: movable ones are for it when reclaim has not helped.
 */
static void small_blocks_compact_their_own_first(void **state)
{
	struct lab lab;

	(void)state;
	for (int own = 0; own < 2; own++) {
		open_scattered(&lab, CHAIN, true);
		for (unsigned long pfn = 0; own && pfn < 2048; pfn += 512)
			set_pageblock_migratetype(lab.pa, pfn, MIGRATE_UNMOVABLE);
		assert_non_null(lab_alloc(&lab, 0, 2, GFP_KERNEL, -1));
		assert_int_equal(vm_event(COMPACTSUCCESS), 1);
		assert_int_equal(vm_event(COMPACTFAIL), !own);
		assert_int_equal(stalls(), !own);
		page_allocator_check(lab.pa);
		pressure_close(&lab);
	}
}

/* ---- NOFAIL ---- */

static void nofail_has_the_reserves(void **state)
{
	struct lab lab;

	(void)state;
	open_filled(&lab, CHAIN, HIGH, 32);
	assert_int_equal(taken_down_to(&lab, GFP_KERNEL | __GFP_NOFAIL), 0);
	assert_int_equal(pressure.nr, 0);
	pressure_close(&lab);
}

/* A block that nothing can make is not waited for for ever. */
static void nofail_ends(void **state)
{
	struct lab lab;
	u64 kills;

	(void)state;
	open_without_blocks(&lab, 500);
	assert_null(lab_alloc(&lab, 0, 4, GFP_KERNEL | __GFP_NOFAIL, -1));
	assert_null(lab_alloc(&lab, 0, 1, GFP_KERNEL | __GFP_NOFAIL, -1));
	assert_int_equal(pressure.nr, 0);
	kills = vm_event(OOM_KILL);
	/* With nothing left to reclaim it is at its end, and begins once more in vain. */
	assert_null(lab_alloc(&lab, 0, 1, GFP_KERNEL | __GFP_NOFAIL, -1));
	assert_int_equal(vm_event(OOM_KILL), kills + 2);
	page_allocator_check(lab.pa);
	pressure_close(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_say_how_far_down),
		cmocka_unit_test(who_only_replays_has_the_last_page),
		cmocka_unit_test(who_may_wait_reclaims),
		cmocka_unit_test(kswapd_is_woken_by_who_says_so),
		cmocka_unit_test(lists_are_short_while_kswapd_works),
		cmocka_unit_test(order_0_is_refused_last),
		cmocka_unit_test(not_every_refusal_is_oom),
		cmocka_unit_test(flags_say_how_long),
		cmocka_unit_test(thisnode_means_it),
		cmocka_unit_test(other_cpus_lists_are_emptied),
		cmocka_unit_test(a_huge_page_is_made_by_moving),
		cmocka_unit_test(who_may_not_compact_does_not),
		cmocka_unit_test(who_may_not_compact_reclaims),
		cmocka_unit_test(failing_compaction_is_put_off),
		cmocka_unit_test(small_blocks_compact_their_own_first),
		cmocka_unit_test(nofail_has_the_reserves),
		cmocka_unit_test(nofail_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
