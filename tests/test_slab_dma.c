/*
 * dma over slab allocators: what it promises, and the defects of the one that was posted.
 */
#include "tests/test.h"

#include "tests/slab_lab.h"

static struct slab_control room, other_room;

#define alloc_on(cpu) slab_lab_alloc(&sl, cpu, cache, GFP_KERNEL, NUMA_NO_NODE)

static void every_slab_lies_in_the_dma_zone(void **state)
{
	static const char *const chains[] = {"dma:slabifier", "rcu:dma:slabifier",
					     "dma:rcu:slabifier"};
	struct slab_cache *cache;
	struct slab_lab sl;
	void *objects[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		slab_lab_open(&sl, LAB_TWO_NODES, "rcu:page_allocator", chains[i]);
		cache = slab_lab_cache(&sl, &room, "low", 500);
		for (size_t k = 0; k < ARRAY_SIZE(objects); k++) {
			objects[k] = slab_lab_alloc(&sl, (int)(k % 4), cache, GFP_KERNEL, -1);
			assert_int_equal(page_zone(virt_to_page(objects[k]))->type, ZONE_DMA);
		}
		for (size_t k = 0; k < ARRAY_SIZE(objects); k++)
			slab_lab_free(&sl, 0, cache, objects[k]);
		assert_int_equal(slab_cache_destroy(cache), 0);
		slab_lab_close(&sl);
	}
}

/* Posted: the cache was its own base, so create ran twice; its page allocator was leaked. */
static void pages_are_put_with_their_last_cache(void **state)
{
	struct slab_cache *cache,
		parameters = {.objsize = 100, .node = NUMA_NO_NODE, .name = "own"};
	struct page_allocator *own;
	struct slab_lab sl;
	void *object;

	(void)state;
	slab_lab_open(&sl, LAB_NODE, "page_allocator", "dma:slabifier");
	own = unreclaimable_slab(page_allocator_get(sl.lab.pa));
	parameters.page_alloc = own;
	cache = slab_cache_create(sl.sa, &room, &parameters);
	assert_ptr_not_equal(cache->base, cache);
	assert_int_equal(own->refs, 2);
	object = alloc_on(0);
	assert_int_equal(page_zone(virt_to_page(object))->vm_stat[NR_SLAB_UNRECLAIMABLE], 1);
	assert_ptr_equal(slab_cache_create(sl.sa, &other_room, &parameters)->base->page_alloc->base,
			 own);
	slab_cache_destroy((struct slab_cache *)(void *)other_room.room);
	assert_int_equal(own->refs, 2);
	slab_lab_free(&sl, 0, cache, object);
	assert_int_equal(slab_cache_destroy(cache), 0);
	assert_int_equal(own->refs, 1);
	page_allocator_put(own);
	slab_lab_close(&sl);
}

/* A refused cache leaves nothing behind. */
static void a_refused_cache_holds_no_pages(void **state)
{
	struct slab_cache parameters = {
		.objsize = 0x7fffffff, .node = NUMA_NO_NODE, .name = "huge"};
	struct slab_lab sl;
	unsigned int refs;

	(void)state;
	slab_lab_open(&sl, LAB_NODE, "page_allocator", "dma:slabifier");
	refs = sl.lab.pa->refs;
	parameters.page_alloc = sl.lab.pa;
	assert_null(slab_cache_create(sl.sa, &room, &parameters));
	assert_int_equal(sl.lab.pa->refs, refs);
	slab_lab_close(&sl);
}

static void senseless_chains_are_refused_with_a_reason(void **state)
{
	struct slab_lab sl;
	struct err e = {0};

	(void)state;
	slab_lab_open(&sl, LAB_TWO_NODES, "numactl(node=1,flags=GFP_THISNODE):page_allocator",
		      "slabifier");
	assert_null(slab_lab_chain(sl.lab.pa, "dma:slabifier", &e));
	assert_non_null(strstr(e.msg, "no page of 'numactl:page_allocator' can be in ZONE_DMA"));
	slab_lab_close(&sl);
	slab_lab_open(&sl, LAB_NODE, "page_allocator", "slabifier");
	assert_null(slab_lab_chain(sl.lab.pa, "dma:rcu:dma:slabifier", &e));
	assert_non_null(strstr(e.msg, "lie in ZONE_DMA already"));
	slab_lab_close(&sl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_slab_lies_in_the_dma_zone),
		cmocka_unit_test(pages_are_put_with_their_last_cache),
		cmocka_unit_test(a_refused_cache_holds_no_pages),
		cmocka_unit_test(senseless_chains_are_refused_with_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
