/*
 * kmalloc as a store: what its classes waste, whose pages it has, and which handles are believed.
 */
#include <string.h>

#include "alloc/kmalloc.h"
#include "tests/store_churn.h"
#include "tests/test.h"

static u64 class_of(u64 size)
{
	static const u64 classes[] = {8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096};
	int i = 0;

	while (classes[i] < size)
		i++;
	return classes[i];
}

/* Each size once: what is taken is the sum of the classes, to the byte. */
static void test_waste(void **state)
{
	u64 taken = 0, asked = 0;
	struct store_stats s;
	struct store_lab l;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "kmalloc");
	assert_int_equal(l.store->size_max, PAGE_SIZE);
	for (u64 size = 1; size <= PAGE_SIZE; size++) {
		assert_true(store_lab_malloc(&l, 0, size));
		taken += class_of(size);
		asked += size;
	}
	s = store_lab_stats(&l);
	assert_int_equal(s.blocks, PAGE_SIZE);
	assert_int_equal(s.block_bytes, taken);
	assert_int_equal(s.header_bytes + s.descriptors, 0);
	assert_in_range(10000 * (taken - asked) / taken, 2489, 2499); /* a quarter, nearly */
	assert_int_equal(s.free_bytes, (s.pages - s.reserve_pages) * PAGE_SIZE - taken);
	assert_in_range(s.pages * PAGE_SIZE, taken, taken * 11 / 10);
	assert_int_equal(l.store->nr_pages, 0);
	store_check(l.store);
	store_lab_close(&l);
}

static void test_pages(void **state)
{
	u64 free_pages;
	struct store_stats s;
	struct store_lab l;
	unsigned long h[64];

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "kmalloc");
	lab_settle(&l.sl.lab);
	free_pages = lab_free_pages(&l.sl.lab);
	for (int i = 0; i < 64; i++)
		h[i] = store_lab_malloc(&l, 0, 2000);
	s = store_lab_stats(&l);
	assert_int_equal(s.pages, 32);
	assert_int_equal(s.reserve_pages, 0);
	lab_settle(&l.sl.lab); /* per-CPU lists go back, slabs do not */
	assert_int_equal(free_pages - lab_free_pages(&l.sl.lab), s.pages);
	for (int i = 0; i < 64; i++)
		assert_true(store_lab_free(&l, 0, h[i], 2000));
	s = store_lab_stats(&l);
	assert_int_equal(s.blocks + s.block_bytes, 0);
	assert_int_equal(s.free_bytes, (s.pages - s.reserve_pages) * PAGE_SIZE);
	lab_settle(&l.sl.lab);
	s = store_lab_stats(&l);
	assert_int_equal(free_pages - lab_free_pages(&l.sl.lab), s.pages);
	store_lab_close(&l);
}

/* The load's kmalloc has caches of its own, of the same sizes. */
static void test_own_caches(void **state)
{
	struct store_class c[16];
	struct kmalloc km;
	struct store_lab l;
	void *other;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "kmalloc");
	kmalloc_init_by(&km, &l.slabs, NULL);
	other = kmalloc(&km, 100, GFP_KERNEL);
	store_refuses(&l, (unsigned long)other, 100);
	assert_true(store_lab_malloc(&l, 0, 100));
	assert_true(store_lab_malloc(&l, 0, 128));
	assert_true(store_lab_malloc(&l, 0, 129));
	assert_int_equal(store_classes(l.store, c, 16), 2);
	assert_int_equal(c[0].size, 128);
	assert_int_equal(c[0].obj_used, 2);
	assert_int_equal(c[0].obj_allocated, 32);
	assert_int_equal(c[0].pages_used, 1);
	assert_int_equal(c[1].size, 192);
	assert_int_equal(c[1].obj_used, 1);
	kfree(&km, other);
	kmalloc_destroy(&km);
	store_lab_close(&l);
}

static void test_bad_handles(void **state)
{
	unsigned long a, b;
	struct store_lab l;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "kmalloc");
	a = store_lab_malloc(&l, 0, 100);
	b = store_lab_malloc(&l, 0, 100);
	assert_true(store_lab_read(&l, 0, a, 128, 1) >= 0); /* a size of the same class */
	store_refuses(&l, a, 129);
	store_refuses(&l, a, 96);
	store_refuses(&l, a, 0);
	store_refuses(&l, a + 8, 100);
	store_refuses(&l, 0, 100);
	store_refuses(&l, (unsigned long)kernel->direct_map - 1, 100);
	store_refuses(&l, (unsigned long)page_name(kernel->mem_map + 77), 100);
	assert_true(store_lab_free(&l, 0, a, 100));
	store_refuses(&l, a, 100);
	assert_true(store_lab_free(&l, 0, b, 100));
	store_refuses(&l, b, 100);
	assert_int_equal(store_lab_stats(&l).nr_bad, 27);
	store_check(l.store);
	store_lab_close(&l);
}

/* Live objects go with the store, whatever the chain of slabs does with frees. */
static void test_leak(void **state)
{
	static const char *const slabs[] = {"slabifier",       "rcu:slabifier", "caching:slabifier",
					    "debug:slabifier", "queued_slab",	"slob"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(slabs); i++) {
		struct store_lab l;

		store_lab_open(&l, LAB_TWO_NODES, NULL, slabs[i], "kmalloc");
		for (size_t size = 1; size <= 4000; size += 57)
			assert_true(store_lab_malloc(&l, 0, size));
		store_check(l.store);
		store_put(l.store);
		l.store = NULL;
		assert_int_equal(l.sl.lab.nr_events, 1);
		assert_string_equal(l.sl.lab.event, "leak: kmalloc: 71 objects still in use");
		store_lab_close(&l);
	}
}

/* Where caches share their pages, the store's are all of them. */
static void test_shared_pages(void **state)
{
	struct store_stats s;
	struct store_lab l;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, "slob", "kmalloc");
	for (size_t i = 0; i < 100; i++)
		assert_true(store_lab_malloc(&l, 0, 24 + i));
	s = store_lab_stats(&l);
	assert_int_equal(s.blocks, 100);
	assert_in_range(s.pages, 2, 3);
	assert_in_range(s.block_bytes, 7350, s.pages * PAGE_SIZE);
	store_check(l.store);
	store_lab_close(&l);
}

static void test_faults(void **state)
{
	(void)state;
	assert_in_range(store_churn_faults(&(struct store_churn){.store = "kmalloc", .seed = 3}),
			20, 200);
}

static void test_fuzz(void **state)
{
	static const char *const slabs[] = {"slabifier",	 "queued_slab",	  "debug:slabifier",
					    "caching:slabifier", "rcu:slabifier", "slob"};

	(void)state;
	for (u64 seed = 0; seed < ARRAY_SIZE(slabs); seed++)
		store_churn(&(struct store_churn){.store = "kmalloc",
						  .slab = slabs[seed],
						  .nodes = seed % 2 ? LAB_TWO_NODES : NULL,
						  .rounds_sizes = true,
						  .nr_ops = 6000,
						  .size_max = seed % 3 ? 0 : 400,
						  .seed = seed});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waste),	   cmocka_unit_test(test_pages),
		cmocka_unit_test(test_own_caches), cmocka_unit_test(test_bad_handles),
		cmocka_unit_test(test_leak),	   cmocka_unit_test(test_shared_pages),
		cmocka_unit_test(test_faults),	   cmocka_unit_test(test_fuzz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
