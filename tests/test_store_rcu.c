/*
 * rcu over stores: readers may still look, frees allocate nothing, the end waits.
 */
#include "tests/test.h"

#include "tests/found.h"
#include "tests/shelf_store.h"
#include "tests/store_lab.h"

#define GRACE_NS 100000000ULL

static const char *const sites[] = {"?", "make_it+0x10", "drop_it+0x20"};

static unsigned long make_written(struct store_lab *l, size_t size, u64 key)
{
	unsigned long handle = store_lab_malloc(l, 0, size);

	assert_true(handle);
	assert_true(store_lab_write(l, 0, handle, size, key));
	return handle;
}

static void wait_gp(struct store_lab *l)
{
	machine_advance(l->sl.lab.m, l->sl.lab.m->now_ns + GRACE_NS);
}

static void a_free_waits_for_a_grace_period(void **state)
{
	struct store_lab l;
	unsigned long a, b;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "rcu:shelf");
	a = make_written(&l, 1000, 1);
	b = make_written(&l, 500, 2);
	assert_true(store_lab_free(&l, 0, a, 1000));
	assert_int_equal(l.store->layer->live_objs, 1);
	assert_int_equal(l.store->layer->waiting_objs, 1);
	assert_int_equal(l.store->layer->waiting_bytes, 1000);
	assert_int_equal(l.store->base->layer->live_objs, 2);
	assert_int_equal(store_lab_read(&l, 1, a, 1000, 1), 1); /* readers may still look */
	store_lab_compact(&l, 0, UINT64_MAX, UINT64_MAX);
	for (int i = 0; i < 20; i++) /* nobody gets its place */
		make_written(&l, 1000, 3);
	assert_int_equal(store_lab_read(&l, 1, a, 1000, 1), 1);
	store_check(l.store);
	assert_int_equal(l.sl.lab.nr_events, 0);
	wait_gp(&l);
	assert_int_equal(l.store->layer->waiting_objs, 0);
	assert_int_equal(l.store->base->layer->live_objs, 21);
	assert_int_equal(store_lab_read(&l, 1, a, 1000, 1), -1);
	assert_int_equal(store_lab_read(&l, 1, b, 500, 2), 1);
	store_lab_close(&l);
}

static void misuse_at_every_stage(void **state)
{
	struct store_lab l;
	unsigned long a, b;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "rcu:shelf");
	a = make_written(&l, 100, 1);
	b = make_written(&l, 100, 2); /* keeps the slab of records */
	assert_false(store_lab_free(&l, 0, a, 99));
	assert_says(l.sl.lab.event, "invalid_pointer: rcu:shelf: free of handle 0x");
	assert_true(store_lab_free(&l, 0, a, 100));
	assert_false(store_lab_free(&l, 1, a, 100));
	assert_says(l.sl.lab.event, "double_free: rcu:shelf: free of handle 0x");
	assert_false(store_lab_write(&l, 1, a, 100, 7)); /* a reader's, not a writer's */
	assert_says(l.sl.lab.event, "use_after_free: rcu:shelf: write of handle 0x");
	assert_int_equal(store_lab_read(&l, 1, a, 100, 1), 1);
	wait_gp(&l);
	assert_false(store_lab_free(&l, 1, a, 100));
	assert_false(store_lab_free(&l, 1, b + 8, 100));
	assert_says(l.sl.lab.event, "invalid_pointer");
	assert_false(store_lab_free(&l, 1, 17, 100));
	assert_false(store_lab_free(&l, 1, ((struct shelf_object *)b)->size, 100));
	assert_int_equal(l.store->nr_bad, 7);
	assert_int_equal(l.store->layer->live_objs, 1);
	assert_int_equal(store_lab_read(&l, 0, b, 100, 2), 1);
	assert_true(store_lab_free(&l, 0, b, 100));
	store_lab_close(&l);
}

/* With every allocation refused, objects can still be freed. */
static void a_free_allocates_nothing(void **state)
{
	unsigned long handles[50];
	struct store_lab l;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "rcu:shelf");
	for (u64 i = 0; i < 50; i++)
		handles[i] = make_written(&l, 900, i);
	l.sl.lab.pa->layer->inject.every = 1;
	l.sl.sa->layer->inject.every = 1;
	l.store->base->layer->inject.every = 1;
	assert_false(store_lab_malloc(&l, 0, 10));
	for (u64 i = 0; i < 50; i++)
		assert_true(store_lab_free(&l, (int)(i % 2), handles[i], 900));
	assert_int_equal(l.store->layer->waiting_objs, 50);
	assert_int_equal(store_lab_stats(&l).descriptors, 100); /* records, and the shelf's */
	wait_gp(&l);
	assert_int_equal(store_lab_stats(&l).descriptors, 0);
	assert_int_equal(l.store->base->nr_pages, 0);
	l.sl.lab.pa->layer->inject.every = 0;
	store_lab_close(&l);
}

static void the_end_waits(void **state)
{
	struct store_lab l;
	struct store *base;
	struct found f;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "rcu:shelf");
	found_begin(&f, l.sl.lab.m, sites, ARRAY_SIZE(sites));
	base = store_get(l.store->base);
	for (u64 i = 0; i < 9; i++)
		assert_true(store_lab_free(&l, 0, make_written(&l, 100, i), 100));
	make_written(&l, 100, 1);
	store_put(l.store);
	assert_int_equal(base->layer->live_objs, 0); /* the one left was given back, too */
	assert_string_equal(f.kinds, "leak ");
	assert_says(f.text, "rcu:shelf: 1 objects still in use");
	l.store = base;
	store_check(base);
	store_lab_close(&l);
}

/* Whoever freed it is the one to blame, though a callback does it. */
static void the_site_of_a_late_free(void **state)
{
	struct store_span spans[STORE_SPANS_MAX];
	struct store_lab l;
	unsigned long a;
	struct found f;
	u64 entered_ns;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "rcu:debug:shelf");
	found_begin(&f, l.sl.lab.m, sites, ARRAY_SIZE(sites));
	a = make_written(&l, 100, 1);
	make_written(&l, 100, 2);
	assert_int_equal(store_map(l.store, a, 100, spans), 1);
	*(u8 *)spans[0].addr ^= 1;
	entered_ns = machine_enter(l.sl.lab.m, 0, l.sl.lab.m->now_ns);
	kernel->site = 2;
	assert_true(store_free(l.store, a, 100));
	machine_leave(l.sl.lab.m, entered_ns);
	assert_int_equal(f.nr, 0);
	wait_gp(&l);
	assert_string_equal(f.kinds, "poison ");
	assert_says(f.text, "Found by a free in drop_it+0x20");
	store_lab_close(&l); /* debug lists what is left; rcu does not besides */
	assert_int_equal(f.nr, 2);
	assert_says(f.text, "debug:shelf: 1 objects still in use");
}

static void where_it_cannot_stand(void **state)
{
	static const struct store_refusal refusals[] = {
		{"rcu:rcu:shelf", "'rcu:shelf' waits for a grace period already"},
		{"rcu:debug:compact:null", "never moves an object"},
		{"rcu:null",
		 "rcu keeps objects for who still reads them, and 'null' keeps nothing"},
	};

	(void)state;
	store_lab_refuses("shelf", refusals, ARRAY_SIZE(refusals));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_free_waits_for_a_grace_period),
		cmocka_unit_test(misuse_at_every_stage),
		cmocka_unit_test(a_free_allocates_nothing),
		cmocka_unit_test(the_end_waits),
		cmocka_unit_test(the_site_of_a_late_free),
		cmocka_unit_test(where_it_cannot_stand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
