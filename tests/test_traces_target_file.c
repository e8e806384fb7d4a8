/*
 * buddyinfo and pagetypeinfo as targets: what is read, and where what is wrong stands.
 */
#include <stdio.h>

#include "tests/test.h"
#include "tests/tmp_dir.h"
#include "traces/target_file.h"

static struct page_target_file *read_text(const char *text, struct err *e)
{
	char path[80];
	FILE *f;

	snprintf(path, sizeof(path), "%s/target", tmp_dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return page_target_read(path, e);
}

static void buddyinfo_has_sums(void **state)
{
	struct err e;
	struct page_target_file *f = read_text("Node 0, zone      DMA      1      0      3 \n"
					       "Node 1, zone   Normal     10     20     30 \n",
					       &e);
	const struct page_target *t = page_target_of(f);

	(void)state;
	assert_int_equal(t->nr_zones, 2);
	assert_string_equal(t->zones[0].zone, "DMA");
	assert_true(t->zones[0].sums_only);
	assert_int_equal(t->zones[0].nr_free[0][2], 3);
	assert_int_equal(t->zones[1].node, 1);
	assert_int_equal(t->zones[1].nr_free[0][1], 20);
	assert_int_equal(t->nr_places, 0);
	page_target_close(f);
}

#define TYPES                                                                                      \
	"Page block order: 9\nPages per block:  512\n\n"                                           \
	"Free pages count per migrate type at order       0      1 \n"                             \
	"Node    0, zone    DMA32, type    Unmovable      5 %s \n"                                 \
	"Node    0, zone    DMA32, type      Movable      7      8 \n\n"                           \
	"Number of blocks type     Unmovable      Movable  Reclaimable   HighAtomic \n"            \
	"Node 0, zone    DMA32            2            6            0            0 \n"

static void pagetypeinfo_has_types(void **state)
{
	char text[1000];
	struct err e;
	struct page_target_file *f;
	const struct page_target *t;

	(void)state;
	snprintf(text, sizeof(text), TYPES, "6");
	f = read_text(text, &e);
	t = page_target_of(f);
	assert_int_equal(t->nr_zones, 1);
	assert_false(t->zones[0].sums_only);
	assert_int_equal(t->zones[0].nr_free[0][1], 6);
	assert_int_equal(t->zones[0].nr_free[1][1], 8);
	assert_int_equal(t->zones[0].nr_blocks[1], 6);
	page_target_close(f);
}

static void what_is_wrong_has_a_place(void **state)
{
	static const char *const cases[][2] = {
		{"", ": no zone in it"},
		{"Node 0, zone DMA", "target:1:17: the numbers of free blocks are missing"},
		{"Node 0, zone DMA 1 x\n", "target:1:20: "},
		{"Node 0, zone DMA 1 2\nNode 0, zone DMA 1 2\n", "target:2:1: a second line"},
		{"Nod 0, zone DMA 1 2\n", "target:1:1: "},
		{"Node 0, zone DMA 1 2\n\001\n", "target:2:1: a control character (0x01)"},
	};
	char text[1000];
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		e.msg[0] = '\0';
		assert_null(read_text(cases[i][0], &e));
		assert_says(e.msg, cases[i][1]);
	}
	snprintf(text, sizeof(text), TYPES, ">100000");
	assert_null(read_text(text, &e));
	assert_says(e.msg, "node 0, zone DMA32: '>100000' does not say how many blocks are wanted");
	assert_null(page_target_read("tests", &e));
	page_target_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buddyinfo_has_sums),
		cmocka_unit_test(pagetypeinfo_has_types),
		cmocka_unit_test(what_is_wrong_has_a_place),
	};

	return cmocka_run_group_tests(tests, tmp_dir_make, tmp_dir_remove);
}
