/*
 * A large machine costs what is touched: 1 TiB with 1 % of its pages given out in clusters,
 * contents unwritten, stays within 512 MiB of resident host memory.
 */
#include "tests/pages_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/rng.h"
#include "lib/units.h"

#define RESIDENT_MAX (512 * MIB)
#define CLUSTER_PAGES 4096UL

static u64 resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long pages;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*u %lu", &pages), 1);
	fclose(f);
	return pages * (u64)sysconf(_SC_PAGESIZE);
}

static struct machine *terabyte(void)
{
	static struct machine_config config;
	struct machine *m;
	struct err e;

	assert_int_equal(machine_config_load(&config, "configs/machine-8node-1tib.yaml", &e), 0);
	m = machine_create(&config, &e);
	assert_non_null(m);
	machine_use(m);
	return m;
}

/* One burst of a CPU: a cluster of one mobility, mostly single pages. */
static u64 take_cluster(struct page_allocator *pa, struct rng *r)
{
	static const gfp_t kinds[] = {GFP_KERNEL, GFP_HIGHUSER_MOVABLE, GFP_HIGHUSER_MOVABLE,
				      GFP_HIGHUSER_MOVABLE | __GFP_ZERO, GFP_RECLAIM_KERNEL};
	gfp_t flags = kinds[rng_below(r, ARRAY_SIZE(kinds))];
	u64 pages = 0;

	while (pages < CLUSTER_PAGES) {
		int order = rng_below(r, 8) ? 0 : (int)rng_below(r, 10);

		assert_non_null(page_alloc(pa, order, flags, -1));
		pages += 1UL << order;
	}
	return pages;
}

static void one_percent_of_a_terabyte(const char *chain)
{
	u64 before = resident_bytes(), pages = 0, goal, used;
	struct machine *m = terabyte();
	struct page_allocator *pa;
	struct err e;
	struct rng r;

	pa = lab_chain(chain, &e);
	assert_non_null(pa);
	rng_init(&r, 1, chain, "huge");
	goal = m->k.max_pfn / 100;
	while (pages < goal) {
		u64 entered_ns = machine_enter(m, (int)rng_below(&r, 128), m->now_ns);

		pages += take_cluster(pa, &r);
		machine_leave(m, entered_ns);
	}
	page_allocator_check(pa);
	used = resident_bytes() - before;
	print_message("%s: %llu pages in use, %llu MiB resident\n", chain,
		      (unsigned long long)pages, (unsigned long long)(used / MIB));
	if (used > RESIDENT_MAX)
		fail_msg("%llu bytes resident", (unsigned long long)used);
	page_allocator_put(pa);
	machine_destroy(m);
}

static void the_buddy_system_is_sparse(void **state)
{
	(void)state;
	skip_shadowed();
	one_percent_of_a_terabyte("page_allocator");
}

static void the_bitmap_is_sparse(void **state)
{
	(void)state;
	skip_shadowed();
	one_percent_of_a_terabyte("bitmap");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_buddy_system_is_sparse),
		cmocka_unit_test(the_bitmap_is_sparse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
