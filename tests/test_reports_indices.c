/*
 * What the database computes of free blocks is what the kernel's formulas in sim/metrics.h give.
 */
#include <sqlite3.h>

#include "lib/rng.h"
#include "reports/db_sink.h"
#include "sim/metrics.h"
#include "tests/report_feed.h"
#include "tests/report_fixture.h"
#include "tests/test.h"

#define NR_VECTORS 400
#define NR_TYPES 4

/* Each an instant of two zones, whose free blocks lie on the lists of several types. */
struct vectors {
	struct free_blocks zone[NR_VECTORS][2];
};

static const struct free_blocks known[] = {
	{{1000000}},
	{{100, 50, 25, 12, 6, 3, 1, 0, 0, 0, 0}},
	{{0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 3}},
	{{0}},
};

/* From nothing free to a node of 16 TiB; whole orders are often missing. */
static void fill(struct vectors *v)
{
	struct rng r;

	rng_init(&r, 1, "indices", "vectors");
	for (size_t i = 0; i < NR_VECTORS; i++)
		for (int z = 0; z < 2; z++)
			for (int o = 0; o < SINK_NR_ORDERS; o++)
				v->zone[i][z].nr_free[o] =
					rng_below(&r, 3) ? rng_below(&r, 1ULL << rng_below(&r, 23))
							 : 0;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		v->zone[i][0] = known[i];
}

static const u64 present[2] = {4096 * 4, 4096 * 12};

static void store(const struct vectors *v)
{
	static const char *const zones[] = {"DMA32", "Normal"},
				 *types[NR_TYPES] = {"Unmovable", "Movable", "Reclaimable",
						     "HighAtomic"};
	struct sink_run run = {.label = "a",
			       .load = "b",
			       .stack = "c",
			       .input = "",
			       .command = "",
			       .machine = FEED_MACHINE};
	struct sink_end end = {.status = "ok"};
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);
	struct sink *s = db_sink_new(db);
	struct rng r;

	rng_init(&r, 2, "indices", "types");
	s->ops->begin(s, &run);
	for (int z = 0; z < 2; z++)
		s->ops->zone(s, &(struct sink_zone){.zone = zones[z], .present = present[z]});
	for (u64 i = 0; i < NR_VECTORS; i++) {
		for (int z = 0; z < 2; z++) {
			struct free_blocks left = v->zone[i][z];

			for (int mt = 0; mt < NR_TYPES; mt++) {
				u64 nr[SINK_NR_ORDERS];

				for (int o = 0; o < SINK_NR_ORDERS; o++) {
					nr[o] = mt + 1 == NR_TYPES
							? left.nr_free[o]
							: rng_below(&r, left.nr_free[o] + 1);
					left.nr_free[o] -= nr[o];
				}
				s->ops->free_area(s, i, 0, zones[z], types[mt], nr);
			}
		}
	}
	assert_int_equal(s->ops->end(s, &end, &e), 0);
	db_sink_free(s);
	db_close(db);
}

static sqlite3_stmt *query(struct db *db, const char *sql)
{
	struct err e = {""};
	sqlite3_stmt *s = db_prepare(db, sql, &e);

	if (!s)
		fail_msg("%s", e.msg);
	return s;
}

static void indices_are_the_kernels(void **state)
{
	static struct vectors v;
	struct err e = {""};
	sqlite3_stmt *s;
	struct db *db;
	u64 rows = 0;

	(void)state;
	fill(&v);
	store(&v);
	db = results_open();
	s = query(db, "SELECT t_ns, zone = 'Normal', page_order, free_pages, nr_free, "
		      "fragmentation_index, unusable_free_index, extfrag_for_order, availability "
		      "FROM zone_index_view WHERE run_id = 1 AND node = 0");
	for (; db_step(db, s, &e) == 1; rows++) {
		const struct free_blocks *f =
			&v.zone[sqlite3_column_int(s, 0)][sqlite3_column_int(s, 1)];
		int k = sqlite3_column_int(s, 2);

		assert_int_equal(sqlite3_column_int64(s, 3), free_blocks_pages(f));
		assert_int_equal(sqlite3_column_int64(s, 4), f->nr_free[k]);
		assert_int_equal(sqlite3_column_int(s, 5), fragmentation_index(f, k));
		assert_int_equal(sqlite3_column_int(s, 6), unusable_free_index(f, k));
		assert_int_equal(sqlite3_column_int(s, 7), extfrag_for_order(f, k));
		assert_int_equal(sqlite3_column_int64(s, 8), free_blocks_suitable(f, k));
	}
	sqlite3_finalize(s);
	assert_int_equal(rows, NR_VECTORS * 2 * SINK_NR_ORDERS);
	db_close(db);
}

/* present_pages * score / (node_present_pages + 1) of each zone, added up. */
static void scores_are_the_kernels(void **state)
{
	static struct vectors v;
	struct err e = {""};
	sqlite3_stmt *s;
	struct db *db;
	u64 rows = 0;

	(void)state;
	fill(&v);
	store(&v);
	db = results_open();
	s = query(db, "SELECT t_ns, score FROM compaction_score_view WHERE run_id = 1");
	for (; db_step(db, s, &e) == 1; rows++) {
		u64 node = present[0] + present[1] + 1, score = 0;

		for (int z = 0; z < 2; z++)
			score += present[z] *
				 (u64)extfrag_for_order(&v.zone[sqlite3_column_int(s, 0)][z], 9) /
				 node;
		assert_int_equal(sqlite3_column_int64(s, 1), score);
	}
	sqlite3_finalize(s);
	assert_int_equal(rows, NR_VECTORS);
	db_close(db);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, results_setup, results_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(indices_are_the_kernels),
		TEST(scores_are_the_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
