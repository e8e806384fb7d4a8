/*
 * xcfmalloc's compaction: what it moves, what it gains, when it ends; handles and contents survive.
 */
#include "tests/test.h"

#include <stdlib.h>

#include "alloc/layer.h"
#include "lib/rng.h"
#include "tests/xcf_lab.h"

/* Three pages of four objects each, of which few are left. */
static void open_sparse(struct xcf_lab *xl, const char *store)
{
	xcf_lab_open(xl, store);
	for (int c = 'a'; c < 'a' + 12; c++)
		xcf_lab_put(xl, c, 1008);
	for (int c = 'a'; c < 'a' + 12; c++)
		if (c != 'a' && c != 'c' && c != 'e' && c != 'k')
			xcf_lab_drop(xl, c);
	assert_string_equal(xcf_lab_draw(xl), "[1024 a][1024 .][1024 c][1024 .]\n"
					      "[1024 e][3072 .]\n"
					      "[2048 .][1024 k][1024 .]");
}

static void sparse_pages_go(void **state)
{
	struct store_compact c;
	struct xcf_lab xl;
	unsigned long k;

	(void)state;
	open_sparse(&xl, "xcfmalloc");
	k = xl.obj['k' - 'a'].handle;
	c = store_lab_compact(&xl.l, 1, UINT64_MAX, UINT64_MAX);
	assert_string_equal(xcf_lab_draw(&xl), "[1024 a][1024 e][1024 c][1024 k]");
	assert_int_equal(c.freed_pages, 2);
	assert_int_equal(c.moved_blocks, 2);
	assert_int_equal(c.moved_bytes, 2 * 1008);
	assert_false(c.more);
	assert_int_equal(xl.l.store->nr_pages, 1);
	assert_int_equal(xl.obj['k' - 'a'].handle, k);
	xcf_lab_verify(&xl);
	xcf_lab_close(&xl);
}

static void goal(void **state)
{
	struct store_compact c;
	struct xcf_lab xl;

	(void)state;
	open_sparse(&xl, "xcfmalloc");
	c = store_lab_compact(&xl.l, 0, 0, UINT64_MAX);
	assert_int_equal(c.freed_pages + c.moved_bytes, 0);
	c = store_lab_compact(&xl.l, 0, 1, UINT64_MAX);
	assert_int_equal(c.freed_pages, 1);
	assert_int_equal(c.moved_blocks, 1);
	assert_false(c.more);
	xcf_lab_verify(&xl);
	xcf_lab_close(&xl);
}

/* A victim left half empty is the first one the next time. */
static void bounded(void **state)
{
	struct store_compact c;
	struct xcf_lab xl;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc(max_blocks=1)");
	xcf_lab_put(&xl, 'a', 2032);
	xcf_lab_put(&xl, 'x', 2032);
	xcf_lab_put(&xl, 'b', 496);
	xcf_lab_put(&xl, 'c', 496);
	xcf_lab_put(&xl, 'd', 496);
	xcf_lab_drop(&xl, 'x');
	assert_string_equal(xcf_lab_draw(&xl), "[2048 a][2048 .]\n[512 b][512 c][512 d][2560 .]");
	c = store_lab_compact(&xl.l, 0, UINT64_MAX, 1);
	assert_string_equal(xcf_lab_draw(&xl),
			    "[2048 a][512 b][1536 .]\n[512 .][512 c][512 d][2560 .]");
	assert_true(c.more);
	assert_int_equal(c.moved_blocks, 1);
	assert_int_equal(c.moved_bytes, 496);
	assert_int_equal(c.freed_pages, 0);
	xcf_lab_verify(&xl);
	c = store_lab_compact(&xl.l, 0, UINT64_MAX, 496);
	assert_true(c.more);
	assert_int_equal(c.moved_blocks, 1);
	xcf_lab_verify(&xl);
	c = store_lab_compact(&xl.l, 0, UINT64_MAX, 497);
	assert_string_equal(xcf_lab_draw(&xl), "[2048 a][512 b][512 c][512 d][512 .]");
	assert_int_equal(c.freed_pages, 1);
	assert_int_equal(c.moved_bytes, 496);
	assert_false(c.more);
	c = store_lab_compact(&xl.l, 0, UINT64_MAX, 0);
	assert_false(c.more);
	xcf_lab_verify(&xl);
	xcf_lab_close(&xl);
}

/* The rests that 'g' could go to are smaller than it. */
static void open_holes(struct xcf_lab *xl, const char *store)
{
	xcf_lab_open(xl, store);
	xcf_lab_put(xl, 'a', 2032);
	xcf_lab_put(xl, 'b', 1008);
	xcf_lab_put(xl, 'c', 1008);
	xcf_lab_put(xl, 'd', 2032);
	xcf_lab_put(xl, 'e', 1008);
	xcf_lab_put(xl, 'f', 1008);
	xcf_lab_put(xl, 'h', 1008);
	xcf_lab_put(xl, 'g', 2016);
	xcf_lab_drop(xl, 'b');
	xcf_lab_drop(xl, 'e');
	xcf_lab_drop(xl, 'h');
}

static const char *const holes = "[2048 a][1024 .][1024 c]\n"
				 "[2048 d][1024 .][1024 f]\n"
				 "[1024 .][2048 g][1024 .]";
static const char *const no_holes = "[2048 a][1024 g][1024 c]\n"
				    "[2048 d][1024 g][1024 f]";

/* Where the object may have one block more, smaller ones take it. */
static void split_to_fit(void **state)
{
	struct store_compact c;
	struct xcf_lab xl;

	(void)state;
	open_holes(&xl, "xcfmalloc(max_blocks=1)");
	c = store_lab_compact(&xl.l, 0, UINT64_MAX, UINT64_MAX);
	assert_int_equal(c.freed_pages + c.moved_bytes, 0);
	assert_string_equal(xcf_lab_draw(&xl), holes);
	xcf_lab_close(&xl);

	open_holes(&xl, "xcfmalloc(max_blocks=2)");
	c = store_lab_compact(&xl.l, 0, UINT64_MAX, UINT64_MAX);
	assert_string_equal(xcf_lab_draw(&xl), no_holes);
	assert_int_equal(c.freed_pages, 1);
	assert_int_equal(c.moved_blocks, 1);
	assert_int_equal(c.moved_bytes, 2016);
	assert_int_equal(store_lab_stats(&xl.l).descriptors, 6);
	xcf_lab_verify(&xl);
	xcf_lab_close(&xl);
}

/* What cannot free its page is not begun. */
static void nothing_is_moved_in_vain(void **state)
{
	struct store_compact c;
	struct xcf_lab xl;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc(max_blocks=1)");
	for (int i = 0; i < 8; i++) { /* room for small blocks, none for a large one */
		xcf_lab_put(&xl, 'a' + i, 3056);
		xcf_lab_put(&xl, 'A' + 32 + 8 + i, 1008);
	}
	for (int i = 0; i < 8; i++)
		xcf_lab_drop(&xl, 'A' + 32 + 8 + i);
	c = store_lab_compact(&xl.l, 0, UINT64_MAX, UINT64_MAX);
	assert_int_equal(c.freed_pages + c.moved_bytes + c.moved_blocks, 0);
	assert_false(c.more);
	xcf_lab_verify(&xl);
	/* It knows so until something changes. */
	assert_true(xl.x->exhausted);
	xcf_lab_drop(&xl, 'a');
	assert_false(xl.x->exhausted);
	xcf_lab_close(&xl);
}

/* Pages that this pass has tried. */
static int nr_tried(struct xcf_pool *x)
{
	struct page *page;
	int nr = 0;

	for (u32 i = 0; i <= x->units; i++)
		list_for_each_entry (page, &x->buckets[i], lru)
			nr += page->store_private == x->pass;
	return nr;
}

/* It gives up after some pages, and begins with others the next time. */
static void tries(void **state)
{
	struct page *first;
	struct xcf_lab xl;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc(max_blocks=1,tries=3)");
	for (int i = 0; i < 8; i++)
		xcf_lab_put(&xl, 'a' + i, 3056);
	first = list_first_entry(&xl.x->buckets[48], struct page, lru);
	store_lab_compact(&xl.l, 0, UINT64_MAX, UINT64_MAX);
	assert_int_equal(nr_tried(xl.x), 3);
	assert_true(xl.x->exhausted && first->store_private == xl.x->pass);
	xcf_lab_put(&xl, 'x', 48);
	xcf_lab_drop(&xl, 'x');
	store_lab_compact(&xl.l, 0, UINT64_MAX, UINT64_MAX);
	assert_int_equal(nr_tried(xl.x), 3);
	assert_true(first->store_private != xl.x->pass);
	xcf_lab_verify(&xl);
	xcf_lab_close(&xl);
}

static void reserve_stays(void **state)
{
	struct store_compact c;
	struct xcf_lab xl;

	(void)state;
	open_sparse(&xl, "xcfmalloc(max_blocks=1)");
	xcf_lab_put(&xl, 'z', 4080);
	xcf_lab_drop(&xl, 'z');
	assert_int_equal(xl.x->nr_reserve, 1);
	c = store_lab_compact(&xl.l, 0, UINT64_MAX, UINT64_MAX);
	assert_int_equal(c.freed_pages, 2);
	assert_int_equal(xl.x->nr_reserve, 1);
	xcf_lab_verify(&xl);
	xcf_lab_close(&xl);
}

static void victims(void **state)
{
	static const struct {
		const char *store, *after;
	} policies[] = {
		/* Each has three pages; one is emptied. */
		{"xcfmalloc(max_blocks=1,victims=emptiest)",
		 "[1024 a][1024 b][512 x][1536 .]\n[512 c][512 d][512 e][2560 .]"},
		{"xcfmalloc(max_blocks=1,victims=fewest)",
		 "[1024 a][1024 b][512 x][1536 .]\n[512 c][512 d][512 e][2560 .]"},
		{"xcfmalloc(max_blocks=1,victims=oldest)", NULL},
	};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct store_compact c;
		struct page *oldest;
		struct xcf_lab xl;

		xcf_lab_open(&xl, policies[i].store);
		xcf_lab_put(&xl, 'a', 1008);
		xcf_lab_put(&xl, 'b', 1008);
		xcf_lab_put(&xl, 'y', 2032);
		xcf_lab_put(&xl, 'c', 496);
		xcf_lab_put(&xl, 'd', 496);
		xcf_lab_put(&xl, 'e', 496);
		xcf_lab_put(&xl, 'z', 2544);
		xcf_lab_put(&xl, 'x', 496);
		xcf_lab_drop(&xl, 'y');
		xcf_lab_drop(&xl, 'z');
		oldest = virt_to_page(
			xcf_bytes(xcf_block((const struct xcf_desc *)xl.obj[0].handle)));
		c = store_lab_compact(&xl.l, 0, 1, UINT64_MAX);
		assert_int_equal(c.freed_pages, 1);
		assert_int_equal(oldest->flags & PG_store, policies[i].after ? PG_store : 0);
		assert_int_equal(c.moved_bytes, policies[i].after ? 496 : 2 * 1008);
		if (policies[i].after)
			assert_string_equal(xcf_lab_draw(&xl), policies[i].after);
		xcf_lab_verify(&xl);
		xcf_lab_close(&xl);
	}
}

/* ---- Laws, on random pools ---- */

#define MANY 3000

struct many {
	struct xcf_lab xl;
	unsigned long handles[MANY];
	size_t sizes[MANY];
};

static void open_many(struct many *m, const char *store, u64 seed, u64 kept_of_10)
{
	struct rng rng;

	memset(m, 0, sizeof(*m));
	rng_init(&rng, seed, "many", "sizes");
	xcf_lab_open(&m->xl, store);
	for (int i = 0; i < MANY; i++) {
		m->sizes[i] = 1 + rng_below(&rng, rng_below(&rng, 2) ? 600 : 4080);
		m->handles[i] = store_lab_malloc(&m->xl.l, 0, m->sizes[i]);
		assert_true(m->handles[i] &&
			    store_lab_write(&m->xl.l, 0, m->handles[i], m->sizes[i], (u64)i));
	}
	for (int i = 0; i < MANY; i++)
		if (rng_below(&rng, 10) >= kept_of_10) {
			assert_true(store_lab_free(&m->xl.l, 0, m->handles[i], m->sizes[i]));
			m->handles[i] = 0;
		}
}

static void close_many(struct many *m)
{
	for (int i = 0; i < MANY; i++) {
		if (!m->handles[i])
			continue;
		assert_int_equal(store_lab_read(&m->xl.l, 0, m->handles[i], m->sizes[i], (u64)i),
				 1);
		assert_true(store_lab_free(&m->xl.l, 0, m->handles[i], m->sizes[i]));
	}
	store_check(m->xl.l.store);
	xcf_lab_close(&m->xl);
}

static const char *const stores[] = {
	"xcfmalloc(tries=1M)",
	"xcfmalloc(max_blocks=1,tries=1M)",
	"xcfmalloc(max_blocks=4,geometry=32,tries=1M)",
	"xcfmalloc(max_blocks=3,victims=fewest,reserve=0,tries=1M)",
	"xcfmalloc(victims=oldest,block_shift=7)",
};

static void laws(void **state)
{
	static struct many m;

	(void)state;
	for (u64 i = 0; i < 2 * sizeof(stores) / sizeof(*stores); i++) {
		struct store_stats before, after;
		struct store_compact c;
		u64 pages_free, pages_alloc;

		open_many(&m, stores[i / 2], i, i % 2 ? 2 : 6);
		before = store_lab_stats(&m.xl.l);
		pages_free = m.xl.x->s.env.pages->layer->nr_free;
		pages_alloc = m.xl.x->s.env.pages->layer->nr_alloc;
		c = store_lab_compact(&m.xl.l, 0, UINT64_MAX, UINT64_MAX);
		store_check(m.xl.l.store);
		after = store_lab_stats(&m.xl.l);
		assert_true(c.freed_pages > 0 && !c.more);
		/* What it says is what came back, and it took none. Slabs may have grown a little. */
		assert_int_equal(before.pages - after.pages, c.freed_pages);
		assert_true(m.xl.x->s.env.pages->layer->nr_free - pages_free >= c.freed_pages);
		assert_int_equal(m.xl.x->s.env.pages->layer->nr_alloc - pages_alloc,
				 after.slab_pages > before.slab_pages
					 ? after.slab_pages - before.slab_pages
					 : 0);
		assert_int_equal(after.reserve_pages, before.reserve_pages);
		assert_true(after.blocks >= before.blocks &&
			    after.blocks - before.blocks <= 8 * c.freed_pages);
		assert_true(c.moved_bytes < (c.freed_pages + 1) * PAGE_SIZE);
		assert_int_equal(after.pages - after.reserve_pages,
				 (after.block_bytes + after.free_bytes) >> PAGE_SHIFT);
		/* Again at once: nothing. And it was right to stop: all pages were tried. */
		c = store_lab_compact(&m.xl.l, 0, UINT64_MAX, UINT64_MAX);
		assert_int_equal(c.freed_pages + c.moved_bytes + c.moved_blocks, 0);
		m.xl.x->exhausted = false;
		m.xl.x->tries = UINT64_MAX;
		c = store_lab_compact(&m.xl.l, 0, UINT64_MAX, UINT64_MAX);
		if (strstr(stores[i / 2], "tries"))
			assert_int_equal(c.freed_pages + c.moved_bytes + c.moved_blocks, 0);
		close_many(&m);
	}
}

/* Step by step it frees as much as at once, and ends. */
static void steps_add_up(void **state)
{
	static struct many m;

	(void)state;
	for (u64 i = 0; i < sizeof(stores) / sizeof(*stores); i++) {
		struct store_compact c;
		u64 at_once, steps = 0, freed = 0, moved = 0;

		open_many(&m, stores[i], i, 3);
		at_once = store_lab_compact(&m.xl.l, 0, UINT64_MAX, UINT64_MAX).freed_pages;
		close_many(&m);
		open_many(&m, stores[i], i, 3);
		do {
			u64 pages = m.xl.l.store->nr_pages;

			c = store_lab_compact(&m.xl.l, (int)(steps % 2), UINT64_MAX, 5000);
			assert_int_equal(pages - m.xl.l.store->nr_pages, c.freed_pages);
			assert_true(c.moved_bytes < 5000 + PAGE_SIZE);
			freed += c.freed_pages;
			moved += c.moved_bytes;
			if (steps++ % 16 == 0)
				store_check(m.xl.l.store);
		} while (c.more);
		assert_true(steps > 10 && steps < 5000);
		/* Passes begin anew, so the order is not quite the same. */
		assert_in_range(freed, at_once - at_once / 20, at_once + at_once / 20);
		assert_int_equal(moved, m.xl.l.store->compacted.moved_bytes);
		assert_int_equal(freed, m.xl.l.store->compacted.freed_pages);
		close_many(&m);
	}
}

/* Moved bytes and blocks, recounted: where each piece of each object lies before and after. */
static void moves_recounted(void **state)
{
	static struct store_span before[MANY];
	static struct many m;
	struct store_compact c;
	u64 bytes = 0, blocks = 0;

	(void)state;
	open_many(&m, "xcfmalloc(max_blocks=1)", 77, 3);
	for (int i = 0; i < MANY; i++)
		if (m.handles[i]) {
			struct store_span spans[STORE_SPANS_MAX];

			assert_int_equal(store_map(m.xl.l.store, m.handles[i], m.sizes[i], spans),
					 1);
			before[i] = spans[0];
		}
	/* Of few pages: nothing is moved twice. */
	c = store_lab_compact(&m.xl.l, 0, 5, UINT64_MAX);
	assert_int_equal(c.freed_pages, 5);
	for (int i = 0; i < MANY; i++)
		if (m.handles[i]) {
			struct store_span spans[STORE_SPANS_MAX];

			store_map(m.xl.l.store, m.handles[i], m.sizes[i], spans);
			if (spans[0].addr == before[i].addr)
				continue;
			bytes += m.sizes[i];
			blocks++;
		}
	assert_int_equal(bytes, c.moved_bytes);
	assert_int_equal(blocks, c.moved_blocks);
	close_many(&m);
}

/* Without memory for descriptors no object gets more blocks; with it, it does the next time. */
static void no_memory_for_descriptors(void **state)
{
	struct store_compact c;
	struct xcf_lab xl;

	(void)state;
	open_holes(&xl, "xcfmalloc(max_blocks=2)");
	xl.x->descs->cache->layer->inject.every = 1;
	c = store_lab_compact(&xl.l, 0, UINT64_MAX, UINT64_MAX);
	xl.x->descs->cache->layer->inject.every = 0;
	assert_int_equal(c.freed_pages + c.moved_bytes, 0);
	assert_string_equal(xcf_lab_draw(&xl), holes);
	xcf_lab_verify(&xl);
	c = store_lab_compact(&xl.l, 0, UINT64_MAX, UINT64_MAX);
	assert_int_equal(c.freed_pages, 1);
	assert_string_equal(xcf_lab_draw(&xl), no_holes);
	xcf_lab_close(&xl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sparse_pages_go),
		cmocka_unit_test(goal),
		cmocka_unit_test(bounded),
		cmocka_unit_test(split_to_fit),
		cmocka_unit_test(nothing_is_moved_in_vain),
		cmocka_unit_test(tries),
		cmocka_unit_test(reserve_stays),
		cmocka_unit_test(victims),
		cmocka_unit_test(laws),
		cmocka_unit_test(steps_add_up),
		cmocka_unit_test(moves_recounted),
		cmocka_unit_test(no_memory_for_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
