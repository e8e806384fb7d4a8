/*
 * mm_stat: what is read of it, what it makes of a load, what is refused.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/units.h"
#include "tests/snapshots_lab.h"
#include "tests/test.h"
#include "tests/traces_lab.h"
#include "traces/mm_stat.h"
#include "traces/snapshots_load.h"

#define ROW(label, compacted, uptime)                                                              \
	label " zram0 4096 9312155 10047488 0 10047488 1 " compacted " 577 577 " uptime "\n"

static struct mm_stat_row *rows;
static size_t nr;

static int read_rows(const char *text, struct err *e)
{
	struct scan s = scan_text("mm_stat", text, strlen(text));

	return parse_mm_stat(&s, &rows, &nr, e);
}

static void good(const char *text)
{
	struct err e = {""};

	if (read_rows(text, &e))
		fail_msg("%s", e.msg);
}

static void rows_are_read(void **state)
{
	(void)state;
	good(ROW("before", "0", "17.18") "\n" ROW("filled", "86", "18.7"));
	assert_int_equal(nr, 2);
	assert_string_equal(rows[1].label, "filled");
	assert_string_equal(rows[1].device, "zram0");
	assert_int_equal(rows[0].uptime_ns, 17180000000ULL);
	assert_int_equal(rows[1].uptime_ns, 18700000000ULL);
	assert_int_equal(rows[1].value[MM_STAT_ORIG_DATA_SIZE], 4096);
	assert_int_equal(rows[1].value[MM_STAT_MEM_USED_TOTAL], 10047488);
	assert_int_equal(rows[1].value[MM_STAT_PAGES_COMPACTED], 86);
	assert_int_equal(rows[1].value[MM_STAT_HUGE_PAGES_SINCE], 577);
	mm_stat_free(rows, nr);
	good("");
	assert_int_equal(nr, 0);
}

/* Linux 4.x has seven columns, 5.x eight. */
static void older_kernels(void **state)
{
	(void)state;
	good("a zram0 1 2 3 4 5 6 7 8.09\n");
	assert_int_equal(rows[0].value[MM_STAT_PAGES_COMPACTED], 7);
	assert_int_equal(rows[0].value[MM_STAT_HUGE_PAGES], 0);
	assert_int_equal(rows[0].uptime_ns, 8090000000ULL);
	mm_stat_free(rows, nr);
	good("a zram0 1 2 3 4 5 6 7 8 9.10\n");
	assert_int_equal(rows[0].value[MM_STAT_HUGE_PAGES], 8);
	mm_stat_free(rows, nr);
}

static void refusals(void **state)
{
	static const struct {
		const char *text, *words;
	} all[] = {
		{"before\n", "mm_stat:1:7: the device is missing"},
		{"before zram0 1 2 3\n", "mm_stat:1:19: 3 columns behind the device"},
		{"before zram0 1 2 3 4 5 6 7\n", "7 columns behind the device"},
		{"a zram0 1 2 3 4 5 6 7 8 9 1.0 2\n", "1:31: '2': nothing more is wanted"},
		{"a zram0 1 x 3 4 5 6 7 1.0\n", "1:11: compr_data_size: 'x' is not a number"},
		{"a zram0 1 2 -3 4 5 6 7 1.0\n", "1:13: mem_used_total: '-3' is negative"},
		{"a zram0 1 2 3 4 5 6 7 8\n", "1:23: uptime: '8' has no decimal point"},
		{"a zram0 1 2 3 4 5 6 7 8.\n", "1:25: uptime: a number is missing"},
		{"a zram0 1 2 3 4 5 6 7 .8\n", "uptime: a number is missing"},
		{"a zram0 1 2 3 4 5 6 7 8.x\n", "1:25: uptime: 'x' is not a number"},
		{"a zram0 1 2 3 4 5 6 7 99999999999.0\n", "more than a hundred years"},
		{ROW("a", "0", "2.0") ROW("b", "0", "1.9"), "2:1: the uptime is before that"},
		{ROW("a", "0", "2.0") "b zram1 1 2 3 4 5 6 7 8 9 3.0\n",
		 "2:1: 'zram1', and 'zram0' above"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct err e = {""};

		if (!read_rows(all[i].text, &e))
			fail_msg("taken: %s", all[i].text);
		assert_says(e.msg, all[i].words);
		assert_null(rows);
	}
}

static void a_mark_has_all_of_it(void **state)
{
	struct mm_stat_row again;
	char *text;

	(void)state;
	good(ROW("filled", "86", "18.77"));
	text = mm_stat_mark(&rows[0]);
	assert_true(mm_stat_mark_parse(&again, text));
	assert_string_equal(again.label, "filled");
	assert_int_equal(again.uptime_ns, rows[0].uptime_ns);
	assert_memory_equal(again.value, rows[0].value, sizeof(again.value));
	free(again.label);
	free(again.device);
	free(text);
	mm_stat_free(rows, nr);
	assert_false(mm_stat_mark_parse(&again, "SNAP before begin slabinfo"));
	assert_false(mm_stat_mark_parse(&again, "mm_stat of nobody"));
	assert_false(mm_stat_mark_parse(&again, "mm_stat "));
}

/* ---- What it makes of a load ---- */

#define TICK MM_STAT_TICK_NS

/* An object on a page of the store, by this task. */
static void lab_store(struct traces_lab *lab, u64 pfn, u32 pid)
{
	lab->pid = pid;
	lab_event(lab, RAW_STORE_ALLOC, 0, 1000);
	lab_page_alloc(lab, pfn, 0, 0xcc0);
	lab_event(lab, RAW_STORE_ALLOC_RET, LAB_ADDR(0xc0, 8 * pfn), 0);
}

static void lab_rows(struct traces_lab *lab, const char *text)
{
	good(text);
	traces_lab_begin(lab);
	raw_sink_mm_stat(lab->sink, rows, nr);
}

/* Where the requests of these kinds stand. */
static void expect_around(struct traces_lab *lab, const char *want)
{
	char got[1024] = "";

	traces_lab_end(lab);
	for (char *line = strtok(lab->text, "\n"); line; line = strtok(NULL, "\n")) {
		char *kind = strchr(line, ' ') + 1;

		if (!strncmp(kind, "mark mm_stat", 12))
			line[(size_t)(kind - line) + 14] = '\0';
		else if (strncmp(kind, "store_compact", 13))
			continue;
		strcat(strcat(got, line), "\n");
	}
	if (strcmp(got, want))
		fail_msg("Expected\n%sWas\n%s", want, got);
	traces_lab_close(lab);
	mm_stat_free(rows, nr);
}

/*
 * 10 ms: the row a was read. 20 ms: task 1 frees a handle, and its page goes with it. 30 ms: task 2
 * gives a page back, without a handle. 40 ms: b.
 */
static void compaction_is_where_pages_go_back(void **state)
{
	struct traces_lab lab;

	(void)state;
	lab_rows(&lab, ROW("a", "0", "0.01") ROW("b", "2", "0.04"));
	lab_store(&lab, 0xd0, 1);
	lab_store(&lab, 0xd1, 1);
	lab_store(&lab, 0xd2, 1);
	lab.t_ns = 2 * TICK;
	lab_event(&lab, RAW_STORE_FREE, LAB_ADDR(0xc0, 8 * 0xd0), 0);
	lab_page_free(&lab, 0xd0, 0);
	lab.t_ns = 3 * TICK;
	lab.pid = 2;
	lab.cpu = 3;
	lab_page_free(&lab, 0xd1, 0);
	lab_page_free(&lab, 0xd2, 0);
	lab.t_ns = 6 * TICK;
	lab_page_alloc(&lab, 0x100, 0, 0xcc0);
	expect_around(&lab, "10000000 mark mm_stat a\n"
			    "30000000 store_compact #0\n"
			    "50000000 mark mm_stat b\n");
}

/* Its pages are older than the trace: it is put before the reading that tells of it. */
static void compaction_that_nothing_shows(void **state)
{
	struct traces_lab lab;

	(void)state;
	lab_rows(&lab, ROW("a", "0", "0.01") ROW("b", "2", "0.04") ROW("c", "2", "0.05"));
	lab_store(&lab, 0xd0, 1);
	lab.t_ns = 6 * TICK;
	lab_store(&lab, 0xd1, 1);
	expect_around(&lab, "10000000 mark mm_stat a\n"
			    "50000000 store_compact #0\n"
			    "50000000 mark mm_stat b\n"
			    "60000000 mark mm_stat c\n");
}

/* Pages go back all the time: without a rise of pages_compacted that is no compaction. */
static void no_compaction(void **state)
{
	struct traces_lab lab;

	(void)state;
	lab_rows(&lab, ROW("a", "7", "0.01") ROW("b", "7", "0.03"));
	lab_store(&lab, 0xd0, 1);
	lab.t_ns = 3 * TICK;
	lab.pid = 2;
	lab_page_free(&lab, 0xd0, 0);
	lab.t_ns = 5 * TICK;
	lab_page_alloc(&lab, 0x100, 0, 0xcc0);
	expect_around(&lab, "20000000 mark mm_stat a\n"
			    "40000000 mark mm_stat b\n");
}

/* Four pages are there, one of a single word, one that the trace has seen: two are older than it.
 * One of these is freed, the other is there to the end. A third was freed before it was read. */
static void what_was_stored_before_the_trace(void **state)
{
	struct traces_lab lab;

	(void)state;
	lab_rows(&lab, "a zram0 16384 3000 8192 0 8192 1 0 0 0 0.00\n");
	lab_event(&lab, RAW_STORE_FREE, LAB_ADDR(0xc0, 8), 0);
	lab_store(&lab, 0xd0, 1);
	lab.t_ns = 2 * TICK;
	lab_event(&lab, RAW_STORE_FREE, LAB_ADDR(0xc0, 16), 0);
	lab_expect(&lab,
		   "0 store_alloc #0 1000 birth\n"
		   "0 store_alloc #1 1000 birth\n"
		   "0 store_alloc #2 1000 birth\n"
		   "0 store_free #1\n"
		   "30 store_alloc #1 1000\n"
		   "10000000 mark mm_stat a zram0 16384 3000 8192 0 8192 1 0 0 0 0.000000000\n"
		   "20000000 store_free #2\n");
	assert_int_equal(lab_stats(&lab)->store_residents, 1);
	assert_int_equal(lab_stats(&lab)->orphan_births, 2);
	traces_lab_close(&lab);
	mm_stat_free(rows, nr);
}

/* ---- Whose it is ---- */

static void of_this_recording(void **state)
{
	const char *pairs[] = {"01-x/slabinfo", lab_slabinfo, "mm_stat", ROW("a", "0", "17.18"),
			       NULL};
	struct source_mark mark = {.text = "SNAP x begin slabinfo"};
	struct snapshots_trace t = {.name = "trace.dat", .marks = &mark, .nr_marks = 1};
	struct snapshots s;
	char *warning;
	struct err e;

	(void)state;
	lab_snapshots(&s, pairs);
	assert_int_equal(s.nr_mm_stat, 1);
	t.t_first_ns = 15 * NSEC_PER_SEC;
	t.t_last_ns = 20 * NSEC_PER_SEC;
	assert_int_equal(snapshots_check(&s, &t, &warning, &e), 0);
	t.t_last_ns = 16 * NSEC_PER_SEC;
	assert_int_equal(snapshots_check(&s, &t, &warning, &e), -1);
	assert_says(e.msg, "mm_stat of another recording: row 'a' is of 17.18 s");
	snapshots_close(&s);
}

static void a_bad_file_names_its_place(void **state)
{
	const char *pairs[] = {"01-x/slabinfo", lab_slabinfo, "mm_stat", "a zram0 1\n", NULL};
	struct snapshot_files f = lab_folder(pairs);
	struct snapshots s;
	struct err e = {""};

	(void)state;
	assert_int_equal(snapshots_parse(&s, &f, &e), -1);
	assert_says(e.msg, "dir/mm_stat:1:10: 1 columns behind the device");
	snapshot_files_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_read),
		cmocka_unit_test(older_kernels),
		cmocka_unit_test(refusals),
		cmocka_unit_test(a_mark_has_all_of_it),
		cmocka_unit_test(compaction_is_where_pages_go_back),
		cmocka_unit_test(compaction_that_nothing_shows),
		cmocka_unit_test(no_compaction),
		cmocka_unit_test(what_was_stored_before_the_trace),
		cmocka_unit_test(of_this_recording),
		cmocka_unit_test(a_bad_file_names_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
