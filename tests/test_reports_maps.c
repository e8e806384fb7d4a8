/*
 * Maps of pageblocks and fidelity in the results database.
 */
#include <unistd.h>

#include "reports/cells.h"
#include "reports/db_sink.h"
#include "reports/films.h"
#include "tests/report_feed.h"
#include "tests/report_fixture.h"
#include "tests/test.h"

/* Two cells in three runs of a zone, and what a snapshot says beside what was simulated. */
static void test_maps_and_fidelity(void **state)
{
	static const struct sink_cell cells[300] = {
		[1] = {1, 2, 3, 4}, [299] = {255, 0, 0, 31 << 3}};
	struct feed f = {.label = "plain", .load = "fstree", .nr_samples = 2, .nr_caches = 1};
	static const struct sink_moves moves[300] = {[0] = {512, 0}, [299] = {1, 1000}};
	struct sink_block_map map = {7, 1, "Normal", 1024, 300, 1, cells, moves};
	struct sink_compact run = {5,  1, "Normal", "kcompactd", -1, "complete", 10,
				   20, 8, 6,	    2,		 -1, 99};
	struct sink_reclaim reclaim = {5, 70, 1, "kswapd", 3, 9, 64, 32, 40};
	struct fidelity_row row = {9, "after", "slab", "dentry", 4096, 8192, 12288};
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);
	struct sink *s = db_sink_new(db);
	struct sink_end end = {.status = "ok"};

	(void)state;
	feed_begin(&f, s);
	s->ops->block_map(s, &map);
	map.moves = NULL; /* nothing moved: no row */
	s->ops->block_map(s, &map);
	s->ops->compact(s, &run);
	s->ops->reclaim(s, &reclaim);
	db_fidelity_add(s, &row);
	assert_int_equal(s->ops->end(s, &end, &e), 0);
	db_sink_free(s);
	db_close(db);
	assert_int_equal(
		results_number(
			"SELECT count(*) / 2 FROM block_map_view WHERE run_id = 1 AND t_ns = 7 AND"
			" node = 1 AND zone = 'Normal' AND first_pfn = 1024 AND"
			" nr_blocks = 300 AND blocks_per_cell = 1 AND hex(cells) ="
			" '0100000000' || '0101020304' || 'A90200000000' || '01FF0000F8'"),
		1);
	assert_int_equal(
		results_number(
			"SELECT count(*) FROM block_moves_view WHERE run_id = 1 AND t_ns = 7 AND"
			" node = 1 AND zone = 'Normal' AND first_pfn = 1024 AND"
			" nr_blocks = 300 AND blocks_per_cell = 1 AND hex(cells) ="
			" '01800400' || 'AA020000' || '0101E807'"),
		1);
	assert_int_equal(
		results_number(
			"SELECT count(*) FROM compact_view WHERE run_id = 1 AND t_ns = 5 AND"
			" node = 1 AND zone = 'Normal' AND mode = 'kcompactd' AND page_order = -1 "
			"AND"
			" result = 'complete' AND migrate_scanned = 10 AND free_scanned = 20 AND"
			" isolated = 8 AND moved = 6 AND failed = 2 AND blocks_gained = -1 AND ns "
			"= 99"),
		1);
	assert_int_equal(
		results_number("SELECT count(*) FROM reclaim_view WHERE run_id = 1 AND t_ns = 5 AND"
			       " end_ns = 70 AND node = 1 AND mode = 'kswapd' AND page_order = 3"
			       " AND priority = 9 AND scanned = 64 AND reclaimed = 32 AND ns = 40"),
		1);
	assert_int_equal(
		results_number(
			"SELECT count(*) FROM fidelity_view WHERE run_id = 1 AND t_ns = 9 AND"
			" snapshot = 'after' AND kind = 'slab' AND name = 'dentry' AND"
			" recorded = 4096 AND simulated = 8192 AND first = 12288"),
		1);
}

static void test_packed_cells(void **state)
{
	struct sink_cell cells[1000] = {{0}}, back[1000];
	u8 packed[1000 * CELL_PACKED_MAX];
	size_t bytes;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
		cells[i].movable = (u8)(i * i / 300 % 7 ? 0 : i);
	for (size_t n = 0; n <= ARRAY_SIZE(cells); n += 37) {
		bytes = cells_pack(cells, n, packed);
		assert_true(cells_unpack(packed, bytes, back, n));
		assert_memory_equal(cells, back, n * sizeof(*cells));
		assert_false(cells_unpack(packed, bytes, back, n + 1));
		assert_false(n && cells_unpack(packed, bytes, back, n - 1));
		assert_false(n && cells_unpack(packed, bytes - 1, back, n));
	}
	/* Runs of nothing, runs without end, and runs longer than the map. */
	assert_false(cells_unpack((const u8 *)"\0abcd", 5, back, 1));
	assert_false(cells_unpack((const u8 *)"\xff\xff\xff\xff\xff\xff", 6, back, 1));
	assert_false(cells_unpack((const u8 *)"\x02"
					      "abcd",
				  5, back, 1));
}

static void test_packed_moves(void **state)
{
	struct sink_moves moves[1000] = {{0}}, back[1000];
	u8 packed[1000 * MOVES_PACKED_MAX];
	size_t bytes;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(moves); i++)
		moves[i] = (struct sink_moves){i % 7 ? 0 : UINT32_MAX - (u32)i, (u32)(i / 9)};
	for (size_t n = 0; n <= ARRAY_SIZE(moves); n += 37) {
		bytes = moves_pack(moves, n, packed);
		assert_true(moves_unpack(packed, bytes, back, n));
		assert_memory_equal(moves, back, n * sizeof(*moves));
		assert_false(moves_unpack(packed, bytes, back, n + 1));
		assert_false(n && moves_unpack(packed, bytes, back, n - 1));
		assert_false(n && moves_unpack(packed, bytes - 1, back, n));
	}
	/* Runs of nothing, a run without numbers, numbers beyond 32 bits. */
	assert_false(moves_unpack((const u8 *)"\0\1\1", 3, back, 1));
	assert_false(moves_unpack((const u8 *)"\1\1", 2, back, 1));
	assert_false(moves_unpack((const u8 *)"\1\xff\xff\xff\xff\x7f\1", 7, back, 1));
}

/* A database of before maps and fidelity gets their tables with its next run. */
static void test_tables_are_added(void **state)
{
	struct err e = {""};
	struct db *db;

	(void)state;
	results_store_sweep(2);
	db = db_open(results_path, DB_WRITE, &e);
	assert_int_equal(db_exec(db,
				 "DROP VIEW block_map_view; DROP VIEW fidelity_view;"
				 "DROP VIEW compact_view; DROP VIEW block_moves_view;"
				 "DROP TABLE block_map; DROP TABLE fidelity;"
				 "DROP VIEW reclaim_view; DROP TABLE reclaim;"
				 "DROP TABLE compact; DROP TABLE block_moves",
				 &e),
			 0);
	db_close(db);
	results_store_sweep(2);
	assert_int_equal(results_number("SELECT count(*) FROM run_view"), 8);
	assert_int_equal(results_number("SELECT count(*) FROM fidelity_view"), 0);
	/* 2 frames of each of the 4 new runs. */
	assert_int_equal(results_number("SELECT count(*) FROM block_map_view"), 8);
}

static void film_is_damaged(const char *sql)
{
	struct err e = {""};
	struct film film;
	struct db *db;

	unlink(results_path);
	results_store_pair(40);
	db = db_open(results_path, DB_WRITE, &e);
	assert_int_equal(film_load(&film, db, 1, &e), 0);
	assert_int_equal(film.nr_frames, 14);
	assert_int_equal(film.nr_cells, 64);
	film_free(&film);
	assert_int_equal(db_exec(db, sql, &e), 0);
	assert_int_equal(film_load(&film, db, 1, &e), -1);
	assert_says(e.msg, "damaged: the ");
	assert_int_equal(film_load(&film, db, 99, &e), 0);
	assert_int_equal(film.nr_frames, 0);
	db_close(db);
}

static void test_damaged_films(void **state)
{
	(void)state;
	film_is_damaged("UPDATE block_map SET cells = x'00' WHERE t_ns > 0");
	film_is_damaged("UPDATE block_map SET cells = NULL");
	film_is_damaged("UPDATE block_map SET nr_blocks = 65 WHERE t_ns > 0");
	film_is_damaged("UPDATE block_map SET blocks_per_cell = 0");
	film_is_damaged("UPDATE block_map SET blocks_per_cell = -1");
	film_is_damaged("UPDATE block_map SET nr_blocks = 1 << 40");
	film_is_damaged("UPDATE block_moves SET cells = x'4001'");
	film_is_damaged("UPDATE block_moves SET t_ns = t_ns + 1");
	film_is_damaged("UPDATE block_moves SET nr_blocks = 63");
}

/* Eight blocks lose 3, 6, ..., 24 pages a sample, eight others get them. */
static void test_film_moves(void **state)
{
	struct err e = {""};
	struct film film;
	struct db *db;

	(void)state;
	results_store_pair(40);
	db = results_open();
	assert_int_equal(film_load(&film, db, 1, &e), 0);
	assert_non_null(film.moves);
	assert_int_equal(film_moved(&film, 0), 0);
	assert_int_equal(film_moved(&film, 13), 39 * 3 * 36);
	assert_int_equal(film_moves(&film, 13)[7].from, 39 * 3 * 8);
	assert_int_equal(film_moves(&film, 13)[43].to, 39 * 3 * 8);
	assert_int_equal(film_moves(&film, 13)[20].from, 0);
	film_free(&film);
	db_close(db);
	/* A database of before moves. */
	db = db_open(results_path, DB_WRITE, &e);
	assert_int_equal(db_exec(db, "DROP VIEW block_moves_view; DROP TABLE block_moves", &e), 0);
	assert_int_equal(film_load(&film, db, 1, &e), 0);
	assert_null(film.moves);
	assert_int_equal(film_moved(&film, 13), 0);
	film_free(&film);
	db_close(db);
}

/* What the findings count: of 64 pageblocks, as the feed has filled them. */
static void test_film_census(void **state)
{
	struct film_census c;
	struct err e = {""};
	struct film film;
	struct db *db;

	(void)state;
	results_store_pair(40);
	db = results_open();
	assert_int_equal(film_load(&film, db, 2, &e), 0);
	c = film_census(&film, film.nr_frames - 1);
	assert_int_equal(c.blocks, 64);
	assert_true(c.pinned > 0);
	assert_int_equal(c.nearly_free, 0);
	assert_int_equal(film.zones[0].nr_touched, 51);
	film_free(&film);
	db_close(db);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, results_setup, results_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_maps_and_fidelity),
		cmocka_unit_test(test_packed_cells),
		cmocka_unit_test(test_packed_moves),
		TEST(test_tables_are_added),
		TEST(test_damaged_films),
		TEST(test_film_census),
		TEST(test_film_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
