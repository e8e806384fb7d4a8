/*
 * numa over slab allocators: where objects lie, and what comes back.
 *
 * A drawing names the node of each object: "0 0 1 -" for four, of which the last was refused.
 */
#include "tests/test.h"

#include <stdio.h>

#include "alloc/slabulator.h"
#include "tests/slab_lab.h"

/* Nodes 0 and 1 with memory, node 2 with a CPU only, nearer to 1. */
#define NODES                                                                                      \
	"  - {memory: 16MiB, cpus: 0-1, distance: [10, 20, 30]}\n"                                 \
	"  - {memory: 16MiB, cpus: 2-3, distance: [20, 10, 20]}\n"                                 \
	"  - {memory: 0B, cpus: 4, distance: [30, 20, 10]}\n"
#define NR 64

static struct slab_control room;
static struct slab_lab sl;
static struct slab_cache *cache;
static void *objects[NR];
static int nr;

static void open_on(const char *pages, const char *slab)
{
	slab_lab_open(&sl, NODES, pages, slab);
	cache = slab_lab_cache(&sl, &room, "test", 1000);
	assert_non_null(cache);
	nr = 0;
}

static void free_all(void)
{
	for (int i = 0; i < nr; i++)
		if (objects[i])
			slab_lab_free(&sl, i % 5, cache, objects[i]);
	nr = 0;
}

static void close_all(void)
{
	free_all();
	slab_cache_check(cache);
	assert_int_equal(slab_cache_destroy(cache), 0);
	slab_lab_close(&sl);
}

static void alloc_on(int cpu, gfp_t flags, int node)
{
	objects[nr++] = slab_lab_alloc(&sl, cpu, cache, flags, node);
}

static const char *drawn(void)
{
	static char text[4 * NR];
	size_t at = 0;

	for (int i = 0; i < nr; i++) {
		char node = '-';

		if (objects[i])
			node = (char)('0' + page_to_nid(virt_to_page(objects[i])));
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%c", i ? " " : "", node);
	}
	return text;
}

static void objects_lie_on_the_node_asked_for(void **state)
{
	(void)state;
	open_on("page_allocator", "numa:slabifier");
	for (int cpu = 0; cpu < 5; cpu++)
		alloc_on(cpu, GFP_KERNEL, NUMA_NO_NODE);
	assert_string_equal(drawn(), "0 0 1 1 1");
	free_all();
	for (int cpu = 0; cpu < 5; cpu++)
		alloc_on(cpu, GFP_KERNEL, 1 - cpu % 2);
	assert_string_equal(drawn(), "1 0 1 0 1");
	close_all();
}

/* By distance; but who insists on a node without memory gets nothing. */
static void nodes_without_memory_are_served_by_the_nearest(void **state)
{
	(void)state;
	open_on("page_allocator", "numa:slabifier");
	alloc_on(0, GFP_KERNEL, 2);
	alloc_on(2, GFP_KERNEL, 0);
	alloc_on(4, GFP_KERNEL, NUMA_NO_NODE);
	alloc_on(4, GFP_KERNEL | __GFP_THISNODE, NUMA_NO_NODE);
	alloc_on(0, GFP_KERNEL | __GFP_THISNODE, 2);
	alloc_on(4, GFP_KERNEL | __GFP_THISNODE, 0);
	assert_string_equal(drawn(), "1 0 1 - - 0");
	assert_int_equal(cache->layer->nr_failed, 2);
	close_all();
}

/* Takes all pages of a node; returns their number. They are chained by mapping. */
static struct page *fill_node(int node)
{
	struct page *first = NULL, *page;

	while ((page = lab_alloc(&sl.lab, 0, 0, GFP_ATOMIC | __GFP_THISNODE | __GFP_MEMALLOC,
				 node))) {
		page->mapping = first;
		first = page;
	}
	return first;
}

static void empty_node(struct page *page)
{
	while (page) {
		struct page *next = page->mapping;

		page->mapping = NULL;
		lab_free(&sl.lab, 0, page, 0);
		page = next;
	}
}

static void a_full_node_is_helped_out_unless_it_must_not(void **state)
{
	struct page *others;

	(void)state;
	open_on("page_allocator(watermarks=off)", "numa:slabifier(max_order=0)");
	others = fill_node(0);
	assert_non_null(others);
	alloc_on(0, GFP_KERNEL, NUMA_NO_NODE);
	alloc_on(1, GFP_KERNEL, 0);
	alloc_on(0, GFP_KERNEL | __GFP_THISNODE, 0);
	alloc_on(2, GFP_KERNEL, 1);
	assert_string_equal(drawn(), "1 1 - 1");
	empty_node(others);
	alloc_on(0, GFP_KERNEL, NUMA_NO_NODE);
	assert_string_equal(drawn(), "1 1 - 1 0");
	close_all();
}

/* From whatever CPU, by kfree too; what is no object in use is reported once and left out. */
static void frees_go_to_the_slab_they_came_from(void **state)
{
	struct slab_counts counts;

	(void)state;
	open_on("page_allocator", "numa:forward:slabifier");
	for (int i = 0; i < 8; i++)
		alloc_on(i % 4, GFP_KERNEL, NUMA_NO_NODE);
	assert_string_equal(drawn(), "0 0 1 1 0 0 1 1");
	slab_cache_counts(cache, &counts);
	assert_int_equal(counts.total, 4); /* a slab for each CPU */
	machine_enter(sl.lab.m, 4, sl.lab.m->now_ns);
	slab_free_object(virt_to_head_page(objects[2]), objects[2]);
	slab_free(cache, objects[4]);
	assert_int_equal(sl.lab.nr_events, 0);
	slab_free(cache, objects[4]);
	assert_says(sl.lab.event, "double_free");
	slab_free(cache, (char *)objects[0] + 8);
	assert_says(sl.lab.event, "invalid_pointer");
	slab_free(cache, &sl);
	assert_says(sl.lab.event, "invalid_pointer");
	assert_int_equal(sl.lab.nr_events, 3);
	machine_leave(sl.lab.m, kernel->clock_ns);
	objects[2] = objects[4] = NULL;
	for (const struct slab_allocator *sa = sl.sa; sa; sa = sa->base)
		assert_int_equal(sa->layer->live_objs, 6);
	close_all();
}

static int move(struct slab_cache *c, void *object)
{
	for (int i = 0; i < nr; i++)
		if (objects[i] == object)
			objects[i] = slab_alloc(c, GFP_KERNEL);
	return 1;
}

/* Every fourth object of both nodes stays: of sixteen slabs four do, two on each node. */
static void what_a_shrink_moves_stays_on_its_node(void **state)
{
	static const char *const chains[] = {
		"numa:slabifier(max_order=0,cpu_partial=0)",
		"forward:numa:forward:slabifier(max_order=0,cpu_partial=0)",
		"rcu:numa:slabifier(max_order=0,cpu_partial=0)"};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(chains); k++) {
		struct slab_counts counts;

		open_on("page_allocator", chains[k]);
		for (int i = 0; i < NR; i++)
			alloc_on(0, GFP_KERNEL, i % 2);
		for (int i = 0; i < NR; i++) {
			if (i / 2 % 4 == 1)
				continue;
			slab_lab_free(&sl, 0, cache, objects[i]);
			objects[i] = NULL;
		}
		machine_advance(sl.lab.m, sl.lab.m->now_ns + 100000000);
		machine_enter(sl.lab.m, 0, sl.lab.m->now_ns);
		slab_cache_shrink(cache, move);
		machine_leave(sl.lab.m, kernel->clock_ns);
		machine_advance(sl.lab.m, sl.lab.m->now_ns + 100000000);
		slab_cache_shrink(cache, NULL);
		for (int i = 0; i < NR; i++)
			if (objects[i])
				assert_int_equal(page_to_nid(virt_to_page(objects[i])), i % 2);
		slab_cache_counts(cache, &counts);
		if (counts.total != 4)
			fail_msg("%s: %llu slabs", chains[k], (unsigned long long)counts.total);
		close_all();
	}
}

/* The leaked slab stays, and the base under it; the other node's go. A late free is refused. */
static void a_leak_keeps_its_node_only(void **state)
{
	unsigned int refs, events;
	void *leaked;

	(void)state;
	open_on("page_allocator", "forward:numa:forward:slabifier(max_order=0)");
	refs = sl.lab.pa->refs;
	alloc_on(0, GFP_KERNEL, 0);
	alloc_on(0, GFP_KERNEL, 1);
	slab_lab_free(&sl, 0, cache, objects[0]);
	leaked = objects[1];
	assert_int_equal(slab_cache_destroy(cache), 1);
	assert_says(sl.lab.event, "leak: cache test: 1 objects still in use");
	assert_int_equal(sl.lab.pa->refs, refs);
	page_allocator_drain(sl.lab.pa);
	assert_int_equal(lab_free_pages(&sl.lab), sl.free_pages - 1);
	events = sl.lab.nr_events;
	slab_lab_free(&sl, 3, cache, leaked);
	assert_int_equal(sl.lab.nr_events, events + 1);
	assert_says(sl.lab.event, "invalid_pointer");
	sl.free_pages--; /* on purpose */
	slab_allocator_put(sl.sa);
	lab_settle(&sl.lab);
	assert_int_equal(lab_free_pages(&sl.lab), sl.free_pages);
	page_allocator_check(sl.lab.pa);
	lab_close(&sl.lab);
}

static void it_stands_on_and_under_others(void **state)
{
	static const char *const chains[] = {
		"rcu:numa:slabifier",
		"numa:rcu:slabifier",
		"debug:numa:slabifier",
		"numa:debug:slabifier",
		"caching:numa:slabifier",
		"numa:caching:slabifier",
		"rcu:numa:debug:slabifier",
		"rcu:caching:debug:numa:forward:slabifier",
		"numa:slob",
		"dma:numa:slabifier",
		"numa:dma:slabifier",
		"rcu:dma:numa:slabifier",
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(chains); k++) {
		open_on("rcu:page_allocator", chains[k]);
		for (int i = 0; i < NR; i++)
			alloc_on(i % 5, GFP_KERNEL | __GFP_ZERO, i % 3 - 1);
		for (int i = 0; i < NR; i++) {
			struct page *page = virt_to_page(objects[i]);

			slab_object_check(cache, objects[i]);
			memset(objects[i], i, cache->objsize);
			if (strstr(chains[k], "dma"))
				assert_int_equal(page_zone(page)->type, ZONE_DMA);
			else if (i % 3)
				assert_int_equal(page_to_nid(page), i % 3 - 1);
		}
		slab_cache_check(cache);
		close_all();
	}
}

/* A name whose objects are larger than those it shares slabs with gets all of them, on every node. */
static void merged_names_reach_every_node(void **state)
{
	static struct slabulator su;
	struct kmem_cache *small, *large;

	(void)state;
	slab_lab_open(&sl, NODES, "page_allocator", "numa:slabifier");
	slabulator_init(&su, sl.sa, sl.lab.pa);
	su.merge = true;
	small = kmem_cache_create(&su, "small", 97, 0, 0, NULL, NULL);
	large = kmem_cache_create(&su, "large", 104, 0, 0, NULL, NULL);
	assert_ptr_equal(small->cache, large->cache);
	for (int node = 0; node < 2; node++) {
		unsigned char *object = kmem_cache_alloc_node(large, GFP_KERNEL, node);

		memset(object, 0xff, 104);
		kmem_cache_free(large, object);
		object = kmem_cache_alloc_node(large, GFP_KERNEL | __GFP_ZERO, node);
		assert_int_equal(page_to_nid(virt_to_page(object)), node);
		for (int i = 0; i < 104; i++)
			assert_int_equal(object[i], 0);
		kmem_cache_free(large, object);
	}
	kmem_cache_destroy(small);
	kmem_cache_destroy(large);
	assert_int_equal(slabulator_destroy(&su), 0);
	slab_lab_close(&sl);
}

/* Pages of the cache's own, as the slabulator derives them. */
static void pages_are_put_with_their_last_cache(void **state)
{
	struct slab_cache parameters = {.objsize = 100, .node = NUMA_NO_NODE, .name = "own"};
	struct page_allocator *own;

	(void)state;
	slab_lab_open(&sl, NODES, "page_allocator", "numa:slabifier");
	own = unreclaimable_slab(page_allocator_get(sl.lab.pa));
	parameters.page_alloc = own;
	cache = slab_cache_create(sl.sa, &room, &parameters);
	assert_int_equal(own->refs, 3); /* one for each node with memory */
	nr = 0;
	alloc_on(4, GFP_KERNEL, NUMA_NO_NODE);
	assert_int_equal(page_zone(virt_to_page(objects[0]))->vm_stat[NR_SLAB_UNRECLAIMABLE], 1);
	free_all();
	assert_int_equal(slab_cache_destroy(cache), 0);
	assert_int_equal(own->refs, 1);
	parameters.objsize = 0x7fffffff;
	assert_null(slab_cache_create(sl.sa, &room, &parameters));
	parameters.objsize = SLAB_OBJECT_MAX;
	parameters.align = SLAB_OBJECT_MAX;
	cache = slab_cache_create(sl.sa, &room, &parameters);
	if (cache)
		slab_cache_destroy(cache);
	assert_int_equal(own->refs, 1);
	page_allocator_put(own);
	slab_lab_close(&sl);
}

static void refused(const char *pages, const char *slab, const char *reason)
{
	struct err e = {""};

	slab_lab_open(&sl, NODES, pages, "slabifier");
	assert_null(slab_lab_chain(sl.lab.pa, slab, &e));
	assert_says(e.msg, reason);
	slab_lab_close(&sl);
}

static void senseless_orders_are_refused_with_the_reason(void **state)
{
	(void)state;
	refused("page_allocator", "numa:numa:slabifier", "has slabs for each node already");
	refused("page_allocator", "numa:rcu:numa:slabifier", "has slabs for each node already");
	refused("numactl(node=1):page_allocator", "numa:slabifier", "are asked of node 1");
	refused("rcu:numactl(node=0,flags=GFP_THISNODE):page_allocator", "caching:numa:slabifier",
		"are asked of node 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_lie_on_the_node_asked_for),
		cmocka_unit_test(nodes_without_memory_are_served_by_the_nearest),
		cmocka_unit_test(a_full_node_is_helped_out_unless_it_must_not),
		cmocka_unit_test(frees_go_to_the_slab_they_came_from),
		cmocka_unit_test(what_a_shrink_moves_stays_on_its_node),
		cmocka_unit_test(a_leak_keeps_its_node_only),
		cmocka_unit_test(it_stands_on_and_under_others),
		cmocka_unit_test(pages_are_put_with_their_last_cache),
		cmocka_unit_test(merged_names_reach_every_node),
		cmocka_unit_test(senseless_orders_are_refused_with_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
