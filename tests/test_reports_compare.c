/*
 * compare: exact figures in three formats, who is paired with whom, what trips, what is a mistake.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "lib/err.h"
#include "lib/text.h"
#include "reports/compare.h"
#include "reports/db_sink.h"
#include "reports/fail_on.h"
#include "reports/runs.h"
#include "reports/values.h"
#include "tests/report_feed.h"
#include "tests/report_fixture.h"
#include "tests/test.h"

static int compare(const struct compare_options *options, char **text, struct err *e)
{
	struct db *db = results_open();
	size_t size;
	FILE *f = open_memstream(text, &size), *notes = fopen("/dev/null", "w");
	int rc = compare_print(db, options, f, notes, e);

	fclose(f);
	fclose(notes);
	db_close(db);
	return rc;
}

static void prints(const struct compare_options *options, const char *expected)
{
	struct err e = {""};
	char *text;

	if (compare(options, &text, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(text, expected);
	free(text);
}

/* A golden output reads as it is printed. */
/* clang-format off */
static const char golden[] =
	"Replays are exact: every difference is the stack's doing. better/worse go by the metric's\n"
	"direction; a line without either has none. '-': not measured there.\n"
	"\n"
	"fstree, seed 1: 'rcu' against 'plain'\n"
	"                                       plain           rcu     difference   relative\n"
	"  held_bytes_max                         0 B      3.12 MiB      +3.12 MiB     from 0  worse\n"
	"  latency_p99_ns                      198 ns        234 ns         +36 ns    +18.2 %  worse\n"
	"  pages_taken_bytes_max             51.3 MiB      54.5 MiB      +3.11 MiB     +6.1 %  worse\n"
	"  slab_bytes_max                    42.3 MiB      45.5 MiB      +3.11 MiB     +7.3 %  worse\n"
	"  unusable_free_index_9_end           86.0 ‰       121.0 ‰        +35.0 ‰             worse\n"
	"  the same: bytes_alloc_live_max 37.6 MiB, nr_alloc 880,011, nr_failed 0\n"
	"  [slab_bytes_mean by cache: the largest of 12 that differ]\n"
	"  ext4_inode_cache                  4.98 MiB      5.04 MiB      +58.8 KiB     +1.2 %  worse\n"
	"  dentry                            3.23 MiB      3.26 MiB      +33.7 KiB     +1.0 %  worse\n"
	"  buffer_head                       2.13 MiB      2.15 MiB      +22.1 KiB     +1.0 %  worse\n"
	"  radix_tree_node                   1.60 MiB      1.62 MiB      +18.9 KiB     +1.2 %  worse\n"
	"  kmalloc-512                       1.84 MiB      1.85 MiB      +17.0 KiB     +0.9 %  worse\n"
	"\n"
	"forkstorm, seed 1: 'rcu' against 'plain'\n"
	"                                       plain           rcu     difference   relative\n"
	"  held_bytes_max                         0 B      3.12 MiB      +3.12 MiB     from 0  worse\n"
	"  latency_p99_ns                      198 ns        234 ns         +36 ns    +18.2 %  worse\n"
	"  pages_taken_bytes_max             34.7 MiB      37.8 MiB      +3.12 MiB     +9.0 %  worse\n"
	"  slab_bytes_max                    25.7 MiB      28.8 MiB      +3.12 MiB    +12.2 %  worse\n"
	"  unusable_free_index_9_end           86.0 ‰       121.0 ‰        +35.0 ‰             worse\n"
	"  the same: bytes_alloc_live_max 22.6 MiB, nr_alloc 903,127, nr_failed 0\n"
	"  [slab_bytes_mean by cache: the largest of 12 that differ]\n"
	"  ext4_inode_cache                  4.03 MiB      4.38 MiB       +360 KiB     +8.7 %  worse\n"
	"  dentry                            2.59 MiB      2.80 MiB       +219 KiB     +8.2 %  worse\n"
	"  buffer_head                       1.70 MiB      1.83 MiB       +138 KiB     +7.9 %  worse\n"
	"  kmalloc-512                       1.46 MiB      1.57 MiB       +114 KiB     +7.7 %  worse\n"
	"  radix_tree_node                   1.28 MiB      1.37 MiB      +99.6 KiB     +7.6 %  worse\n";
/* clang-format on */

static void test_text(void **state)
{
	static const char *const rcu[] = {"rcu", NULL};
	struct compare_options options = {.labels = {.base = "plain", .news = rcu}};

	(void)state;
	results_store_sweep(100);
	prints(&options, golden);
}

/* The base is the first label stored; what layers have in common is paired across depths. */
static void test_csv_by_layer(void **state)
{
	struct compare_options options = {
		.labels = {.each_layer = true}, .metric = "held_*", .format = OUT_CSV};

	(void)state;
	results_store_sweep(100);
	prints(&options,
	       "load,seed,base,new,layer,metric,unit,better,base_value,new_value,difference,"
	       "relative,"
	       "verdict,pairs,difference_low,difference_high,p_value,p_holm\r\n"
	       "fstree,1,plain,rcu,,held_bytes_max,bytes,lower,0,3276800,3276800,,worse,1,,,,\r\n"
	       "fstree,1,plain,rcu,slab/0:rcu,held_bytes_max,bytes,lower,,2457600,,,one "
	       "side,0,,,,\r\n"
	       "fstree,1,plain,rcu,slab/1:slabifier,held_bytes_max,bytes,lower,1000,1100,100,0.1,"
	       "worse,1,,,,\r\n"
	       "forkstorm,1,plain,rcu,,held_bytes_max,bytes,lower,0,3276800,3276800,,worse,1,,,,"
	       "\r\n"
	       "forkstorm,1,plain,rcu,slab/0:rcu,held_bytes_max,bytes,lower,,2457600,,,one "
	       "side,0,,,,\r\n"
	       "forkstorm,1,plain,rcu,slab/"
	       "1:slabifier,held_bytes_max,bytes,lower,1000,1100,100,0.1,"
	       "worse,1,,,,\r\n");
}

static void test_json_is_whole(void **state)
{
	struct compare_options options = {.metric = "nr_failed", .format = OUT_JSON};
	struct err e = {""};
	char *text;

	(void)state;
	results_store_sweep(2);
	assert_int_equal(compare(&options, &text, &e), 0);
	assert_int_equal(text[0], '[');
	assert_says(text, "\"verdict\"");
	assert_says(text, "\"same\"");
	free(text);
}

/* Of a run that was repeated, the last counts. */
static void test_repeated_run(void **state)
{
	struct feed again = {.label = "rcu", .load = "fstree", .seed = 1, .nr_samples = 2};
	struct compare_options options = {.metric = "held_bytes_max", .format = OUT_CSV};
	struct err e = {""};
	struct run_list list;
	struct db *db;
	struct sink *s;
	char *text;

	(void)state;
	results_store_sweep(100);
	db = db_open(results_path, DB_WRITE, &e);
	s = db_sink_new(db);
	assert_int_equal(feed_run(&again, s, &e), 0);
	db_sink_free(s);
	assert_int_equal(runs_load(db, &list, true, &e), 0);
	assert_int_equal(list.nr, 5);
	runs_free(&list);
	db_close(db);
	assert_int_equal(compare(&options, &text, &e), 0);
	assert_says(text, "fstree,1,plain,rcu,,held_bytes_max,bytes,lower,0,0,0,0,same");
	free(text);
}

static void mistake(const struct compare_options *options, const char *words)
{
	struct err e = {""};
	char *text;

	assert_int_equal(compare(options, &text, &e), -1);
	assert_says(e.msg, words);
	assert_string_equal(text, "");
	free(text);
}

static void test_mistakes(void **state)
{
	static const char *const unknown[] = {"rcuu", NULL},
				 *const wrong[] = {"slab_byte_max>+5%", NULL},
				 *const unit[] = {"slab_bytes_max>5", NULL},
				 *const noise[] = {"slab_bytes_max", NULL};

	(void)state;
	results_store_sweep(2);
	mistake(&(struct compare_options){.labels = {.base = "plian"}}, "did you mean 'plain'?");
	mistake(&(struct compare_options){.labels = {.base = "plain", .news = unknown}},
		"did you mean 'rcu'?");
	mistake(&(struct compare_options){.metric = "nr_faild"}, "did you mean 'nr_failed'?");
	mistake(&(struct compare_options){.fail_on = wrong}, "did you mean 'slab_bytes_max'?");
	mistake(&(struct compare_options){.fail_on = unit}, "has no unit");
	mistake(&(struct compare_options){.fail_on = noise}, "no comparison");
}

static void test_one_label(void **state)
{
	struct feed alone = {.label = "plain", .load = "fstree", .nr_samples = 2};
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);
	struct sink *s = db_sink_new(db);

	(void)state;
	assert_int_equal(feed_run(&alone, s, &e), 0);
	db_sink_free(s);
	db_close(db);
	mistake(&(struct compare_options){.metric = NULL}, "nothing to compare");
}

static void store(const struct feed *f)
{
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);
	struct sink *s = db_sink_new(db);

	assert_int_equal(feed_run(f, s, &e), 0);
	db_sink_free(s);
	db_close(db);
}

/*
 * These two seeds change nothing: one table says it. Of another load nothing is the stack's doing.
 */
static void test_notes(void **state)
{
	struct compare_options options = {.metric = "nr_*"};
	struct err e = {""};
	char *text;

	(void)state;
	for (int i = 0; i < 4; i++)
		store(&(struct feed){.label = i & 1 ? "again" : "plain",
				     .load = "fstree",
				     .seed = 1 + 97 * (u64)(i / 2),
				     .nr_samples = 2});
	assert_int_equal(compare(&options, &text, &e), 0);
	assert_says(text, "fstree, seeds 1 and 98, the same for both: 'again' against 'plain'");
	assert_says(text, "note: same digest: the same run");
	assert_says(text, "Replays are exact");
	assert_null(strstr(text, "seed 98:"));
	free(text);
	store(&(struct feed){
		.label = "other", .load = "fstree", .bursty = true, .seed = 1, .nr_samples = 2});
	assert_int_equal(compare(&options, &text, &e), 0);
	assert_says(text, "Not all that is compared here differs in its stack alone");
	assert_says(text, "had different inputs");
	free(text);
}

/* An expression against a pair of 100 and 106. */
static int trips(const char *expression, const char *unit)
{
	struct pair p = {.layer = "", .metric = "slab_bytes_max", .better = "lower"};
	struct effect x = {.pair = &p, .nr = 1, .base = 100, .new = 106, .diff = 6, .ratio = 0.06};
	struct fail_on f;
	struct err e = {""};
	int rc;

	p.unit = (char *)(uintptr_t)unit;
	if (fail_on_parse(&f, expression, &e))
		return -1;
	rc = fail_on_check(&f, &x, &e);
	fail_on_free(&f);
	return rc;
}

static void test_fail_on(void **state)
{
	static const struct {
		const char *expression, *unit;
		int trips;
	} cases[] = {
		{"slab_bytes_max>+5%", "bytes", 1},
		{"slab_bytes_max>+6%", "bytes", 0},
		{"slab_bytes_max>5%", "bytes", 1},
		{"slab_* > +5 %", "bytes", 1},
		{"slab_bytes_max<-5%", "bytes", 0},
		{"slab_bytes_max<+7%", "bytes", 1},
		{"other>+1%", "bytes", 0},
		{"slab_bytes_max>+5B", "bytes", 1},
		{"slab_bytes_max>+6B", "bytes", 0},
		{"slab_bytes_max>1KiB", "bytes", 0},
		{"slab_bytes_max>5ns", "ns", 1},
		{"slab_bytes_max>5", "count", 1},
		{"slab_bytes_max>5pp", "percent", 1},
		{"slab_bytes_max>7pp", "percent", 0},
		{"slab_bytes_max>5", "percent", -1},
		{"slab_bytes_max>5", "bytes", -1},
		{"slab_bytes_max>5ns", "bytes", -1},
		{"slab_bytes_max>", "bytes", -1},
		{">5%", "bytes", -1},
		{"slab_bytes_max>+x%", "bytes", -1},
		{"slab_bytes_max>+5%%", "bytes", -1},
		{"slab_bytes_max", "bytes", -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int got = trips(cases[i].expression, cases[i].unit);

		if (got != cases[i].trips)
			fail_msg("%s (%s): %d", cases[i].expression, cases[i].unit, got);
	}
}

/* The command's exit code, its output thrown away. */
static int exit_code(char **argv, int argc)
{
	int out = dup(1), err = dup(2), null = open("/dev/null", O_WRONLY), rc;

	fflush(NULL);
	dup2(null, 1);
	dup2(null, 2);
	optind = 0;
	rc = cmd_compare(argc, argv);
	fflush(NULL);
	dup2(out, 1);
	dup2(err, 2);
	close(null);
	close(out);
	close(err);
	return rc;
}

static void test_exit_codes(void **state)
{
	static const struct {
		const char *option, *value;
		int code;
	} cases[] = {
		{"--fail-on", "slab_bytes_max>+5%", 1},
		{"--fail-on", "slab_bytes_max>+50%", 0},
		{"--fail-on", "nr_failed>0", 0},
		{"--fail-on", "nonsense", 2},
		{"--layer", "each", 0},
		{"--layer", "some", 2},
		{"--format", "json", 0},
		{"--format", "xml", 2},
		{"--metric", "nr_*", 0},
		{"--metric", "nothing", 2},
		{"--colour", "red", 2},
		{"--metric", NULL, 2},
	};

	(void)state;
	results_store_sweep(100);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *argv[] = {"compare", results_path, (char *)(uintptr_t)cases[i].option,
				(char *)(uintptr_t)cases[i].value, NULL};
		int code = exit_code(argv, cases[i].value ? 4 : 3);

		if (code != cases[i].code)
			fail_msg("%s %s: exit %d", cases[i].option, cases[i].value, code);
	}
	assert_int_equal(exit_code((char *[]){"compare", NULL}, 1), 2);
	assert_int_equal(exit_code((char *[]){"compare", "/nowhere/x.db", NULL}, 2), 2);
}

static void reads_as(double v, const char *unit, const char *value, const char *diff)
{
	char text[VALUE_TEXT_MAX];

	value_print(v, unit, text, sizeof(text));
	assert_string_equal(text, value);
	value_print_diff(v, unit, text, sizeof(text));
	assert_string_equal(text, diff);
}

static void test_values(void **state)
{
	char text[VALUE_TEXT_MAX];

	(void)state;
	reads_as(3276800, "bytes", "3.12 MiB", "+3.12 MiB");
	reads_as(-36, "ns", "-36 ns", "-36 ns");
	reads_as(880011, "count", "880,011", "+880,011");
	reads_as(-1234567, "count", "-1,234,567", "-1,234,567");
	reads_as(0, "count", "0", "0");
	reads_as(0.5, "count", "0.5", "+0.5");
	reads_as(12.34, "percent", "12.3 %", "+12.3 pp");
	reads_as(-0.02, "percent", "-0.02 %", "-0.02 pp");
	reads_as(121, "permille", "121.0 ‰", "+121.0 ‰");
	ratio_print(-0.99, text, sizeof(text));
	assert_string_equal(text, "-99.0 %");
	assert_int_equal(text_width("121.0 ‰"), 7);
}

static void shortens_to(const char *label, const char *expected)
{
	char text[64];

	label_short(label, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void test_labels(void **state)
{
	(void)state;
	shortens_to("plain", "plain");
	shortens_to("pages=rcu(a=1,b=(2)):page_allocator(pcp=on) slab=rcu",
		    "pages=rcu:page_allocator slab=rcu");
	shortens_to("0123456789012345678901234567890123456789012345ä89",
		    "0123456789012345678901234567890123456789012345ä");
	shortens_to("01234567890123456789012345678901234567890123456ä9",
		    "01234567890123456789012345678901234567890123456");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, results_setup, results_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_text),
		TEST(test_csv_by_layer),
		TEST(test_json_is_whole),
		TEST(test_repeated_run),
		TEST(test_mistakes),
		TEST(test_one_label),
		TEST(test_notes),
		cmocka_unit_test(test_fail_on),
		TEST(test_exit_codes),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
