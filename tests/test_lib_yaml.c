/*
 * YAML: structure, exact places of mistakes, settings on top.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/units.h"
#include "lib/yaml.h"
#include "tests/test.h"

static struct yaml_file *parse(const char *text, struct err *e)
{
	return yaml_parse("f.yaml", text, strlen(text), e);
}

static void refused(const char *text, const char *message)
{
	struct err e;

	assert_null(parse(text, &e));
	assert_says(e.msg, message);
}

static void documents_refused(void **state)
{
	(void)state;
	refused("", "f.yaml:1:1: the file is empty");
	refused("# nothing\n", "the file is empty");
	refused("a: 1\nb: [1, 2\nc: 3\n", "f.yaml:3:");
	refused("a: 1\n  b: 2\n", "f.yaml:2:4: mapping values are not allowed");
	refused("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: key 'a' is here twice: first in line 1");
	refused("a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document");
	refused("a: 1\n\tb: 2\n", "f.yaml:2:");
	refused("? [1, 2]\n: 3\n", "a key must be a plain word");
	refused("a: &x {b: 1}\nc: {<<: *x}\n", "f.yaml:2:5: merge keys");
	refused("a: *x\n", "undefined alias");
	refused("a: \"b\\0c\"\n", "f.yaml:1:4: a NUL character");
	refused("a: \xff\xfe\n", "f.yaml: offset 3");
}

static void aliases_cost_nothing(void **state)
{
	char text[4096] = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
	struct yaml_file *f;
	struct err e;

	(void)state;
	/* Nine to the power of thirty if aliases were copied. */
	for (int i = 1; i < 30; i++) {
		char line[100];

		snprintf(line, sizeof(line),
			 "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i,
			 i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
		strcat(text, line);
	}
	f = parse(text, &e);
	assert_non_null(f);
	yaml_close(f);
	f = parse("a: &a [*a]\n", &e); /* a list that holds itself */
	assert_non_null(f);
	yaml_close(f);
}

static void formats(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"hz: 100\n", "f.yaml:1:1: the first line must be 'kmemsim: machine/1'"},
		{"hz: 100\nkmemsim: machine/1\n", "the first line must be"},
		{"kmemsim: machine/2\n", "f.yaml:1:10: format 'machine/2': this kmemsim reads"},
		{"kmemsim: workload/1\n", "this is a 'workload/1' file: 'machine/1' is wanted"},
		{"[1, 2]\n", "f.yaml:1:1: the first line must be"},
		{"kmemsim: [1]\n", "the first line must be"},
	};
	struct yaml_file *f;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		f = parse(rows[i].text, &e);
		assert_null(yaml_root(f, "machine/1", &e));
		assert_says(e.msg, rows[i].says);
		yaml_close(f);
	}
	f = parse("kmemsim: machine/1\n", &e);
	assert_non_null(yaml_root(f, "machine/1", &e));
	yaml_close(f);
}

static const char *const sample = "kmemsim: t/1\n"	 /* 1 */
				  "size: 64KiB\n"	 /* 2 */
				  "time: 10 ms\n"	 /* 3 */
				  "n: 3\n"		 /* 4 */
				  "cpus: 0-1,4\n"	 /* 5 */
				  "list: [1, 2]\n"	 /* 6 */
				  "chain: \"rcu:slb\"\n" /* 7 */
				  "plain: rcu:slb\n"	 /* 8 */
				  "map: {a: x}\n";	 /* 9 */

static void scalars(void **state)
{
	struct err e;
	struct yaml_file *f = parse(sample, &e);
	const struct yaml_node *root = yaml_root(f, "t/1", &e);
	u64 v, map[2];

	(void)state;
	assert_int_equal(yaml_size(yaml_get(root, "size"), &v, &e), 0);
	assert_int_equal(v, 65536);
	assert_int_equal(yaml_time(yaml_get(root, "time"), &v, &e), 0);
	assert_int_equal(v, 10 * NSEC_PER_MSEC);
	assert_int_equal(yaml_u64(yaml_get(root, "n"), 0, 3, &v, &e), 0);
	assert_int_equal(v, 3);
	assert_int_equal(yaml_cpulist(yaml_get(root, "cpus"), map, 128, &e), 0);
	assert_int_equal(map[0], 0x13);
	assert_int_equal(yaml_cpulist(yaml_get(root, "list"), map, 128, &e), 0);
	assert_int_equal(map[0], 6);
	assert_int_equal(yaml_count(yaml_get(root, "list")), 2);
	assert_string_equal(yaml_text(yaml_item(yaml_get(root, "list"), 1), &e), "2");
	assert_null(yaml_get(root, "nothing"));
	yaml_close(f);
}

static void scalars_refused(void **state)
{
	static const char *const known[] = {"kmemsim", "sizes", "time", NULL};
	struct err e;
	struct yaml_file *f = parse(sample, &e);
	const struct yaml_node *root = yaml_root(f, "t/1", &e);
	u64 v, map[2];

	(void)state;
	assert_int_equal(yaml_size(yaml_get(root, "n"), &v, &e), -1);
	assert_says(e.msg, "f.yaml:4:4: '3' has no unit");
	assert_int_equal(yaml_time(yaml_get(root, "size"), &v, &e), -1);
	assert_says(e.msg, "f.yaml:2:7: unknown unit 'KiB'");
	assert_int_equal(yaml_u64(yaml_get(root, "n"), 5, 9, &v, &e), -1);
	assert_says(e.msg, "f.yaml:4:4: 3 is out of range: 5 to 9");
	assert_int_equal(yaml_u64(yaml_get(root, "list"), 5, 9, &v, &e), -1);
	assert_says(e.msg, "f.yaml:6:7: a single value is wanted here, not a list");
	assert_int_equal(yaml_cpulist(yaml_get(root, "cpus"), map, 4, &e), -1);
	assert_says(e.msg, "f.yaml:5:7: CPU 4: the largest possible is 3");
	assert_int_equal(yaml_cpulist(yaml_get(root, "size"), map, 4, &e), -1);
	assert_int_equal(yaml_check_keys(root, known, &e), -1);
	assert_says(e.msg, "f.yaml:2:1: unknown key 'size': did you mean 'sizes'?");
	assert_null(yaml_need(root, "nodes", &e));
	assert_says(e.msg, "missing key 'nodes'");
	yaml_error_at(yaml_get(root, "chain"), 4, &e, "unknown");
	assert_string_equal(e.msg, "f.yaml:7:13: unknown");
	yaml_error_at(yaml_get(root, "plain"), 4, &e, "unknown");
	assert_string_equal(e.msg, "f.yaml:8:12: unknown");
	yaml_close(f);
}

static void cpulists_refused(void **state)
{
	static const char *const bad[] = {"3-1", "1,",	  ",1",	 "1-", "a",
					  "1,1", "0-3,2", "1 2", "-1", "99999999999999999999"};
	u64 map[1];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char text[64];
		struct yaml_file *f;
		struct err e;

		snprintf(text, sizeof(text), "kmemsim: t/1\nc: '%s'\n", bad[i]);
		f = parse(text, &e);
		assert_int_equal(yaml_cpulist(yaml_get(yaml_root(f, "t/1", &e), "c"), map, 64, &e),
				 -1);
		assert_says(e.msg, "f.yaml:2:4: ");
		yaml_close(f);
	}
}

/* A document of nodes of another one, changed without changing that. */
static void nodes_override(void **state)
{
	static const char text[] = "{a: &x {b: 1}, c: *x, path: b.new, loop: &l [*l]}";
	struct yaml_file *f, *copy;
	const struct yaml_node *root, *map;
	struct err e;

	(void)state;
	f = yaml_parse("f", text, strlen(text), &e);
	assert_non_null(f);
	root = yaml_top(f);
	assert_null(yaml_from_node(root, &e));
	assert_says(e.msg, "f:1:1: more than");
	copy = yaml_from_node(yaml_get(root, "a"), &e);
	assert_non_null(copy);
	map = yaml_top(copy);
	assert_int_equal(yaml_digest(map), yaml_digest(yaml_get(root, "c")));
	assert_int_equal(yaml_override_node(copy, yaml_get(root, "path"), map, &e), -1);
	assert_says(e.msg, "f:1:29: nothing below");
	yaml_close(copy);
	yaml_close(f);
}

static void settings_override(void **state)
{
	struct err e;
	struct yaml_file *f = parse("kmemsim: t/1\nsample: 1ms\nstacks:\n  v6.1: {pages: a}\n"
				    "  plain: {pages: b}\nseeds: [4, 5]\n",
				    &e);
	const struct yaml_node *root, *stacks;
	u64 v;

	(void)state;
	assert_int_equal(yaml_override(f, "sample=5ms", &e), 0);
	assert_int_equal(yaml_override(f, "stacks.v6.1.pages=rcu:bitmap", &e), 0);
	assert_int_equal(yaml_override(f, "stacks.new.slab=null", &e), 0);
	assert_int_equal(yaml_override(f, "seeds.1=6", &e), 0);
	root = yaml_root(f, "t/1", &e);
	assert_int_equal(yaml_time(yaml_get(root, "sample"), &v, &e), 0);
	assert_int_equal(v, 5 * NSEC_PER_MSEC);
	stacks = yaml_get(root, "stacks");
	assert_int_equal(yaml_count(stacks), 3);
	assert_string_equal(yaml_text(yaml_get(yaml_get(stacks, "v6.1"), "pages"), &e),
			    "rcu:bitmap");
	assert_string_equal(yaml_text(yaml_get(yaml_get(stacks, "plain"), "pages"), &e), "b");
	assert_string_equal(yaml_text(yaml_get(yaml_get(stacks, "new"), "slab"), &e), "null");
	assert_string_equal(yaml_text(yaml_item(yaml_get(root, "seeds"), 1), &e), "6");
	yaml_error_at(yaml_get(yaml_get(stacks, "v6.1"), "pages"), 4, &e, "no");
	assert_string_equal(e.msg, "--set stacks.v6.1.pages=rcu:bitmap: column 23: no");
	yaml_close(f);
}

static void settings_refused(void **state)
{
	static const struct {
		const char *setting, *says;
	} rows[] = {
		{"sample", "--set sample: write key=value"},
		{"=5", "write key=value"},
		{"sample.x=5", "nothing below '1ms'"},
		{"seeds.7=5", "--set seeds.7=5: '7': the list has 2 entries"},
		{"a..b=5", "an empty name"},
		{"sample=[1", "--set sample=[1: column "},
	};
	struct err e;
	struct yaml_file *f = parse("kmemsim: t/1\nsample: 1ms\nseeds: [4, 5]\n", &e);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(yaml_override(f, rows[i].setting, &e), -1);
		assert_says(e.msg, rows[i].says);
	}
	yaml_close(f);
}

static void options_from_mapping(void **state)
{
	struct thing {
		u64 batch;
		u64 room;
	} t;
	static const struct opt_desc table[] = {
		OPT_U64("batch", struct thing, batch, "3", 0, 9, ""),
		OPT_SIZE("room", struct thing, room, "4KiB", 0, INT64_MAX, ""),
		OPT_END,
	};
	struct err e;
	struct yaml_file *f = parse("a: {batch: 5}\nb: {batch: 10}\nc: {bacth: 1}\nd: 3\n", &e);
	struct yaml_file *g = parse("{batch: 5}", &e);

	(void)state;
	assert_int_equal(yaml_options(yaml_value(yaml_top(g), 0), table, &t, &e), -1);
	assert_int_equal(yaml_options(yaml_get(yaml_top(f), "a"), table, &t, &e), 0);
	assert_int_equal(t.batch, 5);
	assert_int_equal(t.room, 4096);
	assert_int_equal(yaml_options(yaml_get(yaml_top(f), "b"), table, &t, &e), -1);
	assert_says(e.msg, "f.yaml:2:12: option 'batch': 10 is out of range");
	assert_int_equal(yaml_options(yaml_get(yaml_top(f), "c"), table, &t, &e), -1);
	assert_says(e.msg, "f.yaml:3:5: unknown key 'bacth': did you mean 'batch'?");
	assert_int_equal(yaml_options(yaml_get(yaml_top(f), "d"), table, &t, &e), -1);
	assert_says(e.msg, "not a single value");
	yaml_close(f);
	yaml_close(g);
}

static void files_missing(void **state)
{
	struct err e;

	(void)state;
	assert_null(yaml_open("/nonexistent/x.yaml", &e));
	assert_string_equal(e.msg, "/nonexistent/x.yaml: No such file or directory");
	assert_null(yaml_open("/tmp", &e));
	assert_string_equal(e.msg, "/tmp: is a directory");
	assert_null(yaml_open("/dev/zero", &e));
}

/* What is printed is read back as the same document, whatever stands in it. */
static void printed_is_read_back(void **state)
{
	static const char *const texts[] = {
		"a: 1\nb: {c: [1, 2, {d: e}], f: {}}\ng: []\n",
		"jobs:\n  skb:\n    size: {dist: choice, of: {256B: 60, 2KiB: 15}}\n    cpus: "
		"0-3,6\n",
		"\"a: b\": \"quote \\\" back \\\\ tab \\t #no comment\"\n'': ''\n'- x': '*a'\n'~': "
		"'&'\n",
		"u: \"\\u00e4 {\"\n",
		"[1, [2, 3], {k: v}]\n",
		"word\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct yaml_file *f, *again;
		char *text = NULL;
		size_t n;
		struct err e;
		FILE *out = open_memstream(&text, &n);

		f = yaml_parse("f", texts[i], strlen(texts[i]), &e);
		assert_non_null(f);
		yaml_print(out, yaml_top(f));
		fclose(out);
		again = yaml_parse("again", text, n, &e);
		if (!again)
			fail_msg("%s: %s", e.msg, text);
		assert_true(yaml_digest(yaml_top(f)) == yaml_digest(yaml_top(again)));
		free(text);
		yaml_close(f);
		yaml_close(again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_refused), cmocka_unit_test(aliases_cost_nothing),
		cmocka_unit_test(formats),	     cmocka_unit_test(scalars),
		cmocka_unit_test(scalars_refused),   cmocka_unit_test(cpulists_refused),
		cmocka_unit_test(nodes_override),    cmocka_unit_test(settings_override),
		cmocka_unit_test(settings_refused),  cmocka_unit_test(options_from_mapping),
		cmocka_unit_test(files_missing),     cmocka_unit_test(printed_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
