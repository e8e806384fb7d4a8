/*
 * kmalloc: classes, types, large blocks, and frees of what is none.
 */
#include "tests/test.h"

#include "alloc/kmalloc.h"
#include "tests/slab_lab.h"

static struct kmalloc km;

static void open_kmalloc(struct slab_lab *sl, const char *nodes, const char *slab)
{
	slab_lab_open(sl, nodes, "page_allocator(pcp=off)", slab);
	kmalloc_init(&km, sl->sa, sl->lab.pa);
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
	kmalloc_init(&km, sl.sa, sl.lab.pa);
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
