/*
 * Several processes and one results database: no run that was stored is ever lost.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reports/db.h"
#include "reports/db_sink.h"
#include "tests/report_feed.h"
#include "tests/report_fixture.h"
#include "tests/test.h"

#define NR_RUNS 20

static s64 nr_runs(void)
{
	struct err e = {""};
	struct db *db = results_open();
	s64 nr = -1;

	if (db_number(db, "SELECT count(*) FROM run_view", &nr, &e))
		fail_msg("%s", e.msg);
	db_close(db);
	return nr;
}

/* A run of a few kilobytes. */
static int store(struct db *db, struct err *e)
{
	struct feed f = {.label = "plain", .load = "fstree", .nr_samples = 5, .nr_caches = 2};
	struct sink *s = db_sink_new(db);
	int rc = feed_run(&f, s, e);

	db_sink_free(s);
	return rc;
}

static void ended_well(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/*
 * A new database:   A opens   A gives up
 *                      B opens             B stores its run
 */
static void test_other_gives_up(void **state)
{
	int go[2], opened[2];
	struct err e = {""};
	struct db *db;
	char byte = 0;
	pid_t pid;

	(void)state;
	assert_false(pipe(go) || pipe(opened));
	pid = fork();
	if (!pid) {
		db = db_open(results_path, DB_WRITE, &e);
		if (!db || write(opened[1], &byte, 1) != 1 || read(go[0], &byte, 1) != 1)
			_exit(1);
		db_close(db);
		_exit(0);
	}
	assert_int_equal(read(opened[0], &byte, 1), 1);
	db = db_open(results_path, DB_WRITE, &e);
	assert_non_null(db);
	assert_int_equal(write(go[1], &byte, 1), 1);
	ended_well(pid);
	assert_int_equal(store(db, &e), 0);
	db_close(db);
	assert_int_equal(nr_runs(), 1);
}

/* The file is removed under a process that has it open: its run makes a new one. */
static void test_other_removes(void **state)
{
	struct err e = {""};
	struct db *db;
	pid_t pid;

	(void)state;
	results_store_sweep(2);
	db = db_open(results_path, DB_WRITE, &e);
	pid = fork();
	if (!pid)
		_exit(unlink(results_path) != 0);
	ended_well(pid);
	assert_int_equal(store(db, &e), 0);
	assert_int_equal(store(db, &e), 0);
	db_close(db);
	assert_int_equal(nr_runs(), 2);
}

/* Cannot write as much as the tables take. */
static void limit_files(void)
{
	struct rlimit limit = {20000, 20000};

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
}

static void test_failed_run_leaves_no_file(void **state)
{
	struct err e = {""};
	struct db *db;
	char *files;
	pid_t pid;

	(void)state;
	pid = fork();
	if (!pid) {
		limit_files();
		db = db_open(results_path, DB_WRITE, &e);
		_exit(!db || !store(db, &e) || !strstr(e.msg, "cannot write") || !store(db, &e));
	}
	ended_well(pid);
	files = results_files("");
	assert_string_equal(files, "");
	free(files);
}

/* One process makes the file and removes it again, over and over; the other stores its runs. */
static void test_other_fails(void **state)
{
	struct err e = {""};
	struct db *db;
	pid_t pid;

	(void)state;
	for (int round = 0; round < NR_RUNS; round++) {
		unlink(results_path);
		pid = fork();
		if (!pid) {
			limit_files();
			db = db_open(results_path, DB_WRITE, &e);
			for (int i = 0; db && i < 3; i++)
				if (!store(db, &e))
					_exit(1);
			_exit(!db);
		}
		db = db_open(results_path, DB_WRITE, &e);
		if (!db)
			fail_msg("%s", e.msg);
		usleep((useconds_t)round * 500);
		if (store(db, &e))
			fail_msg("%s", e.msg);
		db_close(db);
		ended_well(pid);
		assert_int_equal(nr_runs(), 1);
	}
}

static void test_nothing_stored_yet(void **state)
{
	struct sink_run run = {.label = "plain", .load = "fstree", .stack = "", .machine = ""};
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);

	(void)state;
	assert_int_equal(db_has_run(db, &run, &e), 0);
	assert_int_equal(access(results_path, F_OK), -1);
	db_close(db);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, results_setup, results_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_other_gives_up),
		TEST(test_other_removes),
		TEST(test_failed_run_leaves_no_file),
		TEST(test_other_fails),
		TEST(test_nothing_stored_yet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
