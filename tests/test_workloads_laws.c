/*
 * Loads obey the laws they are made of.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/units.h"
#include "sim/trial.h"
#include "tests/array_source.h"
#include "tests/test.h"
#include "tests/tmp_dir.h"
#include "traces/kmt_check.h"
#include "workloads/workload.h"

#define HEAD "kmemsim: workload/1\n"

static struct source *open_text(const char *text, u64 seed)
{
	struct workload_options o = {.seed = seed, .machine = "test", .nr_cpus = 4, .nr_nodes = 2};
	struct source *s;
	struct err e;
	char path[80];
	FILE *f;

	snprintf(path, sizeof(path), "%s/load.yaml", tmp_dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	s = workload_open(path, &o, &e);
	if (!s)
		fail_msg("%s", e.msg);
	return s;
}

static struct request *load(const char *text, u64 seed, size_t *n)
{
	struct source *s = open_text(text, seed);
	struct request *all = source_requests(s, n);

	s->ops->close(s);
	return all;
}

static bool is_alloc(const struct request *r)
{
	return request_is_alloc((enum request_kind)r->kind);
}

/* The number in a time is Poisson: mean and variance are rate x time. */
static void poisson_keeps_its_rate(void **state)
{
	struct request *all;
	double n = 0, sum = 0, squares = 0;
	u32 in_ms[1000] = {0};
	size_t nr;

	(void)state;
	all = load(HEAD "duration: 1s\njobs:\n"
			"  a: {generator: poisson, rate: 200k/s, size: 64B, lifetime: 1ms}\n",
		   3, &nr);
	for (size_t i = 0; i < nr; i++)
		if (is_alloc(&all[i]))
			in_ms[all[i].t_ns / 1000000]++;
	for (int i = 0; i < 1000; i++) {
		n += in_ms[i];
		sum += in_ms[i] / 1000.0;
		squares += (double)in_ms[i] * in_ms[i] / 1000;
	}
	assert_true(fabs(n - 200e3) < 4 * sqrt(200e3));
	/* Variance over mean is 1, +- 4 sqrt(2 / 999). */
	assert_true(fabs((squares - sum * sum) / sum - 1) < 0.18);
	free(all);
}

static void periods_are_exact(void **state)
{
	struct request *all;
	size_t nr, k = 0;

	(void)state;
	all = load(
		HEAD
		"duration: 100ms\njobs:\n"
		"  a: {generator: periodic, every: 7us, offset: 3us, size: 64B, lifetime: 10us}\n",
		3, &nr);
	for (size_t i = 0; i < nr; i++) {
		if (is_alloc(&all[i]))
			assert_int_equal(all[i].t_ns, 3000 + 7000 * k++);
		else if (all[i].kind == REQ_KFREE)
			assert_int_equal((all[i].t_ns - 13000) % 7000, 0);
	}
	assert_int_equal(k, (100000 - 3 + 6) / 7);
	assert_int_equal(all[nr - 1].kind, REQ_MARK);
	assert_int_equal(all[nr - 1].t_ns, 100 * NSEC_PER_MSEC);
	free(all);
}

/* Little: live objects = rate x mean lifetime, whatever the distribution. */
static void little(void **state)
{
	static const char *const lifetimes[] = {"10ms", "{dist: exponential, mean: 10ms}",
						"{dist: uniform, min: 0s, max: 20ms}",
						"{dist: choice, of: {5ms: 3, 25ms: 1}}",
						/* median x exp(sigma^2 / 2) = 10 ms */
						"{dist: lognormal, median: 6065307ns, sigma: 1}"};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(lifetimes); k++) {
		double live = 0, weighted = 0;
		struct request *all;
		char text[256];
		u64 t_ns = 0;
		size_t nr;

		snprintf(text, sizeof(text),
			 HEAD "duration: 2s\njobs:\n"
			      "  a: {generator: poisson, rate: 50k/s, size: 64B, lifetime: %s}\n",
			 lifetimes[k]);
		all = load(text, k, &nr);
		for (size_t i = 0; i < nr; i++) {
			if (all[i].t_ns > 500 * NSEC_PER_MSEC) /* settled */
				weighted += live *
					    (double)(all[i].t_ns - max(t_ns, 500 * NSEC_PER_MSEC));
			live += is_alloc(&all[i]) ? 1 : all[i].kind == REQ_KFREE ? -1 : 0;
			t_ns = all[i].t_ns;
		}
		/* Live objects are Poisson with mean 500, seen for some 150 lifetimes. */
		assert_true(fabs(weighted / 1.5e9 - 500) < 4 * sqrt(500 / 75.0));
		free(all);
	}
}

static const char four_jobs[] =
	HEAD "duration: 50ms\ndefaults: {lifetime: {dist: exponential, mean: 1ms}}\njobs:\n"
	     "  a: {generator: poisson, rate: 100k/s, free_cpu: any,\n"
	     "      size: {dist: lognormal, median: 200B, sigma: 1}}\n"
	     "  b: {generator: periodic, every: 10us, pages: {order: {dist: choice, of: {0: 3, 2: "
	     "1}}}}\n"
	     "  c: {generator: poisson, rate: 50k/s, cache: {name: thing, size: 104B}}\n";
static const char three_jobs[] =
	HEAD "duration: 50ms\ndefaults: {lifetime: {dist: exponential, mean: 1ms}}\njobs:\n"
	     "  a: {generator: poisson, rate: 100k/s, free_cpu: any,\n"
	     "      size: {dist: lognormal, median: 200B, sigma: 1}}\n"
	     "  c: {generator: poisson, rate: 50k/s, cache: {name: thing, size: 104B}}\n";

/* Which job an object belongs to, as sites are jobs. */
static size_t of_site(const struct request *all, size_t nr, size_t i, u32 site)
{
	while (i < nr && (all[i].kind == REQ_MARK || all[i].site != site))
		i++;
	return i;
}

/* Taking b out leaves the requests of a and c as they were, but for the numbers of objects. */
static void jobs_are_independent(void **state)
{
	size_t nr4, nr3, compared = 0;
	struct request *four = load(four_jobs, 9, &nr4), *three = load(three_jobs, 9, &nr3);

	(void)state;
	for (u32 job = 0; job < 2; job++) {
		u32 site4 = job ? 3 : 1, site3 = job + 1;
		size_t i = of_site(four, nr4, 0, site4), k = of_site(three, nr3, 0, site3);

		for (; i < nr4 && k < nr3; compared++) {
			const struct request *x = &four[i], *y = &three[k];

			assert_int_equal(x->t_ns, y->t_ns);
			assert_int_equal(x->kind, y->kind);
			assert_int_equal(x->size, y->size);
			assert_int_equal(x->cpu, y->cpu);
			i = of_site(four, nr4, i + 1, site4);
			k = of_site(three, nr3, k + 1, site3);
		}
		assert_int_equal(i, nr4);
		assert_int_equal(k, nr3);
	}
	assert_true(compared > 10000);
	free(four);
	free(three);
}

/* The same seed gives the same requests, also after a rewind; another seed gives others. */
static void seeds_decide(void **state)
{
	size_t nr, nr_again, nr_other;
	struct source *s = open_text(four_jobs, 1);
	struct request *all = source_requests(s, &nr), *again, *other;
	struct err e;

	(void)state;
	assert_int_equal(s->ops->rewind(s, &e), 0);
	again = source_requests(s, &nr_again);
	other = load(four_jobs, 2, &nr_other);
	assert_int_equal(nr, nr_again);
	assert_memory_equal(all, again, nr * sizeof(*all));
	assert_true(nr != nr_other || memcmp(all, other, nr * sizeof(*all)) != 0);
	assert_int_equal(s->ops->rewind(s, &e), 0);
	s->tables.nr_requests = nr; /* an estimate until now */
	if (kmt_check(s, &e))
		fail_msg("%s", e.msg);
	s->ops->close(s);
	free(all);
	free(again);
	free(other);
}

/* Phases begin when they should, rates are theirs, windows cut. */
static void phases_and_windows(void **state)
{
	struct request *all;
	double n[4] = {0}; /* fill, churn, drain, window */
	size_t nr, marks = 0;

	(void)state;
	all = load(
		HEAD
		"duration: 200ms\n"
		"phases: [{name: fill, duration: 10ms}, {name: churn, duration: 20ms},\n"
		"  {name: drain, duration: 10ms}]\n"
		"defaults: {lifetime: forever}\njobs:\n"
		"  a: {generator: poisson, rate: {fill: 1M/s, churn: 200k/s}, size: 8B}\n"
		"  b: {generator: periodic, every: 1ms, phases: [churn, drain], size: 8B}\n"
		"  c: {generator: periodic, every: 100us, start: 33ms, duration: 5ms, size: 8B}\n",
		1, &nr);
	for (size_t i = 0; i < nr; i++) {
		u64 at_ns = all[i].t_ns % (40 * NSEC_PER_MSEC);

		if (all[i].kind == REQ_MARK) {
			marks++;
			continue;
		}
		if (all[i].site == 1)
			n[at_ns < 10000000 ? 0 : at_ns < 30000000 ? 1 : 2]++;
		if (all[i].site == 2) {
			/* One period for both phases: they follow each other. */
			assert_true(at_ns >= 10000000 && at_ns % 1000000 == 0);
		}
		if (all[i].site == 3) {
			assert_true(all[i].t_ns >= 33000000 && all[i].t_ns < 38000000);
			n[3]++;
		}
	}
	/* Five rounds. */
	assert_true(fabs(n[0] - 50e3) < 4 * sqrt(50e3));
	assert_true(fabs(n[1] - 20e3) < 4 * sqrt(20e3));
	assert_true(n[2] == 0);
	assert_true(n[3] == 50);
	assert_int_equal(marks, 15 + 1);
	free(all);
}

/* Runs a load on the default stack. */
static struct trial run(const char *text, u64 seed)
{
	static struct machine_config machine;
	struct source *s = open_text(text, seed);
	struct stack_config stack;
	struct trial t = {.machine = &machine, .stack = &stack, .source = s};
	struct err e;

	machine_config_default(&machine);
	assert_int_equal(stack_config_parse(&stack, NULL, NULL, &e), 0);
	if (trial_run(&t, &e))
		fail_msg("%s", e.msg);
	stack_config_free(&stack);
	s->ops->close(s);
	return t;
}

/* N workers make N / (think + service + lifetime) rounds; service is some 50 ns here. */
static void closed_loops_keep_their_round(void **state)
{
	struct trial t = run(HEAD "duration: 200ms\njobs:\n"
				  "  a: {generator: closed_loop, workers: 4, size: 64B,\n"
				  "      think: {dist: exponential, mean: 20us}, lifetime: 10us}\n",
			     1);
	double rounds = 0.2 * 4 / 30.1e-6;

	(void)state;
	assert_true(fabs((double)t.nr_requests / 2 - rounds) < 0.02 * rounds);
	t = run(HEAD
		"duration: 200ms\njobs:\n"
		"  a: {generator: closed_loop, workers: 8, size: 64B, think: 40us, hold: off,\n"
		"      lifetime: {dist: exponential, mean: 3ms}}\n",
		1);
	rounds = 0.2 * 8 / 40.05e-6;
	assert_true(fabs((double)t.nr_requests / 2 - rounds) < 0.02 * rounds);
	/* No think time at all: the allocator is all there is; no worker overtakes itself. */
	t = run(HEAD
		"duration: 1ms\njobs:\n"
		"  a: {generator: closed_loop, workers: 1, size: 64B, think: 0s, lifetime: 0s}\n",
		1);
	assert_true(t.nr_requests > 10000 && t.nr_requests < 60000);
}

static void the_same_run_has_the_same_digest(void **state)
{
	static const char text[] = HEAD
		"duration: 20ms\nwarmup: 5ms\ndefaults: {lifetime: {dist: exponential, mean: "
		"1ms}}\n"
		"jobs:\n"
		"  a: {generator: closed_loop, workers: 16, think: 3us, size: 64B, free_cpu: any}\n"
		"  b: {generator: poisson, rate: 100k/s, pages: {order: 3}, on_failure: retry}\n"
		"  c: {generator: closed_loop, workers: 3, think: 0s, pages: {order: 10}, retries: "
		"2,\n"
		"      on_failure: retry, lifetime: 100us}\n"
		"  d: {generator: periodic, every: 10us, pages: {order: 10}, lifetime: 6ms}\n";
	struct trial a = run(text, 1), b = run(text, 1), c = run(text, 2);

	(void)state;
	assert_int_equal(a.status, TRIAL_OK);
	assert_true(a.digest == b.digest);
	assert_true(a.digest != c.digest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(poisson_keeps_its_rate),
		cmocka_unit_test(periods_are_exact),
		cmocka_unit_test(little),
		cmocka_unit_test(jobs_are_independent),
		cmocka_unit_test(seeds_decide),
		cmocka_unit_test(phases_and_windows),
		cmocka_unit_test(closed_loops_keep_their_round),
		cmocka_unit_test(the_same_run_has_the_same_digest),
	};

	return cmocka_run_group_tests(tests, tmp_dir_make, tmp_dir_remove);
}
