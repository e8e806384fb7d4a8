/*
 * queued_slab: how slabs are laid out, what queues take of memory, what goes back, bad frees.
 */
#include "tests/test.h"

#include "lib/units.h"
#include "tests/queued_lab.h"

static struct slab_control room;

/* ---- Giving back ---- */

static int pinned; /* every so many objects are */

static int move(struct slab_cache *cache, void *object)
{
	u64 *to;

	if (pinned && *(u64 *)object % (u64)pinned == 0)
		return 0;
	to = slab_alloc(cache, GFP_KERNEL);
	assert_non_null(to);
	*to = *(u64 *)object;
	return 1;
}

static u64 slabs(struct slab_cache *cache)
{
	struct slab_counts counts;

	slab_cache_counts(cache, &counts);
	return counts.total;
}

/* 64 objects on 8 slabs of node 0; one of four stays. */
static void make_sparse(struct slab_lab *sl, struct slab_cache *cache)
{
	u64 *o[64];

	for (u64 i = 0; i < 64; i++) {
		o[i] = slab_lab_alloc(sl, 0, cache, GFP_KERNEL, NUMA_NO_NODE);
		*o[i] = i;
	}
	for (u64 i = 0; i < 64; i++)
		if (i % 4)
			slab_lab_free(sl, (int)(i % 3), cache, o[i]);
}

/* Each slab's objects that are in use, from slab to slab in order of addresses. */
static void free_the_rest(struct slab_lab *sl, struct slab_cache *cache, unsigned int expected)
{
	unsigned int found = 0;

	for (unsigned long pfn = 0; pfn < kernel->max_pfn; pfn++) {
		struct page *page = pfn_to_page(pfn);

		if (!(page->flags & PG_slab) || page->slab_cache != cache)
			continue;
		for (unsigned int i = 0; i < to_queued(cache)->num && page->slab_cache == cache;
		     i++) {
			void *object = object_at(to_queued(cache), page, i);

			if (!queued_in_use(cache, object))
				continue;
			slab_lab_free(sl, 0, cache, object);
			found++;
		}
	}
	assert_int_equal(found, expected);
}

static void shrink_empties_every_queue(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = queued_lab_open(&sl, LAB_TWO_NODES, QUEUED_SMALL, 512);
	int left;

	(void)state;
	make_sparse(&sl, cache);
	assert_int_equal(slab_cache_shrink(cache, NULL), 0);
	assert_queues("0 0 0 0 | 0 0 0.8.0 | 0 0 0.0.0");
	free_the_rest(&sl, cache, 16);
	left = (int)slabs(cache); /* a node keeps some free slabs */
	assert_true(left > 0 && left < 8);
	assert_int_equal(slab_cache_shrink(cache, NULL), left);
	assert_queues("0 0 0 0 | 0 0 0.0.0 | 0 0 0.0.0");
	queued_lab_close(&sl, cache);
}

static void shrink_with_movers_fills_slabs(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = queued_lab_open(&sl, LAB_TWO_NODES, QUEUED_SMALL, 512);

	(void)state;
	pinned = 0;
	make_sparse(&sl, cache);
	assert_int_equal(slab_cache_shrink(cache, move), 6);
	assert_queues("0 0 0 0 | 0 0 2.0.0 | 0 0 0.0.0");
	free_the_rest(&sl, cache, 16);
	queued_lab_close(&sl, cache);
}

/* Objects 0 and 32 stay where they are; the others gather with them. */
static void pinned_objects_keep_their_slabs(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = queued_lab_open(&sl, LAB_TWO_NODES, QUEUED_SMALL, 512);

	(void)state;
	pinned = 32;
	make_sparse(&sl, cache);
	slab_cache_shrink(cache, move);
	assert_queues("0 0 0 0 | 0 0 2.0.0 | 0 0 0.0.0");
	free_the_rest(&sl, cache, 16);
	queued_lab_close(&sl, cache);
}

static void a_destroyed_cache_reports_what_is_live(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = queued_lab_open(&sl, LAB_NODE, "queued_slab", 512);
	void *a = alloc_on(0);

	(void)state;
	assert_int_equal(slab_cache_destroy(cache), 1);
	assert_string_equal(sl.lab.event, "leak: cache test: 1 objects still in use");
	assert_int_equal(sl.lab.m->events.nr, 0);
	free_on(0, a);
	assert_says(sl.lab.event, "invalid_pointer");
	slab_allocator_put(sl.sa);
	lab_close(&sl.lab);
}

/* ---- Bad frees ---- */

static void bad_frees_are_known_at_the_act(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = queued_lab_open(&sl, LAB_TWO_NODES, QUEUED_SMALL, 512);
	char *a = alloc_on(0), *b = alloc_on(0);
	struct queued_cache *arrays = meta_class(to_queued(cache)->q, array_bytes(4));

	(void)state;
	free_on(0, a); /* in the CPU's array */
	free_on(0, a);
	assert_says(sl.lab.event, "double_free");
	free_on(2, b); /* in an alien array */
	free_on(1, b);
	assert_says(sl.lab.event, "double_free");
	assert_int_equal(sl.lab.nr_events, 2);
	slab_cache_shrink(cache, NULL); /* its slab is gone */
	free_on(0, a);
	assert_says(sl.lab.event, "invalid_pointer");
	a = alloc_on(0);
	free_on(0, a + 8);
	assert_says(sl.lab.event, "invalid_pointer");
	free_on(0, a - 512 * 8);
	assert_says(sl.lab.event, "invalid_pointer");
	slab_lab_free(&sl, 0, &arrays->c, to_queued(cache)->cpu_array[0]); /* its own memory */
	assert_says(sl.lab.event, "invalid_pointer");
	assert_int_equal(sl.lab.nr_events, 6);
	free_on(0, a);
	assert_int_equal(sl.lab.nr_events, 6);
	queued_lab_close(&sl, cache);
}

/* ---- Geometry ---- */

/*
 * By the rule of mm/slab.c, worked out by hand. 32: an index of 128 bytes off the slab is more than
 * half an object, so on the slab: 4096 / 33. 128: 32 objects fill a page, their index of 32 bytes
 * takes a quarter of an object. 192: 21 objects leave 64 bytes, enough for the index. 640: 6 leave
 * 256, less than 1/8 of a page. 1500: 2 leave more than 1/8, 5 in two pages less. 5000: one of them
 * in two pages leaves much, but larger slabs are not wanted.
 */
static const struct {
	unsigned int size, num;
	int order;
	bool off_slab;
	unsigned int colour, limit, shared;
} geometries[] = {
	{8, 240, 0, false, 0, 120, 8},	{32, 124, 0, false, 0, 120, 8},
	{64, 63, 0, false, 0, 120, 8},	{96, 42, 0, false, 0, 120, 8},
	{128, 32, 0, true, 0, 120, 8},	{192, 21, 0, false, 0, 120, 8},
	{256, 16, 0, true, 0, 120, 8},	{512, 8, 0, true, 0, 54, 8},
	{640, 6, 0, false, 3, 54, 8},	{1024, 4, 0, true, 0, 54, 8},
	{1500, 5, 1, false, 10, 24, 8}, {2048, 2, 0, true, 0, 24, 8},
	{4096, 1, 0, true, 0, 24, 8},	{5000, 1, 1, false, 49, 8, 0},
	{8192, 1, 1, true, 0, 8, 0},	{200000, 1, 6, false, 970, 1, 0},
};

static void geometry_is_linux_s(void **state)
{
	struct slab_lab sl;

	(void)state;
	slab_lab_open(&sl, "  - {memory: 64MiB, cpus: 0-1, distance: [10]}\n", "page_allocator",
		      "queued_slab");
	for (size_t i = 0; i < ARRAY_SIZE(geometries); i++) {
		unsigned int size = geometries[i].size;
		struct queued_cache *qc = to_queued(slab_lab_cache(&sl, &room, "test", size));

		if (qc->num != geometries[i].num || qc->c.order != geometries[i].order ||
		    qc->off_slab != geometries[i].off_slab || qc->colour != geometries[i].colour)
			fail_msg("%u: %u objects, order %d, %s the slab, %u colours", size, qc->num,
				 qc->c.order, qc->off_slab ? "off" : "on", qc->colour);
		assert_int_equal(qc->limit, geometries[i].limit);
		assert_int_equal(qc->batchcount, (geometries[i].limit + 1) / 2);
		assert_int_equal(qc->shared, geometries[i].shared);
		assert_int_equal(slab_cache_destroy(&qc->c), 0);
	}
	slab_lab_close(&sl);
}

/* Small machines have slabs of one page; options decide otherwise; reclaimable slabs are small. */
static void orders_can_be_chosen(void **state)
{
	struct slab_cache reclaimable = {
		.name = "inode", .objsize = 1500, .node = NUMA_NO_NODE, .gfp = __GFP_RECLAIMABLE};
	static const struct {
		const char *chain;
		unsigned int size, num;
		int order;
	} chosen[] = {
		{"queued_slab", 1500, 2, 0},
		{"queued_slab(max_order=3)", 1500, 5, 1},
		{"queued_slab(min_order=2)", 1500, 10, 2},
		{"queued_slab(min_order=5)", 64, 252, 2}, /* an index of a byte counts to 255 */
		{"queued_slab(min_order=5,index=short)", 64, 1985, 5},
		{"queued_slab(index=short)", 8, 409, 0},
	};
	struct slab_lab sl;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(chosen); i++) {
		struct slab_cache *cache =
			queued_lab_open(&sl, LAB_NODE, chosen[i].chain, chosen[i].size);

		if (to_queued(cache)->num != chosen[i].num || cache->order != chosen[i].order)
			fail_msg("%s: %u objects, order %d", chosen[i].chain, to_queued(cache)->num,
				 cache->order);
		queued_lab_close(&sl, cache);
	}
	slab_lab_open(&sl, "  - {memory: 64MiB, cpus: 0-1, distance: [10]}\n", "page_allocator",
		      "queued_slab");
	assert_non_null(slab_cache_create(sl.sa, &room, &reclaimable));
	assert_int_equal(((struct slab_cache *)(void *)room.room)->order, 0);
	queued_lab_close(&sl, (struct slab_cache *)(void *)room.room);
}

/* Three colours: equal objects of slabs lie 64 and 128 bytes apart, then as before. */
static void slabs_are_coloured(void **state)
{
	static const unsigned int offsets[] = {64, 128, 0, 64, 128, 0};
	struct slab_lab sl;
	struct slab_cache *cache = queued_lab_open(&sl, LAB_NODE, QUEUED_SMALL, 640);
	void *o[36];

	(void)state;
	for (int i = 0; i < 36; i++) {
		o[i] = alloc_on(0);
		assert_int_equal(first_offset(virt_to_page(o[i])), offsets[i / 6]);
	}
	for (int i = 0; i < 36; i++)
		free_on(0, o[i]);
	queued_lab_close(&sl, cache);
	cache = queued_lab_open(&sl, LAB_NODE, "queued_slab(colour=off)", 640);
	o[0] = alloc_on(0);
	assert_int_equal(virt_to_phys(o[0]) % PAGE_SIZE % 640, 0);
	free_on(0, o[0]);
	queued_lab_close(&sl, cache);
}

/* ---- Memory of its own ---- */

static u64 pages_taken(const struct slab_lab *sl)
{
	return sl->free_pages - lab_free_pages(&sl->lab);
}

static u64 in_class(struct slab_cache *cache, size_t size)
{
	struct queued_cache *qc = meta_class(to_queued(cache)->q, size);
	u64 live = 0;

	for (int nid = 0; nid < kernel->nr_node_ids; nid++)
		live += qc->nodes[nid].nr_slabs * qc->num - qc->nodes[nid].free_objects;
	return live;
}

/*
 * Two CPUs, one node, arrays of 4 (48 bytes: class 64), a shared one of 2 (32 bytes), the node (128
 * bytes, whose class has its index off the slab: 32 bytes): three pages. An object of 512 bytes
 * takes a page and an index of 8 bytes (class 32).
 */
static void arrays_and_indices_take_memory(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = queued_lab_open(&sl, LAB_NODE, QUEUED_SMALL, 512);
	void *a;

	(void)state;
	assert_int_equal(pages_taken(&sl), 3);
	assert_int_equal(in_class(cache, 32), 2);
	assert_int_equal(in_class(cache, 64), 2);
	assert_int_equal(in_class(cache, 128), 1);
	a = alloc_on(0);
	assert_int_equal(pages_taken(&sl), 4);
	assert_int_equal(in_class(cache, 32), 3);
	free_on(0, a);
	slab_cache_shrink(cache, NULL);
	assert_int_equal(in_class(cache, 32), 2);
	queued_lab_close(&sl, cache);
}

/* By Linux's rule, on two nodes with four CPUs, for objects of 64 bytes. */
static void a_cache_costs_what_its_queues_do(void **state)
{
	struct slab_lab sl;
	struct slab_cache *cache = queued_lab_open(&sl, LAB_TWO_NODES, "queued_slab(reap=0s)", 64);

	(void)state;
	assert_int_equal(in_class(cache, 16 + 120 * 8), 4);    /* CPUs: class 1 KiB */
	assert_int_equal(in_class(cache, 16 + 8 * 60 * 8), 2); /* shared: class 4 KiB */
	assert_int_equal(in_class(cache, 16 + 12 * 8), 2 + 2); /* aliens and nodes: class 128 */
	queued_lab_close(&sl, cache);
}

static void no_memory_for_queues_is_no_cache(void **state)
{
	struct slab_lab sl;
	unsigned int refused = 0;

	(void)state;
	slab_lab_open(&sl, LAB_TWO_NODES, "page_allocator(pcp=off)", "queued_slab");
	for (u64 nth = 1;; nth++) {
		struct slab_cache *cache;

		sl.lab.pa->layer->inject = (struct injection){.only_nth = nth};
		cache = slab_lab_cache(&sl, &room, "test", 64);
		sl.lab.pa->layer->inject.only_nth = 0;
		if (!cache) {
			assert_int_equal(pages_taken(&sl), 0);
			assert_int_equal(sl.lab.m->events.nr, 0);
			refused++;
			continue;
		}
		assert_int_equal(slab_cache_destroy(cache), 0);
		if (nth > 40)
			break;
	}
	assert_int_equal(refused, 0); /* the other node helps out */
	sl.lab.pa->layer->inject.every = 1;
	assert_null(slab_lab_cache(&sl, &room, "test", 64));
	assert_int_equal(pages_taken(&sl), 0);
	sl.lab.pa->layer->inject.every = 0;
	slab_lab_close(&sl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shrink_empties_every_queue),
		cmocka_unit_test(shrink_with_movers_fills_slabs),
		cmocka_unit_test(pinned_objects_keep_their_slabs),
		cmocka_unit_test(a_destroyed_cache_reports_what_is_live),
		cmocka_unit_test(bad_frees_are_known_at_the_act),
		cmocka_unit_test(geometry_is_linux_s),
		cmocka_unit_test(orders_can_be_chosen),
		cmocka_unit_test(slabs_are_coloured),
		cmocka_unit_test(arrays_and_indices_take_memory),
		cmocka_unit_test(a_cache_costs_what_its_queues_do),
		cmocka_unit_test(no_memory_for_queues_is_no_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
