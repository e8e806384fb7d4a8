/*
 * queued_slab: arrays, lists and the reaper, drawn before and after (see queued_lab.h).
 */
#include "tests/test.h"

#include <stdio.h>

#include "lib/units.h"
#include "tests/queued_lab.h"

static struct slab_control room;

/* ---- Arrays ---- */

/* Objects of 512 B: 8 a slab. */
static void a_cpu_takes_and_gives_batches(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = queued_lab_open(&sl, LAB_NODE, QUEUED_SMALL, 512);
	void *o[10];

	(void)state;
	assert_queues("0 0 | 0 0 0.0.0");
	o[0] = alloc_on(0);
	assert_queues("1 0 | 0 0 0.1.0");
	o[1] = alloc_on(0);
	assert_queues("0 0 | 0 0 0.1.0");
	for (int i = 2; i < 7; i++)
		o[i] = alloc_on(0);
	assert_queues("1 0 | 0 0 1.0.0");
	for (int i = 0; i < 3; i++)
		free_on(0, o[i]);
	assert_queues("4 0 | 0 0 1.0.0");
	free_on(0, o[3]); /* full: the oldest two go to the shared array */
	assert_queues("3 0 | 2 0 1.0.0");
	free_on(0, o[4]);
	free_on(0, o[5]); /* full again, and no room there: to the slab */
	assert_queues("3 0 | 2 0 0.1.0");
	free_on(0, o[6]);
	assert_queues("4 0 | 2 0 0.1.0");
	queued_lab_close(&sl, cache);
}

static void the_object_freed_last_comes_first(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = queued_lab_open(&sl, LAB_NODE, QUEUED_SMALL, 512);
	void *a = alloc_on(0), *b = alloc_on(0), *c = alloc_on(0);

	(void)state;
	free_on(0, b);
	free_on(0, a);
	assert_ptr_equal(alloc_on(0), a);
	assert_ptr_equal(alloc_on(0), b);
	free_on(0, a);
	free_on(0, b);
	free_on(0, c);
	queued_lab_close(&sl, cache);
}

/* One CPU allocates, the other frees: objects pass without a slab being touched. */
static void the_shared_array_passes_objects_on(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = queued_lab_open(&sl, LAB_NODE, QUEUED_SMALL, 512);
	void *o[8], *first, *second;

	(void)state;
	for (int i = 0; i < 8; i++)
		o[i] = alloc_on(0);
	assert_queues("0 0 | 0 0 1.0.0");
	for (int i = 0; i < 5; i++)
		free_on(1, o[i]);
	assert_queues("0 3 | 2 0 1.0.0");
	first = alloc_on(0);
	second = alloc_on(0);
	assert_queues("0 3 | 0 0 1.0.0");
	assert_ptr_equal(first, o[1]); /* the last of the batch o[0], o[1] */
	assert_ptr_equal(second, o[0]);
	for (int i = 5; i < 8; i++)
		free_on(0, o[i]);
	free_on(0, first);
	free_on(0, second);
	queued_lab_close(&sl, cache);
}

/* Two nodes: alien arrays of at most 12, here 4. */
static void aliens_gather_and_go_home(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = queued_lab_open(&sl, LAB_TWO_NODES, QUEUED_SMALL, 512);
	void *o[8];

	(void)state;
	for (int i = 0; i < 8; i++)
		o[i] = alloc_on(0);
	assert_queues("0 0 0 0 | 0 0 1.0.0 | 0 0 0.0.0");
	for (int i = 0; i < 4; i++)
		free_on(2, o[i]);
	assert_queues("0 0 0 0 | 0 0 1.0.0 | 0 4 0.0.0");
	free_on(3, o[4]); /* full: two fit the shared array at home, two go to their slab */
	assert_queues("0 0 0 0 | 2 0 0.1.0 | 0 1 0.0.0");
	for (int i = 5; i < 8; i++)
		free_on(1, o[i]);
	assert_queues("0 3 0 0 | 2 0 0.1.0 | 0 1 0.0.0");
	queued_lab_close(&sl, cache);
}

static void without_alien_arrays_each_goes_home(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = queued_lab_open(
		&sl, LAB_TWO_NODES, "queued_slab(limit=4,shared=0,alien=off,reap=0s)", 512);
	void *a = alloc_on(0), *b = alloc_on(0);

	(void)state;
	assert_null(to_queued(cache)->nodes[1].aliens);
	assert_queues("0 0 0 0 | 0 0 0.1.0 | 0 0 0.0.0");
	free_on(2, a);
	assert_queues("0 0 0 0 | 0 0 0.1.0 | 0 0 0.0.0");
	free_on(2, b);
	assert_queues("0 0 0 0 | 0 0 0.0.1 | 0 0 0.0.0");
	queued_lab_close(&sl, cache);
}

/* An array that was hardly used is refilled with 16, one that was used with half its limit. */
static void refills_depend_on_use(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = queued_lab_open(
		&sl, LAB_NODE, "queued_slab(limit=100,shared=0,index=short,reap=0s)", 16);
	void *o[100];

	(void)state;
	o[0] = alloc_on(0);
	assert_queues("15 0 | 0 0 0.1.0");
	for (int i = 1; i < 17; i++)
		o[i] = alloc_on(0);
	assert_queues("49 0 | 0 0 0.1.0");
	for (int i = 0; i < 17; i++)
		free_on(0, o[i]);
	queued_lab_close(&sl, cache);
}

/* ---- Nodes ---- */

static void a_node_is_asked_for(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = queued_lab_open(&sl, LAB_TWO_NODES, QUEUED_SMALL, 512);
	void *far = alloc_from(0, 1), *near = alloc_from(0, 0);

	(void)state;
	assert_int_equal(page_to_nid(virt_to_page(far)), 1);
	assert_int_equal(page_to_nid(virt_to_page(near)), 0);
	assert_queues("1 0 0 0 | 0 0 0.1.0 | 0 0 0.1.0"); /* the far one came from the lists */
	free_on(0, far);
	free_on(0, near);
	assert_queues("2 0 0 0 | 0 1 0.1.0 | 0 0 0.1.0");
	queued_lab_close(&sl, cache);
}

/* Uses up the pages of node 0. */
static u64 exhaust(struct slab_lab *sl, struct page **pages)
{
	u64 n = 0;

	while ((pages[n] = lab_alloc(&sl->lab, 0, 0, GFP_NOWAIT | __GFP_THISNODE, 0)))
		n++;
	return n;
}

static void other_nodes_help_out(void **state)
{
	static struct page *pages[8192];
	struct slab_lab sl;
	struct slab_cache *cache = queued_lab_open(&sl, LAB_TWO_NODES, QUEUED_SMALL, 512);
	u64 n = exhaust(&sl, pages);
	void *a, *b;

	(void)state;
	assert_null(alloc_from(0, 0));
	a = alloc_on(0);
	assert_int_equal(page_to_nid(virt_to_page(a)), 1);
	assert_queues("0 0 0 0 | 0 0 0.0.0 | 0 0 0.1.0"); /* no foreign object in an array */
	b = alloc_on(0);
	assert_int_equal(page_to_nid(virt_to_page(b)), 1);
	assert_queues("0 0 0 0 | 0 0 0.0.0 | 0 0 0.1.0");
	free_on(0, a);
	free_on(0, b);
	assert_queues("0 0 0 0 | 0 2 0.0.0 | 0 0 0.1.0");
	while (n--)
		lab_free(&sl.lab, 0, pages[n], 0);
	queued_lab_close(&sl, cache);
}

/* Whatever is asked for, pages come from node 1: its lists serve both, and slabs are shared. */
static void a_layer_may_force_the_node(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache;
	void *o[16];

	(void)state;
	slab_lab_open(&sl, LAB_TWO_NODES, "numactl(node=1):page_allocator(pcp=off)", QUEUED_SMALL);
	cache = slab_lab_cache(&sl, &room, "test", 512);
	for (int i = 0; i < 16; i++)
		o[i] = alloc_on(i % 4);
	assert_int_equal(to_queued(cache)->nodes[0].serving, 1);
	assert_queues("0 0 0 0 | 0 0 0.0.0 | 0 0 2.0.0");
	for (int i = 0; i < 16; i++)
		free_on(i % 4, o[i]);
	assert_queues("4 4 4 4 | 0 0 0.0.0 | 0 0 2.0.0"); /* nothing is alien */
	queued_lab_close(&sl, cache);
}

static void a_node_without_memory_uses_the_nearest(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache =
		queued_lab_open(&sl,
				"  - {memory: 16MiB, cpus: 0-1, distance: [10, 20, 30]}\n"
				"  - {memory: 0B, cpus: 2, distance: [20, 10, 15]}\n"
				"  - {memory: 16MiB, cpus: 3, distance: [30, 15, 10]}\n",
				QUEUED_SMALL, 512);
	void *a = alloc_on(2), *b = alloc_from(2, 2);

	(void)state;
	assert_int_equal(page_to_nid(virt_to_page(a)), 2);
	assert_queues("0 0 0 0 | 0 0 0.0.0 | 0 0 0.0.0 | 0 0 0.1.0");
	assert_null(alloc_from(2, 1));
	free_on(2, a);
	free_on(2, b);
	assert_queues("0 0 2 0 | 0 0 0.0.0 | 0 0 0.0.0 | 0 0 0.1.0");
	queued_lab_close(&sl, cache);
}

/* ---- The reaper ---- */

#define REAPED "queued_slab(limit=10,shared=0)" /* a fifth is 2; every 2 s */

/* CPU 0 looks at 1 s, 3 s, 5 s, ... */
static void what_is_unused_goes_back_by_fifths(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = queued_lab_open(&sl, LAB_NODE, REAPED, 512);
	void *o[8];

	(void)state;
	for (int i = 0; i < 8; i++)
		o[i] = alloc_on(0);
	for (int i = 0; i < 8; i++)
		free_on(0, o[i]);
	assert_queues("8 0 | 0 0 1.0.0");
	machine_advance(sl.lab.m, 1500 * NSEC_PER_MSEC); /* used since the last look */
	assert_queues("8 0 | 0 0 1.0.0");
	machine_advance(sl.lab.m, 3500 * NSEC_PER_MSEC);
	assert_queues("6 0 | 0 0 0.1.0");
	machine_advance(sl.lab.m, 5500 * NSEC_PER_MSEC);
	assert_queues("4 0 | 0 0 0.1.0");
	free_on(0, alloc_on(0)); /* in use again */
	machine_advance(sl.lab.m, 7500 * NSEC_PER_MSEC);
	assert_queues("4 0 | 0 0 0.1.0");
	machine_advance(sl.lab.m, 9500 * NSEC_PER_MSEC);
	assert_queues("2 0 | 0 0 0.1.0");
	machine_advance(sl.lab.m, 60 * NSEC_PER_SEC);
	assert_queues("0 0 | 0 0 0.0.0"); /* also the free slabs */
	queued_lab_close(&sl, cache);
}

static void a_quiet_machine_is_not_quiet(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = queued_lab_open(&sl, LAB_TWO_NODES, "queued_slab", 512);
	u64 runs;

	(void)state;
	machine_advance(sl.lab.m, 30 * NSEC_PER_SEC);
	machine_count_anew(sl.lab.m);
	machine_advance(sl.lab.m, 90 * NSEC_PER_SEC);
	runs = sl.lab.m->works.runs;
	assert_int_equal(runs, 4 * 60 / 2); /* CPUs * seconds / 2 */
	assert_int_equal(sl.lab.m->works.idle_runs, runs);
	assert_int_equal(sl.lab.m->events.nr, 4);
	assert_int_equal(slab_cache_destroy(cache), 0);
	assert_int_equal(sl.lab.m->events.nr, 0); /* no cache, no reaper */
	slab_lab_close(&sl);
}

static void reap_0s_is_no_reaper(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = queued_lab_open(&sl, LAB_NODE, QUEUED_SMALL, 512);

	(void)state;
	assert_int_equal(sl.lab.m->events.nr, 0);
	queued_lab_close(&sl, cache);
}

static void aliens_are_reaped_node_after_node(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache =
		queued_lab_open(&sl, LAB_TWO_NODES, "queued_slab(limit=4,shared=0)", 512);
	void *a = alloc_on(0);

	(void)state;
	free_on(2, a);
	assert_int_equal(queued_nr_aliens(&to_queued(cache)->nodes[1]), 1);
	machine_advance(sl.lab.m, 5 * NSEC_PER_SEC); /* two nodes: within two looks */
	assert_int_equal(queued_nr_aliens(&to_queued(cache)->nodes[1]), 0);
	queued_lab_close(&sl, cache);
}

/* The work of one look grows with the caches. */
static u64 scan_ns(unsigned int nr_caches)
{
	static struct slab_control rooms[64];
	struct slab_cache *caches[64];
	struct slab_lab sl;
	u64 ns;

	slab_lab_open(&sl, LAB_NODE, "page_allocator", "queued_slab");
	for (unsigned int i = 0; i < nr_caches; i++) {
		char name[16];

		snprintf(name, sizeof(name), "cache-%u", i);
		caches[i] = slab_lab_cache(&sl, &rooms[i], name, 512);
	}
	machine_advance(sl.lab.m, 10 * NSEC_PER_SEC);
	machine_count_anew(sl.lab.m);
	machine_advance(sl.lab.m, 12 * NSEC_PER_SEC);
	assert_int_equal(sl.lab.m->works.runs, 2);
	ns = sl.lab.m->works.ns / 2;
	for (unsigned int i = 0; i < nr_caches; i++)
		assert_int_equal(slab_cache_destroy(caches[i]), 0);
	slab_lab_close(&sl);
	return ns;
}

static void a_look_takes_as_long_as_there_are_caches(void **state)
{
	u64 at_8 = scan_ns(8), at_16 = scan_ns(16), at_64 = scan_ns(64);

	(void)state;
	assert_true(at_16 > at_8);
	assert_int_equal((at_64 - at_16) / 48, (at_16 - at_8) / 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cpu_takes_and_gives_batches),
		cmocka_unit_test(the_object_freed_last_comes_first),
		cmocka_unit_test(the_shared_array_passes_objects_on),
		cmocka_unit_test(aliens_gather_and_go_home),
		cmocka_unit_test(without_alien_arrays_each_goes_home),
		cmocka_unit_test(refills_depend_on_use),
		cmocka_unit_test(a_node_is_asked_for),
		cmocka_unit_test(other_nodes_help_out),
		cmocka_unit_test(a_layer_may_force_the_node),
		cmocka_unit_test(a_node_without_memory_uses_the_nearest),
		cmocka_unit_test(what_is_unused_goes_back_by_fifths),
		cmocka_unit_test(a_quiet_machine_is_not_quiet),
		cmocka_unit_test(reap_0s_is_no_reaper),
		cmocka_unit_test(aliens_are_reaped_node_after_node),
		cmocka_unit_test(a_look_takes_as_long_as_there_are_caches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
