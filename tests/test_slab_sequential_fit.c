/*
 * sequential_fit: the lowest run that fits, runs that melt, headers apart, and the fifty-percent
 * rule.
 */
#include "tests/test.h"

#include <stdio.h>

#include "lib/rng.h"
#include "tests/bytes_lab.h"

static void the_lowest_run_that_fits(void **state)
{
	struct slab_lab sl;
	struct slab_cache *a, *b;
	void *o[4], *p;

	(void)state;
	bytes_lab_open(&sl, "sequential_fit");
	a = bytes_cache(&sl, "a", 800, 0);
	b = bytes_cache(&sl, "b", 300, 0);
	for (int i = 0; i < 4; i++)
		o[i] = bytes_alloc(&sl, a);
	assert_block(o[0], "a800 a800 a800 a800 .896");
	bytes_lab_free(&sl, a, o[2]);
	bytes_lab_free(&sl, a, o[0]);
	p = bytes_alloc(&sl, b); /* although the rest of the page fits better */
	assert_block(o[1], "b300 .500 a800 .800 a800 .896");
	assert_ptr_equal(bytes_alloc(&sl, a), o[2]);
	slab_cache_check(a);
	bytes_lab_free(&sl, a, o[1]); /* melts with the run before it */
	o[1] = bytes_alloc(&sl, a);
	assert_block(o[1], "b300 .4 a800 .496 a800 a800 .896");
	bytes_lab_free(&sl, b, p);
	bytes_lab_free(&sl, a, o[2]);
	bytes_lab_free(&sl, a, o[3]);
	slab_cache_check(a);
	assert_block(o[1], ".304 a800 .2992");
	bytes_lab_free(&sl, a, o[1]);
	assert_block(o[1], "gone");
	assert_int_equal(slab_cache_destroy(a), 0);
	assert_int_equal(slab_cache_destroy(b), 0);
	slab_lab_close(&sl);
}

static void better_is_the_smaller_of_two(void **state)
{
	struct slab_lab sl;
	struct slab_cache *a, *b, *c;
	void *o[4], *p, *q;

	(void)state;
	bytes_lab_open(&sl, "sequential_fit(fit=better)");
	a = bytes_cache(&sl, "a", 800, 0);
	b = bytes_cache(&sl, "b", 304, 0);
	c = bytes_cache(&sl, "c", 392, 0);
	for (int i = 0; i < 4; i++)
		o[i] = bytes_alloc(&sl, a);
	p = bytes_alloc(&sl, c); /* 504 bytes are left at the end */
	bytes_lab_free(&sl, a, o[1]);
	q = bytes_alloc(&sl, b);
	assert_block(o[0], "a800 .800 a800 a800 c392 b304 .200");
	bytes_lab_free(&sl, b, q);
	bytes_lab_free(&sl, c, p);
	bytes_lab_free(&sl, a, o[0]);
	bytes_lab_free(&sl, a, o[2]);
	bytes_lab_free(&sl, a, o[3]);
	assert_int_equal(slab_cache_destroy(a), 0);
	assert_int_equal(slab_cache_destroy(b), 0);
	assert_int_equal(slab_cache_destroy(c), 0);
	slab_lab_close(&sl);
}

static void an_alignment_makes_two_runs_of_one(void **state)
{
	struct slab_lab sl;
	struct slab_cache *a, *b;
	void *o, *p;

	(void)state;
	bytes_lab_open(&sl, "sequential_fit");
	a = bytes_cache(&sl, "a", 40, 0);
	b = bytes_cache(&sl, "b", 256, 256);
	o = bytes_alloc(&sl, a);
	p = bytes_alloc(&sl, b);
	assert_block(o, "a40 .216 b256 .3584");
	slab_cache_check(a);
	bytes_lab_free(&sl, b, p);
	bytes_lab_free(&sl, a, o);
	assert_int_equal(slab_cache_destroy(a), 0);
	assert_int_equal(slab_cache_destroy(b), 0);
	slab_lab_close(&sl);
}

/* 128 headers to a page, which stays: one for each free run there ever was at once. */
static void headers_lie_in_pages_of_their_own(void **state)
{
	struct slab_lab sl;
	struct slab_cache *a;
	static void *o[1024];

	(void)state;
	bytes_lab_open(&sl, "sequential_fit");
	a = bytes_cache(&sl, "a", 64, 0);
	for (int i = 0; i < 1024; i++)
		o[i] = bytes_alloc(&sl, a);
	assert_int_equal(heap_pages(a), 16 + 1);
	for (int i = 0; i < 1024; i += 2)
		bytes_lab_free(&sl, a, o[i]);
	assert_int_equal(heap_pages(a), 16 + 4);
	slab_cache_check(a);
	for (int i = 1; i < 1024; i += 2)
		bytes_lab_free(&sl, a, o[i]);
	assert_int_equal(heap_pages(a), 4);
	assert_int_equal(slab_cache_destroy(a), 0);
	slab_lab_close(&sl);
}

/* A free never fails: what finds no memory for its header waits for it. */
static void frees_wait_for_memory(void **state)
{
	struct slab_lab sl;
	struct slab_cache *a;
	static void *o[1024];

	(void)state;
	bytes_lab_open(&sl, "sequential_fit");
	a = bytes_cache(&sl, "a", 64, 0);
	for (int i = 0; i < 1024; i++)
		o[i] = bytes_alloc(&sl, a);
	sl.lab.pa->layer->inject.every = 1;
	for (int i = 0; i < 1024; i += 2)
		bytes_lab_free(&sl, a, o[i]);
	slab_cache_check(a);
	assert_int_equal(heap_pages(a), 16 + 1);
	sl.lab.pa->layer->inject.every = 0;
	for (int i = 1; i < 1024; i += 2)
		bytes_lab_free(&sl, a, o[i]);
	slab_cache_check(a);
	assert_int_equal(sl.lab.nr_events, 0);
	assert_true(heap_pages(a) < 16);
	slab_cache_shrink(a, NULL);
	assert_block(o[0], "gone");
	assert_block(o[1023], "gone");
	assert_int_equal(slab_cache_destroy(a), 0);
	slab_lab_close(&sl);
}

/* ---- Knuth's fifty-percent rule ---- */

#define NR_SIZES 128
#define LIVE 2000

static u64 nr_runs(const struct slab_cache *cache)
{
	return container_of(cache->shares, struct bytes_heap, c)->parts[0]->nr_runs;
}

struct knuth {
	struct slab_lab sl;
	struct slab_cache *caches[NR_SIZES];
	struct {
		struct slab_cache *cache;
		void *object;
	} live[LIVE];
	struct rng rng;
	u64 inexact, allocs;
};

static void replace(struct knuth *k, unsigned int i)
{
	u64 runs;

	if (k->live[i].object)
		slab_lab_free(&k->sl, 0, k->live[i].cache, k->live[i].object);
	k->live[i].cache = k->caches[rng_below(&k->rng, NR_SIZES)];
	runs = nr_runs(k->caches[0]);
	k->live[i].object = bytes_alloc(&k->sl, k->live[i].cache);
	k->inexact += nr_runs(k->caches[0]) == runs;
	k->allocs++;
}

/*
 * Objects of random sizes are freed in random order, as many as come. Each hole lies behind an
 * object; an object's upper neighbour is a hole half the time, but for exact fits: p * blocks / 2.
 */
static void half_as_many_holes_as_blocks(void **state)
{
	static struct knuth k;
	double holes = 0, expected;
	unsigned int samples = 0;
	char name[16];

	(void)state;
	bytes_lab_open(&k.sl, "sequential_fit(order=9)");
	rng_init(&k.rng, 1, "knuth", "fifty");
	for (unsigned int i = 0; i < NR_SIZES; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		k.caches[i] = bytes_cache(&k.sl, name, 16 + 8 * i, 0);
	}
	for (unsigned int i = 0; i < LIVE; i++)
		replace(&k, i);
	for (unsigned int i = 0; i < 40 * LIVE; i++) {
		if (i == 20 * LIVE)
			k.inexact = k.allocs = 0;
		replace(&k, (unsigned int)rng_below(&k.rng, LIVE));
		if (i < 20 * LIVE || i % 100)
			continue;
		holes += (double)nr_runs(k.caches[0]);
		samples++;
	}
	holes /= samples;
	expected = (double)k.inexact / (double)k.allocs * LIVE / 2;
	print_message("holes %.0f, expected %.0f (p %.2f)\n", holes, expected,
		      (double)k.inexact / (double)k.allocs);
	assert_true(holes > 0.9 * expected && holes < 1.1 * expected);
	for (unsigned int i = 0; i < LIVE; i++)
		slab_lab_free(&k.sl, 0, k.live[i].cache, k.live[i].object);
	for (unsigned int i = 0; i < NR_SIZES; i++)
		assert_int_equal(slab_cache_destroy(k.caches[i]), 0);
	slab_lab_close(&k.sl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lowest_run_that_fits),
		cmocka_unit_test(better_is_the_smaller_of_two),
		cmocka_unit_test(an_alignment_makes_two_runs_of_one),
		cmocka_unit_test(headers_lie_in_pages_of_their_own),
		cmocka_unit_test(frees_wait_for_memory),
		cmocka_unit_test(half_as_many_holes_as_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
