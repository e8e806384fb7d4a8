/*
 * What was wrong in the modular slab as it was posted (2006). Each defect has a test that fails if
 * it comes back:
 *
 * methods copied, so a base's runs with the derived	methods_run_with_their_own_cache
 *   allocator as self
 * rcuify leaves __free alone: kfree does not wait	kfree_waits_too
 * the base part is a pointer where code casts it as	methods_run_with_their_own_cache,
 *   embedded						  test_stack_orders (ASan)
 * dmaify's create leaves the cache its own base, so	a_derived_cache_belongs_to_..., and
 *   create of the base runs twice			  pages_are_put_with_... (test_slab_dma)
 * the pages that dmaify makes in create are leaked	caches_leave_nothing_behind, the same
 * the destructor leaks the name; the name is "name"	names_tell_the_chain_and_go
 * declared and defined names differ			the same (it would not link)
 * the offset of the rcu_head is the allocator's, not	each_cache_has_its_own_offset
 *   the cache's
 * after create the cache points at the base allocator	a_derived_cache_belongs_to_...
 * the back-pointer to the cache is never set		the_cache_stands_behind_the_object
 * growing size by align loops if align is 0		no_alignment_is_one_of_8
 * one of two derivations destroyed takes the base	a_base_outlives_its_first_derivation,
 *   with it						  test_shared_bases
 * rcu destroyed while frees are pending		destroying_waits_for_pending_frees
 * failures inside derivation are unchecked		refusals_pass_through, test_faults_slab
 *
 * Of pages: test_pages_defects.c, which also says where construction and accounting are looked at.
 */
#include "tests/test.h"

#include "tests/slab_lab.h"

static struct slab_control rooms[2];

#define alloc_on(cpu, cache) slab_lab_alloc(&sl, cpu, cache, GFP_KERNEL, NUMA_NO_NODE)
#define free_on(cpu, cache, object) slab_lab_free(&sl, cpu, cache, object)

static unsigned int nr_on_list(const struct list_head *head)
{
	const struct list_head *pos;
	unsigned int n = 0;

	list_for_each (pos, head)
		n++;
	return n;
}

static void open_rcu(struct slab_lab *sl)
{
	slab_lab_open(sl, LAB_NODE, "page_allocator(pcp=off)", "rcu:slabifier(max_order=0)");
}

/* Was: derivation copied the base's methods, which then ran with the derived allocator as self. */
static void methods_run_with_their_own_cache(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache;
	struct slab_counts counts;
	void *a;

	(void)state;
	open_rcu(&sl);
	cache = slab_lab_cache(&sl, &rooms[0], "test", 100);
	assert_ptr_equal(cache->base->slab_alloc, sl.sa->base);
	a = alloc_on(0, cache);
	slab_cache_counts(cache, &counts);
	assert_int_equal(counts.total, 1);
	assert_ptr_equal(virt_to_page(a)->slab_cache, cache->base);
	free_on(0, cache, a);
	slab_cache_shrink(cache, NULL);
	slab_cache_check(cache);
	slab_cache_destroy(cache);
	slab_lab_close(&sl);
}

/* Was: rcuify left __free alone, so kfree skipped the grace period. */
static void kfree_waits_too(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache;
	void *a;

	(void)state;
	open_rcu(&sl);
	cache = slab_lab_cache(&sl, &rooms[0], "test", 100);
	a = alloc_on(0, cache);
	slab_free_object(virt_to_head_page(a), a);
	assert_int_equal(cache->base->layer->nr_free, 0);
	assert_int_equal(cache->layer->nr_free, 1);
	lab_settle(&sl.lab);
	assert_int_equal(cache->base->layer->nr_free, 1);
	slab_cache_destroy(cache);
	slab_lab_close(&sl);
}

/* Was: after create the cache pointed at the base allocator, so its frees were not deferred. */
static void a_derived_cache_belongs_to_the_derived_allocator(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache;

	(void)state;
	open_rcu(&sl);
	cache = slab_lab_cache(&sl, &rooms[0], "test", 100);
	assert_ptr_equal(cache->slab_alloc, sl.sa);
	assert_ptr_equal(cache->top, cache);
	assert_ptr_equal(cache->base->top, cache);
	/* Was, in dmaify: create of the base ran twice. */
	assert_int_equal(nr_on_list(&sl.sa->caches), 1);
	assert_int_equal(nr_on_list(&sl.sa->base->caches), 1);
	slab_cache_destroy(cache);
	assert_int_equal(nr_on_list(&sl.sa->base->caches), 0);
	slab_lab_close(&sl);
}

/*
 * Was: the offset of the rcu_head stood in the shared allocator; a second cache overwrote the first
 * one's.
 */
static void each_cache_has_its_own_offset(void **state)
{
	struct slab_lab sl;
	struct slab_cache *small, *large;
	unsigned char *a, *b;

	(void)state;
	open_rcu(&sl);
	small = slab_lab_cache(&sl, &rooms[0], "small", 24);
	a = alloc_on(0, small);
	large = slab_lab_cache(&sl, &rooms[1], "large", 900);
	b = alloc_on(0, large);
	memset(b, 0x33, 900);
	memset(a, 0x44, 24);
	free_on(0, small, a);
	free_on(1, large, b);
	for (int i = 0; i < 900; i++)
		assert_int_equal(b[i], 0x33);
	for (int i = 0; i < 24; i++)
		assert_int_equal(a[i], 0x44);
	lab_settle(&sl.lab);
	assert_int_equal(small->base->layer->live_objs, 0); /* one layer counts for both caches */
	assert_int_equal(sl.lab.nr_events, 0);
	slab_cache_destroy(small);
	slab_cache_destroy(large);
	slab_lab_close(&sl);
}

/* Was: the back-pointer to the cache behind the object was never set. */
static void the_cache_stands_behind_the_object(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache;
	char *a, *behind;

	(void)state;
	open_rcu(&sl);
	cache = slab_lab_cache(&sl, &rooms[0], "test", 100);
	a = alloc_on(0, cache);
	memcpy(&behind, a + 104 + sizeof(struct rcu_head), sizeof(behind));
	assert_ptr_equal(behind, (char *)cache);
	assert_true(104 + sizeof(struct rcu_head) + sizeof(behind) <= cache->size);
	free_on(0, cache, a);
	slab_cache_destroy(cache);
	slab_lab_close(&sl);
}

/* Was: growing size by align looped forever if align was 0. */
static void no_alignment_is_one_of_8(void **state)
{
	struct slab_cache parameters = {.objsize = 100, .size = 100, .align = 0, .node = -1};
	struct slab_lab sl;
	struct slab_cache *cache;

	(void)state;
	open_rcu(&sl);
	cache = slab_cache_create(sl.sa, &rooms[0], &parameters);
	assert_non_null(cache);
	assert_int_equal(cache->align, 8);
	assert_int_equal(cache->objsize, 100);
	assert_int_equal(cache->size, 128);
	slab_cache_destroy(cache);
	slab_lab_close(&sl);
}

/* Was: the name was the literal text "name"; and the destructor leaked it. */
static void names_tell_the_chain_and_go(void **state)
{
	struct slab_lab sl;
	struct slab_allocator *rcu;
	unsigned int instances;

	(void)state;
	slab_lab_open(&sl, LAB_NODE, "page_allocator", "slabifier");
	instances = nr_on_list(&sl.lab.m->instances);
	/* Was: declared as rcuify_slab, defined as rcuify_slab_allocator. */
	rcu = rcuify_slab_allocator(slab_allocator_get(sl.sa));
	assert_string_equal(rcu->name, "rcu:slabifier");
	slab_allocator_put(rcu);
	assert_int_equal(nr_on_list(&sl.lab.m->instances), instances);
	slab_lab_close(&sl);
}

/* Was: destroying one of two derivations of a base destroyed the base under the other. */
static void a_base_outlives_its_first_derivation(void **state)
{
	struct slab_lab sl;
	struct slab_allocator *one, *two;
	struct slab_cache *cache;
	struct slab_control room;
	void *a;

	(void)state;
	slab_lab_open(&sl, LAB_NODE, "page_allocator", "slabifier");
	one = rcuify_slab_allocator(slab_allocator_get(sl.sa));
	two = rcuify_slab_allocator(slab_allocator_get(sl.sa));
	slab_allocator_put(one);
	cache = slab_cache_create(two, &room,
				  &(struct slab_cache){.objsize = 64, .node = -1, .name = "test"});
	a = alloc_on(0, cache);
	assert_non_null(a);
	free_on(0, cache, a);
	slab_cache_destroy(cache);
	slab_allocator_put(two);
	assert_int_equal(sl.sa->refs, 1);
	slab_lab_close(&sl);
}

/* Was: destroying an RCU derivation did not wait for pending frees. */
static void destroying_waits_for_pending_frees(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache;
	void *o[50];

	(void)state;
	open_rcu(&sl);
	cache = slab_lab_cache(&sl, &rooms[0], "test", 100);
	for (int i = 0; i < 50; i++)
		o[i] = alloc_on(0, cache);
	for (int i = 0; i < 50; i++)
		free_on(i & 1, cache, o[i]);
	assert_int_equal(sl.sa->base->layer->nr_free, 0);
	assert_int_equal(slab_cache_destroy(cache), 0);
	assert_int_equal(sl.sa->base->layer->nr_free, 50);
	assert_int_equal(sl.lab.nr_events, 0);
	slab_lab_close(&sl);
}

/* Was, in dmaify: what create derived for its cache was leaked. */
static void caches_leave_nothing_behind(void **state)
{
	struct slab_lab sl;
	unsigned int instances, refs;

	(void)state;
	slab_lab_open(&sl, LAB_NODE, "page_allocator", "rcu:dma:slabifier");
	instances = nr_on_list(&sl.lab.m->instances);
	refs = sl.lab.pa->refs;
	for (int i = 0; i < 10; i++) {
		struct slab_cache *cache = slab_lab_cache(&sl, &rooms[0], "test", 100);

		free_on(0, cache, alloc_on(0, cache));
		assert_int_equal(slab_cache_destroy(cache), 0);
	}
	assert_int_equal(nr_on_list(&sl.lab.m->instances), instances);
	assert_int_equal(sl.lab.pa->refs, refs);
	slab_lab_close(&sl);
}

/* Was: failures inside a derivation were not checked; counters ran on a NULL page. */
static void refusals_pass_through(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache;
	unsigned int instances;
	struct slab_counts counts;

	(void)state;
	open_rcu(&sl);
	instances = nr_on_list(&sl.lab.m->instances);
	assert_null(slab_lab_cache(&sl, &rooms[0], "huge", 4U << 20));
	assert_int_equal(nr_on_list(&sl.lab.m->instances), instances);
	cache = slab_lab_cache(&sl, &rooms[0], "test", 100);
	sl.lab.pa->layer->inject.every = 1;
	assert_null(alloc_on(0, cache));
	assert_int_equal(sl.sa->layer->nr_failed, 1);
	assert_int_equal(sl.sa->layer->live_objs, 0);
	slab_cache_counts(cache, &counts);
	assert_int_equal(counts.total, 0);
	sl.lab.pa->layer->inject.every = 0;
	free_on(0, cache, alloc_on(0, cache));
	slab_cache_destroy(cache);
	slab_lab_close(&sl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(methods_run_with_their_own_cache),
		cmocka_unit_test(kfree_waits_too),
		cmocka_unit_test(a_derived_cache_belongs_to_the_derived_allocator),
		cmocka_unit_test(each_cache_has_its_own_offset),
		cmocka_unit_test(the_cache_stands_behind_the_object),
		cmocka_unit_test(no_alignment_is_one_of_8),
		cmocka_unit_test(names_tell_the_chain_and_go),
		cmocka_unit_test(a_base_outlives_its_first_derivation),
		cmocka_unit_test(destroying_waits_for_pending_frees),
		cmocka_unit_test(caches_leave_nothing_behind),
		cmocka_unit_test(refusals_pass_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
