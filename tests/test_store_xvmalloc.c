/*
 * xvmalloc: blocks of a page before and after, what melts, which handles are believed, and what it
 * costs in memory.
 */
#include <string.h>

#include "alloc/store/xvmalloc.h"
#include "lib/rng.h"
#include "lib/text.h"
#include "tests/store_churn.h"
#include "tests/test.h"

/* Sizes of the blocks of a page, of the free ones in brackets; "gone": it is no page of the pool. */
static char *draw_xv(char *buf, size_t n, const struct store_lab *l, unsigned long handle)
{
	const struct page *page = store_page_of(l->store, handle);
	const struct xv_block *b = page ? page_name(page) : NULL;
	struct text t = text_in(buf, n);

	text_add(&t, b ? "" : "gone");
	for (; b; b = block_next(b))
		text_add(&t, b->prev & BLOCK_FREE ? "[%u]" : "(%u)", b->size);
	assert_false(text_cut(&t));
	return buf;
}

#define assert_drawn(l, handle, text)                                                              \
	do {                                                                                       \
		char buf_[4096];                                                                   \
                                                                                                   \
		assert_string_equal(draw_xv(buf_, sizeof(buf_), l, handle), text);                 \
		store_check((l)->store);                                                           \
	} while (0)

static void test_cuts_and_melts(void **state)
{
	unsigned long a, b, c, d;
	struct store_lab l;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "xvmalloc");
	a = store_lab_malloc(&l, 0, 100);
	assert_drawn(&l, a, "(100)[3988]");
	b = store_lab_malloc(&l, 0, 50); /* takes 52 */
	c = store_lab_malloc(&l, 1, 1000);
	d = store_lab_malloc(&l, 1, 7);
	assert_drawn(&l, a, "(100)(50)(1000)(7)[2916]");
	assert_int_equal(a + 104, b);
	assert_true(store_lab_free(&l, 0, b, 50));
	assert_drawn(&l, a, "(100)[52](1000)(7)[2916]");
	assert_true(store_lab_free(&l, 0, d, 7)); /* melts with what is behind it */
	assert_drawn(&l, a, "(100)[52](1000)[2928]");
	assert_true(store_lab_free(&l, 0, a, 100)); /* the same */
	assert_drawn(&l, c, "[156](1000)[2928]");
	a = store_lab_malloc(&l, 0, 150); /* 152: all but a block without room */
	assert_drawn(&l, c, "(150)[0](1000)[2928]");
	assert_true(store_lab_free(&l, 0, a, 150));
	a = store_lab_malloc(&l, 0, 156); /* would fit, but its list may hold shorter ones */
	assert_drawn(&l, c, "[156](1000)(156)[2768]");
	assert_true(store_lab_free(&l, 0, a, 156));
	assert_true(
		store_lab_free(&l, 0, c, 1000)); /* melts with both sides: one block, so it goes */
	assert_drawn(&l, c, "gone");
	assert_int_equal(store_lab_stats(&l).pages, 0);
	store_lab_close(&l);
}

/* Blocks too small for a list are found again when they melt. */
static void test_small_blocks(void **state)
{
	unsigned long a, b, c;
	struct store_class classes[4];
	struct store_lab l;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "xvmalloc");
	a = store_lab_malloc(&l, 0, 1);
	b = store_lab_malloc(&l, 0, 16);
	c = store_lab_malloc(&l, 0, 4060);
	assert_drawn(&l, a, "(1)(16)(4060)[0]");
	assert_int_equal(store_classes(l.store, classes, 4), 0);
	assert_true(store_lab_free(&l, 0, b, 16));
	assert_drawn(&l, a, "(1)[16](4060)[0]");
	assert_int_equal(store_classes(l.store, classes, 4), 0);
	assert_true(store_lab_free(&l, 0, c, 4060));
	assert_drawn(&l, a, "(1)[4084]");
	assert_int_equal(store_classes(l.store, classes, 4), 1);
	assert_int_equal(classes[0].obj_allocated, 1);
	assert_int_equal(classes[0].size, 4084);
	assert_true(store_lab_free(&l, 0, a, 1));
	store_lab_close(&l);
}

/* The smallest list that will do, wherever it is; three looks at most. */
static void test_fit(void **state)
{
	unsigned long h[8];
	struct store_stats before, after;
	struct store_lab l;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "xvmalloc");
	for (int i = 0; i < 8; i++) /* four pages: a hole of 504, 1004, 1504, 2004 in each */
		h[i] = store_lab_malloc(&l, 0,
					i % 2 ? 4092 - 504 - 500 * (size_t)(i / 2) - 4 * 2 : 4);
	store_check(l.store);
	before = store_lab_stats(&l);
	assert_int_equal(before.pages, 4);
	h[0] = store_lab_malloc(&l, 0, 1200);
	after = store_lab_stats(&l);
	assert_int_equal(after.pages, 4);
	assert_int_equal(h[0] / PAGE_SIZE, h[5] / PAGE_SIZE);
	assert_int_equal(after.nr_searches - before.nr_searches, 1);
	assert_in_range(after.nr_search_steps - before.nr_search_steps, 1, 3);
	store_lab_close(&l);
}

/* Objects of up to the largest size, which Linux refuses from 4089 bytes on. */
static void test_largest(void **state)
{
	struct store_lab l;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "xvmalloc");
	assert_int_equal(l.store->size_max, 4092);
	for (size_t size = 4080; size <= 4092; size++) {
		unsigned long h = store_lab_malloc(&l, 0, size);

		assert_true(h);
		assert_true(store_lab_write(&l, 0, h, size, size));
		assert_int_equal(store_lab_read(&l, 0, h, size, size), 1);
		store_check(l.store);
	}
	assert_int_equal(store_lab_stats(&l).pages, 13);
	assert_false(store_lab_malloc(&l, 0, 4093));
	assert_int_equal(l.sl.lab.nr_events, 1);
	store_lab_close(&l);
}

/* Who writes what looks like a block into his object gains nothing by it. */
static void test_bad_handles(void **state)
{
	struct xv_block fake = {.size = 40, .prev = 0};
	char buf[1000] = {0};
	unsigned long a, b;
	struct store_lab l;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "xvmalloc");
	a = store_lab_malloc(&l, 0, sizeof(buf));
	b = store_lab_malloc(&l, 0, 40);
	memcpy(buf + 100, &fake, XV_ALIGN);
	assert_true(store_write(l.store, a, buf, sizeof(buf)));
	store_refuses(&l, a + 104, 40);
	assert_memory_equal(l.sl.lab.event, "invalid_pointer", 15);
	store_refuses(&l, b, 41);
	store_refuses(&l, b, 39);
	store_refuses(&l, b + 1, 40);
	store_refuses(&l, b - 4, 40);
	store_refuses(&l, 0, 40);
	store_refuses(&l, (unsigned long)kernel->direct_map + (kernel->max_pfn << PAGE_SHIFT), 40);
	store_refuses(&l, (unsigned long)page_name(kernel->mem_map + 77), 40);
	assert_true(store_lab_free(&l, 0, b, 40));
	store_refuses(&l, b, 40);
	assert_memory_equal(l.sl.lab.event, "double_free", 11);
	assert_true(store_lab_free(&l, 0, a, sizeof(buf)));
	store_refuses(&l, a, sizeof(buf)); /* its page is gone */
	assert_int_equal(store_lab_stats(&l).nr_bad, 30);
	store_lab_close(&l);
}

/* A header that somebody wrote over: its block is lost, nothing else. */
static void test_overwritten(void **state)
{
	unsigned long a, b, c;
	struct store_lab l;
	u16 good;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "xvmalloc");
	a = store_lab_malloc(&l, 0, 100);
	b = store_lab_malloc(&l, 0, 100);
	c = store_lab_malloc(&l, 0, 100);
	good = ((u16 *)b)[-1];
	((u16 *)b)[-1] ^= 0x5000; /* where the block before begins */
	assert_false(store_lab_free(&l, 0, b, 100));
	assert_memory_equal(l.sl.lab.event, "redzone", 7);
	assert_false(store_lab_free(&l, 0, a, 100)); /* its neighbour contradicts it */
	assert_true(store_lab_free(&l, 0, c, 100));
	((u16 *)b)[-1] = good;
	store_check(l.store);
	((u16 *)b)[-2] = 60000; /* its size */
	assert_false(store_lab_free(&l, 0, b, 60000));
	assert_false(store_lab_free(&l, 0, b, 100));
	((u16 *)b)[-2] = 100;
	assert_true(store_lab_free(&l, 0, b, 100));
	assert_true(store_lab_free(&l, 0, a, 100));
	store_check(l.store);
	store_lab_close(&l);
}

/* Published: 4 bytes of metadata an object, within 12 % of the ideal. */
static void test_memory(void **state)
{
	u64 nr = 4000, asked = 0;
	struct store_stats s;
	struct store_lab l;
	struct rng rng;

	(void)state;
	rng_init(&rng, 1, "xvmalloc", "sizes");
	store_lab_open(&l, LAB_NODE, NULL, NULL, "xvmalloc");
	for (u64 i = 0; i < nr; i++) {
		size_t size = 32 + rng_below(&rng, 1500);

		assert_true(store_lab_malloc(&l, 0, size));
		asked += size;
	}
	s = store_lab_stats(&l);
	assert_int_equal(s.blocks, nr);
	assert_int_equal(s.header_bytes, 4 * nr);
	assert_in_range(s.block_bytes - s.header_bytes, asked, asked + 3 * nr);
	assert_int_equal(s.block_bytes + s.free_bytes, s.pages * PAGE_SIZE);
	assert_in_range(s.pages * PAGE_SIZE, asked, asked * 112 / 100);
	assert_true(s.nr_search_steps <= 3 * s.nr_searches);
	store_check(l.store);
	store_lab_close(&l);
}

/*
 * What does not fit beside another of its kind has a page to itself: from 2041 bytes on, for the
 * 2044 bytes that are left then are on a list for 2040 and more.
 */
static void test_half_a_page(void **state)
{
	for (size_t size = 2040; size <= 2041; size++) {
		struct store_lab l;

		(void)state;
		store_lab_open(&l, LAB_NODE, NULL, NULL, "xvmalloc");
		for (int i = 0; i < 100; i++)
			assert_true(store_lab_malloc(&l, 0, size));
		assert_int_equal(store_lab_stats(&l).pages, size == 2040 ? 50 : 100);
		store_lab_close(&l);
	}
}

static void test_leak(void **state)
{
	struct store_lab l;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "xvmalloc");
	assert_true(store_lab_malloc(&l, 0, 100) && store_lab_malloc(&l, 0, 28));
	store_put(l.store);
	l.store = NULL;
	assert_string_equal(l.sl.lab.event, "leak: xvmalloc: 2 objects still in use");
	store_lab_close(&l);
}

static void test_refused_over_null_pages(void **state)
{
	struct store_env env;
	struct store_lab l;
	struct err e;

	(void)state;
	store_lab_open(&l, LAB_NODE, "page_allocator", NULL, "null");
	env = l.store->env;
	env.pages = lab_chain("null", &e);
	assert_null(store_lab_chain(&env, "xvmalloc", &e));
	assert_non_null(strstr(e.msg, "keep nothing"));
	page_allocator_put(env.pages);
	store_lab_close(&l);
}

static void test_faults(void **state)
{
	(void)state;
	assert_in_range(store_churn_faults(&(struct store_churn){.store = "xvmalloc", .seed = 3}),
			20, 48);
}

static void test_fuzz(void **state)
{
	(void)state;
	store_churn_sizes("xvmalloc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cuts_and_melts),
		cmocka_unit_test(test_small_blocks),
		cmocka_unit_test(test_fit),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_bad_handles),
		cmocka_unit_test(test_overwritten),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_half_a_page),
		cmocka_unit_test(test_leak),
		cmocka_unit_test(test_refused_over_null_pages),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_fuzz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
