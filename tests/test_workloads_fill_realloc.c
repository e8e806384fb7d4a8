/*
 * fill_realloc fills exactly, thins at random, and then replaces one object at a time.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/units.h"
#include "sim/source.h"
#include "tests/test.h"
#include "tests/tmp_dir.h"
#include "workloads/workload.h"

#define HEAD "kmemsim: workload/1\nduration: 12ms\njobs:\n"

static struct source *open_job(const char *job, struct err *e)
{
	struct workload_options o = {.seed = 5, .machine = "test", .nr_cpus = 4, .nr_nodes = 2};
	char path[80];
	FILE *f;

	snprintf(path, sizeof(path), "%s/load.yaml", tmp_dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "%s  a: {generator: fill_realloc, pages: {order: 0, gfp: GFP_KERNEL}, %s}\n",
		HEAD, job);
	fclose(f);
	return workload_open(path, &o, e);
}

static void near_mean(double n, double mean, double sigma)
{
	if (fabs(n - mean) > 4 * sigma)
		fail_msg("%.0f, expected %.0f, sigma %.1f", n, mean, sigma);
}

/*
 *	0           2 ms          3 ms                              11 ms
 *	| fill: 20000 | 10000 go    | 40 rounds of 1000 reallocations |
 */
static void rounds_replace_one_by_one(void **state)
{
	u64 nr[3] = {0}, freed[3] = {0}, live = 0;
	struct request last = {.kind = NR_REQUEST_KINDS};
	const struct request *batch;
	struct err e;
	struct source *s;
	long n;

	(void)state;
	s = open_job("every: 100ns, count: 20000, rounds: 40", &e);
	assert_non_null(s);
	while ((n = s->ops->next(s, &batch, &e)) > 0) {
		for (long i = 0; i < n; i++) {
			const struct request *r = &batch[i];
			int part = r->t_ns < 2000000 ? 0 : r->t_ns < 3000000 ? 1 : 2;

			if (r->kind == REQ_MARK)
				continue;
			nr[part] += r->kind == REQ_PAGE_ALLOC;
			freed[part] += r->kind == REQ_PAGE_FREE;
			live = live + (r->kind == REQ_PAGE_ALLOC) - (r->kind == REQ_PAGE_FREE);
			if (!part)
				assert_int_equal(r->t_ns, 100 * (nr[0] - 1));
			if (part == 2 && r->kind == REQ_PAGE_ALLOC) {
				assert_int_equal(last.kind, REQ_PAGE_FREE);
				assert_int_equal(last.t_ns, r->t_ns);
				assert_int_equal(last.cpu, r->cpu);
				assert_true(r->t_ns < 11000000);
			}
			last = *r;
		}
	}
	assert_int_equal(n, 0);
	assert_int_equal(nr[0], 20000);
	assert_int_equal(freed[0] + nr[1], 0);
	near_mean((double)freed[1], 10000, sqrt(5000));
	assert_int_equal(nr[2], freed[2]);
	/* As many as are alive, times 40 x 10 %. */
	near_mean((double)nr[2], (double)(20000 - freed[1]) * 4, sqrt(40000));
	assert_int_equal(live, 20000 - freed[1]);
	s->ops->close(s);
}

static void mistakes_are_explained(void **state)
{
	static const char *const cases[][2] = {
		{"count: 10", "missing key 'every'"},
		{"every: 1us", "missing key 'count'"},
		{"every: 0, count: 10", "the time between requests must be more than zero"},
		{"every: 1us, count: 10, kept: 0.5",
		 "'0.5' is not a share: write it as 20% or 1/512"},
		{"every: 1us, count: 10, realloc: 110%", "110% is more than the whole"},
		{"every: 1us, count: 10, lifetime: 1ms",
		 "'fill_realloc' says itself how long its objects live"},
		{"every: 1h, count: 100000", "a load of more than 52 days"},
		{"every: 1us, count: 10, rate: 3/s", "unknown key 'rate'"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = {""};

		assert_null(open_job(cases[i][0], &e));
		assert_says(e.msg, cases[i][1]);
		assert_says(e.msg, "load.yaml:4:");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rounds_replace_one_by_one),
		cmocka_unit_test(mistakes_are_explained),
	};

	return cmocka_run_group_tests(tests, tmp_dir_make, tmp_dir_remove);
}
