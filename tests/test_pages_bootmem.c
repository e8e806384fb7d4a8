/*
 * bootmem: first fit, the last page, page-granular frees, the DMA limit, nodes without memory.
 */
#include "tests/pages_test.h"

#include "alloc/bootmem.h"

#define SMALL 64

/* 16 MiB below the DMA limit, 16 MiB above it; the second node has no memory, the third 16 MiB. */
#define THREE_NODES                                                                                \
	"  - {memory: 32MiB, cpus: 0-1, distance: [10, 20, 30]}\n"                                 \
	"  - {memory: 0B, cpus: 2, distance: [20, 10, 15]}\n"                                      \
	"  - {memory: 16MiB, cpus: 3, distance: [30, 15, 10]}\n"
#define DMA_END 4096   /* frames of the first node below the limit */
#define FIRST_END 8192 /* of the first node */

struct room {
	struct lab lab;
	struct bootmem bm;
};

static void room_open(struct room *r)
{
	lab_open(&r->lab, THREE_NODES, NULL);
	r->bm = (struct bootmem){0};
	bootmem_init(&r->bm);
}

static void room_close(struct room *r)
{
	bootmem_check(&r->bm);
	bootmem_destroy(&r->bm);
	lab_close(&r->lab);
}

static u64 take(struct room *r, u64 size, u64 align)
{
	u64 phys = bootmem_alloc(&r->bm, size, align, GFP_KERNEL, 0);

	bootmem_check(&r->bm);
	return phys;
}

static void give_back(struct room *r, u64 phys, u64 size)
{
	bootmem_free(&r->bm, phys, size);
	bootmem_check(&r->bm);
}

/* '#' taken, '.' free; nr frames from pfn on. */
static const char *draw(const struct room *r, unsigned long pfn, unsigned long nr)
{
	static char buf[80];

	ASSERT(nr < sizeof(buf));
	for (unsigned long i = 0; i < nr; i++)
		buf[i] = bootmem_taken(&r->bm, pfn + i) ? '#' : '.';
	buf[nr] = '\0';
	return buf;
}

#define PFN(n) ((u64)(DMA_END + (n)) << PAGE_SHIFT)

/* The bitmap of 8192 frames lies in the first one above the limit, and is taken by itself. */
static void the_bitmap_reserves_itself(void **state)
{
	struct room r;

	(void)state;
	room_open(&r);
	assert_string_equal(draw(&r, DMA_END - 4, 8), "....#...");
	assert_string_equal(draw(&r, FIRST_END, 4), "#...");
	assert_int_equal(bootmem_nr_free(&r.bm, node_zone(0, ZONE_DMA), LARGEST_ORDER), 4);
	assert_int_equal(bootmem_nr_free(&r.bm, node_zone(0, ZONE_DMA32), LARGEST_ORDER), 3);
	for (int order = 0; order < LARGEST_ORDER; order++)
		assert_int_equal(bootmem_nr_free(&r.bm, node_zone(0, ZONE_DMA32), order), 1);
	assert_int_equal(bootmem_nr_free(&r.bm, node_zone(1, ZONE_DMA32), 0), 0);
	room_close(&r);
}

static void the_first_fit_is_taken(void **state)
{
	struct room r;
	u64 a, b;

	(void)state;
	room_open(&r);
	a = take(&r, 2 * PAGE_SIZE, PAGE_SIZE);
	b = take(&r, 3 * PAGE_SIZE, PAGE_SIZE);
	assert_int_equal(a, PFN(1));
	assert_int_equal(b, PFN(3));
	assert_string_equal(draw(&r, DMA_END, 10), "######....");
	give_back(&r, a, 2 * PAGE_SIZE);
	assert_string_equal(draw(&r, DMA_END, 10), "#..###....");
	assert_int_equal(take(&r, 3 * PAGE_SIZE, PAGE_SIZE), PFN(6)); /* the hole is too small */
	assert_int_equal(take(&r, 4 * PAGE_SIZE, 4 * PAGE_SIZE), PFN(12));
	assert_string_equal(draw(&r, DMA_END, 17), "#..######...####.");
	assert_int_equal(take(&r, PAGE_SIZE, PAGE_SIZE), PFN(1));
	assert_int_equal(take(&r, 2 * PAGE_SIZE, 2 * PAGE_SIZE), PFN(10));
	assert_string_equal(draw(&r, DMA_END, 17), "##.######.######.");
	room_close(&r);
}

/* Small allocations share a page as long as nothing came between them. */
static void the_last_page_is_shared(void **state)
{
	struct room r;

	(void)state;
	room_open(&r);
	assert_int_equal(take(&r, 100, SMALL), PFN(1));
	assert_int_equal(take(&r, 100, SMALL), PFN(1) + 128);
	assert_int_equal(take(&r, 8, 8), PFN(1) + 232);
	assert_string_equal(draw(&r, DMA_END, 5), "##...");
	assert_int_equal(take(&r, PAGE_SIZE, SMALL), PFN(1) + 256); /* into the next one */
	assert_string_equal(draw(&r, DMA_END, 5), "###..");
	assert_int_equal(take(&r, PAGE_SIZE - 256, SMALL), PFN(2) + 256); /* to its very end */
	assert_string_equal(draw(&r, DMA_END, 5), "###..");
	assert_int_equal(take(&r, 8, 8), PFN(3));
	assert_int_equal(take(&r, PAGE_SIZE, PAGE_SIZE), PFN(4));
	assert_int_equal(take(&r, 8, 8), PFN(5)); /* a page came between: the rest is lost */
	assert_string_equal(draw(&r, DMA_END, 8), "######..");
	room_close(&r);
}

/* Only whole pages inside come back, and what lies at their borders never does. */
static void a_free_has_page_granular_ends(void **state)
{
	struct room r;
	u64 a, b, c;

	(void)state;
	room_open(&r);
	a = take(&r, 1000, SMALL);
	b = take(&r, 3 * PAGE_SIZE, SMALL);
	c = take(&r, 1000, SMALL);
	assert_int_equal(b, PFN(1) + 1024);
	assert_int_equal(c, PFN(4) + 1024);
	assert_string_equal(draw(&r, DMA_END, 8), "#####...");
	give_back(&r, a, 1000);
	assert_string_equal(draw(&r, DMA_END, 8), "#####...");
	give_back(&r, b, 3 * PAGE_SIZE);
	assert_string_equal(draw(&r, DMA_END, 8), "##..#...");
	give_back(&r, c, 1000);
	assert_string_equal(draw(&r, DMA_END, 8), "##..#...");
	room_close(&r);
}

/* As one range, neighbours free the page they share: nothing may begin in it any more. */
static void a_last_page_that_is_free_is_no_last_page(void **state)
{
	struct room r;
	u64 a;

	(void)state;
	room_open(&r);
	assert_int_equal(take(&r, PAGE_SIZE, PAGE_SIZE), PFN(1));
	a = take(&r, 100, SMALL);
	assert_int_equal(a, PFN(2));
	give_back(&r, a, PAGE_SIZE);
	assert_true(bootmem_reserve(&r.bm, DMA_END + 2, 1)); /* somebody else has it now */
	assert_int_equal(take(&r, 100, SMALL), PFN(3));
	room_close(&r);
}

static void low_memory_is_for_those_who_need_it(void **state)
{
	struct room r;
	u64 taken;

	(void)state;
	room_open(&r);
	assert_int_equal(bootmem_alloc(&r.bm, PAGE_SIZE, PAGE_SIZE, GFP_DMA, 0), 0);
	assert_int_equal(bootmem_alloc(&r.bm, PAGE_SIZE, PAGE_SIZE, GFP_DMA, 2), PAGE_SIZE);
	assert_int_equal(take(&r, PAGE_SIZE, PAGE_SIZE), PFN(1));
	/* Above the limit nothing is left: then what is below it, and only then another node. */
	assert_true(bootmem_reserve(&r.bm, DMA_END + 2, FIRST_END - DMA_END - 2));
	assert_false(bootmem_reserve(&r.bm, FIRST_END - 1, 1));
	assert_int_equal(take(&r, PAGE_SIZE, PAGE_SIZE), 2 * PAGE_SIZE);
	assert_true(bootmem_reserve(&r.bm, 3, DMA_END - 3));
	assert_int_equal(take(&r, PAGE_SIZE, PAGE_SIZE), (u64)(FIRST_END + 1) << PAGE_SHIFT);
	taken = bootmem_alloc(&r.bm, PAGE_SIZE, PAGE_SIZE, GFP_KERNEL | __GFP_THISNODE, 0);
	assert_true(taken == BOOTMEM_NONE);
	assert_true(bootmem_alloc(&r.bm, PAGE_SIZE, PAGE_SIZE, GFP_DMA, 0) == BOOTMEM_NONE);
	room_close(&r);
}

/* The node in the middle has none: the third is nearer than the first. */
static void a_node_without_memory_has_the_nearest(void **state)
{
	u64 third = (u64)(FIRST_END + 1) << PAGE_SHIFT, phys;
	struct room r;

	(void)state;
	room_open(&r);
	assert_int_equal(bootmem_alloc(&r.bm, SMALL, SMALL, GFP_KERNEL, 1), third);
	machine_enter(r.lab.m, 2, 0); /* its CPU asks for local memory */
	assert_int_equal(bootmem_alloc(&r.bm, SMALL, SMALL, GFP_KERNEL, -1), third + SMALL);
	phys = bootmem_alloc(&r.bm, SMALL, SMALL, GFP_KERNEL | __GFP_THISNODE, 1);
	assert_true(phys == BOOTMEM_NONE);
	assert_true(bootmem_reserve(&r.bm, FIRST_END + 2, 4096 - 2));
	assert_int_equal(bootmem_alloc(&r.bm, PAGE_SIZE, SMALL, GFP_KERNEL, 1), PFN(1));
	room_close(&r);
}

/* What an earlier owner wrote into the frames of the bitmap is not taken for bits. */
static void old_contents_are_no_bits(void **state)
{
	struct room r;

	(void)state;
	room_open(&r);
	memset(page_address(pfn_to_page(DMA_END)), 0xff, PAGE_SIZE);
	bootmem_destroy(&r.bm);
	r.bm = (struct bootmem){0};
	bootmem_init(&r.bm);
	assert_string_equal(draw(&r, DMA_END, 5), "#....");
	room_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bitmap_reserves_itself),
		cmocka_unit_test(the_first_fit_is_taken),
		cmocka_unit_test(the_last_page_is_shared),
		cmocka_unit_test(a_free_has_page_granular_ends),
		cmocka_unit_test(a_last_page_that_is_free_is_no_last_page),
		cmocka_unit_test(low_memory_is_for_those_who_need_it),
		cmocka_unit_test(a_node_without_memory_has_the_nearest),
		cmocka_unit_test(old_contents_are_no_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
