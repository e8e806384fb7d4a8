/*
 * rcu over slab allocators, and null: what they promise.
 */
#include "tests/test.h"

#include "tests/slab_lab.h"

static char drawn[1024];
static struct slab_control room;

#define alloc_on(cpu) slab_lab_alloc(&sl, cpu, cache, GFP_KERNEL, NUMA_NO_NODE)
#define free_on(cpu, object) slab_lab_free(&sl, cpu, cache, object)
#define assert_slab(object, drawing)                                                               \
	assert_string_equal(draw_slab(drawn, sizeof(drawn), cache->base, object), drawing)

static struct slab_cache *open_cache(struct slab_lab *sl, const char *slab, unsigned int objsize)
{
	struct slab_cache *cache;

	slab_lab_open(sl, LAB_NODE, "page_allocator(pcp=off)", slab);
	cache = slab_lab_cache(sl, &room, "test", objsize);
	assert_non_null(cache);
	return cache;
}

static void close_cache(struct slab_lab *sl, struct slab_cache *cache)
{
	slab_cache_check(cache);
	assert_int_equal(slab_cache_destroy(cache), 0);
	slab_lab_close(sl);
}

/* Objects of 1000 bytes and their trailer: four to a page. */
#define FOUR "rcu:slabifier(max_order=0)"

static void a_free_waits_for_a_grace_period(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, FOUR, 1000);
	unsigned char *a = alloc_on(0), *b;

	(void)state;
	assert_slab(a, "cpu0 a,,,");
	memset(a, 0x77, 1000);
	free_on(0, a);
	assert_slab(a, "cpu0 a,,,");
	for (int i = 0; i < 1000; i++) /* readers may still look */
		assert_int_equal(a[i], 0x77);
	b = alloc_on(0);
	assert_ptr_not_equal(a, b);
	assert_slab(a, "cpu0 aa,,");
	machine_advance(sl.lab.m, sl.lab.m->now_ns + 100000000);
	assert_slab(a, "cpu0 ,a,,");
	assert_ptr_equal(alloc_on(0), a);
	free_on(1, a);
	free_on(0, b);
	close_cache(&sl, cache); /* waits for both */
}

static void double_frees_at_every_stage(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, FOUR, 1000);
	char *a = alloc_on(0), *b = alloc_on(0);

	(void)state;
	free_on(0, a);
	free_on(1, a);
	assert_says(sl.lab.event, "double_free: cache test");
	machine_advance(sl.lab.m, sl.lab.m->now_ns + 100000000);
	free_on(0, a);
	assert_int_equal(sl.lab.nr_events, 2);
	free_on(0, b + 8);
	assert_says(sl.lab.event, "invalid_pointer: cache test");
	free_on(0, &sl);
	assert_says(sl.lab.event, "invalid_pointer: cache test");
	free_on(0, b);
	machine_advance(sl.lab.m, sl.lab.m->now_ns + 100000000);
	slab_cache_shrink(cache, NULL);
	assert_slab(a, "gone");
	free_on(0, b);
	assert_says(sl.lab.event, "double_free: cache test");
	assert_int_equal(sl.lab.nr_events, 5);
	assert_int_equal(cache->layer->nr_free, 2);
	assert_int_equal(cache->layer->live_objs, 0);
	assert_int_equal(cache->base->layer->live_objs, 0);
	close_cache(&sl, cache);
}

static void damage_behind_the_object_is_reported(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, FOUR, 1000);
	char *a = alloc_on(0);
	u64 *behind = (u64 *)(void *)(a + 1000 + sizeof(struct rcu_head)), saved = *behind;

	(void)state;
	*behind = 0x4141414141414141;
	free_on(0, a);
	assert_says(sl.lab.event, "redzone: cache test");
	*behind = saved;
	free_on(0, a);
	assert_int_equal(sl.lab.nr_events, 1);
	close_cache(&sl, cache);
}

/* What waits is handed on to the base once, also where another layer stands between. */
static void a_second_grace_period_is_refused(void **state)
{
	static const char *const chains[] = {"rcu:rcu:slabifier", "rcu:forward:rcu:slabifier"};
	struct slab_lab sl;
	struct err e;

	(void)state;
	slab_lab_open(&sl, LAB_NODE, "page_allocator", "slabifier");
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		assert_null(slab_lab_chain(sl.lab.pa, chains[i], &e));
		assert_says(e.msg, "waits for a grace period already");
	}
	slab_lab_close(&sl);
}

static void null_cycles_and_costs_one_slab(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, "null", 1000);
	struct slab_counts counts;
	char *first = alloc_on(0), *a = first;

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_ptr_equal(virt_to_head_page(a)->slab_cache, cache);
		assert_int_equal(cache->slab_alloc->valid_pointer(cache, a), 1);
		free_on(1, a);
		a = alloc_on(0);
	}
	assert_int_equal(cache->slab_alloc->valid_pointer(cache, first + 8), 0);
	slab_cache_counts(cache, &counts);
	assert_int_equal(counts.total, 1);
	assert_int_equal(lab_free_pages(&sl.lab), sl.free_pages - (1U << cache->order));
	close_cache(&sl, cache);
}

static void rcu_over_null_is_refused(void **state)
{
	struct slab_lab sl;
	struct err e;

	(void)state;
	slab_lab_open(&sl, LAB_NODE, "page_allocator", "null");
	assert_null(slab_lab_chain(sl.lab.pa, "rcu:null", &e));
	assert_says(e.msg, "'null' keeps nothing");
	slab_lab_close(&sl);
}

static void null_pages_carry_slabs(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache;
	void *o[100];

	(void)state;
	slab_lab_open(&sl, LAB_NODE, "null", "rcu:slabifier");
	cache = slab_lab_cache(&sl, &room, "test", 1000);
	for (int i = 0; i < 100; i++)
		o[i] = alloc_on(i & 1);
	for (int i = 0; i < 100; i++)
		free_on(0, o[i]);
	close_cache(&sl, cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_free_waits_for_a_grace_period),
		cmocka_unit_test(double_frees_at_every_stage),
		cmocka_unit_test(damage_behind_the_object_is_reported),
		cmocka_unit_test(a_second_grace_period_is_refused),
		cmocka_unit_test(null_cycles_and_costs_one_slab),
		cmocka_unit_test(rcu_over_null_is_refused),
		cmocka_unit_test(null_pages_carry_slabs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
