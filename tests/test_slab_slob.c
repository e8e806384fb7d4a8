/*
 * slob: first fit in pages, three lists, next fit among pages, headers of kmalloc's objects.
 */
#include "tests/test.h"

#include "tests/bytes_lab.h"

static void close_lab(struct slab_lab *sl, struct slab_cache *a, struct slab_cache *b)
{
	slab_cache_check(a);
	assert_int_equal(slab_cache_destroy(a), 0);
	if (b)
		assert_int_equal(slab_cache_destroy(b), 0);
	slab_lab_close(sl);
}

static void the_first_block_that_fits(void **state)
{
	struct slab_lab sl;
	struct slab_cache *a, *b;
	void *o[4], *p;

	(void)state;
	bytes_lab_open(&sl, "slob");
	a = bytes_cache(&sl, "a", 104, 0);
	b = bytes_cache(&sl, "b", 40, 0);
	for (int i = 0; i < 4; i++)
		o[i] = bytes_alloc(&sl, a);
	assert_block(o[0], "a104 a104 a104 a104 .3680");
	bytes_lab_free(&sl, a, o[1]);
	p = bytes_alloc(&sl, b);
	assert_block(o[0], "a104 b40 .64 a104 a104 .3680");
	assert_ptr_equal(bytes_alloc(&sl, a), (char *)o[3] + 104); /* 64 bytes are too few */
	slab_cache_check(a);
	bytes_lab_free(&sl, a, o[2]); /* melts with what is before it */
	o[2] = bytes_alloc(&sl, a);
	assert_block(o[0], "a104 b40 a104 .64 a104 a104 .3576");
	bytes_lab_free(&sl, b, p);
	bytes_lab_free(&sl, a, o[2]);
	slab_cache_check(a);
	bytes_lab_free(&sl, a, o[0]);
	bytes_lab_free(&sl, a, o[3]);
	bytes_lab_free(&sl, a, (char *)o[3] + 104);
	assert_block(o[0], "gone");
	close_lab(&sl, a, b);
}

/* Units are of two bytes; objects start at multiples of 8. */
static void odd_sizes_take_units_of_two(void **state)
{
	struct slab_lab sl;
	struct slab_cache *a;
	void *o[3];

	(void)state;
	bytes_lab_open(&sl, "slob");
	a = bytes_cache(&sl, "a", 13, 0);
	assert_int_equal(a->size, 14);
	for (int i = 0; i < 3; i++)
		o[i] = bytes_alloc(&sl, a);
	assert_block(o[0], "a13 .3 a13 .3 a13 .4051");
	slab_cache_check(a); /* gaps of one unit are free blocks too */
	bytes_lab_free(&sl, a, o[1]);
	slab_cache_check(a);
	bytes_lab_free(&sl, a, o[0]);
	bytes_lab_free(&sl, a, o[2]);
	close_lab(&sl, a, NULL);
}

static void three_lists_by_size(void **state)
{
	struct slab_lab sl;
	struct slab_cache *small, *medium, *large;
	void *s, *m, *l;

	(void)state;
	bytes_lab_open(&sl, "slob");
	small = bytes_cache(&sl, "s", 248, 0);
	medium = bytes_cache(&sl, "m", 256, 0);
	large = bytes_cache(&sl, "l", 1024, 0);
	s = bytes_alloc(&sl, small);
	m = bytes_alloc(&sl, medium);
	l = bytes_alloc(&sl, large);
	assert_block(s, "s248 .3848");
	assert_block(m, "m256 .3840");
	assert_block(l, "l1024 .3072");
	bytes_lab_free(&sl, small, s);
	bytes_lab_free(&sl, medium, m);
	bytes_lab_free(&sl, large, l);
	assert_int_equal(slab_cache_destroy(large), 0);
	close_lab(&sl, small, medium);
}

/* The page that served last is the first to be asked. */
static void the_search_goes_on_where_it_succeeded(void **state)
{
	struct slab_lab sl;
	struct slab_cache *a, *b;
	void *o[32], *p;

	(void)state;
	bytes_lab_open(&sl, "slob");
	a = bytes_cache(&sl, "a", 248, 0); /* 16 and 128 bytes to a page */
	b = bytes_cache(&sl, "b", 200, 0);
	for (int i = 0; i < 32; i++)
		o[i] = bytes_alloc(&sl, a);
	assert_ptr_not_equal(virt_to_page(o[0]), virt_to_page(o[31]));
	bytes_lab_free(&sl, a, o[0]);
	bytes_lab_free(&sl, a, o[31]);
	p = bytes_alloc(&sl, b);
	assert_ptr_equal(p, o[31]); /* the second page leads */
	assert_ptr_equal(bytes_alloc(&sl, a), o[0]);
	bytes_lab_free(&sl, a, o[1]);
	bytes_lab_free(&sl, a, o[30]);
	assert_ptr_equal(bytes_alloc(&sl, b), o[1]); /* and now the first */
	bytes_lab_free(&sl, b, p);
	bytes_lab_free(&sl, b, o[1]);
	bytes_lab_free(&sl, a, o[0]);
	for (int i = 2; i < 30; i++)
		bytes_lab_free(&sl, a, o[i]);
	close_lab(&sl, a, b);
}

/* kfree is not told how large an object is. */
static void kmalloc_has_headers(void **state)
{
	struct slab_lab sl;
	struct slab_cache *a, *k, *w;
	u64 *o, *p;

	(void)state;
	bytes_lab_open(&sl, "slob");
	a = bytes_cache(&sl, "a", 32, 0);
	k = bytes_cache(&sl, "kmalloc-32", 32, 0);
	w = bytes_cache(&sl, "kmalloc-4088", 4088, 0);
	assert_int_equal(a->size, 32);
	assert_int_equal(k->size, 40);
	o = bytes_alloc(&sl, k);
	assert_block(o, ".8 k32 .4056");
	assert_int_equal(o[-1], 32);
	p = bytes_alloc(&sl, w); /* no room for a header: a page */
	assert_block(p, "k4088 .8");
	o[-1] = 7;
	bytes_lab_free(&sl, k, o);
	assert_says(sl.lab.event, "redzone: cache kmalloc-32");
	assert_block(o, "gone");
	bytes_lab_free(&sl, w, p);
	assert_int_equal(slab_cache_destroy(w), 0);
	close_lab(&sl, a, k);
}

static void larger_objects_are_pages(void **state)
{
	struct slab_lab sl;
	struct slab_cache *a;
	void *o;

	(void)state;
	bytes_lab_open(&sl, "slob");
	a = bytes_cache(&sl, "a", 5000, 0);
	o = bytes_alloc(&sl, a);
	assert_block(o, "a5000 .3192");
	assert_int_equal(heap_pages(a), 2);
	bytes_lab_free(&sl, a, o);
	assert_int_equal(heap_pages(a), 0);
	close_lab(&sl, a, NULL);
}

static void an_alignment_leaves_what_is_before_it_free(void **state)
{
	struct slab_lab sl;
	struct slab_cache *a, *b;
	void *o, *p, *q;

	(void)state;
	bytes_lab_open(&sl, "slob");
	a = bytes_cache(&sl, "a", 40, 0);
	b = bytes_cache(&sl, "b", 64, 64);
	o = bytes_alloc(&sl, a);
	p = bytes_alloc(&sl, b);
	assert_block(o, "a40 .24 b64 .3968");
	q = bytes_alloc(&sl, b);
	slab_cache_check(a);
	bytes_lab_free(&sl, b, p);
	assert_ptr_equal(bytes_alloc(&sl, a), (char *)o + 40); /* 24 before and 64 behind */
	slab_cache_check(a);
	bytes_lab_free(&sl, a, (char *)o + 40);
	bytes_lab_free(&sl, b, q);
	bytes_lab_free(&sl, a, o);
	close_lab(&sl, a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_block_that_fits),
		cmocka_unit_test(odd_sizes_take_units_of_two),
		cmocka_unit_test(three_lists_by_size),
		cmocka_unit_test(the_search_goes_on_where_it_succeeded),
		cmocka_unit_test(kmalloc_has_headers),
		cmocka_unit_test(larger_objects_are_pages),
		cmocka_unit_test(an_alignment_leaves_what_is_before_it_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
