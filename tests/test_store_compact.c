/*
 * compact over stores: what starts a run, what ends it, and that a quiet machine has none.
 */
#include "tests/test.h"

#include "tests/shelf_store.h"
#include "tests/store_lab.h"

#define NR 200
#define MS 1000000ULL

struct pool {
	struct store_lab l;
	unsigned long handles[NR];
};

static void open_pool(struct pool *p, const char *store)
{
	store_lab_open(&p->l, LAB_NODE, NULL, NULL, store);
	for (u64 i = 0; i < NR; i++) {
		p->handles[i] = store_lab_malloc(&p->l, 0, 1000);
		assert_true(store_lab_write(&p->l, 0, p->handles[i], 1000, i));
	}
}

static void free_one(struct pool *p, u64 i)
{
	assert_true(store_lab_free(&p->l, 1, p->handles[i], 1000));
	p->handles[i] = 0;
	store_check(p->l.store);
}

static void pass(struct pool *p, u64 ms)
{
	machine_advance(p->l.sl.lab.m, p->l.sl.lab.m->now_ns + ms * MS);
	store_check(p->l.store);
}

/* Until nothing is pending; it must end. */
static void settle(struct pool *p)
{
	while (machine_step(p->l.sl.lab.m))
		;
	store_check(p->l.store);
}

static u64 pages(const struct pool *p)
{
	return store_source(p->l.store)->nr_pages;
}

static void close_pool(struct pool *p)
{
	for (u64 i = 0; i < NR; i++)
		if (p->handles[i])
			assert_int_equal(store_lab_read(&p->l, 0, p->handles[i], 1000, i), 1);
	for (u64 i = 0; i < NR; i++)
		if (p->handles[i])
			free_one(p, i);
	store_lab_close(&p->l);
}

static void sparse_pages_are_gathered(void **state)
{
	struct pool p;
	u64 cpu_ns;

	(void)state;
	open_pool(&p, "compact(every=100ms,free=50%,bytes=1MiB):shelf");
	assert_int_equal(pages(&p), 50);
	for (u64 i = 0; i < NR; i++)
		if (i % 4)
			free_one(&p, i);
	assert_int_equal(pages(&p), 50);
	cpu_ns = p.l.sl.lab.m->cpus[1].busy_ns;
	pass(&p, 90);
	assert_int_equal(pages(&p), 50);
	pass(&p, 20);
	assert_int_equal(pages(&p), 13);
	assert_int_equal(p.l.store->compacted.runs, 1);
	assert_int_equal(p.l.store->compacted.freed_pages, 37);
	assert_int_equal(p.l.store->base->compacted.freed_pages, 37);
	/* In the time of the CPU that freed. */
	assert_true(p.l.sl.lab.m->cpus[1].busy_ns > cpu_ns + p.l.store->compacted.ns);
	assert_true(p.l.store->compacted.ns > 0);
	close_pool(&p);
}

/* Less than the share is left as it is, and looked at again when it can have come to be more. */
static void the_share(void **state)
{
	struct pool p;

	(void)state;
	open_pool(&p, "compact(every=10ms,free=50%,bytes=1MiB):shelf");
	for (u64 i = 0; i < NR; i++)
		if (i % 4 == 0)
			free_one(&p, i);
	pass(&p, 1000);
	assert_int_equal(p.l.store->compacted.runs, 0);
	assert_int_equal(p.l.sl.lab.m->works.runs, 1);
	for (u64 i = 0; i < NR; i++)
		if (i % 4 == 1)
			free_one(&p, i);
	pass(&p, 1000);
	for (u64 i = 2; i < 32; i += 4) /* places are larger than what lies in them */
		free_one(&p, i);
	pass(&p, 1000);
	assert_int_equal(p.l.store->compacted.runs, 1);
	assert_true(p.l.sl.lab.m->works.runs <= 3);
	assert_true(p.l.store->compacted.freed_pages >= 25);
	close_pool(&p);
}

static void a_bound_for_each_run(void **state)
{
	struct pool p;

	(void)state;
	open_pool(&p, "compact(every=20ms,free=50%,bytes=4KiB):shelf");
	for (u64 i = 0; i < NR; i++)
		if (i % 4)
			free_one(&p, i);
	pass(&p, 25);
	assert_int_equal(p.l.store->compacted.moved_bytes, 5000); /* the block that reaches it */
	pass(&p, 1000);
	assert_int_equal(pages(&p), 13);
	assert_true(p.l.store->compacted.moved_bytes >= 37000);
	assert_true(p.l.store->compacted.moved_bytes <= p.l.store->compacted.runs * 5000);
	close_pool(&p);
}

static void a_goal(void **state)
{
	struct pool p;

	(void)state;
	open_pool(&p, "compact(every=20ms,free=0%,goal=10):shelf");
	for (u64 i = 0; i < NR; i++)
		if (i % 4)
			free_one(&p, i);
	pass(&p, 25);
	assert_int_equal(p.l.store->compacted.freed_pages, 10);
	pass(&p, 1000);
	assert_int_equal(pages(&p), 13);
	assert_int_equal(p.l.store->compacted.runs, 4);
	close_pool(&p);
}

/* A page of which a place is free cannot be gained: there is no end of such runs otherwise. */
static void nothing_gained(void **state)
{
	struct pool p;
	u64 runs;

	(void)state;
	open_pool(&p, "compact(every=10ms,free=0%):shelf");
	for (u64 i = 0; i < 5; i++)
		free_one(&p, 4 * i);
	pass(&p, 1000);
	runs = p.l.store->compacted.runs;
	assert_true(runs >= 1);
	pass(&p, 100000);
	assert_int_equal(p.l.store->compacted.runs, runs);
	assert_false(machine_step(p.l.sl.lab.m)); /* nothing is pending */
	close_pool(&p);
}

static void a_quiet_machine(void **state)
{
	struct pool p;

	(void)state;
	open_pool(&p, "compact:shelf");
	settle(&p);
	assert_int_equal(p.l.store->compacted.runs, 0);
	for (u64 i = 0; i < NR; i++)
		if (i % 4)
			free_one(&p, i);
	settle(&p);
	assert_int_equal(pages(&p), 13);
	assert_true(p.l.store->compacted.runs <= 2);
	close_pool(&p);
}

/* A work that is pending goes with the store. */
static void the_end(void **state)
{
	struct pool p;

	(void)state;
	open_pool(&p, "compact:shelf");
	for (u64 i = 0; i < NR; i++)
		free_one(&p, i);
	assert_int_equal(p.l.store->compacted.runs, 0);
	store_put(p.l.store);
	assert_false(machine_step(p.l.sl.lab.m));
	p.l.store = NULL;
	store_lab_close(&p.l);
}

static void refused_frees_start_nothing(void **state)
{
	struct pool p;

	(void)state;
	open_pool(&p, "compact:shelf");
	settle(&p);
	for (int i = 0; i < 100; i++)
		assert_false(store_lab_free(&p.l, 0, p.handles[0], 999));
	assert_false(machine_step(p.l.sl.lab.m));
	close_pool(&p);
}

static void where_it_cannot_stand(void **state)
{
	static const struct store_refusal refusals[] = {
		{"compact:null", "'null' never moves an object: there is nothing to gain"},
		{"compact:rcu:compact:shelf", "compacts in the background already"},
	};

	(void)state;
	store_lab_refuses("rcu:compact:debug:shelf", refusals, ARRAY_SIZE(refusals));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sparse_pages_are_gathered),
		cmocka_unit_test(the_share),
		cmocka_unit_test(a_bound_for_each_run),
		cmocka_unit_test(a_goal),
		cmocka_unit_test(nothing_gained),
		cmocka_unit_test(a_quiet_machine),
		cmocka_unit_test(the_end),
		cmocka_unit_test(refused_frees_start_nothing),
		cmocka_unit_test(where_it_cannot_stand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
