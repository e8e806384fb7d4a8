/*
 * The replay: what a run counts, what it costs, and that it repeats.
 */
#include <stdlib.h>

#include "lib/rng.h"
#include "lib/units.h"
#include "sim/null_sink.h"
#include "sim/trial.h"
#include "tests/array_source.h"
#include "tests/test.h"

/* A sink that remembers the last summary of the whole stack, and counts the rest. */
struct recorder {
	struct sink sink;
	double value[256];
	double layer_ns_sum, layer_ns_min;
	unsigned int samples, slabs, sites, events, ends;
	char kinds[256], paths[256];
	struct sink_site first_site;
	char site_name[64], site_cache[64];
};

static struct recorder *to_recorder(struct sink *s)
{
	return container_of(s, struct recorder, sink);
}

static void on_begin(struct sink *s, const struct sink_run *run)
{
	(void)s;
	assert_non_null(run->stack);
	assert_non_null(run->machine);
}

static void on_sample(struct sink *s, u64 t_ns, const char *layer, const char *metric, double value)
{
	(void)t_ns, (void)value;
	if (!*layer && !strcmp(metric, "live_objs"))
		to_recorder(s)->samples++;
}

static void on_slab(struct sink *s, const struct sink_slab *slab)
{
	assert_true(slab->active_objs <= slab->num_objs);
	to_recorder(s)->slabs++;
}

static void on_cache(struct sink *s, const struct sink_cache *c)
{
	(void)s;
	assert_true(c->bytes_alloc >= c->bytes_req);
}

static void on_event(struct sink *s, u64 t_ns, int cpu, const char *kind, const char *detail)
{
	struct recorder *r = to_recorder(s);

	(void)t_ns, (void)cpu, (void)detail;
	r->events++;
	if (!strstr(r->kinds, kind))
		strcat(strcat(r->kinds, kind), " ");
}

static void on_summary(struct sink *s, const char *layer, const struct metric_desc *m, double value)
{
	struct recorder *r = to_recorder(s);

	if (!*layer)
		r->value[m - metrics] = value;
	if (!strcmp(m->name, "layer_cpu_ns")) {
		r->layer_ns_sum += value;
		r->layer_ns_min = min(r->layer_ns_min, value);
	}
}

static void on_site(struct sink *s, const struct sink_site *site)
{
	struct recorder *r = to_recorder(s);

	if (r->sites++)
		return;
	r->first_site = *site;
	/* Strings are valid during the call only. */
	snprintf(r->site_name, sizeof(r->site_name), "%s", site->call_site);
	snprintf(r->site_cache, sizeof(r->site_cache), "%s", site->cache);
	r->first_site.call_site = r->site_name;
	r->first_site.cache = r->site_cache;
}

static void on_latency(struct sink *s, const struct sink_latency *l)
{
	assert_true(l->count > 0);
	assert_true(l->p50_ns <= l->p999_ns && l->p999_ns <= l->max_ns);
	strcat(strcat(to_recorder(s)->paths, l->path), " ");
}

static void on_lock(struct sink *s, const struct sink_lock *l)
{
	(void)s;
	assert_true(l->contended <= l->acquisitions);
}

/* A whole zone, in cells that are no fuller than full. */
static void on_block_map(struct sink *s, const struct sink_block_map *m)
{
	(void)s;
	assert_true(m->nr_blocks > 0 && m->blocks_per_cell > 0);
	for (u32 i = 0; i < DIV_ROUND_UP(m->nr_blocks, m->blocks_per_cell); i++) {
		const struct sink_cell *c = &m->cells[i];

		assert_true(c->unmovable + c->movable + c->reclaimable <= SINK_CELL_FULL);
		assert_int_equal(c->type_pinned >> 3 > 0, c->unmovable + c->reclaimable > 0);
	}
}

static int on_end(struct sink *s, const struct sink_end *end, struct err *e)
{
	(void)end, (void)e;
	to_recorder(s)->ends++;
	return 0;
}

static struct sink_ops recorder_ops = {
	.begin = on_begin,
	.sample = on_sample,
	.slab = on_slab,
	.cache = on_cache,
	.event = on_event,
	.summary = on_summary,
	.site = on_site,
	.latency = on_latency,
	.lock = on_lock,
	.block_map = on_block_map,
	.end = on_end,
};

static double value(const struct recorder *r, const char *metric)
{
	return r->value[metric_find(metric) - metrics];
}

/* Runs the requests on a stack; the trial's results in *t. */
static int run(struct trial *t, struct recorder *r, const struct request *requests, size_t nr,
	       const char *pages, const char *slab, struct err *e)
{
	static struct machine_config machine;
	struct array_source src;
	struct stack_config stack;
	int ret;

	machine_config_default(&machine);
	array_source_init(&src, requests, nr);
	assert_int_equal(stack_config_parse(&stack, pages, slab, e), 0);
	*r = (struct recorder){.sink = {null_sink_ops(&recorder_ops)}};
	*t = (struct trial){.machine = &machine,
			    .stack = &stack,
			    .source = &src.src,
			    .sink = &r->sink,
			    .check_every = 97};
	ret = trial_run(t, e);
	stack_config_free(&stack);
	return ret;
}

/* One object, made on CPU 0 (node 0), freed on CPU 2 (node 1); a page of order 3 that stays. */
static const struct request three[] = {
	{.t_ns = 1000,
	 .object = 0,
	 .kind = REQ_KMALLOC,
	 .size = 100,
	 .gfp = GFP_KERNEL,
	 .site = 1,
	 .node = -1},
	{.t_ns = 2000,
	 .object = 1,
	 .kind = REQ_PAGE_ALLOC,
	 .order = 3,
	 .gfp = GFP_KERNEL,
	 .cpu = 1,
	 .node = -1},
	{.t_ns = 3000, .object = 0, .kind = REQ_KFREE, .cpu = 2, .node = -1},
};

/* Layer times: all that passes in layers, and no more than there is. */
static void layers_share_the_time(const struct recorder *r)
{
	assert_true(r->layer_ns_min >= 0);
	assert_true(r->layer_ns_sum > 0);
	assert_true(r->layer_ns_sum <= value(r, "cpu_ns"));
}

static void counts_what_happened(void **state)
{
	struct recorder r;
	struct trial t;
	struct err e;

	(void)state;
	assert_int_equal(run(&t, &r, three, 3, NULL, NULL, &e), 0);
	assert_int_equal(t.status, TRIAL_OK);
	assert_int_equal(t.nr_requests, 3);
	assert_int_equal(r.ends, 1);
	assert_true(value(&r, "nr_alloc") == 2);
	assert_true(value(&r, "nr_free") == 1);
	assert_true(value(&r, "nr_failed") == 0);
	assert_true(value(&r, "nr_ping_pong") == 1);
	assert_true(value(&r, "live_objs_end") == 1);
	assert_true(value(&r, "bytes_req_live_max") == 100 + 8 * 4096);
	/* kmalloc-128 serves 100 bytes. */
	assert_true(value(&r, "bytes_alloc_live_max") == 128 + 8 * 4096);
	assert_int_equal(r.sites, 2);
	assert_string_equal(r.first_site.call_site, "make_thing+0x10");
	assert_string_equal(r.first_site.cache, "kmalloc-128");
	assert_int_equal(r.first_site.hits, 1);
	assert_int_equal(r.first_site.bytes_req, 100);
	assert_int_equal(r.first_site.live_objs, 0);
	assert_int_equal(r.first_site.ping_pong, 1);
	assert_true(r.samples >= 200);
	layers_share_the_time(&r);
	assert_non_null(strstr(r.paths, "new_slab"));
}

static void births_cost_nothing(void **state)
{
	struct request q[64];
	struct recorder r;
	struct trial t;
	struct err e;

	(void)state;
	for (int i = 0; i < 63; i++)
		q[i] = (struct request){.object = (u32)i,
					.kind = REQ_CACHE_ALLOC,
					.size = 104,
					.gfp = GFP_KERNEL,
					.flags = REQ_F_BIRTH,
					.node = -1};
	q[63] = (struct request){.t_ns = 500, .object = 5, .kind = REQ_CACHE_FREE, .node = -1};
	assert_int_equal(run(&t, &r, q, 64, NULL, NULL, &e), 0);
	assert_true(value(&r, "nr_alloc") == 0);
	assert_true(value(&r, "nr_free") == 1);
	assert_true(value(&r, "live_objs_end") == 62);
	assert_true(value(&r, "alloc_latency_max_ns") == 0);
	assert_true(value(&r, "cpu_ns") == value(&r, "free_latency_max_ns"));
}

/* The object's free was recorded before the clock of the CPU that makes it gets there. */
static void free_waits_for_its_birth(void **state)
{
	const struct request q[] = {
		{.t_ns = 1000,
		 .object = 0,
		 .kind = REQ_PAGE_ALLOC,
		 .order = 9,
		 .cpu = 0,
		 .gfp = GFP_KERNEL | __GFP_ZERO,
		 .node = -1},
		{.t_ns = 1001, .object = 0, .kind = REQ_PAGE_FREE, .cpu = 1, .node = -1},
	};
	struct recorder r;
	struct trial t;
	struct err e;

	(void)state;
	assert_int_equal(run(&t, &r, q, 2, NULL, NULL, &e), 0);
	/* The wait is no part of the free's own latency. */
	assert_true(value(&r, "alloc_latency_max_ns") > 512);
	assert_true(value(&r, "free_latency_max_ns") < value(&r, "alloc_latency_max_ns") / 2);
	assert_true(t.sim_ns > 1001 + 512);
}

/* 2 GiB have 512 blocks of order 10. */
static void refusals_are_data(void **state)
{
	struct request q[2 * 600];
	struct recorder r;
	struct trial t;
	struct err e;

	(void)state;
	for (u32 i = 0; i < 600; i++) {
		q[i] = (struct request){.t_ns = i * 1000,
					.object = i,
					.kind = REQ_PAGE_ALLOC,
					.order = 10,
					.gfp = GFP_KERNEL,
					.node = -1};
		q[600 + i] = (struct request){
			.t_ns = (600 + i) * 1000, .object = i, .kind = REQ_PAGE_FREE, .node = -1};
	}
	assert_int_equal(run(&t, &r, q, 1200, NULL, NULL, &e), 0);
	assert_int_equal(t.status, TRIAL_OK);
	assert_true(value(&r, "nr_alloc") == 512);
	assert_true(value(&r, "nr_failed") == 88);
	assert_true(value(&r, "nr_free") == 512); /* frees of what was refused are skipped */
	assert_non_null(strstr(r.kinds, "refused"));
	assert_non_null(strstr(r.paths, "refused"));
	assert_true(value(&r, "pages_taken_bytes_max") == 2.0 * GIB);

	q[590].gfp |= __GFP_NOFAIL;
	assert_int_equal(run(&t, &r, q, 1200, NULL, NULL, &e), 0);
	assert_int_equal(t.status, TRIAL_OOM);
	assert_int_equal(t.nr_requests, 591);
	assert_non_null(strstr(r.kinds, "oom"));
}

static void rcu_layers_hold_back(void **state)
{
	struct request q[800];
	struct recorder r;
	struct trial t;
	struct err e;

	(void)state;
	for (u32 i = 0; i < 400; i++) {
		q[2 * i] = (struct request){.t_ns = i * 100000ULL,
					    .object = i,
					    .kind = REQ_CACHE_ALLOC,
					    .gfp = GFP_KERNEL,
					    .node = -1};
		q[2 * i + 1] = (struct request){.t_ns = i * 100000ULL + 10,
						.object = i,
						.kind = REQ_CACHE_FREE,
						.node = -1};
	}
	assert_int_equal(run(&t, &r, q, 800, "rcu:page_allocator", "rcu:slabifier", &e), 0);
	/* Ticks are 4 ms apart, a free comes every 0.1 ms: each waits for the rest of one grace
	 * period and for one more. */
	assert_true(value(&r, "rcu_callbacks_max") >= 80);
	assert_true(value(&r, "rcu_callbacks_max") <= 125);
	assert_true(value(&r, "rcu_gp_mean_ns") >= 4e6);
	layers_share_the_time(&r);
}

static struct request *random_load(size_t nr)
{
	struct request *q = calloc(nr, sizeof(*q));
	bool alive[4096] = {false}; /* ids */
	u8 kind_of[4096];
	struct rng r;

	rng_init(&r, 7, "test", "load");
	for (size_t i = 0; i < nr; i++) {
		u32 id = (u32)rng_below(&r, 4096);
		u8 kind = alive[id] ? kind_of[id] : (u8)(rng_below(&r, 3) * 2);

		q[i] = (struct request){.t_ns = i * 700,
					.object = id,
					.kind = (u8)(kind + alive[id]),
					.size = 1 + (u32)rng_below(&r, 4000),
					.order = rng_below(&r, 3),
					.gfp = GFP_KERNEL,
					.cpu = (u16)rng_below(&r, 4),
					.node = (s16)((s16)rng_below(&r, 3) - 1),
					.site = (u32)rng_below(&r, 3)};
		kind_of[id] = kind;
		alive[id] = !alive[id];
	}
	return q;
}

/* Also proves that everything comes back: the trial asserts it when it ends. */
static void repeats_on_every_stack(void **state)
{
	const char *const stacks[][2] = {
		{"page_allocator", "slabifier"},
		{"rcu:page_allocator", "rcu:slabifier"},
		{"bitmap", "slabifier"},
		{"null", "null"},
	};
	struct request *q = random_load(20000);
	struct recorder r;
	struct trial a, b;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
		assert_int_equal(run(&a, &r, q, 20000, stacks[i][0], stacks[i][1], &e), 0);
		assert_int_equal(run(&b, &r, q, 20000, stacks[i][0], stacks[i][1], &e), 0);
		assert_true(a.digest == b.digest);
		assert_true(a.sim_ns == b.sim_ns);
	}
	free(q);
}

static void misfits_are_refused(void **state)
{
	struct request twice[] = {three[0], three[0]}, far = three[0];
	struct recorder r;
	struct trial t;
	struct err e;

	(void)state;
	assert_int_equal(run(&t, &r, twice, 2, NULL, NULL, &e), -1);
	assert_says(e.msg, "alive");
	assert_int_equal(r.ends, 0);
	far.node = 5;
	assert_int_equal(run(&t, &r, &far, 1, NULL, NULL, &e), -1);
	assert_says(e.msg, "node");
	for (int i = 0; i < 5; i++) {
		struct request bad = three[0];

		bad.cpu = i == 0 ? 4 : 0;
		bad.object = i == 1 ? 1 : 0;
		bad.site = i == 2 ? 3 : 0;
		bad.order = i == 3 ? 11 : 0;
		bad.kind = i == 4 ? REQ_CACHE_ALLOC : REQ_PAGE_ALLOC;
		bad.cache = i == 4 ? 1 : 0;
		assert_int_equal(run(&t, &r, &bad, 1, NULL, NULL, &e), -1);
		assert_says(e.msg, "names what the load does not have");
	}
	twice[1] = (struct request){.t_ns = 2000, .kind = REQ_PAGE_FREE, .node = -1};
	assert_int_equal(run(&t, &r, twice, 2, NULL, NULL, &e), -1);
	assert_says(e.msg, "made in another way");
	assert_int_equal(run(&t, &r, twice + 1, 1, NULL, NULL, &e), -1);
	assert_says(e.msg, "not alive");
	twice[1] = three[1];
	twice[1].t_ns = 999;
	assert_int_equal(run(&t, &r, twice, 2, NULL, NULL, &e), -1);
	assert_says(e.msg, "not in order");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_what_happened),
		cmocka_unit_test(births_cost_nothing),
		cmocka_unit_test(free_waits_for_its_birth),
		cmocka_unit_test(refusals_are_data),
		cmocka_unit_test(rcu_layers_hold_back),
		cmocka_unit_test(repeats_on_every_stack),
		cmocka_unit_test(misfits_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
