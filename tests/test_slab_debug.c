/*
 * debug over slab allocators: what it finds, how it says so, and that the run goes on.
 */
#include "tests/test.h"

#include "alloc/kmalloc.h"
#include "tests/found.h"
#include "tests/slab_lab.h"

static struct slab_control room, other_room;
static const char *const sites[] = {"?", "make_it+0x10", "drop_it+0x20", "drop_it_again+0x30"};

#define FOUR "debug:slabifier(max_order=0)"

static struct slab_cache *open_cache(struct slab_lab *sl, struct found *f, const char *slab,
				     unsigned int objsize)
{
	slab_lab_open(sl, LAB_NODE, "page_allocator(pcp=off)", slab);
	found_begin(f, sl->lab.m, sites, ARRAY_SIZE(sites));
	return slab_lab_cache(sl, &room, "test", objsize);
}

static void close_cache(struct slab_lab *sl, struct slab_cache *cache)
{
	slab_cache_check(cache);
	assert_int_equal(slab_cache_destroy(cache), 0);
	slab_lab_close(sl);
}

/* The site is that of the operation; the lab's own entry would forget it. */
static void *make_at(struct slab_lab *sl, struct slab_cache *cache, u32 site)
{
	u64 entered_ns = machine_enter(sl->lab.m, 1, sl->lab.m->now_ns);
	void *object;

	kernel->site = site;
	object = slab_alloc(cache, GFP_KERNEL);
	machine_leave(sl->lab.m, entered_ns);
	return object;
}

static void free_at(struct slab_lab *sl, struct slab_cache *cache, void *object, u32 site)
{
	u64 entered_ns = machine_enter(sl->lab.m, 1, sl->lab.m->now_ns);

	kernel->site = site;
	slab_free(cache, object);
	machine_leave(sl->lab.m, entered_ns);
}

#define assert_found(wanted)                                                                       \
	do {                                                                                       \
		if (!strstr(f.text, wanted))                                                       \
			fail_msg("'%s' is not in: %s", wanted, f.text);                            \
	} while (0)

static void a_write_behind_the_object_is_found_at_its_free(void **state)
{
	struct found f;
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, &f, FOUR, 100);
	u8 *a = make_at(&sl, cache, 1), *b = make_at(&sl, cache, 1);

	(void)state;
	memset(a, 1, 100);
	memset(b, 2, 100);
	a[100] = 'x';
	a[103] = 'y';
	free_at(&sl, cache, b, 2);
	assert_int_equal(f.nr, 0);
	machine_advance(sl.lab.m, sl.lab.m->now_ns + 400000000);
	free_at(&sl, cache, a, 2);
	assert_string_equal(f.kinds, "redzone ");
	assert_found("BUG test: Right Redzone overwritten\n");
	assert_found("@offset=100. First byte 0x78 instead of 0xcc\n");
	assert_found(
		"Allocated in make_it+0x10 age=100 cpu=1\nFound in drop_it+0x20 age=0 cpu=1\n");
	assert_found("Bytes   78 cc cc 79 \n");
	close_cache(&sl, cache);
}

static void a_write_before_the_object_is_found_at_its_free(void **state)
{
	struct found f;
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, &f, FOUR, 64);
	u8 *a = make_at(&sl, cache, 1);

	(void)state;
	a[-8] = 0;
	free_at(&sl, cache, a, 2);
	assert_string_equal(f.kinds, "redzone ");
	assert_found("Left Redzone overwritten");
	assert_found("@offset=-8. First byte 0x0 instead of 0xcc");
	close_cache(&sl, cache);
}

/* Every single byte of a free object is watched, the word of the free list too. */
static void a_write_after_free_is_found_at_the_next_allocation(void **state)
{
	struct found f;
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, &f, FOUR, 96);
	u8 *a = make_at(&sl, cache, 1), *b = make_at(&sl, cache, 1);

	(void)state;
	for (int i = -8; i < 104; i++) {
		free_at(&sl, cache, a, 2);
		a[i] ^= 0x10;
		assert_ptr_equal(make_at(&sl, cache, 1), a);
		if ((int)f.nr != i + 9)
			fail_msg("byte %d: %u reports", i, f.nr);
		if (strcmp(f.kinds, "use_after_free ") != 0)
			fail_msg("byte %d: %s", i, f.kinds);
		f.kinds[0] = '\0';
		if (i == 0) {
			assert_found("Poison overwritten");
			assert_found("First byte 0x7b instead of 0x6b");
			assert_found("Freed in drop_it+0x20");
		}
		f.text[0] = '\0';
	}
	free_at(&sl, cache, a, 2);
	free_at(&sl, cache, b, 2);
	close_cache(&sl, cache);
}

/* Nobody had it so far, and somebody wrote there all the same. */
static void a_write_into_a_fresh_object_is_found(void **state)
{
	struct found f;
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, &f, FOUR, 1000);
	u8 *a = make_at(&sl, cache, 1), *b;

	(void)state;
	a[cache->size + 500] = 0;
	b = make_at(&sl, cache, 1);
	assert_ptr_equal(b, a + cache->size);
	assert_string_equal(f.kinds, "poison ");
	free_at(&sl, cache, a, 2);
	free_at(&sl, cache, b, 2);
	assert_int_equal(f.nr, 1);
	close_cache(&sl, cache);
}

static void a_double_free_names_both_sites_and_changes_nothing(void **state)
{
	struct found f;
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, &f, FOUR, 200);
	u8 *a = make_at(&sl, cache, 1), *b, *c;

	(void)state;
	free_at(&sl, cache, a, 2);
	free_at(&sl, cache, a, 3);
	assert_string_equal(f.kinds, "double_free ");
	assert_found("already free\nAllocated in make_it+0x10");
	assert_found("Freed in drop_it+0x20");
	assert_found("Freed again in drop_it_again+0x30 cpu=1");
	b = make_at(&sl, cache, 1);
	c = make_at(&sl, cache, 1);
	assert_ptr_not_equal(b, c);
	assert_int_equal(cache->layer->live_objs, 2);
	assert_int_equal(cache->base->layer->live_objs, 2);
	free_at(&sl, cache, b, 2);
	free_at(&sl, cache, c, 2);
	assert_int_equal(f.nr, 1);
	close_cache(&sl, cache);
}

static void frees_of_what_is_no_object_are_left_out(void **state)
{
	struct found f;
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, &f, FOUR, 64);
	struct slab_cache *other = slab_lab_cache(&sl, &other_room, "other", 64);
	u8 *a = make_at(&sl, cache, 1);

	(void)state;
	free_at(&sl, other, a, 2);
	assert_found("belongs to cache test, freed in drop_it+0x20");
	free_at(&sl, cache, a + 8, 2);
	assert_found("is no object");
	free_at(&sl, cache, &f, 2);
	assert_string_equal(f.kinds, "invalid_pointer invalid_pointer invalid_pointer ");
	assert_int_equal(cache->layer->live_objs, 1);
	free_at(&sl, cache, a, 2);
	assert_int_equal(f.nr, 3);
	assert_int_equal(slab_cache_destroy(other), 0);
	close_cache(&sl, cache);
}

/* kfree finds the cache by the page and enters at the top; alignment survives red zones. */
static void kmalloc_stands_on_it(void **state)
{
	struct kmalloc km;
	struct found f = {0};
	struct slab_lab sl;
	u8 *a;

	(void)state;
	slab_lab_open(&sl, LAB_NODE, "page_allocator", "debug:slabifier");
	sl.lab.m->on_event = found_remember;
	sl.lab.m->on_event_arg = &f;
	kmalloc_init(&km, sl.sa, sl.lab.pa, NULL);
	for (size_t size = 1; size <= 8192; size = size * 3 / 2 + 1) {
		a = kmalloc_node(&km, size, GFP_KERNEL | __GFP_ZERO, -1);
		for (size_t i = 0; i < ksize(a); i++)
			assert_int_equal(a[i], 0);
		memset(a, 0xff, ksize(a));
		kfree(&km, a);
	}
	assert_int_equal(f.nr, 0);
	a = kmalloc_node(&km, 64, GFP_KERNEL, -1);
	assert_int_equal(virt_to_phys(a) % 64, 0);
	a[64] = 1;
	kfree(&km, a);
	assert_string_equal(f.kinds, "redzone ");
	assert_found("BUG kmalloc-64");
	assert_int_equal(kmalloc_destroy(&km), 0);
	slab_lab_close(&sl);
}

static void assert_filled(const u8 *from, size_t n, u8 byte)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(from[i], byte);
}

/* Red zones and state of whoever is named, as a random load leaves them. */
static void every_object_is_what_its_holder_thinks(void **state)
{
	static const char *const chains[] = {"debug(redzone=16B):slabifier",
					     "debug(redzone=16B,poison=off):slabifier",
					     "rcu:caching:debug(redzone=16B):slabifier"};
	enum { N = 64, OBJSIZE = 96 };

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(chains); c++) {
		u8 *objects[N] = {NULL};
		struct found f;
		struct slab_lab sl;
		struct slab_cache *cache = open_cache(&sl, &f, chains[c], OBJSIZE);
		unsigned int bytes = cache->objsize;

		while (cache->base->base)
			cache = cache->base;
		bytes = cache->objsize;
		for (u32 step = 0; step < 4000; step++) {
			u32 i = (step * 2654435761U) >> 26;

			if (objects[i]) {
				slab_lab_free(&sl, (int)step % 2, cache->top, objects[i]);
				if (cache == cache->top) {
					assert_false(cache->slab_alloc->in_use(cache, objects[i]));
					assert_filled(objects[i] - 16, 16, 0xbb);
					assert_filled(objects[i] + bytes, 16, 0xbb);
				}
				objects[i] = NULL;
			} else {
				objects[i] = slab_lab_alloc(&sl, (int)step % 2, cache->top,
							    GFP_KERNEL, -1);
				memset(objects[i], (int)step, OBJSIZE);
			}
			for (i = 0; step % 97 == 0 && i < N; i++) {
				if (!objects[i])
					continue;
				slab_object_check(cache->top, objects[i]);
				assert_true(cache->slab_alloc->in_use(cache, objects[i]));
				assert_filled(objects[i] - 16, 16, 0xcc);
				assert_filled(objects[i] + bytes, 16, 0xcc);
			}
		}
		for (u32 i = 0; i < N; i++)
			if (objects[i])
				slab_lab_free(&sl, 0, cache->top, objects[i]);
		assert_int_equal(f.nr, 0);
		close_cache(&sl, cache->top);
	}
}

/* poison=off: contents of a free object are nobody's business, all else is found as before. */
static void without_poison_only_the_contents_go_unwatched(void **state)
{
	struct found f;
	struct slab_lab sl;
	struct slab_cache *cache =
		open_cache(&sl, &f, "debug(poison=off):slabifier(max_order=0)", 96);
	u8 *a = make_at(&sl, cache, 1);

	(void)state;
	memset(a, 0x11, 96);
	free_at(&sl, cache, a, 2);
	assert_filled(a, 96, 0x11);
	a[50] = 0;
	assert_ptr_equal(make_at(&sl, cache, 1), a);
	assert_int_equal(f.nr, 0);
	free_at(&sl, cache, a, 2);
	a[96] = 0;
	assert_ptr_equal(make_at(&sl, cache, 1), a);
	assert_string_equal(f.kinds, "use_after_free ");
	assert_found("Right Redzone overwritten");
	free_at(&sl, cache, a, 2);
	free_at(&sl, cache, a, 3);
	assert_string_equal(f.kinds, "use_after_free double_free ");
	close_cache(&sl, cache);
}

/* A red zone is as wide as asked for, and that many writes beside the object are found. */
static void red_zones_are_as_wide_as_asked_for(void **state)
{
	static const struct {
		const char *chain;
		int bytes;
	} widths[] = {{"debug(redzone=1B):slabifier", 1},
		      {"debug(redzone=64B):slabifier", 64},
		      {"debug(redzone=1KiB):slabifier", 1024}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
		const int at[] = {-widths[i].bytes, -1, 100, 99 + widths[i].bytes};
		struct found f;
		struct slab_lab sl;
		struct slab_cache *cache = open_cache(&sl, &f, widths[i].chain, 100);

		for (unsigned int k = 0; k < ARRAY_SIZE(at); k++) {
			u8 *a = make_at(&sl, cache, 1);

			a[at[k]] = 0;
			free_at(&sl, cache, a, 2);
			if (f.nr != k + 1)
				fail_msg("%s: byte %d: %u reports", widths[i].chain, at[k], f.nr);
		}
		assert_string_equal(f.kinds, "redzone redzone redzone redzone ");
		close_cache(&sl, cache);
	}
}

static void assert_refused(struct slab_lab *sl, const char *chain, const char *why)
{
	struct err e = {0};

	assert_null(slab_lab_chain(sl->lab.pa, chain, &e));
	if (!strstr(e.msg, why))
		fail_msg("%s: '%s' does not say '%s'", chain, e.msg, why);
}

static void senseless_chains_are_refused_with_a_reason(void **state)
{
	struct slab_lab sl;

	(void)state;
	slab_lab_open(&sl, LAB_NODE, "page_allocator", "rcu:debug:slabifier");
	assert_refused(&sl, "debug:rcu:slabifier", "readers may still look");
	assert_refused(&sl, "debug:dma:rcu:slabifier", "readers may still look");
	assert_refused(&sl, "debug:dma:debug:slabifier", "has red zones already");
	assert_refused(&sl, "debug:null", "and 'null' keeps nothing");
	slab_lab_close(&sl);
}

/* It is the pages that keep nothing, not the slabifier; who does not fill pages does not mind. */
static void who_keeps_nothing_is_named(void **state)
{
	static const char *const fine[] = {"caching:slabifier", "rcu:slabifier", "dma:slabifier"};
	struct slab_lab sl;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fine); i++) {
		struct slab_cache *cache;
		void *objects[100];

		slab_lab_open(&sl, LAB_NODE, "rcu:null", fine[i]);
		assert_refused(&sl, "debug:slabifier", "and the pages of 'null' keep nothing");
		assert_refused(&sl, "debug:null", "and 'null' keeps nothing");
		cache = slab_lab_cache(&sl, &room, "test", 256);
		for (size_t k = 0; k < ARRAY_SIZE(objects); k++)
			objects[k] = slab_lab_alloc(&sl, (int)k % 2, cache, GFP_KERNEL, -1);
		for (size_t k = 0; k < ARRAY_SIZE(objects); k++)
			slab_lab_free(&sl, (int)k % 2, cache, objects[k]);
		close_cache(&sl, cache);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_behind_the_object_is_found_at_its_free),
		cmocka_unit_test(a_write_before_the_object_is_found_at_its_free),
		cmocka_unit_test(a_write_after_free_is_found_at_the_next_allocation),
		cmocka_unit_test(a_write_into_a_fresh_object_is_found),
		cmocka_unit_test(a_double_free_names_both_sites_and_changes_nothing),
		cmocka_unit_test(frees_of_what_is_no_object_are_left_out),
		cmocka_unit_test(kmalloc_stands_on_it),
		cmocka_unit_test(every_object_is_what_its_holder_thinks),
		cmocka_unit_test(without_poison_only_the_contents_go_unwatched),
		cmocka_unit_test(red_zones_are_as_wide_as_asked_for),
		cmocka_unit_test(senseless_chains_are_refused_with_a_reason),
		cmocka_unit_test(who_keeps_nothing_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
