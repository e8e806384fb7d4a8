/*
 * forward over slab allocators: everything arrives, nothing changes but the time.
 */
#include "tests/test.h"

#include "tests/slab_lab.h"

#define EIGHT "forward:forward:forward:forward:forward:forward:forward:forward:"

static struct slab_control room;

static void each_layer_takes_the_same_time(void **state)
{
	static const char *const chains[] = {"slabifier", "forward:slabifier", EIGHT "slabifier"};
	u64 alloc_ns[3], free_ns[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct slab_cache *cache;
		struct slab_lab sl;
		void *object;

		slab_lab_open(&sl, LAB_NODE, "page_allocator", chains[i]);
		cache = slab_lab_cache(&sl, &room, "test", 100);
		slab_lab_free(&sl, 0, cache, slab_lab_alloc(&sl, 0, cache, GFP_KERNEL, -1));
		machine_enter(sl.lab.m, 0, sl.lab.m->now_ns + 1000000);
		alloc_ns[i] = kernel->clock_ns;
		object = slab_alloc(cache, GFP_KERNEL);
		alloc_ns[i] = kernel->clock_ns - alloc_ns[i];
		free_ns[i] = kernel->clock_ns;
		slab_free_object(virt_to_head_page(object), object);
		free_ns[i] = kernel->clock_ns - free_ns[i];
		machine_leave(sl.lab.m, kernel->clock_ns);
		assert_int_equal(slab_cache_destroy(cache), 0);
		slab_lab_close(&sl);
	}
	assert_true(alloc_ns[1] > alloc_ns[0] && free_ns[1] > free_ns[0]);
	assert_int_equal(alloc_ns[2] - alloc_ns[0], 8 * (alloc_ns[1] - alloc_ns[0]));
	assert_int_equal(free_ns[2] - free_ns[0], 8 * (free_ns[1] - free_ns[0]));
}

static void every_layer_has_its_books(void **state)
{
	struct slab_cache *cache;
	struct slab_lab sl;
	void *a, *b;

	(void)state;
	slab_lab_open(&sl, LAB_TWO_NODES, "page_allocator", EIGHT "slabifier");
	cache = slab_lab_cache(&sl, &room, "test", 100);
	a = slab_lab_alloc(&sl, 0, cache, GFP_KERNEL, NUMA_NO_NODE);
	b = slab_lab_alloc(&sl, 0, cache, GFP_KERNEL | __GFP_THISNODE, 1);
	assert_int_equal(page_to_nid(virt_to_page(b)), 1);
	for (const struct slab_cache *c = cache; c; c = c->base) {
		assert_ptr_equal(c->top, cache);
		assert_int_equal(c->objsize, 100);
		assert_int_equal(c->layer->live_objs, 2);
		assert_int_equal(c->layer->live_bytes, 2 * cache->size);
		assert_true(c->layer->self_ns);
	}
	slab_object_check(cache, b);
	slab_lab_free(&sl, 0, cache, a);
	slab_lab_free(&sl, 0, cache, a);
	assert_says(sl.lab.event, "double_free");
	slab_lab_free(&sl, 3, cache, b);
	for (const struct slab_cache *c = cache; c; c = c->base)
		assert_int_equal(c->layer->nr_free, 2);
	slab_cache_check(cache);
	assert_int_equal(slab_cache_destroy(cache), 0);
	slab_lab_close(&sl);
}

static struct slab_cache *asked;
static void *objects[16];

static int move(struct slab_cache *cache, void *object)
{
	asked = cache;
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		if (objects[i] == object)
			objects[i] = slab_alloc(cache, GFP_KERNEL);
	return 1;
}

/* The user is asked for the move of an object of his cache, and its old place is freed once. */
static void a_move_is_asked_for_at_the_top(void **state)
{
	struct slab_cache *cache;
	struct slab_lab sl;

	(void)state;
	slab_lab_open(&sl, LAB_NODE, "page_allocator",
		      "forward:forward:slabifier(max_order=0,cpu_partial=0)");
	cache = slab_lab_cache(&sl, &room, "test", 1000);
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		objects[i] = slab_lab_alloc(&sl, 0, cache, GFP_KERNEL, NUMA_NO_NODE);
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		if (i % 4 == 3)
			continue;
		slab_lab_free(&sl, 0, cache, objects[i]);
		objects[i] = NULL;
	}
	machine_enter(sl.lab.m, 0, sl.lab.m->now_ns);
	assert_int_equal(slab_cache_shrink(cache, move), 3);
	machine_leave(sl.lab.m, kernel->clock_ns);
	assert_ptr_equal(asked, cache);
	assert_int_equal(cache->layer->live_objs, 4);
	assert_int_equal(cache->base->base->layer->live_objs, 4);
	slab_cache_check(cache);
	for (size_t i = 3; i < ARRAY_SIZE(objects); i += 4)
		slab_lab_free(&sl, 0, cache, objects[i]);
	assert_int_equal(slab_cache_destroy(cache), 0);
	slab_lab_close(&sl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_layer_takes_the_same_time),
		cmocka_unit_test(every_layer_has_its_books),
		cmocka_unit_test(a_move_is_asked_for_at_the_top),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
