/*
 * xcfmalloc: choice of blocks, splitting and merging, the reserve, geometry, what is published of
 * it; and the defects of what was posted in 2011, which must not come back.
 */
#include "tests/test.h"

#include "tests/xcf_lab.h"

/* ---- Blocks ---- */

static void split_and_merge(void **state)
{
	struct xcf_lab xl;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc(max_blocks=1)");
	xcf_lab_put(&xl, 'a', 1000);
	assert_string_equal(xcf_lab_draw(&xl), "[1024 a][3072 .]");
	xcf_lab_put(&xl, 'b', 48);
	xcf_lab_put(&xl, 'c', 49);
	assert_string_equal(xcf_lab_draw(&xl), "[1024 a][64 b][128 c][2880 .]");
	xcf_lab_drop(&xl, 'b');
	assert_string_equal(xcf_lab_draw(&xl), "[1024 a][64 .][128 c][2880 .]");
	xcf_lab_verify(&xl);
	xcf_lab_drop(&xl, 'a'); /* merges with what is behind */
	assert_string_equal(xcf_lab_draw(&xl), "[1088 .][128 c][2880 .]");
	xcf_lab_put(&xl, 'd', 1000); /* the smallest that is larger */
	assert_string_equal(xcf_lab_draw(&xl), "[1024 d][64 .][128 c][2880 .]");
	xcf_lab_verify(&xl);
	xcf_lab_drop(&xl, 'c'); /* with both sides */
	assert_string_equal(xcf_lab_draw(&xl), "[1024 d][3072 .]");
	xcf_lab_drop(&xl, 'd');
	assert_string_equal(xcf_lab_draw(&xl), "+1");
	xcf_lab_verify(&xl);
	xcf_lab_close(&xl);
}

static void exact_smaller_larger(void **state)
{
	struct xcf_lab xl;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc");
	xcf_lab_put(&xl, 'a', 4080 - 512);
	xcf_lab_put(&xl, 'b', 48);
	assert_string_equal(xcf_lab_draw(&xl), "[3584 a][64 b][448 .]");
	xcf_lab_put(&xl, 'c', 432); /* exact */
	assert_string_equal(xcf_lab_draw(&xl), "[3584 a][64 b][448 c]");
	xcf_lab_drop(&xl, 'c');
	/* The largest smaller one, and for the last block a larger one, split. */
	xcf_lab_put(&xl, 'c', 1000);
	assert_string_equal(xcf_lab_draw(&xl), "[3584 a][64 b][448 c]\n[640 c][3456 .]");
	assert_int_equal(xl.x->nr_split, 1);
	xcf_lab_verify(&xl);
	xcf_lab_close(&xl);
}

/* However large the smaller block is: the last one may not be short. */
static void last_block_is_never_short(void **state)
{
	struct store_stats s;
	struct xcf_lab xl;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc(max_blocks=2)");
	xcf_lab_put(&xl, 'a', 3000);
	xcf_lab_put(&xl, 'b', 4080); /* 1024 behind a, and as the last one 3136 of 4096 */
	assert_string_equal(xcf_lab_draw(&xl), "[3072 a][1024 b]\n[3136 b][960 .]");
	/* 960 is free; the first block takes it, the second must not take less than the rest. */
	xcf_lab_put(&xl, 'c', 4000);
	assert_string_equal(xcf_lab_draw(&xl),
			    "[3072 a][1024 b]\n[3136 b][960 c]\n[3072 c][1024 .]");
	xcf_lab_drop(&xl, 'a');
	xcf_lab_put(&xl, 'd', 4080); /* first 3072, and 1024 holds 1008 of the 1024 that are left */
	assert_string_equal(xcf_lab_draw(&xl), "[3072 d][1024 b]\n[3136 b][960 c]\n"
					       "[3072 c][1024 .]\n[1088 d][3008 .]");
	/* Each block holds what is said to be in it: contents prove it. */
	xcf_lab_verify(&xl);
	s = store_lab_stats(&xl.l);
	assert_int_equal(s.blocks, 6);
	assert_int_equal(s.nr_split, 3);
	xcf_lab_close(&xl);
}

static void one_block_is_all_with_max_blocks_1(void **state)
{
	struct xcf_lab xl;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc(max_blocks=1)");
	xcf_lab_put(&xl, 'a', 3000);
	xcf_lab_put(&xl, 'b', 3000);
	assert_string_equal(xcf_lab_draw(&xl), "[3072 a][1024 .]\n[3072 b][1024 .]");
	assert_int_equal(xl.x->nr_split, 0);
	xcf_lab_close(&xl);
}

/* The search for a smaller block reaches the smallest list. */
static void smallest_blocks_serve(void **state)
{
	struct xcf_lab xl;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc");
	xcf_lab_put(&xl, 'a', 4080 - 64);
	assert_string_equal(xcf_lab_draw(&xl), "[4032 a][64 .]");
	xcf_lab_put(&xl, 'b', 100);
	assert_string_equal(xcf_lab_draw(&xl), "[4032 a][64 b]\n[128 b][3968 .]");
	xcf_lab_verify(&xl);
	xcf_lab_close(&xl);
}

static void up_to_eight_blocks(void **state)
{
	struct store_span spans[STORE_SPANS_MAX];
	struct xcf_lab xl;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc(max_blocks=8,reserve=0)");
	for (int c = 'a'; c < 'a' + 20; c++)
		xcf_lab_put(&xl, c, 4080 - 64); /* every other one begins in a rest of 64 */
	xcf_lab_verify(&xl);
	xcf_lab_close(&xl);
	xcf_lab_open(&xl, "xcfmalloc(max_blocks=8,reserve=0)");
	/* 32 blocks of 128, every other one goes: holes of 128 */
	for (int c = 'a'; c < 'a' + 32; c++)
		xcf_lab_put(&xl, c, 112);
	for (int c = 'a'; c < 'a' + 32; c += 2)
		xcf_lab_drop(&xl, c);
	xcf_lab_put(&xl, 'a', 8 * 112);
	assert_int_equal(xl.x->nr_blocks, 16 + 8);
	assert_int_equal(xl.l.store->nr_pages, 1);
	assert_int_equal(store_map(xl.l.store, xl.obj[0].handle, 8 * 112, spans), 8);
	xcf_lab_put(&xl, 'c', 9 * 112); /* seven holes, and the last block holds the rest */
	assert_int_equal(store_map(xl.l.store, xl.obj[2].handle, 9 * 112, spans), 8);
	assert_int_equal(spans[7].len, 2 * 112);
	assert_int_equal(xl.l.store->nr_pages, 2);
	xcf_lab_verify(&xl);
	xcf_lab_close(&xl);
}

static void sizes_refused(void **state)
{
	struct xcf_lab xl;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc");
	assert_int_equal(xcf_malloc(xl.x, 0, GFP_STORE), 0);
	assert_int_equal(xcf_malloc(xl.x, (size_t)-1, GFP_STORE), 0);
	assert_int_equal(xcf_malloc(xl.x, PAGE_SIZE - 15, GFP_STORE), 0);
	assert_int_equal(xl.x->s.nr_pages, 0);
	assert_int_equal(store_lab_malloc(&xl.l, 0, 0), 0);
	assert_true(xcf_lab_put(&xl, 'a', PAGE_SIZE - 16));
	assert_string_equal(xcf_lab_draw(&xl), "[4096 a]");
	xcf_lab_close(&xl);
}

/* ---- The reserve ---- */

static void reserve_is_kept_and_left_out(void **state)
{
	struct xcf_lab xl;
	u64 free_pages;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc(reserve=2)");
	for (int c = 'a'; c < 'a' + 5; c++)
		xcf_lab_put(&xl, c, 4080);
	assert_int_equal(xcf_get_total_size_bytes(xl.x), 5 * PAGE_SIZE);
	assert_int_equal(xcf_get_desc_count(xl.x), 5);
	free_pages = xl.x->s.env.pages->layer->nr_free;
	for (int c = 'a'; c < 'a' + 4; c++)
		xcf_lab_drop(&xl, c);
	assert_string_equal(xcf_lab_draw(&xl), "[4096 e]+2");
	assert_int_equal(xl.x->s.env.pages->layer->nr_free - free_pages, 2);
	assert_int_equal(xl.l.store->nr_pages, 3);
	assert_int_equal(xcf_get_total_size_bytes(xl.x), PAGE_SIZE);
	assert_int_equal(xcf_get_desc_count(xl.x), 1);
	xcf_lab_verify(&xl);
	xcf_lab_put(&xl, 'a', 4080); /* from the reserve */
	assert_int_equal(xl.l.store->nr_pages, 3);
	xcf_lab_close(&xl);
}

static void destroying_frees_everything(void **state)
{
	struct xcf_lab xl;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc");
	for (int c = 'a'; c < 'a' + 40; c++)
		xcf_lab_put(&xl, c, 700);
	xcf_lab_drop(&xl, 'c');
	store_put(xl.l.store);
	xl.l.store = NULL;
	assert_int_equal(xl.l.sl.lab.nr_events, 1);
	assert_says(xl.l.sl.lab.event, "leak");
	assert_says(xl.l.sl.lab.event, "39 objects");
	store_lab_close(&xl.l); /* asserts that all pages are back */
}

/* ---- Geometry ---- */

static void geometry(void **state)
{
	struct store_stats s;
	struct xcf_lab xl;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc(geometry=32)");
	xcf_lab_put(&xl, 'a', 52);
	xcf_lab_put(&xl, 'b', 53);
	assert_string_equal(xcf_lab_draw(&xl), "[64 a][128 b][3904 .]");
	s = store_lab_stats(&xl.l);
	assert_int_equal(s.descriptor_bytes, 2 * 24);
	assert_int_equal(s.header_bytes, 2 * 12);
	assert_true(xcf_lab_put(&xl, 'c', PAGE_SIZE - 12));
	xcf_lab_verify(&xl);
	xcf_lab_close(&xl);
	xcf_lab_open(&xl, "xcfmalloc");
	xcf_lab_put(&xl, 'a', 48);
	xcf_lab_put(&xl, 'b', 49);
	assert_string_equal(xcf_lab_draw(&xl), "[64 a][128 b][3904 .]");
	s = store_lab_stats(&xl.l);
	assert_int_equal(s.descriptor_bytes, 2 * 32);
	assert_int_equal(s.header_bytes, 2 * 16);
	xcf_lab_close(&xl);
	xcf_lab_open(&xl, "xcfmalloc(geometry=32,block_shift=5)");
	for (int c = 'a'; c < 'a' + 40; c++)
		xcf_lab_put(&xl, c, (size_t)(c - 'a') + 1);
	for (int c = 'a'; c < 'a' + 40; c += 3)
		xcf_lab_drop(&xl, c);
	xcf_lab_verify(&xl);
	xcf_lab_close(&xl);
}

static void descriptors_a_page(void **state)
{
	static const struct {
		const char *store;
		u64 per_page;
	} builds[] = {{"xcfmalloc", 128}, {"xcfmalloc(geometry=32)", 170}};

	(void)state;
	for (int b = 0; b < 2; b++) {
		unsigned long handles[400];
		struct store_stats s;
		struct xcf_lab xl;

		xcf_lab_open(&xl, builds[b].store);
		for (int i = 0; i < 400; i++)
			handles[i] = store_lab_malloc(&xl.l, 0, 20);
		s = store_lab_stats(&xl.l);
		assert_int_equal(s.descriptors, 400);
		assert_int_equal(s.descriptor_pages, DIV_ROUND_UP(400, builds[b].per_page));
		for (int i = 0; i < 400; i++)
			assert_true(store_lab_free(&xl.l, 0, handles[i], 20));
		xcf_lab_close(&xl);
	}
}

/* ---- What was published ---- */

static void fill(struct xcf_lab *xl, unsigned long *handles, int nr, size_t size)
{
	for (int i = 0; i < nr; i++) {
		handles[i] = store_lab_malloc(&xl->l, 0, size);
		assert_true(handles[i]);
		assert_true(store_lab_write(&xl->l, 0, handles[i], size, (u64)i));
	}
}

static void drain(struct xcf_lab *xl, unsigned long *handles, int nr, size_t size)
{
	for (int i = 0; i < nr; i++) {
		assert_int_equal(store_lab_read(&xl->l, 0, handles[i], size, (u64)i), 1);
		assert_true(store_lab_free(&xl->l, 0, handles[i], size));
	}
}

/* Zero pages: 65845 in 2068 pages are 31.84 a page, which 32 blocks of 128 are; never split. */
static void zero_pages_in_blocks_of_128(void **state)
{
	static unsigned long handles[1600];
	struct store_stats s;
	struct xcf_lab xl;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc(geometry=32)");
	fill(&xl, handles, 1600, 80);
	s = store_lab_stats(&xl.l);
	assert_int_equal(s.pages - s.reserve_pages, 1600 / 32);
	assert_int_equal(s.blocks, 1600);
	assert_int_equal(s.nr_split, 0);
	drain(&xl, handles, 1600, 80);
	xcf_lab_close(&xl);
}

/* Objects of 3 kB: of four in a row three are split, 1.75 blocks each, 49 units of 64 bytes. */
static void three_of_four_are_split(void **state)
{
	static unsigned long handles[2000];
	struct store_stats s;
	struct xcf_lab xl;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc(geometry=32)");
	fill(&xl, handles, 2000, 3072);
	s = store_lab_stats(&xl.l);
	assert_int_equal(s.nr_split, 1500);
	assert_int_equal(s.blocks, 3500);
	assert_in_range(s.pages, 2000 * 49 / 64, 2000 * 49 / 64 + 2);
	/* At most one page and its rest: no block is lost to the outside. */
	assert_true(s.free_bytes < 2 * PAGE_SIZE);
	store_check(xl.l.store);
	drain(&xl, handles, 2000, 3072);
	xcf_lab_close(&xl);
}

/* A search looks at words of a bitmap: at most the two of 65 sizes, up and down. */
static void searches_are_short(void **state)
{
	static unsigned long handles[2000];
	struct store_stats s;
	struct xcf_lab xl;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc");
	for (int i = 0; i < 2000; i++)
		handles[i] = store_lab_malloc(&xl.l, 0, 1 + (size_t)i * 97 % 4080);
	s = store_lab_stats(&xl.l);
	assert_true(s.nr_searches >= 2000);
	assert_true(s.nr_search_steps <= 4 * s.nr_searches);
	for (int i = 0; i < 2000; i++)
		assert_true(store_lab_free(&xl.l, 0, handles[i], 1 + (size_t)i * 97 % 4080));
	xcf_lab_close(&xl);
}

static void books(void **state)
{
	struct store_class classes[64];
	struct store_stats s;
	struct xcf_lab xl;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc");
	xcf_lab_put(&xl, 'a', 1000);
	xcf_lab_put(&xl, 'b', 2000);
	s = store_lab_stats(&xl.l);
	assert_int_equal(s.pages, 1);
	assert_int_equal(s.reserve_pages, 0);
	assert_int_equal(s.blocks, 2);
	assert_int_equal(s.block_bytes, 1024 + 2048);
	assert_int_equal(s.free_bytes, 4096 - 1024 - 2048);
	assert_int_equal(s.slab_pages, 1);
	assert_int_equal(store_classes(xl.l.store, classes, 64), 64);
	assert_int_equal(classes[15].size, 1024);
	assert_int_equal(classes[15].obj_allocated, 2); /* a, and what is free */
	assert_int_equal(classes[15].obj_used, 1);
	assert_int_equal(classes[31].obj_allocated, 1);
	xcf_lab_drop(&xl, 'a');
	xcf_lab_drop(&xl, 'b');
	s = store_lab_stats(&xl.l);
	assert_int_equal(s.reserve_pages, 1);
	assert_int_equal(s.blocks + s.block_bytes + s.free_bytes + s.descriptors, 0);
	store_classes(xl.l.store, classes, 64);
	assert_int_equal(classes[63].obj_allocated, 1);
	assert_int_equal(classes[63].pages_used, 1);
	xcf_lab_close(&xl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split_and_merge),
		cmocka_unit_test(exact_smaller_larger),
		cmocka_unit_test(last_block_is_never_short),
		cmocka_unit_test(one_block_is_all_with_max_blocks_1),
		cmocka_unit_test(smallest_blocks_serve),
		cmocka_unit_test(up_to_eight_blocks),
		cmocka_unit_test(sizes_refused),
		cmocka_unit_test(reserve_is_kept_and_left_out),
		cmocka_unit_test(destroying_frees_everything),
		cmocka_unit_test(geometry),
		cmocka_unit_test(descriptors_a_page),
		cmocka_unit_test(zero_pages_in_blocks_of_128),
		cmocka_unit_test(three_of_four_are_split),
		cmocka_unit_test(searches_are_short),
		cmocka_unit_test(books),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
