/*
 * Maps of pageblocks: the books they are made from are what a walk over the page structs counts,
 * under every page allocator; cells say what lives there; films stay short, maps small.
 */
#include "tests/pages_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/rng.h"
#include "lib/units.h"
#include "sim/block_map.h"

#define BLOCKS 512UL
#define OPERATIONS 6000

/* ---- A sink that remembers the maps of one instant, zone after zone ---- */

struct film {
	struct sink sink;
	struct sink_block_map maps[16];
	struct sink_cell cells[16][BLOCK_MAP_CELLS + 16];
	size_t nr_zones, nr_cells, nr_frames;
	u64 t_ns;
};

static void film_map(struct sink *s, const struct sink_block_map *m)
{
	struct film *f = container_of(s, struct film, sink);
	size_t nr = DIV_ROUND_UP(m->nr_blocks, m->blocks_per_cell);

	if (!f->nr_frames || m->t_ns != f->t_ns) {
		f->nr_frames++;
		f->nr_zones = f->nr_cells = 0;
	}
	f->t_ns = m->t_ns;
	assert_true(f->nr_zones < ARRAY_SIZE(f->maps) && nr <= ARRAY_SIZE(f->cells[0]));
	f->maps[f->nr_zones] = *m;
	for (size_t i = 0; i < nr; i++)
		f->cells[f->nr_zones][i] = m->cells[i];
	f->nr_zones++;
	f->nr_cells += nr;
}

static struct film *film_new(void)
{
	static const struct sink_ops ops = {.block_map = film_map};
	struct film *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->sink.ops = &ops;
	return f;
}

static void take(struct film *f, const struct page_allocator *pa, u64 t_ns)
{
	struct block_map b;

	block_map_init(&b, 0);
	block_map_sample(&b, pa, &f->sink, t_ns);
}

/* ---- The books against the structs ---- */

static void books_are_true(const struct page_allocator *pa)
{
	u64 nr_blocks = kernel->max_pfn >> pageblock_order;
	struct pageblock_use *seen = calloc(nr_blocks, sizeof(*seen));

	for (unsigned long pfn = 0; pfn < kernel->max_pfn; pfn++) {
		const struct page *page = pfn_to_page(pfn);

		if (!(page->flags & PG_allocated))
			continue;
		for (unsigned long i = 0; i < 1UL << page->order; i++)
			seen[(pfn + i) >> pageblock_order].nr[page->migratetype]++;
	}
	for (u64 b = 0; b < nr_blocks; b++)
		for (int mt = 0; mt < MIGRATE_PCPTYPES; mt++)
			if (kernel->block_use[b].nr[mt] != seen[b].nr[mt])
				fail_msg("%s, block %llu: %u pages of type %d, %u in the books",
					 pa->name, (unsigned long long)b, seen[b].nr[mt], mt,
					 kernel->block_use[b].nr[mt]);
	free(seen);
}

static void fuzz(const char *chain)
{
	static const gfp_t kinds[] = {GFP_KERNEL, GFP_MOVABLE_USER, GFP_RECLAIM_KERNEL};
	static struct page *live[OPERATIONS];
	struct lab lab;
	struct rng r;
	size_t nr = 0;

	lab_open(&lab, "  - {memory: 64MiB, cpus: 0-1, distance: [10]}\n", chain);
	rng_init(&r, 1, chain, "block_map");
	for (int i = 0; i < OPERATIONS; i++) {
		int cpu = (int)rng_below(&r, 2),
		    order = rng_below(&r, 4) ? 0 : (int)rng_below(&r, MAX_ORDER);
		size_t at = nr ? rng_below(&r, nr) : 0;

		if (nr && rng_below(&r, 100) < 45) {
			lab_free(&lab, cpu, live[at], live[at]->order);
			live[at] = live[--nr];
		} else {
			struct page *page =
				lab_alloc(&lab, cpu, order, kinds[rng_below(&r, 3)], -1);

			if (page)
				live[nr++] = page;
		}
		if (i % 500 == 0)
			books_are_true(lab.pa);
	}
	while (nr--)
		lab_free(&lab, 0, live[nr], live[nr]->order);
	lab_settle(&lab);
	books_are_true(lab.pa);
	for (u64 b = 0; b < kernel->max_pfn >> pageblock_order; b++)
		for (int mt = 0; mt < MIGRATE_PCPTYPES; mt++)
			assert_int_equal(kernel->block_use[b].nr[mt], 0);
	lab_close(&lab);
}

static void the_books_are_the_structs(void **state)
{
	static const char *const chains[] = {"page_allocator", "bitmap",
					     "page_allocator(grouping=off,pcp=off)",
					     "rcu:page_allocator", "rcu:dma:bitmap"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		fuzz(chains[i]);
}

/* ---- Cells ---- */

static struct sink_cell cell(const struct film *f, unsigned long pfn)
{
	for (size_t z = 0; z < f->nr_zones; z++) {
		u64 at = (pfn - f->maps[z].first_pfn) >> pageblock_order;

		if (pfn >= f->maps[z].first_pfn && at < f->maps[z].nr_blocks)
			return f->cells[z][at / f->maps[z].blocks_per_cell];
	}
	fail_msg("no zone has pfn %lu", pfn);
	return (struct sink_cell){0};
}

static void cell_is(struct sink_cell c, int unmovable, int movable, int reclaimable, int type,
		    int pinned)
{
	assert_int_equal(c.unmovable, unmovable);
	assert_int_equal(c.movable, movable);
	assert_int_equal(c.reclaimable, reclaimable);
	assert_int_equal(c.type_pinned & SINK_CELL_TYPE_MASK, type);
	assert_int_equal(c.type_pinned >> 3, pinned);
}

/* What is taken of a fresh machine: from the top down, a pageblock for each mobility. */
static void cells_say_what_lives_there(void **state)
{
	struct film *f = film_new();
	struct page *one, *half, *large;
	struct lab lab;

	(void)state;
	lab_open(&lab, LAB_NODE, "page_allocator(pcp=off)");
	one = lab_alloc(&lab, 0, 0, GFP_KERNEL, -1);
	half = lab_alloc(&lab, 0, 8, GFP_MOVABLE_USER, -1);
	large = lab_alloc(&lab, 0, 10, GFP_RECLAIM_KERNEL, -1);
	take(f, lab.pa, 5);
	cell_is(cell(f, page_to_pfn(one)), 1, 0, 0, MIGRATE_UNMOVABLE, 31);
	cell_is(cell(f, page_to_pfn(half)), 0, 128, 0, MIGRATE_MOVABLE, 0);
	cell_is(cell(f, page_to_pfn(large)), 0, 0, 255, MIGRATE_RECLAIMABLE, 31);
	cell_is(cell(f, page_to_pfn(large) + BLOCKS), 0, 0, 255, MIGRATE_RECLAIMABLE, 31);
	/* Freed: the type stays. What nobody ever had is nobody's. */
	lab_free(&lab, 0, one, 0);
	take(f, lab.pa, 6);
	cell_is(cell(f, page_to_pfn(one)), 0, 0, 0, MIGRATE_UNMOVABLE, 0);
	cell_is(cell(f, 4096 - 1), 0, 0, 0, SINK_CELL_NO_TYPE, 0);
	lab_free(&lab, 0, half, 8);
	lab_free(&lab, 0, large, 10);
	lab_close(&lab);
	free(f);
}

/* A page short of full is not full; the bitmap keeps no types. */
static void nearly_full_is_not_full(void **state)
{
	struct film *f = film_new();
	struct page *pages[BLOCKS];
	struct lab lab;

	(void)state;
	lab_open(&lab, LAB_NODE, "bitmap");
	for (size_t i = 0; i < BLOCKS; i++)
		pages[i] = lab_alloc(&lab, 0, 0, i % 100 ? GFP_MOVABLE_USER : GFP_KERNEL, -1);
	take(f, lab.pa, 1);
	cell_is(cell(f, page_to_pfn(pages[0])), 3, 252, 0, SINK_CELL_UNTYPED, 31);
	lab_free(&lab, 0, pages[1], 0);
	take(f, lab.pa, 2);
	cell_is(cell(f, page_to_pfn(pages[0])), 3, 251, 0, SINK_CELL_UNTYPED, 31);
	for (size_t i = 0; i < BLOCKS; i++)
		if (i != 1)
			lab_free(&lab, 0, pages[i], 0);
	lab_close(&lab);
	free(f);
}

static void the_null_allocator_has_no_map(void **state)
{
	struct film *f = film_new();
	struct lab lab;

	(void)state;
	lab_open(&lab, LAB_NODE, "null");
	take(f, lab.pa, 1);
	assert_int_equal(f->nr_frames, 0);
	lab_close(&lab);
	free(f);
}

/* ---- Bounds ---- */

static void films_are_short(void **state)
{
	struct film *f = film_new();
	struct block_map b;
	struct lab lab;
	u64 t_ns;

	(void)state;
	lab_open(&lab, LAB_NODE, "page_allocator");
	block_map_init(&b, NSEC_PER_SEC);
	for (t_ns = 0; t_ns <= NSEC_PER_SEC; t_ns += 100 * NSEC_PER_USEC)
		block_map_sample(&b, lab.pa, &f->sink, t_ns);
	assert_in_range(f->nr_frames, BLOCK_MAP_FRAMES, BLOCK_MAP_FRAMES + 1);
	/* Longer than its tables said; and the last sample has its map all the same. */
	for (; t_ns <= 100 * NSEC_PER_SEC; t_ns += NSEC_PER_MSEC)
		block_map_sample(&b, lab.pa, &f->sink, t_ns);
	assert_int_equal(f->nr_frames, 2 * BLOCK_MAP_FRAMES);
	block_map_due(&b);
	block_map_sample(&b, lab.pa, &f->sink, t_ns);
	assert_int_equal(f->t_ns, t_ns);
	lab_close(&lab);
	free(f);
}

static void large_machines_have_large_cells(void **state)
{
	static struct machine_config config;
	struct film *f = film_new();
	struct page_allocator *pa;
	struct machine *m;
	struct err e;
	u64 blocks = 0;

	(void)state;
	assert_int_equal(machine_config_load(&config, "configs/machine-8node-1tib.yaml", &e), 0);
	m = machine_create(&config, &e);
	if (!m)
		skip_shadowed();
	assert_non_null(m);
	machine_use(m);
	pa = lab_chain("bitmap", &e);
	assert_non_null(pa);
	take(f, pa, 1);
	for (size_t z = 0; z < f->nr_zones; z++)
		blocks += f->maps[z].nr_blocks;
	assert_int_equal(blocks, 512 * 1024);
	assert_in_range(f->nr_cells, BLOCK_MAP_CELLS / 2, BLOCK_MAP_CELLS + f->nr_zones);
	page_allocator_put(pa);
	machine_destroy(m);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_books_are_the_structs),
		cmocka_unit_test(cells_say_what_lives_there),
		cmocka_unit_test(nearly_full_is_not_full),
		cmocka_unit_test(the_null_allocator_has_no_map),
		cmocka_unit_test(films_are_short),
		cmocka_unit_test(large_machines_have_large_cells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
