/*
 * How slabifier gives memory back: the flusher, shrinking, defragmentation.
 */
#include "tests/test.h"

#include "tests/slab_lab.h"

static char drawn[1024];
static struct slab_control room;

#define assert_slab(object, drawing)                                                               \
	assert_string_equal(draw_slab(drawn, sizeof(drawn), cache, object), drawing)

#define SECOND 1000000000ULL
#define LAB_ONE_CPU "  - {memory: 16MiB, cpus: 0, distance: [10]}\n"

static struct slab_cache *open_cache(struct slab_lab *sl, const char *nodes, const char *slab)
{
	struct slab_cache *cache;

	slab_lab_open(sl, nodes, "page_allocator(pcp=off)", slab);
	cache = slab_lab_cache(sl, &room, "test", 512);
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
#define free_on(cpu, object) slab_lab_free(&sl, cpu, cache, object)

static u64 slabs(struct slab_cache *cache)
{
	struct slab_counts counts;

	slab_cache_counts(cache, &counts);
	return counts.total;
}

static u64 partial(struct slab_cache *cache)
{
	struct slab_counts counts;

	slab_cache_counts(cache, &counts);
	return counts.partial;
}

/* ---- The flusher ---- */

static void idle_slabs_return_after_10_s(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_NODE, "slabifier(max_order=0)");
	void *a, *b;

	(void)state;
	a = alloc_on(0);
	machine_advance(sl.lab.m, 6 * SECOND);
	b = alloc_on(0);
	machine_advance(sl.lab.m, 12 * SECOND); /* used 6 s ago */
	assert_slab(a, "cpu0 aa,,,,,,");
	machine_advance(sl.lab.m, 15 * SECOND + 999 * SECOND / 1000);
	assert_slab(a, "cpu0 aa,,,,,,");
	machine_advance(sl.lab.m, 16 * SECOND + SECOND / 100);
	assert_slab(a, "node0 aa......");
	assert_int_equal(sl.lab.m->events.nr, 0); /* a quiet machine has no events */
	machine_advance(sl.lab.m, 3600 * SECOND); /* and stays so */
	assert_int_equal(sl.lab.m->events.nr, 0);
	free_on(1, a);
	free_on(1, b);
	assert_slab(a, "node0 ........");
	assert_int_equal(sl.lab.m->events.nr, 0);
	close_cache(&sl, cache);
}

static void partial_slabs_of_idle_cpus_return_too(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_NODE, "slabifier(max_order=0)");
	void *o[8];

	(void)state;
	for (int i = 0; i < 8; i++)
		o[i] = alloc_on(0);
	free_on(0, alloc_on(0));
	free_on(1, o[0]);
	assert_slab(o[0], "cpu1+ .aaaaaaa");
	machine_advance(sl.lab.m, 11 * SECOND);
	assert_slab(o[0], "node0 .aaaaaaa");
	assert_int_equal(sl.lab.m->events.nr, 0);
	for (int i = 1; i < 8; i++)
		free_on(0, o[i]);
	close_cache(&sl, cache);
}

static void each_cpu_is_flushed_for_itself(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_NODE, "slabifier(max_order=0)");
	void *a = alloc_on(0), *b;

	(void)state;
	machine_advance(sl.lab.m, 5 * SECOND);
	b = alloc_on(1);
	machine_advance(sl.lab.m, 11 * SECOND);
	assert_slab(a, "node0 a.......");
	assert_slab(b, "cpu1 a,,,,,,,");
	machine_advance(sl.lab.m, 16 * SECOND);
	assert_slab(b, "node0 a.......");
	free_on(0, a);
	free_on(0, b);
	close_cache(&sl, cache);
}

static void no_flusher(const char *nodes, const char *chain)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, nodes, chain);
	void *a = alloc_on(0);

	assert_int_equal(sl.lab.m->events.nr, 0);
	machine_advance(sl.lab.m, 100 * SECOND);
	assert_slab(a, "cpu0 a,,,,,,,");
	free_on(0, a);
	close_cache(&sl, cache);
}

static void one_cpu_needs_no_flusher(void **state)
{
	(void)state;
	no_flusher(LAB_ONE_CPU, "slabifier(max_order=0)");
	no_flusher(LAB_NODE, "slabifier(max_order=0,flush=0s)");
}

static void destroying_a_cache_stops_its_flusher(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_NODE, "slabifier(max_order=0)");

	(void)state;
	free_on(0, alloc_on(0));
	assert_int_equal(sl.lab.m->events.nr, 1);
	assert_int_equal(slab_cache_destroy(cache), 0);
	assert_int_equal(sl.lab.m->events.nr, 0);
	slab_lab_close(&sl);
}

/* ---- Shrinking ---- */

/* Slab i keeps keep[i] of its eight objects, of those that o[8 * i] starts. */
static void make_sparse(struct slab_lab *sl, struct slab_cache *cache, void **o, const int *keep,
			int nr)
{
	for (int i = 0; i < 8 * nr; i++)
		o[i] = slab_lab_alloc(sl, 0, cache, GFP_KERNEL, NUMA_NO_NODE);
	for (int i = 0; i < 8 * nr; i++) {
		if (i % 8 < keep[i / 8]) {
			memset(o[i], i, 512);
			continue;
		}
		slab_lab_free(sl, 1, cache, o[i]);
		o[i] = NULL;
	}
}

static void free_all(struct slab_lab *sl, struct slab_cache *cache, void **o, int nr)
{
	for (int i = 0; i < nr; i++)
		if (o[i])
			slab_lab_free(sl, 0, cache, o[i]);
}

static void shrink_returns_empty_slabs_and_sorts(void **state)
{
	static const int keep[] = {3, 0, 7, 1, 0};
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_NODE, "slabifier(max_order=0)");
	void *o[40], *next;

	(void)state;
	make_sparse(&sl, cache, o, keep, 5);
	assert_int_equal(slabs(cache), 5);
	assert_int_equal(slab_cache_shrink(cache, NULL), 2);
	assert_slab(o[0], "node0 aaa.....");
	assert_slab(o[16], "node0 aaaaaaa.");
	assert_slab(o[24], "node0 a.......");
	assert_int_equal(slabs(cache), 3);
	slab_cache_check(cache);
	next = alloc_on(0); /* from the fullest, so that sparse ones may empty */
	assert_ptr_equal(virt_to_page(next), virt_to_page(o[16]));
	free_on(0, next);
	free_all(&sl, cache, o, 40);
	close_cache(&sl, cache);
}

/* As in mm/slub.c: by free objects up to 31, of equals the one further back on the list first; the
 * others behind, in the order they were. */
static void shrink_sorts_as_slub(void **state)
{
	static const int keep[] = {20, 60, 10, 60, 63};
	static const int order[] = {4, 3, 1, 0, 2};
	struct slab_lab sl;
	struct slab_cache *cache;
	void *o[5 * 64], *got;

	(void)state;
	slab_lab_open(&sl, LAB_NODE, "page_allocator(pcp=off)",
		      "slabifier(max_order=0,cpu_partial=0)");
	cache = slab_lab_cache(&sl, &room, "test", 64);
	for (int i = 0; i < 5 * 64; i++)
		o[i] = alloc_on(0);
	/*
	 * To the list in this order; the last one, the CPU's own, goes to its front at the shrink.
	 */
	for (int i = 0; i < 5; i++)
		for (int k = keep[i]; k < 64; k++)
			free_on(0, o[64 * i + k]);
	slab_cache_shrink(cache, NULL);
	for (int i = 0; i < 5; i++) {
		for (int k = keep[order[i]]; k < 64; k++) {
			got = alloc_on(0);
			assert_ptr_equal(virt_to_page(got), virt_to_page(o[64 * order[i]]));
			o[64 * order[i] + k] = got;
		}
	}
	free_all(&sl, cache, o, 5 * 64);
	close_cache(&sl, cache);
}

static void **moving;
static int nr_moving, nr_asked;
static int (*pinned)(int i);

static int none_pinned(int i)
{
	(void)i;
	return 0;
}

static int third_slab_pinned(int i)
{
	return i / 8 == 2;
}

static int move_object(struct slab_cache *cache, void *object)
{
	int i = 0;
	void *to;

	nr_asked++;
	while (i < nr_moving && moving[i] != object)
		i++;
	assert_true(i < nr_moving); /* only what is in use */
	if (pinned(i))
		return 0;
	to = slab_alloc(cache, GFP_KERNEL);
	assert_non_null(to);
	memcpy(to, object, 512);
	moving[i] = to;
	return 1;
}

static int defragment(struct slab_cache *cache, void **o, int nr, int (*pin)(int i))
{
	moving = o;
	nr_moving = nr;
	nr_asked = 0;
	pinned = pin;
	return slab_cache_shrink(cache, move_object);
}

static void assert_contents(void **o, int nr)
{
	for (int i = 0; i < nr; i++)
		for (int b = 0; o[i] && b < 512; b++)
			assert_int_equal(((unsigned char *)o[i])[b], i);
}

static void defragmenting_leaves_one_partial_slab(void **state)
{
	static const int keep[] = {3, 1, 7, 2, 5, 0, 1};
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_NODE, "slabifier(max_order=0)");
	void *o[56];

	(void)state;
	make_sparse(&sl, cache, o, keep, 7);
	assert_int_equal(defragment(cache, o, 56, none_pinned), 4);
	assert_int_equal(slabs(cache), 3); /* 19 objects */
	assert_int_equal(partial(cache), 1);
	assert_int_equal(nr_asked, 4); /* 1 + 1 + 2 of the sparsest fill 7 and 5 */
	assert_slab(o[16], "none aaaaaaaa");
	assert_contents(o, 56);
	slab_cache_check(cache);
	assert_int_equal(cache->layer->live_objs, 19);
	assert_int_equal(defragment(cache, o, 56, none_pinned), 0);
	free_all(&sl, cache, o, 56);
	close_cache(&sl, cache);
}

static void slabs_with_pinned_objects_stay(void **state)
{
	static const int keep[] = {3, 1, 1, 2, 1};
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_NODE, "slabifier(max_order=0)");
	void *o[40];

	(void)state;
	make_sparse(&sl, cache, o, keep, 5);
	assert_int_equal(defragment(cache, o, 40, third_slab_pinned), 4);
	assert_int_equal(slabs(cache), 1); /* the others moved to the pinned one */
	assert_contents(o, 40);
	slab_cache_check(cache);
	free_all(&sl, cache, o, 40);
	close_cache(&sl, cache);
}

static void objects_stay_on_their_node(void **state)
{
	static const int keep[] = {1, 1, 1};
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_TWO_NODES, "slabifier(max_order=0)");
	void *o[48];

	(void)state;
	make_sparse(&sl, cache, o, keep, 3);
	for (int i = 24; i < 48; i++)
		o[i] = alloc_on(2);
	for (int i = 24; i < 48; i++) {
		if (i % 8) {
			free_on(3, o[i]);
			o[i] = NULL;
		} else {
			memset(o[i], i, 512);
		}
	}
	defragment(cache, o, 48, none_pinned);
	assert_int_equal(slabs(cache), 2);
	for (int i = 0; i < 48; i++)
		if (o[i])
			assert_int_equal(page_to_nid(virt_to_page(o[i])), i / 24);
	assert_contents(o, 48);
	free_all(&sl, cache, o, 48);
	close_cache(&sl, cache);
}

static void through_rcu_only_what_is_in_use_moves(void **state)
{
	static const int keep[] = {3, 1, 1, 1};
	struct slab_lab sl;
	struct slab_cache *cache = open_cache(&sl, LAB_NODE, "rcu:slabifier(max_order=0)");
	void *o[32];

	(void)state;
	make_sparse(&sl, cache, o, keep, 4); /* the rest is in limbo */
	defragment(cache, o, 32, none_pinned);
	lab_settle(&sl.lab);
	defragment(cache, o, 32, none_pinned);
	lab_settle(&sl.lab);
	slab_cache_shrink(cache, NULL);
	assert_int_equal(partial(cache), 1);
	assert_int_equal(slabs(cache), 1);
	assert_int_equal(cache->layer->live_objs, 6);
	assert_int_equal(cache->base->layer->live_objs, 6);
	assert_contents(o, 32);
	free_all(&sl, cache, o, 32);
	close_cache(&sl, cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_slabs_return_after_10_s),
		cmocka_unit_test(partial_slabs_of_idle_cpus_return_too),
		cmocka_unit_test(each_cpu_is_flushed_for_itself),
		cmocka_unit_test(one_cpu_needs_no_flusher),
		cmocka_unit_test(destroying_a_cache_stops_its_flusher),
		cmocka_unit_test(shrink_returns_empty_slabs_and_sorts),
		cmocka_unit_test(shrink_sorts_as_slub),
		cmocka_unit_test(defragmenting_leaves_one_partial_slab),
		cmocka_unit_test(slabs_with_pinned_objects_stay),
		cmocka_unit_test(objects_stay_on_their_node),
		cmocka_unit_test(through_rcu_only_what_is_in_use_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
