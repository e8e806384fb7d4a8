/*
 * What all allocators of bytes have in common: shared pages, nodes and zones, bad frees, leaks.
 */
#include "tests/test.h"

#include <stdio.h>

#include "tests/bytes_lab.h"

static const char *const names[] = {"slob", "sequential_fit", "power_of_two", "buddy_bytes"};

#define for_each_name(name)                                                                        \
	for (const char *const *name = names; name < names + ARRAY_SIZE(names); name++)

static void open_lab(struct slab_lab *sl, const char *name)
{
	slab_lab_open(sl, LAB_TWO_NODES, "page_allocator(pcp=off)", name);
}

static void caches_share_pages(void **state)
{
	(void)state;
	for_each_name(name)
	{
		struct slab_lab sl;
		struct slab_cache *a, *b, *large;
		struct slab_counts counts;
		char *o, *p, *q;

		open_lab(&sl, *name);
		a = bytes_cache(&sl, "a", 100, 0);
		b = bytes_cache(&sl, "b", 100, 0);
		large = bytes_cache(&sl, "large", 12000, 0); /* blocks of more than a page */
		o = bytes_alloc(&sl, a);
		p = bytes_alloc(&sl, b);
		assert_ptr_equal(virt_to_page(o), virt_to_page(p));
		assert_ptr_equal(a->shares, b->shares);
		assert_ptr_equal(slab_cache_of(virt_to_page(o), o), a);
		assert_ptr_equal(slab_cache_of(virt_to_page(p), p + 99), b);
		assert_null(slab_cache_of(virt_to_page(p), o + 4000));
		slab_cache_counts(a, &counts);
		assert_int_equal(counts.total, 0);
		assert_int_equal(counts.objs_active, 1);
		slab_cache_counts(a->shares, &counts);
		assert_int_equal(counts.total, heap_pages(a));
		assert_int_equal(counts.objs_active, 2);
		q = bytes_alloc(&sl, large);
		slab_cache_counts(a->shares, &counts);
		assert_int_equal(counts.total, heap_pages(a));
		assert_int_equal(counts.total, (u64)sl.lab.pa->layer->live_bytes / PAGE_SIZE);
		bytes_lab_free(&sl, large, q);
		slab_free_object(virt_to_page(p), p);
		assert_int_equal(b->layer->live_objs, 1);
		slab_free_object(virt_to_page(o), o);
		assert_int_equal(sl.lab.nr_events, 0);
		assert_int_equal(slab_cache_destroy(a), 0);
		assert_int_equal(slab_cache_destroy(b), 0);
		assert_int_equal(slab_cache_destroy(large), 0);
		slab_lab_close(&sl);
	}
}

static void bad_frees_are_told_apart(void **state)
{
	(void)state;
	for_each_name(name)
	{
		struct slab_lab sl;
		struct slab_cache *a, *b;
		char *o, *p, *q;

		open_lab(&sl, *name);
		a = bytes_cache(&sl, "a", 100, 0);
		b = bytes_cache(&sl, "b", 100, 0);
		o = bytes_alloc(&sl, a);
		p = bytes_alloc(&sl, b);
		q = bytes_alloc(&sl, a);
		bytes_lab_free(&sl, a, p);
		assert_says(sl.lab.event, "invalid_pointer: cache a");
		assert_says(sl.lab.event, "belongs to b");
		bytes_lab_free(&sl, a, o + 8);
		assert_says(sl.lab.event, "invalid_pointer: cache a");
		bytes_lab_free(&sl, a, o + 3);
		bytes_lab_free(&sl, a, (char *)page_address(virt_to_page(o) + 100));
		bytes_lab_free(&sl, a, &sl);
		assert_int_equal(sl.lab.nr_events, 5);
		bytes_lab_free(&sl, a, o);
		bytes_lab_free(&sl, a, o);
		assert_says(sl.lab.event, "double_free: cache a");
		slab_free_object(virt_to_page(o), o);
		assert_says(sl.lab.event, "double_free: cache a");
		assert_int_equal(sl.lab.nr_events, 7);
		assert_int_equal(a->layer->live_objs, 2);
		slab_cache_check(a);
		slab_cache_check(b);
		bytes_lab_free(&sl, a, q);
		bytes_lab_free(&sl, b, p);
		assert_int_equal(a->layer->live_objs, 0);
		assert_int_equal(slab_cache_destroy(a), 0);
		assert_int_equal(slab_cache_destroy(b), 0);
		slab_lab_close(&sl);
	}
}

static void nodes_and_zones_are_kept(void **state)
{
	(void)state;
	for_each_name(name)
	{
		struct slab_lab sl;
		struct slab_cache *a, *low;
		struct slab_cache parameters = {
			.objsize = 100, .node = NUMA_NO_NODE, .gfp = __GFP_DMA, .name = "low"};
		static struct slab_control room;
		void *o[4];

		open_lab(&sl, *name);
		a = bytes_cache(&sl, "a", 100, 0);
		low = slab_cache_create(sl.sa, &room, &parameters);
		assert_ptr_not_equal(a->shares, low->shares);
		o[0] = slab_lab_alloc(&sl, 0, a, GFP_KERNEL, NUMA_NO_NODE);
		o[1] = slab_lab_alloc(&sl, 2, a, GFP_KERNEL, 1);
		o[2] = slab_lab_alloc(&sl, 0, a, GFP_KERNEL | __GFP_THISNODE, 1);
		o[3] = slab_lab_alloc(&sl, 2, low, GFP_KERNEL, NUMA_NO_NODE);
		assert_int_equal(page_to_nid(virt_to_page(o[0])), 0);
		assert_int_equal(page_to_nid(virt_to_page(o[1])), 1);
		assert_ptr_equal(virt_to_page(o[1]), virt_to_page(o[2]));
		assert_int_equal(page_zone(virt_to_page(o[3]))->type, ZONE_DMA);
		assert_int_equal(page_zone(virt_to_page(o[3]))->node, 0);
		slab_cache_check(a);
		slab_cache_check(low);
		for (int i = 0; i < 3; i++)
			bytes_lab_free(&sl, a, o[i]);
		bytes_lab_free(&sl, low, o[3]);
		assert_int_equal(slab_cache_destroy(a), 0);
		assert_int_equal(slab_cache_destroy(low), 0);
		slab_lab_close(&sl);
	}
}

/* A node without memory must not cost a page for every request. */
static void a_node_without_memory_has_a_stand_in(void **state)
{
	(void)state;
	for_each_name(name)
	{
		struct slab_lab sl;
		struct slab_cache *a;
		void *o[20];

		slab_lab_open(&sl,
			      "  - {memory: 16MiB, cpus: 0, distance: [10, 20]}\n"
			      "  - {memory: 0B, cpus: 1, distance: [20, 10]}\n",
			      "page_allocator(pcp=off)", *name);
		a = bytes_cache(&sl, "a", 100, 0);
		for (int i = 0; i < 20; i++) {
			o[i] = slab_lab_alloc(&sl, 1, a, GFP_KERNEL, i % 2 ? 1 : NUMA_NO_NODE);
			assert_non_null(o[i]);
		}
		assert_true(heap_pages(a) <= 2);
		for (int i = 0; i < 20; i++)
			bytes_lab_free(&sl, a, o[i]);
		assert_int_equal(slab_cache_destroy(a), 0);
		slab_lab_close(&sl);
	}
}

/* What leaked stays where it is; the rest of the heap goes on. */
static void leaks_are_reported_and_left(void **state)
{
	(void)state;
	for_each_name(name)
	{
		struct slab_lab sl;
		struct slab_cache *a, *b;
		void *o, *p;

		open_lab(&sl, *name);
		a = bytes_cache(&sl, "a", 100, 0);
		b = bytes_cache(&sl, "b", 100, 0);
		o = bytes_alloc(&sl, a);
		p = bytes_alloc(&sl, b);
		assert_int_equal(slab_cache_destroy(a), 1);
		assert_string_equal(sl.lab.event, "leak: cache a: 1 objects still in use");
		slab_lab_free(&sl, 0, a, o);
		assert_says(sl.lab.event, "invalid_pointer: cache a");
		slab_cache_check(b);
		bytes_lab_free(&sl, b, p);
		assert_int_equal(slab_cache_destroy(b), 0);
		assert_true(virt_to_page(o)->flags & PG_slab);
		slab_allocator_put(sl.sa);
		lab_close(&sl.lab);
	}
}

/* Whoever writes to free memory may destroy a list in it, but not the run. */
static void writes_after_free_are_survived(void **state)
{
	(void)state;
	for_each_name(name)
	{
		struct slab_lab sl;
		struct slab_cache *a;
		void *o[200];

		open_lab(&sl, *name);
		a = bytes_cache(&sl, "a", 100, 0);
		for (int i = 0; i < 200; i++)
			o[i] = bytes_alloc(&sl, a);
		for (int i = 20; i < 180; i += 2)
			bytes_lab_free(&sl, a, o[i]);
		for (int i = 20; i < 180; i += 2)
			memset(o[i], 0x5a, 100);
		for (int i = 20; i < 180; i += 2)
			o[i] = bytes_alloc(&sl, a);
		if (strcmp(*name, "sequential_fit") != 0) /* keeps nothing in free memory */
			assert_says(sl.lab.event, "use_after_free");
		slab_cache_check(a);
		for (int i = 0; i < 200; i++)
			bytes_lab_free(&sl, a, o[i]);
		slab_cache_check(a);
		assert_int_equal(slab_cache_destroy(a), 0);
		slab_lab_close(&sl);
	}
}

/* Under debug nothing that a list writes into free objects is taken for damage. */
static void debug_watches_objects_in_use(void **state)
{
	(void)state;
	for_each_name(name)
	{
		struct slab_lab sl;
		struct slab_cache *a;
		char chain[64], *o, *p;

		snprintf(chain, sizeof(chain), "debug:%s", *name);
		open_lab(&sl, chain);
		a = bytes_cache(&sl, "a", 100, 0);
		o = bytes_alloc(&sl, a);
		p = bytes_alloc(&sl, a);
		bytes_lab_free(&sl, a, p);
		p = bytes_alloc(&sl, a);
		assert_int_equal(sl.lab.nr_events, 0);
		o[100] = 0;
		slab_free_object(virt_to_page(o), o);
		assert_says(sl.lab.event, "Right Redzone overwritten");
		bytes_lab_free(&sl, a, o);
		assert_int_equal(sl.lab.nr_events, 2);
		bytes_lab_free(&sl, a, p);
		assert_int_equal(slab_cache_destroy(a), 0);
		slab_lab_close(&sl);
	}
}

/* More caches than a map can name are refused; the ids of those that went serve again. */
static void ids_of_caches_are_used_again(void **state)
{
	struct slab_lab sl;
	struct slab_cache *first, *last = NULL;
	unsigned int nr = 1;

	(void)state;
	open_lab(&sl, "slob");
	first = bytes_cache(&sl, "first", 8, 0);
	for (struct slab_cache *c; (c = bytes_cache(&sl, "c", 8, 0)); nr++)
		last = c;
	assert_int_equal(nr, BYTES_CACHES_MAX);
	assert_int_equal(slab_cache_destroy(first), 0);
	first = bytes_cache(&sl, "again", 8, 0);
	assert_non_null(first);
	assert_null(bytes_cache(&sl, "c", 8, 0));
	bytes_lab_free(&sl, first, bytes_alloc(&sl, first));
	while (last && !list_empty(&sl.sa->caches)) {
		last = list_last_entry(&sl.sa->caches, struct slab_cache, list);
		if (!last->shares) /* the heap's own: first of all */
			break;
		assert_int_equal(slab_cache_destroy(last), 0);
	}
	slab_lab_close(&sl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(caches_share_pages),
		cmocka_unit_test(bad_frees_are_told_apart),
		cmocka_unit_test(nodes_and_zones_are_kept),
		cmocka_unit_test(a_node_without_memory_has_a_stand_in),
		cmocka_unit_test(leaks_are_reported_and_left),
		cmocka_unit_test(writes_after_free_are_survived),
		cmocka_unit_test(debug_watches_objects_in_use),
		cmocka_unit_test(ids_of_caches_are_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
