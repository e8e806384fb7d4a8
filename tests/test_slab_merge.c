/*
 * Merging: who shares slabs with whom, and what stays apart.
 */
#include "tests/test.h"

#include <string.h>

#include "alloc/kmalloc.h"
#include "tests/slab_lab.h"

static struct slabulator su;
static struct kmalloc km;

static void open_merging(struct slab_lab *sl, const char *slab)
{
	slab_lab_open(sl, LAB_NODE, "page_allocator(pcp=off)", slab);
	slabulator_init(&su, sl->sa, sl->lab.pa);
	su.merge = true;
	kmalloc_init_by(&km, &su, NULL);
}

static void close_merging(struct slab_lab *sl)
{
	assert_int_equal(kmalloc_destroy(&km) + slabulator_destroy(&su), 0);
	assert_true(list_empty(&su.slabs));
	slab_lab_close(sl);
}

static void nothing(void *object, struct kmem_cache *k, unsigned int mode)
{
	(void)object, (void)k, (void)mode;
}

static struct kmem_cache *make(const char *name, unsigned int size, unsigned int align,
			       slab_flags_t flags)
{
	struct kmem_cache *k = kmem_cache_create(&su, name, size, align, flags, NULL, NULL);

	assert_non_null(k);
	return k;
}

static void kmalloc_classes_come_first(void **state)
{
	static const struct {
		unsigned int size, align;
		slab_flags_t flags;
		const char *with; /* NULL: slabs of its own */
	} cases[] = {
		{64, 0, 0, "kmalloc-64"},
		{57, 0, 0, "kmalloc-64"},
		{56, 0, 0, NULL}, /* a whole word would be wasted */
		{90, 0, 0, "kmalloc-96"},
		{90, 32, 0, "kmalloc-96"}, /* 96 is three times 32 */
		{90, 64, 0, "kmalloc-128"},
		{60, 0, SLAB_HWCACHE_ALIGN, "kmalloc-64"},
		{20, 0, SLAB_HWCACHE_ALIGN, "kmalloc-32"},
		{64, 0, SLAB_ACCOUNT, "kmalloc-cg-64"},
		{8192, 0, 0, "kmalloc-8k"},
		{9000, 0, 0, NULL},
		{200, 0, 0, NULL},
		{64, 0, SLAB_NO_MERGE, NULL},
		{64, 0, SLAB_TYPESAFE_BY_RCU, NULL},
		{64, 0, SLAB_POISON, NULL},
		{64, 0, SLAB_RED_ZONE, NULL},
		{64, 0, SLAB_STORE_USER, NULL},
		{64, 0, SLAB_RECLAIM_ACCOUNT, NULL}, /* other pages */
		{64, 0, SLAB_CACHE_DMA, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kmem_cache *k;
		struct slab_lab sl;

		open_merging(&sl, "slabifier");
		k = make("mine", cases[i].size, cases[i].align, cases[i].flags);
		assert_string_equal(k->cache->name, cases[i].with ? cases[i].with : "mine");
		assert_string_equal(kmem_cache_name(k), "mine");
		assert_int_equal(kmem_cache_size(k), cases[i].size);
		kmem_cache_free(k, kmem_cache_zalloc(k, GFP_KERNEL));
		close_merging(&sl);
	}
}

/* Each holds one reference; the slabs go with the last. */
static void a_holder_keeps_the_slabs(void **state)
{
	struct slab_lab sl;
	struct kmem_cache *a, *b;
	struct slab_cache *shared;
	void *object;

	(void)state;
	open_merging(&sl, "slabifier");
	a = make("a", 200, 0, 0);
	b = make("b", 196, 0, 0);
	shared = a->cache;
	assert_ptr_equal(b->cache, shared);
	assert_int_equal(shared->refs, 2);
	object = kmem_cache_alloc(b, GFP_KERNEL);
	assert_int_equal(kmem_cache_destroy(a), 0);
	assert_int_equal(shared->refs, 1);
	assert_int_equal(sl.lab.nr_events, 0);
	kmem_cache_free(b, object);
	assert_int_equal(kmem_cache_destroy(b), 0);
	assert_int_equal(lab_free_pages(&sl.lab), sl.free_pages);
	close_merging(&sl);
}

/* kmalloc may go before those who share its classes. */
static void kmalloc_may_go_first(void **state)
{
	struct slab_lab sl;
	struct kmem_cache *k;
	void *object;

	(void)state;
	open_merging(&sl, "slabifier");
	k = make("mine", 64, 0, 0);
	kfree(&km, kmalloc(&km, 64, GFP_KERNEL));
	object = kmem_cache_alloc(k, GFP_KERNEL);
	assert_int_equal(kmalloc_destroy(&km), 0);
	kmem_cache_free(k, object);
	assert_int_equal(slabulator_destroy(&su), 0);
	slab_lab_close(&sl);
}

/* The larger alias needs its bytes: zeroed, and none of a neighbour's. */
static void the_larger_alias_has_its_bytes(void **state)
{
	static const char *const chains[] = {"slabifier", "rcu:slabifier", "caching:slabifier"};
	struct slab_lab sl;

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(chains); c++) {
		struct kmem_cache *a, *b;
		u8 *one[32];

		open_merging(&sl, chains[c]);
		a = make("a", 193, 0, 0);
		b = make("b", 200, 0, 0);
		assert_ptr_equal(a->cache, b->cache);
		assert_true(b->cache->objsize >= 200);
		for (int i = 0; i < 32; i++) {
			one[i] = kmem_cache_zalloc(i & 1 ? a : b, GFP_KERNEL);
			for (unsigned int at = 0; at < (i & 1 ? 193 : 200); at++)
				assert_int_equal(one[i][at], 0);
			memset(one[i], i + 1, i & 1 ? 193 : 200);
		}
		for (int i = 0; i < 32; i++) {
			for (unsigned int at = 0; at < (i & 1 ? 193 : 200); at++)
				assert_int_equal(one[i][at], i + 1);
			slab_object_check(b->cache, one[i]);
			kmem_cache_free(i & 1 ? a : b, one[i]);
		}
		slab_cache_check(b->cache);
		lab_settle(&sl.lab);
		assert_int_equal(sl.lab.nr_events, 0);
		close_merging(&sl);
	}
}

/* What lies behind an object belongs to a layer, not to an alias. */
static void layers_keep_what_is_theirs(void **state)
{
	struct slab_lab sl;
	struct kmem_cache *a;

	(void)state;
	open_merging(&sl, "rcu:slabifier");
	a = make("a", 176, 0, 0); /* its chunk has room for 200 */
	assert_true(a->cache->size >= 200);
	assert_ptr_not_equal(make("b", 200, 0, 0)->cache, a->cache);
	assert_ptr_equal(make("c", 170, 0, 0)->cache, a->cache);
	close_merging(&sl);
}

static void what_is_special_stays_alone(void **state)
{
	struct slab_choice choice = {.glob = "other*"};
	struct slab_lab sl;
	struct kmem_cache *k, *made;

	(void)state;
	open_merging(&sl, "slabifier");
	made = kmem_cache_create(&su, "made", 200, 0, 0, nothing, NULL);
	k = make("plain", made->cache->size, 0, 0);
	assert_ptr_not_equal(made->cache, k->cache);
	assert_ptr_not_equal(make("alone", 200, 0, SLAB_NO_MERGE)->cache,
			     make("mine", 200, 0, 0)->cache);
	/* Of two chains, nothing mixes. */
	choice.slab = caching_slab_allocator(slab_allocator_get(sl.sa));
	su.choices = &choice;
	su.nr_choices = 1;
	assert_ptr_not_equal(make("other", 64, 0, 0)->cache, make("this", 64, 0, 0)->cache);
	assert_int_equal(kmalloc_destroy(&km) + slabulator_destroy(&su), 0);
	slab_allocator_put(choice.slab);
	slab_lab_close(&sl);
}

static void debugged_caches_stay_apart(void **state)
{
	struct slab_lab sl;

	(void)state;
	open_merging(&sl, "debug:slabifier");
	assert_ptr_not_equal(make("a", 64, 0, 0)->cache, make("b", 64, 0, 0)->cache);
	close_merging(&sl);
}

static void off_is_off(void **state)
{
	struct slab_lab sl;

	(void)state;
	open_merging(&sl, "slabifier");
	su.merge = false;
	assert_ptr_not_equal(make("a", 64, 0, 0)->cache, make("b", 64, 0, 0)->cache);
	assert_string_equal(make("c", 64, 0, 0)->cache->name, "c");
	close_merging(&sl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kmalloc_classes_come_first),
		cmocka_unit_test(a_holder_keeps_the_slabs),
		cmocka_unit_test(kmalloc_may_go_first),
		cmocka_unit_test(the_larger_alias_has_its_bytes),
		cmocka_unit_test(layers_keep_what_is_theirs),
		cmocka_unit_test(what_is_special_stays_alone),
		cmocka_unit_test(debugged_caches_stay_apart),
		cmocka_unit_test(off_is_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
