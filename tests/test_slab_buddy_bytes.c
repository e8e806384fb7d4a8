/*
 * buddy_bytes: halves of halves, and how long a free block waits before it coalesces.
 */
#include "tests/test.h"

#include "tests/bytes_lab.h"

static void blocks_are_halves(void **state)
{
	struct slab_lab sl;
	struct slab_cache *a, *b;
	char *o, *p, *q;

	(void)state;
	bytes_lab_open(&sl, "buddy_bytes");
	a = bytes_cache(&sl, "a", 1000, 0);
	b = bytes_cache(&sl, "b", 10, 0);
	assert_int_equal(a->size, 1024);
	assert_int_equal(b->size, 16);
	o = bytes_alloc(&sl, a);
	p = bytes_alloc(&sl, b);
	q = bytes_alloc(&sl, b);
	assert_ptr_equal(p, o + 1024);
	assert_ptr_equal(q, p + 16); /* its buddy */
	assert_block(o, "a1000 .24 b10 .6 b10 .3046");
	assert_int_equal(heap_pages(a), 2); /* bitmaps have one */
	slab_cache_check(a);
	bytes_lab_free(&sl, a, o);
	bytes_lab_free(&sl, b, p);
	bytes_lab_free(&sl, b, q);
	slab_cache_check(a);
	assert_block(o, "gone");
	assert_int_equal(slab_cache_destroy(a), 0);
	assert_int_equal(slab_cache_destroy(b), 0);
	slab_lab_close(&sl);
}

/*
 * The slack of a class is what is in use less what waits. Two pages of two blocks: 4, and each
 * free that waits takes 2 from it. At 0 a free coalesces, and one that waits with it.
 */
static void half_of_a_class_may_wait(void **state)
{
	struct slab_lab sl;
	struct slab_cache *a;
	void *o[4];

	(void)state;
	bytes_lab_open(&sl, "buddy_bytes");
	a = bytes_cache(&sl, "a", 2048, 0);
	for (int i = 0; i < 4; i++)
		o[i] = bytes_alloc(&sl, a);
	assert_int_equal(heap_pages(a), 2 + 1);
	bytes_lab_free(&sl, a, o[0]);
	bytes_lab_free(&sl, a, o[1]); /* a whole page waits */
	assert_block(o[0], ".4096");
	bytes_lab_free(&sl, a, o[2]); /* coalesces if it can; so does o[1], and neither can yet */
	assert_block(o[0], ".4096");
	slab_cache_check(a);
	bytes_lab_free(&sl, a,
		       o[3]); /* o[0] becomes one with o[1], o[3] with o[2]; pages need not wait */
	assert_int_equal(heap_pages(a), 1);
	assert_int_equal(slab_cache_destroy(a), 0);
	slab_lab_close(&sl);
}

/* The rule holds in each class: of the pages, too, half may wait for the next object. */
static void classes_wait_on_each_other(void **state)
{
	struct slab_lab sl;
	struct slab_cache *a;
	void *o[16];

	(void)state;
	bytes_lab_open(&sl, "buddy_bytes");
	a = bytes_cache(&sl, "a", 1024, 0);
	for (int i = 0; i < 16; i++)
		o[i] = bytes_alloc(&sl, a);
	for (int i = 0; i < 12; i++)
		bytes_lab_free(&sl, a, o[i]);
	assert_int_equal(heap_pages(a), 4 + 1);
	slab_cache_check(a);
	assert_int_equal(slab_cache_shrink(a, NULL), 3);
	assert_int_equal(heap_pages(a), 1 + 1);
	for (int i = 12; i < 16; i++)
		bytes_lab_free(&sl, a, o[i]);
	assert_int_equal(heap_pages(a), 1);
	assert_int_equal(slab_cache_destroy(a), 0);
	slab_lab_close(&sl);
}

/* What waits is handed out as it is, the last one first; shrinking coalesces it. */
static void what_waits_serves_its_size(void **state)
{
	struct slab_lab sl;
	struct slab_cache *a;
	void *o[8];

	(void)state;
	bytes_lab_open(&sl, "buddy_bytes");
	a = bytes_cache(&sl, "a", 1024, 0);
	for (int i = 0; i < 8; i++)
		o[i] = bytes_alloc(&sl, a);
	for (int i = 0; i < 4; i++)
		bytes_lab_free(&sl, a, o[i]);
	assert_ptr_equal(bytes_alloc(&sl, a), o[3]);
	bytes_lab_free(&sl, a, o[3]);
	assert_int_equal(heap_pages(a), 2 + 1);
	assert_int_equal(slab_cache_shrink(a, NULL), 1);
	assert_int_equal(heap_pages(a), 1 + 1);
	assert_block(o[0], "gone");
	slab_cache_check(a);
	for (int i = 4; i < 8; i++)
		bytes_lab_free(&sl, a, o[i]);
	assert_int_equal(slab_cache_destroy(a), 0);
	slab_lab_close(&sl);
}

static void blocks_of_pages_have_an_order(void **state)
{
	struct slab_lab sl;
	struct slab_cache *a, *b;
	void *o, *p;

	(void)state;
	bytes_lab_open(&sl, "buddy_bytes(order=2)");
	a = bytes_cache(&sl, "a", 5000, 0);
	b = bytes_cache(&sl, "b", 20000, 0);
	assert_int_equal(a->size, 8192);
	o = bytes_alloc(&sl, a);
	p = bytes_alloc(&sl, b);
	assert_block(o, "a5000 .11384");
	assert_int_equal(heap_pages(a), 4 + 8 + 1);
	slab_cache_check(a);
	bytes_lab_free(&sl, a, o);
	bytes_lab_free(&sl, b, p);
	assert_int_equal(heap_pages(a), 1);
	assert_int_equal(slab_cache_destroy(a), 0);
	assert_int_equal(slab_cache_destroy(b), 0);
	slab_lab_close(&sl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_halves),
		cmocka_unit_test(half_of_a_class_may_wait),
		cmocka_unit_test(classes_wait_on_each_other),
		cmocka_unit_test(what_waits_serves_its_size),
		cmocka_unit_test(blocks_of_pages_have_an_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
