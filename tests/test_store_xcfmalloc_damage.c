/*
 * xcfmalloc: handles that are none, and headers that somebody has written over: reported, survived,
 * and never the contents of another object.
 */
#include "tests/test.h"

#include <stdio.h>

#include "lib/rng.h"
#include "tests/xcf_lab.h"

static u64 block_at(const struct xcf_lab *xl, int name)
{
	return xcf_block((const struct xcf_desc *)xl->obj[name - 'a'].handle);
}

#define assert_event(xl, nr, words)                                                                \
	do {                                                                                       \
		assert_int_equal((xl).l.sl.lab.nr_events, nr);                                     \
		assert_says((xl).l.sl.lab.event, words);                                           \
	} while (0)

/* ---- Handles ---- */

static void handles_that_are_none(void **state)
{
	unsigned long handle, second, bad[10];
	struct xcf_lab xl;
	unsigned int n = 0;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc");
	xcf_lab_put(&xl, 'a', 3056);
	handle = xcf_lab_put(&xl, 'b', 3056);
	second = (unsigned long)xcf_desc(((struct xcf_desc *)handle)->next);
	bad[n++] = 0;
	bad[n++] = 1;
	bad[n++] = ~0UL;
	bad[n++] = handle + 8;
	bad[n++] = handle - 1;
	bad[n++] = second;
	bad[n++] = (unsigned long)xcf_bytes(block_at(&xl, 'a'));
	bad[n++] = (unsigned long)xcf_bytes(block_at(&xl, 'a')) + 16;
	bad[n++] = (unsigned long)&xl;
	bad[n++] = (unsigned long)kernel->direct_map + (kernel->max_pfn << PAGE_SHIFT) - 8;
	for (unsigned int i = 0; i < n; i++) {
		unsigned int events = xl.l.sl.lab.nr_events;

		assert_false(store_lab_free(&xl.l, 0, bad[i], 3056));
		assert_false(store_lab_write(&xl.l, 0, bad[i], 3056, 1));
		assert_int_equal(store_lab_read(&xl.l, 0, bad[i], 3056, 1), -1);
		assert_event(xl, events + 3, "invalid_pointer");
	}
	assert_false(store_lab_free(&xl.l, 0, handle, 3055));
	assert_false(store_lab_write(&xl.l, 0, handle, 4000, 1));
	assert_int_equal(store_lab_read(&xl.l, 0, handle, 0, 1), -1);
	assert_int_equal(store_lab_stats(&xl.l).nr_bad, 3 * n + 3);
	xcf_lab_verify(&xl);
	xcf_lab_close(&xl);
}

static void freed_handles(void **state)
{
	unsigned long handle;
	struct xcf_lab xl;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc");
	xcf_lab_put(&xl, 'a', 1000);
	handle = xcf_lab_put(&xl, 'b', 1000);
	xcf_lab_put(&xl, 'c', 1000);
	xcf_lab_drop(&xl, 'b');
	assert_int_equal(store_lab_read(&xl.l, 0, handle, 1000, 1), -1);
	assert_event(xl, 1, "use_after_free");
	assert_false(store_lab_write(&xl.l, 0, handle, 1000, 1));
	assert_event(xl, 2, "use_after_free");
	assert_false(store_lab_free(&xl.l, 1, handle, 1000));
	assert_event(xl, 3, "double_free");
	assert_int_equal(xl.l.store->layer->live_objs, 2);
	xcf_lab_verify(&xl);
	xcf_lab_close(&xl);
}

static void a_handle_of_another_pool(void **state)
{
	struct store *other;
	unsigned long handle;
	struct xcf_lab xl;
	struct err e;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc");
	other = store_lab_chain(&xl.l.store->env, "xcfmalloc", &e);
	handle = xcf_lab_put(&xl, 'a', 1000);
	assert_false(store_free(other, handle, 1000));
	assert_event(xl, 1, "invalid_pointer");
	xcf_lab_verify(&xl);
	store_put(other);
	xcf_lab_close(&xl);
}

/* ---- Sentinels ---- */

/* "[1024 a][1024 b][1024 c][1024 .]" and another page. */
static void open_three(struct xcf_lab *xl)
{
	xcf_lab_open(xl, "xcfmalloc(max_blocks=1,reserve=0)");
	xcf_lab_put(xl, 'a', 1008);
	xcf_lab_put(xl, 'b', 1008);
	xcf_lab_put(xl, 'c', 1008);
	xcf_lab_put(xl, 'd', 4080);
	assert_string_equal(xcf_lab_draw(xl), "[1024 a][1024 b][1024 c][1024 .]\n[4096 d]");
}

/* What comes after: objects live on, nothing new goes there, and the page comes back at last. */
static void survived(struct xcf_lab *xl)
{
	assert_true(xcf_page(block_at(xl, 'd'))->store_given_up == 0);
	xcf_lab_verify(xl);
	assert_true(xcf_lab_put(xl, 'e', 1008));
	assert_int_equal(xl->l.store->nr_pages, 3);
	for (int c = 'a'; c <= 'e'; c++)
		if (xl->obj[c - 'a'].handle)
			xcf_lab_drop(xl, c);
	assert_int_equal(xl->l.store->nr_pages, 0);
	assert_int_equal(xl->l.sl.lab.nr_events, 1); /* once is enough */
	xcf_lab_close(xl);
}

static void read_of_a_damaged_block(void **state)
{
	struct xcf_lab xl;

	(void)state;
	open_three(&xl);
	xcf_tag(xl.x, block_at(&xl, 'b'))->sentinel ^= 1;
	assert_true(xcf_lab_intact(&xl, 'b'));
	assert_event(xl, 1, "redzone");
	survived(&xl);
}

static void free_of_a_damaged_block(void **state)
{
	struct xcf_lab xl;

	(void)state;
	open_three(&xl);
	memset(xcf_bytes(block_at(&xl, 'b')), 0x5a, 16);
	assert_true(store_lab_free(&xl.l, 0, xl.obj[1].handle, 1008));
	xl.obj[1].handle = 0;
	assert_event(xl, 1, "redzone");
	survived(&xl);
}

/* Who writes past its end hits the block behind: found when a neighbour is freed. */
static void free_beside_a_damaged_block(void **state)
{
	for (int c = 'a'; c <= 'c'; c += 2) {
		struct xcf_lab xl;

		(void)state;
		open_three(&xl);
		memset(xcf_bytes(block_at(&xl, 'b')), 0, 16);
		xcf_lab_drop(&xl, c);
		assert_event(xl, 1, "redzone");
		survived(&xl);
	}
}

static void malloc_finds_a_damaged_header(void **state)
{
	struct xcf_lab xl;

	(void)state;
	open_three(&xl);
	xcf_tag(xl.x, block_at(&xl, 'c') + 1024)->sentinel = 0;
	assert_true(xcf_lab_put(&xl, 'f', 1008));
	assert_event(xl, 1, "redzone");
	assert_int_not_equal(xcf_page(block_at(&xl, 'f')), xcf_page(block_at(&xl, 'a')));
	xcf_lab_drop(&xl, 'f');
	survived(&xl);
}

/* Headers say all: where only links are hit nothing is given up. */
static void links_are_made_anew(void **state)
{
	struct xcf_lab xl;

	(void)state;
	open_three(&xl);
	xcf_set_link(xl.x, block_at(&xl, 'c') + 1024, XCF_NEXT, 0x1234567890abcdefULL);
	assert_true(xcf_lab_put(&xl, 'f', 1008));
	assert_event(xl, 1, "redzone");
	assert_string_equal(xcf_lab_draw(&xl), "[1024 a][1024 b][1024 c][1024 f]\n[4096 d]");
	xcf_lab_verify(&xl);
	xcf_lab_close(&xl);
}

static void compaction_passes_damage_by(void **state)
{
	struct xcf_lab xl;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc");
	for (int c = 'a'; c < 'a' + 12; c++)
		xcf_lab_put(&xl, c, 1008);
	for (int c = 'a'; c < 'a' + 12; c++)
		if (c % 2)
			xcf_lab_drop(&xl, c);
	xcf_tag(xl.x, block_at(&xl, 'j'))->size = 77;
	assert_int_equal(store_lab_compact(&xl.l, 0, UINT64_MAX, UINT64_MAX).freed_pages, 1);
	assert_event(xl, 1, "redzone");
	for (int c = 'a'; c < 'a' + 12; c++)
		if (xl.obj[c - 'a'].handle)
			assert_true(xcf_lab_intact(&xl, c));
	xcf_lab_verify(&xl);
	xcf_lab_close(&xl);
}

/* A pool destroyed with damaged pages gives all of them back. */
static void destroyed_with_damage(void **state)
{
	struct xcf_lab xl;

	(void)state;
	open_three(&xl);
	xcf_tag(xl.x, block_at(&xl, 'b'))->sentinel = 7;
	assert_true(xcf_lab_intact(&xl, 'b'));
	assert_true(store_lab_free(&xl.l, 0, xl.obj[1].handle, 1008));
	store_put(xl.l.store);
	xl.l.store = NULL;
	assert_event(xl, 2, "leak");
	store_lab_close(&xl.l);
}

/* ---- Any damage ---- */

#define NR 40

static void damage(struct xcf_lab *xl, struct rng *rng, const unsigned long *handles)
{
	unsigned long handle = handles[rng_below(rng, NR)];
	u64 at = handle ? xcf_block((const struct xcf_desc *)handle) : XCF_NONE;
	u32 noise = (u32)rng_u64(rng);

	if (at == XCF_NONE)
		return;
	if (rng_below(rng, 2))
		at = (at & ~(PAGE_SIZE - 1)) + xl->x->unit * rng_below(rng, xl->x->units);
	/* Of headers and links only: contents are nobody's to judge. */
	if (xcf_sound(xl->x, at) &&
	    (xcf_owner(xl->x, at) == XCF_NONE || xcf_is_desc(xl->x, xcf_owner(xl->x, at))))
		memcpy(xcf_bytes(at) + 4 * rng_below(rng, xcf_owner(xl->x, at) == XCF_NONE
								  ? (xl->x->header + 16) / 4
								  : xl->x->header / 4),
		       &noise, 4);
}

/* Whatever is hit, contents stay what they were, handles are good, and all comes back. */
static void any_damage(void **state)
{
	static const char *const stores[] = {"xcfmalloc(reserve=1)", "xcfmalloc(geometry=32)",
					     "xcfmalloc(max_blocks=5)"};

	(void)state;
	for (u64 seed = 0; seed < 60; seed++) {
		unsigned long handles[NR] = {0};
		size_t sizes[NR];
		struct xcf_lab xl;
		struct rng rng;

		rng_init(&rng, seed, "any_damage", "all");
		xcf_lab_open(&xl, stores[seed % 3]);
		for (u64 step = 0; step < 2000; step++) {
			u64 i = rng_below(&rng, NR);

			if (rng_below(&rng, 30) == 0)
				damage(&xl, &rng, handles);
			if (rng_below(&rng, 100) == 0)
				store_lab_compact(&xl.l, 0, UINT64_MAX, 10000);
			if (!handles[i]) {
				sizes[i] = 1 + rng_below(&rng, xl.x->s.size_max);
				handles[i] = store_lab_malloc(&xl.l, 0, sizes[i]);
				assert_true(store_lab_write(&xl.l, 0, handles[i], sizes[i], i));
				continue;
			}
			assert_int_equal(store_lab_read(&xl.l, 0, handles[i], sizes[i], i), 1);
			if (rng_below(&rng, 3))
				continue;
			assert_true(store_lab_free(&xl.l, 1, handles[i], sizes[i]));
			handles[i] = 0;
		}
		for (int i = 0; i < NR; i++)
			if (handles[i])
				assert_true(store_lab_free(&xl.l, 1, handles[i], sizes[i]));
		assert_true(xl.l.sl.lab.nr_events > 0);
		assert_int_equal(xl.x->used_units + xl.x->nr_descs, 0);
		assert_int_equal(xl.x->s.nr_pages, xl.x->nr_reserve);
		store_check(xl.l.store);
		xcf_lab_close(&xl);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handles_that_are_none),
		cmocka_unit_test(freed_handles),
		cmocka_unit_test(a_handle_of_another_pool),
		cmocka_unit_test(read_of_a_damaged_block),
		cmocka_unit_test(free_of_a_damaged_block),
		cmocka_unit_test(free_beside_a_damaged_block),
		cmocka_unit_test(malloc_finds_a_damaged_header),
		cmocka_unit_test(links_are_made_anew),
		cmocka_unit_test(compaction_passes_damage_by),
		cmocka_unit_test(destroyed_with_damage),
		cmocka_unit_test(any_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
