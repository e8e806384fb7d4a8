/*
 * What a load may ask of the replay besides its requests: to be told how they ended, to end the
 * run, to warm up, to need more objects as it goes.
 */
#include "lib/units.h"
#include "sim/null_sink.h"
#include "sim/trial.h"
#include "tests/array_source.h"
#include "tests/test.h"

/* A load of one batch after the other that remembers what it was told. */
struct curious {
	struct array_source a;
	const struct source_ops *inner;
	size_t told, given, nr_refused;
	u64 end_ns;
	bool grows;
};

static struct curious *to_curious(struct source *s)
{
	return container_of(container_of(s, struct array_source, src), struct curious, a);
}

static long next(struct source *s, const struct request **batch, struct err *e)
{
	struct curious *c = to_curious(s);
	long n;

	assert_int_equal(c->told, c->given); /* all of the batch before it */
	n = c->inner->next(s, batch, e);
	c->given += (size_t)n;
	for (long i = 0; i < n && c->grows; i++)
		s->tables.nr_objects_max =
			max(s->tables.nr_objects_max, (u64)(*batch)[i].object + 1);
	return n;
}

static int rewind_it(struct source *s, struct err *e)
{
	return to_curious(s)->inner->rewind(s, e);
}

static void ended(struct source *s, const struct request *r, bool refused, u64 end_ns)
{
	struct curious *c = to_curious(s);

	assert_ptr_equal(r, &c->a.requests[c->told]);
	c->told++;
	c->nr_refused += refused;
	if (refused || (request_is_free(r->kind) && r->size == 1)) /* left out */
		assert_true(end_ns >= r->t_ns);
	else
		assert_true(end_ns > r->t_ns);
	c->end_ns = end_ns;
}

static const struct source_ops curious_ops = {.next = next, .rewind = rewind_it, .ended = ended};

/* A sink that keeps the summary of the whole stack, and what else carries counts. */
struct figures {
	struct sink sink;
	double value[256];
	u64 hits, live, op_count, first_sample_ns, samples, events;
};

static struct figures *to_figures(struct sink *s)
{
	return container_of(s, struct figures, sink);
}

static void on_sample(struct sink *s, u64 t_ns, const char *layer, const char *metric, double value)
{
	struct figures *f = to_figures(s);

	(void)value;
	if (*layer || strcmp(metric, "live_objs"))
		return;
	if (!f->samples++)
		f->first_sample_ns = t_ns;
}

static void on_event(struct sink *s, u64 t_ns, int cpu, const char *kind, const char *detail)
{
	(void)t_ns, (void)cpu, (void)kind, (void)detail;
	to_figures(s)->events++;
}

static void on_summary(struct sink *s, const char *layer, const struct metric_desc *m, double value)
{
	if (!*layer)
		to_figures(s)->value[m - metrics] = value;
}

static void on_site(struct sink *s, const struct sink_site *site)
{
	to_figures(s)->hits += site->hits;
	to_figures(s)->live += site->live_objs;
}

static void on_latency(struct sink *s, const struct sink_latency *l)
{
	to_figures(s)->op_count += l->count;
}

static struct sink_ops figures_ops = {
	.sample = on_sample,
	.event = on_event,
	.summary = on_summary,
	.site = on_site,
	.latency = on_latency,
};

static double value(const struct figures *f, const char *metric)
{
	return f->value[metric_find(metric) - metrics];
}

static int run(struct source *s, struct trial *t, struct figures *f, struct err *e)
{
	static struct machine_config machine;
	struct stack_config stack;
	int ret;

	machine_config_default(&machine);
	assert_int_equal(stack_config_parse(&stack, NULL, NULL, e), 0);
	*f = (struct figures){.sink = {null_sink_ops(&figures_ops)}};
	*t = (struct trial){.machine = &machine, .stack = &stack, .source = s, .sink = &f->sink};
	ret = trial_run(t, e);
	stack_config_free(&stack);
	return ret;
}

/* A page of order 10 every microsecond on four CPUs: 512 are there; then all go. */
static void fill(struct request *q, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		q[i] = (struct request){.t_ns = 1000 * (i + 1),
					.object = i,
					.kind = REQ_PAGE_ALLOC,
					.order = 10,
					.gfp = GFP_KERNEL,
					.cpu = i % 4,
					.node = -1};
		q[n + i] = q[i];
		q[n + i].t_ns += 1000 * n;
		q[n + i].kind = REQ_PAGE_FREE;
		q[n + i].size = i >= 512;
	}
}

static void the_source_is_told(void **state)
{
	struct curious c = {0};
	struct request q[1200];
	struct figures f;
	struct trial t;
	struct err e;

	(void)state;
	fill(q, 600);
	array_source_init(&c.a, q, 1200);
	c.inner = c.a.src.ops;
	c.a.src.ops = &curious_ops;
	assert_int_equal(run(&c.a.src, &t, &f, &e), 0);
	assert_int_equal(c.told, 1200);
	assert_int_equal(c.nr_refused, 88);
	assert_true(c.end_ns >= 1200 * 1000);
}

/* Being told changes nothing, nor does asking for room bit by bit. */
static void a_curious_source_runs_the_same(void **state)
{
	struct curious c = {.grows = true};
	struct array_source a;
	struct request q[1200];
	struct trial t, u;
	struct figures f;
	struct err e;

	(void)state;
	fill(q, 600);
	array_source_init(&a, q, 1200);
	assert_int_equal(run(&a.src, &t, &f, &e), 0);
	array_source_init(&c.a, q, 1200);
	c.inner = c.a.src.ops;
	c.a.src.ops = &curious_ops;
	c.a.src.tables.nr_objects_max = 0;
	assert_int_equal(run(&c.a.src, &u, &f, &e), 0);
	assert_int_equal(c.a.src.tables.nr_objects_max, 600);
	assert_true(t.digest == u.digest);
}

static void a_refusal_may_end_the_run(void **state)
{
	struct array_source a;
	struct request q[1200];
	struct figures f;
	struct trial t;
	struct err e;

	(void)state;
	fill(q, 600);
	q[511].flags = q[520].flags = REQ_F_STOP; /* the first of them is served */
	array_source_init(&a, q, 1200);
	assert_int_equal(run(&a.src, &t, &f, &e), 0);
	assert_int_equal(t.status, TRIAL_OOM);
	assert_int_equal(t.nr_requests, 521);
	assert_true(value(&f, "nr_failed") == 9);
}

/*
 * 600 allocations from 1 us to 600 us, then their frees: the warm-up ends in the middle of these.
 */
static void a_warm_up_counts_nothing(void **state)
{
	struct array_source a;
	struct request q[1200];
	struct figures f, all;
	struct trial t, u;
	struct err e;

	(void)state;
	fill(q, 600);
	array_source_init(&a, q, 1200);
	assert_int_equal(run(&a.src, &u, &all, &e), 0);
	assert_int_equal(all.first_sample_ns, 0);
	a.src.tables.warmup_ns = 700 * NSEC_PER_USEC + 1;
	assert_int_equal(run(&a.src, &t, &f, &e), 0);
	assert_int_equal(t.nr_requests, 1200);
	assert_int_equal(t.sim_ns, u.sim_ns);
	assert_int_equal(f.first_sample_ns, a.src.tables.warmup_ns);
	assert_true(f.samples >= 200 && f.samples <= 203);
	assert_true(value(&f, "nr_alloc") == 0);
	assert_true(value(&f, "nr_failed") == 0);
	assert_true(value(&f, "nr_free") == 412);
	assert_true(value(&f, "nr_skipped_frees") == 88);
	assert_true(value(&f, "live_objs_end") == 0);
	assert_true(value(&f, "bytes_req_live_max") == 412.0 * 4 * MIB);
	assert_true(value(&f, "pages_taken_bytes_max") == 412.0 * 4 * MIB);
	assert_true(value(&f, "alloc_latency_max_ns") == 0);
	assert_true(value(&f, "cpu_ns") > 0);
	assert_true(value(&f, "cpu_ns") < value(&all, "cpu_ns"));
	assert_int_equal(f.hits, 0);
	assert_int_equal(f.live, 0);
	assert_int_equal(f.op_count, 412);
	assert_int_equal(f.events, 0);
	assert_int_equal(all.events, 88 + 1); /* and one failure report of the kernel */
	assert_int_equal(all.op_count, 600 + 512);
}

static void a_warm_up_without_end_is_refused(void **state)
{
	struct array_source a;
	struct request q[1200];
	struct figures f;
	struct trial t;
	struct err e;

	(void)state;
	fill(q, 600);
	array_source_init(&a, q, 1200);
	a.src.tables.warmup_ns = a.src.tables.duration_ns;
	assert_int_equal(run(&a.src, &t, &f, &e), -1);
	assert_says(e.msg, "over before its warm-up");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_source_is_told),
		cmocka_unit_test(a_curious_source_runs_the_same),
		cmocka_unit_test(a_refusal_may_end_the_run),
		cmocka_unit_test(a_warm_up_counts_nothing),
		cmocka_unit_test(a_warm_up_without_end_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
