/*
 * Drawn workloads: whatever waits for whatever, the trace of a run is sound and replays as it ran.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/rng.h"
#include "lib/text.h"
#include "sim/trial.h"
#include "tests/array_source.h"
#include "tests/test.h"
#include "tests/tmp_dir.h"
#include "traces/kmt.h"
#include "traces/kmt_check.h"
#include "traces/kmt_tee.h"
#include "workloads/workload.h"

static char yaml_path[80], kmt_path[80];

#define PICK(r, ...)                                                                               \
	({                                                                                         \
		static const char *const picks_[] = {__VA_ARGS__};                                 \
		picks_[rng_below(r, ARRAY_SIZE(picks_))];                                          \
	})

static const char *some_time(struct rng *r)
{
	return PICK(r, "0s", "100ns", "1us", "20us", "{dist: exponential, mean: 5us}",
		    "{dist: uniform, min: 0s, max: 50us}",
		    "{dist: lognormal, median: 3us, sigma: 2}");
}

static const char *some_object(struct rng *r)
{
	return PICK(r, "objects: {size: 700B}", "read: 50%, objects: {size: 28B}",
		    "read: 100%, objects: {size: {dist: uniform, min: 1B, max: 4100B}}");
}

static void some_job(struct rng *r, struct text *t, unsigned int i)
{
	text_add(t, "  j%u: {", i);
	if (rng_below(r, 2)) {
		text_add(t, "generator: closed_loop, workers: %s, think: %s, hold: %s",
			 PICK(r, "1", "3", "20"), some_time(r), PICK(r, "on", "off"));
	} else {
		text_add(t, "%s",
			 PICK(r, "generator: poisson, rate: 500k/s",
			      "generator: poisson, rate: 1k/s", "generator: periodic, every: 1us",
			      "generator: periodic, every: 7us, offset: 1us"));
	}
	text_add(t, ", %s",
		 !rng_below(r, 3)
			 ? some_object(r)
			 : PICK(r, "size: 64B", "size: {dist: uniform, min: 1B, max: 9KiB}",
				"cache: {name: thing, size: 104B}", "pages: {order: 10}",
				"pages: {order: {dist: choice, of: {0: 3, 9: 1}}}"));
	text_add(t, ", %s lifetime: %s",
		 PICK(r, "", "free_cpu: any,", "start: 300us,", "phases: [a],",
		      "start: 100us, duration: 600us,"),
		 rng_below(r, 3) ? some_time(r) : "forever");
	text_add(t, ", on_failure: %s, retry_after: %s, retries: %s}\n",
		 PICK(r, "count", "retry", "retry", "stop"), PICK(r, "1us", "50us"),
		 PICK(r, "1", "3"));
}

/* Jobs that only stores know: of a device, and compaction. */
static void store_jobs(struct rng *r, struct text *t)
{
	text_add(t, "  disk: {generator: zram, every: %s, slots: %s, pattern: %s, %s, %s}\n",
		 PICK(r, "1us", "3us"), PICK(r, "1", "100", "500"),
		 PICK(r, "fill", "overwrite", "fifo", "lru", "bursts", "tides", "lru, zipf: 1.2"),
		 some_object(r), PICK(r, "phases: [b]", "phases: [a, b]", "cpus: 0"));
	text_add(t, "  shake: {generator: periodic, every: 90us, compact: %s}\n",
		 PICK(r, "all", "4KiB"));
}

static void some_workload(struct rng *r)
{
	char buf[4096];
	struct text t = text_in(buf, sizeof(buf));
	FILE *f = fopen(yaml_path, "w");

	assert_non_null(f);
	text_add(&t,
		 "kmemsim: workload/1\nduration: 2ms\nwarmup: %s\n"
		 "phases: [{name: a, duration: 200us}, {name: b, duration: 150us}]\njobs:\n",
		 PICK(r, "0s", "1ms"));
	for (unsigned int i = 0, n = 1 + (unsigned int)rng_below(r, 4); i < n; i++)
		some_job(r, &t, i);
	if (rng_below(r, 2))
		store_jobs(r, &t);
	assert_false(text_cut(&t));
	fputs(buf, f);
	fclose(f);
}

static struct trial run(struct source *s)
{
	static struct machine_config machine;
	struct stack_config stack;
	struct trial t = {.machine = &machine, .stack = &stack, .source = s, .check_every = 997};
	struct err e;

	machine_config_default(&machine);
	assert_int_equal(stack_config_parse(&stack, NULL, NULL, &e), 0);
	assert_int_equal(stack_config_store(&stack, "zsmalloc", &e), 0);
	if (trial_run(&t, &e))
		fail_msg("%s", e.msg);
	stack_config_free(&stack);
	return t;
}

static struct source *open_yaml(u64 seed)
{
	struct workload_options o = {.seed = seed, .machine = "m", .nr_cpus = 4, .nr_nodes = 2};
	struct err e;
	struct source *s = workload_open(yaml_path, &o, &e);

	if (!s)
		fail_msg("%s", e.msg);
	return s;
}

static struct trial run_and_write(u64 seed)
{
	struct source *s = open_yaml(seed), *tee;
	FILE *f = fopen(kmt_path, "w+b");
	struct trial t;
	struct err e;

	assert_non_null(f);
	tee = kmt_tee_open(s, f, &e);
	assert_non_null(tee);
	t = run(tee);
	assert_int_equal(kmt_tee_finish(tee, NULL, &e), 0);
	tee->ops->close(tee);
	s->ops->close(s);
	fclose(f);
	return t;
}

/* Once something is written, be it at time 0, there is no way back. */
static void no_rewind_once_written(void **state)
{
	static const struct request birth = {
		.kind = REQ_CACHE_ALLOC, .size = 104, .node = -1, .flags = REQ_F_BIRTH};
	const struct request *q;
	struct array_source a;
	struct source *tee;
	FILE *f = fopen(kmt_path, "w+b");
	struct err e = {{0}};

	(void)state;
	assert_non_null(f);
	array_source_init(&a, &birth, 1);
	tee = kmt_tee_open(&a.src, f, &e);
	assert_non_null(tee);
	assert_int_equal(tee->ops->rewind(tee, &e), 0);
	assert_int_equal(tee->ops->next(tee, &q, &e), 1);
	assert_int_equal(q->t_ns, 0);
	assert_int_equal(tee->ops->rewind(tee, &e), -1);
	tee->ops->close(tee);
	fclose(f);
}

static void traces_replay_as_they_ran(void **state)
{
	unsigned int nr_oom = 0, nr_told = 0;
	struct rng r;

	(void)state;
	rng_init(&r, 4, "test", "workloads");
	for (u64 seed = 0; seed < 40; seed++) {
		struct source *s;
		struct trial a, b, c;
		struct err e;

		some_workload(&r);
		a = run_and_write(seed);
		s = open_yaml(seed);
		nr_told += s->ops->ended != NULL;
		b = run(s);
		s->ops->close(s);
		s = kmt_open(kmt_path, &e);
		if (!s || kmt_check(s, &e))
			fail_msg("%s", e.msg);
		c = run(s);
		s->ops->close(s);
		assert_true(a.digest == b.digest && a.digest == c.digest);
		assert_true(a.status == b.status && a.status == c.status);
		assert_int_equal(a.sim_ns, c.sim_ns);
		nr_oom += a.status == TRIAL_OOM;
	}
	/* All kinds were there. */
	assert_true(nr_oom > 0 && nr_oom < 20);
	assert_true(nr_told > 10 && nr_told < 40);
}

static int make_dir(void **state)
{
	if (tmp_dir_make(state))
		return -1;
	snprintf(yaml_path, sizeof(yaml_path), "%s/w.yaml", tmp_dir);
	snprintf(kmt_path, sizeof(kmt_path), "%s/w.kmt", tmp_dir);
	return 0;
}

/* A load that grew beyond what it was expected to be runs again as it ran. */
static void a_load_that_grew_runs_again(void **state)
{
	struct source *s;
	struct trial a, b;
	FILE *f = fopen(yaml_path, "w");

	(void)state;
	assert_non_null(f);
	fputs("kmemsim: workload/1\nduration: 1s\njobs:\n"
	      "  all: {generator: poisson, rate: 18k/s, size: 64B, lifetime: forever}\n",
	      f);
	fclose(f);
	s = open_yaml(1);
	a = run(s);
	assert_true(s->tables.nr_objects_max > s->tables.nr_requests);
	b = run(s);
	s->ops->close(s);
	assert_true(a.digest == b.digest && a.nr_requests == b.nr_requests);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_rewind_once_written),
		cmocka_unit_test(traces_replay_as_they_ran),
		cmocka_unit_test(a_load_that_grew_runs_again),
	};

	return cmocka_run_group_tests(tests, make_dir, tmp_dir_remove);
}
