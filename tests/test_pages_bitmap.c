/*
 * bitmap and null: first fit by address; fresh frames only.
 */
#include "tests/pages_test.h"

static u64 nr_free(struct lab *lab, int order)
{
	return page_nr_free(lab->pa, node_zone(0, ZONE_DMA), MIGRATE_MOVABLE, order);
}

static void the_lowest_hole_is_used(void **state)
{
	struct page *p[4];
	struct lab lab;

	(void)state;
	lab_open(&lab, LAB_NODE, "bitmap");
	for (int i = 0; i < 4; i++)
		p[i] = lab_alloc(&lab, 0, i, GFP_KERNEL, -1);
	assert_pages(0, 16, "|U|_|UU|UUUU|UUUUUUUU|");
	assert_ptr_equal(lab_alloc(&lab, 0, 0, GFP_MOVABLE_USER, -1), pfn_to_page(1));
	lab_free(&lab, 0, p[2], 2);
	assert_ptr_equal(lab_alloc(&lab, 1, 1, GFP_KERNEL, -1), pfn_to_page(4));
	assert_ptr_equal(lab_alloc(&lab, 1, 2, GFP_KERNEL, -1), pfn_to_page(16));
	assert_ptr_equal(lab_alloc(&lab, 1, 1, GFP_KERNEL, -1), pfn_to_page(6));
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

static void free_blocks_are_counted_whole(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab, LAB_NODE, "bitmap");
	assert_int_equal(nr_free(&lab, 10), 4);
	lab_alloc(&lab, 0, 0, GFP_KERNEL, -1);
	for (int order = 0; order < 10; order++)
		assert_int_equal(nr_free(&lab, order), 1);
	assert_int_equal(nr_free(&lab, 10), 3);
	assert_int_equal(page_nr_free(lab.pa, node_zone(0, ZONE_DMA), MIGRATE_UNMOVABLE, 3), 0);
	assert_int_equal(lab_free_pages(&lab), 4095);
	lab_close(&lab);
}

/* What the buddy system without types reports for the same blocks. */
static void it_agrees_with_the_buddy_system(void **state)
{
	static const char *const chains[] = {"bitmap", "page_allocator(pcp=off,grouping=off)"};
	u64 counts[2][MAX_ORDER];
	struct lab lab;

	(void)state;
	for (int c = 0; c < 2; c++) {
		struct page *p[12];

		lab_open(&lab, LAB_NODE, chains[c]);
		for (int i = 0; i < 12; i++)
			p[i] = lab_alloc(&lab, 0, 11 - i > 10 ? 10 : 11 - i, GFP_KERNEL, -1);
		for (int i = 0; i < 12; i += 2)
			lab_free(&lab, 0, p[i], 11 - i > 10 ? 10 : 11 - i);
		for (int order = 0; order < MAX_ORDER; order++) {
			counts[c][order] = 0;
			for (int mt = 0; mt < MIGRATE_TYPES; mt++)
				counts[c][order] +=
					page_nr_free(lab.pa, node_zone(0, ZONE_DMA), mt, order);
		}
		lab_close(&lab);
	}
	assert_memory_equal(counts[0], counts[1], sizeof(counts[0]));
}

static void null_hands_out_fresh_frames(void **state)
{
	struct page *a, *b;
	struct lab lab;

	(void)state;
	lab_open(&lab, LAB_NODE, "null");
	a = lab_alloc(&lab, 0, 0, GFP_KERNEL, -1);
	lab_free(&lab, 0, a, 0);
	b = lab_alloc(&lab, 0, 2, GFP_KERNEL | __GFP_ZERO, -1);
	assert_int_equal(page_to_pfn(a), 0);
	assert_int_equal(page_to_pfn(b), 4);
	assert_ptr_equal(compound_head(b + 3), b);
	for (int i = 0; i < 3; i++)
		assert_non_null(lab_alloc(&lab, 0, 10, GFP_KERNEL, -1));
	assert_null(lab_alloc(&lab, 0, 10, GFP_KERNEL, -1));
	assert_int_equal(lab_free_pages(&lab), 0);
	lab_close(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lowest_hole_is_used),
		cmocka_unit_test(free_blocks_are_counted_whole),
		cmocka_unit_test(it_agrees_with_the_buddy_system),
		cmocka_unit_test(null_hands_out_fresh_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
