/*
 * Free-memory indices against vectors computed with the kernel's formulas, orders 0 to 10.
 */
#include "sim/metrics.h"
#include "tests/test.h"

struct vector {
	struct free_blocks f;
	int fragmentation[SINK_NR_ORDERS], unusable[SINK_NR_ORDERS], extfrag[SINK_NR_ORDERS];
};

static const struct vector vectors[] = {
	{{{1000000}},
	 {-1000, 500, 750, 875, 938, 969, 985, 993, 997, 999, 1000},
	 {0, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000},
	 {0, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100}},
	{{{100, 50, 25, 12, 6, 3, 1, 0, 0, 0, 0}},
	 {-1000, -1000, -1000, -1000, -1000, -1000, -1000, 970, 982, 989, 992},
	 {0, 153, 306, 460, 607, 754, 901, 1000, 1000, 1000, 1000},
	 {0, 15, 30, 46, 60, 75, 90, 100, 100, 100, 100}},
	{{{0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 3}},
	 {-1000, -1000, -1000, -1000, -1000, -1000, -1000, -1000, -1000, -1000, -1000},
	 {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 538},
	 {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 53}},
	{{{0}},
	 {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	 {1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000},
	 {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
};

static void indices_match_the_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		const struct vector *v = &vectors[i];

		for (int k = 0; k < SINK_NR_ORDERS; k++) {
			assert_int_equal(fragmentation_index(&v->f, k), v->fragmentation[k]);
			assert_int_equal(unusable_free_index(&v->f, k), v->unusable[k]);
			assert_int_equal(extfrag_for_order(&v->f, k), v->extfrag[k]);
		}
	}
}

static void huge_pages_of_what_could_be(void **state)
{
	struct free_blocks f = {{512, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1}};

	(void)state;
	/* 2048 pages could be 4 huge pages; 3 are. */
	assert_true(free_huge_percent(&f) == 75);
	assert_true(free_huge_percent(&(struct free_blocks){{511}}) == 0);
}

static void names_are_sorted_and_found(void **state)
{
	(void)state;
	for (const struct metric_desc *m = metrics; m->name; m++) {
		assert_ptr_equal(metric_find(m->name), m);
		if (m[1].name)
			assert_true(strcmp(m->name, m[1].name) < 0);
	}
	assert_null(metric_find("nonsense"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(indices_match_the_vectors),
		cmocka_unit_test(huge_pages_of_what_could_be),
		cmocka_unit_test(names_are_sorted_and_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
