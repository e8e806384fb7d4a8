/*
 * Fidelity: its definitions on made-up machines, its files in the kernel's format, its sink.
 */
#include <math.h>
#include <stdlib.h>

#include "reports/db.h"
#include "reports/db_sink.h"
#include "reports/fidelity_sink.h"
#include "reports/fidelity_store.h"
#include "sim/snap_mark.h"
#include "tests/report_fixture.h"
#include "tests/test.h"

static const char *const labels[] = {"before", "mid", "after"};

/* Three snapshots, no figures yet. */
static struct fidelity *three_snapshots(void)
{
	struct fidelity *f = fidelity_new(3);

	for (size_t i = 0; i < 3; i++) {
		f->snaps[i].label = strdup(labels[i]);
		f->snaps[i].has_slabs = f->snaps[i].has_free = true;
	}
	return f;
}

static void slabs(struct proc_state *p, const char *cache, u64 nr, u64 pages)
{
	proc_slab_add(p, &(struct proc_slab){.cache = (char *)(uintptr_t)cache,
					     .num_slabs = nr,
					     .pagesperslab = pages});
}

/* Slabs of a cache on both sides at the three snapshots. */
static void cache(struct fidelity *f, const char *name, const u64 recorded[3],
		  const u64 simulated[3])
{
	for (size_t i = 0; i < 3; i++) {
		slabs(&f->snaps[i].recorded, name, recorded[i], 2);
		slabs(&f->snaps[i].simulated, name, simulated[i], 2);
	}
	fidelity_active_add(f, name);
}

static void blocks(struct fidelity *f, int order, const u64 recorded[3], const u64 simulated[3])
{
	for (size_t i = 0; i < 3; i++) {
		proc_zone_of(&f->snaps[i].recorded, 0, "DMA32")->nr_free[order] = recorded[i];
		proc_zone_of(&f->snaps[i].simulated, 0, "DMA32")->nr_free[order] = simulated[i];
	}
}

static void close_to(double a, double b)
{
	if (!(fabs(a - b) < 1e-12))
		fail_msg("%.15g is not %.15g", a, b);
}

#define U64S(...) ((const u64[]){__VA_ARGS__})

static void doing_nothing_scores_one(void **state)
{
	struct fidelity *f = three_snapshots();

	(void)state;
	cache(f, "a", U64S(10, 14, 3), U64S(7, 7, 7));
	cache(f, "b", U64S(0, 5, 5), U64S(0, 0, 0));
	cache(f, "still", U64S(90, 90, 90), U64S(0, 0, 0));
	fidelity_compute(f);
	close_to(f->pooled.score[FIDELITY_SLAB_CHANGE], 1);
	close_to(f->pooled.score[FIDELITY_SLAB_CHANGE_IDLE], 1);
	close_to(f->snaps[1].scores.score[FIDELITY_SLAB_CHANGE], 1);
	close_to(f->snaps[2].scores.score[FIDELITY_SLAB_CHANGE], 1);
	/* At the base itself there is nothing to score. */
	assert_true(isnan(f->snaps[0].scores.score[FIDELITY_SLAB_CHANGE]));
	assert_true(isnan(f->snaps[0].scores.score[FIDELITY_SLAB]));
	fidelity_free(f);
}

static void keeping_the_first_state_is_idle(void **state)
{
	struct fidelity *f = three_snapshots();

	(void)state;
	cache(f, "a", U64S(10, 14, 3), U64S(10, 10, 10));
	cache(f, "b", U64S(1, 5, 5), U64S(1, 1, 1));
	blocks(f, 0, U64S(100, 90, 20), U64S(100, 100, 100));
	blocks(f, 3, U64S(8, 9, 10), U64S(8, 8, 8));
	fidelity_compute(f);
	for (int k = 0; k < NR_SNAPSHOT_SCORES; k += 2)
		close_to(f->pooled.score[k], f->pooled.score[k + 1]);
	/* mid: 4 + 4 of 14 + 5 slabs; after: 7 + 4 of 3 + 5. */
	close_to(f->snaps[1].scores.score[FIDELITY_SLAB], 8.0 / 19);
	close_to(f->snaps[2].scores.score[FIDELITY_SLAB], 11.0 / 8);
	close_to(f->pooled.score[FIDELITY_SLAB], 19.0 / 27);
	/* 10 + 8 of 90 + 72 pages; 80 + 16 of 20 + 80. */
	close_to(f->snaps[1].scores.score[FIDELITY_FREE], 18.0 / 162);
	close_to(f->pooled.score[FIDELITY_FREE], 114.0 / 262);
	fidelity_free(f);
}

static void the_same_changes_from_elsewhere_are_no_error(void **state)
{
	struct fidelity *f = three_snapshots();

	(void)state;
	cache(f, "a", U64S(10, 14, 3), U64S(20, 24, 13));
	fidelity_compute(f);
	close_to(f->pooled.score[FIDELITY_SLAB_CHANGE], 0);
	close_to(f->pooled.score[FIDELITY_SLAB], 20.0 / 17);
	fidelity_free(f);
}

/* Bytes by each side's own slab size; what opposite errors hide in a sum is seen. */
static void closed_form(void **state)
{
	struct fidelity *f = three_snapshots();
	const struct fidelity_item *worst[4];

	(void)state;
	cache(f, "a", U64S(10, 20, 10), U64S(10, 17, 11));
	cache(f, "b", U64S(10, 10, 30), U64S(0, 4, 20));
	for (size_t i = 0; i < 3; i++) {
		slabs(&f->snaps[i].recorded, "c", 4 * (i + 1), 8);
		slabs(&f->snaps[i].simulated, "c", 8 * (i + 1), 4);
	}
	fidelity_active_add(f, "c");
	fidelity_compute(f);
	/* In pages. Errors: a 2 * (3 + 1), b 2 * (4 + 0), c 0. Changes: a 20, b 40, c 32 + 64. */
	close_to(f->pooled.score[FIDELITY_SLAB_CHANGE], 16.0 / 156);
	close_to(f->snaps[1].scores.score[FIDELITY_SLAB_CHANGE], 14.0 / 52);
	assert_int_equal(fidelity_worst(f, worst, 4), 2);
	assert_string_equal(worst[0]->name, "a"); /* equal errors: by name */
	assert_int_equal(worst[0]->error, 8 * PROC_PAGE_BYTES);
	assert_int_equal(fidelity_error_sum(f), 16 * PROC_PAGE_BYTES);
	fidelity_compute(f); /* again: the same */
	close_to(f->pooled.score[FIDELITY_SLAB_CHANGE], 16.0 / 156);
	fidelity_free(f);
}

static void caches_nobody_knows_are_in_no_score(void **state)
{
	struct fidelity *f = three_snapshots();

	(void)state;
	cache(f, "a", U64S(10, 20, 10), U64S(10, 20, 10));
	for (size_t i = 0; i < 3; i++) {
		slabs(&f->snaps[i].simulated, "trace_only", 50 * i, 1);
		slabs(&f->snaps[i].recorded, "quiet", 50 * i, 1); /* no activity */
	}
	fidelity_active_add(f, "trace_only");
	fidelity_compute(f);
	assert_int_equal(f->nr_caches, 1);
	assert_int_equal(f->nr_unknown, 1);
	assert_string_equal(f->unknown[0], "trace_only");
	close_to(f->pooled.score[FIDELITY_SLAB_CHANGE], 0);
	/* No free lists were seen: no score, and no limit that is met. */
	assert_true(isnan(f->pooled.score[FIDELITY_FREE]));
	fidelity_free(f);
}

static void a_cache_may_come_later(void **state)
{
	struct fidelity *f = three_snapshots();

	(void)state;
	slabs(&f->snaps[2].recorded, "module", 6, 1);
	slabs(&f->snaps[2].simulated, "module", 3, 1);
	fidelity_active_add(f, "module");
	fidelity_compute(f);
	close_to(f->pooled.score[FIDELITY_SLAB_CHANGE], 0.5);
	fidelity_free(f);
}

static void limits(void **state)
{
	struct fidelity_scores s = {{0.3, 1, 0.1, 0.2, NAN, NAN}};
	struct fidelity_limit l;
	struct err e;

	(void)state;
	assert_int_equal(fidelity_limit_parse(&l, "slab_change_error>0.3", &e), 0);
	assert_false(fidelity_limit_missed(&l, &s));
	assert_int_equal(fidelity_limit_parse(&l, "slab_change_error > 0.29", &e), 0);
	assert_true(fidelity_limit_missed(&l, &s));
	assert_int_equal(fidelity_limit_parse(&l, "slab_error_idle<0.2", &e), 0);
	assert_false(fidelity_limit_missed(&l, &s));
	assert_int_equal(fidelity_limit_parse(&l, "slab_error_idle<.25", &e), 0);
	assert_true(fidelity_limit_missed(&l, &s));
	assert_int_equal(fidelity_limit_parse(&l, "free_error>9", &e), 0);
	assert_true(fidelity_limit_missed(&l, &s));
	assert_int_equal(fidelity_limit_parse(&l, "slab_eror>1", &e), -1);
	assert_says(e.msg, "did you mean 'slab_error'?");
	assert_int_equal(fidelity_limit_parse(&l, "slab_error", &e), -1);
	assert_says(e.msg, "SCORE>NUMBER");
	assert_int_equal(fidelity_limit_parse(&l, "slab_error>much", &e), -1);
	assert_says(e.msg, "no number");
	assert_int_equal(fidelity_limit_parse(&l, "slab_error>1x", &e), -1);
	assert_says(e.msg, "no number");
	assert_int_equal(fidelity_limit_parse(&l, ">1", &e), -1);
}

static void marks(void **state)
{
	struct snap_mark m;

	(void)state;
	assert_true(snap_mark_parse(&m, "SNAP before begin slabinfo"));
	assert_true(snap_mark_labels(&m, "before") && !m.end);
	assert_false(snap_mark_labels(&m, "befor") || snap_mark_labels(&m, "before "));
	assert_string_equal(m.file, "slabinfo");
	assert_true(snap_mark_parse(&m, "SNAP a begin shrink"));
	assert_true(snap_mark_parse(&m, "SNAP a end slabinfo0"));
	assert_true(m.end);
	assert_string_equal(m.file, "slabinfo0");
	assert_false(snap_mark_parse(&m, "SNAP a begin"));
	assert_false(snap_mark_parse(&m, "SNAP a ends slabinfo"));
	assert_false(snap_mark_parse(&m, "begin"));
	assert_false(snap_mark_parse(&m, ""));
}

/* ---- Files ---- */

static void prints(void (*print)(FILE *f, const struct proc_state *s), const struct proc_state *s,
		   const char *expected)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	print(f, s);
	fclose(f);
	assert_string_equal(text, expected);
	free(text);
}

/* Lines of a machine's /proc. */
static void files_are_the_kernels(void **state)
{
	struct proc_state s = {0};
	struct proc_zone *z;

	(void)state;
	proc_slab_add(&s, &(struct proc_slab){"kmalloc-2k", 204, 224, 2048, 16, 8, 14, 14});
	proc_slab_add(&s, &(struct proc_slab){"ext4_allocation_context", 0, 0, 136, 30, 1, 0, 0});
	proc_state_sort(&s);
	prints(proc_print_slabinfo, &s,
	       "slabinfo - version: 2.1\n"
	       "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : "
	       "tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> "
	       "<sharedavail>\n"
	       "ext4_allocation_context      0      0    136   30    1 : tunables    0    0    0 : "
	       "slabdata      0      0      0\n"
	       "kmalloc-2k           204    224   2048   16    8 : tunables    0    0    0 : "
	       "slabdata     14     14      0\n");
	z = proc_zone_of(&s, 0, "DMA");
	*z = (struct proc_zone){.node = 0,
				.zone = "DMA",
				.has_free = true,
				.has_types = true,
				.has_blocks = true,
				.nr_free = {0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 3},
				.type_free = {{0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0},
					      {100000, 99999, 0, 0, 0, 0, 0, 0, 0, 1, 3}},
				.type_blocks = {1, 7, 0, 0, 0}};
	prints(proc_print_buddyinfo, &s,
	       "Node 0, zone      DMA      0      0      0      0      0      0      1      1      "
	       "0      1      3 \n");
	prints(proc_print_pagetypeinfo, &s,
	       "Page block order: 9\nPages per block:  512\n\n"
	       "Free pages count per migrate type at order       0      1      2      3      4     "
	       " "
	       "5      6      7      8      9     10 \n"
	       "Node    0, zone      DMA, type    Unmovable      0      0      0      0      0     "
	       " "
	       "0      1      1      0      0      0 \n"
	       "Node    0, zone      DMA, type      Movable >100000  99999      0      0      0    "
	       " "
	       " 0      0      0      0      1      3 \n"
	       "Node    0, zone      DMA, type  Reclaimable      0      0      0      0      0     "
	       " "
	       "0      0      0      0      0      0 \n"
	       "Node    0, zone      DMA, type   HighAtomic      0      0      0      0      0     "
	       " "
	       "0      0      0      0      0      0 \n"
	       "Node    0, zone      DMA, type      Isolate      0      0      0      0      0     "
	       " "
	       "0      0      0      0      0      0 \n"
	       "\n"
	       "Number of blocks type     Unmovable      Movable  Reclaimable   HighAtomic      "
	       "Isolate \n"
	       "Node 0, zone      DMA            1            7            0            0          "
	       "  "
	       "0 \n");
	proc_state_free(&s);
}

/* ---- The sink ---- */

static void sample_mark(struct sink *s, u64 t_ns, const char *text, u64 nr_slabs, u64 nr_free)
{
	const u64 list[SINK_NR_ORDERS] = {nr_free};
	struct sink_slab b = {.t_ns = t_ns, .cache = "a", .num_slabs = nr_slabs, .pagesperslab = 1};

	s->ops->mark(s, t_ns, text);
	s->ops->free_area(s, t_ns, 0, "DMA32", "Movable", list);
	s->ops->free_area(s, t_ns, 0, "DMA32", "Unmovable", list);
	s->ops->slab(s, &b);
	s->ops->mark(s, t_ns, NULL);
}

static double number(struct db *db, const char *sql)
{
	struct err e;
	s64 v;

	if (db_number(db, sql, &v, &e))
		fail_msg("%s", e.msg);
	return (double)v;
}

static void run_into(struct sink *s)
{
	const u64 list[SINK_NR_ORDERS] = {5};
	struct err e;

	s->ops->begin(s, &(struct sink_run){.label = "plain",
					    .load = "l",
					    .stack = "pages=p() slab=s()",
					    .machine = "kmemsim: machine/1\n",
					    .input = "l.kmt",
					    .command = "kmemsim fidelity l.kmt"});
	s->ops->free_area(s, 1, 0, "DMA32", "Movable", list); /* an ordinary sample */
	sample_mark(s, 0, MARK_TIME_ZERO, 99, 6); /* until the first snapshot's own marks */
	sample_mark(s, 10, "SNAP before begin slabinfo", 100, 7);
	sample_mark(s, 11, "SNAP before begin buddyinfo", 101, 8);
	sample_mark(s, 20, "SNAP mid begin slabinfo", 110, 9);
	sample_mark(s, 21, "SNAP mid begin buddyinfo", 111, 10);
	sample_mark(s, 22, "SNAP nobody begin slabinfo", 1000, 11);
	sample_mark(s, 23, "something else", 1000, 11);
	assert_int_equal(s->ops->end(s, &(struct sink_end){.status = "ok"}, &e), 0);
}

/* A warm start may begin after the first snapshot's marks: then it is time zero. */
static void time_zero_is_the_first_snapshot(void **state)
{
	struct fidelity *f = three_snapshots();
	struct fidelity_sink *s = fidelity_sink_new(f, NULL);
	struct sink *base = fidelity_sink_base(s);
	struct err e;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		f->snaps[i].has_slabs = f->snaps[i].has_free = false;
		slabs(&f->snaps[i].recorded, "a", 50 + 5 * i, 1);
		proc_zone_of(&f->snaps[i].recorded, 0, "DMA32")->nr_free[0] = 30;
	}
	fidelity_active_add(f, "a");
	sample_mark(base, 0, MARK_TIME_ZERO, 40, 6);
	sample_mark(base, 20, "SNAP mid begin slabinfo", 43, 9);
	assert_int_equal(base->ops->end(base, &(struct sink_end){.status = "ok"}, &e), 0);
	assert_true(f->snaps[0].has_slabs && f->snaps[0].has_free);
	assert_int_equal(f->caches[0].at[0].simulated, 40 * PROC_PAGE_BYTES);
	close_to(f->pooled.score[FIDELITY_SLAB_CHANGE], 2.0 / 5);
	fidelity_sink_free(s);
	fidelity_free(f);
}

/* What is at a mark goes to its snapshot; all else, and the result, to the database. */
static void sink_collects_and_hands_on(void **state)
{
	struct fidelity *f = three_snapshots();
	struct db *db;
	struct sink *next;
	struct fidelity_sink *s;
	struct err e;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		f->snaps[i].has_slabs = f->snaps[i].has_free = false;
		slabs(&f->snaps[i].recorded, "a", 50 + 5 * i, 1);
		proc_zone_of(&f->snaps[i].recorded, 0, "DMA32")->nr_free[0] = 30;
	}
	fidelity_active_add(f, "a");
	db = db_open(results_path, DB_WRITE, &e);
	assert_non_null(db);
	next = db_sink_new(db);
	s = fidelity_sink_new(f, next);
	run_into(fidelity_sink_base(s));
	assert_int_equal(f->snaps[1].t_ns, 20);
	assert_false(f->snaps[2].has_slabs); /* the run ended before */
	assert_int_equal(f->caches[0].at[1].simulated, 110 * PROC_PAGE_BYTES);
	assert_int_equal(f->areas[0].at[1].simulated, 20);
	close_to(f->pooled.score[FIDELITY_SLAB_CHANGE], 1); /* 10 instead of 5 */
	close_to(f->pooled.score[FIDELITY_FREE], 10.0 / 30);
	assert_true(number(db, "SELECT count(*) FROM free_area_view") == SINK_NR_ORDERS);
	assert_true(number(db, "SELECT count(*) FROM fidelity_view WHERE kind = 'slab'") == 2);
	assert_true(number(db, "SELECT simulated FROM fidelity_view WHERE snapshot = 'mid' AND "
			       "name = '0/DMA32/0'") == 20);
	assert_true(number(db, "SELECT 1000 * value FROM summary_view WHERE metric = "
			       "'slab_error'") == 1000);
	assert_true(number(db, "SELECT count(*) FROM summary_view WHERE metric LIKE '%_error%'") ==
		    NR_SNAPSHOT_SCORES);
	fidelity_sink_free(s);
	db_sink_free(next);
	db_close(db);
	fidelity_free(f);
}

/* Nothing, 1000 pages, 1200 pages recorded; 1, 1010 and 1140 simulated, and a fourth not seen. */
static void the_worst_reading_is_the_stores_score(void **state)
{
	static const u64 recorded[] = {0, 1000, 1200, 1300}, simulated[] = {1, 1010, 1140};
	static const char *const names[] = {"a", "b", "c", "d"};
	struct fidelity *f = three_snapshots();
	struct fidelity_sink *s = fidelity_sink_new(f, NULL);
	struct sink *base = fidelity_sink_base(s);
	char *text = NULL;
	size_t n;
	FILE *out;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(recorded); i++)
		fidelity_store_add(f, names[i], names[i])->recorded[FIDELITY_MEM_USED_TOTAL] =
			recorded[i] * PROC_PAGE_BYTES;
	for (size_t i = 0; i < ARRAY_SIZE(simulated); i++) {
		base->ops->mark(base, i, names[i]);
		base->ops->store(base, &(struct sink_store){.t_ns = i, .pages = simulated[i]});
		base->ops->mark(base, i, NULL);
		base->ops->store(base, &(struct sink_store){.t_ns = i, .pages = 7}); /* a sample */
	}
	fidelity_compute(f);
	close_to(f->store[1].error, 0.01);
	close_to(f->store[2].error, 0.05);
	assert_true(isnan(f->store[0].error) && isnan(f->store[3].error));
	close_to(f->pooled.score[FIDELITY_STORE], 0.05);
	close_to(f->pooled.score[FIDELITY_STORE_IDLE], 1);
	out = open_memstream(&text, &n);
	fidelity_json_store(out, f);
	fclose(out);
	assert_says(text, "\"label\": \"c\", \"t_ns\": 2, \"error\": 0.05, "
			  "\"recorded_mem_used_total\": 4915200, "
			  "\"simulated_mem_used_total\": 4669440");
	assert_says(text, "\"error\": null, \"recorded_mem_used_total\": 5324800, "
			  "\"simulated_mem_used_total\": null");
	free(text);
	fidelity_sink_free(s);
	fidelity_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doing_nothing_scores_one),
		cmocka_unit_test(keeping_the_first_state_is_idle),
		cmocka_unit_test(the_same_changes_from_elsewhere_are_no_error),
		cmocka_unit_test(closed_form),
		cmocka_unit_test(caches_nobody_knows_are_in_no_score),
		cmocka_unit_test(a_cache_may_come_later),
		cmocka_unit_test(limits),
		cmocka_unit_test(marks),
		cmocka_unit_test(files_are_the_kernels),
		cmocka_unit_test(time_zero_is_the_first_snapshot),
		cmocka_unit_test(the_worst_reading_is_the_stores_score),
		cmocka_unit_test_setup_teardown(sink_collects_and_hands_on, results_setup,
						results_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
