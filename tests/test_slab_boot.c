/*
 * bootmem (slab): objects one by one from bootmem, what comes back of them, and what is lost.
 */
#include "tests/test.h"

#include "alloc/boot.h"
#include "alloc/kmalloc.h"
#include "tests/draw.h"
#include "tests/slab_lab.h"

#define NODES                                                                                      \
	"  - {memory: 32MiB, cpus: 0-1, distance: [10, 20, 30]}\n"                                 \
	"  - {memory: 0B, cpus: 2, distance: [20, 10, 15]}\n"                                      \
	"  - {memory: 16MiB, cpus: 3, distance: [30, 15, 10]}\n"
#define FIRST 4097 /* frame above the DMA limit, behind the bitmap */
#define THIRD 8193 /* the first one of the third node, behind its bitmap */
#define ALL_PAGES 12288
#define PHYS(pfn) ((u64)(pfn) << PAGE_SHIFT)

#define assert_pages(first, nr, drawing)                                                           \
	do {                                                                                       \
		char drawn_[2048];                                                                 \
		assert_string_equal(draw_pages(drawn_, sizeof(drawn_), first, nr), drawing);       \
	} while (0)

static struct slab_control rooms[4];

static void boot_open(struct slab_lab *sl, const char *pages, const char *slab)
{
	struct err e = {""};

	lab_open(&sl->lab, NODES, pages);
	sl->sa = slab_lab_chain(sl->lab.pa, slab, &e);
	assert_non_null(sl->sa);
	assert_int_equal(kernel->slab_state, SLAB_EARLY);
}

static void boot_close(struct slab_lab *sl)
{
	lab_hand_over(&sl->lab);
	slab_allocator_put(sl->sa);
	lab_settle(&sl->lab);
	page_allocator_check(sl->lab.pa);
	assert_int_equal(lab_free_pages(&sl->lab) + lab_lost_pages(&sl->lab), ALL_PAGES);
	assert_int_equal(sl->lab.pa->layer->live_objs, lab_lost_pages(&sl->lab));
	lab_close(&sl->lab);
}

static void *take(struct slab_lab *sl, struct slab_cache *cache)
{
	void *object = slab_lab_alloc(sl, 0, cache, GFP_KERNEL, 0);

	slab_cache_check(cache);
	page_allocator_check(sl->lab.pa);
	return object;
}

static void give_back(struct slab_lab *sl, struct slab_cache *cache, void *object)
{
	slab_lab_free(sl, 0, cache, object);
	slab_cache_check(cache);
	page_allocator_check(sl->lab.pa);
}

/* Each object begins on a cache line; caches share pages until a page comes between. */
static void objects_of_all_caches_share_pages(void **state)
{
	struct slab_cache *small, *large;
	struct slab_lab sl;
	struct page *page;
	void *o[4];

	(void)state;
	boot_open(&sl, "boot:page_allocator", "bootmem:slabifier");
	small = slab_lab_cache(&sl, &rooms[0], "small", 24);
	large = slab_lab_cache(&sl, &rooms[1], "large", 6000);
	o[0] = take(&sl, small);
	o[1] = take(&sl, large);
	o[2] = take(&sl, small);
	assert_int_equal(virt_to_phys(o[0]), PHYS(FIRST));
	assert_int_equal(virt_to_phys(o[1]), PHYS(FIRST) + 64);
	assert_int_equal(virt_to_phys(o[2]), PHYS(FIRST + 1) + 1984);
	assert_pages(FIRST, 4, "|S|S|_|_|");
	for (int i = 0; i < 3; i++) {
		page = virt_to_page(o[i]);
		assert_true(page->flags & PG_mixed);
		assert_ptr_equal(slab_cache_of(page, o[i]), i == 1 ? large : small);
	}
	assert_ptr_equal(slab_cache_of(page, (char *)o[1] + 5999), large);
	assert_null(slab_cache_of(page, (char *)o[2] + 24)); /* behind the last one */
	page = lab_alloc(&sl.lab, 0, 0, GFP_KERNEL, 0);
	o[3] = take(&sl, small);
	assert_int_equal(virt_to_phys(o[3]), PHYS(FIRST + 3)); /* a page of its own, for 24 bytes */
	assert_pages(FIRST, 5, "|S|S|U|S|_|");
	lab_free(&sl.lab, 0, page, 0);
	for (int i = 0; i < 4; i++)
		give_back(&sl, i == 1 ? large : small, o[i]);
	assert_pages(FIRST, 5,
		     "|S|S|_|S|_|"); /* nothing lies there any more, and nothing came back */
	assert_int_equal(lab_lost_pages(&sl.lab), 3);
	assert_int_equal(bootmem_slab_counts(sl.sa)->nr_objects, 4);
	assert_int_equal(bootmem_slab_counts(sl.sa)->nr_late, 0);
	assert_int_equal(bootmem_slab_counts(sl.sa)->lost_bytes, 3 * 24 + 6000);
	assert_int_equal(slab_cache_destroy(small) + slab_cache_destroy(large), 0);
	boot_close(&sl);
}

/* Whole pages inside come back, early; borders never do. */
static void whole_pages_come_back(void **state)
{
	struct slab_cache *huge, *page_sized;
	struct slab_lab sl;
	void *a, *b;

	(void)state;
	boot_open(&sl, "boot:page_allocator", "bootmem:slabifier");
	huge = slab_lab_cache(&sl, &rooms[0], "huge", 4 * PAGE_SIZE + 100);
	page_sized = slab_lab_cache(&sl, &rooms[1], "page", PAGE_SIZE);
	a = take(&sl, huge);
	b = take(&sl, page_sized);
	assert_pages(FIRST, 7, "|S|S|S|S|S|S|_|");
	give_back(&sl, huge, a);
	assert_pages(FIRST, 3, "|_|__|");
	assert_pages(FIRST + 4, 3, "|S|S|_|");
	assert_int_equal(bootmem_slab_counts(sl.sa)->lost_bytes, 100);
	assert_ptr_equal(slab_cache_of(virt_to_page(b), b), page_sized);
	assert_int_equal(virt_to_phys(take(&sl, page_sized)), PHYS(FIRST)); /* the first fit */
	give_back(&sl, page_sized, page_address(pfn_to_page(FIRST)));
	give_back(&sl, page_sized, b);
	assert_int_equal(bootmem_slab_counts(sl.sa)->lost_bytes, 100 + PAGE_SIZE);
	assert_int_equal(slab_cache_destroy(huge) + slab_cache_destroy(page_sized), 0);
	boot_close(&sl);
}

/* After the hand-over the base serves, and an early object that is freed is lost. */
static void late_frees_are_lost(void **state)
{
	struct slab_cache *cache;
	struct slab_lab sl;
	void *early[2], *late;

	(void)state;
	boot_open(&sl, "boot:page_allocator", "bootmem:slabifier");
	cache = slab_lab_cache(&sl, &rooms[0], "page", PAGE_SIZE);
	early[0] = take(&sl, cache);
	early[1] = take(&sl, cache);
	memset(early[1], 0x5a, PAGE_SIZE);
	assert_pages(FIRST, 4, "|S|S|_|_|");
	lab_hand_over(&sl.lab);
	assert_pages(FIRST, 3, "|S|S|.|");
	late = take(&sl, cache);
	assert_false(virt_to_page(late)->flags & PG_mixed);
	give_back(&sl, cache, early[0]);
	assert_pages(FIRST, 3, "|S|S|.|");
	for (unsigned int i = 0; i < PAGE_SIZE; i++)
		assert_int_equal(((u8 *)early[1])[i], 0x5a);
	slab_free_object(virt_to_head_page(early[1]), early[1]); /* as kfree does */
	give_back(&sl, cache, late);
	assert_int_equal(bootmem_slab_counts(sl.sa)->nr_late, 2);
	assert_int_equal(bootmem_slab_counts(sl.sa)->lost_bytes, 2 * PAGE_SIZE);
	assert_int_equal(cache->layer->live_objs, 0);
	assert_int_equal(slab_cache_destroy(cache), 0);
	boot_close(&sl);
}

static void mistakes_are_found(void **state)
{
	struct slab_cache *cache, *other;
	struct slab_lab sl;
	char *object;

	(void)state;
	boot_open(&sl, "boot:page_allocator", "bootmem:slabifier");
	cache = slab_lab_cache(&sl, &rooms[0], "one", 100);
	other = slab_lab_cache(&sl, &rooms[1], "other", 100);
	object = take(&sl, cache);
	give_back(&sl, cache, object + 8);
	assert_says(sl.lab.event, "invalid_pointer: cache one");
	give_back(&sl, other, object);
	assert_says(sl.lab.event, "invalid_pointer: cache other");
	give_back(&sl, cache, (char *)&sl);
	assert_says(sl.lab.event, "invalid_pointer: cache one");
	give_back(&sl, cache, object);
	assert_int_equal(sl.lab.nr_events, 3);
	give_back(&sl, cache, object);
	assert_says(sl.lab.event, "double_free: cache one");
	assert_int_equal(sl.lab.nr_events, 4);
	assert_int_equal(cache->layer->live_objs, 0);
	assert_int_equal(slab_cache_destroy(cache), 0);
	slab_free_object(virt_to_page(object), object); /* nobody knows it any more */
	assert_says(sl.lab.event, "invalid_pointer: kfree of");
	object = take(&sl, other);
	assert_int_equal(slab_cache_destroy(other), 1);
	assert_says(sl.lab.event, "leak: cache other: 1 objects still in use");
	lab_close(&sl.lab);
}

/* Layers below have nothing of it: what they stood on has gone. */
static void leaks_are_early_objects_alone(void **state)
{
	static const char *const chains[] = {"bootmem:slabifier", "bootmem:debug:slabifier",
					     "bootmem:rcu:caching:slabifier", "rcu:bootmem:slob"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		struct slab_cache *cache;
		struct slab_lab sl;
		char *object;

		boot_open(&sl, "boot:page_allocator", chains[i]);
		cache = slab_lab_cache(&sl, &rooms[0], "held", 100);
		object = take(&sl, cache);
		memset(object, 0x5a, 100);
		assert_int_equal(slab_cache_destroy(cache), 1);
		assert_string_equal(sl.lab.event, "leak: cache held: 1 objects still in use");
		assert_int_equal(sl.lab.nr_events, 1);
		slab_free_object(virt_to_page(object), object);
		assert_says(sl.lab.event, "invalid_pointer: cache held");
		lab_close(&sl.lab);
	}
}

/* bootmem clears nothing and hands out what others left: only what a user does wrong is wrong. */
static void debug_watches_early_objects(void **state)
{
	struct slab_cache *cache;
	struct slab_lab sl;
	char *object;

	(void)state;
	boot_open(&sl, "boot:page_allocator", "debug:bootmem:slabifier");
	cache = slab_lab_cache(&sl, &rooms[0], "watched", 3 * PAGE_SIZE);
	object = take(&sl, cache);
	memset(object, 0x11, 3 * PAGE_SIZE);
	give_back(&sl, cache, object);
	memset(take(&sl, cache), 0x22, 3 * PAGE_SIZE);
	object = take(&sl, cache);
	assert_int_equal(sl.lab.nr_events, 0);
	object[3 * PAGE_SIZE] ^= 1;
	give_back(&sl, cache, object);
	assert_says(sl.lab.event, "redzone: BUG watched: Right Redzone overwritten");
	assert_int_equal(sl.lab.nr_events, 1);
	lab_close(&sl.lab);
}

static void nodes_without_memory_have_the_nearest(void **state)
{
	struct slab_cache *cache;
	struct slab_lab sl;
	void *object;

	(void)state;
	boot_open(&sl, "boot:page_allocator", "bootmem:slabifier");
	cache = slab_lab_cache(&sl, &rooms[0], "near", 64);
	object = slab_lab_alloc(&sl, 2, cache, GFP_KERNEL, -1);
	assert_int_equal(virt_to_phys(object), PHYS(THIRD));
	slab_lab_free(&sl, 2, cache, object);
	object = slab_lab_alloc(&sl, 0, cache, GFP_KERNEL, 1);
	assert_int_equal(virt_to_phys(object), PHYS(THIRD) + 64);
	slab_lab_free(&sl, 0, cache, object);
	assert_null(slab_lab_alloc(&sl, 0, cache, GFP_KERNEL | __GFP_THISNODE, 1));
	assert_int_equal(slab_cache_destroy(cache), 0);
	boot_close(&sl);
}

/* What readers may still look at is handed out again by nobody. */
static void contents_wait_for_readers(void **state)
{
	static const char *const chains[][2] = {
		{"rcu:boot:page_allocator", "bootmem:slabifier"},
		{"boot:page_allocator", "bootmem:rcu:slabifier"},
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct slab_cache *cache;
		struct slab_lab sl;
		void *object;

		boot_open(&sl, chains[i][0], chains[i][1]);
		cache = slab_lab_cache(&sl, &rooms[0], "read", PAGE_SIZE);
		object = take(&sl, cache);
		give_back(&sl, cache, object);
		assert_ptr_not_equal(take(&sl, cache), object);
		assert_true(bootmem_slab_counts(sl.sa)->lost_bytes >= PAGE_SIZE);
		lab_close(&sl.lab);
	}
}

/* kmalloc and kfree over the whole phase, and what early slabs need of memory beside bootmem. */
static u64 kept_pages(const char *slab)
{
	struct boot_counts counts;
	static struct kmalloc km;
	struct slab_lab sl;
	void *objects[600];

	boot_open(&sl, "boot:page_allocator", slab);
	kmalloc_init(&km, sl.sa, sl.lab.pa, NULL);
	for (int i = 0; i < 600; i++) {
		objects[i] = kmalloc(&km, (size_t)(8 + i % 90), GFP_KERNEL);
		if (i % 3 == 1)
			kfree(&km, objects[i]);
		if (i % 100 == 0)
			assert_non_null(lab_alloc(&sl.lab, 0, 0, GFP_KERNEL, 0));
	}
	mem_init(boot_layer(sl.lab.pa), &counts);
	kmem_cache_init();
	for (int i = 0; i < 600; i++)
		if (i % 3 != 1)
			kfree(&km, objects[i]);
	assert_int_equal(kmalloc_destroy(&km), 0);
	slab_allocator_put(sl.sa);
	lab_settle(&sl.lab);
	page_allocator_check(sl.lab.pa);
	assert_int_equal(lab_free_pages(&sl.lab) + lab_lost_pages(&sl.lab) + 6, ALL_PAGES);
	lab_close(&sl.lab);
	return counts.kept;
}

static void early_slabs_keep_less_than_bootmem(void **state)
{
	(void)state;
	assert_true(kept_pages("slabifier(max_order=0)") < kept_pages("bootmem:slabifier"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_of_all_caches_share_pages),
		cmocka_unit_test(whole_pages_come_back),
		cmocka_unit_test(late_frees_are_lost),
		cmocka_unit_test(mistakes_are_found),
		cmocka_unit_test(leaks_are_early_objects_alone),
		cmocka_unit_test(debug_watches_early_objects),
		cmocka_unit_test(nodes_without_memory_have_the_nearest),
		cmocka_unit_test(contents_wait_for_readers),
		cmocka_unit_test(early_slabs_keep_less_than_bootmem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
