/*
 * caching over slab allocators: magazines, depots, and what they promise.
 */
#include "tests/test.h"

#include "tests/slab_lab.h"

static struct slab_control room;

static struct slab_cache *open_on(struct slab_lab *sl, const char *nodes, const char *slab)
{
	slab_lab_open(sl, nodes, "page_allocator(pcp=off)", slab);
	return slab_lab_cache(sl, &room, "test", 256);
}

static void close_cache(struct slab_lab *sl, struct slab_cache *cache)
{
	slab_cache_check(cache);
	assert_int_equal(slab_cache_destroy(cache), 0);
	slab_lab_close(sl);
}

#define alloc_on(cpu) slab_lab_alloc(&sl, cpu, cache, GFP_KERNEL, NUMA_NO_NODE)
#define free_on(cpu, object) slab_lab_free(&sl, cpu, cache, object)

static u64 base_operations(const struct slab_cache *cache)
{
	return cache->base->layer->nr_alloc + cache->base->layer->nr_free;
}

static void take(struct slab_lab *sl, struct slab_cache *cache, int cpu, void **objects, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		objects[i] = slab_lab_alloc(sl, cpu, cache, GFP_KERNEL, NUMA_NO_NODE);
		assert_non_null(objects[i]);
	}
}

static void give(struct slab_lab *sl, struct slab_cache *cache, int cpu, void **objects, size_t n)
{
	for (size_t i = 0; i < n; i++)
		slab_lab_free(sl, cpu, cache, objects[i]);
}

/* Two magazines: as long as the live set swings by less than both, the base hears nothing. */
static void a_cpu_serves_itself(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_on(&sl, LAB_NODE, "caching(rounds=15):slabifier");
	void *objects[30];
	u64 before;

	(void)state;
	take(&sl, cache, 0, objects, 30);
	give(&sl, cache, 0, objects, 30);
	before = base_operations(cache);
	for (int i = 0; i < 100; i++) {
		take(&sl, cache, 0, objects, 30);
		give(&sl, cache, 0, objects, 30);
		take(&sl, cache, 0, objects, 1 + (size_t)i % 30);
		give(&sl, cache, 0, objects, 1 + (size_t)i % 30);
	}
	assert_int_equal(base_operations(cache), before);
	assert_int_equal(cache->layer->live_objs, 0);
	/* 30 objects of the cache, and two magazines. */
	assert_int_equal(cache->base->layer->live_objs, 32);
	close_cache(&sl, cache);
}

/* What one CPU frees another gets by way of the depot: objects flow without the base. */
static void the_depot_feeds_other_cpus(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_on(&sl, LAB_NODE, "caching(rounds=7):slabifier");
	void *objects[70];
	u64 before;

	(void)state;
	take(&sl, cache, 0, objects, 70);
	give(&sl, cache, 1, objects, 70);
	before = base_operations(cache);
	take(&sl, cache, 0, objects, 56); /* all but the two magazines CPU 1 holds */
	assert_int_equal(base_operations(cache), before);
	slab_cache_check(cache);
	give(&sl, cache, 0, objects, 56);
	close_cache(&sl, cache);
}

/* A quiet cache has no events once its depot is trimmed; the working set stays, the rest goes. */
static void the_depot_shrinks_to_its_working_set(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache =
		open_on(&sl, LAB_NODE, "caching(rounds=7,interval=1s):slabifier");
	void *objects[140];
	s64 kept;

	(void)state;
	take(&sl, cache, 0, objects, 140);
	give(&sl, cache, 0, objects, 140);
	kept = cache->base->layer->live_objs;
	assert_int_equal(kept, 140 + 20);
	machine_advance(sl.lab.m, sl.lab.m->now_ns + 1500000000);
	for (int i = 0; i < 4;
	     i++) { /* two full magazines of the depot are needed, again and again */
		take(&sl, cache, 0, objects, 28);
		give(&sl, cache, 0, objects, 28);
		machine_advance(sl.lab.m, sl.lab.m->now_ns + 1000000000);
		slab_cache_check(cache);
	}
	assert_true(cache->base->layer->live_objs >= 28 + 4);
	assert_true(cache->base->layer->live_objs <= 28 + 4 + 8);
	machine_advance(sl.lab.m, sl.lab.m->now_ns + 10000000000ULL);
	assert_int_equal(cache->base->layer->live_objs, 14 + 2); /* the CPU's own */
	close_cache(&sl, cache);
}

/* Objects of other nodes pass by, both ways. */
static void magazines_hold_memory_of_their_node(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_on(&sl, LAB_TWO_NODES, "caching:slabifier");
	void *near, *far;
	u64 before;

	(void)state;
	near = alloc_on(0);
	far = slab_lab_alloc(&sl, 0, cache, GFP_KERNEL, 1);
	assert_int_equal(page_to_nid(virt_to_page(far)), 1);
	before = cache->base->layer->nr_free;
	free_on(0, far);
	assert_int_equal(cache->base->layer->nr_free, before + 1);
	free_on(0, near);
	assert_int_equal(cache->base->layer->nr_free, before + 1);
	assert_int_equal(
		page_to_nid(virt_to_page(far = slab_lab_alloc(&sl, 0, cache, GFP_KERNEL, 1))), 1);
	assert_ptr_equal(alloc_on(0), near);
	free_on(2, near); /* a CPU of the other node */
	assert_int_equal(cache->base->layer->nr_free, before + 2);
	free_on(2, far);
	close_cache(&sl, cache);
}

/* In a magazine, in the depot, and back in the base. */
static void double_frees_are_found_wherever_the_object_is(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_on(&sl, LAB_NODE, "caching(rounds=1):slabifier");
	void *objects[12];

	(void)state;
	take(&sl, cache, 0, objects, 12);
	give(&sl, cache, 0, objects, 12);
	for (size_t i = 0; i < 12; i++) {
		free_on((int)(i % 2), objects[i]);
		assert_int_equal(sl.lab.nr_events, i + 1);
		assert_non_null(strstr(sl.lab.event, "double_free: cache test object"));
	}
	slab_cache_shrink(cache, NULL);
	assert_int_equal(cache->base->layer->live_objs, 0);
	objects[0] = alloc_on(1);
	free_on(1, (char *)objects[0] + 8);
	assert_int_equal(sl.lab.nr_events, 13);
	assert_non_null(strstr(sl.lab.event, "invalid_pointer: cache test object"));
	free_on(1, objects[0]);
	assert_int_equal(sl.lab.nr_events, 13);
	close_cache(&sl, cache);
}

/* A live object may hold any bytes, also those that mark an object in a magazine elsewhere. */
static void contents_of_live_objects_deceive_nobody(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_on(&sl, LAB_NODE, "caching(rounds=3):slabifier");
	u64 words[32];
	u8 *a = alloc_on(0), *b = alloc_on(0);

	(void)state;
	free_on(0, a);
	memcpy(words, a, 256); /* use after free: what a free object looks like */
	memcpy(b, words, 256);
	free_on(0, b);
	assert_int_equal(sl.lab.nr_events, 0);
	assert_ptr_equal(alloc_on(0), b);
	assert_ptr_equal(alloc_on(0), a);
	free_on(0, a);
	free_on(0, b);
	close_cache(&sl, cache);
}

/* A CPU of a node without memory lives on the nearest one's, and keeps that in its magazines. */
static void cpus_without_memory_have_magazines(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_on(&sl,
					   "  - {memory: 16MiB, cpus: 0, distance: [10, 20]}\n"
					   "  - {cpus: 1, distance: [20, 10]}\n",
					   "caching(rounds=15):slabifier");
	void *objects[30];
	u64 before;

	(void)state;
	take(&sl, cache, 1, objects, 30);
	before = base_operations(cache);
	give(&sl, cache, 1, objects, 30);
	take(&sl, cache, 1, objects, 30);
	assert_int_equal(base_operations(cache), before + 2); /* the two magazines themselves */
	give(&sl, cache, 1, objects, 30);
	close_cache(&sl, cache);
}

/* CPUs that wait for the depot's lock get larger magazines, up to the limit. */
static void magazines_grow_with_contention(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache =
		open_on(&sl, "  - {memory: 16MiB, cpus: 0-7, distance: [10]}\n",
			"caching(rounds=1,max_rounds=15,contention=3,interval=1s):slabifier");
	void *objects[8][40];

	(void)state;
	for (int round = 0; round < 8; round++) {
		u64 start_ns = sl.lab.m->now_ns;

		for (size_t i = 0; i < 40; i++)
			for (int cpu = 0; cpu < 8; cpu++)
				objects[cpu][i] = alloc_on(cpu);
		for (size_t i = 0; i < 40; i++)
			for (int cpu = 0; cpu < 8; cpu++)
				free_on(cpu, objects[cpu][i]);
		slab_cache_check(cache);
		machine_advance(sl.lab.m, start_ns + 1100000000);
	}
	for (int cpu = 0; cpu < 8; cpu++)
		for (size_t i = 0; i < 31; i++)
			objects[cpu][i] = alloc_on(cpu);
	assert_non_null(strstr(cache->base->slab_alloc->name, "slabifier"));
	for (int cpu = 0; cpu < 8; cpu++)
		for (size_t i = 0; i < 31; i++)
			free_on(cpu, objects[cpu][i]);
	{
		bool seen_15 = false, seen_31 = false;
		struct slab_cache *c;

		list_for_each_entry (c, &cache->base->slab_alloc->caches, list) {
			seen_15 |= !strcmp(c->name, "magazine-15");
			seen_31 |= !strcmp(c->name, "magazine-31");
		}
		assert_true(seen_15);
		assert_false(seen_31);
	}
	close_cache(&sl, cache);
}

static void senseless_chains_are_refused_with_a_reason(void **state)
{
	static const struct {
		const char *chain, *why;
	} bad[] = {
		{"caching:rcu:slabifier", "hand objects out again before the grace period"},
		{"caching:dma:rcu:slabifier", "the order that works: rcu:caching"},
		{"caching:debug:caching:slabifier", "has magazines already"},
		{"caching:null", "in its magazines, and 'null' keeps nothing"},
		{"caching(rounds=31,max_rounds=15):slabifier",
		 "max_rounds=15 is less than rounds=31"},
	};
	struct slab_lab sl;

	(void)state;
	slab_lab_open(&sl, LAB_NODE, "page_allocator", "rcu:caching:slabifier");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = {0};

		assert_null(slab_lab_chain(sl.lab.pa, bad[i].chain, &e));
		if (!strstr(e.msg, bad[i].why))
			fail_msg("%s: '%s' does not say '%s'", bad[i].chain, e.msg, bad[i].why);
	}
	slab_lab_close(&sl);
}

static void **moving;
static size_t nr_moving;

static int move_object(struct slab_cache *cache, void *object)
{
	for (size_t i = 0; i < nr_moving; i++)
		if (moving[i] == object)
			moving[i] = slab_alloc(cache, GFP_KERNEL);
	return 1;
}

/* A place that has just been left is no place to move to. */
static void moves_bypass_magazines(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache =
		open_on(&sl, LAB_NODE, "caching:slabifier(max_order=0,cpu_partial=0)");
	struct slab_counts counts;
	void *objects[8 * 16], *stay[16];

	(void)state;
	take(&sl, cache, 0, objects, 8 * 16);
	for (size_t i = 0; i < 8 * 16; i++) {
		if (i % 8)
			free_on(0, objects[i]);
		else
			stay[i / 8] = objects[i];
	}
	moving = stay;
	nr_moving = 16;
	machine_enter(sl.lab.m, 0, sl.lab.m->now_ns);
	slab_cache_shrink(cache, move_object);
	machine_leave(sl.lab.m, kernel->clock_ns);
	slab_cache_counts(cache, &counts);
	assert_int_equal(counts.total, 1); /* of 16 objects: all that live */
	slab_cache_check(cache);
	free_on(0, stay[15]); /* and magazines work again */
	assert_ptr_equal(alloc_on(0), stay[15]);
	assert_int_equal(cache->layer->live_objs, 16);
	give(&sl, cache, 0, stay, 16);
	close_cache(&sl, cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cpu_serves_itself),
		cmocka_unit_test(the_depot_feeds_other_cpus),
		cmocka_unit_test(the_depot_shrinks_to_its_working_set),
		cmocka_unit_test(magazines_hold_memory_of_their_node),
		cmocka_unit_test(double_frees_are_found_wherever_the_object_is),
		cmocka_unit_test(contents_of_live_objects_deceive_nobody),
		cmocka_unit_test(cpus_without_memory_have_magazines),
		cmocka_unit_test(magazines_grow_with_contention),
		cmocka_unit_test(senseless_chains_are_refused_with_a_reason),
		cmocka_unit_test(moves_bypass_magazines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
