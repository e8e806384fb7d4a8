/*
 * Experiment files: what is read, and where each mistake is said to be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/experiment.h"
#include "cmd/load.h"
#include "lib/mem.h"
#include "lib/units.h"
#include "tests/test.h"

static char dir[64], path[128];

static void write_text(const char *name, const char *text)
{
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/kmemsim-test.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	write_text("load.kmt", "");
	write_text("m.yaml", "kmemsim: machine/1\nname: tiny\nnodes: [{memory: 64MiB, cpus: 0}]\n");
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {"load.kmt", "m.yaml", "x.yaml", "w.yaml"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

#define HEAD "kmemsim: experiment/1\n"
#define STACKS "stacks:\n  plain: {}\n"
#define LOADS "loads: {one: {trace: load.kmt}}\n"

static void all_keys(void **state)
{
	static const char *const settings[] = {"sample=5ms", "stacks.plain.pages=bitmap"};
	char text[STACK_TEXT_MAX];
	struct experiment x;
	struct err e;

	(void)state;
	write_text("x.yaml",
		   HEAD "description: all\nmachine: m.yaml\n" STACKS
			"  rcu: {pages: \"rcu:page_allocator\", slab: \"rcu:slabifier\"}\n" LOADS
			"seeds: [4, 9]\nsample: 10ms\n");
	if (experiment_open(&x, path, settings, ARRAY_SIZE(settings), &e))
		fail_msg("%s", e.msg);
	assert_string_equal(x.description, "all");
	assert_string_equal(x.machine->name, "tiny");
	assert_int_equal(x.nr_stacks, 2);
	assert_string_equal(x.stacks[0].name, "plain");
	chain_print(&x.stacks[0].config.pages, text, sizeof(text));
	assert_non_null(strstr(text, "bitmap"));
	assert_int_equal(x.stacks[1].config.slab.nr_layers, 2);
	assert_int_equal(x.nr_loads, 1);
	assert_says(x.loads[0].path, "/load.kmt");
	assert_int_equal(x.nr_seeds, 2);
	assert_int_equal(x.seeds[1], 9);
	assert_int_equal(x.sample_ns, 5 * NSEC_PER_MSEC);
	experiment_close(&x);
}

static void defaults(void **state)
{
	struct experiment x;
	struct err e;

	(void)state;
	write_text("x.yaml", HEAD STACKS LOADS);
	if (experiment_open(&x, path, NULL, 0, &e))
		fail_msg("%s", e.msg);
	assert_null(x.machine);
	assert_int_equal(x.nr_seeds, 1);
	assert_int_equal(x.seeds[0], 1);
	assert_int_equal(x.sample_ns, 0);
	assert_string_equal(x.stacks[0].config.pages.layers[0].desc->name, "page_allocator");
	assert_string_equal(x.stacks[0].config.slab.layers[0].desc->name, "slabifier");
	experiment_close(&x);
}

static void what_is_said_of_caches_is_printed(void **state)
{
	char text[STACK_CONFIG_TEXT_MAX];
	struct experiment x;
	struct err e;

	(void)state;
	write_text("x.yaml",
		   HEAD "stacks:\n"
			"  a: {kmalloc: {classes: [8B, 96B, 1KiB]}}\n"
			"  b: {kmalloc: {classes: exact}}\n"
			"  c: {kmalloc: {classes: default, merge: off}}\n"
			"  d: {kmalloc: {merge: on}, caches: {\"it's\": \"null\"}}\n" LOADS);
	if (experiment_open(&x, path, NULL, 0, &e))
		fail_msg("%s", e.msg);
	stack_config_print(&x.stacks[0].config, text, sizeof(text));
	assert_non_null(strstr(text, " kmalloc={classes: [8B, 96B, 1024B]}"));
	stack_config_print(&x.stacks[1].config, text, sizeof(text));
	assert_non_null(strstr(text, " kmalloc={classes: exact}"));
	stack_config_print(&x.stacks[2].config, text, sizeof(text));
	assert_null(strstr(text, "kmalloc"));
	stack_config_print(&x.stacks[3].config, text, sizeof(text));
	assert_non_null(strstr(text, " kmalloc={merge: on} caches={'it''s': 'null'}"));
	experiment_close(&x);
}

static void stores(void **state)
{
	char text[STACK_CONFIG_TEXT_MAX];
	struct experiment x;
	struct err e;

	(void)state;
	write_text("x.yaml",
		   HEAD "stacks:\n  a: {store: \"null\"}\n  b: {store: none}\n  c: {}\n" LOADS);
	if (experiment_open(&x, path, NULL, 0, &e))
		fail_msg("%s", e.msg);
	stack_config_print(&x.stacks[0].config, text, sizeof(text));
	assert_says(text, " store=null");
	for (size_t i = 1; i < x.nr_stacks; i++) {
		stack_config_print(&x.stacks[i].config, text, sizeof(text));
		assert_null(strstr(text, "store="));
	}
	experiment_close(&x);
}

static void starts(void **state)
{
	struct experiment x;
	struct err e;

	(void)state;
	write_text("x.yaml",
		   HEAD STACKS "loads:\n"
			       "  a: {trace: load.kmt}\n"
			       "  b: {trace: load.kmt, start: cold}\n"
			       "  c: {trace: load.kmt, start: warm, snapshots: m.yaml}\n");
	if (experiment_open(&x, path, NULL, 0, &e))
		fail_msg("%s", e.msg);
	assert_false(x.loads[0].start.cold);
	assert_null(x.loads[0].start.dir);
	assert_true(x.loads[1].start.cold);
	assert_says(x.loads[2].start.dir, "/m.yaml");
	experiment_close(&x);
}

static void refused(const char *body, const char *setting, const char *says)
{
	struct experiment x;
	struct err e = {""};

	write_text("x.yaml", body);
	assert_int_equal(experiment_open(&x, path, &setting, setting ? 1 : 0, &e), -1);
	assert_says(e.msg, says);
}

static void mistakes_in_stacks(void **state)
{
	(void)state;
	refused(HEAD LOADS, NULL, "x.yaml:1:1: missing key 'stacks'");
	refused(HEAD "stacks: {}\n" LOADS, NULL, "x.yaml:2:9: stacks are a mapping");
	refused(HEAD "stacks: {a: {pages: rcu:page_alocator}}\n" LOADS, NULL,
		"x.yaml:2:25: unknown page allocator 'page_alocator': did you mean "
		"'page_allocator'?");
	refused(HEAD "stacks: {a: {slab: \"rcu:slabifer\"}}\n" LOADS, NULL,
		"x.yaml:2:25: unknown slab allocator 'slabifer': did you mean 'slabifier'?");
	refused(HEAD "stacks: {a: {pages: rcu}}\n" LOADS, NULL, "x.yaml:2:21: 'rcu' must stand on");
	refused(HEAD "stacks: {a: {pages: bitmap:page_allocator}}\n" LOADS, NULL,
		"x.yaml:2:21: 'bitmap' stands on nothing");
	refused(HEAD "stacks: {a: {page: bitmap}}\n" LOADS, NULL, "did you mean 'pages'?");
	refused(HEAD "stacks: {a: {pages: [bitmap]}}\n" LOADS, NULL, "not a list");
	refused(HEAD "stacks: {a: {store: nul}}\n" LOADS, NULL,
		"x.yaml:2:21: unknown store allocator 'nul': did you mean 'null'?");
	refused(HEAD "stacks: {a: {store: slabifier}}\n" LOADS, NULL,
		"x.yaml:2:21: unknown store allocator 'slabifier': it is a slab allocator");
	refused(HEAD "stacks: {a: {kmalloc: {class: [8B]}}}\n" LOADS, NULL,
		"x.yaml:2:24: unknown key 'class': did you mean 'classes'?");
	refused(HEAD "stacks: {a: {kmalloc: [8B]}}\n" LOADS, NULL,
		"x.yaml:2:23: kmalloc is a mapping");
	refused(HEAD "stacks: {a: {kmalloc: {classes: [8B, 24]}}}\n" LOADS, NULL,
		"x.yaml:2:38: '24' has no unit");
	refused(HEAD "stacks: {a: {kmalloc: {classes: [8B, 20B]}}}\n" LOADS, NULL,
		"x.yaml:2:38: a class of 20 bytes is no multiple of 8");
	refused(HEAD "stacks: {a: {kmalloc: {classes: [1KiB, 16GiB]}}}\n" LOADS, NULL,
		"x.yaml:2:40: a class of 17179869184 bytes: the largest can be 32768");
	refused(HEAD "stacks: {a: {kmalloc: {classes: []}}}\n" LOADS, NULL,
		"x.yaml:2:33: 1 to 64 classes are wanted, not 0");
	refused(HEAD "stacks: {a: {kmalloc: {classes: all}}}\n" LOADS, NULL,
		"x.yaml:2:33: classes are a list of sizes, 'exact' or 'default', not 'all'");
	refused(HEAD "stacks: {a: {kmalloc: {merge: yes}}}\n" LOADS, NULL,
		"x.yaml:2:31: unknown value 'yes': off or on");
	refused(HEAD "stacks: {a: {caches: [slabifier]}}\n" LOADS, NULL,
		"x.yaml:2:22: caches are a mapping");
	refused(HEAD "stacks: {a: {caches: {\"ab[\": slabifier}}}\n" LOADS, NULL,
		"x.yaml:2:26: this '[' has no ']'");
	refused(HEAD "stacks: {a: {caches: {\"\": slabifier}}}\n" LOADS, NULL, "a glob is empty");
	refused(HEAD "stacks: {a: {caches: {x*: \"rcu:slabifer\"}}}\n" LOADS, NULL,
		"x.yaml:2:32: unknown slab allocator 'slabifer': did you mean 'slabifier'?");
	refused(HEAD "stacks: {a: {caches: {1: null, 2: null, 3: null, 4: null, 5: null, 6: null, "
		     "7: null, 8: null, 9: null}}}\n" LOADS,
		NULL, "9 globs: at most 8 are possible");
	refused(HEAD "stacks: {a: {}, a: {}}\n" LOADS, NULL, "key 'a' is here twice");
	refused(HEAD STACKS LOADS, "stacks.plain.pages=rcu:btimap",
		"--set stacks.plain.pages=rcu:btimap: column 24: unknown page allocator 'btimap'");
	refused(HEAD STACKS LOADS, "stakcs.plain.pages=bitmap", "did you mean 'stacks'?");
}

static void mistakes_elsewhere(void **state)
{
	(void)state;
	refused("kmemsim: machine/1\n", NULL, "'experiment/1' is wanted");
	refused(HEAD STACKS, NULL, "missing key 'loads'");
	refused(HEAD STACKS "loads: {a: {trace: nowhere.kmt}}\n", NULL,
		"x.yaml:4:20: nowhere.kmt: No such file");
	refused(HEAD STACKS "loads: {a: {trcae: load.kmt}}\n", NULL, "did you mean 'trace'?");
	refused(HEAD STACKS "loads: {a: {workload: mix.yaml}}\n", NULL, "mix.yaml: No such file");
	refused(HEAD STACKS "loads: {a: {}}\n", NULL, "missing key 'trace'");
	refused(HEAD STACKS "loads: {a: {trace: load.kmt, start: icy}}\n", NULL,
		"x.yaml:4:37: a start is warm or cold, not 'icy'");
	refused(HEAD STACKS "loads: {a: {trace: load.kmt, start: cold, snapshots: m.yaml}}\n", NULL,
		"x.yaml:4:54: a cold start has no use for snapshots");
	refused(HEAD STACKS "loads: {a: {trace: load.kmt, snapshots: nowhere}}\n", NULL,
		"x.yaml:4:41: nowhere: No such file");
	refused(HEAD STACKS "loads: {a: {workload: mix.yaml, start: cold}}\n", NULL,
		"a workload has no snapshots");
	refused(HEAD STACKS LOADS "seeds: 0\n", NULL, "x.yaml:5:8: 0 is out of range: 1 to 10000");
	refused(HEAD STACKS LOADS "seeds: [1, 1]\n", NULL, "seed 1 is here twice");
	refused(HEAD STACKS LOADS "seeds: []\n", NULL, "1 to 10000 seeds");
	refused(HEAD STACKS LOADS "sample: 10\n", NULL, "x.yaml:5:9: '10' has no unit");
	refused(HEAD STACKS LOADS "sample: 0s\n", NULL, "more than zero");
	refused(HEAD STACKS LOADS "smaple: 10ms\n", NULL, "did you mean 'sample'?");
	refused(HEAD STACKS LOADS "machine: nowhere.yaml\n", NULL, "nowhere.yaml: No such file");
	refused(HEAD STACKS LOADS "machine: {nodes: []}\n", NULL, "a list of nodes is wanted");
	refused(HEAD STACKS LOADS "machine: x.yaml\n", NULL,
		"this is a 'experiment/1' file: 'machine/1' is wanted");
	refused(HEAD STACKS LOADS, "sample", "--set sample: write key=value");
}

#define JOB "{generator: poisson, rate: 1k/s, size: 64B, lifetime: 1ms}"
#define HERE "workload: {duration: 1s, jobs: {a: " JOB "}}"

static u64 load_hash(const char *loads)
{
	struct machine_config *machine = mem_alloc(1, sizeof(*machine));
	struct load_spec spec = {0};
	struct experiment x;
	struct source *s;
	struct err e;
	u64 hash;

	write_text("x.yaml", loads);
	if (experiment_open(&x, path, NULL, 0, &e))
		fail_msg("%s", e.msg);
	spec.path = x.loads[0].path;
	spec.change = x.loads[0].change;
	s = load_open(&spec, machine, &e);
	assert_non_null(s);
	hash = s->tables.input_hash;
	s->ops->close(s);
	experiment_close(&x);
	free(machine);
	return hash;
}

/* A workload that stands in the experiment, or is changed there: its content is what counts. */
static void changed_workloads(void **state)
{
	u64 here = load_hash(HEAD STACKS "loads: {a: {" HERE "}}\n"), beside, set;

	(void)state;
	assert_int_equal(here, load_hash(HEAD STACKS "loads: {b:   {" HERE "}}\n"));
	set = load_hash(HEAD STACKS "loads: {a: {" HERE ", set: {jobs.a.rate: 2k/s}}}\n");
	assert_int_not_equal(set, here);
	assert_int_not_equal(
		set, load_hash(HEAD STACKS "loads: {a: {" HERE ", set: {jobs.a.rate: 3k/s}}}\n"));
	write_text("w.yaml", "kmemsim: workload/1\nduration: 1s\njobs: {a: " JOB "}\n");
	beside = load_hash(HEAD STACKS "loads: {a: {workload: w.yaml}}\n");
	assert_int_not_equal(beside, load_hash(HEAD STACKS "loads: {a: {workload: w.yaml, set: "
							   "{jobs.b: " JOB "}}}\n"));
	refused(HEAD STACKS "loads: {a: {workload: w.yaml, set: {jobs.a.raet: 2k/s}}}\n", NULL,
		"x.yaml:4:37: unknown key 'raet': did you mean 'rate'?");
	refused(HEAD STACKS "loads: {a: {workload: w.yaml, set: {jobs.a.rate: 2s}}}\n", NULL,
		"x.yaml:4:50: '2s' is not a rate");
	refused(HEAD STACKS "loads: {a: {workload: w.yaml, set: {duration.x: 2s}}}\n", NULL,
		"x.yaml:4:37: nothing below '1s'");
	refused(HEAD STACKS "loads: {a: {workload: w.yaml, set: [1]}}\n", NULL,
		"x.yaml:4:36: set is a mapping");
	refused(HEAD STACKS "loads: {a: {trace: load.kmt, set: {duration: 2s}}}\n", NULL,
		"x.yaml:4:35: a trace is as it was recorded");
	refused(HEAD STACKS "loads: {a: {workload: {duration: 1s, jbos: {}}}}\n", NULL,
		"x.yaml:4:38: unknown key 'jbos': did you mean 'jobs'?");
	refused(HEAD STACKS "loads: {a: {workload: [1]}}\n", NULL,
		"x.yaml:4:23: a workload is a file or a mapping");
}

#define ROW(rest) HEAD STACKS LOADS "expect:\n- {what: w, measure: '1'" rest "}\n"

static void expectations(void **state)
{
	struct experiment x;
	struct err e;

	(void)state;
	write_text("x.yaml", ROW(", source: s, expected: 2, within: 5%"));
	if (experiment_open(&x, path, NULL, 0, &e))
		fail_msg("%s", e.msg);
	assert_int_equal(x.expect.nr, 1);
	assert_true(x.expect.rows[0].relative);
	assert_float_equal(x.expect.rows[0].within, 0.05, 1e-12);
	assert_string_equal(x.expect.stacks[0], "plain");
	assert_null(x.expect.stacks[1]);
	assert_int_equal(expectations_check(&x.expect, &e), 0);
	experiment_close(&x);
}

static void mistakes_in_expectations(void **state)
{
	(void)state;
	refused(HEAD STACKS LOADS "expect: {}\n", NULL, "x.yaml:5:9: expect is a list");
	refused(HEAD STACKS LOADS "expect: []\n", NULL, "expect is a list");
	refused(ROW(""), NULL, "x.yaml:6:3: nothing is expected");
	refused(ROW(", expected: 1, within: 1%"), NULL, "where does the expectation come from?");
	refused(ROW(", source: s, expected: 1"), NULL, "how near?");
	refused(ROW(", source: s, at_least: 1, at_most: 2"), NULL, "one of them is wanted");
	refused(ROW(", source: s, at_least: 1, within: 1%"), NULL, "within belongs to expected");
	refused(ROW(", source: s, between: [1]"), NULL, "a list of two");
	refused(ROW(", source: s, expected: 1, within: 5 %"), NULL, "within is a share");
	refused(ROW(", source: s, expected: 1, within: -1"), NULL, "within is a share");
	refused(ROW(", source: s, expcted: 1"), NULL, "did you mean 'expected'?");
	refused(ROW(", note: false"), NULL, "note is true");
	refused(HEAD STACKS LOADS "expect: [{measure: '1', note: true}]\n", NULL,
		"missing key 'what'");
}

static void shipped_experiments(void **state)
{
	static const char *const paths[] = {"configs/demo.yaml", "configs/fstree.yaml",
					    "configs/merging.yaml", "configs/size-classes.yaml"};
	char setting[160];
	const char *const settings[] = {setting};
	struct experiment x;
	struct err e;

	(void)state;
	/* The traces are made by import, so any file stands for them here. */
	snprintf(setting, sizeof(setting), "loads={any: {trace: %s/load.kmt}}", dir);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		if (experiment_open(&x, paths[i], settings, 1, &e))
			fail_msg("%s", e.msg);
		assert_true(x.nr_stacks >= 2);
		experiment_close(&x);
	}
}

#define EXPERIMENT_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EXPERIMENT_TEST(all_keys),
		EXPERIMENT_TEST(defaults),
		EXPERIMENT_TEST(what_is_said_of_caches_is_printed),
		EXPERIMENT_TEST(stores),
		EXPERIMENT_TEST(starts),
		EXPERIMENT_TEST(mistakes_in_stacks),
		EXPERIMENT_TEST(mistakes_elsewhere),
		EXPERIMENT_TEST(changed_workloads),
		EXPERIMENT_TEST(expectations),
		EXPERIMENT_TEST(mistakes_in_expectations),
		EXPERIMENT_TEST(shipped_experiments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
