/*
 * Watermarks: which zone is taken from while how much is left where (__zone_watermark_ok and its
 * callers, mm/page_alloc.c, 6.1).
 */
#include "tests/pages_test.h"

#include "alloc/pages/zone_sizes.h"

/* DMA of 4096 pages, DMA32 of 12288, DMA32 of 16384 on node 1; 512 pages are shared out as min. */
#define NODES                                                                                      \
	"  - {memory: 64MiB, cpus: 0, distance: [10, 20]}\n"                                       \
	"  - {memory: 64MiB, cpus: 1, distance: [20, 10]}\n"                                       \
	"watermarks: {min_free: 2MiB}\n"

enum { DMA, DMA32, NODE1, NR_ZONES_HERE };

static const struct zone *zone_here(int i)
{
	return i == NODE1 ? node_zone(1, ZONE_DMA32)
			  : node_zone(0, i == DMA ? ZONE_DMA : ZONE_DMA32);
}

static long left_in(int i)
{
	return zone_here(i)->vm_stat[NR_FREE_PAGES];
}

/* Which zone the next request is served from; -1: none. */
static int served_from(struct lab *lab, int order, gfp_t flags)
{
	struct page *page = lab_alloc(lab, 0, order, flags, -1);

	for (int i = 0; page && i < NR_ZONES_HERE; i++)
		if (page_zone(page) == zone_here(i))
			return i;
	return -1;
}

/* Takes from the zone until another one's turn comes; checks what is left then. */
static int take_while(struct lab *lab, int zone, long left, gfp_t flags)
{
	int next;

	while ((next = served_from(lab, 0, flags)) == zone)
		;
	assert_int_equal(left_in(zone), left);
	return next;
}

static void sizes(void **state)
{
	struct zone_sizes s;
	struct lab lab;

	(void)state;
	lab_open(&lab, NODES, NULL);
	zone_sizes_compute(&s, zone_here(DMA), min_free_pages(), 0);
	assert_int_equal(s.min, 64);
	assert_int_equal(s.low, 80);
	assert_int_equal(s.lowmem_reserve[ZONE_DMA], 0);
	assert_int_equal(s.lowmem_reserve[ZONE_DMA32], 48);
	assert_int_equal(s.lowmem_reserve[ZONE_MOVABLE], 48);
	/* "protection: (0, 103, 103, 103, 103)" of a recorded machine. */
	node_zone(0, ZONE_DMA32)->spanned_pages = 26500;
	zone_sizes_compute(&s, zone_here(DMA), min_free_pages(), 0);
	assert_int_equal(s.lowmem_reserve[ZONE_NORMAL], 103);
	lab_close(&lab);
}

/*
 * First all zones down to low, then all down to min, and then, since nothing is reclaimed, to the
 * end.
 */
static void zones_take_turns(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab, NODES, "page_allocator(pcp=off)");
	assert_int_equal(take_while(&lab, DMA32, 240, GFP_KERNEL), DMA);
	assert_int_equal(take_while(&lab, DMA, 80 + 48, GFP_KERNEL), NODE1);
	assert_int_equal(take_while(&lab, NODE1, 320, GFP_KERNEL), DMA32);
	assert_int_equal(take_while(&lab, DMA32, 192, GFP_KERNEL), DMA);
	assert_int_equal(take_while(&lab, DMA, 64 + 48, GFP_KERNEL), NODE1);
	assert_int_equal(take_while(&lab, NODE1, 256, GFP_KERNEL), DMA32);
	assert_int_equal(take_while(&lab, DMA32, 0, GFP_KERNEL), DMA);
	assert_int_equal(take_while(&lab, DMA, 0, GFP_KERNEL), NODE1);
	assert_int_equal(take_while(&lab, NODE1, 0, GFP_KERNEL), -1);
	lab_close(&lab);
}

/* Who may use one zone only has it to himself. */
static void reserves_are_for_those_who_need_them(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab, NODES, "page_allocator(pcp=off)");
	assert_int_equal(take_while(&lab, DMA32, 240, GFP_KERNEL), DMA);
	assert_int_equal(take_while(&lab, DMA, 128, GFP_KERNEL), NODE1);
	for (int left = 128; left > 80; left--)
		assert_int_equal(served_from(&lab, 0, GFP_KERNEL | __GFP_DMA), DMA);
	assert_int_equal(take_while(&lab, NODE1, 320, GFP_ATOMIC), DMA32);
	/* Half of min, and a quarter of that again for who cannot wait. */
	assert_int_equal(take_while(&lab, DMA32, 72, GFP_ATOMIC), DMA);
	assert_int_equal(take_while(&lab, DMA, 24 + 48, GFP_ATOMIC), NODE1);
	assert_int_equal(take_while(&lab, NODE1, 96, GFP_ATOMIC), DMA32);
	lab_close(&lab);
}

/*
 * A block counts but for one page; without a block that is large enough there is nothing to have.
 */
static void blocks_count_too(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab, NODES, "page_allocator(pcp=off)");
	for (int left = 12288; left - 255 > 240; left -= 256)
		assert_int_equal(served_from(&lab, 8, GFP_KERNEL), DMA32);
	assert_int_equal(left_in(DMA32), 256);
	assert_int_equal(served_from(&lab, 8, GFP_KERNEL), DMA);
	assert_int_equal(served_from(&lab, 0, GFP_KERNEL), DMA32);
	lab_close(&lab);
}

/* Pages on per-CPU lists are no free pages, and the fast path looks at the mark as well. */
static void per_cpu_pages_do_not_count(void **state)
{
	struct page *first;
	struct lab lab;

	(void)state;
	lab_open(&lab, NODES, "page_allocator(batch=64,high=4096)");
	first = lab_alloc(&lab, 0, 0, GFP_KERNEL, -1);
	while (left_in(DMA32) > 240)
		assert_int_equal(served_from(&lab, 0, GFP_KERNEL), DMA32);
	lab_free(&lab, 0, first, 0);
	assert_int_equal(served_from(&lab, 0, GFP_KERNEL), DMA);
	lab_close(&lab);
	lab_open(&lab, NODES, "page_allocator(watermarks=off)");
	while (left_in(DMA32))
		assert_int_equal(served_from(&lab, 0, GFP_KERNEL), DMA32);
	lab_close(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(zones_take_turns),
		cmocka_unit_test(reserves_are_for_those_who_need_them),
		cmocka_unit_test(blocks_count_too),
		cmocka_unit_test(per_cpu_pages_do_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
