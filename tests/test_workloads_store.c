/*
 * Loads of compressed objects: sizes, reads, compaction, and what is said of mistakes.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/units.h"
#include "sim/source.h"
#include "tests/array_source.h"
#include "tests/test.h"
#include "tests/tmp_dir.h"
#include "traces/kmt_check.h"
#include "workloads/workload.h"

#define HEAD "kmemsim: workload/1\nduration: 100ms\njobs:\n"

static struct source *open_text(const char *text, struct err *e)
{
	struct workload_options o = {.seed = 7, .machine = "test", .nr_cpus = 4, .nr_nodes = 2};
	char path[80];
	FILE *f;

	snprintf(path, sizeof(path), "%s/load.yaml", tmp_dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return workload_open(path, &o, e);
}

static struct source *opened(const char *text)
{
	struct err e;
	struct source *s = open_text(text, &e);

	if (!s)
		fail_msg("%s", e.msg);
	return s;
}

static struct request *fetch(const char *text, size_t *n)
{
	struct source *s = opened(text);
	struct request *all = source_requests(s, n);

	s->ops->close(s);
	return all;
}

static void near_mean(double n, double mean, double sigma)
{
	if (fabs(n - mean) > 4 * sigma)
		fail_msg("%.2f, expected %.2f, sigma %.2f", n, mean, sigma);
}

/* A share is read right before it goes, where it goes; the rest never. */
static void some_are_read_before_they_go(void **state)
{
	size_t nr, nr_read = 0, nr_freed = 0, nr_bytes = 0, nr_stored = 0;
	struct request *all;

	(void)state;
	all = fetch(HEAD "  a: {generator: poisson, rate: 200k/s, read: 30%, free_cpu: any,\n"
			 "      objects: {size: {dist: uniform, min: 1B, max: 8192B}},\n"
			 "      lifetime: {dist: exponential, mean: 1ms}}\n",
		    &nr);
	for (size_t i = 0; i < nr; i++) {
		const struct request *r = &all[i];

		if (r->kind == REQ_STORE_ALLOC) {
			assert_in_range(r->size, 1, 8192);
			assert_int_equal(r->gfp, 0);
			nr_bytes += r->size;
			nr_stored++;
		} else if (r->kind == REQ_STORE_READ) {
			assert_int_equal(r[1].kind, REQ_STORE_FREE);
			assert_int_equal(r[1].object, r->object);
			assert_true(r[1].t_ns == r->t_ns && r[1].cpu == r->cpu);
			nr_read++;
		}
		nr_freed += r->kind == REQ_STORE_FREE;
	}
	near_mean((double)nr_stored, 20000, sqrt(20000));
	near_mean((double)nr_read, 0.3 * (double)nr_freed, sqrt(0.21 * (double)nr_freed));
	near_mean((double)nr_bytes / (double)nr_stored, 4096.5,
		  8192 / sqrt(12 * (double)nr_stored));
	free(all);
}

/* To read some changes nothing else. */
static void reading_leaves_the_rest_alone(void **state)
{
#define JOBS(READ)                                                                                 \
	HEAD "  a: {generator: poisson, rate: 100k/s, objects: {size: 700B}, gfp: GFP_NOWAIT,\n"   \
	     "      " READ "lifetime: 1ms}\n"                                                      \
	     "  b: {generator: periodic, every: 10us, size: 64B, lifetime: 30us}\n"
	size_t nr, nr_read, at = 0;
	struct request *all = fetch(JOBS(""), &nr), *some = fetch(JOBS("read: 50%, "), &nr_read);

	(void)state;
	for (size_t i = 0; i < nr_read; i++)
		if (some[i].kind != REQ_STORE_READ)
			assert_memory_equal(&some[i], &all[at++], sizeof(*all));
	assert_int_equal(at, nr);
	assert_true(nr_read > nr + 4000);
	free(all);
	free(some);
}

static void compactions_come_with_their_bound(void **state)
{
	u32 kib[2] = {0}, times[2] = {0};
	struct request *all;
	size_t nr;

	(void)state;
	all = fetch(HEAD "  a: {generator: periodic, every: 1ms, compact: 1MiB}\n"
			 "  b: {generator: periodic, every: 10ms, offset: 5ms, compact: all}\n",
		    &nr);
	for (size_t i = 0; i < nr; i++) {
		if (all[i].kind == REQ_MARK)
			continue;
		assert_int_equal(all[i].kind, REQ_STORE_COMPACT);
		kib[all[i].site - 1] = all[i].size;
		times[all[i].site - 1]++;
	}
	assert_true(kib[0] == 1024 && kib[1] == 0);
	assert_true(times[0] == 100 && times[1] == 10);
	free(all);
}

/* Each mistake, from column 10 of line 4 on. */
static void mistakes_are_explained(void **state)
{
#define OPEN "generator: periodic, every: 1us"
	static const char *const cases[][2] = {
		{OPEN ", lifetime: 1s, objects: 64B", ":63: a mapping is wanted: {size: DIST}"},
		{OPEN ", lifetime: 1s, objects: {}", "missing key 'size'"},
		{OPEN ", lifetime: 1s, objects: {siez: 64B}", "did you mean 'size'?"},
		{OPEN ", lifetime: 1s, objects: {size: 0B}",
		 ":70: 0B is no size of compressed objects: from 1B to 8KiB"},
		{OPEN ", lifetime: 1s, objects: {size: -5B}", "-5B"},
		{OPEN ", lifetime: 1s, objects: {size: 8193B}", "from 1B to 8KiB"},
		{OPEN ", lifetime: 1s, objects: {size: 64}", "has no unit"},
		{OPEN ", objects: {size: 64B}", "missing key 'lifetime'"},
		{OPEN ", lifetime: 1s, objcts: {size: 64B}", "did you mean 'objects'?"},
		{OPEN ", lifetime: 1s, objects: {size: 64B}, size: 8B",
		 "asks for size already: one of size, cache, pages, objects, shrink and compact"},
		{OPEN ", lifetime: 1s, objects: {size: 64B}, node: 1",
		 ":82: a store is asked for no node"},
		{OPEN ", lifetime: 1s, objects: {size: 64B}, pinned: 5%",
		 "only objects of a movable cache"},
		{OPEN ", lifetime: 1s, objects: {size: 64B}, reclaim: {accessed: 1s}",
		 "only `pages` and objects of a `cache` can be reclaimed"},
		{OPEN ", lifetime: 1s, objects: {size: 64B}, read: 0.5", ":82: a share from 0%"},
		{OPEN ", lifetime: 1s, objects: {size: 64B}, read: 101%", "a share from 0%"},
		{OPEN ", lifetime: 1s, objects: {size: 64B}, raed: 10%", "did you mean 'read'?"},
		{OPEN ", lifetime: 1s, size: 8B, read: 10%", "only `objects` are read"},
		{OPEN ", compact: some", ":49: unknown value 'some': `all`, or a bound"},
		{OPEN ", compact: 5", "'5' has no unit"},
		{OPEN ", compact: 1000B", "from 1KiB to 1TiB"},
		{OPEN ", compact: 1500B", "whole KiB are wanted"},
		{OPEN ", compact: 9999TiB", "no bound of a compaction"},
		{OPEN ", compat: all", "did you mean 'compact'?"},
		{OPEN ", compact: all, lifetime: 1s", "a compaction asks for nothing that could"},
		{"generator: closed_loop, workers: 1, think: 1s, compact: all",
		 "workers of 'closed_loop' wait for memory, and a compaction asks for none"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = {""};
		char text[256];

		snprintf(text, sizeof(text), HEAD "  a: {%s}\n", cases[i][0]);
		assert_null(open_text(text, &e));
		assert_says(e.msg, cases[i][1]);
		assert_says(e.msg, "load.yaml:4:");
		assert_null(strchr(e.msg, '\n'));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(some_are_read_before_they_go),
		cmocka_unit_test(reading_leaves_the_rest_alone),
		cmocka_unit_test(compactions_come_with_their_bound),
		cmocka_unit_test(mistakes_are_explained),
	};

	return cmocka_run_group_tests(tests, tmp_dir_make, tmp_dir_remove);
}
