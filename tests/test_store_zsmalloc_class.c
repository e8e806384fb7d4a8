/*
 * zsmalloc: size classes, against the rule by brute force.
 */
#include "tests/test.h"

#include "tests/zs_lab.h"

struct shape {
	u32 pages, objs;
};

static u32 percent_used(u32 size, u32 pages)
{
	u32 objs = 0;

	while ((objs + 1) * size <= pages * PAGE_SIZE)
		objs++;
	return objs * size * 100 / (pages * (u32)PAGE_SIZE);
}

/* No other number of pages uses more; no smaller one as much. */
static bool is_best(u32 size, u32 pages, u32 chain)
{
	for (u32 other = 1; other <= chain; other++) {
		if (percent_used(size, other) > percent_used(size, pages))
			return false;
		if (other < pages && percent_used(size, other) == percent_used(size, pages))
			return false;
	}
	return true;
}

static struct shape best_shape(u32 size, u32 chain)
{
	struct shape s = {0};

	for (u32 pages = 1; pages <= chain; pages++) {
		if (is_best(size, pages, chain)) {
			assert_int_equal(s.pages, 0);
			s = (struct shape){pages, pages * (u32)PAGE_SIZE / size};
		}
	}
	assert_true(s.pages);
	return s;
}

static void test_waste(void **state)
{
	static const u32 waste_208[] = {144, 80, 16, 160}, waste_1568[] = {960, 352, 1312, 704, 96};

	(void)state;
	for (u32 pages = 1; pages <= 4; pages++)
		assert_int_equal(pages * PAGE_SIZE % 208, waste_208[pages - 1]);
	for (u32 pages = 1; pages <= 5; pages++)
		assert_int_equal(pages * PAGE_SIZE % 1568, waste_1568[pages - 1]);
	assert_int_equal(best_shape(208, 4).pages, 2); /* 99 %, as with 3 and 4 */
	assert_int_equal(best_shape(1568, 4).pages, 2);
	assert_int_equal(best_shape(1568, 5).pages, 5);
}

/* What a full zspage leaves over is the waste of its class. */
static void assert_left_over(const char *store, u32 size, u32 pages, u32 waste)
{
	struct store_class used[ZS_CLASSES_MAX];
	struct store_lab l;

	zs_open(&l, store);
	for (u32 i = 0; i < pages * PAGE_SIZE / size; i++)
		zs_put(&l, size - ZS_HEAD);
	assert_int_equal(zs_used_classes(&l, used), 1);
	assert_int_equal(used[0].size, size);
	assert_int_equal(used[0].pages_per_zspage, pages);
	assert_int_equal(used[0].obj_used, used[0].obj_allocated);
	assert_int_equal(used[0].pages_used, pages);
	assert_int_equal(store_lab_stats(&l).free_bytes, waste);
	zs_put(&l, size - ZS_HEAD);
	assert_int_equal(store_lab_stats(&l).pages, 2 * pages);
	store_check(l.store);
	store_lab_close(&l);
}

static void test_left_over(void **state)
{
	(void)state;
	assert_left_over("zsmalloc", 208, 2, 80);
	assert_left_over("zsmalloc(chain=1)", 208, 1, 144);
	assert_left_over("zsmalloc(chain=8)", 208, 2, 80);
	assert_left_over("zsmalloc(chain=5)", 1568, 5, 96);
	assert_left_over("zsmalloc", 1632, 2, 8192 - 5 * 1632); /* 1568 is merged into it */
	assert_left_over("zsmalloc", 3264, 4, 64);
}

static void check_classes(struct store_lab *l, u32 chain)
{
	struct store_class classes[ZS_CLASSES_MAX];
	unsigned int n = store_classes(l->store, classes, ZS_CLASSES_MAX), nr = 0;

	for (u32 size = 32; size <= PAGE_SIZE; size += 16) {
		struct shape s = best_shape(size, chain);

		if (size < PAGE_SIZE) { /* merged into the next one? */
			struct shape next = best_shape(size + 16, chain);

			if (next.pages == s.pages && next.objs == s.objs)
				continue;
		}
		assert_in_range(nr, 0, n - 1);
		assert_int_equal(classes[nr].size, size);
		assert_int_equal(classes[nr].index, (size - 32) / 16);
		assert_int_equal(classes[nr++].pages_per_zspage, s.pages);
	}
	assert_int_equal(nr, n);
}

static void test_classes(void **state)
{
	static const char *const stores[] = {
		"zsmalloc(chain=1)", "zsmalloc(chain=2)", "zsmalloc(chain=3)", "zsmalloc",
		"zsmalloc(chain=5)", "zsmalloc(chain=6)", "zsmalloc(chain=7)", "zsmalloc(chain=8)",
	};
	struct store_lab l;

	(void)state;
	for (u32 chain = 1; chain <= 8; chain++) {
		zs_open(&l, stores[chain - 1]);
		check_classes(&l, chain);
		store_lab_close(&l);
	}
}

/* Each size takes the smallest class that holds it and its head; the last one has none. */
static void test_class_of_size(void **state)
{
	struct store_class all[ZS_CLASSES_MAX], used[ZS_CLASSES_MAX];
	unsigned int n;
	struct store_lab l;

	(void)state;
	zs_open(&l, "zsmalloc");
	n = store_classes(l.store, all, ZS_CLASSES_MAX);
	for (u32 size = 1, i = 0; size <= PAGE_SIZE; size++) {
		unsigned long handle = zs_put(&l, size);

		while (i < n - 1 && all[i].size < size + ZS_HEAD)
			i++;
		assert_int_equal(zs_used_classes(&l, used), 1);
		assert_int_equal(used[0].size, all[i].size);
		assert_int_equal(used[0].obj_used, 1);
		assert_int_equal(used[0].obj_allocated,
				 all[i].pages_per_zspage * PAGE_SIZE / all[i].size);
		zs_take(&l, handle, size);
	}
	assert_int_equal(store_lab_stats(&l).pages, 0);
	store_lab_close(&l);
}

static void test_few_classes_fit(void **state)
{
	struct store_class two[2] = {{0}, {.size = 7}};
	struct store_lab l;

	(void)state;
	zs_open(&l, "zsmalloc");
	assert_in_range(store_classes(l.store, two, 1), 2, ZS_CLASSES_MAX);
	assert_int_equal(two[0].size, 32);
	assert_int_equal(two[1].size, 7);
	store_lab_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waste),		cmocka_unit_test(test_left_over),
		cmocka_unit_test(test_classes),		cmocka_unit_test(test_class_of_size),
		cmocka_unit_test(test_few_classes_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
