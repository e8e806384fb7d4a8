/*
 * Fragmenters: each brings memory into the state it promises, loses nothing, and says what is
 * missing where no arrangement can.
 */
#include "tests/pages_test.h"

#include <math.h>
#include <stdlib.h>

#include "sim/fragment.h"
#include "tests/draw.h"
#include "traces/target_file.h"

#define NODE "  - {memory: 64MiB, cpus: 0-1, distance: [10]}\n"
#define NODES                                                                                      \
	"  - {memory: 1GiB, cpus: 0-1, distance: [10, 20]}\n"                                      \
	"  - {memory: 1GiB, cpus: 2-3, distance: [20, 10]}\n"

struct world {
	struct lab lab;
	struct fragment fragment;
	struct page_state state;
	char report[FRAGMENT_REPORT_MAX];
	u64 free_before;
};

static void open_world(struct world *w, const char *nodes, const char *chain)
{
	*w = (struct world){0};
	lab_open(&w->lab, nodes, chain);
	w->free_before = lab_free_pages(&w->lab);
}

static int try_fragment(struct world *w, const char *text, u64 seed, struct err *e)
{
	struct text report = text_in(w->report, sizeof(w->report));

	assert_int_equal(fragment_parse(&w->fragment, text, e), 0);
	assert_int_equal(page_state_begin(&w->state, NULL, w->lab.pa, 0, e), 0);
	return fragment_apply(&w->fragment, &w->state, seed, &report, e);
}

static void apply(struct world *w, const char *text, u64 seed)
{
	struct err e = {""};

	if (try_fragment(w, text, seed, &e))
		fail_msg("%s", e.msg);
	page_allocator_check(w->lab.pa);
	/* In nobody's books. */
	for (const struct page_allocator *pa = w->lab.pa; pa; pa = pa->base)
		assert_int_equal(pa->layer->live_bytes, 0);
	assert_int_equal(lab_free_pages(&w->lab) + w->state.report.reserved_pages, w->free_before);
}

/* Everything comes back. */
static void close_world(struct world *w)
{
	page_state_end(&w->state);
	fragment_free(&w->fragment);
	lab_settle(&w->lab);
	page_allocator_check(w->lab.pa);
	assert_int_equal(lab_free_pages(&w->lab), w->free_before);
	lab_close(&w->lab);
}

static u64 nr_free(const struct world *w, int order)
{
	const struct zone *zone;
	u64 nr = 0;

	for_each_populated_zone (zone)
		for (int mt = 0; mt < MIGRATE_TYPES; mt++)
			nr += page_nr_free(w->lab.pa, zone, mt, order);
	return nr;
}

/* Whole blocks of this order that are free, in larger ones too. */
static u64 blocks_free(const struct world *w, int order)
{
	u64 nr = 0;

	for (int o = order; o < MAX_ORDER; o++)
		nr += nr_free(w, o) << (o - order);
	return nr;
}

struct held {
	u64 pages, movable, by_type[MIGRATE_TYPES];
};

static struct held count_held(void)
{
	struct held h = {0};

	for (unsigned long pfn = 0; pfn < kernel->max_pfn; pfn++) {
		const struct page *page = pfn_to_page(pfn);
		u64 nr = 1ULL << page->order;

		if (!(page->flags & PG_allocated) || !page_state_holds(page))
			continue;
		h.pages += nr;
		h.by_type[page->migratetype] += nr;
		h.movable += page->flags & PG_movable ? nr : 0;
		assert_true(!(page->flags & PG_movable) || !page->order);
	}
	return h;
}

/* ---- pinned ---- */

static void within_sigmas(double got, double n, double q)
{
	double sigma = sqrt(n * q * (1 - q));

	if (fabs(got - n * q) > 4 * sigma + 1)
		fail_msg("%.0f of %.0f, expected %.1f, sigma %.1f", got, n, n * q, sigma);
}

static void pinned_pages_obey_the_law(void **state)
{
	static const struct {
		const char *text;
		double p;
	} cases[] = {{"pinned(p=1/512)", 1. / 512},
		     {"pinned(p=0.01%)", 1e-4},
		     {"pinned(p=1%)", 0.01},
		     {"pinned(p=20%)", 0.2}};
	struct world w;

	(void)state;
	for (u64 i = 0; i < 12; i++) {
		open_world(&w, NODES, "page_allocator");
		apply(&w, cases[i % 4].text, i);
		for (int order = 0; order < MAX_ORDER; order++)
			within_sigmas((double)blocks_free(&w, order),
				      (double)(w.free_before >> order),
				      pow(1 - cases[i % 4].p, 1 << order));
		assert_int_equal(count_held().movable, 0);
		close_world(&w);
	}
}

static void pinned_goes_to_its_ends(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, NODE, "page_allocator");
	apply(&w, "pinned(p=0)", 1);
	assert_int_equal(lab_free_pages(&w.lab), w.free_before);
	close_world(&w);
	open_world(&w, NODE, "bitmap");
	apply(&w, "pinned(p=100%)", 1);
	assert_int_equal(lab_free_pages(&w.lab), 0);
	close_world(&w);
}

/* ---- fill ---- */

static void fill_is_exact(void **state)
{
	static const struct {
		const char *text;
		u64 used; /* per mille */
		int grain;
	} cases[] = {
		{"fill(used=90%)", 900, 0},
		{"fill(used=50%, movable=50%, unmovable=25%, reclaimable=25%, grain=3)", 500, 3},
		{"fill(used=75%, grain=9)", 750, 9},
		{"fill(used=100%)", 1000, 0},
		{"fill(used=0%)", 0, 5}};
	struct world w;

	(void)state;
	for (u64 i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 used;

		open_world(&w, NODES, i % 2 ? "rcu:page_allocator" : "page_allocator");
		apply(&w, cases[i].text, i);
		used = w.free_before - lab_free_pages(&w.lab);
		/* Each of the zones rounds to a piece. */
		assert_in_range(used + (4U << cases[i].grain), w.free_before * cases[i].used / 1000,
				w.free_before * cases[i].used / 1000 + (8U << cases[i].grain));
		for (int order = 0; order < cases[i].grain; order++)
			assert_int_equal(nr_free(&w, order), 0);
		close_world(&w);
	}
}

static void fill_mixes_mobilities(void **state)
{
	struct world w;
	struct held h;

	(void)state;
	open_world(&w, NODES, "page_allocator");
	apply(&w, "fill(used=80%,movable=50%,unmovable=30%,reclaimable=20%)", 3);
	h = count_held();
	assert_int_equal(h.pages, w.state.report.reserved_pages);
	assert_int_equal(h.movable, h.by_type[MIGRATE_MOVABLE]);
	/* 1024 pageblocks: each type has as many as its share says, within one in each zone. */
	assert_in_range(h.by_type[MIGRATE_MOVABLE] * 1000 / h.pages, 494, 506);
	assert_in_range(h.by_type[MIGRATE_UNMOVABLE] * 1000 / h.pages, 294, 306);
	assert_in_range(h.by_type[MIGRATE_RECLAIMABLE] * 1000 / h.pages, 194, 206);
	close_world(&w);
}

/* Before and after, in blocks: pieces of 128 pages, half of them in use. */
static void fill_is_drawn(void **state)
{
	char before[200], after[200];
	struct world w;

	(void)state;
	open_world(&w, "  - {memory: 4MiB, cpus: 0, distance: [10]}\n",
		   "page_allocator(grouping=on)");
	draw_blocks(before, sizeof(before), 0, 1024);
	assert_string_equal(before, "_10");
	apply(&w, "fill(used=50%,movable=0%,unmovable=100%,reclaimable=0%,grain=7)", 1);
	draw_blocks(after, sizeof(after), 0, 1024);
	assert_string_equal(after, ".7 U7 .8 U7 .7 U8");
	close_world(&w);
}

/* ---- huge_blocks ---- */

static void huge_blocks_are_counted_out(void **state)
{
	static const u64 free[] = {0, 1, 2, 31, 32, 33, 500, 900, 1024};
	struct world w;

	(void)state;
	for (u64 i = 0; i < ARRAY_SIZE(free); i++) {
		/* At most 511 of 512 pages of each other block. */
		u64 rest = i % 2 ? (1024 - free[i]) * 10 : 0, pages;
		char text[100];

		snprintf(text, sizeof(text), "huge_blocks(free=%llu,rest=%llu/524288,held=%s)",
			 (unsigned long long)free[i], (unsigned long long)rest,
			 i % 3 ? "movable" : "unmovable");
		open_world(&w, NODES, i % 3 ? "page_allocator" : "bitmap");
		apply(&w, text, i);
		assert_int_equal(blocks_free(&w, pageblock_order), free[i]);
		pages = lab_free_pages(&w.lab) - free[i] * pageblock_nr_pages;
		assert_int_equal(pages, rest);
		close_world(&w);
	}
}

static void as_much_as_can_be_is_free_in_pieces(void **state)
{
	struct err e = {""};
	struct world w;

	(void)state;
	open_world(&w, NODE, "page_allocator");
	apply(&w, "huge_blocks(free=2,rest=15330/16384)", 1); /* 30 x 511 */
	assert_int_equal(blocks_free(&w, pageblock_order), 2);
	assert_int_equal(lab_free_pages(&w.lab), 2 * 512 + 30 * 511);
	close_world(&w);

	open_world(&w, NODE, "page_allocator");
	assert_int_equal(try_fragment(&w, "huge_blocks(free=2,rest=15331/16384)", 1, &e), -1);
	assert_string_equal(e.msg,
			    "huge_blocks: 59.9 MiB free in pieces is wanted beside 2 free 2 MiB "
			    "blocks, but at most 59.9 MiB can be: a piece of 4 KiB in each "
			    "other block must be in use");
	close_world(&w);
}

/* ---- state ---- */

static void recorded_states_are_reproduced(void **state)
{
	static const char *const files[] = {
		"traces/samples/small-fstree/snaps/01-before/buddyinfo",
		"traces/samples/small-fstree/snaps/01-before/pagetypeinfo",
		"traces/samples/small-fstree/snaps/04-after/pagetypeinfo",
	};
	struct world w;

	(void)state;
	for (u64 i = 0; i < ARRAY_SIZE(files); i++) {
		struct err e = {""};
		struct page_target_file *f = page_target_read(files[i], &e);
		struct text report;

		if (!f)
			fail_msg("%s", e.msg);
		open_world(&w, NODES, "page_allocator");
		report = text_in(w.report, sizeof(w.report));
		assert_int_equal(fragment_parse(&w.fragment, "state(file=x)", &e), 0);
		w.fragment.target = page_target_of(f);
		assert_int_equal(page_state_begin(&w.state, w.fragment.target, w.lab.pa, 0, &e), 0);
		assert_int_equal(page_state_settle(&w.state, &e), 0);
		assert_int_equal(fragment_apply(&w.fragment, &w.state, 1, &report, &e), 0);
		assert_int_equal(w.state.report.cells, w.state.report.cells_met);
		for (int order = 0; order < MAX_ORDER; order++) {
			u64 wanted = 0;

			for (unsigned int z = 0; z < w.fragment.target->nr_zones; z++)
				for (int mt = 0; mt < MIGRATE_TYPES; mt++)
					wanted += w.fragment.target->zones[z].nr_free[mt][order];
			assert_int_equal(nr_free(&w, order), wanted);
		}
		close_world(&w);
		page_target_close(f);
	}
}

static void a_state_that_cannot_be_is_refused(void **state)
{
	struct page_target_zone zone = {.node = 0, .zone = "DMA32"};
	struct page_target target = {.zones = &zone, .nr_zones = 1};
	struct text report;
	struct err e = {""};
	struct world w;

	(void)state;
	open_world(&w, NODE, "page_allocator");
	report = text_in(w.report, sizeof(w.report));
	/* Its last largest block would have both halves free: that is one block, not two. */
	zone.nr_free[MIGRATE_MOVABLE][10] = 11;
	zone.nr_free[MIGRATE_MOVABLE][9] = 2;
	assert_int_equal(fragment_parse(&w.fragment, "state(file=x)", &e), 0);
	assert_int_equal(page_state_begin(&w.state, &target, w.lab.pa, 0, &e), 0);
	assert_int_equal(page_state_settle(&w.state, &e), 0);
	assert_int_equal(fragment_apply(&w.fragment, &w.state, 1, &report, &e), -1);
	assert_non_null(
		strstr(e.msg, "cells cannot be met: node 0 zone DMA32 Movable order 9: 2 wanted, 1 "
			      "there: no more such blocks are without slabs and pages in use"));
	close_world(&w);
}

/* ---- llfree ---- */

static void llfree_leaves_what_it_keeps(void **state)
{
	struct world w;
	u64 rest;

	(void)state;
	open_world(&w, NODE, "page_allocator");
	apply(&w, "llfree(rounds=5,used=80%,kept=50%,movable=on)", 7);
	rest = w.free_before - lab_free_pages(&w.lab);
	assert_int_equal(rest, (w.free_before * 8 / 10 + 1) / 2);
	assert_int_equal(count_held().movable, rest);
	/* Half of each block is in use: none that was filled is free as a whole. */
	assert_in_range(blocks_free(&w, pageblock_order), 0, w.free_before / 512 / 5);
	close_world(&w);
}

static void llfree_says_what_is_missing(void **state)
{
	struct err e = {""};
	struct world w;

	(void)state;
	/* Watermarks of a machine of 64 MiB keep some of it from such requests. */
	open_world(&w, NODE, "numactl(node=0):page_allocator");
	if (try_fragment(&w, "llfree(used=100%,kept=100%,rounds=0)", 1, &e))
		assert_non_null(strstr(e.msg, "are wanted in use, the page allocator gave"));
	else
		assert_int_equal(lab_free_pages(&w.lab), 0);
	close_world(&w);
}

/* ---- All of them ---- */

static u64 fingerprint(const char *text, u64 seed)
{
	u64 sum = 0;
	struct world w;

	open_world(&w, NODE, "page_allocator");
	apply(&w, text, seed);
	for (unsigned long pfn = 0; pfn < kernel->max_pfn; pfn++)
		if (pfn_to_page(pfn)->flags & PG_allocated)
			sum = sum * 31 + pfn;
	close_world(&w);
	return sum;
}

static void equal_seeds_give_equal_states(void **state)
{
	static const char *const texts[] = {"pinned", "fill(used=40%)",
					    "huge_blocks(free=3,rest=5%)",
					    "llfree(used=50%,rounds=2)"};

	(void)state;
	for (u64 i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(fingerprint(texts[i], 1), fingerprint(texts[i], 1));
		assert_int_not_equal(fingerprint(texts[i], 1), fingerprint(texts[i], 2));
	}
}

/* What the load has in use stays where it is. */
static void the_load_is_not_touched(void **state)
{
	static const char *const texts[] = {"pinned(p=10%)", "fill(used=70%)",
					    "huge_blocks(free=5,rest=5%)", "llfree"};
	struct page *mine[100];
	struct world w;

	(void)state;
	for (u64 i = 0; i < ARRAY_SIZE(texts); i++) {
		struct err e = {""};
		u64 free_pages;

		open_world(&w, NODE, "page_allocator");
		for (int k = 0; k < 100; k++)
			mine[k] = lab_alloc(&w.lab, k % 2, k % 4, GFP_KERNEL, NUMA_NO_NODE);
		for (int k = 1; k < 100; k += 2)
			lab_free(&w.lab, 0, mine[k], k % 4);
		lab_settle(&w.lab);
		free_pages = lab_free_pages(&w.lab);
		assert_int_equal(try_fragment(&w, texts[i], 1, &e), 0);
		page_allocator_check(w.lab.pa);
		assert_int_equal(lab_free_pages(&w.lab) + w.state.report.reserved_pages,
				 free_pages);
		for (int k = 0; k < 100; k += 2) {
			assert_true(mine[k]->flags & PG_allocated);
			assert_false(page_state_holds(mine[k]));
			lab_free(&w.lab, 0, mine[k], k % 4);
		}
		close_world(&w);
	}
}

static void a_load_may_be_in_the_way(void **state)
{
	struct err e = {""};
	struct page *mine[64];
	struct world w;

	(void)state;
	open_world(&w, NODE, "page_allocator(pcp=off)");
	for (int k = 0; k < 64; k++)
		mine[k] = lab_alloc(&w.lab, 0, 8, GFP_KERNEL, NUMA_NO_NODE);
	for (int k = 0; k < 64; k++)
		if (mine[k] && k % 2)
			lab_free(&w.lab, 0, mine[k], 8);
	assert_int_equal(try_fragment(&w, "fill(used=10%,grain=9)", 1, &e), -1);
	assert_non_null(strstr(e.msg, "leaves no more than"));
	for (int k = 0; k < 64; k += 2)
		if (mine[k])
			lab_free(&w.lab, 0, mine[k], 8);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pinned_pages_obey_the_law),
		cmocka_unit_test(pinned_goes_to_its_ends),
		cmocka_unit_test(fill_is_exact),
		cmocka_unit_test(fill_mixes_mobilities),
		cmocka_unit_test(fill_is_drawn),
		cmocka_unit_test(huge_blocks_are_counted_out),
		cmocka_unit_test(as_much_as_can_be_is_free_in_pieces),
		cmocka_unit_test(recorded_states_are_reproduced),
		cmocka_unit_test(a_state_that_cannot_be_is_refused),
		cmocka_unit_test(llfree_leaves_what_it_keeps),
		cmocka_unit_test(llfree_says_what_is_missing),
		cmocka_unit_test(equal_seeds_give_equal_states),
		cmocka_unit_test(the_load_is_not_touched),
		cmocka_unit_test(a_load_may_be_in_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
