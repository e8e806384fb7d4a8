/*
 * report: memory under pressure and blame: there when a run has something to tell, not when it has
 * not, and nothing a database says breaks the page.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reports/db_sink.h"
#include "reports/pressure.h"
#include "tests/report_feed.h"
#include "tests/report_fixture.h"
#include "tests/report_made.h"
#include "tests/test.h"

static void store(bool pressure, u64 nr_seeds)
{
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);
	struct sink *s = db_sink_new(db);

	for (u64 i = 0; i < 2 * nr_seeds; i++) {
		struct feed f = {.label = i % 2 ? "rcu" : "plain",
				 .load = "squeeze",
				 .rcu = i % 2,
				 .seed = 1 + i / 2,
				 .nr_samples = 80,
				 .nr_caches = 3,
				 .pressure = pressure};

		assert_int_equal(feed_run(&f, s, &e), 0);
	}
	db_sink_free(s);
	db_close(db);
}

static void change(const char *sql)
{
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);

	if (db_exec(db, sql, &e))
		fail_msg("%s", e.msg);
	db_close(db);
}

static char *page_of(void)
{
	report_made("out");
	pictures_are_whole("out", false);
	return text_of("out/index.html");
}

/* The sentences, figures and tables say what the feed has fed. */
static void test_pressure_is_told(void **state)
{
	static const char *const told[] = {
		"<a href=\"#pressure\">",
		"<section id=\"pressure\">",
		"On squeeze: free memory of node 0, Normal, falls to 240 KiB under plain, below "
		"its min watermark; huge pages had, of those asked for: 93.2 % under rcu, 40.0 % "
		"under plain; pages moved by compaction: 6,200 under plain, 6,000 under rcu.",
		"fig-marks-squeeze\"",
		"fig-fragmentation-squeeze\"",
		"fig-unusable-zones-squeeze\"",
		"fig-score-squeeze\"",
		"fig-work-squeeze\"",
		"<td>compact</td><td class=\"n\">40</td><td class=\"n\">9 us</td>",
		"<td>direct_light</td><td>success</td><td class=\"n\">114</td>",
		">huge_success_percent</code></td><td class=\"n\">40.0 %</td><td class=\"n\">93.2 "
		"%</td>",
		"<code>allocstall_normal</code></td><td class=\"n\">100</td><td "
		"class=\"n\">0</td>",
	};
	char *page, *data;

	(void)state;
	store(true, 1);
	page = page_of();
	for (size_t i = 0; i < ARRAY_SIZE(told); i++)
		assert_says(page, told[i]);
	/* Only the first are listed, under plain. */
	assert_says(page, "Of 205 runs of compaction under plain the first 200 are listed");
	assert_null(strstr(page, "runs of compaction under rcu"));
	/* It is about pressure: pages freed are not. */
	assert_null(strstr(page, "pgfree"));
	free(page);
	data = text_of("out/data/marks-squeeze-plain-1.csv");
	assert_says(data, "t_s,free_pages_1,free_pages_1_low,free_pages_1_high\n0,4096,");
	assert_says(data, "\n0.2,60,60,60\n");
	free(data);
	/* In the second quarter order 0 is all there is: 60 pages; fragmentation is the reason. */
	data = text_of("out/data/fragmentation-squeeze-plain-1.csv");
	assert_says(data, "\n0.2,0.4,0,9,982\n");
	assert_says(data, "\n0,0.8,0,0,-1000\n");
	free(data);
	data = text_of("out/data/score-squeeze-plain-1.csv");
	assert_says(data, "\n0.2,99,99,99\n");
	free(data);
}

/* Medians of three seeds, and lines of every stack in every panel. */
static void test_pressure_of_seeds(void **state)
{
	char *text;

	(void)state;
	store(true, 3);
	free(page_of());
	text = text_of("out/plots/marks-squeeze.gp");
	assert_says(text, "marks-squeeze-plain-1.csv' skip 1 using");
	assert_says(text, "marks-squeeze-rcu-2.csv' skip 1 using");
	assert_says(text, "filledcurves");
	free(text);
}

static void test_nothing_to_tell(void **state)
{
	char *page;

	(void)state;
	store(false, 1);
	/* Huge pages that are had at once are no pressure. */
	change("UPDATE string SET text = 'page_alloc/9' WHERE text = 'page_alloc/0'");
	change("DELETE FROM latency WHERE path = (SELECT id FROM string WHERE text = 'new_slab')");
	page = page_of();
	assert_null(strstr(page, "#pressure"));
	assert_null(strstr(page, "id=\"pressure\""));
	assert_says(page, "id=\"blame\"");
	free(page);
	change("DELETE FROM blame; DELETE FROM blame_block; DELETE FROM block_moves");
	page = page_of();
	assert_null(strstr(page, "#blame"));
	assert_null(strstr(page, "id=\"blame\""));
	assert_null(strstr(page, "\"kept\":"));
	assert_null(strstr(page, "\"moves\":"));
	assert_int_equal(access(in_dir("out/plots/blame-map-squeeze.gp"), F_OK), -1);
	assert_int_equal(access(in_dir("out/plots/moves-map-squeeze.gp"), F_OK), -1);
	free(page);
}

/* A database from before these tables opens as it did. */
static void test_old_database(void **state)
{
	char *page;

	(void)state;
	store(true, 1);
	change("DROP VIEW zone_index_view; DROP VIEW compaction_score_view; DROP VIEW zone_view;"
	       "DROP VIEW vmstat_view; DROP VIEW blame_view; DROP VIEW blame_block_view;"
	       "DROP VIEW compact_view; DROP VIEW reclaim_view; DROP VIEW block_moves_view;"
	       "DROP TABLE zone; DROP TABLE vmstat; DROP TABLE blame; DROP TABLE blame_block;"
	       "DROP TABLE compact; DROP TABLE reclaim; DROP TABLE block_moves");
	page = page_of();
	assert_null(strstr(page, "id=\"blame\""));
	/* What it has of huge pages it still shows. */
	assert_says(page, "id=\"pressure\"");
	assert_says(page, "<td>compact</td>");
	assert_null(strstr(page, "fig-marks"));
	free(page);
	change("DROP TABLE block_map; DROP VIEW block_map_view");
	free(page_of());
}

/* ---- Blame ---- */

static void test_blame_is_told(void **state)
{
	char *page, *data;

	(void)state;
	store(false, 1);
	page = page_of();
	assert_says(page, "When squeeze ends, of all that are known alloc_inode+0x1e, "
			  "ext4_inode_cache keeps most blocks of 2 MiB from being free: 5 of 10 "
			  "(10 MiB) with 45 pages under rcu, one of them for 10 ms.");
	/* By blocks, over both stacks; equals by name. */
	assert_says(page, "\"holders\":[\"alloc_inode+0x1e, ext4_inode_cache\",\"pages of unknown "
			  "call sites\",\"__get_free_pages+0xd, pages\",\"(per-CPU lists)\"],"
			  "\"other_holders\":0");
	assert_says(page, "\"kept\":[[0,0,1,9,12,200,300,1e+06],[5,0,1,");
	free(page);
	data = text_of("out/data/blame-map-squeeze-plain-1.csv");
	assert_says(data, "\n0,1048576,512,Normal,82.0,0,0,0,9,12,200,300,0.001,alloc_inode+0x1e,");
	free(data);
	data = text_of("out/data/blame.csv");
	assert_says(data, "squeeze,rcu,alloc_inode+0x1e,ext4_inode_cache,5,10485760,0,45,");
	free(data);
	change("UPDATE blame SET blocks_end = 1000 WHERE cache IN"
	       " (SELECT id FROM string WHERE text IN ('', '(per-CPU lists)')) AND call_site IN"
	       " (SELECT id FROM string WHERE text IN ('', '?'))");
	page = page_of();
	assert_says(page, "ext4_inode_cache keeps most blocks of 2 MiB from being free: 5 of ");
	free(page);
	change("UPDATE blame SET blocks_end = 0 WHERE blocks_end < 1000");
	page = page_of();
	assert_says(page, "When squeeze ends, (per-CPU lists) keeps most blocks");
	free(page);
	data = text_of("out/data/moves-map-squeeze-plain-1.csv");
	assert_says(data, "\n0,1048576,512,Normal,82.0,0,0,225,0\n");
	free(data);
}

static const char *const hostile[] = {"</script><script>alert(2)</script>",
				      "'; system(\"x\"); '",
				      "\xff\xfe",
				      "a,b\nc",
				      "`touch owned`",
				      ""};

static void feed_hostile(struct sink *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		const char *name = hostile[i];
		u64 nr_free[SINK_NR_ORDERS] = {i};
		struct sink_zone zone = {(int)i - 2, name, 0, 1, 1, 1, 50, 60, 70};
		struct sink_compact run = {1ULL << 62, -1, name, name, 99, name,      ~0ULL,
					   1,	       1,  1,	 1,    -5, 1ULL << 62};
		struct sink_blame blame = {.call_site = name, .cache = name, .blocks_end = 1e300};
		/* In the film's zone, before it, behind it, and in none. */
		struct sink_blame_block block = {.zone = i % 2 ? "Normal" : name,
						 .pfn = i == 1	 ? 0x100000 + 512 * 20
							: i == 3 ? 5
								 : ~0ULL,
						 .call_site = name,
						 .cache = name,
						 .holder_pages = ~0U,
						 .kept_ns = ~0ULL};

		s->ops->free_area(s, 7 * FEED_SAMPLE_NS, (int)i - 2, name, "Movable", nr_free);
		s->ops->zone(s, &zone);
		s->ops->compact(s, &run);
		s->ops->blame(s, &blame);
		s->ops->blame_block(s, &block);
		s->ops->vmstat(s, ~0ULL, name, ~0ULL);
		s->ops->vmstat(s, 5, "pgscan_<b>", 5);
		/* Ends before it began. */
		s->ops->reclaim(s, &(struct sink_reclaim){.t_ns = 99999999999999,
							  .end_ns = 9,
							  .mode = name,
							  .reclaimed = ~0ULL});
	}
}

static void test_hostile_pressure(void **state)
{
	struct sink_end end = {.status = "ok"};
	struct feed f = {.label = "plain", .load = "squeeze", .nr_samples = 20, .pressure = true};
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);
	struct sink *s = db_sink_new(db);
	char *page;

	(void)state;
	feed_begin(&f, s);
	feed_hostile(s);
	assert_int_equal(s->ops->end(s, &end, &e), 0);
	db_sink_free(s);
	db_close(db);
	page = page_of();
	assert_null(strstr(page, "<script>alert"));
	assert_null(strstr(page, "<b>"));
	assert_says(page, "pgscan_&lt;b&gt;");
	assert_says(page, "\"\\u003c/script\\u003e");
	assert_int_equal(access(in_dir("out/plots/owned"), F_OK), -1);
	free(page);
	/* Rows whose others are gone. */
	change("DELETE FROM free_area WHERE t_ns > 0; DELETE FROM vmstat WHERE t_ns > 9;"
	       "UPDATE zone SET min = -1, high = -9; UPDATE compact SET ns = NULL, moved = NULL;"
	       "UPDATE blame SET blocks_end = NULL, longest_ns = NULL;"
	       "UPDATE blame_block SET holder_pages = NULL, kept_ns = -1");
	free(page_of());
}

/* ---- What a run says ---- */

static void test_curves(void **state)
{
	struct err e = {""};
	struct pressure p;
	struct db *db;
	bool tells;

	(void)state;
	store(true, 1);
	db = results_open();
	assert_int_equal(pressure_tells(db, 1, &tells, &e), 0);
	assert_true(tells);
	assert_int_equal(pressure_tells(db, 99, &tells, &e), 0);
	assert_false(tells);
	assert_int_equal(pressure_load(&p, db, 1, 800 * NSEC_PER_MSEC, &e), 0);
	assert_int_equal(curve_least(&pressure_zone(&p, 0, "Normal")->free), 60);
	assert_int_equal(curve_most(&pressure_zone(&p, 0, "Normal")->free), 4096);
	assert_null(pressure_zone(&p, 1, "DMA"));
	/* 200 runs of 31 pages. Before them nothing, behind them all. */
	assert_int_equal(curve_at(&p.work[WORK_MOVED], 0), 0);
	assert_int_equal(curve_at(&p.work[WORK_MOVED], 199 * NSEC_PER_MSEC), 0);
	assert_int_equal(curve_at(&p.work[WORK_MOVED], ~0ULL), 6200);
	assert_int_equal(curve_at(&p.work[WORK_COMPACT_NS], ~0ULL), 800000);
	/* The curve goes from the start to the end. */
	assert_int_equal(p.work[WORK_MOVED].t_ns[0], 0);
	assert_int_equal(p.work[WORK_MOVED].t_ns[p.work[WORK_MOVED].nr - 1], 800 * NSEC_PER_MSEC);
	pressure_free(&p);
	db_close(db);
}

/* kswapd took 100 pages within 10 ns, then a request 7 at once. */
static void test_reclaim_is_read(void **state)
{
	struct sink_end end = {.status = "ok"};
	struct feed f = {.label = "plain", .load = "squeeze", .nr_samples = 2};
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);
	struct sink *s = db_sink_new(db);
	struct pressure p;

	(void)state;
	feed_begin(&f, s);
	s->ops->reclaim(s, &(struct sink_reclaim){10, 20, 0, "kswapd", 0, 12, 120, 100, 5});
	s->ops->reclaim(s, &(struct sink_reclaim){30, 30, 0, "direct", 3, 9, 20, 7, 1});
	assert_int_equal(s->ops->end(s, &end, &e), 0);
	db_sink_free(s);
	db_close(db);
	db = results_open();
	assert_int_equal(pressure_load(&p, db, 1, 800 * NSEC_PER_MSEC, &e), 0);
	assert_int_equal(curve_at(&p.work[WORK_STEAL_KSWAPD], 10), 0);
	assert_int_equal(curve_at(&p.work[WORK_STEAL_KSWAPD], 15), 50);
	assert_int_equal(curve_at(&p.work[WORK_STEAL_KSWAPD], 99), 100);
	assert_int_equal(curve_at(&p.work[WORK_STEAL_DIRECT], 99), 7);
	assert_int_equal(curve_at(&p.work[WORK_STALLS], 99), 1);
	pressure_free(&p);
	db_close(db);
}

/* Rounds of reclaim by the thousand leave the 200 runs of compaction their points. */
static void test_every_curve_has_points(void **state)
{
	struct sink_end end = {.status = "ok", .sim_ns = 800 * NSEC_PER_MSEC};
	struct feed f = {.label = "plain", .load = "squeeze", .nr_samples = 80, .pressure = true};
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);
	struct sink *s = db_sink_new(db);
	char *data;
	int between = 0;

	(void)state;
	feed_begin(&f, s);
	for (u64 i = 0; i < 5000; i++)
		s->ops->reclaim(s, &(struct sink_reclaim){.t_ns = i * 1000,
							  .end_ns = i * 1000 + 500,
							  .mode = "direct",
							  .reclaimed = 1});
	assert_int_equal(s->ops->end(s, &end, &e), 0);
	db_sink_free(s);
	db_close(db);
	free(page_of());
	data = text_of("out/data/work-squeeze-plain-1.csv");
	for (char *line = data; (line = strchr(line, '\n')); line++)
		between += strtod(line + 1, NULL) > 0.21 && strtod(line + 1, NULL) < 0.39;
	assert_in_range(between, 40, 400);
	free(data);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, results_setup, results_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pressure_is_told),
		TEST(test_pressure_of_seeds),
		TEST(test_nothing_to_tell),
		TEST(test_old_database),
		TEST(test_blame_is_told),
		TEST(test_hostile_pressure),
		TEST(test_curves),
		TEST(test_reclaim_is_read),
		TEST(test_every_curve_has_points),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
