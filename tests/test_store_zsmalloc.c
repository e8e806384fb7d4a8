/*
 * zsmalloc: zspages and their fullness, places of objects, handles that are none.
 */
#include "tests/test.h"

#include <stdio.h>

#include "tests/zs_lab.h"

/* ---- Places ---- */

/* From 3257 bytes on (zs_huge_class_size) an object has a page to itself, and no head in it. */
static void test_huge(void **state)
{
	struct store_span spans[STORE_SPANS_MAX];
	struct store_stats s;
	struct store_lab l;
	unsigned long a, b;

	(void)state;
	zs_open(&l, "zsmalloc");
	a = zs_put(&l, PAGE_SIZE);
	b = zs_put(&l, 3257);
	assert_int_equal(store_map(l.store, a, PAGE_SIZE, spans), 1);
	assert_int_equal((unsigned long)spans[0].addr % PAGE_SIZE, 0);
	assert_int_equal(spans[0].len, PAGE_SIZE);
	assert_true(store_lab_write(&l, 0, a, PAGE_SIZE, 1));
	assert_true(store_lab_write(&l, 0, b, 3257, 2));
	store_check(l.store);
	assert_int_equal(store_lab_read(&l, 0, a, PAGE_SIZE, 1), 1);
	assert_int_equal(store_lab_read(&l, 0, b, 3257, 2), 1);
	s = store_lab_stats(&l);
	assert_int_equal(s.pages, 2);
	assert_int_equal(s.header_bytes, 0);
	assert_int_equal(s.free_bytes, 0);
	zs_take(&l, a, PAGE_SIZE);
	assert_false(store_map(l.store, a, PAGE_SIZE, spans));
	a = zs_put(&l, 3256);
	assert_int_equal(store_lab_stats(&l).pages, 5);
	assert_int_equal(store_lab_stats(&l).header_bytes, 8);
	zs_take(&l, a, 3256);
	zs_take(&l, b, 3257);
	store_lab_close(&l);
}

/* Three pages hold four of 2720 bytes and more: the second and the third lie across. */
static void test_spanning(void **state)
{
	static const int pieces[] = {1, 2, 2, 1};
	struct store_span spans[STORE_SPANS_MAX];
	unsigned long h[4];
	struct store_lab l;
	struct store_stats s;

	(void)state;
	zs_open(&l, "zsmalloc");
	for (int i = 0; i < 4; i++) {
		h[i] = zs_put(&l, 2720);
		assert_true(store_lab_write(&l, 0, h[i], 2720, (u64)i));
		assert_int_equal(store_map(l.store, h[i], 2720, spans), pieces[i]);
		if (pieces[i] == 2) {
			assert_int_equal(spans[0].len + spans[1].len, 3072 - ZS_HEAD);
			assert_int_equal(((unsigned long)spans[0].addr + spans[0].len) % PAGE_SIZE,
					 0);
			assert_int_equal((unsigned long)spans[1].addr % PAGE_SIZE, 0);
		}
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(store_lab_read(&l, 0, h[i], 2720, (u64)i), 1);
	s = store_lab_stats(&l);
	assert_int_equal(s.pages, 3);
	assert_int_equal(s.blocks, 6);
	assert_int_equal(s.nr_split, 2);
	assert_int_equal(s.block_bytes, 4 * 3072);
	store_check(l.store);
	zs_take(&l, h[1], 2720);
	assert_int_equal(store_lab_stats(&l).blocks, 4);
	assert_int_equal(store_lab_stats(&l).nr_split, 2);
	store_lab_close(&l);
}

static u64 write_ns(struct store_lab *l, unsigned long handle, size_t size)
{
	u64 self_ns = l->store->layer->self_ns;

	assert_true(store_lab_write(l, 0, handle, size, 1));
	return l->store->layer->self_ns - self_ns;
}

/* What lies across two pages is copied twice: so many bytes more, at so much a page. */
static void test_spanning_costs(void **state)
{
	struct store_lab l;
	unsigned long whole, split;

	(void)state;
	zs_open(&l, "zsmalloc");
	whole = zs_put(&l, 2720);
	split = zs_put(&l, 2720);
	(void)write_ns(&l, whole, 2720);
	assert_int_equal(write_ns(&l, split, 2720) - write_ns(&l, whole, 2720),
			 kernel->cost_ns[COST_ZERO_PAGE] * 2720ULL / PAGE_SIZE);
	store_lab_close(&l);
}

/* Whoever comes while another CPU has the pool's lock waits for it. */
static void test_lock(void **state)
{
	u64 alone_ns, waited_ns;
	struct store_lab l;

	(void)state;
	zs_open(&l, "zsmalloc");
	for (int i = 0; i < 4; i++) {
		zs_put(&l, 100);
		assert_true(store_lab_malloc(&l, 1, 100));
	}
	l.sl.lab.m->now_ns += 1000000;
	alone_ns = l.store->layer->self_ns;
	zs_put(&l, 100);
	alone_ns = l.store->layer->self_ns - alone_ns;
	waited_ns = l.store->layer->self_ns;
	assert_true(store_lab_malloc(&l, 1, 100));
	waited_ns = l.store->layer->self_ns - waited_ns;
	assert_true(waited_ns > alone_ns + 10);
	store_lab_close(&l);
}

/* ---- Fullness ---- */

#define EIGHT 504 /* and a head: eight in a page */

/*
 * The page that a lives in, one letter an object, and how many zspages are almost full and almost
 * empty: "ab.d.... full 0 empty 1".
 */
static const char *draw(struct store_lab *l, const unsigned long *handles, unsigned int n,
			unsigned int of)
{
	static char buf[64];
	struct store_span spans[STORE_SPANS_MAX];
	struct store_class used[ZS_CLASSES_MAX];
	unsigned long page;

	memset(buf, '.', 8);
	assert_int_equal(store_map(l->store, handles[of], EIGHT, spans), 1);
	page = (unsigned long)spans[0].addr & ~(PAGE_SIZE - 1);
	for (unsigned int i = 0; i < n; i++) {
		unsigned long addr;

		if (!handles[i] || store_map(l->store, handles[i], EIGHT, spans) != 1)
			continue;
		addr = (unsigned long)spans[0].addr;
		if ((addr & ~(PAGE_SIZE - 1)) == page)
			buf[addr % PAGE_SIZE / (EIGHT + ZS_HEAD)] = (char)('a' + i);
	}
	assert_int_equal(zs_used_classes(l, used), 1);
	snprintf(buf + 8, sizeof(buf) - 8, " full %d empty %d", (int)used[0].almost_full,
		 (int)used[0].almost_empty);
	return buf;
}

#define assert_draws(l, h, of, drawing)                                                            \
	assert_string_equal(draw(l, h, (unsigned int)ARRAY_SIZE(h), of), drawing)

static void drop(struct store_lab *l, unsigned long *handle)
{
	zs_take(l, *handle, EIGHT);
	*handle = 0;
}

/* Up to three quarters: almost empty. The object freed last is the next one handed out. */
static void test_fullness(void **state)
{
	unsigned long h[10] = {0};
	struct store_lab l;

	(void)state;
	zs_open(&l, "zsmalloc");
	h[0] = zs_put(&l, EIGHT);
	assert_draws(&l, h, 0, "a....... full 0 empty 1");
	for (int i = 1; i < 6; i++)
		h[i] = zs_put(&l, EIGHT);
	assert_draws(&l, h, 0, "abcdef.. full 0 empty 1");
	h[6] = zs_put(&l, EIGHT);
	assert_draws(&l, h, 0, "abcdefg. full 1 empty 0");
	h[7] = zs_put(&l, EIGHT);
	assert_draws(&l, h, 0, "abcdefgh full 0 empty 0");
	drop(&l, &h[2]);
	assert_draws(&l, h, 0, "ab.defgh full 1 empty 0");
	drop(&l, &h[4]);
	assert_draws(&l, h, 0, "ab.d.fgh full 0 empty 1");
	h[8] = zs_put(&l, EIGHT);
	assert_draws(&l, h, 0, "ab.difgh full 1 empty 0");
	h[9] = zs_put(&l, EIGHT);
	assert_draws(&l, h, 0, "abjdifgh full 0 empty 0");
	store_check(l.store);
	for (unsigned int i = 0; i < ARRAY_SIZE(h); i++)
		if (h[i])
			drop(&l, &h[i]);
	assert_int_equal(store_lab_stats(&l).pages, 0);
	assert_int_equal(store_lab_stats(&l).descriptors, 0);
	store_lab_close(&l);
}

/* Room is taken where least of it is left: of the almost full ones first. */
static void test_which_zspage(void **state)
{
	unsigned long h[24];
	struct store_lab l;

	(void)state;
	zs_open(&l, "zsmalloc");
	for (int i = 0; i < 24; i++)
		h[i] = zs_put(&l, EIGHT);
	for (int i = 0; i < 5; i++)
		drop(&l, &h[i]); /* the first page: 3 left */
	drop(&l, &h[8]);	 /* the second: 7 */
	for (int i = 16; i < 20; i++)
		drop(&l, &h[i]); /* the third: 4 */
	assert_draws(&l, h, 7, ".....fgh full 1 empty 2");
	h[0] = zs_put(&l, EIGHT);
	assert_draws(&l, h, 9, "ajklmnop full 0 empty 2");
	h[1] = zs_put(&l, EIGHT); /* the one that came in last is first, unless it was emptier */
	assert_draws(&l, h, 20, "...buvwx full 0 empty 2");
	store_check(l.store);
	store_lab_close(&l);
}

/* ---- Handles that are none ---- */

static void assert_bad(struct store_lab *l, unsigned long handle, size_t size)
{
	struct store_span spans[STORE_SPANS_MAX];
	u64 bad = store_lab_stats(l).nr_bad;

	assert_false(store_lab_free(l, 0, handle, size));
	assert_false(store_lab_write(l, 0, handle, size ? size : 1, 1));
	assert_int_equal(store_lab_read(l, 0, handle, size ? size : 1, 1), -1);
	assert_int_equal(store_map(l->store, handle, size, spans), 0);
	assert_int_equal(store_lab_stats(l).nr_bad, bad + 3);
	assert_says(l->sl.lab.event, "invalid_pointer: zsmalloc: read of handle");
	store_check(l->store);
}

static void test_bad_handles(void **state)
{
	struct store_span spans[STORE_SPANS_MAX];
	unsigned long a, b, huge;
	struct store_lab l;

	(void)state;
	zs_open(&l, "zsmalloc");
	a = zs_put(&l, 100);
	b = zs_put(&l, 100);
	huge = zs_put(&l, 4000);
	assert_true(store_lab_write(&l, 0, a, 100, 1));
	assert_bad(&l, 0, 100);
	assert_bad(&l, 1, 100);
	assert_bad(&l, huge + 8, 100); /* a word that no handle has been */
	assert_bad(&l, a + 4, 100);
	assert_bad(&l, a, 200); /* another class */
	assert_bad(&l, a, 4000);
	assert_bad(&l, huge, 100);
	assert_int_equal(store_map(l.store, a, 100, spans), 1);
	assert_bad(&l, (unsigned long)spans[0].addr - ZS_HEAD, 100); /* the object itself */
	assert_bad(&l, (unsigned long)kernel->direct_map + (kernel->max_pfn << PAGE_SHIFT), 100);
	zs_take(&l, b, 100);
	assert_bad(&l, b, 100); /* twice */
	zs_take(&l, huge, 4000);
	assert_bad(&l, huge, 4000); /* its page has gone */
	assert_int_equal(store_lab_read(&l, 0, a, 100, 1), 1);
	zs_take(&l, a, 100);
	assert_bad(&l, a, 100);
	store_lab_close(&l);
}

/* Contents that look like a handle's word, and like the head of the object that it names. */
static void test_forged_handle(void **state)
{
	struct store_span spans[STORE_SPANS_MAX];
	u64 words[25], entered_ns;
	unsigned long a, forged;
	struct store_lab l;

	(void)state;
	zs_open(&l, "zsmalloc");
	a = zs_put(&l, sizeof(words));
	assert_int_equal(store_map(l.store, a, sizeof(words), spans), 1);
	forged = (unsigned long)spans[0].addr + 8;
	for (u32 idx = 0; idx < 50; idx++) { /* number 20 begins in the other page, 64 bytes on */
		for (int i = 0; i < 25; i++)
			words[i] = forged | 1;
		words[1] = (page_to_pfn(virt_to_page(spans[0].addr)) << 23 | idx) << 1;
		entered_ns = machine_enter(l.sl.lab.m, 0, l.sl.lab.m->now_ns);
		assert_true(store_write(l.store, a, words, sizeof(words)));
		machine_leave(l.sl.lab.m, entered_ns);
		assert_bad(&l, forged, sizeof(words));
	}
	zs_take(&l, a, sizeof(words));
	store_lab_close(&l);
}

static void test_foreign_handle(void **state)
{
	struct store_lab l;
	struct store_env env;
	struct store *other;
	unsigned long a, foreign;
	u64 pages;
	struct err e = {""};

	(void)state;
	zs_open(&l, "zsmalloc");
	env = l.store->env;
	other = store_lab_chain(&env, "zsmalloc(chain=2)", &e);
	assert_non_null(other);
	a = zs_put(&l, 100);
	pages = store_lab_stats(&l).pages;
	foreign = store_malloc(other, 100, GFP_STORE);
	assert_true(foreign);
	assert_bad(&l, foreign, 100);
	assert_false(store_free(other, a, 100));
	assert_true(store_free(other, foreign, 100));
	assert_int_equal(store_lab_stats(&l).pages, pages);
	zs_take(&l, a, 100);
	store_put(other);
	store_lab_close(&l);
}

/* ---- Birth and death ---- */

static void test_leak(void **state)
{
	struct store_lab l;
	u64 free_pages;

	(void)state;
	zs_open(&l, "zsmalloc");
	free_pages = l.sl.free_pages;
	assert_true(free_pages);
	for (size_t size = 10; size < PAGE_SIZE; size += 100)
		zs_put(&l, size);
	store_put(l.store);
	l.store = NULL;
	assert_int_equal(l.sl.lab.nr_events, 1);
	assert_string_equal(l.sl.lab.event, "leak: zsmalloc: 41 objects still in use");
	store_lab_close(&l);
}

static void test_needs_memory(void **state)
{
	struct store_lab l;
	struct store_env env;
	struct err e = {""};

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, "null", "null");
	env = l.store->env;
	assert_null(store_lab_chain(&env, "zsmalloc", &e));
	assert_says(e.msg, "handles name objects, and 'null' keeps nothing");
	store_lab_close(&l);
	store_lab_open(&l, LAB_NODE, "null", NULL, "null");
	env = l.store->env;
	assert_null(store_lab_chain(&env, "zsmalloc", &e));
	assert_says(e.msg, "the pages of 'null' keep nothing");
	store_lab_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_huge),	       cmocka_unit_test(test_spanning),
		cmocka_unit_test(test_spanning_costs), cmocka_unit_test(test_lock),
		cmocka_unit_test(test_fullness),       cmocka_unit_test(test_which_zspage),
		cmocka_unit_test(test_bad_handles),    cmocka_unit_test(test_forged_handle),
		cmocka_unit_test(test_foreign_handle), cmocka_unit_test(test_leak),
		cmocka_unit_test(test_needs_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
