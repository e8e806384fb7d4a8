/*
 * debug over stores: what it finds, how it says so, and that the run goes on.
 */
#include "tests/test.h"

#include <stdlib.h>

#include "sim/contents.h"
#include "tests/found.h"
#include "tests/shelf_store.h"
#include "tests/store_lab.h"

static const char *const sites[] = {"?", "make_it+0x10", "write_it+0x20", "drop_it+0x30",
				    "again+0x40"};
enum { MAKE = 1, WRITE, DROP, AGAIN };

struct watched {
	struct store_lab l;
	struct found f;
};

static void open_lab(struct watched *w, const char *store)
{
	store_lab_open(&w->l, LAB_TWO_NODES, NULL, NULL, store);
	found_begin(&w->f, w->l.sl.lab.m, sites, ARRAY_SIZE(sites));
}

static void close_lab(struct watched *w, const char *kinds)
{
	store_check(w->l.store);
	store_lab_close(&w->l);
	assert_string_equal(w->f.kinds, kinds);
	free(w);
}

static struct watched *open_shelf(const char *store)
{
	struct watched *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	open_lab(w, store);
	return w;
}

static u64 enter(struct watched *w, int cpu, u32 site)
{
	u64 entered_ns = machine_enter(w->l.sl.lab.m, cpu, w->l.sl.lab.m->now_ns);

	kernel->site = site;
	return entered_ns;
}

static void leave(struct watched *w, u64 entered_ns)
{
	machine_leave(w->l.sl.lab.m, entered_ns);
}

static unsigned long make_at(struct watched *w, size_t size, u32 site)
{
	u64 entered_ns = enter(w, 1, site);
	unsigned long handle = store_malloc(w->l.store, size, GFP_STORE);

	leave(w, entered_ns);
	assert_true(handle);
	return handle;
}

static bool write_at(struct watched *w, unsigned long handle, size_t size, u64 key, u32 site)
{
	u64 entered_ns = enter(w, 2, site);
	char buf[CONTENTS_MAX];
	bool done;

	contents_make(buf, size, key);
	done = store_write(w->l.store, handle, buf, size);
	leave(w, entered_ns);
	return done;
}

static bool free_at(struct watched *w, unsigned long handle, size_t size, u32 site)
{
	u64 entered_ns = enter(w, 3, site);
	bool done = store_free(w->l.store, handle, size);

	leave(w, entered_ns);
	return done;
}

static int read_at(struct watched *w, unsigned long handle, size_t size, u64 key)
{
	return store_lab_read(&w->l, 0, handle, size, key);
}

static unsigned long make_written(struct watched *w, size_t size, u64 key)
{
	unsigned long handle = make_at(w, size, MAKE);

	assert_true(write_at(w, handle, size, key, WRITE));
	return handle;
}

/* Where its contents lie. */
static u8 *contents_of(struct watched *w, unsigned long handle, size_t size)
{
	struct store_span spans[STORE_SPANS_MAX];

	assert_int_equal(store_map(w->l.store, handle, size, spans), 1);
	return spans[0].addr;
}

static void what_is_right_is_not_reported(void **state)
{
	struct watched *w = open_shelf("debug:shelf");
	unsigned long handles[40];
	struct store_stats s;

	(void)state;
	assert_int_equal(w->l.store->size_max, w->l.store->base->size_max);
	for (u32 i = 0; i < 40; i++)
		handles[i] = make_written(w, 1 + 26 * i, i);
	for (u32 i = 0; i < 40; i += 2)
		assert_true(free_at(w, handles[i], 1 + 26 * i, DROP));
	assert_true(store_lab_compact(&w->l, 0, UINT64_MAX, UINT64_MAX).freed_pages > 0);
	for (u32 i = 1; i < 40; i += 2)
		assert_int_equal(read_at(w, handles[i], 1 + 26 * i, i), 1);
	assert_true(write_at(w, handles[1], 27, 77, WRITE));
	assert_int_equal(read_at(w, handles[1], 27, 77), 1);
	store_check(w->l.store);
	s = store_lab_stats(&w->l);
	assert_int_equal(s.blocks, 20);
	assert_int_equal(s.descriptors, 20 + 40); /* freed ones are remembered */
	assert_int_equal(s.nr_bad, 0);
	for (u32 i = 1; i < 40; i += 2)
		assert_true(free_at(w, handles[i], 1 + 26 * i, DROP));
	close_lab(w, "");
}

static void contents_that_change(void **state)
{
	struct watched *w = open_shelf("debug:shelf");
	unsigned long a = make_written(w, 800, 1), b = make_written(w, 10, 2);
	u8 *bytes = contents_of(w, a, 800);

	(void)state;
	bytes[250] ^= 0x80;
	bytes[399] ^= 0x01;
	assert_int_equal(read_at(w, a, 800, 1), 0); /* the caller gets what is there */
	assert_says(w->f.text, "contents of handle 0x");
	assert_says(w->f.text, "have changed, in bytes 200 to 399 of 800");
	assert_says(w->f.text, "Allocated in make_it+0x10 age=0 cpu=1");
	assert_says(w->f.text, "Written in write_it+0x20 age=0 cpu=2");
	assert_says(w->f.text, "Found by a read");
	assert_says(w->f.text, "Byte 200  ");
	read_at(w, a, 800, 1); /* once is enough */
	assert_int_equal(w->f.nr, 1);
	contents_of(w, b, 10)[9] ^= 1;
	assert_true(free_at(w, b, 10, DROP));
	assert_says(w->f.text, "in bytes 8 to 9 of 10");
	assert_says(w->f.text, "Found by a free in drop_it+0x30 cpu=3");
	assert_true(free_at(w, a, 800, DROP));
	close_lab(w, "poison poison ");
}

static void nobody_wrote_it(void **state)
{
	struct watched *w = open_shelf("debug:shelf");
	unsigned long a = make_at(w, 100, MAKE);

	(void)state;
	assert_true(read_at(w, a, 100, 1) >= 0);
	assert_says(w->f.text, "whose 100 bytes nobody wrote");
	assert_says(w->f.text, "Allocated in make_it+0x10");
	assert_true(free_at(w, a, 100, DROP));
	close_lab(w, "poison ");
}

static void freed_handles(void **state)
{
	struct watched *w = open_shelf("debug(remember=2):shelf");
	unsigned long a = make_written(w, 100, 1), b, c;

	(void)state;
	assert_true(free_at(w, a, 100, DROP));
	assert_false(free_at(w, a, 100, AGAIN));
	assert_says(w->f.text, "whose object of 100 bytes is free already");
	assert_says(w->f.text, "Allocated in make_it+0x10 age=0 cpu=1\nFreed in drop_it+0x30 "
			       "age=1 cpu=3\nFreed again in again+0x40 cpu=3");
	assert_int_equal(read_at(w, a, 100, 1), -1);
	assert_false(write_at(w, a, 100, 1, AGAIN));
	assert_says(w->f.text, "write of handle");
	b = make_written(w, 50, 2);
	c = make_written(w, 50, 3);
	assert_true(a != b && a != c && b != c);
	assert_true(free_at(w, b, 50, DROP) && free_at(w, c, 50, DROP));
	assert_false(free_at(w, a, 100, AGAIN)); /* too long ago */
	assert_false(free_at(w, b, 50, AGAIN));
	assert_int_equal(w->l.store->nr_bad, 5);
	assert_int_equal(w->l.store->layer->live_objs, 0);
	close_lab(w, "double_free use_after_free use_after_free invalid_pointer double_free ");
}

static void handles_that_are_none(void **state)
{
	struct watched *w = open_shelf("debug:shelf");
	unsigned long a = make_written(w, 100, 1), bases;
	struct store_env env = w->l.store->env;
	struct err e;
	struct store *mine = w->l.store, *other = store_lab_chain(&env, "debug:shelf", &e);
	unsigned long wrong[6];

	(void)state;
	assert_non_null(other);
	bases = store_malloc(mine->base, 100, GFP_STORE);
	wrong[0] = 1;
	wrong[1] = a + 8;
	wrong[2] = bases;
	wrong[3] = (unsigned long)contents_of(w, a, 100);
	wrong[4] = (unsigned long)&w;
	wrong[5] = store_malloc(other, 100, GFP_STORE);
	for (int i = 0; i < 6; i++) {
		assert_false(free_at(w, wrong[i], 100, AGAIN));
		assert_int_equal(read_at(w, wrong[i], 100, 1), -1);
		assert_false(store_map(mine, wrong[i], 100, (struct store_span[8]){{0}}));
	}
	assert_says(w->f.text, "is none: no address of memory");
	assert_says(w->f.text, "is none: no record of this store");
	assert_says(w->f.text, "in a slab of another cache, 'store_shelf'");
	assert_says(w->f.text, "in a slab of another cache, 'store_debug'");
	assert_says(w->f.text, "in a page of contents, of store 'shelf'");
	assert_true(store_free(mine->base, bases, 100));
	assert_true(store_free(other, wrong[5], 100));
	store_put(other);
	assert_int_equal(read_at(w, a, 100, 1), 1);
	assert_true(free_at(w, a, 100, DROP));
	assert_int_equal(w->f.nr, 12);
	assert_int_equal(mine->nr_bad, 12);
	close_lab(w, "invalid_pointer invalid_pointer invalid_pointer invalid_pointer "
		     "invalid_pointer invalid_pointer invalid_pointer invalid_pointer "
		     "invalid_pointer invalid_pointer invalid_pointer invalid_pointer ");
}

static void wrong_lengths(void **state)
{
	struct watched *w = open_shelf("debug:shelf");
	unsigned long a = make_written(w, 100, 1);

	(void)state;
	assert_false(write_at(w, a, 101, 1, AGAIN));
	assert_says(w->f.text, "write of 101 bytes of handle 0x");
	assert_says(w->f.text, "whose object has 100");
	assert_false(write_at(w, a, 99, 1, AGAIN));
	assert_int_equal(read_at(w, a, 200, 1), -1);
	assert_false(free_at(w, a, 1, AGAIN));
	assert_int_equal(read_at(w, a, 100, 1), 1);
	assert_true(free_at(w, a, 100, DROP));
	close_lab(w, "redzone invalid_pointer invalid_pointer invalid_pointer ");
}

/* What a neighbour writes over a record, from the front or from behind. */
static void records_overwritten(void **state)
{
	struct watched *w = open_shelf("debug:shelf");
	unsigned long a = make_written(w, 100, 1), b = make_written(w, 100, 2);
	u64 *record = (u64 *)a, first = record[0], last = record[16];

	(void)state;
	record[0] = 0x4242424242424242ULL;
	assert_int_equal(read_at(w, a, 100, 1), -1);
	assert_says(w->f.text, "whose record is overwritten");
	assert_says(w->f.text, "Bytes   42 42 42 42 42 42 42 42 ");
	record[0] = first;
	record[16] = 0;
	assert_false(free_at(w, a, 100, DROP));
	record[16] = last;
	assert_true(free_at(w, a, 100, DROP));
	assert_true(free_at(w, b, 100, DROP));
	close_lab(w, "redzone redzone ");
}

static void what_is_left_is_listed(void **state)
{
	struct watched *w = open_shelf("debug:shelf");

	(void)state;
	for (int i = 0; i < 3; i++)
		make_at(w, 100, MAKE);
	make_at(w, 7, AGAIN);
	store_lab_close(&w->l);
	assert_string_equal(w->f.kinds, "leak "); /* the base has nothing to say */
	assert_says(w->f.text, "4 objects still in use, 307 bytes in 4 of them\nAllocated in "
			       "make_it+0x10: 3\nAllocated in again+0x40: 1");
	free(w);
}

/* A list that somebody wrote over is not followed: the base reports what is left. */
static void a_broken_list_at_the_end(void **state)
{
	struct watched *w = open_shelf("debug:shelf");
	unsigned long a = make_at(w, 100, MAKE);
	struct machine *m = w->l.sl.lab.m;

	(void)state;
	make_at(w, 100, MAKE);
	memset((void *)a, 0x42, 136);
	store_put(w->l.store);
	assert_string_equal(w->f.kinds, "leak leak leak "); /* debug, its cache, the shelf */
	assert_says(w->f.text, "2 objects still in use, 0 bytes in 0 of them");
	slabulator_destroy(&w->l.slabs);
	slab_allocator_put(w->l.sl.sa);
	page_allocator_put(w->l.sl.lab.pa);
	machine_destroy(m);
	free(w);
}

static void expect_refusal(const char *pages, const char *slab, const char *store,
			   const char *reason)
{
	struct slab_lab sl;
	struct slabulator slabs;
	struct store_env env;
	struct err e = {""};

	slab_lab_open(&sl, LAB_NODE, pages, slab);
	slabulator_init(&slabs, sl.sa, sl.lab.pa);
	env = (struct store_env){.pages = sl.lab.pa, .slabs = &slabs};
	assert_null(store_lab_chain(&env, store, &e));
	assert_says(e.msg, reason);
	slabulator_destroy(&slabs);
	slab_lab_close(&sl);
}

static void where_it_cannot_stand(void **state)
{
	(void)state;
	expect_refusal("page_allocator", "slabifier", "debug:null", "and 'null' keeps nothing");
	expect_refusal("null", "slabifier", "debug:shelf", "and the pages of 'null' keep nothing");
	expect_refusal("page_allocator", "null", "debug:shelf", "and 'null' keeps nothing");
	expect_refusal("page_allocator", "slabifier", "debug:rcu:shelf",
		       "(the order that works: rcu:debug:...)");
	expect_refusal("page_allocator", "slabifier", "debug:compact:debug:shelf",
		       "has checksums already");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_right_is_not_reported),
		cmocka_unit_test(contents_that_change),
		cmocka_unit_test(nobody_wrote_it),
		cmocka_unit_test(freed_handles),
		cmocka_unit_test(handles_that_are_none),
		cmocka_unit_test(wrong_lengths),
		cmocka_unit_test(records_overwritten),
		cmocka_unit_test(what_is_left_is_listed),
		cmocka_unit_test(a_broken_list_at_the_end),
		cmocka_unit_test(where_it_cannot_stand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
