/*
 * The warm start. Slabs of four objects are drawn as the births make them: L somebody the load
 * knows, r a resident nobody knows, . a placeholder that is freed before time zero.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"
#include "tests/traces_lab.h"
#include "traces/warm.h"

#define ZERO "SNAP before end shrink"

static struct traces_lab lab;
static struct warm_report report;
static char drawn[512];

/* One cache of four objects a page, in two snapshots. */
static struct snapshot_slab first = {"thing", 0, 0, 1000, 4, 1, 0, 0};
static struct snapshot_slab last = {"thing", 0, 0, 1000, 4, 1, 0, 0};
static struct snapshot_sysfs sysfs = {.cache = "thing"};
static struct snapshot_zone zones[2] = {
	{.node = 0, .zone = "DMA32", .start_pfn = 1, .spanned = 0xfff},
	{.node = 1, .zone = "Normal", .start_pfn = 0x1000, .spanned = 0x1000},
};
static struct snapshot snaps[2] = {
	{.label = "before", .slabs0 = &first, .nr_slabs0 = 1, .zones = zones, .nr_zones = 2},
	{.label = "after", .slabs = &last, .nr_slabs = 1, .zones = zones, .nr_zones = 2},
};
static struct snapshots snapshots = {.dir = "drawn", .snaps = snaps, .nr_snaps = 2};

static void slabs(struct snapshot_slab *s, u64 active, u64 nr)
{
	s->active_objs = active;
	s->num_objs = nr * s->objperslab;
	s->num_slabs = s->active_slabs = nr;
}

static int begin(void **state)
{
	(void)state;
	traces_lab_begin(&lab);
	memset(&report, 0, sizeof(report));
	sysfs = (struct snapshot_sysfs){.cache = "thing"};
	snaps[0].sysfs = &sysfs;
	snaps[0].nr_sysfs = 0;
	*drawn = '\0';
	return 0;
}

static int end(void **state)
{
	(void)state;
	warm_report_free(&report);
	traces_lab_close(&lab);
	return 0;
}

static void alloc(u64 pfn, unsigned int slot)
{
	lab_cache_alloc(&lab, LAB_ADDR(pfn, slot * 1024), 1000, 1024, "make+0x1", NULL);
}

static void freed(u64 pfn, unsigned int slot)
{
	lab_cache_free(&lab, LAB_ADDR(pfn, slot * 1024), "thing");
}

static void zero(void)
{
	lab_mark(&lab, ZERO);
	lab_mark(&lab, "SNAP before end slabinfo0");
}

static struct source *open_warm(struct err *e)
{
	struct source *kmt = kmt_open(lab.path, e);

	assert_non_null(kmt);
	return warm_open(kmt, &snapshots, &report, e);
}

static bool is_freed(const struct request *q, long n, u32 object)
{
	for (long i = 0; i < n; i++)
		if (q[i].kind == REQ_CACHE_FREE && q[i].object == object)
			return true;
	return false;
}

/* Slabs of the births, in order; a number in front where the node is another. */
static void draw(struct source *s)
{
	u64 known = lab.source->tables.nr_objects_max, nr = 0;
	const struct request *q;
	struct err e;
	long n = s->ops->next(s, &q, &e);

	assert_true(n >= 0);
	for (long i = 0; i < n; i++) {
		size_t at = strlen(drawn);

		assert_true(q[i].flags & REQ_F_BIRTH);
		if (q[i].kind == REQ_SHRINK)
			break;
		if (q[i].kind != REQ_CACHE_ALLOC)
			continue;
		if (nr++ % 4 == 0)
			at += (size_t)snprintf(drawn + at, sizeof(drawn) - at,
					       "%s%d:", nr > 1 ? " " : "", q[i].node);
		drawn[at] = q[i].object < known ? 'L' : is_freed(q, n, q[i].object) ? '.' : 'r';
		drawn[at + 1] = '\0';
	}
}

static void expect(const char *want)
{
	struct err e = {{0}};
	struct source *s;

	lab_mark(&lab, "SNAP after end slabinfo");
	traces_lab_end(&lab);
	s = open_warm(&e);
	if (!s)
		fail_msg("%s", e.msg);
	draw(s);
	s->ops->close(s);
	if (strcmp(drawn, want))
		fail_msg("Expected %s Was %s", want, drawn);
}

/* Page 0x10 has somebody who is freed later and a slot that is given out later; the rest of the
 * snapshot's six objects are somewhere. */
static void begin_two_known(void)
{
	zero();
	freed(0x10, 0);
	alloc(0x10, 1);
	slabs(&first, 6, 3);
	slabs(&last, 6, 3);
}

static void known_slots_stay(void **state)
{
	(void)state;
	begin_two_known();
	expect("0:L... 0:rr.. 0:rrr.");
	assert_int_equal(report.slabs_wanted, 3);
	assert_int_equal(report.slabs_made, 3);
	assert_int_equal(report.objs_made, 6);
	assert_int_equal(report.nr_missed, 0);
}

/* sysfs tells of one more partial slab: all free slots that fit go there. */
static void partial_slabs_of_sysfs(void **state)
{
	(void)state;
	begin_two_known();
	snaps[0].nr_sysfs = 1;
	sysfs.slabs = sysfs.node_slabs[0] = 3;
	sysfs.objects = sysfs.node_objects[0] = 6;
	sysfs.partial = sysfs.node_partial[0] = 2;
	expect("0:L... 0:r... 0:rrrr");
}

/* Slabs of the other node that nobody saw. */
static void nodes_of_sysfs(void **state)
{
	(void)state;
	begin_two_known();
	snaps[0].nr_sysfs = 1;
	sysfs.slabs = 3;
	sysfs.node_slabs[0] = 1;
	sysfs.node_slabs[1] = 2;
	sysfs.objects = 6;
	sysfs.node_objects[0] = 2;
	sysfs.node_objects[1] = 4;
	sysfs.partial = sysfs.node_partial[1] = 1;
	expect("0:Lr.. 1:r... 1:rrr.");
}

/* The free objects of CPU slabs count as active: a later snapshot shows how many were. */
static void fewest_residents_count(void **state)
{
	(void)state;
	begin_two_known();
	slabs(&last, 4, 3);
	expect("0:L... 0:r... 0:rr..");
}

/* Never fewer than are known to live. */
static void known_ones_live(void **state)
{
	(void)state;
	zero();
	freed(0x10, 0);
	freed(0x10, 1);
	freed(0x1010, 1);
	slabs(&first, 1, 2);
	slabs(&last, 0, 2);
	expect("0:LL.. 1:L...");
}

/* The page went back: nobody was there but those who were freed. */
static void dead_slabs_hide_nobody(void **state)
{
	(void)state;
	zero();
	freed(0x10, 0);
	lab_page_free(&lab, 0x10, 0);
	slabs(&first, 5, 2);
	slabs(&last, 4, 1);
	expect("0:L... 0:rrrr");
}

/* Nobody lives in the slab, so a CPU has it: it takes an object after the shrink and gives it back.
 * No slab is among the births before. */
static void empty_slabs_are_of_cpus(void **state)
{
	(void)state;
	zero();
	alloc(0x10, 0);
	freed(0x10, 0);
	lab_page_free(&lab, 0x10, 0);
	slabs(&first, 4, 1);
	slabs(&last, 0, 0);
	expect("");
	assert_int_equal(report.slabs_made, 1);
	assert_int_equal(report.objs_made, 0);
}

/* However many CPUs there are: the one that used the cache has the slab. */
static void empty_slab_of_a_high_cpu(void **state)
{
	const struct request *q;
	struct source *s;
	struct err e = {{0}};
	long n;

	(void)state;
	raw_sink_cpus(lab.sink, 80);
	lab.cpu = 70;
	alloc(0x20, 0);
	freed(0x20, 0);
	lab_page_free(&lab, 0x20, 0);
	lab.cpu = 0;
	zero();
	alloc(0x10, 0);
	freed(0x10, 0);
	lab_page_free(&lab, 0x10, 0);
	slabs(&first, 4, 1);
	slabs(&last, 0, 0);
	lab_mark(&lab, "SNAP after end slabinfo");
	traces_lab_end(&lab);
	s = open_warm(&e);
	assert_non_null(s);
	n = s->ops->next(s, &q, &e);
	assert_true(n > 2);
	assert_int_equal(q[n - 2].kind, REQ_CACHE_ALLOC);
	assert_int_equal(q[n - 2].cpu, 70);
	s->ops->close(s);
}

/* Slots that were free in slabs that were not yet there. */
static void no_slabs_are_invented(void **state)
{
	(void)state;
	zero();
	freed(0x10, 0);
	alloc(0x20, 1);
	slabs(&first, 4, 1);
	slabs(&last, 4, 2);
	expect("0:Lrrr");
}

/* Time begins at time zero; what was before is gone, marks have their new numbers. */
static void time_is_shifted(void **state)
{
	const struct request *q;
	struct source *s;
	struct err e;
	long n;

	(void)state;
	lab_mark(&lab, "earlier");
	alloc(0x10, 0);
	begin_two_known();
	lab_mark(&lab, "SNAP after end slabinfo");
	traces_lab_end(&lab);
	s = open_warm(&e);
	assert_non_null(s);
	assert_int_equal(s->tables.nr_marks, 3);
	assert_string_equal(s->tables.marks[0].text, ZERO);
	assert_int_equal(s->tables.duration_ns, 40);
	for (int twice = 0; twice < 2; twice++) {
		n = s->ops->next(s, &q, &e);
		assert_true(n > 0);
		assert_int_equal(q[n - 1].kind, REQ_SHRINK);
		assert_int_equal(s->tables.nr_requests, n + 5);
		n = s->ops->next(s, &q, &e);
		assert_int_equal(n, 5);
		assert_int_equal(q[0].kind, REQ_MARK);
		assert_int_equal(q[0].object, 0);
		assert_int_equal(q[2].kind, REQ_CACHE_FREE);
		assert_int_equal(q[2].t_ns, 20);
		assert_int_equal(s->ops->next(s, &q, &e), 0);
		assert_int_equal(s->ops->rewind(s, &e), 0);
	}
	s->ops->close(s);
}

/* Held pages have their frames, and their births come first. */
static void pages_have_places(void **state)
{
	const struct request *q;
	struct source *s;
	struct err e;

	(void)state;
	lab_page_alloc(&lab, 0x14, 2, 0x100cca);
	lab_page_alloc(&lab, 0x20, 0, GFP_KERNEL | __GFP_MOVABLE | __GFP_RECLAIMABLE);
	zero();
	lab_page_free(&lab, 0x14, 2);
	lab_page_free(&lab, 0x1041, 0);
	lab_mark(&lab, "SNAP after end slabinfo");
	traces_lab_end(&lab);
	s = open_warm(&e);
	assert_non_null(s);
	assert_int_equal(s->tables.pages->nr_places, 3);
	assert_int_equal(s->tables.pages->places[0].pfn, 0x14);
	assert_int_equal(s->tables.pages->places[0].order, 2);
	assert_int_equal(s->tables.pages->places[0].migratetype, 1);
	/* Both mobility bits: the kernel takes it for unmovable. */
	assert_int_equal(s->tables.pages->places[1].pfn, 0x20);
	assert_int_equal(s->tables.pages->places[1].migratetype, 0);
	assert_int_equal(s->tables.pages->places[2].pfn, 0x1041);
	assert_true(s->ops->next(s, &q, &e) >= 3);
	assert_int_equal(q[0].kind, REQ_PAGE_ALLOC);
	assert_int_equal(q[1].kind, REQ_PAGE_ALLOC);
	s->ops->close(s);
}

/* What zoneinfo has of a zone's LRU lists and of zsmalloc: all of it, or it is not known. */
static u64 target_of(const struct snapshot_zone *zone, bool *knows, u64 *hash)
{
	const struct snapshot_zone before = zones[0];
	struct source *s;
	struct err e;
	u64 pages;

	warm_report_free(&report);
	zones[0] = *zone;
	s = open_warm(&e);
	zones[0] = before;
	assert_non_null(s);
	assert_int_equal(s->tables.pages->nr_zones, 1);
	*knows = s->tables.pages->zones[0].knows_movable;
	pages = s->tables.pages->zones[0].movable_pages;
	*hash = s->tables.input_hash;
	s->ops->close(s);
	return pages;
}

static void movable_pages_of_zones(void **state)
{
	struct snapshot_zone zone = zones[0];
	u64 hash[3];
	bool knows;

	(void)state;
	lab_page_alloc(&lab, 0x20, 0, GFP_KERNEL);
	zero();
	lab_mark(&lab, "SNAP after end slabinfo");
	traces_lab_end(&lab);
	zone.has_buddy = true;
	for (unsigned int i = 0; i < SNAPSHOT_LRUS; i++)
		zone.lru[i] = 1ULL << i;
	zone.zspages = 32;
	zone.lru_told = 31;
	assert_int_equal(target_of(&zone, &knows, &hash[0]), 63);
	assert_true(knows);
	zone.lru[3]++;
	assert_int_equal(target_of(&zone, &knows, &hash[1]), 64);
	assert_true(hash[0] != hash[1]);
	zone.lru_told = 15;
	assert_int_equal(target_of(&zone, &knows, &hash[2]), 0);
	assert_false(knows);
}

static void expect_error(const char *want)
{
	struct err e = {{0}};

	assert_null(open_warm(&e));
	if (!strstr(e.msg, want))
		fail_msg("Expected ...%s... Was %s", want, e.msg);
}

static void snapshots_of_another_trace(void **state)
{
	(void)state;
	lab_mark(&lab, ZERO);
	freed(0x10, 0);
	traces_lab_end(&lab);
	expect_error("snapshot 'before': neither a mark of the trace nor a file `times`");
	warm_report_free(&report);
	snaps[0].slabinfo0_at = (struct snapshot_span){5, 10};
	snaps[1].slabinfo_at = (struct snapshot_span){5000, 5010};
	expect_error("snapshot 'after' was not taken while");
	snaps[0].slabinfo0_at = snaps[1].slabinfo_at = (struct snapshot_span){0};
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(known_slots_stay, begin, end),
		cmocka_unit_test_setup_teardown(partial_slabs_of_sysfs, begin, end),
		cmocka_unit_test_setup_teardown(nodes_of_sysfs, begin, end),
		cmocka_unit_test_setup_teardown(fewest_residents_count, begin, end),
		cmocka_unit_test_setup_teardown(known_ones_live, begin, end),
		cmocka_unit_test_setup_teardown(dead_slabs_hide_nobody, begin, end),
		cmocka_unit_test_setup_teardown(empty_slabs_are_of_cpus, begin, end),
		cmocka_unit_test_setup_teardown(empty_slab_of_a_high_cpu, begin, end),
		cmocka_unit_test_setup_teardown(no_slabs_are_invented, begin, end),
		cmocka_unit_test_setup_teardown(time_is_shifted, begin, end),
		cmocka_unit_test_setup_teardown(pages_have_places, begin, end),
		cmocka_unit_test_setup_teardown(movable_pages_of_zones, begin, end),
		cmocka_unit_test_setup_teardown(snapshots_of_another_trace, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
