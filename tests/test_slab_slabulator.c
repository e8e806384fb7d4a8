/*
 * The slabulator: what each flag derives, constructors, panics, and what is refused.
 */
#include "tests/test.h"

#include <string.h>

#include "alloc/slabinfo.h"
#include "tests/slab_lab.h"

#define LARGE_NODE "  - {memory: 64MiB, cpus: 0-1, distance: [10]}\n"

static struct slabulator su;

static void open_slabulator(struct slab_lab *sl, const char *pages, const char *slab)
{
	slab_lab_open(sl, LARGE_NODE, pages, slab);
	slabulator_init(&su, sl->sa, sl->lab.pa);
}

static void open_plain(struct slab_lab *sl)
{
	open_slabulator(sl, "page_allocator(pcp=off)", "slabifier");
}

static void close_slabulator(struct slab_lab *sl)
{
	assert_int_equal(slabulator_destroy(&su), 0);
	assert_int_equal(sl->sa->refs, 1);
	slab_lab_close(sl);
}

static struct kmem_cache *plain(const char *name, unsigned int size, slab_flags_t flags)
{
	return kmem_cache_create(&su, name, size, 0, flags, NULL, NULL);
}

static void the_classical_interface(void **state)
{
	struct slab_lab sl;
	struct kmem_cache *k;
	char *a, *b;

	(void)state;
	open_plain(&sl);
	k = plain("thing", 100, 0);
	assert_string_equal(kmem_cache_name(k), "thing");
	assert_int_equal(kmem_cache_size(k), 100);
	a = kmem_cache_alloc(k, GFP_KERNEL);
	memset(a, 0xff, 100);
	kmem_cache_free(k, a);
	b = kmem_cache_zalloc(k, GFP_KERNEL);
	assert_ptr_equal(b, a);
	for (int i = 0; i < 100; i++)
		assert_int_equal(b[i], 0);
	kmem_cache_free(k, b);
	a = kmem_cache_alloc_node(k, GFP_KERNEL, 0);
	assert_int_equal(page_to_nid(virt_to_page(a)), 0);
	kmem_cache_free(k, a);
	assert_int_equal(kmem_cache_shrink(k), 1);
	assert_int_equal(lab_free_pages(&sl.lab), sl.free_pages);
	assert_int_equal(kmem_cache_destroy(k), 0);
	assert_int_equal(sl.lab.nr_events, 0);
	close_slabulator(&sl);
}

/* The table of calculate_alignment, mm/slab_common.c. */
static void objects_lie_on_cache_lines(void **state)
{
	static const struct {
		unsigned int size, asked, align;
	} cases[] = {{1, 0, 8},	   {8, 0, 8},	{9, 0, 16},	{16, 0, 16},
		     {17, 0, 32},  {32, 0, 32}, {33, 0, 64},	{200, 0, 64},
		     {20, 64, 64}, {8, 16, 16}, {200, 128, 128}};
	struct slab_lab sl;

	(void)state;
	open_plain(&sl);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kmem_cache *k =
			kmem_cache_create(&su, "aligned", cases[i].size, cases[i].asked,
					  SLAB_HWCACHE_ALIGN, NULL, NULL);

		assert_int_equal(k->cache->align, cases[i].align);
	}
	assert_int_equal(plain("packed", 20, 0)->cache->align, 8);
	close_slabulator(&sl);
}

static void dma_caches_lie_low(void **state)
{
	struct slab_lab sl;
	struct kmem_cache *k, *high;
	void *a, *b;

	(void)state;
	open_plain(&sl);
	k = plain("low", 64, SLAB_CACHE_DMA);
	high = plain("high", 64, 0);
	a = kmem_cache_alloc(k, GFP_KERNEL);
	b = kmem_cache_alloc(high, GFP_KERNEL);
	assert_int_equal(page_zone(virt_to_page(a))->type, ZONE_DMA);
	assert_int_equal(page_zone(virt_to_page(b))->type, ZONE_DMA32);
	kmem_cache_free(k, a);
	kmem_cache_free(high, b);
	close_slabulator(&sl);
}

static void reclaimable_pages_are_counted(void **state)
{
	struct slab_lab sl;
	struct kmem_cache *k;
	struct zone *zone;
	void *a;

	(void)state;
	open_plain(&sl);
	k = plain("inodes", 600, SLAB_RECLAIM_ACCOUNT);
	a = kmem_cache_alloc(k, GFP_KERNEL);
	zone = page_zone(virt_to_page(a));
	assert_int_equal(zone->vm_stat[NR_SLAB_RECLAIMABLE], 1 << k->cache->order);
	assert_int_equal(virt_to_head_page(a)->migratetype, MIGRATE_RECLAIMABLE);
	kmem_cache_free(k, a);
	kmem_cache_shrink(k);
	assert_int_equal(zone->vm_stat[NR_SLAB_RECLAIMABLE], 0);
	close_slabulator(&sl);
}

/* The object is handed out again at once; its slab waits. */
static void slabs_wait_for_readers(void **state)
{
	struct slab_lab sl;
	struct kmem_cache *k;
	void *a;

	(void)state;
	assert_int_equal(SLAB_DESTROY_BY_RCU, SLAB_TYPESAFE_BY_RCU);
	open_plain(&sl);
	k = plain("sock", 1000, SLAB_DESTROY_BY_RCU);
	a = kmem_cache_alloc(k, GFP_KERNEL);
	kmem_cache_free(k, a);
	assert_ptr_equal(kmem_cache_alloc(k, GFP_KERNEL), a);
	kmem_cache_free(k, a);
	assert_int_equal(kmem_cache_shrink(k), 1);
	assert_int_equal(lab_free_pages(&sl.lab) + (1U << k->cache->order), sl.free_pages);
	lab_settle(&sl.lab);
	assert_int_equal(lab_free_pages(&sl.lab), sl.free_pages);
	close_slabulator(&sl);
}

static void debug_flags_find_what_they_say(void **state)
{
	struct slab_lab sl;
	struct kmem_cache *red, *poison, *user;
	char *a;

	(void)state;
	open_plain(&sl);
	red = plain("red", 60, SLAB_RED_ZONE);
	poison = plain("poison", 60, SLAB_POISON);
	user = plain("user", 60, SLAB_STORE_USER);
	a = kmem_cache_alloc(red, GFP_KERNEL);
	a[60] = 1;
	kmem_cache_free(red, a);
	assert_says(sl.lab.event, "redzone: BUG red: Right Redzone overwritten");
	a = kmem_cache_alloc(red, GFP_KERNEL);
	kmem_cache_free(red, a);
	a[5] = 1; /* nothing watches contents here */
	kmem_cache_free(red, kmem_cache_alloc(red, GFP_KERNEL));
	assert_int_equal(sl.lab.nr_events, 1);

	a = kmem_cache_alloc(poison, GFP_KERNEL);
	a[60] = 1; /* nor the bytes behind it here */
	kmem_cache_free(poison, a);
	assert_int_equal(sl.lab.nr_events, 1);
	a[5] = 1;
	kmem_cache_free(poison, kmem_cache_alloc(poison, GFP_KERNEL));
	assert_says(sl.lab.event, "use_after_free: BUG poison: Poison overwritten");

	a = kmem_cache_alloc(user, GFP_KERNEL);
	kmem_cache_free(user, a);
	kmem_cache_free(user, a);
	assert_says(sl.lab.event, "double_free: BUG user");
	assert_int_equal(sl.lab.nr_events, 3);
	close_slabulator(&sl);
}

/* Once for each set of flags; they go with the last cache of theirs. */
static void derived_allocators_are_shared(void **state)
{
	struct slab_lab sl;
	struct kmem_cache *a, *b, *c;

	(void)state;
	open_plain(&sl);
	a = plain("a", 64, SLAB_DESTROY_BY_RCU | SLAB_RECLAIM_ACCOUNT);
	b = plain("b", 80, SLAB_DESTROY_BY_RCU | SLAB_RECLAIM_ACCOUNT | SLAB_HWCACHE_ALIGN);
	c = plain("c", 80, SLAB_RECLAIM_ACCOUNT);
	assert_ptr_equal(a->cache->page_alloc, b->cache->page_alloc);
	assert_ptr_not_equal(a->cache->page_alloc, c->cache->page_alloc);
	assert_string_equal(a->cache->page_alloc->name, "rcu:reclaimable:page_allocator");
	assert_int_equal(su.nr_derived, 2);
	kmem_cache_destroy(a);
	assert_int_equal(b->slabs->derived->refs, 1);
	kmem_cache_destroy(b);
	kmem_cache_destroy(c);
	assert_true(list_empty(&su.derived));
	assert_int_equal(sl.lab.pa->refs, 2); /* the lab's and the slabifier's */
	close_slabulator(&sl);
}

/* What the chains do already is not done twice. */
static void what_is_there_is_not_derived_again(void **state)
{
	struct slab_lab sl;
	struct kmem_cache *k;

	(void)state;
	open_slabulator(&sl, "rcu:reclaimable:page_allocator(pcp=off)",
			"debug(poison=off):slabifier");
	k = plain("a", 64, SLAB_DESTROY_BY_RCU | SLAB_RECLAIM_ACCOUNT | SLAB_RED_ZONE);
	assert_ptr_equal(k->slabs->derived->pages, sl.lab.pa);
	assert_ptr_equal(k->slabs->derived->slab, sl.sa);
	kmem_cache_free(k, kmem_cache_alloc(k, GFP_KERNEL));
	close_slabulator(&sl);
	/* Counted once, as the chain says. */
	open_slabulator(&sl, "unreclaimable:page_allocator(pcp=off)", "slabifier");
	k = plain("a", 64, SLAB_RECLAIM_ACCOUNT);
	assert_ptr_equal(k->slabs->derived->pages, sl.lab.pa);
	close_slabulator(&sl);
}

/* ---- Constructors ---- */

static u64 nr_made, nr_unmade;

static void make(void *object, struct kmem_cache *k, unsigned int mode)
{
	(void)mode;
	memset(object, 0x77, k->size);
	nr_made++;
}

static void unmake(void *object, struct kmem_cache *k, unsigned int mode)
{
	(void)mode;
	for (unsigned int i = 0; i < k->size; i++)
		assert_int_equal(((u8 *)object)[i], 0x77);
	nr_unmade++;
}

/* Each object is made once, whole, and stays so over alloc and free, until its slab goes. */
static void objects_stay_constructed(void **state)
{
	static const char *const chains[] = {"slabifier", "rcu:slabifier", "caching:slabifier"};
	static const unsigned int sizes[] = {8, 20, 64, 100, 1000, 5000};
	struct slab_lab sl;

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(chains); c++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			struct kmem_cache *k;
			u8 *objects[20];

			nr_made = nr_unmade = 0;
			open_slabulator(&sl, "page_allocator(pcp=off)", chains[c]);
			k = kmem_cache_create(&su, "made", sizes[i], 0, 0, make, unmake);
			assert_int_equal(kmem_cache_size(k), sizes[i]);
			for (int round = 0; round < 3; round++) {
				for (int n = 0; n < 20; n++) {
					objects[n] = kmem_cache_alloc(k, GFP_KERNEL);
					for (unsigned int at = 0; at < sizes[i]; at++)
						assert_int_equal(objects[n][at], 0x77);
				}
				for (int n = 0; n < 20; n++)
					kmem_cache_free(k, objects[n]);
				lab_settle(&sl.lab);
			}
			assert_true(nr_made >= 20);
			kmem_cache_destroy(k);
			assert_int_equal(nr_made, nr_unmade);
			assert_int_equal(sl.lab.nr_events, 0);
			close_slabulator(&sl);
		}
	}
}

/* With SLAB_DESTROY_BY_RCU the destructor runs when the grace period is over. */
static void destructors_wait_for_readers(void **state)
{
	struct slab_lab sl;
	struct kmem_cache *k;
	u8 *a;

	(void)state;
	nr_made = nr_unmade = 0;
	open_plain(&sl);
	k = kmem_cache_create(&su, "made", 100, 0, SLAB_DESTROY_BY_RCU, make, unmake);
	assert_string_equal(k->cache->page_alloc->name, "rcu:ctor_dtor:page_allocator");
	a = kmem_cache_alloc(k, GFP_KERNEL);
	kmem_cache_free(k, a);
	kmem_cache_shrink(k);
	assert_int_equal(nr_unmade, 0);
	assert_int_equal(a[0], 0x77);
	lab_settle(&sl.lab);
	assert_int_equal(nr_unmade, nr_made);
	close_slabulator(&sl);
}

static void zeroing_what_was_made_is_left_out(void **state)
{
	struct slab_lab sl;
	struct kmem_cache *k;
	u8 *a;

	(void)state;
	open_plain(&sl);
	k = kmem_cache_create(&su, "made", 100, 0, 0, make, NULL);
	a = kmem_cache_zalloc(k, GFP_KERNEL);
	assert_int_equal(a[50], 0x77);
	assert_says(sl.lab.event, "warn: cache made: __GFP_ZERO would undo");
	kmem_cache_free(k, a);
	close_slabulator(&sl);
}

/* ---- What is refused ---- */

static const struct {
	const char *pages, *slab;
	slab_flags_t flags;
	kmem_ctor_fn ctor, dtor;
	const char *why;
} senseless[] = {
	{"page_allocator", "slabifier", SLAB_POISON | SLAB_DESTROY_BY_RCU, NULL, NULL,
	 "SLAB_POISON would write over objects that readers may still look at"},
	{"page_allocator", "slabifier", SLAB_POISON, make, NULL,
	 "SLAB_POISON would write over what the constructor made"},
	{"page_allocator", "slabifier", SLAB_RED_ZONE, make, NULL,
	 "red zones and users' names shift objects"},
	{"page_allocator", "debug:slabifier", 0, make, NULL,
	 "objects of 'debug:slabifier' do not begin where their chunks do"},
	{"page_allocator", "queued_slab", 0, make, NULL,
	 "objects of 'queued_slab' do not begin where their chunks do"},
	{"page_allocator", "debug:slabifier", SLAB_DESTROY_BY_RCU, NULL, NULL,
	 "'debug:slabifier' writes over them"},
	{"rcu:page_allocator", "slabifier", 0, make, unmake,
	 "the destructor would run before the grace period"},
	{"page_allocator", "rcu:slabifier", SLAB_RED_ZONE, NULL, NULL, "a free waits in"},
	{"page_allocator", "null", SLAB_RED_ZONE, NULL, NULL, "keeps nothing"},
	{"page_allocator", "null", 0, make, NULL, "keeps nothing"},
	{"page_allocator", "slabifier", 1, NULL, NULL, "flags 0x1 are none of a cache's"},
};

static void what_makes_no_sense_is_refused(void **state)
{
	struct slab_lab sl;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(senseless); i++) {
		open_slabulator(&sl, senseless[i].pages, senseless[i].slab);
		assert_null(kmem_cache_create(&su, "bad", 100, 0, senseless[i].flags,
					      senseless[i].ctor, senseless[i].dtor));
		assert_says(su.why.msg, senseless[i].why);
		assert_says(sl.lab.event, "refused: kmem_cache_create of 'bad': ");
		assert_false(su.panicked);
		close_slabulator(&sl);
	}
}

static void sizes_that_cannot_be_are_refused(void **state)
{
	struct slab_lab sl;

	(void)state;
	open_plain(&sl);
	assert_null(plain("nothing", 0, 0));
	assert_says(su.why.msg, "objects of 0 bytes");
	assert_null(plain("endless", ~0U, 0));
	assert_null(kmem_cache_create(&su, "skew", 64, 24, 0, NULL, NULL));
	assert_null(kmem_cache_create(&su, "far", 4000000, 0, SLAB_RED_ZONE, make, NULL));
	close_slabulator(&sl);
}

static void a_cache_one_cannot_do_without(void **state)
{
	struct slab_lab sl;

	(void)state;
	open_plain(&sl);
	assert_non_null(plain("fine", 64, SLAB_PANIC));
	assert_false(su.panicked);
	assert_null(kmem_cache_create(&su, "vital", 64, 24, SLAB_PANIC, NULL, NULL));
	assert_says(sl.lab.event, "oom: Kernel panic - not syncing: kmem_cache_create: Failed to "
				  "create slab 'vital'");
	assert_true(su.panicked);
	close_slabulator(&sl);
}

static void live_objects_are_leaked_on_purpose(void **state)
{
	struct slab_lab sl;
	struct kmem_cache *k;
	char *a;

	(void)state;
	open_plain(&sl);
	k = plain("held", 64, SLAB_RECLAIM_ACCOUNT);
	a = kmem_cache_alloc(k, GFP_KERNEL);
	memset(a, 0x55, 64);
	assert_int_equal(kmem_cache_destroy(k), 1);
	assert_says(sl.lab.event, "leak: cache held: 1 objects");
	assert_int_equal(a[63], 0x55);
	assert_true(list_empty(&su.caches));
	lab_close(&sl.lab); /* what it stands on stays with it */
}

/* Names that match stand on another chain. */
static void choices_are_taken_in_order(void **state)
{
	struct slab_choice choices[2] = {{.glob = "ext4_*"}, {.glob = "*_cache"}};
	struct slab_lab sl;

	(void)state;
	open_plain(&sl);
	choices[0].slab = dmaify_slab_allocator(slab_allocator_get(sl.sa));
	choices[1].slab = debug_slab_allocator(slab_allocator_get(sl.sa));
	su.choices = choices;
	su.nr_choices = 2;
	assert_ptr_equal(plain("ext4_inode_cache", 64, 0)->cache->slab_alloc, choices[0].slab);
	assert_ptr_equal(plain("inode_cache", 64, 0)->cache->slab_alloc, choices[1].slab);
	assert_ptr_equal(plain("dentry", 64, 0)->cache->slab_alloc, sl.sa);
	assert_int_equal(choices[0].nr_caches, 1);
	assert_int_equal(choices[1].nr_caches, 1);
	assert_int_equal(slabulator_destroy(&su), 0);
	slab_allocator_put(choices[0].slab);
	slab_allocator_put(choices[1].slab);
	slab_lab_close(&sl);
}

/* Byte for byte what Linux 6.1 prints. */
static void slabinfo_is_as_in_proc(void **state)
{
	static const char want[] =
		"slabinfo - version: 2.1\n"
		"# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
		" : tunables <limit> <batchcount> <sharedfactor>"
		" : slabdata <active_slabs> <num_slabs> <sharedavail>\n"
		"quiet                  0      0    512    8    1 : tunables    0    0    0"
		" : slabdata      0      0      0\n"
		"dentry                21     21    192   21    1 : tunables    0    0    0"
		" : slabdata      1      1      0\n";
	char buf[1000];
	struct text t = text_in(buf, sizeof(buf));
	struct kmem_cache *k;
	struct slab_lab sl;
	void *object;

	(void)state;
	open_slabulator(&sl, "page_allocator(pcp=off)", "slabifier(max_order=0)");
	k = plain("dentry", 192, 0);
	plain("quiet", 512, 0);
	object = kmem_cache_alloc(k, GFP_KERNEL);
	slabulator_slabinfo(&su, &t);
	assert_string_equal(buf, want);
	kmem_cache_free(k, object);
	close_slabulator(&sl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_classical_interface),
		cmocka_unit_test(objects_lie_on_cache_lines),
		cmocka_unit_test(dma_caches_lie_low),
		cmocka_unit_test(reclaimable_pages_are_counted),
		cmocka_unit_test(slabs_wait_for_readers),
		cmocka_unit_test(debug_flags_find_what_they_say),
		cmocka_unit_test(derived_allocators_are_shared),
		cmocka_unit_test(what_is_there_is_not_derived_again),
		cmocka_unit_test(objects_stay_constructed),
		cmocka_unit_test(destructors_wait_for_readers),
		cmocka_unit_test(zeroing_what_was_made_is_left_out),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(sizes_that_cannot_be_are_refused),
		cmocka_unit_test(a_cache_one_cannot_do_without),
		cmocka_unit_test(live_objects_are_leaked_on_purpose),
		cmocka_unit_test(choices_are_taken_in_order),
		cmocka_unit_test(slabinfo_is_as_in_proc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
