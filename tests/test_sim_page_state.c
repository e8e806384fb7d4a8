/*
 * Page memory is brought into a given state: random states that exist are met cell by cell, others
 * as far as they can be, and nothing is lost.
 */
#include "tests/pages_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "alloc/pages/pcp.h"
#include "lib/rng.h"
#include "sim/page_state.h"

/* DMA, DMA32 and Movable on node 0, DMA32 and Movable on node 1. */
#define NODES                                                                                      \
	"  - {memory: 48MiB, cpus: 0-1, distance: [10, 20]}\n"                                     \
	"  - {memory: 32MiB, cpus: 2-3, distance: [20, 10]}\n"                                     \
	"zones: {movable: 12MiB}\n"
#define NR_CPUS 4
#define BLOCKS_MAX 600

struct world {
	struct lab lab;
	struct rng rng;
	struct page *mine[BLOCKS_MAX]; /* of the load, before the state is asked for */
	unsigned int nr_mine;
	bool *occupied; /* by pfn: what the wished state has in use */
	struct page_target_zone zones[8];
	u32 percpu[8][NR_CPUS];
	struct page_target target;
	struct page_state state;
	u64 free_before;
};

static u64 below(struct world *w, u64 n)
{
	return rng_below(&w->rng, n);
}

static const gfp_t flags_of[] = {GFP_KERNEL, GFP_MOVABLE_USER, GFP_RECLAIM_KERNEL};

/* Some memory is in use, here and there. */
static void use_some(struct world *w)
{
	u64 nr = below(w, BLOCKS_MAX), nr_freed = nr / 3;

	for (; w->nr_mine < nr; w->nr_mine++) {
		int order = below(w, 3) ? 0 : (int)below(w, 7);

		w->mine[w->nr_mine] = lab_alloc(&w->lab, (int)below(w, NR_CPUS), order,
						flags_of[below(w, 3)], (int)below(w, 3) - 1);
		assert_non_null(w->mine[w->nr_mine]);
	}
	while (nr_freed--) {
		u64 i = below(w, w->nr_mine);

		lab_free(&w->lab, 0, w->mine[i], w->mine[i]->order);
		w->mine[i] = w->mine[--w->nr_mine];
	}
}

static void open_world(struct world *w, u64 seed, const char *chain)
{
	*w = (struct world){0};
	lab_open(&w->lab, NODES, chain);
	rng_init(&w->rng, seed, "page_state", chain);
	w->occupied = calloc(kernel->max_pfn, sizeof(bool));
	w->free_before = lab_free_pages(&w->lab);
	use_some(w);
}

/* Everything comes back. */
static void close_world(struct world *w)
{
	page_state_end(&w->state);
	while (w->nr_mine--)
		lab_free(&w->lab, 0, w->mine[w->nr_mine], w->mine[w->nr_mine]->order);
	lab_settle(&w->lab);
	page_allocator_check(w->lab.pa);
	assert_int_equal(lab_free_pages(&w->lab), w->free_before);
	free(w->occupied);
	lab_close(&w->lab);
}

/* ---- A state that exists ---- */

static void occupy_mine(struct world *w)
{
	for (unsigned int i = 0; i < w->nr_mine; i++)
		for (unsigned long k = 0; k < 1UL << w->mine[i]->order; k++)
			w->occupied[page_to_pfn(w->mine[i]) + k] = true;
}

/* Each largest block has a density of its own. */
static void occupy_at_random(struct world *w)
{
	static const u64 per_mille[] = {0, 0, 1, 20, 300, 900, 1000};
	u64 share = 0;

	for (unsigned long pfn = 0; pfn < kernel->max_pfn; pfn++) {
		if (pfn % 1024 == 0)
			share = per_mille[below(w, ARRAY_SIZE(per_mille))];
		w->occupied[pfn] |= below(w, 1000) < share;
	}
}

static bool all_free(const struct world *w, unsigned long pfn, int order)
{
	for (unsigned long i = 0; i < 1UL << order; i++)
		if (w->occupied[pfn + i])
			return false;
	return true;
}

/* What most of my pages in the pageblock are; -1: there are none. */
static int type_of_mine(const struct world *w, unsigned long block)
{
	unsigned int pages[3] = {0}, most = 0;

	for (unsigned int i = 0; i < w->nr_mine; i++)
		if (page_to_pfn(w->mine[i]) >> pageblock_order == block)
			pages[w->mine[i]->migratetype] += 1U << w->mine[i]->order;
	for (unsigned int mt = 1; mt < 3; mt++)
		if (pages[mt] > pages[most])
			most = mt;
	return pages[most] ? (int)most : -1;
}

static void count_free(const struct world *w, struct page_target_zone *z, const int *type,
		       unsigned long pfn, int order)
{
	if (all_free(w, pfn, order)) {
		z->nr_free[*type][order]++;
		return;
	}
	if (!order)
		return;
	count_free(w, z, type, pfn, order - 1);
	count_free(w, z, order > pageblock_order ? type + 1 : type, pfn + (1UL << (order - 1)),
		   order - 1);
}

static void count_zone(struct world *w, const struct zone *zone, struct page_target_zone *z)
{
	unsigned long end = zone->zone_start_pfn + zone->spanned_pages;

	z->node = zone->node;
	strcpy(z->zone, zone->name);
	for (unsigned long pfn = zone->zone_start_pfn; pfn < end; pfn += 1024) {
		int type[2];

		for (unsigned long b = 0; b < 2; b++) {
			type[b] = type_of_mine(w, (pfn >> pageblock_order) + b);
			if (type[b] < 0)
				type[b] = zone->type == ZONE_MOVABLE ? MIGRATE_MOVABLE
								     : (int)below(w, 3);
		}
		if (all_free(w, pfn, 10))
			type[1] = type[0];
		count_free(w, z, type, pfn, 10);
		z->nr_blocks[type[0]]++;
		z->nr_blocks[type[1]]++;
	}
}

static void wish_what_exists(struct world *w)
{
	occupy_mine(w);
	occupy_at_random(w);
	for (int i = 0; i < kernel->nr_node_ids * MAX_NR_ZONES; i++)
		if (kernel->zones[i].spanned_pages)
			count_zone(w, &kernel->zones[i], &w->zones[w->target.nr_zones++]);
	w->target.zones = w->zones;
}

static void settle(struct world *w)
{
	struct err e;

	lab_settle(&w->lab);
	assert_int_equal(page_state_begin(&w->state, &w->target, w->lab.pa, 0, &e), 0);
	assert_int_equal(page_state_settle(&w->state, &e), 0);
	page_allocator_check(w->lab.pa);
}

static u64 pages_of_mine(const struct world *w)
{
	u64 pages = 0;

	for (unsigned int i = 0; i < w->nr_mine; i++)
		pages += 1ULL << w->mine[i]->order;
	return pages;
}

/* A page is free, or the load's, or nobody's, or on a per-CPU list. */
static void nothing_is_lost(const struct world *w)
{
	const struct page_allocator *pa = w->lab.pa;

	assert_int_equal(lab_free_pages(&w->lab) + pages_of_mine(w) +
				 w->state.report.reserved_pages + w->state.report.percpu_got,
			 w->free_before);
	for (; pa; pa = pa->base)
		assert_int_equal(pa->layer->live_bytes, pages_of_mine(w) << PAGE_SHIFT);
}

static void every_cell_is_met(const struct world *w)
{
	for (unsigned int i = 0; i < w->target.nr_zones; i++) {
		const struct page_target_zone *z = &w->zones[i];
		const struct zone *zone = NULL;

		for (int k = 0; k < kernel->nr_node_ids * MAX_NR_ZONES; k++)
			if (kernel->zones[k].node == z->node &&
			    !strcmp(kernel->zones[k].name, z->zone))
				zone = &kernel->zones[k];
		for (int mt = 0; mt < MIGRATE_TYPES; mt++)
			for (int order = 0; order < MAX_ORDER; order++)
				assert_int_equal(page_nr_free(w->lab.pa, zone, mt, order),
						 z->nr_free[mt][order]);
	}
	assert_int_equal(w->state.report.cells_met, w->state.report.cells);
	assert_int_equal(w->state.report.pages_off, 0);
}

static void states_that_exist_are_met(void **state)
{
	static const char *const chains[] = {"page_allocator", "page_allocator(pcp=off)",
					     "rcu:page_allocator",
					     "numactl(node=1):page_allocator"};
	struct world w;

	(void)state;
	for (u64 seed = 0; seed < 40; seed++) {
		open_world(&w, seed, chains[seed % 4]);
		wish_what_exists(&w);
		settle(&w);
		every_cell_is_met(&w);
		assert_int_equal(w.state.report.pageblocks_other, 0);
		nothing_is_lost(&w);
		close_world(&w);
	}
}

/* Types unknown, or unknown to the allocator: the sums are met. */
static void sums_are_met(void **state)
{
	static const char *const chains[] = {"bitmap", "page_allocator(grouping=off)",
					     "page_allocator"};
	struct world w;

	(void)state;
	for (u64 seed = 0; seed < 12; seed++) {
		open_world(&w, seed, chains[seed % 3]);
		wish_what_exists(&w);
		for (unsigned int i = 0; i < w.target.nr_zones; i++)
			w.zones[i].sums_only = seed % 3 == 2;
		settle(&w);
		assert_true(w.state.report.sums);
		assert_true(w.state.report.cells > 20);
		assert_int_equal(w.state.report.cells_met, w.state.report.cells);
		assert_int_equal(w.state.report.pages_off, 0);
		nothing_is_lost(&w);
		close_world(&w);
	}
}

/* Nobody says how many pageblocks are of which type: cells alone must do. */
static void cells_count_more_than_pageblocks(void **state)
{
	struct world w;

	(void)state;
	for (u64 seed = 100; seed < 110; seed++) {
		open_world(&w, seed, "page_allocator");
		wish_what_exists(&w);
		for (unsigned int i = 0; i < w.target.nr_zones; i++)
			memset(w.zones[i].nr_blocks, 0, sizeof(w.zones[i].nr_blocks));
		settle(&w);
		/* Which pageblocks in use are of which type cannot always be guessed. */
		assert_true(w.state.report.pages_off * 50 <= w.state.report.pages_wanted);
		nothing_is_lost(&w);
		close_world(&w);
	}
}

static void per_cpu_lists_hold_what_is_wished(void **state)
{
	struct world w;

	(void)state;
	for (u64 seed = 200; seed < 210; seed++) {
		open_world(&w, seed, "page_allocator(high=200,batch=7)");
		wish_what_exists(&w);
		/* Pages on lists are in use to the buddy system. */
		for (unsigned int i = 0; i < w.target.nr_zones; i++) {
			for (int cpu = 0; cpu < NR_CPUS; cpu++)
				w.percpu[i][cpu] = (u32)below(&w, 60);
			w.zones[i].pcp_count = w.percpu[i];
			w.zones[i].nr_cpus = NR_CPUS;
		}
		settle(&w);
		every_cell_is_met(&w);
		nothing_is_lost(&w);
		for (unsigned int i = 0; i < w.target.nr_zones; i++) {
			const struct zone *zone = node_zone(w.zones[i].node, ZONE_DMA);

			while (strcmp(zone->name, w.zones[i].zone))
				zone++;
			for (int cpu = 0; cpu < NR_CPUS; cpu++)
				if (w.state.report.percpu_got == w.state.report.percpu_wanted)
					assert_int_equal(zone_pageset(w.lab.pa, zone, cpu)->count,
							 w.percpu[i][cpu]);
		}
		assert_true(w.state.report.percpu_got > 0);
		close_world(&w);
	}
}

/* Where there is memory enough, to the page. */
static void every_cpu_gets_its_pages(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, 300, "page_allocator(high=200,batch=7)");
	for (int i = 0; i < kernel->nr_node_ids * MAX_NR_ZONES; i++) {
		struct page_target_zone *z = &w.zones[w.target.nr_zones];

		if (!kernel->zones[i].spanned_pages)
			continue;
		*z = (struct page_target_zone){.node = kernel->zones[i].node,
					       .pcp_count = w.percpu[w.target.nr_zones],
					       .nr_cpus = NR_CPUS};
		strcpy(z->zone, kernel->zones[i].name);
		for (int cpu = 0; cpu < NR_CPUS; cpu++)
			w.percpu[w.target.nr_zones][cpu] = (u32)below(&w, 200);
		z->nr_free[MIGRATE_MOVABLE][0] = 10;
		w.target.nr_zones++;
	}
	w.target.zones = w.zones;
	settle(&w);
	every_cell_is_met(&w);
	assert_int_equal(w.state.report.percpu_got, w.state.report.percpu_wanted);
	nothing_is_lost(&w);
	close_world(&w);
}

/* ---- What cannot be met ---- */

#define SMALL "  - {memory: 16MiB, cpus: 0-3, distance: [10]}\n"

static char *details(const struct world *w, char *buf, size_t n)
{
	char line[400];
	FILE *f = fmemopen(buf, n, "w");

	fprintf(f, "%s\n", page_state_summary(&w->state.report, line, sizeof(line)));
	page_state_print_missed(&w->state.report, PAGE_STATE_CELLS_MAX, f);
	fclose(f);
	return buf;
}

static void open_small(struct world *w, const char *chain)
{
	*w = (struct world){0};
	lab_open(&w->lab, SMALL, chain);
	w->occupied = calloc(kernel->max_pfn, sizeof(bool));
	w->free_before = lab_free_pages(&w->lab);
	w->zones[0] = (struct page_target_zone){.node = 0, .zone = "DMA"};
	w->target = (struct page_target){.zones = w->zones, .nr_zones = 1};
}

static void misses_are_named(void **state)
{
	struct world w;
	char text[4000];

	(void)state;
	open_small(&w, "page_allocator");
	/* A page in the third largest block; five more small blocks than there can be. */
	w.mine[w.nr_mine++] = page_alloc_at(w.lab.pa, 2100, 0, GFP_KERNEL, 0);
	w.zones[0].nr_free[MIGRATE_MOVABLE][10] = 4;
	settle(&w);
	details(&w, text, sizeof(text));
	assert_says(text, "0 of 1 cells");
	assert_says(text, "node 0 zone DMA Movable order 10: 4 wanted, 3 there: more free memory");
	assert_int_equal(w.state.report.pages_off, 1024);
	nothing_is_lost(&w);
	close_world(&w);

	open_small(&w, "page_allocator");
	w.mine[w.nr_mine++] = page_alloc_at(w.lab.pa, 2100, 0, GFP_KERNEL, 0);
	w.zones[0].nr_free[MIGRATE_MOVABLE][10] = 2;
	w.zones[0].nr_free[MIGRATE_MOVABLE][9] = 3;
	w.zones[0].nr_free[MIGRATE_UNMOVABLE][0] = 4;
	settle(&w);
	details(&w, text, sizeof(text));
	assert_says(text, "2 of 3 cells");
	assert_says(text, "Movable order 9: 3 wanted, 2 there: no more such blocks are without");
	nothing_is_lost(&w);
	close_world(&w);
}

static void other_zones_are_matched_by_node(void **state)
{
	struct world w;
	char text[4000];

	(void)state;
	open_small(&w, "page_allocator");
	w.zones[0].nr_free[MIGRATE_MOVABLE][3] = 5;
	w.zones[1] = (struct page_target_zone){.node = 0, .zone = "Normal"};
	w.zones[1].nr_free[MIGRATE_MOVABLE][3] = 6;
	w.zones[2] = (struct page_target_zone){.node = 1, .zone = "Normal"};
	w.zones[2].nr_free[MIGRATE_RECLAIMABLE][2] = 7;
	w.target.nr_zones = 3;
	settle(&w);
	assert_int_equal(page_nr_free(w.lab.pa, &kernel->zones[0], MIGRATE_MOVABLE, 3), 11);
	details(&w, text, sizeof(text));
	assert_says(text, "1 of 2 cells");
	assert_says(text,
		    "node 1 zone Normal Reclaimable order 2: 7 wanted, 0 there: the machine has");
	nothing_is_lost(&w);
	close_world(&w);
}

static void a_state_of_another_machine_is_refused(void **state)
{
	struct world w;
	struct err e;

	(void)state;
	open_small(&w, "page_allocator");
	w.zones[0].nr_free[MIGRATE_MOVABLE][10] = 5;
	assert_int_equal(page_state_begin(&w.state, &w.target, w.lab.pa, 0, &e), -1);
	assert_says(e.msg, "20MiB free, the machine has 16MiB");
	close_world(&w);

	open_small(&w, "page_allocator");
	w.mine[w.nr_mine++] = page_alloc(w.lab.pa, 10, GFP_KERNEL, 0);
	for (int i = 1; i < 4; i++)
		w.mine[w.nr_mine++] = page_alloc(w.lab.pa, 8, GFP_KERNEL, 0);
	w.zones[0].node = 3;
	w.zones[0].nr_free[MIGRATE_MOVABLE][10] = 4;
	assert_int_equal(page_state_begin(&w.state, &w.target, w.lab.pa, 0, &e), 0);
	assert_int_equal(page_state_settle(&w.state, &e), -1);
	assert_says(e.msg, "0 of 1 cells");
	close_world(&w);
}

/* ---- What it looks like ---- */

static void drawn(void **state)
{
	struct world w;

	(void)state;
	open_small(&w, "page_allocator");
	w.mine[w.nr_mine++] = page_alloc_at(w.lab.pa, 5, 0, GFP_MOVABLE_USER, 0);
	assert_pages(0, 16, "|....|.|M|..|........|");
	w.zones[0].nr_free[MIGRATE_MOVABLE][0] = 3;
	w.zones[0].nr_free[MIGRATE_MOVABLE][1] = 2;
	w.zones[0].nr_free[MIGRATE_UNMOVABLE][2] = 1;
	w.zones[0].nr_free[MIGRATE_MOVABLE][10] = 2;
	w.zones[0].nr_blocks[MIGRATE_MOVABLE] = 7;
	w.zones[0].nr_blocks[MIGRATE_UNMOVABLE] = 1;
	settle(&w);
	assert_string_equal(w.state.report.missed[0].zone, "");
	assert_blocks(
		0, 512,
		"M0*168 .0 M0*83 .1 M0*86 .0 M0*167 .1 .0 M0"); /* movable ones can move, one by one */
	assert_blocks(2048, 2048, "_10*2");
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_that_exist_are_met),
		cmocka_unit_test(sums_are_met),
		cmocka_unit_test(cells_count_more_than_pageblocks),
		cmocka_unit_test(per_cpu_lists_hold_what_is_wished),
		cmocka_unit_test(every_cpu_gets_its_pages),
		cmocka_unit_test(misses_are_named),
		cmocka_unit_test(other_zones_are_matched_by_node),
		cmocka_unit_test(a_state_of_another_machine_is_refused),
		cmocka_unit_test(drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
