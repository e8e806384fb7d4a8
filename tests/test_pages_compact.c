/*
 * Compaction: what moves where, what it comes to, and that contents and holders survive.
 */
#include "tests/compact_lab.h"

#include "lib/rng.h"
#include "sim/huge.h"

static void compact_all(struct lab *lab)
{
	u64 entered_ns = machine_enter(lab->m, 0, lab->m->now_ns);

	compact_node(&lab_source(lab)->nodes[0]);
	machine_leave(lab->m, entered_ns);
	page_allocator_check(lab->pa);
	contents_are_there();
}

/* ---- Laws ---- */

/*
 * Every other page in use, all of them movable: half of the memory is free, and half of the
 * pageblocks can be. In one they meet: once all of it is taken up, there is nowhere left to move
 * what is above its first cluster.
 */
static void every_other_page(void **state)
{
	const struct zone *zone;
	struct huge_prospects h;
	struct lab lab;

	(void)state;
	compact_lab_open(&lab, "page_allocator(pcp=off)", MM_BARE);
	zone = node_zone(0, ZONE_DMA32);
	for (unsigned long pfn = DMA32_PFN; pfn < NR_FRAMES; pfn += 2)
		hold(&lab, pfn, true);
	assert_int_equal(free_huge(zone, &lab), 0);
	huge_prospects(&h);
	/* 12 of 24 pageblocks with 256 pages each: no way is shorter. */
	assert_int_equal(h.moves, 12 * 256);
	compact_all(&lab);
	assert_int_equal(free_huge(zone, &lab), 11);
	assert_int_equal(nr_moves, 11 * 256 + COMPACT_CLUSTER_MAX);
	assert_int_equal(last_run.moved, nr_moves);
	assert_int_equal(last_run.failed, 256 - COMPACT_CLUSTER_MAX);
	assert_int_equal(last_run.blocks_gained, 11);
	assert_string_equal(last_run.mode, "compact_memory");
	assert_string_equal(last_run.result, "complete");
	for (unsigned long b = 0; b < 11; b++) {
		assert_int_equal(kernel->block_moves[8 + b].from, 256);
		assert_int_equal(kernel->block_moves[8 + b].to, 0);
		assert_int_equal(kernel->block_moves[31 - b].from, 0);
		assert_int_equal(kernel->block_moves[31 - b].to, 256);
	}
	compact_lab_close(&lab);
}

/* One pinned page keeps its pageblock, however much else moves. */
static void pinned_pages_stay(void **state)
{
	const struct zone *zone;
	struct huge_prospects h;
	struct lab lab;
	struct rng r;

	(void)state;
	rng_init(&r, 1, "pinned", "compact");
	compact_lab_open(&lab, "page_allocator(pcp=off)", MM_BARE);
	zone = node_zone(0, ZONE_DMA32);
	for (unsigned long pfn = DMA32_PFN; pfn < NR_FRAMES; pfn++)
		if (rng_below(&r, 100) < 20)
			hold(&lab, pfn, rng_below(&r, 100) > 0);
	huge_prospects(&h);
	compact_all(&lab);
	for (unsigned long pfn = DMA32_PFN; pfn < NR_FRAMES; pfn++)
		if (frames[pfn] && !(frames[pfn]->flags & PG_movable))
			assert_int_equal(page_to_pfn(frames[pfn]), pfn);
	/* DMA's 8 pageblocks are free all the time. */
	assert_true(free_huge(zone, &lab) + 8 <= (long)h.blocks[0]);
	assert_true(free_huge(zone, &lab) + 8 >= (long)h.blocks[0] - 3);
	assert_true(nr_moves >= h.moves_movable);
	print_message("pinned: %ld of %llu pageblocks, %llu moves, at least %llu\n",
		      free_huge(zone, &lab) + 8, (unsigned long long)h.blocks[0],
		      (unsigned long long)nr_moves, (unsigned long long)h.moves_movable);
	compact_lab_close(&lab);
}

/* ---- What moves where ---- */

/*
 * 16 pages of the first pageblock and the last: pages that move go to the end of the zone, the
 * first one taken up last; those that do not and blocks of several pages stay.
 */
static void before_and_after(void **state)
{
	struct lab lab;

	(void)state;
	compact_lab_open(&lab, "page_allocator(pcp=off)", MM_BARE);
	for (unsigned long pfn = DMA32_PFN; pfn < NR_FRAMES; pfn += pageblock_nr_pages)
		hold(&lab, pfn + 8, pfn > DMA32_PFN && pfn < NR_FRAMES - pageblock_nr_pages);
	for (unsigned long pfn = DMA32_PFN; pfn < DMA32_PFN + 8; pfn += 3)
		hold(&lab, pfn, true);
	frames[0] = page_alloc_at(lab.pa, DMA32_PFN + 12, 2, GFP_HIGHUSER_MOVABLE, -1);
	page_holder_set(frames[0], 0, false);
	assert_pages(DMA32_PFN, 16, "|M|.|.|M|..|M|.|M|.|..|MMMM|");
	machine_enter(lab.m, 0, 0);
	compact_node(&lab_source(&lab)->nodes[0]);
	assert_pages(DMA32_PFN, 16, "|........|M|.|..|MMMM|");
	page_allocator_check(lab.pa);
	frames[0]->index = 0;
	compact_lab_close(&lab);
}

/* A holder that refuses keeps its page, and the frame it was offered is free again. */
static void refusals(void **state)
{
	struct lab lab;

	(void)state;
	compact_lab_open(&lab, "page_allocator(pcp=off)", MM_BARE);
	refuse_every = 3;
	for (unsigned long pfn = DMA32_PFN; pfn < DMA32_PFN + 64; pfn += 2)
		hold(&lab, pfn, true);
	for (unsigned long pfn = NR_FRAMES - 512; pfn < NR_FRAMES; pfn += 2)
		hold(&lab, pfn, true);
	compact_all(&lab);
	assert_int_equal(nr_asked, 32);
	assert_int_equal(nr_moves, 32 - 32 / 3);
	assert_int_equal(last_run.failed, 32 / 3);
	assert_int_equal(kernel->vm_event[PGMIGRATE_FAIL], 32 / 3);
	assert_int_equal(kernel->vm_event[PGMIGRATE_SUCCESS], nr_moves);
	compact_lab_close(&lab);
}

/* Nothing more may be taken to move to: the first page is asked for in vain, and no other. */
static void short_of_memory(void **state)
{
	unsigned long pfn = 0;
	struct lab lab;

	(void)state;
	compact_lab_open(&lab, "page_allocator(pcp=off)", MM_BARE);
	for (; pfn < NR_FRAMES - (unsigned long)lab_source(&lab)->zones[ZONE_DMA32].marks.min;
	     pfn++)
		hold(&lab, pfn, pfn >= DMA32_PFN);
	compact_all(&lab);
	assert_int_equal(nr_moves, 0);
	assert_string_equal(last_run.result, "contended");
	assert_int_equal(last_run.isolated, COMPACT_CLUSTER_MAX);
	assert_int_equal(last_run.failed, COMPACT_CLUSTER_MAX);
	assert_int_equal(kernel->vm_event[PGMIGRATE_FAIL], 1);
	compact_lab_close(&lab);
}

/* A page that was cleared and never written to reads as zero where others had written before. */
static void cleared_pages_stay_clear(void **state)
{
	const unsigned long *words;
	struct lab lab;

	(void)state;
	compact_lab_open(&lab, "page_allocator(pcp=off)", MM_BARE);
	for (unsigned long pfn = NR_FRAMES - 512; pfn < NR_FRAMES; pfn++)
		hold(&lab, pfn, true);
	for (unsigned long pfn = NR_FRAMES - 512; pfn < NR_FRAMES; pfn += 2) {
		lab_free(&lab, 0, frames[pfn], 0);
		frames[pfn] = NULL;
	}
	frames[0] = page_alloc_at(lab.pa, DMA32_PFN, 0, GFP_HIGHUSER_MOVABLE | __GFP_ZERO, -1);
	page_holder_set(frames[0], 0, true);
	compact_all(&lab);
	assert_in_range(page_to_pfn(frames[0]), NR_FRAMES - 512, NR_FRAMES);
	assert_int_equal(frames[0]->flags & PG_written, 0);
	words = page_name(frames[0]);
	for (size_t i = 0; i < PAGE_SIZE / sizeof(*words); i++)
		assert_int_equal(words[i], 0);
	compact_lab_close(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_other_page), cmocka_unit_test(pinned_pages_stay),
		cmocka_unit_test(before_and_after), cmocka_unit_test(refusals),
		cmocka_unit_test(short_of_memory),  cmocka_unit_test(cleared_pages_stay_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
