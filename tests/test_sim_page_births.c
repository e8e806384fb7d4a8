/*
 * A run that starts from a given state of page memory: births at their frames, and nothing leaks.
 */
#include "tests/pages_test.h"

#include "sim/trial.h"
#include "tests/array_source.h"

#define NR_BIRTHS 40

/* Slabs and pages that lived before the load; the load frees every second page. */
static void make_load(struct request *q, struct page_place *places, u64 *nr_places)
{
	size_t n = 0;

	for (u32 i = 0; i < NR_BIRTHS; i++)
		q[n++] = (struct request){.object = i,
					  .kind = REQ_CACHE_ALLOC,
					  .gfp = GFP_KERNEL,
					  .cpu = (u16)(i % 4),
					  .flags = REQ_F_BIRTH,
					  .node = -1};
	for (u32 i = 0; i < NR_BIRTHS; i++) {
		u8 order = i % 5 == 4 ? 3 : 0;

		q[n++] = (struct request){.object = NR_BIRTHS + i,
					  .kind = REQ_PAGE_ALLOC,
					  .order = order,
					  .gfp = GFP_MOVABLE_USER,
					  .cpu = (u16)(i % 4),
					  .flags = REQ_F_BIRTH,
					  .node = -1};
		places[(*nr_places)++] = (struct page_place){.pfn = 40000 + 8 * i,
							     .object = NR_BIRTHS + i,
							     .order = order,
							     .migratetype = MIGRATE_MOVABLE};
		places[(*nr_places)++] = (struct page_place){.pfn = 80000 + 8 * i,
							     .object = PAGE_PLACE_NOBODY,
							     .migratetype = MIGRATE_UNMOVABLE};
	}
	for (u32 i = 0; i < NR_BIRTHS; i += 2)
		q[n++] = (struct request){.t_ns = 1000 + i,
					  .object = NR_BIRTHS + i,
					  .kind = REQ_PAGE_FREE,
					  .cpu = (u16)(i % 4),
					  .node = -1};
}

#define NR_REQUESTS (2 * NR_BIRTHS + NR_BIRTHS / 2)

static int run_load(struct trial *t, const struct request *q, const struct page_target *target,
		    const char *pages, struct err *e)
{
	static struct machine_config machine;
	struct stack_config stack;
	struct array_source src;
	int ret;

	machine_config_default(&machine);
	array_source_init(&src, q, NR_REQUESTS);
	src.src.tables.pages = target;
	assert_int_equal(stack_config_parse(&stack, pages, NULL, e), 0);
	*t = (struct trial){
		.machine = &machine, .stack = &stack, .source = &src.src, .check_every = 7};
	ret = trial_run(t, e);
	stack_config_free(&stack);
	return ret;
}

static const struct page_target_zone run_zones[] = {
	{.node = 0,
	 .zone = "DMA32",
	 .nr_free = {[MIGRATE_UNMOVABLE] = {[2] = 30}, [MIGRATE_MOVABLE] = {[0] = 99, [10] = 80}}},
	{.node = 1, .zone = "DMA32", .nr_free = {[MIGRATE_RECLAIMABLE] = {[7] = 3}}},
};

static void a_run_starts_from_there(void **state)
{
	static const char *const stacks[] = {
		"page_allocator",
		"bitmap",
		"rcu:page_allocator",
		"numactl(node=0):page_allocator",
		"reclaimable:page_allocator",
	};
	struct page_place places[2 * NR_BIRTHS];
	struct page_target target = {.zones = run_zones, .nr_zones = 2, .places = places};
	struct request q[NR_REQUESTS];
	struct trial a, b;
	struct err e;

	(void)state;
	make_load(q, places, &target.nr_places);
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
		assert_int_equal(run_load(&a, q, &target, stacks[i], &e), 0);
		assert_int_equal(run_load(&b, q, &target, stacks[i], &e), 0);
		assert_true(a.digest == b.digest);
		assert_true(a.pages.wanted && a.pages.cells == 4);
		assert_int_equal(a.pages.cells_met, a.pages.cells);
		assert_int_equal(a.pages.births, NR_BIRTHS);
		assert_int_equal(a.pages.births_moved, 0);
		assert_int_equal(a.pages.places, NR_BIRTHS);
		assert_int_equal(a.pages.places_moved, 0);
	}
	assert_int_equal(run_load(&a, q, &target, "null", &e), 0);
	assert_true(a.pages.keeps_nothing);
}

/* Frames the machine does not have, or that a layer does not allow: elsewhere, and counted. */
static void births_elsewhere_are_counted(void **state)
{
	struct page_place places[2 * NR_BIRTHS];
	struct page_target target = {.zones = run_zones, .nr_zones = 1, .places = places};
	struct request q[NR_REQUESTS];
	struct trial t;
	struct err e;

	(void)state;
	make_load(q, places, &target.nr_places);
	for (u64 i = target.nr_places - 6; i < target.nr_places; i++)
		places[i].pfn += 1 << 20; /* beyond 2 GiB */
	assert_int_equal(run_load(&t, q, &target, "page_allocator", &e), 0);
	assert_int_equal(t.pages.births_moved, 3);
	assert_int_equal(t.pages.places_moved, 3);
	assert_int_equal(t.pages.cells_met, t.pages.cells);
	assert_int_equal(run_load(&t, q, &target, "dma:page_allocator", &e), 0);
	assert_int_equal(t.pages.births_moved, NR_BIRTHS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_starts_from_there),
		cmocka_unit_test(births_elsewhere_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
