/*
 * Workload files: what is taken, and what is said of mistakes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/units.h"
#include "tests/test.h"
#include "tests/tmp_dir.h"
#include "workloads/workload.h"

static struct source *try_open(const char *text, u64 duration_ns, struct err *e)
{
	struct workload_options o = {.seed = 1,
				     .duration_ns = duration_ns,
				     .machine = "small",
				     .nr_cpus = 4,
				     .nr_nodes = 2};
	char path[80];
	FILE *f;

	snprintf(path, sizeof(path), "%s/w.yaml", tmp_dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return workload_open(path, &o, e);
}

#define HEAD "kmemsim: workload/1\n"
#define TIMED HEAD "duration: 1s\n"
#define JOB "jobs: {a: {generator: poisson, rate: 1k/s, size: 64B, lifetime: 1ms}}\n"
/* One job, flow style, in line 3 from column 11: what follows there is seen in messages. */
#define A "jobs: {a: {generator: poisson, rate: 1k/s, lifetime: 1ms, "

static void refused_for(const char *text, u64 duration_ns, const char *says)
{
	struct err e = {""};
	struct source *s = try_open(text, duration_ns, &e);

	if (s)
		fail_msg("taken: %s", text);
	assert_says(e.msg, says);
	assert_null(strchr(e.msg, '\n'));
}

static void refused(const char *text, const char *says)
{
	refused_for(text, 0, says);
}

static void all_keys(void **state)
{
	static const char text[] = HEAD
		"description: everything\nduration: 2s\nwarmup: 1s\n"
		"phases: [{name: one, duration: 500ms}, {name: two, duration: 500ms}]\n"
		"defaults: {cpus: 1-2, node: 1, gfp: GFP_KERNEL, lifetime: 1ms, free_cpu: any,\n"
		"  on_failure: count, retry_after: 2ms, retries: 3}\n"
		"jobs:\n"
		"  a: {generator: poisson, rate: 1k/s, size: 64B, gfp: GFP_ATOMIC | __GFP_ZERO}\n"
		"  b: {generator: periodic, every: 1ms, offset: 0s, lifetime: forever, phases: "
		"two,\n"
		"    cache: {name: c, size: 100B, align: 16B,\n"
		"      flags: [SLAB_RECLAIM_ACCOUNT, SLAB_HWCACHE_ALIGN]}}\n"
		"  c: {generator: closed_loop, workers: 2, think: 1us, hold: on, start: 1s,\n"
		"    duration: 1s, pages: {order: 2, gfp: GFP_USER}, cpus: [3], node: any}\n"
		"  d: {generator: poisson, rate: {one: 2.5/ms}, cache: {name: small, size: 20B,\n"
		"    flags: SLAB_HWCACHE_ALIGN}, on_failure: stop}\n"
		"  e: {generator: poisson, rate: 1/s, cache: {name: many, size: 8B, copies: 3}}\n"
		"  f: {generator: poisson, rate: 1/s, cache: {name: many, size: 8B, copies: 3}}\n";
	const struct source_tables *t;
	struct source *s;
	struct err e;

	(void)state;
	s = try_open(text, 0, &e);
	if (!s)
		fail_msg("%s", e.msg);
	t = &s->tables;
	assert_string_equal(t->name, "w.yaml");
	assert_int_equal(t->duration_ns, 2 * NSEC_PER_SEC);
	assert_int_equal(t->warmup_ns, NSEC_PER_SEC);
	assert_int_equal(t->nr_cpus, 4);
	assert_int_equal(t->nr_nodes, 2);
	assert_int_equal(t->nr_sites, 7);
	assert_string_equal(t->sites[2], "b");
	assert_int_equal(t->nr_caches, 6); /* c, small, many, and what stands for kmalloc */
	assert_string_equal(t->caches[4].name, "many-2");
	assert_string_equal(t->caches[0].name, "c");
	assert_int_equal(t->caches[0].object_size, 100);
	assert_int_equal(t->caches[0].align, 64);
	assert_true(t->caches[0].reclaimable);
	assert_int_equal(t->caches[0].flags, SLAB_RECLAIM_ACCOUNT | SLAB_HWCACHE_ALIGN);
	assert_int_equal(t->caches[1].align, 32); /* two to a cache line */
	assert_true(t->caches[5].kmalloc);
	assert_int_equal(t->nr_marks, 4);
	assert_non_null(s->ops->ended);
	s->ops->close(s);
}

static void durations(void **state)
{
	struct source *s;
	struct err e;
	u64 hash;

	(void)state;
	/* Of the file, of whoever uses it, or of the phases. */
	s = try_open(TIMED JOB, 0, &e);
	assert_int_equal(s->tables.duration_ns, NSEC_PER_SEC);
	hash = s->tables.input_hash;
	s->ops->close(s);
	s = try_open(TIMED JOB, 5 * NSEC_PER_SEC, &e);
	assert_int_equal(s->tables.duration_ns, 5 * NSEC_PER_SEC);
	assert_true(s->tables.input_hash != hash);
	s->ops->close(s);
	s = try_open(HEAD "phases: [{name: x, duration: 2s}, {name: y, duration: 3s}]\n" JOB, 0,
		     &e);
	assert_int_equal(s->tables.duration_ns, 5 * NSEC_PER_SEC);
	s->ops->close(s);
	s = try_open(HEAD "phases: [{name: x, duration: 2s}, {name: y}]\n" JOB, 9 * NSEC_PER_SEC,
		     &e);
	assert_int_equal(s->tables.duration_ns, 9 * NSEC_PER_SEC);
	s->ops->close(s);
	refused(HEAD JOB, "w.yaml:1:1: the load has no end: `duration: 10s` is missing");
	refused(HEAD "phases: [{name: x}]\n" JOB, "w.yaml:2:10: phase 'x' has no end");
	refused(TIMED "phases: [{name: x}, {name: y, duration: 1s}]\n" JOB, "phase 'x' has no end");
	refused(TIMED "phases: [{name: x, duration: 2s}, {name: y}]\n" JOB,
		"w.yaml:3:35: the load is over before phase 'y' begins");
	refused(HEAD "duration: 0s\n" JOB, "w.yaml:2:11: a duration must be more than zero");
	refused(HEAD "duration: 10\n" JOB, "'10' has no unit");
	refused(HEAD "duration: 9999h\n" JOB, "more than 52 days");
	refused(TIMED "warmup: 1s\n" JOB, "w.yaml:3:9: the warm-up takes up the whole load");
	refused(TIMED "phases: []\n" JOB, "phases are a list");
	refused(TIMED "phases: {x: 1s}\n" JOB, "phases are a list");
	refused(TIMED "phases: [{name: x, duration: 1s}, {name: x, duration: 1s}]\n" JOB,
		"phase 'x' is here twice");
	refused(TIMED "phases: [{name: x, druation: 1s}]\n" JOB, "did you mean 'duration'?");
}

static void mistakes_in_the_frame(void **state)
{
	(void)state;
	refused("kmemsim: workload/2\n", "this kmemsim reads 'workload/1'");
	refused("jobs: {}\n", "the first line must be 'kmemsim: workload/1'");
	refused(TIMED, "missing key 'jobs'");
	refused(TIMED "jobs: {}\n", "w.yaml:3:7: jobs are a mapping");
	refused(TIMED "jobs: [a]\n", "jobs are a mapping");
	refused(TIMED "jobs: {a: 5}\n", "w.yaml:3:11: a job is a mapping");
	refused(TIMED "jobs: {'': {generator: poisson}}\n", "a name is empty");
	refused(TIMED "job: {}\n", "unknown key 'job': did you mean 'jobs'?");
	refused(TIMED "defaults: {lifetmie: 1s}\n" JOB, "did you mean 'lifetime'?");
	refused(TIMED "defaults: {size: 64B}\n" JOB, "unknown key 'size'");
	refused(TIMED "jobs: {a: {rate: 1k/s}}\n", "missing key 'generator'");
	refused(TIMED "jobs: {a: {generator: poison}}\n",
		"w.yaml:3:23: unknown generator 'poison': did you mean 'poisson'?");
	refused(TIMED "jobs: {a: {generator: fractal}}\n", "see `kmemsim list generators`");
	refused(TIMED "jobs: {a: {generator: poisson, rate: 1k/s, size: 1B}}\n",
		"missing key 'lifetime'");
	refused(TIMED A "siez: 64B}}\n", "unknown key 'siez': did you mean 'size'?");
	refused(TIMED A "every: 1s}}\n", "unknown key 'every'");
}

/* Where the word stands that does not go with those before. */
static void flags_that_contradict(void **state)
{
	(void)state;
	refused(TIMED A "size: 1B, gfp: __GFP_DMA|__GFP_HIGHMEM}}\n",
		"w.yaml:3:84: flags that contradict each other: two zones at once (GFP_ZONE_BAD)");
	refused(TIMED A "size: 1B, gfp: GFP_HIGHUSER|GFP_DMA32}}\n", "w.yaml:3:87: flags that");
	refused(TIMED A "size: 1B, gfp: GFP_DMA | GFP_DMA32}}\n", "w.yaml:3:84: flags that");
	refused(TIMED A "size: 1B, gfp: GFP_HIGHUSER_MOVABLE|__GFP_RECLAIMABLE}}\n",
		"a page is movable or reclaimable, not both");
	refused(TIMED A "size: 1B, gfp: GFP_KERNEL|__GFP_NORETRY|__GFP_NOFAIL}}\n",
		"w.yaml:3:99: flags that contradict each other: a request that must not fail "
		"cannot give up");
	refused(TIMED A "size: 1B, gfp: GFP_KERNEL|__GFP_NORETRY|__GFP_RETRY_MAYFAIL}}\n",
		"not to retry, and to retry");
	refused(TIMED A "size: 1B, gfp: GFP_ATOMIC|GFP_KERNEL}}\n",
		"who cannot wait does not reclaim");
	refused(TIMED A "size: 1B, gfp: GFP_NOWAIT|__GFP_NOFAIL}}\n",
		"__GFP_NOFAIL without __GFP_DIRECT_RECLAIM");
}

static void mistakes_in_what(void **state)
{
	(void)state;
	refused(TIMED A "}}\n", "what does the job ask for?");
	refused(TIMED A "size: 1B, pages: {order: 0}}}\n", "asks for size already");
	refused(TIMED A "objects: {ratio: 2}}}\n", "w.yaml:3:69: unknown key 'ratio'");
	refused(TIMED A "size: 64}}\n", "w.yaml:3:65: '64' has no unit");
	refused(TIMED A "size: 5MiB}}\n", "from 1B to 4MiB");
	refused(TIMED A "pages: {order: 11}}}\n", "11 is no order: from 0 to 10");
	refused(TIMED A "pages: {order: -1}}}\n", "'-1' is not a number");
	refused(TIMED A "pages: {gfp: GFP_USER}}}\n", "missing key 'order'");
	refused(TIMED A "gfp: GFP_USER, pages: {order: 0, gfp: GFP_USER}}}\n",
		"gfp is given twice");
	refused(TIMED A "size: 1B, gfp: GFP_KERNEL|GFP_ZERO}}\n",
		"w.yaml:3:85: unknown flag 'GFP_ZERO': did you mean '__GFP_ZERO'?");
	refused(TIMED A "size: 1B, gfp: ''}}\n", "unknown flag ''");
	refused(TIMED A "size: 1B, gfp: GFP_KERNEL __GFP_ZERO}}\n", "flags are joined by '|'");
	refused(TIMED A "cache: {size: 64B}}}\n", "missing key 'name'");
	refused(TIMED A "cache: {name: x}}}\n", "missing key 'size'");
	refused(TIMED A "cache: {name: x, size: 0B}}}\n", "0B is no size of objects");
	refused(TIMED A "cache: {name: x, size: {dist: uniform, min: 1B, max: 2B}}}}\n",
		"all of one size");
	refused(TIMED A "cache: {name: x, size: 8B, align: 24B}}}\n", "a power of two");
	refused(TIMED A "cache: {name: x, size: 8B, flags: [SLAB_RECLAIM]}}}\n",
		"unknown flag 'SLAB_RECLAIM'");
	refused(TIMED A "cache: {name: x, size: 8B, flags: [SLAB_MEM_SPREAD]}}}\n",
		"is not simulated");
	refused(TIMED A "cache: {name: x, size: 8B, flags: [SLAB_POISON, "
			"SLAB_DESTROY_BY_RCU]}}}\n",
		"SLAB_POISON would write over freed objects");
	refused(TIMED A "cache: {name: x, size: 8B, movable: yes}}}\n",
		"w.yaml:3:95: unknown value 'yes': off or on");
	refused(TIMED A "cache: {name: x, size: 8B, copies: 0}}}\n",
		"0 is out of range: 1 to 10000");
	refused(TIMED A "cache: {name: a-cache-with-a-long-long-name, size: 8B, copies: 2}}}\n",
		"1 to 26 characters");
	refused(TIMED
		"jobs:\n  a: {generator: periodic, every: 1s, lifetime: 1s, cache: {name: x-1, "
		"size: 8B}}\n"
		"  b: {generator: periodic, every: 1s, lifetime: 1s, cache: {name: x, size: 8B, "
		"copies: 2}}\n",
		"w.yaml:5:60: cache 'x-1' is another one in an earlier job");
	refused(TIMED A "cache: {name: x, size: 4B, movable: on}}}\n", "have at least 8B");
	refused(TIMED A "cache: {name: x, size: 8B, movable: on}, pinned: 5}}\n",
		"w.yaml:3:108: a share from 0% to 100% is wanted");
	refused(TIMED A "cache: {name: x, size: 8B, movable: on}, pinned: 101%}}\n",
		"a share from");
	refused(TIMED A "cache: {name: x, size: 8B}, pinned: 5%}}\n",
		"only objects of a movable cache");
	refused(TIMED A "size: 8B, pinned: 5%}}\n", "only objects of a movable cache");
	refused(TIMED A "shrink: all}}\n",
		"w.yaml:3:54: a shrink asks for nothing that could live");
	refused(TIMED "jobs: {a: {generator: poisson, rate: 1k/s, shrink: some}}\n",
		"unknown value 'some'");
	refused(TIMED "jobs: {a: {generator: poisson, rate: 1k/s, shrink: all, size: 8B}}\n",
		"asks for size already");
	refused(TIMED "jobs: {a: {generator: closed_loop, workers: 1, think: 1s, shrink: all}}\n",
		"workers of 'closed_loop' wait for memory");
	refused(TIMED
		"jobs:\n  a: {generator: periodic, every: 1s, lifetime: 1s, cache: {name: x, size: "
		"8B}}\n"
		"  b: {generator: periodic, every: 1s, lifetime: 1s, cache: {name: x, size: 9B}}\n",
		"w.yaml:5:60: cache 'x' is another one in an earlier job");
}

static void mistakes_of_reclaim(void **state)
{
	(void)state;
	refused(TIMED A "size: 8B, reclaim: {accessed: 1s}}}\n",
		"w.yaml:3:78: only `pages` and objects of a `cache` can be reclaimed");
	refused(TIMED A "pages: {order: 0}, reclaim: 1s}}\n",
		"a mapping is wanted: {accessed: 10s}");
	refused(TIMED A "pages: {order: 0}, reclaim: {access: 1s}}}\n",
		"unknown key 'access': did you mean 'accessed'?");
	refused(TIMED A "pages: {order: 0}, reclaim: {}}}\n", "missing key 'accessed'");
	refused(TIMED A "pages: {order: 0}, reclaim: {accessed: 0s}}}\n",
		"0s is no time between accesses");
	refused(TIMED A "pages: {order: 0}, reclaim: {accessed: 5}}}\n", "has no unit");
}

static void mistakes_in_when_and_where(void **state)
{
	(void)state;
	refused(TIMED A "size: 1B, cpus: 2-4}}\n",
		"w.yaml:3:75: CPU 4: machine 'small' has 4, from 0");
	refused(TIMED A "size: 1B, cpus: ''}}\n", "at least one CPU");
	refused(TIMED A "size: 1B, cpus: 3-1}}\n", "runs backwards");
	refused(TIMED A "size: 1B, node: 2}}\n", "node 2: machine 'small' has 2");
	refused(TIMED A "size: 1B, free_cpu: other}}\n", "unknown value 'other': same or any");
	refused(TIMED A "size: 1B, on_failure: stopp}}\n", "did you mean 'stop'?");
	refused(TIMED A "size: 1B, retries: 0}}\n", "0 is out of range");
	refused(TIMED A "size: 1B, retry_after: 0s}}\n", "0s is no time before a retry");
	refused(TIMED A "size: 1B, start: 1s}}\n", "the load is over before the job starts");
	refused(TIMED A "size: 1B, duration: 0s}}\n", "lasts no time");
	refused(TIMED A "size: 1B, phases: [x]}}\n", "there is no phase 'x'");
	refused(TIMED "phases: [{name: fill, duration: 1s}]\n" A "size: 1B, phases: [fil]}}\n",
		"did you mean 'fill'?");
	refused(TIMED "phases: [{name: fill, duration: 1s}]\n" A
		      "size: 1B, phases: [fill, fill]}}\n",
		"here twice");
	refused(TIMED "phases: [{name: fill, duration: 1s}]\n" A "size: 1B, phases: []}}\n",
		"at least one phase");
}

static void mistakes_of_generators(void **state)
{
	static const struct {
		const char *keys, *says;
	} cases[] = {
		{"poisson", "missing key 'rate'"},
		{"poisson, rate: 0/s", "a rate must be more than zero"},
		{"poisson, rate: -5/s", "'-5/s' is not a rate"},
		{"poisson, rate: nan/s", "'nan/s' is not a rate"},
		{"poisson, rate: 200k", "write it as 200k/s"},
		{"poisson, rate: 1M/ns", "write it as 200k/s"},
		{"poisson, rate: 900M/s", "from 1/h to 100M/s"},
		{"poisson, rate: {x: 1/s}", "there is no phase 'x'"},
		{"poisson, rate: {}", "a rate for at least one phase"},
		{"poisson, rate: [1/s]", "a single value is wanted"},
		{"periodic", "missing key 'every'"},
		{"periodic, every: 0s", "more than zero"},
		{"periodic, every: 5", "'5' has no unit"},
		{"periodic, every: 5s, offset: x", "'x' is not a time"},
		{"closed_loop, think: 1s", "missing key 'workers'"},
		{"closed_loop, workers: 0, think: 1s", "0 is out of range: 1 to 100000"},
		{"closed_loop, workers: 2", "missing key 'think'"},
		{"closed_loop, workers: 2, think: 5", "'5' has no unit"},
		{"closed_loop, workers: 2, think: 1s, hold: yes", "'yes' is neither on nor off"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[256];

		snprintf(text, sizeof(text),
			 TIMED "jobs: {a: {size: 8B, lifetime: 1s, generator: %s}}\n",
			 cases[i].keys);
		refused(text, cases[i].says);
	}
	refused(TIMED "phases: [{name: x, duration: 1s}]\njobs: {a: {generator: poisson, size: 8B, "
		      "lifetime: 1s, phases: x, rate: {x: 1/s}}}\n",
		"`phases` says already");
}

/* Any damage of a good file is told or does not matter. */
static void damage(void **state)
{
	static const char good[] = TIMED
		"phases: [{name: x, duration: 300ms}, {name: y, duration: 1s}]\n"
		"jobs:\n  a: {generator: poisson, rate: {x: 9/s}, size: {dist: lognormal, median: "
		"99B,\n"
		"    sigma: 1.5}, lifetime: {dist: choice, of: {1ms: 3, 2s: .5}}, cpus: 0-3}\n"
		"  b: {generator: closed_loop, workers: 9, think: 1ms, pages: {order: 3}, "
		"lifetime: 9us}\n"
		"  c: {generator: zram, slots: 9, every: 1us, pattern: lru, touched: 20, zipf: "
		"0.9,\n"
		"    read: 5%, objects: {size: {dist: mix, of: [{weight: 1, value: 28B},\n"
		"    {weight: 8, value: {dist: normal, mean: 900B, sd: 90B, max: 4096B}}]}}}\n"
		"  d: {generator: periodic, every: 1ms, compact: 1MiB}\n";
	char text[sizeof(good)];
	size_t taken = 0;

	(void)state;
	for (size_t at = 0; at + 1 < sizeof(good); at++) {
		for (const char *c = " :{0-"; *c; c++) {
			struct err e = {""};
			struct source *s;

			memcpy(text, good, sizeof(text));
			text[at] = *c;
			s = try_open(text, 0, &e);
			if (s)
				s->ops->close(s);
			else
				assert_true(strlen(e.msg) > 10);
			taken += s != NULL;
		}
	}
	assert_true(taken > 0 && taken < 5 * sizeof(good));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_keys),
		cmocka_unit_test(durations),
		cmocka_unit_test(mistakes_in_the_frame),
		cmocka_unit_test(flags_that_contradict),
		cmocka_unit_test(mistakes_in_what),
		cmocka_unit_test(mistakes_of_reclaim),
		cmocka_unit_test(mistakes_in_when_and_where),
		cmocka_unit_test(mistakes_of_generators),
		cmocka_unit_test(damage),
	};

	return cmocka_run_group_tests(tests, tmp_dir_make, tmp_dir_remove);
}
