/*
 * The results database: the contract's views, what is refused and how, what a cut-short run leaves.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reports/db.h"
#include "reports/db_sink.h"
#include "reports/schema.h"
#include "tests/report_feed.h"
#include "tests/report_fixture.h"
#include "tests/test.h"

static void refused_as(const char *path, enum db_mode mode, const char *why)
{
	struct err e = {""};

	assert_null(db_open(path, mode, &e));
	if (!strstr(e.msg, why) || !strstr(e.msg, path))
		fail_msg("expected '%s' in '%s'", why, e.msg);
}

static void refused(enum db_mode mode, const char *why)
{
	refused_as(results_path, mode, why);
}

static void columns_are(struct db *db, const char *view, const char *expected)
{
	char sql[128], got[512] = "";
	struct err e = {""};
	sqlite3_stmt *s;

	snprintf(sql, sizeof(sql), "SELECT name FROM pragma_table_info('%s')", view);
	s = db_prepare(db, sql, &e);
	while (db_step(db, s, &e) == 1) {
		if (*got)
			strcat(got, ", ");
		strcat(got, (const char *)sqlite3_column_text(s, 0));
	}
	sqlite3_finalize(s);
	assert_string_equal(got, expected);
}

static void test_views(void **state)
{
	static const char *const views[][2] = {
		{"run_view", "run_id, label, load, stack, machine, seed, version, status, digest, "
			     "nr_requests, sim_ns, wall_ns"},
		{"summary_view",
		 "run_id, label, load, stack, seed, layer, metric, unit, better, value"},
		{"sample_view", "run_id, t_ns, layer, metric, value"},
		{"free_area_view", "run_id, t_ns, node, zone, migratetype, page_order, nr_free"},
		{"slab_view", "run_id, t_ns, cache, active_objs, num_objs, objsize, objperslab, "
			      "pagesperslab, active_slabs, num_slabs"},
		{"cache_view", "run_id, t_ns, cache, alias, live_objs, bytes_req, bytes_alloc"},
		{"site_view", "run_id, call_site, cache, hits, bytes_req, bytes_alloc, live_objs, "
			      "live_bytes, ping_pong, cross_node"},
		{"latency_view",
		 "run_id, op, path, count, p50_ns, p90_ns, p99_ns, p999_ns, max_ns"},
		{"lock_view", "run_id, lock, acquisitions, contended, wait_ns_total, wait_ns_max"},
		{"event_view", "run_id, t_ns, cpu, kind, detail"},
		{"block_map_view",
		 "run_id, t_ns, node, zone, first_pfn, nr_blocks, blocks_per_cell, cells"},
		{"block_moves_view",
		 "run_id, t_ns, node, zone, first_pfn, nr_blocks, blocks_per_cell, cells"},
		{"compact_view",
		 "run_id, t_ns, node, zone, mode, page_order, result, migrate_scanned, "
		 "free_scanned, isolated, moved, failed, blocks_gained, ns"},
		{"reclaim_view", "run_id, t_ns, end_ns, node, mode, page_order, priority, scanned, "
				 "reclaimed, ns"},
		{"fidelity_view", "run_id, t_ns, snapshot, kind, name, recorded, simulated, first"},
		{"zone_view",
		 "run_id, node, zone, start_pfn, spanned, present, managed, min, low, high"},
		{"zone_index_view",
		 "run_id, t_ns, node, zone, page_order, free_pages, nr_free, fragmentation_index, "
		 "unusable_free_index, extfrag_for_order, availability"},
		{"compaction_score_view", "run_id, t_ns, node, score"},
		{"vmstat_view", "run_id, t_ns, name, value"},
		{"blame_view",
		 "run_id, call_site, cache, blocks_end, sole_end, pages_end, blocks_mean, "
		 "pages_mean, block_ns, longest_ns"},
		{"blame_block_view",
		 "run_id, node, zone, pfn, free_pages, movable_pages, unmovable_pages, call_site, "
		 "cache, holder_pages, kept_ns"},
		{"store_view",
		 "run_id, t_ns, objects, bytes_req, raw, raw_bytes_req, pages, reserve_pages, "
		 "descriptors, descriptor_bytes, descriptor_pages, slab_pages, header_bytes, "
		 "blocks, block_bytes, free_bytes, nr_malloc, nr_split, nr_searches, "
		 "nr_search_steps, compact_runs, compact_freed_pages, compact_moved_blocks, "
		 "compact_moved_bytes, compact_ns, density, effective_percent"},
		{"store_class_view",
		 "run_id, t_ns, class, size, almost_full, almost_empty, obj_allocated, obj_used, "
		 "pages_used, pages_per_zspage, freeable"},
		{"expect_view", "experiment, what, expected, measured, verdict, source"},
	};
	struct err e = {""};
	struct db *db;

	(void)state;
	results_store_sweep(5);
	db = db_open(results_path, DB_READ, &e);
	assert_non_null(db);
	for (size_t i = 0; i < ARRAY_SIZE(views); i++)
		columns_are(db, views[i][0], views[i][1]);
	db_close(db);
}

static void test_values(void **state)
{
	(void)state;
	results_store_sweep(5);
	assert_int_equal(results_number("SELECT count(*) FROM run_view"), 4);
	assert_int_equal(results_number("SELECT count(*) FROM run_view WHERE machine = '2node' AND "
					"digest = '000000000000feed'"),
			 1);
	/* 2 nodes x 3 migratetypes x 11 orders x 5 samples x 4 runs. */
	assert_int_equal(results_number("SELECT count(*) FROM free_area_view"), 2 * 3 * 11 * 5 * 4);
	assert_int_equal(
		results_number("SELECT nr_free FROM free_area_view WHERE run_id = 3 AND t_ns = 0 "
			       "AND node = 0 AND migratetype = 'Movable' AND page_order = 10"),
		225);
	assert_int_equal(results_number("SELECT count(*) FROM slab_view WHERE run_id = 2"), 5 * 12);
	assert_int_equal(
		results_number("SELECT value FROM summary_view WHERE run_id = 2 AND "
			       "metric = 'latency_p99_ns' AND unit = 'ns' AND better = 'lower'"),
		234);
	assert_int_equal(results_number("SELECT hits FROM site_view WHERE run_id = 4"), 81234);
	assert_int_equal(results_number("SELECT count(*) FROM latency_view WHERE run_id = 1"), 15);
	assert_int_equal(results_number("SELECT t_ns FROM event_view WHERE run_id = 1 AND "
					"detail = 'pfn=0x54d4 order=1 fallback=4'"),
			 5000000);
	assert_int_equal(
		results_number("SELECT count(*) FROM sample_view WHERE layer = 'slab/1:slabifier' "
			       "AND metric = 'live_bytes' "
			       "AND run_id IN (2, 4)"),
		5 * 2);
}

/* More rows than memory keeps: they take the way through the temporary file. */
static void test_spill(void **state)
{
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);
	struct sink *s = db_sink_new(db);
	struct feed f = {.label = "plain", .load = "long", .nr_samples = 5000, .nr_caches = 12};

	(void)state;
	assert_int_equal(feed_run(&f, s, &e), 0);
	db_sink_free(s);
	db_close(db);
	assert_int_equal(results_number("SELECT count(*) FROM slab_view"), 5000 * 12);
	assert_int_equal(
		results_number("SELECT count(*) FROM sample_view WHERE metric = 'slab_bytes' AND "
			       "t_ns = 4999 * 10000000"),
		1);
	assert_int_equal(results_number("SELECT count(*) FROM sqlite_schema WHERE name = 'run'"),
			 1);
}

static void test_unended_run_leaves_nothing(void **state)
{
	struct feed f = {.label = "plain", .load = "fstree", .nr_samples = 5, .nr_caches = 2};
	struct err e = {""};
	struct db *db;
	struct sink *s;

	(void)state;
	results_store_sweep(5);
	db = db_open(results_path, DB_WRITE, &e);
	s = db_sink_new(db);
	feed_begin(&f, s);
	db_sink_free(s);
	db_close(db);
	assert_int_equal(results_number("SELECT count(*) FROM run_view"), 4);
	assert_int_equal(results_number("SELECT count(*) FROM slab_view"), 4 * 5 * 12);
}

static void test_killed_run_leaves_nothing(void **state)
{
	struct feed f = {.label = "plain", .load = "fstree", .nr_samples = 5, .nr_caches = 2};
	int status;

	(void)state;
	results_store_sweep(5);
	if (!fork()) {
		struct err e = {""};
		struct db *db = db_open(results_path, DB_WRITE, &e);
		struct sink *s = db_sink_new(db);

		if (db_exec(db, "BEGIN IMMEDIATE", &e) || db_exec(db, "DELETE FROM sample", &e))
			_exit(1);
		feed_begin(&f, s);
		kill(getpid(), SIGKILL);
	}
	wait(&status);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(results_number("SELECT count(*) FROM run_view"), 4);
	assert_true(results_number("SELECT count(*) FROM sample_view") > 0);
	assert_int_equal(results_number("SELECT count(*) FROM pragma_integrity_check WHERE "
					"integrity_check = 'ok'"),
			 1);
}

static void test_no_run_no_file(void **state)
{
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);

	(void)state;
	assert_non_null(db);
	assert_int_equal(access(results_path, F_OK), -1);
	db_close(db);
	assert_int_equal(access(results_path, F_OK), -1);
	refused_as("", DB_WRITE, "not a file");
	refused_as(":memory:", DB_WRITE, "not a file");
}

static void test_absent(void **state)
{
	(void)state;
	refused(DB_READ, "No such file");
	snprintf(results_path, sizeof(results_path), "%s/none/results.db", results_dir);
	refused(DB_WRITE, "No such file");
	snprintf(results_path, sizeof(results_path), "%s", results_dir);
	refused(DB_WRITE, "not a file");
}

static void test_foreign(void **state)
{
	FILE *f = fopen(results_path, "w");
	sqlite3 *other;

	(void)state;
	for (int i = 0; i < 1000; i++)
		fputs("this is no database\n", f);
	fclose(f);
	refused(DB_READ, "not a results database");
	refused(DB_WRITE, "not a results database");
	unlink(results_path);
	sqlite3_open(results_path, &other);
	sqlite3_exec(other, "CREATE TABLE theirs (a)", NULL, NULL, NULL);
	sqlite3_close(other);
	refused(DB_READ, "not a kmemsim results database");
	refused(DB_WRITE, "not a kmemsim results database");
	unlink(results_path);
	fclose(fopen(results_path, "w"));
	refused(DB_READ, "empty");
}

static void test_other_version(void **state)
{
	sqlite3 *other;

	(void)state;
	results_store_sweep(2);
	sqlite3_open(results_path, &other);
	sqlite3_exec(other, "PRAGMA user_version = 7", NULL, NULL, NULL);
	sqlite3_close(other);
	refused(DB_READ, "results of version 7");
	refused(DB_WRITE, "results of version 7");
}

static void test_damaged(void **state)
{
	struct err e = {""};
	struct stat st;

	(void)state;
	results_store_sweep(50);
	stat(results_path, &st);
	assert_int_equal(truncate(results_path, st.st_size / 3), 0);
	assert_null(db_open(results_path, DB_READ, &e));
	assert_non_null(strstr(e.msg, "damaged"));
}

static void test_locked(void **state)
{
	struct feed f = {.label = "plain", .load = "fstree", .nr_samples = 5, .nr_caches = 2};
	struct err e = {""};
	struct db *db;
	struct sink *s;
	sqlite3 *other;

	(void)state;
	results_store_sweep(2);
	db = db_open(results_path, DB_WRITE, &e);
	db_wait_set(db, 10);
	s = db_sink_new(db);
	sqlite3_open(results_path, &other);
	assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(feed_run(&f, s, &e), -1);
	assert_non_null(strstr(e.msg, "locked by another program"));
	sqlite3_close(other);
	assert_int_equal(feed_run(&f, s, &e), 0);
	db_sink_free(s);
	db_close(db);
	assert_int_equal(results_number("SELECT count(*) FROM run_view"), 5);
}

static void test_read_only(void **state)
{
	(void)state;
	results_store_sweep(2);
	chmod(results_path, 0444);
	if (!geteuid())
		assert_int_equal(seteuid(65534), 0);
	refused(DB_WRITE, "read-only");
	assert_int_equal(results_number("SELECT count(*) FROM run_view"), 4);
	if (geteuid() == 65534)
		assert_int_equal(seteuid(0), 0);
}

/* The file could be written, but no journal beside it. */
static void test_read_only_folder(void **state)
{
	struct stat before, after;

	(void)state;
	results_store_sweep(2);
	chmod(results_path, 0666);
	chmod(results_dir, 0555);
	stat(results_path, &before);
	if (!geteuid())
		assert_int_equal(seteuid(65534), 0);
	refused(DB_WRITE, "read-only (its folder is)");
	assert_int_equal(results_number("SELECT count(*) FROM run_view"), 4);
	if (geteuid() == 65534)
		assert_int_equal(seteuid(0), 0);
	chmod(results_dir, 0755);
	stat(results_path, &after);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

/* Opening for a run that is then not stored leaves the file as it was. */
static void test_open_changes_nothing(void **state)
{
	struct err e = {""};
	struct stat before, after;

	(void)state;
	results_store_sweep(2);
	stat(results_path, &before);
	db_close(db_open(results_path, DB_WRITE, &e));
	stat(results_path, &after);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	assert_int_equal(before.st_size, after.st_size);
}

static void full(const char *why)
{
	struct feed f = {.label = "plain", .load = "big", .nr_samples = 500, .nr_caches = 12};
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);
	struct sink *s = db_sink_new(db);

	assert_int_equal(db_exec(db, "PRAGMA max_page_count = 60", &e), 0);
	assert_int_equal(feed_run(&f, s, &e), -1);
	if (!strstr(e.msg, why))
		fail_msg("expected '%s' in '%s'", why, e.msg);
	db_sink_free(s);
	db_close(db);
}

static void test_disk_full(void **state)
{
	(void)state;
	results_store_sweep(2);
	full("disk full");
	assert_int_equal(results_number("SELECT count(*) FROM run_view"), 4);
}

/* The system refuses the write itself. */
static void test_file_limit(void **state)
{
	struct feed f = {.label = "plain", .load = "big", .nr_samples = 500, .nr_caches = 12};
	int status;

	(void)state;
	results_store_sweep(2);
	if (!fork()) {
		struct rlimit limit = {400000, 400000};
		struct err e = {""};
		struct db *db;

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
		db = db_open(results_path, DB_WRITE, &e);
		_exit(!db || !feed_run(&f, db_sink_new(db), &e) || !strstr(e.msg, "cannot write"));
	}
	wait(&status);
	assert_int_equal(status, 0);
	assert_int_equal(results_number("SELECT count(*) FROM run_view"), 4);
	assert_int_equal(results_number("SELECT count(*) FROM slab_view WHERE run_id > 4"), 0);
}

/* Two machines of one name stay two. */
static void test_machines(void **state)
{
	struct sink_run run = {.label = "a",
			       .load = "b",
			       .stack = "c",
			       .input = "",
			       .command = "",
			       .machine = "name: 2node\nhz: 100\n"};
	struct sink_end end = {.status = "ok"};
	struct err e = {""};
	struct db *db;
	struct sink *s;

	(void)state;
	results_store_sweep(2);
	db = db_open(results_path, DB_WRITE, &e);
	s = db_sink_new(db);
	for (int i = 0; i < 2; i++) {
		s->ops->begin(s, &run);
		assert_int_equal(s->ops->end(s, &end, &e), 0);
	}
	db_sink_free(s);
	db_close(db);
	assert_int_equal(results_number("SELECT count(*) FROM run_view WHERE machine = '2node#2'"),
			 2);
	assert_int_equal(results_number("SELECT count(*) FROM run_view WHERE machine = '2node'"),
			 4);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, results_setup, results_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_views),
		TEST(test_values),
		TEST(test_spill),
		TEST(test_unended_run_leaves_nothing),
		TEST(test_killed_run_leaves_nothing),
		TEST(test_no_run_no_file),
		TEST(test_absent),
		TEST(test_foreign),
		TEST(test_other_version),
		TEST(test_damaged),
		TEST(test_locked),
		TEST(test_read_only),
		TEST(test_read_only_folder),
		TEST(test_open_changes_nothing),
		TEST(test_disk_full),
		TEST(test_file_limit),
		TEST(test_machines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
