/*
 * Counters of /proc/vmstat and zones in the results: what was asked for is what is counted, since
 * time zero.
 */
#include <stdlib.h>

#include "sim/null_sink.h"
#include "sim/trial.h"
#include "tests/array_source.h"
#include "tests/test.h"

struct counter {
	char name[48];
	u64 value;
};

struct recorder {
	struct sink sink;
	struct counter counters[96];
	unsigned int nr;
	u64 zone_pages, zone_min, t_ns;
	unsigned int nr_zones;
};

static void on_vmstat(struct sink *s, u64 t_ns, const char *name, u64 value)
{
	struct recorder *r = container_of(s, struct recorder, sink);

	assert_in_range(r->nr, 0, ARRAY_SIZE(r->counters) - 1);
	snprintf(r->counters[r->nr].name, sizeof(r->counters[r->nr].name), "%s", name);
	r->counters[r->nr++].value = value;
	r->t_ns = t_ns;
}

static void on_zone(struct sink *s, const struct sink_zone *z)
{
	struct recorder *r = container_of(s, struct recorder, sink);

	assert_true(z->managed <= z->present && z->present <= z->spanned);
	assert_true(z->min < z->low && z->low < z->high);
	r->zone_pages += z->managed;
	r->nr_zones++;
}

static struct sink_ops recorder_ops = {
	.zone = on_zone,
	.vmstat = on_vmstat,
};

static void run(struct recorder *r, const struct request *requests, size_t nr)
{
	static struct machine_config machine;
	struct array_source src;
	struct stack_config stack;
	struct trial t;
	struct err e;

	machine_config_default(&machine);
	array_source_init(&src, requests, nr);
	assert_int_equal(stack_config_parse(&stack, "page_allocator(pcp=off)", NULL, &e), 0);
	*r = (struct recorder){.sink = {null_sink_ops(&recorder_ops)}};
	t = (struct trial){
		.machine = &machine, .stack = &stack, .source = &src.src, .sink = &r->sink};
	assert_int_equal(trial_run(&t, &e), 0);
	stack_config_free(&stack);
}

static u64 counted(const struct recorder *r, const char *name)
{
	for (unsigned int i = 0; i < r->nr; i++)
		if (!strcmp(r->counters[i].name, name))
			return r->counters[i].value;
	fail_msg("no %s", name);
	return 0;
}

static u64 pgalloc(const struct recorder *r)
{
	return counted(r, "pgalloc_dma") + counted(r, "pgalloc_dma32") +
	       counted(r, "pgalloc_normal") + counted(r, "pgalloc_movable");
}

static struct request pages(u64 t_ns, u32 object, int order, gfp_t gfp, u8 flags)
{
	return (struct request){.t_ns = t_ns,
				.object = object,
				.kind = REQ_PAGE_ALLOC,
				.order = (u8)order,
				.gfp = gfp,
				.flags = flags,
				.node = -1};
}

/* A birth is no event of the run. Huge faults are those that ask as a fault does. */
static void requests_are_counted(void **state)
{
	struct request q[] = {
		pages(0, 0, 4, GFP_KERNEL, REQ_F_BIRTH),
		pages(1000, 1, 3, GFP_KERNEL, 0),
		pages(2000, 2, 9, GFP_TRANSHUGE, 0),
		pages(3000, 3, 9, GFP_TRANSHUGE_LIGHT, 0),
		pages(4000, 4, 9, GFP_KERNEL, 0),
		{.t_ns = 5000, .object = 1, .kind = REQ_PAGE_FREE, .node = -1},
		{.t_ns = 6000, .object = 2, .kind = REQ_PAGE_FREE, .node = -1},
	};
	struct recorder r;

	(void)state;
	run(&r, q, ARRAY_SIZE(q));
	assert_int_equal(pgalloc(&r), 8 + 3 * 512);
	assert_int_equal(counted(&r, "pgfree"), 8 + 512);
	assert_int_equal(counted(&r, "thp_fault_alloc"), 2);
	assert_int_equal(counted(&r, "thp_fault_fallback"), 0);
	assert_int_equal(r.nr_zones, 3);
	assert_int_equal(counted(&r, "nr_free_pages"), r.zone_pages - 16 - 2 * 512);
	assert_int_equal(r.t_ns, 6001);
}

/* 2 GiB hold 1024 huge pages; the rest falls back. */
static void what_is_refused_falls_back(void **state)
{
	static struct request q[1100];
	struct recorder r;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(q); i++)
		q[i] = pages(1000 * (i + 1), i, 9, GFP_TRANSHUGE_LIGHT, 0);
	run(&r, q, ARRAY_SIZE(q));
	assert_int_equal(counted(&r, "thp_fault_alloc"), 1024);
	assert_int_equal(counted(&r, "thp_fault_fallback"), 1100 - 1024);
	assert_int_equal(counted(&r, "nr_free_pages"), 0);
	assert_int_equal(pgalloc(&r), 1024 * 512);
}

/* Slabs by whether their objects can be reclaimed, in pages. */
static void slabs_are_gauged(void **state)
{
	static struct request q[200];
	struct recorder r;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(q); i++)
		q[i] = (struct request){.t_ns = i,
					.object = i,
					.kind = REQ_KMALLOC,
					.size = 4096,
					.gfp = i % 4 ? GFP_KERNEL : GFP_KERNEL | __GFP_RECLAIMABLE,
					.node = 0};
	run(&r, q, ARRAY_SIZE(q));
	assert_in_range(counted(&r, "nr_slab_reclaimable"), 50, 64);
	assert_in_range(counted(&r, "nr_slab_unreclaimable"), 150, 164);
	assert_int_equal(counted(&r, "nr_slab_reclaimable") + counted(&r, "nr_slab_unreclaimable"),
			 r.zone_pages - counted(&r, "nr_free_pages"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_counted),
		cmocka_unit_test(what_is_refused_falls_back),
		cmocka_unit_test(slabs_are_gauged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
