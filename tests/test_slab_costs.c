/*
 * slabifier seen from outside: what it asks of the page allocator, which locks it takes, which path
 * an operation took and what it was charged.
 */
#include "tests/test.h"

#include "tests/slab_lab.h"

/* ---- A page layer that remembers what it was asked for ---- */

#define ASKED_MAX 8

static struct asked {
	int order, node;
	gfp_t flags;
} asked[ASKED_MAX];
static unsigned int nr_asked;
static int refuse_order; /* and larger ones; 0: none */

static struct page *recorder_allocate(const struct page_allocator *self, int order, gfp_t flags,
				      int node)
{
	assert_true(nr_asked < ASKED_MAX);
	asked[nr_asked++] = (struct asked){order, node, flags};
	if (refuse_order && order >= refuse_order)
		return NULL;
	return page_alloc(self->base, order, flags, node);
}

static struct allocator_desc recorder_desc;

static struct page_allocator *recorder_instance(struct page_allocator *base, const void *options,
						struct err *e)
{
	struct page_allocator *pa = instance_alloc(sizeof(*pa));

	(void)options, (void)e;
	derive_page_allocator(pa, base, &recorder_desc);
	pa->allocate = recorder_allocate;
	return pa;
}

static struct allocator_desc recorder_desc = {
	.name = "recorder",
	.kind = ALLOC_PAGES,
	.role = ROLE_LAYER,
	.summary = "remembers what it was asked for",
	.create_pages = recorder_instance,
};
ALLOCATOR(recorder_desc)

static char drawn[1024];
static struct slab_control room;

#define alloc_on(cpu) slab_lab_alloc(&sl, cpu, cache, GFP_KERNEL, NUMA_NO_NODE)
#define free_on(cpu, object) slab_lab_free(&sl, cpu, cache, object)

static struct slab_cache *open_cache(struct slab_lab *sl, const char *slab, unsigned int objsize,
				     gfp_t gfp)
{
	struct slab_cache parameters = {.objsize = objsize, .gfp = gfp, .node = -1, .name = "test"};

	nr_asked = 0;
	refuse_order = 0;
	slab_lab_open(sl, LAB_TWO_NODES, "recorder:page_allocator(pcp=off)", slab);
	return slab_cache_create(sl->sa, &room, &parameters);
}

static void close_cache(struct slab_lab *sl, struct slab_cache *cache)
{
	slab_cache_check(cache);
	assert_int_equal(slab_cache_destroy(cache), 0);
	slab_lab_close(sl);
}

/* ---- Pages ---- */

static void the_preferred_order_is_not_fought_for(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, "slabifier", 1000, 0);
	gfp_t flags = GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOFAIL | __GFP_HARDWALL;
	void *a;

	(void)state;
	assert_int_equal(cache->order, 2);
	refuse_order = 1;
	a = slab_lab_alloc(&sl, 0, cache, flags, 1);
	assert_int_equal(nr_asked, 2);
	assert_int_equal(asked[0].order, 2);
	assert_int_equal(asked[0].flags, __GFP_IO | __GFP_FS | __GFP_HARDWALL | __GFP_COMP |
						 __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC);
	assert_int_equal(asked[0].node, 1);
	assert_int_equal(asked[1].order, 0);
	assert_int_equal(asked[1].flags, GFP_KERNEL | __GFP_NOFAIL | __GFP_HARDWALL | __GFP_COMP);
	assert_string_equal(draw_slab(drawn, sizeof(drawn), cache, a), "cpu0 a,,,");
	refuse_order = 0;
	for (int i = 0; i < 4; i++) /* slabs of a cache may differ */
		(void)alloc_on(0);
	assert_int_equal(nr_asked, 3);
	assert_int_equal(asked[2].order, 2);
	slab_cache_check(cache);
	assert_int_equal(slab_cache_destroy(cache), 5);
	slab_allocator_put(sl.sa);
	lab_close(&sl.lab);
}

static void the_fallback_may_hold_a_single_object(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, "slabifier", 4096, 0);
	void *a, *b;

	(void)state;
	a = alloc_on(0);
	assert_string_equal(draw_slab(drawn, sizeof(drawn), cache, a), "cpu0 a,,,,,,,");
	slab_cache_shrink(cache, NULL);
	refuse_order = 1;
	for (int i = 0; i < 7; i++)
		assert_non_null(alloc_on(0));
	b = alloc_on(0);
	assert_string_equal(draw_slab(drawn, sizeof(drawn), cache, b), "none a");
	free_on(1, b);
	assert_string_equal(draw_slab(drawn, sizeof(drawn), cache, b), "gone");
	slab_cache_check(cache);
	for (int i = 0; i < 8; i++)
		free_on(0, (char *)a + i * 4096);
	close_cache(&sl, cache);
}

static void the_caches_flags_are_added(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, "slabifier", 100, __GFP_RECLAIMABLE);

	(void)state;
	free_on(2, alloc_on(2));
	assert_int_equal(asked[0].flags, GFP_KERNEL | __GFP_RECLAIMABLE | __GFP_COMP);
	assert_int_equal(asked[0].node, NUMA_NO_NODE);
	close_cache(&sl, cache);
}

static void a_refused_slab_is_a_refused_object(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, "slabifier", 100, 0);

	(void)state;
	sl.lab.pa->layer->inject.every = 1;
	assert_null(alloc_on(0));
	assert_null(slab_lab_alloc(&sl, 0, cache, GFP_KERNEL, 1));
	assert_int_equal(cache->layer->nr_failed, 2);
	close_cache(&sl, cache);
}

/* ---- Locks ---- */

static u64 acquisitions(const struct slab_lab *sl, const char *name)
{
	const struct lock_class *c;

	list_for_each_entry (c, &sl->lab.m->lock_classes, list)
		if (!strcmp(c->name, name))
			return c->acquisitions;
	return 0;
}

static void locks_only_where_partial_lists_change(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, "slabifier(max_order=0)", 512, 0);
	void *o[16];

	(void)state;
	for (int i = 0; i < 16; i++) /* two new slabs, one becomes full */
		o[i] = alloc_on(0);
	for (int i = 0; i < 16; i++) { /* own, remote, and of a full slab */
		free_on(i % 4, o[i]);
		o[i] = alloc_on(i % 4);
	}
	for (int i = 0; i < 16; i++)
		free_on(0, o[i]);
	assert_int_equal(acquisitions(&sl, "slab->list_lock"), 0);
	slab_cache_shrink(cache, NULL);
	assert_true(acquisitions(&sl, "slab->list_lock") > 0);
	close_cache(&sl, cache);
}

/* ---- Paths and costs ---- */

static u64 cost(enum cost c)
{
	return kernel->cost_ns[c];
}

static u64 fast_cost(void)
{
	return cost(COST_INDIRECT_CALL) + cost(COST_CALL) + cost(COST_THIS_CPU);
}

static void paths_are_told_apart(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, "slabifier(max_order=0)", 512, 0);
	u64 busy_ns;
	void *o[9];

	(void)state;
	o[0] = alloc_on(0);
	assert_int_equal(kernel->path, PATH_NEW_SLAB);
	busy_ns = sl.lab.m->cpus[0].busy_ns;
	o[1] = alloc_on(0);
	assert_int_equal(kernel->path, PATH_FAST);
	assert_int_equal(sl.lab.m->cpus[0].busy_ns - busy_ns, fast_cost());
	busy_ns = sl.lab.m->cpus[0].busy_ns;
	free_on(0, o[1]);
	assert_int_equal(kernel->path, PATH_FAST);
	assert_int_equal(sl.lab.m->cpus[0].busy_ns - busy_ns, fast_cost());
	for (int i = 1; i < 8; i++)
		o[i] = alloc_on(0);
	busy_ns = sl.lab.m->cpus[2].busy_ns;
	free_on(2, o[7]); /* of another node, last touched by CPU 0 */
	assert_int_equal(kernel->path, PATH_SLOW);
	assert_int_equal(sl.lab.m->cpus[2].busy_ns - busy_ns,
			 fast_cost() + cost(COST_ATOMIC) + cost(COST_LINE_FOREIGN));
	o[7] = alloc_on(0);
	assert_int_equal(kernel->path, PATH_SLOW);
	for (int i = 0; i < 8; i++)
		free_on(0, o[i]);
	close_cache(&sl, cache);
}

static void zeroing_costs_in_proportion(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, "slabifier", 2048, 0);
	u64 busy_ns;
	void *a;

	(void)state;
	free_on(0, alloc_on(0));
	busy_ns = sl.lab.m->cpus[0].busy_ns;
	a = slab_lab_alloc(&sl, 0, cache, GFP_KERNEL | __GFP_ZERO, -1);
	assert_int_equal(sl.lab.m->cpus[0].busy_ns - busy_ns,
			 fast_cost() + cost(COST_ZERO_PAGE) / 2);
	free_on(0, a);
	close_cache(&sl, cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_preferred_order_is_not_fought_for),
		cmocka_unit_test(the_fallback_may_hold_a_single_object),
		cmocka_unit_test(the_caches_flags_are_added),
		cmocka_unit_test(a_refused_slab_is_a_refused_object),
		cmocka_unit_test(locks_only_where_partial_lists_change),
		cmocka_unit_test(paths_are_told_apart),
		cmocka_unit_test(zeroing_costs_in_proportion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
