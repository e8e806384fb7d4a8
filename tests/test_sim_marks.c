/*
 * Marks of a load: the sink sees the state at each, and the run is as if nobody had looked.
 */
#include "lib/units.h"
#include "sim/null_sink.h"
#include "sim/trial.h"
#include "tests/array_source.h"
#include "tests/test.h"

/* The state at the last mark. */
struct watcher {
	struct sink sink;
	unsigned int marks; /* complete ones */
	u64 lock_acquisitions;
	unsigned int samples;	/* slabs seen outside of marks */
	bool in_mark;		/* what comes belongs to a mark */
	u64 pages_free;		/* of all zones */
	u64 slabs, objs_active; /* of the cache "thing" */
};

static struct watcher *to_watcher(struct sink *s)
{
	return container_of(s, struct watcher, sink);
}

static void on_sample(struct sink *s, u64 t_ns, const char *layer, const char *metric, double value)
{
	struct watcher *w = to_watcher(s);

	(void)t_ns, (void)layer;
	if (!w->in_mark)
		return;
	/* Counts only. */
	assert_true(!strncmp(metric, "nr_extfrag", 10) ||
		    !strcmp(metric, "zone_lock_acquisitions"));
	if (!strcmp(metric, "zone_lock_acquisitions"))
		w->lock_acquisitions = (u64)value;
}

static void on_free_area(struct sink *s, u64 t_ns, int node, const char *zone,
			 const char *migratetype, const u64 nr_free[SINK_NR_ORDERS])
{
	struct watcher *w = to_watcher(s);

	(void)t_ns, (void)node, (void)zone, (void)migratetype;
	for (int o = 0; w->in_mark && o < SINK_NR_ORDERS; o++)
		w->pages_free += nr_free[o] << o;
}

static void on_slab(struct sink *s, const struct sink_slab *slab)
{
	struct watcher *w = to_watcher(s);

	w->samples += !w->in_mark;
	if (w->in_mark && !strcmp(slab->cache, "thing")) {
		w->slabs = slab->num_slabs;
		w->objs_active = slab->active_objs;
	}
}

static void on_mark(struct sink *s, u64 t_ns, const char *text)
{
	struct watcher *w = to_watcher(s);

	assert_true(w->in_mark == !text);
	w->in_mark = text;
	w->marks += !text;
	if (!text)
		return;
	w->pages_free = w->slabs = w->objs_active = 0;
	assert_string_equal(text, !t_ns ? MARK_TIME_ZERO : t_ns == 10000 ? "first" : "second");
}

static struct sink_ops watcher_ops = {
	.sample = on_sample,
	.free_area = on_free_area,
	.slab = on_slab,
	.mark = on_mark,
};

static void run(struct trial *t, struct watcher *w, const struct request *requests, size_t nr,
		bool at_marks)
{
	static const struct source_mark marks[] = {{"first", 10000}, {"second", 9000000000}};
	static struct machine_config machine;
	struct array_source src;
	struct stack_config stack;
	struct err e;

	machine_config_default(&machine);
	array_source_init(&src, requests, nr);
	src.src.tables.marks = marks;
	src.src.tables.nr_marks = ARRAY_SIZE(marks);
	assert_int_equal(stack_config_parse(&stack, NULL, "slabifier(flush=1ms)", &e), 0);
	*w = (struct watcher){.sink = {null_sink_ops(&watcher_ops)}};
	*t = (struct trial){.machine = &machine,
			    .stack = &stack,
			    .source = &src.src,
			    .sink = &w->sink,
			    .at_marks = at_marks};
	assert_int_equal(trial_run(t, &e), 0);
	stack_config_free(&stack);
}

/* 100 objects made; a mark; all freed; seconds later another mark. */
static void fill(struct request q[202])
{
	for (u32 i = 0; i < 200; i++)
		q[i < 100 ? i : i + 1] =
			(struct request){.t_ns = 100 * i + (i >= 100) * 200,
					 .object = i % 100,
					 .kind = i < 100 ? REQ_CACHE_ALLOC : REQ_CACHE_FREE,
					 .gfp = GFP_KERNEL,
					 .node = -1};
	q[100] = (struct request){.t_ns = 10000, .kind = REQ_MARK};
	q[201] = (struct request){.t_ns = 9000000000, .object = 1, .kind = REQ_MARK};
}

static void the_sink_sees_what_is_there(void **state)
{
	struct request q[202];
	struct watcher w;
	struct trial t;

	(void)state;
	fill(q);
	run(&t, &w, q, 101, true);
	assert_int_equal(w.marks, 2);
	assert_true(w.lock_acquisitions > 0);
	assert_int_equal(w.slabs, DIV_ROUND_UP(100, 39)); /* 39 objects of 104 bytes to a page */
	assert_true(w.objs_active >= 100);
	assert_true(w.pages_free < 2 * GIB / 4096);
	assert_true(w.pages_free > GIB / 4096);
	run(&t, &w, q, 202, true);
	assert_int_equal(w.marks, 3);
	assert_int_equal(w.objs_active, 0); /* the flusher has emptied the CPU */
}

static void looking_changes_nothing(void **state)
{
	struct request q[202];
	struct watcher w, again;
	struct trial seen, unseen;

	(void)state;
	fill(q);
	run(&unseen, &w, q, 202, false);
	assert_int_equal(w.marks, 0);
	run(&seen, &again, q, 202, true);
	assert_true(seen.digest == unseen.digest);
	assert_true(seen.sim_ns == unseen.sim_ns);
	assert_int_equal(w.samples, again.samples);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sink_sees_what_is_there),
		cmocka_unit_test(looking_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
