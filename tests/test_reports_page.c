/*
 * report: the page is whole, safe against names, the same for equal runs; or it is not there at
 * all.
 */
#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/file.h"
#include "reports/db_sink.h"
#include "reports/report.h"
#include "tests/report_feed.h"
#include "tests/report_fixture.h"
#include "tests/report_made.h"
#include "tests/test.h"

/* --- the page --- */

static void test_whole(void **state)
{
	static const char *const parts[] = {
		"id=\"overview\"",     "id=\"stacks\"",	    "id=\"memory\"",	 "id=\"slabs\"",
		"id=\"map\"",	       "id=\"free\"",	    "id=\"unusable\"",	 "id=\"latency\"",
		"id=\"caches\"",       "id=\"sites\"",	    "id=\"layers\"",	 "id=\"fidelity\"",
		"id=\"expectations\"", "id=\"comparison\"", "id=\"provenance\"", "</html>"};
	char *page;

	(void)state;
	results_store_sweep(50);
	report_made("whole");
	files_are("whole", "data index.html plots");
	pictures_are_whole("whole", true);
	page = text_of("whole/index.html");
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		assert_says(page, parts[i]);
	/* Nothing from elsewhere. */
	assert_null(strstr(page, "src="));
	assert_null(strstr(page, "http"));
	assert_null(strstr(page, "@import"));
	assert_null(strstr(page, "url("));
	assert_null(strstr(page, "/tmp/"));
	free(page);
}

/* The sentences say what the feed's curves are. */
static void test_findings(void **state)
{
	char *page;

	(void)state;
	results_store_sweep(100);
	report_made("out");
	page = text_of("out/index.html");
	assert_says(
		page,
		"At its peak, fstree takes most memory under rcu, 54.5 MiB, and least under plain, "
		"51.3 MiB (+6.1 %). rcu holds back up to 3.12 MiB of freed memory (at ");
	assert_says(page, "of the machine&#39;s 64 blocks of 2 MiB are pinned by pages that cannot "
			  "move under "
			  "rcu");
	assert_says(page, "kmalloc (fast): from 66 ns under plain to 179 ns under rcu.");
	assert_says(page, "Of 16 figures compared with plain, 0 are better, 10 worse, 6 equal.");
	assert_says(page, "<code>000000000000feed</code>");
	free(page);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void test_ids_are_unique(void **state)
{
	char *page, *ids[4096];
	size_t nr = 0;

	(void)state;
	results_store_sweep(20);
	report_made("out");
	page = text_of("out/index.html");
	for (char *p = page; (p = strstr(p, " id=")) && nr < ARRAY_SIZE(ids); nr++) {
		p += strlen(" id=") + 1;
		ids[nr] = p;
		p += strcspn(p, "'\"");
		*p++ = '\0';
	}
	assert_true(nr > 30);
	qsort(ids, nr, sizeof(*ids), by_text);
	for (size_t i = 1; i < nr; i++)
		assert_string_not_equal(ids[i - 1], ids[i]);
	free(page);
}

static void test_equal_runs_equal_pages(void **state)
{
	char *a, *b;
	sqlite3 *db;

	(void)state;
	results_store_pair(30);
	report_made("a");
	unlink(results_path);
	results_store_pair(30);
	assert_int_equal(sqlite3_open(results_path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "UPDATE run SET started_at = '2001-02-03T04:05:06Z'",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_changes(db), 2);
	sqlite3_close(db);
	report_made("b");
	a = text_of("a/index.html");
	b = text_of("b/index.html");
	assert_string_equal(a, b);
	free(a);
	free(b);
}

/* Of labels that are chains, what all have in common is left out. */
static void test_shared_words(void **state)
{
	static const char *const labels[] = {
		"pages=page_allocator(pcp=on) slab=slabifier(a=1)",
		"pages=page_allocator(pcp=on) slab=rcu:slabifier(a=1)"};
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);
	struct sink *s = db_sink_new(db);
	char *page;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
		struct feed f = {.label = labels[i],
				 .load = "fstree",
				 .rcu = i,
				 .seed = 1,
				 .nr_samples = 100,
				 .nr_caches = 3};

		assert_int_equal(feed_run(&f, s, &e), 0);
	}
	db_sink_free(s);
	db_close(db);
	report_made("out");
	page = text_of("out/index.html");
	assert_says(page, "most memory under slab=rcu:slabifier, 54.5 MiB, and least under "
			  "slab=slabifier, 51.3 MiB");
	free(page);
}

/* Ten stacks take two figures of each kind; three seeds a band around the median. */
static void test_many_stacks_and_seeds(void **state)
{
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);
	struct sink *s = db_sink_new(db);
	char *page, label[16];

	(void)state;
	for (u64 i = 0; i < 30; i++) {
		struct feed f = {.label = label,
				 .load = "fstree",
				 .rcu = i % 10 == 9,
				 .seed = 1 + i / 10,
				 .nr_samples = 12,
				 .nr_caches = 2};

		snprintf(label, sizeof(label), "stack%llu", (unsigned long long)(i % 10));
		assert_int_equal(feed_run(&f, s, &e), 0);
	}
	db_sink_free(s);
	db_close(db);
	report_made("out");
	pictures_are_whole("out", false);
	page = text_of("out/index.html");
	assert_says(page, "30 runs");
	assert_says(page, "fig-stacks-fstree-2\"");
	assert_says(page, "fig-latency-fstree-2\"");
	assert_says(page, "fig-memory-fstree\"");
	assert_says(page, "Lines are medians of the seeds");
	assert_says(page, "most under stack9 (");
	free(page);
	/* Of three seeds, live bytes differ by what feed_live adds for each. */
	page = text_of("out/data/stacks-fstree-stack0-1.csv");
	assert_says(page, "\n0.01,");
	free(page);
}

static size_t occurrences(const char *text, const char *words)
{
	size_t n = 0;

	for (; (text = strstr(text, words)); text += strlen(words))
		n++;
	return n;
}

/* Over seeds the page says what `compare` says: one table, its tests, and a sum that adds up. */
static void test_compares_over_seeds(void **state)
{
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);
	struct sink *s = db_sink_new(db);
	size_t better, worse, same;
	char *page, *sum;

	(void)state;
	for (u64 i = 0; i < 24; i++) {
		struct feed f = {.label = i % 2 ? "rcu" : "plain",
				 .load = "fstree",
				 .rcu = i % 2,
				 .seed = 1 + i / 2,
				 .nr_samples = 20,
				 .nr_caches = 2};

		assert_int_equal(feed_run(&f, s, &e), 0);
	}
	db_sink_free(s);
	db_close(db);
	report_made("out");
	page = text_of("out/index.html");
	assert_int_equal(occurrences(page, "fstree, 12 pairs, seeds 1 to 12: rcu against plain"),
			 1);
	assert_int_equal(occurrences(page, "95 % interval</th>"), 1);
	assert_says(page, "Over seeds: each seed gives an exact pair.");
	sum = strstr(page, "Of 8 figures compared with plain, ");
	assert_non_null(sum);
	assert_int_equal(sscanf(sum,
				"Of 8 figures compared with plain, %zu are better, %zu worse, "
				"%zu equal.",
				&better, &worse, &same),
			 3);
	assert_int_equal(better + worse + same, 8);
	assert_true(worse > 0);
	free(page);
}

/* A run without samples, slabs and latencies still has its page. */
static void test_bare_run(void **state)
{
	struct sink_run run = {.label = "a",
			       .load = "b",
			       .stack = "c",
			       .input = "",
			       .command = "",
			       .machine = "m"};
	struct sink_end end = {.status = "oom"};
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);
	struct sink *s = db_sink_new(db);
	char *page;

	(void)state;
	s->ops->begin(s, &run);
	assert_int_equal(s->ops->end(s, &end, &e), 0);
	db_sink_free(s);
	db_close(db);
	report_made("out");
	files_are("out", "data index.html plots");
	page = text_of("out/index.html");
	assert_says(page, "ended early (oom)");
	free(page);
}

/* --- whole or not at all --- */

static void test_replaces_a_report(void **state)
{
	(void)state;
	results_store_pair(20);
	report_made("out");
	fclose(fopen(in_dir("out/plots/stale.svg"), "w"));
	report_made("out");
	assert_int_equal(access(in_dir("out/plots/stale.svg"), F_OK), -1);
	files_are("", "out results.db");
	files_are("out", "data index.html plots");
}

static void test_spares_other_files(void **state)
{
	struct err e = {""};

	(void)state;
	results_store_pair(2);
	mkdir(in_dir("home"), 0755);
	fclose(fopen(in_dir("home/thesis.tex"), "w"));
	assert_int_equal(report("home", &e), -1);
	assert_says(e.msg, "holds other files");
	files_are("home", "thesis.tex");
	assert_int_equal(report("none/where", &e), -1);
	assert_says(e.msg, "No such file");
	files_are("", "home results.db");
}

/* A table that cannot be read makes no report, rather than one without its figures. */
static void test_damaged(void **state)
{
	struct err e = {""};
	s64 page, bytes;
	char junk[512];
	FILE *f;

	(void)state;
	results_store_pair(5);
	page = results_number("SELECT rootpage FROM sqlite_schema WHERE name = 'summary'");
	bytes = results_number("PRAGMA page_size");
	memset(junk, 0xff, sizeof(junk));
	f = fopen(results_path, "r+");
	assert_int_equal(fseek(f, (page - 1) * bytes, SEEK_SET), 0);
	assert_int_equal(fwrite(junk, sizeof(junk), 1, f), 1);
	fclose(f);
	assert_int_equal(report("out", &e), -1);
	assert_says(e.msg, "results.db");
	files_are("", "results.db");
}

static void fake_gnuplot(const char *script)
{
	FILE *f;

	mkdir(in_dir("bin"), 0755);
	f = fopen(in_dir("bin/gnuplot"), "w");
	fputs(script, f);
	fclose(f);
	chmod(in_dir("bin/gnuplot"), 0755);
}

/* Runs a report in a child whose PATH is bin/; gives how the child ended. */
static int child_report(const char *words)
{
	int status;

	if (!fork()) {
		struct err e = {""};
		int rc;

		setenv("PATH", in_dir("bin"), 1);
		rc = report("out", &e);
		_exit(rc == -1 && strstr(e.msg, words) ? 0 : 1);
	}
	wait(&status);
	return status;
}

static void test_gnuplot_missing(void **state)
{
	(void)state;
	results_store_pair(2);
	mkdir(in_dir("bin"), 0755);
	assert_int_equal(child_report("gnuplot-nox"), 0);
	files_are("", "bin results.db");
}

static void test_gnuplot_fails(void **state)
{
	(void)state;
	results_store_pair(2);
	fake_gnuplot("#!/bin/sh\necho 'line 3: no such terminal' >&2\nexit 1\n");
	assert_int_equal(child_report("no such terminal"), 0);
	fake_gnuplot("#!/bin/sh\necho '<svg>' >\"${2%.gp}.svg\"\n");
	assert_int_equal(child_report("a part"), 0);
	files_are("", "bin results.db");
}

static void test_interrupted(void **state)
{
	int status;

	(void)state;
	results_store_pair(2);
	fake_gnuplot("#!/bin/sh\nkill -INT $PPID\n");
	status = child_report("");
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGINT);
	files_are("", "bin results.db");
}

static void test_disk_full(void **state)
{
	int status;

	(void)state;
	results_store_pair(50);
	if (!fork()) {
		struct rlimit limit = {20000, 20000};
		struct err e = {""};
		int rc;

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
		rc = report("out", &e);
		_exit(rc == -1 && *e.msg ? 0 : 1);
	}
	wait(&status);
	assert_int_equal(status, 0);
	files_are("", "results.db");
}

static void test_well_formed_knows(void **state)
{
	(void)state;
	assert_true(well_formed("<?xml version='1.0'?><svg a='>'><g/>x &amp; y</svg>"));
	assert_false(well_formed("<svg><g></svg>"));
	assert_false(well_formed("<svg>a & b</svg>"));
	assert_false(well_formed("<svg>a < b</svg>"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, results_setup, results_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole),
		TEST(test_findings),
		TEST(test_ids_are_unique),
		TEST(test_equal_runs_equal_pages),
		TEST(test_shared_words),
		TEST(test_many_stacks_and_seeds),
		TEST(test_compares_over_seeds),
		TEST(test_bare_run),
		TEST(test_replaces_a_report),
		TEST(test_spares_other_files),
		TEST(test_damaged),
		TEST(test_gnuplot_missing),
		TEST(test_gnuplot_fails),
		TEST(test_interrupted),
		TEST(test_disk_full),
		cmocka_unit_test(test_well_formed_knows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
