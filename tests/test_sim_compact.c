/*
 * Compaction within a run: objects keep their handles, and what results say of it adds up.
 */
#include <stdlib.h>

#include "sim/null_sink.h"
#include "sim/trial.h"
#include "tests/array_source.h"
#include "tests/test.h"

#define NR_PAGES 14000U
#define NR_HUGE 10U
#define NR_REQUESTS (NR_PAGES + NR_PAGES / 2 + NR_HUGE)

struct recorder {
	struct sink sink;
	double value[256];
	u64 runs, moved, failed, ns, events, from, to; /* from, to: as the last maps have it */
	s64 gained;
	u64 map_ns;
	u64 had, had_by_compaction, refused; /* huge pages */
};

static struct recorder *to_recorder(struct sink *s)
{
	return container_of(s, struct recorder, sink);
}

static void on_event(struct sink *s, u64 t_ns, int cpu, const char *kind, const char *detail)
{
	(void)t_ns, (void)cpu, (void)detail;
	to_recorder(s)->events += !strcmp(kind, "compact");
	assert_string_not_equal(kind, "double_free");
	assert_string_not_equal(kind, "invalid_pointer");
}

static void on_compact(struct sink *s, const struct sink_compact *c)
{
	struct recorder *r = to_recorder(s);

	assert_int_equal(c->node, 0);
	assert_true(c->moved + c->failed <= c->isolated);
	assert_true(c->moved <= c->migrate_scanned && c->moved <= c->free_scanned);
	assert_true(c->ns >= c->moved * 890); /* each page was copied */
	r->runs++;
	r->moved += c->moved;
	r->failed += c->failed;
	r->ns += c->ns;
	r->gained += c->blocks_gained;
}

static void on_summary(struct sink *s, const char *layer, const struct metric_desc *m, double value)
{
	if (!*layer)
		to_recorder(s)->value[m - metrics] = value;
}

static void on_latency(struct sink *s, const struct sink_latency *l)
{
	struct recorder *r = to_recorder(s);

	if (strcmp(l->op, "page_alloc/9"))
		return;
	if (!strcmp(l->path, "refused")) {
		r->refused += l->count;
		return;
	}
	r->had += l->count;
	r->had_by_compaction += strcmp(l->path, "compact") ? 0 : l->count;
}

static void on_block_map(struct sink *s, const struct sink_block_map *m)
{
	struct recorder *r = to_recorder(s);

	if (m->t_ns != r->map_ns)
		r->from = r->to = 0;
	r->map_ns = m->t_ns;
	for (u32 i = 0; m->moves && i < m->nr_blocks / m->blocks_per_cell; i++) {
		r->from += m->moves[i].from;
		r->to += m->moves[i].to;
	}
}

static struct sink_ops recorder_ops = {
	.event = on_event,
	.compact = on_compact,
	.summary = on_summary,
	.latency = on_latency,
	.block_map = on_block_map,
};

static double value(const struct recorder *r, const char *metric)
{
	return r->value[metric_find(metric) - metrics];
}

/* Most of memory is filled with single pages, every other one goes, then huge pages are asked for. */
static struct request *make_load(bool pinned)
{
	struct request *q = calloc(NR_REQUESTS, sizeof(*q));
	u32 n = 0;

	for (u32 i = 0; i < NR_PAGES; i++, n++)
		q[n] = (struct request){.object = i,
					.kind = REQ_PAGE_ALLOC,
					.gfp = GFP_HIGHUSER_MOVABLE,
					.flags = pinned ? REQ_F_PINNED : 0,
					.node = -1};
	for (u32 i = 0; i < NR_PAGES; i += 2, n++)
		q[n] = (struct request){.object = i, .kind = REQ_PAGE_FREE, .node = -1};
	for (u32 i = 0; i < NR_HUGE; i++, n++)
		q[n] = (struct request){.object = NR_PAGES + i,
					.kind = REQ_PAGE_ALLOC,
					.order = 9,
					.gfp = GFP_TRANSHUGE,
					.node = -1};
	for (n = 0; n < NR_REQUESTS; n++)
		q[n].t_ns = n * 10000ULL;
	return q;
}

static u64 run(const char *pages, bool pinned, struct recorder *r)
{
	static const char text[] = "kmemsim: machine/1\nname: small\nhz: 250\nnodes:\n"
				   "  - {memory: 64MiB, cpus: 0-3, distance: [10]}\n";
	static struct machine_config machine;
	struct request *q = make_load(pinned);
	struct array_source src;
	struct stack_config stack;
	struct trial t;
	struct err e;

	assert_int_equal(machine_config_parse(&machine, "small", text, &e), 0);
	array_source_init(&src, q, NR_REQUESTS);
	src.src.tables.made_up = true;
	assert_int_equal(stack_config_parse(&stack, pages, NULL, &e), 0);
	*r = (struct recorder){.sink = {null_sink_ops(&recorder_ops)}};
	t = (struct trial){.machine = &machine,
			   .stack = &stack,
			   .source = &src.src,
			   .sink = &r->sink,
			   .check_every = 997};
	assert_int_equal(trial_run(&t, &e), 0);
	assert_int_equal(t.status, TRIAL_OK);
	stack_config_free(&stack);
	free(q);
	return t.digest;
}

static void adds_up(const struct recorder *r)
{
	assert_int_equal(r->events, r->runs);
	assert_true(value(r, "compact_runs") == (double)r->runs);
	assert_true(value(r, "compact_moved_pages") == (double)r->moved);
	assert_true(value(r, "compact_failed_pages") == (double)r->failed);
	assert_true(value(r, "compact_ns") == (double)r->ns);
	assert_true(value(r, "compact_blocks_gained") == (double)r->gained);
	assert_true(value(r, "huge_allocs") == (double)r->had);
	assert_true(value(r, "huge_failed") == (double)r->refused);
	assert_int_equal(r->had + r->refused, NR_HUGE);
	assert_true(value(r, "huge_success_percent") == 100.0 * (double)r->had / NR_HUGE);
	assert_int_equal(r->from, r->moved);
	assert_int_equal(r->to, r->moved);
}

static void huge_pages_come_of_it(void **state)
{
	struct recorder on, again, off, pinned;

	(void)state;
	assert_true(run("page_allocator", false, &on) == run("page_allocator", false, &again));
	run("page_allocator(compaction=off)", false, &off);
	run("page_allocator", true, &pinned);
	adds_up(&on);
	adds_up(&off);
	adds_up(&pinned);
	assert_int_equal(on.had, NR_HUGE);
	assert_true(on.had_by_compaction > 0);
	assert_true(on.moved > 0);
	assert_int_equal(off.runs, 0);
	assert_true(off.had < NR_HUGE);
	assert_int_equal(pinned.moved, 0);
	assert_int_equal(pinned.had, off.had);
}

/* Layers above do not notice: their books, checked every so often, stay as they are. */
static void under_layers(void **state)
{
	static const char *const chains[] = {"rcu:page_allocator", "mempool:page_allocator",
					     "forward:forward:page_allocator",
					     "numactl(node=0):rcu:page_allocator"};
	struct recorder r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		run(chains[i], false, &r);
		adds_up(&r);
		assert_true(r.moved > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(huge_pages_come_of_it),
		cmocka_unit_test(under_layers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
