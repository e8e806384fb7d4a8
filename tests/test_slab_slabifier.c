/*
 * slabifier: its promises one by one, with slabs drawn before and after.
 */
#include "tests/test.h"

#include <stdio.h>

#include "tests/slab_lab.h"

static char drawn[1024];
static struct slab_control room;

#define assert_slab(object, drawing)                                                               \
	assert_string_equal(draw_slab(drawn, sizeof(drawn), cache, object), drawing)

/* Slabs of one page, eight objects of 512 bytes. */
#define EIGHT "slabifier(max_order=0)"

static struct slab_cache *open_cache(struct slab_lab *sl, const char *nodes, const char *slab,
				     unsigned int objsize)
{
	struct slab_cache *cache;

	slab_lab_open(sl, nodes, "page_allocator(pcp=off)", slab);
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

#define alloc_on(cpu) slab_lab_alloc(&sl, cpu, cache, GFP_KERNEL, NUMA_NO_NODE)
#define alloc_on_node(cpu, node) slab_lab_alloc(&sl, cpu, cache, GFP_KERNEL, node)
#define free_on(cpu, object) slab_lab_free(&sl, cpu, cache, object)

static void the_list_is_in_the_objects(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_NODE, EIGHT, 512);
	void *a, *b, *c;

	(void)state;
	a = alloc_on(0);
	assert_slab(a, "cpu0 a,,,,,,,");
	b = alloc_on(0);
	c = alloc_on(0);
	assert_ptr_equal((char *)a + 512, b);
	assert_slab(a, "cpu0 aaa,,,,,");
	free_on(0, b);
	assert_slab(a, "cpu0 a,a,,,,,");
	assert_ptr_equal(alloc_on(0), b); /* last in, first out */
	slab_cache_check(cache);
	free_on(0, a);
	free_on(0, b);
	free_on(0, c);
	assert_slab(a, "cpu0 ,,,,,,,,");
	close_cache(&sl, cache);
}

static void remote_frees_go_to_the_slab(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_NODE, EIGHT, 512);
	void *o[9];

	(void)state;
	for (int i = 0; i < 8; i++)
		o[i] = alloc_on(0);
	assert_slab(o[0], "cpu0 aaaaaaaa");
	free_on(1, o[2]);
	free_on(1, o[5]);
	assert_slab(o[0], "cpu0 aa.aa.aa");
	slab_cache_check(cache);
	assert_ptr_equal(alloc_on(0), o[5]); /* takes the whole list over */
	assert_slab(o[0], "cpu0 aa,aaaaa");
	assert_ptr_equal(alloc_on(0), o[2]);
	o[8] = alloc_on(0);
	assert_slab(o[0], "none aaaaaaaa"); /* full slabs are on no list */
	assert_slab(o[8], "cpu0 a,,,,,,,");
	slab_cache_check(cache);
	free_on(1, o[7]); /* whoever frees first keeps it */
	assert_slab(o[0], "cpu1+ aaaaaaa.");
	assert_ptr_equal(alloc_on(1), o[7]);
	assert_slab(o[0], "cpu1 aaaaaaaa");
	for (int i = 0; i < 9; i++)
		free_on(0, o[i]);
	close_cache(&sl, cache);
}

static void without_cpu_partial_slabs_go_to_the_node(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(
		&sl, LAB_NODE, "slabifier(max_order=0,cpu_partial=0,min_partial=0)", 512);
	void *o[16];

	(void)state;
	for (int i = 0; i < 16; i++)
		o[i] = alloc_on(0);
	free_on(1, o[1]);
	assert_slab(o[0], "node0 a.aaaaaa");
	for (int i = 0; i < 8; i++)
		if (i != 1)
			free_on(1, o[i]);
	assert_slab(o[0], "gone"); /* empty, and none need be kept */
	for (int i = 8; i < 16; i++)
		free_on(1, o[i]);
	assert_slab(o[8], "cpu0 ........");
	close_cache(&sl, cache);
}

static void min_partial_empty_slabs_are_kept(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(
		&sl, LAB_NODE, "slabifier(max_order=0,cpu_partial=0,min_partial=3)", 512);
	struct slab_counts counts;
	void *o[40];

	(void)state;
	for (int i = 0; i < 40; i++)
		o[i] = alloc_on(0);
	for (int i = 0; i < 32; i++)
		free_on(1, o[i]);
	assert_slab(o[0], "node0 ........");
	assert_slab(o[8], "node0 ........");
	assert_slab(o[16], "gone");
	assert_slab(o[24], "gone");
	slab_cache_counts(cache, &counts);
	assert_int_equal(counts.total, 3);
	assert_int_equal(counts.partial, 2);
	assert_int_equal(counts.active, 1);
	assert_int_equal(counts.objs_total, 24);
	assert_int_equal(counts.objs_active, 8);
	for (int i = 32; i < 40; i++)
		free_on(1, o[i]);
	close_cache(&sl, cache);
}

/* The CPU's partial list is drained as a whole when it would grow beyond its limit. */
static void cpu_partial_lists_are_limited(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache =
		open_cache(&sl, LAB_NODE, "slabifier(max_order=0,cpu_partial=8)", 512);
	void *o[32];

	(void)state;
	assert_int_equal(to_slabifier(cache)->cpu_partial_slabs, 2);
	for (int i = 0; i < 32; i++)
		o[i] = alloc_on(0);
	free_on(1, o[0]);
	free_on(1, o[8]);
	assert_slab(o[0], "cpu1+ .aaaaaaa");
	assert_slab(o[8], "cpu1+ .aaaaaaa");
	free_on(1, o[16]);
	assert_slab(o[0], "node0 .aaaaaaa");
	assert_slab(o[8], "node0 .aaaaaaa");
	assert_slab(o[16], "cpu1+ .aaaaaaa");
	slab_cache_check(cache);
	for (int i = 0; i < 32; i++)
		if (i % 8 || i == 24)
			free_on(1, o[i]);
	close_cache(&sl, cache);
}

static void single_objects_bypass_lists(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_NODE, EIGHT, 3000);
	void *a, *b;

	(void)state;
	a = alloc_on(0);
	b = alloc_on(0);
	assert_slab(a, "none a");
	assert_slab(b, "none a");
	free_on(0, a);
	assert_slab(a, "gone");
	assert_slab(b, "none a");
	free_on(0, a);
	assert_says(sl.lab.event, "double_free: cache test");
	free_on(0, b);
	assert_int_equal(lab_free_pages(&sl.lab), sl.free_pages);
	close_cache(&sl, cache);
}

static void zeroed_on_request(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_NODE, EIGHT, 512);
	unsigned char *a = alloc_on(0);

	(void)state;
	memset(a, 0xaa, 512);
	free_on(0, a);
	assert_ptr_equal(slab_lab_alloc(&sl, 0, cache, GFP_KERNEL | __GFP_ZERO, -1), a);
	for (int i = 0; i < 512; i++)
		assert_int_equal(a[i], 0);
	free_on(0, a);
	close_cache(&sl, cache);
}

/* ---- Bad frees ---- */

static void double_frees_are_found_at_the_act(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_NODE, EIGHT, 512);
	void *o[8];

	(void)state;
	for (int i = 0; i < 8; i++)
		o[i] = alloc_on(0);
	free_on(0, o[0]);
	free_on(0, o[1]);
	free_on(0, o[0]); /* not the head of the list */
	assert_int_equal(sl.lab.nr_events, 1);
	assert_says(sl.lab.event, "double_free: cache test");
	assert_slab(o[0], "cpu0 ,,aaaaaa");
	free_on(1, o[2]);
	free_on(1, o[3]);
	free_on(0, o[2]);
	free_on(1, o[0]); /* free on another CPU's own list */
	assert_int_equal(sl.lab.nr_events, 3);
	assert_slab(o[0], "cpu0 ,,..aaaa");
	assert_int_equal(cache->layer->live_objs, 4);
	assert_int_equal(cache->layer->nr_free, 4);
	for (int i = 4; i < 8; i++)
		free_on(0, o[i]);
	close_cache(&sl, cache);
}

static void reports_name_the_call_site(void **state)
{
	static const char *const sites[] = {"?", "first_free+0x10", "second_free+0x20"};
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_NODE, EIGHT, 512);
	void *a = alloc_on(0);

	(void)state;
	sl.lab.m->sites = sites;
	sl.lab.m->nr_sites = ARRAY_SIZE(sites);
	for (u32 site = 1; site <= 2; site++) {
		machine_enter(sl.lab.m, 0, sl.lab.m->now_ns);
		kernel->site = site;
		slab_free(cache, a);
		machine_leave(sl.lab.m, kernel->clock_ns);
	}
	assert_int_equal(sl.lab.nr_events, 1);
	assert_says(sl.lab.event, "size 512, found in second_free+0x20");
	close_cache(&sl, cache);
}

static void a_tag_written_by_the_user_is_no_proof(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_NODE, EIGHT, 512);
	struct slabifier_cache *s = to_slabifier(cache);
	void *a = alloc_on(0);

	(void)state;
	*freeptr_word(s, a) = (u64)s->tag << 32 | 512;
	free_on(0, a);
	assert_int_equal(sl.lab.nr_events, 0);
	assert_slab(a, "cpu0 ,,,,,,,,");
	close_cache(&sl, cache);
}

static void late_double_frees_are_told_from_nonsense(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_NODE, EIGHT, 512);
	char *a = alloc_on(0);

	(void)state;
	free_on(0, a);
	slab_cache_shrink(cache, NULL);
	assert_slab(a, "gone");
	free_on(0, a);
	assert_says(sl.lab.event, "double_free: cache test");
	a = alloc_on(0);
	free_on(0, a + 8);
	assert_says(sl.lab.event, "invalid_pointer: cache test");
	free_on(0, a + 4096);
	assert_says(sl.lab.event, "invalid_pointer: cache test");
	free_on(0, a + (1UL << 40));
	assert_says(sl.lab.event, "invalid_pointer: cache test");
	free_on(0, &sl);
	assert_int_equal(sl.lab.nr_events, 5);
	assert_int_equal(cache->slab_alloc->valid_pointer(cache, a), 1);
	assert_int_equal(cache->slab_alloc->valid_pointer(cache, a + 512), 1);
	assert_int_equal(cache->slab_alloc->valid_pointer(cache, a + 8), 0);
	assert_int_equal(cache->slab_alloc->valid_pointer(cache, a + 4096), 0);
	assert_int_equal(cache->layer->live_objs, 1);
	free_on(0, a);
	close_cache(&sl, cache);
}

static void a_write_after_free_is_reported_and_survived(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_NODE, EIGHT, 512);
	void *a = alloc_on(0), *b = alloc_on(0), *c;

	(void)state;
	free_on(0, b);
	free_on(0, a);
	memset(a, 0x5a, 512);
	assert_ptr_equal(alloc_on(0), a);
	assert_says(sl.lab.event, "use_after_free: cache test");
	c = alloc_on(0); /* what the list led to is lost, so from a new slab */
	assert_ptr_not_equal(virt_to_page(c), virt_to_page(a));
	slab_cache_check(cache);
	free_on(0, a);
	free_on(0, c);
	slab_cache_check(cache);
	assert_int_equal(slab_cache_destroy(cache), 7); /* given up, so never seen free */
	assert_says(sl.lab.event, "leak: cache test: 7 objects");
	slab_allocator_put(sl.sa);
	lab_close(&sl.lab);
}

/* ---- Nodes ---- */

static void slabs_come_from_the_node_asked_for(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_TWO_NODES, EIGHT, 512);
	void *first, *local, *other, *again, *back;

	(void)state;
	first = alloc_on(2);
	assert_int_equal(page_to_nid(virt_to_page(first)), 1);
	local = alloc_on(0);
	assert_int_equal(page_to_nid(virt_to_page(local)), 0);
	other = alloc_on_node(0, 1);
	assert_int_equal(page_to_nid(virt_to_page(other)), 1);
	assert_slab(local, "node0 a.......");
	assert_slab(other, "cpu0 a,,,,,,,");
	again = alloc_on(0); /* any node: the CPU slab, wherever it lies */
	assert_slab(other, "cpu0 aa,,,,,,");
	back = alloc_on_node(0, 0);
	assert_slab(local, "cpu0 aa,,,,,,");
	assert_slab(other, "node1 aa......");
	slab_cache_check(cache);
	free_on(0, other);
	free_on(0, again);
	free_on(0, back);
	free_on(0, local);
	free_on(0, first);
	close_cache(&sl, cache);
}

/* Of a node's partial slabs, others may take what is more than min_partial: if they may at all. */
static void take_from_the_other_node(const char *slab, int nid)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_TWO_NODES, slab, 512);
	void *o[40], *local;

	for (int i = 0; i < 40; i++) /* four full slabs, and the one in use */
		o[i] = alloc_on(2);
	for (int i = 0; i < 32; i += 8)
		free_on(2, o[i]);
	assert_slab(o[0], "node1 .aaaaaaa");
	assert_slab(o[24], "node1 .aaaaaaa");
	local = alloc_on(0);
	assert_int_equal(page_to_nid(virt_to_page(local)), nid);
	free_on(0, local);
	for (int i = 0; i < 40; i++)
		if (i % 8 || i == 32)
			free_on(2, o[i]);
	close_cache(&sl, cache);
}

static void partial_slabs_of_other_nodes(void **state)
{
	(void)state;
	take_from_the_other_node("slabifier(max_order=0,cpu_partial=0,min_partial=3)", 1);
	take_from_the_other_node("slabifier(max_order=0,cpu_partial=0,min_partial=4)", 0);
	take_from_the_other_node(
		"slabifier(max_order=0,cpu_partial=0,min_partial=3,remote_partial=off)", 0);
}

static void memoryless_nodes_use_the_nearest(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache =
		open_cache(&sl,
			   "  - {memory: 16MiB, cpus: 0, distance: [10, 30, 20]}\n"
			   "  - {memory: 0B, cpus: 1, distance: [30, 10, 20]}\n"
			   "  - {memory: 16MiB, cpus: 2, distance: [20, 20, 10]}\n",
			   EIGHT, 512);
	void *a = alloc_on(1), *b = alloc_on_node(0, 1);

	(void)state;
	assert_int_equal(page_to_nid(virt_to_page(a)), 2);
	assert_non_null(b);
	free_on(0, a);
	free_on(0, b);
	close_cache(&sl, cache);
}

/* A layer that overrules the node must not cost a new slab for every request. */
static void a_node_that_cannot_serve_has_a_stand_in(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache;
	struct slab_counts counts;
	void *o[64];

	(void)state;
	if (!allocator_find(ALLOC_PAGES, "numactl"))
		skip();
	slab_lab_open(&sl, LAB_TWO_NODES, "numactl(node=1):page_allocator(pcp=off)", EIGHT);
	cache = slab_lab_cache(&sl, &room, "test", 512);
	for (int i = 0; i < 64; i++)
		o[i] = alloc_on_node(0, 0);
	slab_cache_counts(cache, &counts);
	assert_int_equal(counts.total, 8);
	for (int i = 0; i < 64; i++)
		free_on(0, o[i]);
	close_cache(&sl, cache);
}

/* ---- Life of caches ---- */

static void the_last_holder_destroys(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_NODE, EIGHT, 512);
	void *a = alloc_on(0);

	(void)state;
	assert_ptr_equal(sl.sa->dup(cache), cache);
	assert_int_equal(slab_cache_destroy(cache), 0);
	assert_slab(a, "cpu0 a,,,,,,,");
	free_on(0, a);
	close_cache(&sl, cache);
}

static void leaks_are_reported_and_left(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_NODE, EIGHT, 512);
	void *o[12];

	(void)state;
	for (int i = 0; i < 12; i++)
		o[i] = alloc_on(0);
	free_on(0, o[11]);
	assert_int_equal(slab_cache_destroy(cache), 11);
	assert_string_equal(sl.lab.event, "leak: cache test: 11 objects still in use");
	free_on(0, o[3]);
	assert_says(sl.lab.event, "invalid_pointer: cache test");
	assert_true(virt_to_page(o[0])->flags & PG_slab);
	assert_int_equal(lab_free_pages(&sl.lab), sl.free_pages - 2);
	slab_allocator_put(sl.sa);
	lab_close(&sl.lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list_is_in_the_objects),
		cmocka_unit_test(remote_frees_go_to_the_slab),
		cmocka_unit_test(without_cpu_partial_slabs_go_to_the_node),
		cmocka_unit_test(min_partial_empty_slabs_are_kept),
		cmocka_unit_test(cpu_partial_lists_are_limited),
		cmocka_unit_test(single_objects_bypass_lists),
		cmocka_unit_test(zeroed_on_request),
		cmocka_unit_test(double_frees_are_found_at_the_act),
		cmocka_unit_test(reports_name_the_call_site),
		cmocka_unit_test(a_tag_written_by_the_user_is_no_proof),
		cmocka_unit_test(late_double_frees_are_told_from_nonsense),
		cmocka_unit_test(a_write_after_free_is_reported_and_survived),
		cmocka_unit_test(slabs_come_from_the_node_asked_for),
		cmocka_unit_test(partial_slabs_of_other_nodes),
		cmocka_unit_test(memoryless_nodes_use_the_nearest),
		cmocka_unit_test(a_node_that_cannot_serve_has_a_stand_in),
		cmocka_unit_test(the_last_holder_destroys),
		cmocka_unit_test(leaks_are_reported_and_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
