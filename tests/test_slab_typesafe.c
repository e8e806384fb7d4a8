/*
 * SLAB_DESTROY_BY_RCU (SLAB_TYPESAFE_BY_RCU) and constructors, over every registered stack: who
 * found an object under rcu_read_lock may look at it until a grace period after its free. Until
 * then its memory is an object of the same cache, in use or as it was freed; what a constructor
 * made outlives any number of frees. A stack that cannot promise that refuses, and says why.
 */
#include "tests/test.h"

#include "alloc/slabulator.h"
#include "tests/chains.h"
#include "tests/slab_lab.h"

#define NR 40
#define OBJSIZE 120
#define MADE 0xc7

static struct slab_lab sl;
static struct slabulator slabs;
static struct kmem_cache *k;
static unsigned int nr_made, nr_unmade;

/* False if the stack cannot be made. */
static bool open_stack(const char *pages, const char *chain)
{
	struct err e;

	sl = (struct slab_lab){.sa = NULL};
	lab_open(&sl.lab, LAB_TWO_NODES, pages);
	lab_settle(&sl.lab);
	sl.free_pages = lab_free_pages(&sl.lab);
	sl.sa = slab_lab_chain(sl.lab.pa, chain, &e);
	if (!sl.sa) {
		lab_close(&sl.lab);
		return false;
	}
	slabulator_init(&slabs, sl.sa, sl.lab.pa);
	nr_made = nr_unmade = 0;
	return true;
}

static void close_stack(void)
{
	assert_int_equal(slabulator_destroy(&slabs), 0);
	slab_lab_close(&sl);
}

static void *take(int cpu)
{
	u64 entered_ns = machine_enter(sl.lab.m, cpu % 4, sl.lab.m->now_ns);
	void *object = kmem_cache_alloc(k, GFP_KERNEL);

	machine_leave(sl.lab.m, entered_ns);
	assert_non_null(object);
	return object;
}

static void give_back(int cpu, void *object)
{
	u64 entered_ns = machine_enter(sl.lab.m, cpu % 4, sl.lab.m->now_ns);

	if (cpu % 2)
		kmem_cache_free(k, object);
	else
		slab_free_object(virt_to_head_page(object), object);
	machine_leave(sl.lab.m, entered_ns);
}

static bool is_full_of(const u8 *object, u8 byte)
{
	for (int i = 0; i < OBJSIZE; i++)
		if (object[i] != byte)
			return false;
	return true;
}

/* Refused with a reason, and nothing is left. */
static void expect_refusal(const char *chain)
{
	if (strlen(slabs.why.msg) < 20)
		fail_msg("%s: refused for no reason: '%s'", chain, slabs.why.msg);
	assert_says(sl.lab.event, "refused");
}

/* Frames that a reader may still look at belong to nobody else. */
static void readers_look(const char *chain)
{
	u8 *objects[NR], *others[NR];

	for (int i = 0; i < NR; i++) {
		objects[i] = take(i);
		memset(objects[i], i, OBJSIZE);
	}
	for (int i = 0; i < NR; i++)
		give_back(i, objects[i]);
	kmem_cache_shrink(k);
	for (int i = 0; i < NR; i++)
		others[i] = page_address(lab_alloc(&sl.lab, i % 4, 0, GFP_KERNEL, -1));
	for (int i = 0; i < NR; i++) {
		memset(others[i], 0xee, PAGE_SIZE);
		if (!is_full_of(objects[i], (u8)i))
			fail_msg("%s: object %d changed while readers may look", chain, i);
	}
	machine_advance(sl.lab.m, sl.lab.m->now_ns + 100000000);
	for (int i = 0; i < NR; i++)
		lab_free(&sl.lab, i % 4, virt_to_page(others[i]), 0);
}

static void try_typesafe(const char *pages, const char *chain, unsigned int *nr)
{
	struct kmem_cache *other;

	if (!open_stack(pages, chain))
		return;
	k = kmem_cache_create(&slabs, "typesafe", OBJSIZE, 0, SLAB_DESTROY_BY_RCU, NULL, NULL);
	other = kmem_cache_create(&slabs, "other", OBJSIZE, 0, 0, NULL, NULL);
	assert_non_null(other);
	if (k) {
		readers_look(chain);
		++*nr;
	} else {
		expect_refusal(chain);
	}
	close_stack();
}

static void make(void *object, struct kmem_cache *cache, unsigned int mode)
{
	(void)cache, (void)mode;
	memset(object, MADE, OBJSIZE);
	nr_made++;
}

static void unmake(void *object, struct kmem_cache *cache, unsigned int mode)
{
	(void)cache, (void)mode;
	assert_true(is_full_of(object, MADE));
	nr_unmade++;
}

/* Freed as it was made, an object is found as it was made: the constructor runs once a slab. */
static void constructed_outlives_free(const char *chain)
{
	void *objects[NR];
	unsigned int made;

	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < NR; i++) {
			objects[i] = take(i);
			if (!is_full_of(objects[i], MADE))
				fail_msg("%s: an object is not as it was made", chain);
		}
		made = nr_made;
		for (int i = 0; i < NR; i++)
			give_back(i + round, objects[i]);
		for (int i = 0; i < NR; i++)
			assert_true(is_full_of(objects[i], MADE));
		if (round % 2)
			machine_advance(sl.lab.m, sl.lab.m->now_ns + 100000000);
	}
	assert_true(made >= NR);
	kmem_cache_destroy(k);
	lab_settle(&sl.lab);
	assert_int_equal(nr_unmade, nr_made);
}

static void try_constructed(const char *pages, const char *chain, slab_flags_t flags,
			    unsigned int *nr)
{
	if (!open_stack(pages, chain))
		return;
	k = kmem_cache_create(&slabs, "made", OBJSIZE, 0, flags, make, unmake);
	if (k) {
		constructed_outlives_free(chain);
		++*nr;
	} else {
		expect_refusal(chain);
	}
	close_stack();
}

static struct chains every_chain(void)
{
	struct chains c = {0};

	for (unsigned int layers = 0; layers <= 2; layers++)
		chains_add(&c, ALLOC_SLAB, layers, CHAINS_KEEPING);
	return c;
}

static void readers_may_look_until_a_grace_period(void **state)
{
	struct chains c = every_chain();
	unsigned int nr = 0;

	(void)state;
	for (size_t i = 0; i < c.nr; i++) {
		try_typesafe("page_allocator", c.text[i], &nr);
		try_typesafe("reclaimable:bitmap", c.text[i], &nr);
	}
	assert_true(nr >= 4);
	chains_free(&c);
}

static void what_a_constructor_made_outlives_free(void **state)
{
	struct chains c = every_chain();
	unsigned int nr = 0;

	(void)state;
	for (size_t i = 0; i < c.nr; i++) {
		try_constructed("page_allocator", c.text[i], 0, &nr);
		try_constructed("page_allocator", c.text[i], SLAB_DESTROY_BY_RCU, &nr);
		try_constructed("rcu:page_allocator", c.text[i], 0, &nr);
	}
	assert_true(nr >= 4);
	chains_free(&c);
}

static void senseless_flags_are_refused(void **state)
{
	static const struct {
		slab_flags_t flags;
		kmem_ctor_fn ctor;
		const char *reason;
	} cases[] = {
		{SLAB_DESTROY_BY_RCU | SLAB_POISON, NULL, "keeps their contents after the free"},
		{SLAB_POISON, make, "write over what the constructor made"},
		{SLAB_RED_ZONE, make, "shift objects"},
		{SLAB_DESTROY_BY_RCU | SLAB_STORE_USER, make, "shift objects"},
		{0x1, NULL, "none of a cache's"},
	};

	(void)state;
	assert_true(open_stack("page_allocator", "slabifier"));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_null(kmem_cache_create(&slabs, "x", OBJSIZE, 0, cases[i].flags,
					      cases[i].ctor, NULL));
		assert_says(slabs.why.msg, cases[i].reason);
		assert_int_equal(sl.lab.nr_events, i + 1);
	}
	assert_true(list_empty(&slabs.derived) && list_empty(&slabs.slabs));
	close_stack();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_may_look_until_a_grace_period),
		cmocka_unit_test(what_a_constructor_made_outlives_free),
		cmocka_unit_test(senseless_flags_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
