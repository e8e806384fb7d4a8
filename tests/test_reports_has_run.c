/*
 * What a resumed sweep leaves out: only what is stored with all that its results depend on.
 */
#include "reports/db.h"
#include "reports/db_sink.h"
#include "tests/report_feed.h"
#include "tests/report_fixture.h"
#include "tests/test.h"

/* The first run of the sweep. */
static const struct sink_run run = {.label = "plain",
				    .load = "fstree",
				    .stack = "pages=page_allocator() slab=slabifier()",
				    .machine = FEED_MACHINE,
				    .input = "",
				    .input_hash = 0x2222,
				    .seed = 1,
				    .command = ""};

static void has_run(const struct sink_run *r, int expected)
{
	struct err e = {""};
	struct db *db = results_open();
	int got = db_has_run(db, r, &e);

	if (got != expected)
		fail_msg("%d: %s", got, e.msg);
	db_close(db);
}

static void store_run_as(const struct sink_run *r, const char *status)
{
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);
	struct sink *s = db_sink_new(db);

	s->ops->begin(s, r);
	assert_int_equal(s->ops->end(s, &(struct sink_end){.status = status}, &e), 0);
	db_sink_free(s);
	db_close(db);
}

/*
 * All that results depend on must be equal, it must be the last of its kind, and have come to an
 * end.
 */
static void test_has_run(void **state)
{
	struct sink_run others[] = {run, run, run, run, run, run, run};

	(void)state;
	results_store_sweep(2);
	has_run(&run, 1);
	others[0].label = "rcu";
	others[1].load = "forkstorm";
	others[2].stack = "pages=bitmap() slab=slabifier()";
	others[3].machine = "name: other\n";
	others[4].input_hash = 0x2223;
	others[5].seed = 2;
	others[6].sample_ns = 1000;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		has_run(&others[i], 0);
	store_run_as(&others[6], "oom");
	has_run(&others[6], 1);
	has_run(&run, 0); /* no longer the last */
	store_run_as(&run, "aborted");
	has_run(&run, 0);
	store_run_as(&run, "ok");
	has_run(&run, 1);
}

/* Of what an earlier build has stored nothing is known for sure, and nothing breaks. */
static void test_has_run_earlier(void **state)
{
	struct err e = {""};
	struct db *db;

	(void)state;
	results_store_sweep(2);
	db = db_open(results_path, DB_WRITE, &e);
	assert_int_equal(db_exec(db, "DROP TABLE sampling", &e), 0);
	db_close(db);
	has_run(&run, 0);
	store_run_as(&run, "ok");
	has_run(&run, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, results_setup, results_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_has_run),
		TEST(test_has_run_earlier),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
