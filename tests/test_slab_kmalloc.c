/*
 * kmalloc: classes, types, large blocks, and frees of what is none.
 */
#include "tests/test.h"

#include <string.h>

#include "alloc/kmalloc.h"
#include "alloc/kmalloc_slab.h"
#include "tests/slab_lab.h"

static struct kmalloc km;

static void open_kmalloc(struct slab_lab *sl, const char *nodes, const char *slab)
{
	slab_lab_open(sl, nodes, "page_allocator(pcp=off)", slab);
	kmalloc_init(&km, sl->sa, sl->lab.pa, NULL);
}

static void close_kmalloc(struct slab_lab *sl, u64 live)
{
	assert_int_equal(kmalloc_destroy(&km), live);
	slab_lab_close(sl);
}

static const struct {
	size_t least, most;
	const char *name;
	unsigned int align;
} classes[] = {
	{1, 8, "kmalloc-8", 8},		  {9, 16, "kmalloc-16", 16},
	{17, 32, "kmalloc-32", 32},	  {33, 64, "kmalloc-64", 64},
	{65, 96, "kmalloc-96", 8},	  {97, 128, "kmalloc-128", 128},
	{129, 192, "kmalloc-192", 8},	  {193, 256, "kmalloc-256", 256},
	{257, 512, "kmalloc-512", 512},	  {513, 1024, "kmalloc-1k", 1024},
	{1025, 2048, "kmalloc-2k", 2048}, {2049, 4096, "kmalloc-4k", 4096},
	{4097, 8192, "kmalloc-8k", 8192},
};

static void every_size_has_its_class(void **state)
{
	struct slab_lab sl;

	(void)state;
	open_kmalloc(&sl, LAB_NODE, "slabifier");
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		for (size_t size = classes[i].least; size <= classes[i].most; size++) {
			struct slab_cache *cache = kmalloc_slab(&km, size, GFP_KERNEL);

			assert_string_equal(cache->name, classes[i].name);
			assert_int_equal(cache->objsize, classes[i].most);
			assert_int_equal(cache->size, classes[i].most);
			assert_int_equal(cache->align, classes[i].align);
		}
	}
	assert_null(kmalloc_slab(&km, 8193, GFP_KERNEL));
	close_kmalloc(&sl, 0);
}

/* ---- Tables of the user's ---- */

static void open_with(struct slab_lab *sl, const struct kmalloc_config *config)
{
	slab_lab_open(sl, LAB_NODE, "page_allocator(pcp=off)", "slabifier");
	kmalloc_init(&km, sl->sa, sl->lab.pa, config);
}

/* Each size has the smallest class that holds it, and nothing above the last has one. */
static void a_table_is_obeyed(void **state)
{
	static const struct kmalloc_config tables[] = {
		{.nr = 1, .classes = {40}},
		{.nr = 4, .classes = {8, 24, 1000, 32768}},
		{.nr = 3, .classes = {512, 1024, 2048}},
	};
	struct slab_lab sl;

	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
		const struct kmalloc_config *config = &tables[t];
		u32 largest = config->classes[config->nr - 1], cls = 0;

		open_with(&sl, config);
		for (u32 size = 1; size <= largest; size++) {
			while (config->classes[cls] < size)
				cls++;
			assert_int_equal(kmalloc_slab(&km, size, GFP_KERNEL)->objsize,
					 config->classes[cls]);
		}
		assert_null(kmalloc_slab(&km, largest + 1, GFP_KERNEL));
		assert_int_equal(kmalloc_nr_caches(sl.sa, config), 4 * config->nr);
		close_kmalloc(&sl, 0);
	}
}

static void names_come_from_sizes(void **state)
{
	static const struct kmalloc_config config = {.nr = 4, .classes = {24, 1024, 1032, 32768}};
	static const struct kmalloc_config exact = {.exact = true};
	struct slab_lab sl;

	(void)state;
	open_with(&sl, &config);
	assert_string_equal(kmalloc_slab(&km, 20, GFP_KERNEL)->name, "kmalloc-24");
	assert_string_equal(kmalloc_slab(&km, 600, __GFP_ACCOUNT)->name, "kmalloc-cg-1k");
	assert_string_equal(kmalloc_slab(&km, 1025, __GFP_DMA)->name, "dma-kmalloc-1032");
	assert_string_equal(kmalloc_slab(&km, 9999, __GFP_RECLAIMABLE)->name, "kmalloc-rcl-32k");
	close_kmalloc(&sl, 0);
	open_with(&sl, &exact);
	assert_string_equal(kmalloc_slab(&km, 1017, GFP_KERNEL)->name, "kmalloc-1024");
	assert_string_equal(kmalloc_slab(&km, 8192, GFP_KERNEL)->name, "kmalloc-8192");
	assert_null(kmalloc_slab(&km, 8193, GFP_KERNEL));
	assert_int_equal(kmalloc_slab(&km, 41, GFP_KERNEL)->objsize, 48);
	close_kmalloc(&sl, 0);
}

/* A source that keeps any size side by side sees what was asked for, unless a table says not. */
static void any_size_means_exact(void **state)
{
	static const struct kmalloc_config config = {.nr = 1, .classes = {64}};
	struct allocator_desc *slabifier = allocator_find(ALLOC_SLAB, "slabifier");
	struct slab_lab sl;

	(void)state;
	slabifier->any_size = true;
	open_kmalloc(&sl, LAB_NODE, "rcu:slabifier");
	assert_int_equal(kmalloc_slab(&km, 33, GFP_KERNEL)->objsize, 40);
	assert_int_equal(kmalloc_nr_caches(sl.sa, NULL), 4 * 1024);
	close_kmalloc(&sl, 0);
	open_with(&sl, &config);
	assert_int_equal(kmalloc_slab(&km, 33, GFP_KERNEL)->objsize, 64);
	close_kmalloc(&sl, 0);
	slabifier->any_size = false;
}

static void a_table_that_cannot_be_is_refused(void **state)
{
	static const struct {
		struct kmalloc_config config;
		u32 bad;
		const char *says;
	} tables[] = {
		{{.nr = 2, .classes = {8, 12}}, 1, "a class of 12 bytes is no multiple of 8"},
		{{.nr = 1, .classes = {0}}, 0, "a class of 0 bytes is no multiple of 8"},
		{{.nr = 3, .classes = {8, 32, 32}}, 2, "classes ascend: 32 bytes after 32"},
		{{.nr = 2, .classes = {64, 32776}}, 1, "the largest can be 32768"},
	};
	struct err e;
	u32 bad;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		assert_int_equal(kmalloc_config_check(&tables[i].config, &bad, &e), -1);
		assert_int_equal(bad, tables[i].bad);
		assert_says(e.msg, tables[i].says);
	}
}

static void krealloc_moves_what_does_not_fit(void **state)
{
	struct slab_lab sl;
	char *a, *b;

	(void)state;
	open_kmalloc(&sl, LAB_NODE, "slabifier");
	a = krealloc(&km, NULL, 60, GFP_KERNEL);
	assert_int_equal(ksize(a), 64);
	memset(a, 'x', 64);
	assert_ptr_equal(krealloc(&km, a, 64, GFP_KERNEL), a);
	assert_ptr_equal(krealloc(&km, a, 1, GFP_KERNEL), a);
	b = krealloc(&km, a, 65, GFP_KERNEL | __GFP_ZERO);
	assert_int_equal(ksize(b), 96);
	assert_int_equal(b[0] + b[63], 'x' + 'x');
	sl.lab.pa->layer->inject.every = 1;
	assert_null(krealloc(&km, b, 10000, GFP_KERNEL));
	sl.lab.pa->layer->inject.every = 0;
	assert_int_equal(b[0] + b[63], 'x' + 'x');
	a = krealloc(&km, b, 10000, GFP_KERNEL);
	assert_int_equal(a[63], 'x');
	assert_ptr_equal(krealloc(&km, a, 0, GFP_KERNEL), ZERO_SIZE_PTR);
	a = krealloc(&km, ZERO_SIZE_PTR, 8, GFP_KERNEL);
	kfree(&km, a);
	assert_int_equal(sl.sa->layer->live_objs, 0);
	assert_int_equal(sl.lab.nr_events, 0);
	close_kmalloc(&sl, 0);
}

/* kmalloc's caches by the interface of slab allocators: one holder more, none made anew. */
static void fixed_caches_are_kmallocs_own(void **state)
{
	struct slab_cache p = {.objsize = 60, .node = NUMA_NO_NODE}, *cache;
	struct slab_control room;
	struct slab_allocator *fixed, *rcu;
	struct slab_lab sl;
	void *object;

	(void)state;
	open_kmalloc(&sl, LAB_NODE, "slabifier");
	fixed = kmalloc_slab_allocator(&km);
	cache = slab_cache_create(fixed, &room, &p);
	assert_ptr_equal(cache, kmalloc_slab(&km, 64, GFP_KERNEL));
	assert_int_equal(cache->refs, 2);
	object = slab_alloc(cache, GFP_KERNEL);
	kfree(&km, object);
	p.align = 128;
	assert_int_equal(slab_cache_destroy(cache), 0);
	cache = slab_cache_create(fixed, &room, &p);
	assert_string_equal(cache->name, "kmalloc-128");
	assert_int_equal(slab_cache_destroy(cache), 0);
	p.align = 0;
	rcu = rcuify_slab_allocator(slab_allocator_get(fixed));
	assert_null(slab_cache_create(rcu, &room, &p));
	slab_allocator_put(rcu);
	p.objsize = 8193;
	assert_null(slab_cache_create(fixed, &room, &p));
	p.objsize = 8;
	p.align = 16384;
	assert_null(slab_cache_create(fixed, &room, &p));
	slab_allocator_put(fixed);
	assert_int_equal(kmalloc_slab(&km, 64, GFP_KERNEL)->refs, 1);
	close_kmalloc(&sl, 0);
}

static void kzalloc_gives_zeros(void **state)
{
	struct slab_lab sl;
	u64 *a;

	(void)state;
	open_kmalloc(&sl, LAB_NODE, "slabifier");
	a = kmalloc(&km, 64, GFP_KERNEL);
	memset(a, 0xff, 64);
	kfree(&km, a);
	a = kzalloc(&km, 64, GFP_KERNEL);
	for (int i = 0; i < 8; i++)
		assert_int_equal(a[i], 0);
	kfree(&km, a);
	close_kmalloc(&sl, 0);
}

static void types_by_flags(void **state)
{
	static const struct {
		gfp_t flags;
		const char *name;
		gfp_t gfp;
	} types[] = {
		{0, "kmalloc-64", 0},
		{__GFP_ACCOUNT, "kmalloc-cg-64", 0},
		{__GFP_RECLAIMABLE, "kmalloc-rcl-64", __GFP_RECLAIMABLE},
		{__GFP_RECLAIMABLE | __GFP_ACCOUNT, "kmalloc-rcl-64", __GFP_RECLAIMABLE},
		{__GFP_DMA, "dma-kmalloc-64", __GFP_DMA},
		{__GFP_DMA | __GFP_RECLAIMABLE | __GFP_ACCOUNT, "dma-kmalloc-64", __GFP_DMA},
	};
	struct slab_lab sl;

	(void)state;
	open_kmalloc(&sl, LAB_NODE, "slabifier");
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct slab_cache *cache = kmalloc_slab(&km, 64, GFP_KERNEL | types[i].flags);

		assert_string_equal(cache->name, types[i].name);
		assert_int_equal(cache->gfp, types[i].gfp);
	}
	assert_string_equal(kmalloc_slab(&km, 1024, __GFP_ACCOUNT)->name, "kmalloc-cg-1k");
	assert_string_equal(kmalloc_slab(&km, 30, GFP_DMA)->name, "dma-kmalloc-32");
	assert_string_equal(kmalloc_slab(&km, 120, __GFP_RECLAIMABLE)->name, "kmalloc-rcl-128");
	close_kmalloc(&sl, 0);
}

/* Pages of a type come from where the type says: mobility and zone. */
static void pages_follow_the_type(void **state)
{
	struct slab_lab sl;
	void *plain, *rcl, *dma;

	(void)state;
	open_kmalloc(&sl, "  - {memory: 64MiB, cpus: 0-1, distance: [10]}\n", "slabifier");
	plain = kmalloc_node(&km, 64, GFP_KERNEL, -1);
	rcl = kmalloc_node(&km, 64, GFP_KERNEL | __GFP_RECLAIMABLE, -1);
	dma = kmalloc_node(&km, 64, GFP_KERNEL | __GFP_DMA, -1);
	assert_int_equal(virt_to_page(plain)->migratetype, MIGRATE_UNMOVABLE);
	assert_int_equal(virt_to_page(rcl)->migratetype, MIGRATE_RECLAIMABLE);
	assert_int_equal(page_zone(virt_to_page(plain))->type, ZONE_DMA32);
	assert_int_equal(page_zone(virt_to_page(dma))->type, ZONE_DMA);
	kfree(&km, plain);
	kfree(&km, rcl);
	kfree(&km, dma);
	close_kmalloc(&sl, 0);
}

static void large_blocks_are_pages(void **state)
{
	struct slab_lab sl;
	char *a;

	(void)state;
	open_kmalloc(&sl, LAB_NODE, "slabifier");
	a = kmalloc_node(&km, 8193, GFP_KERNEL | __GFP_ZERO, -1);
	assert_int_equal(virt_to_page(a)->order, 2);
	assert_int_equal(ksize(a), 16384);
	kfree(&km, a + 4096);
	assert_says(sl.lab.event, "invalid_pointer: kfree");
	kfree(&km, a);
	kfree(&km, a);
	assert_says(sl.lab.event, "double_free: pfn");
	assert_int_equal(sl.lab.nr_events, 2);
	assert_null(kmalloc_node(&km, (4UL << 20) + 1, GFP_KERNEL, -1));
	assert_int_equal(lab_free_pages(&sl.lab), sl.free_pages);
	close_kmalloc(&sl, 0);
}

static void nothing_is_freed_twice(void **state)
{
	struct slab_lab sl;
	char *a;

	(void)state;
	open_kmalloc(&sl, LAB_NODE, "slabifier");
	kfree(&km, NULL);
	a = kmalloc_node(&km, 0, GFP_KERNEL, -1);
	assert_ptr_equal(a, ZERO_SIZE_PTR);
	assert_int_equal(ksize(a), 0);
	kfree(&km, a);
	assert_int_equal(sl.lab.nr_events, 0);
	a = kmalloc_node(&km, 100, GFP_KERNEL, -1);
	assert_int_equal(ksize(a), 128);
	kfree(&km, a + 8);
	assert_says(sl.lab.event, "invalid_pointer: cache kmalloc-128");
	kfree(&km, &sl);
	assert_says(sl.lab.event, "invalid_pointer: kfree of an address outside of memory");
	kfree(&km, a);
	kfree(&km, a);
	assert_says(sl.lab.event, "double_free: cache kmalloc-128");
	assert_int_equal(sl.lab.nr_events, 3);
	close_kmalloc(&sl, 0);
}

static void kfree_enters_at_the_top(void **state)
{
	struct slab_lab sl;
	void *a;

	(void)state;
	open_kmalloc(&sl, LAB_NODE, "rcu:slabifier");
	a = kmalloc_node(&km, 64, GFP_KERNEL, -1);
	assert_int_equal(ksize(a), 64);
	kfree(&km, a);
	assert_int_equal(sl.sa->layer->live_objs, 0);
	assert_int_equal(sl.sa->base->layer->live_objs, 1); /* in limbo */
	lab_settle(&sl.lab);
	assert_int_equal(sl.sa->base->layer->live_objs, 0);
	close_kmalloc(&sl, 0);
}

static void nodes_are_obeyed(void **state)
{
	struct slab_lab sl;
	void *a[8];

	(void)state;
	open_kmalloc(&sl, LAB_TWO_NODES, "slabifier");
	for (int i = 0; i < 8; i++) {
		a[i] = kmalloc_node(&km, i < 4 ? 64 : 10000, GFP_KERNEL | __GFP_THISNODE, i & 1);
		assert_int_equal(page_to_nid(virt_to_page(a[i])), i & 1);
	}
	for (int i = 0; i < 8; i++)
		kfree(&km, a[i]);
	close_kmalloc(&sl, 0);
}

static void what_is_live_at_the_end_is_counted(void **state)
{
	struct slab_lab sl;

	(void)state;
	open_kmalloc(&sl, LAB_NODE, "slabifier");
	kmalloc_node(&km, 64, GFP_KERNEL, -1);
	kmalloc_node(&km, 60, GFP_KERNEL, -1);
	kmalloc_node(&km, 64, GFP_KERNEL_ACCOUNT, -1);
	assert_int_equal(kmalloc_destroy(&km), 3);
	assert_int_equal(sl.lab.nr_events, 2);
	assert_says(sl.lab.event, "leak: cache kmalloc-cg-64: 1 objects");
	slab_allocator_put(sl.sa);
	lab_close(&sl.lab);
}

static void a_class_that_cannot_be_made_is_refused(void **state)
{
	struct slab_lab sl;

	(void)state;
	slab_lab_open(&sl, LAB_NODE, "page_allocator", "slabifier");
	kmalloc_init(&km, sl.sa, sl.lab.pa, NULL);
	sl.lab.pa->layer->inject.every = 1;
	assert_null(kmalloc_node(&km, 64, GFP_KERNEL, -1));
	assert_null(kmalloc_node(&km, 9000, GFP_KERNEL, -1));
	sl.lab.pa->layer->inject.every = 0;
	kfree(&km, kmalloc_node(&km, 64, GFP_KERNEL, -1));
	close_kmalloc(&sl, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_has_its_class),
		cmocka_unit_test(a_table_is_obeyed),
		cmocka_unit_test(names_come_from_sizes),
		cmocka_unit_test(any_size_means_exact),
		cmocka_unit_test(a_table_that_cannot_be_is_refused),
		cmocka_unit_test(krealloc_moves_what_does_not_fit),
		cmocka_unit_test(fixed_caches_are_kmallocs_own),
		cmocka_unit_test(kzalloc_gives_zeros),
		cmocka_unit_test(types_by_flags),
		cmocka_unit_test(pages_follow_the_type),
		cmocka_unit_test(large_blocks_are_pages),
		cmocka_unit_test(nothing_is_freed_twice),
		cmocka_unit_test(kfree_enters_at_the_top),
		cmocka_unit_test(nodes_are_obeyed),
		cmocka_unit_test(what_is_live_at_the_end_is_counted),
		cmocka_unit_test(a_class_that_cannot_be_made_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
