/*
 * Of what is held for nobody, as many pages can move as the recorded machine had on LRU lists.
 */
#include "tests/pages_test.h"

#include <string.h>

#include "lib/rng.h"
#include "sim/page_state.h"

#define NODE "  - {memory: 16MiB, cpus: 0-1, distance: [10]}\n"
#define NR_FRAMES 4096UL
#define OF_LOAD_MAX 200

struct world {
	struct lab lab;
	struct page *mine[OF_LOAD_MAX];
	unsigned int nr_mine;
	struct page_target_zone zones[2];
	struct page_target target;
	struct page_state state;
};

/* Half of the memory is to be free: two largest blocks, and single pages between those in use. */
static void open_world(struct world *w, const char *chain)
{
	*w = (struct world){0};
	lab_open(&w->lab, NODE, chain);
	w->zones[0] = (struct page_target_zone){.node = 0, .zone = "DMA"};
	w->zones[0].nr_free[MIGRATE_MOVABLE][10] = 2;
	w->zones[0].nr_free[MIGRATE_MOVABLE][0] = 20;
	w->zones[0].nr_free[MIGRATE_UNMOVABLE][2] = 5;
	w->zones[0].nr_blocks[MIGRATE_MOVABLE] = 7;
	w->zones[0].nr_blocks[MIGRATE_UNMOVABLE] = 1;
	w->target = (struct page_target){.zones = w->zones, .nr_zones = 1};
}

static void use(struct world *w, unsigned int nr, int order, gfp_t flags)
{
	while (nr--) {
		struct page *page = lab_alloc(&w->lab, 0, order, flags, 0);

		assert_non_null(page);
		w->mine[w->nr_mine++] = page;
	}
}

static void movable(struct world *w, u64 pages)
{
	w->zones[0].knows_movable = true;
	w->zones[0].movable_pages = pages;
}

static void settle(struct world *w)
{
	struct err e;

	lab_settle(&w->lab);
	assert_int_equal(page_state_begin(&w->state, &w->target, w->lab.pa, 0, &e), 0);
	assert_int_equal(page_state_settle(&w->state, &e), 0);
	page_allocator_check(w->lab.pa);
	assert_int_equal(w->state.report.pages_off, 0);
}

static void close_world(struct world *w)
{
	page_state_end(&w->state);
	while (w->nr_mine--)
		lab_free(&w->lab, 0, w->mine[w->nr_mine], w->mine[w->nr_mine]->order);
	lab_settle(&w->lab);
	page_allocator_check(w->lab.pa);
	assert_int_equal(lab_free_pages(&w->lab), NR_FRAMES);
	lab_close(&w->lab);
}

/* What a walk over the frames finds held for nobody. */
struct census {
	u64 pages, blocks, moves; /* held; of them single pages that can move */
	u64 in_movable;		  /* held, in pageblocks of movable pages */
	u64 most_between;	  /* most held pages of movable pageblocks between two that move */
};

static void count_held(struct census *c, const struct world *w, const struct page *page,
		       u64 *between)
{
	unsigned long pfn = page_to_pfn(page);
	bool movable_block = pageblock_migratetype(w->lab.pa, pfn) == MIGRATE_MOVABLE;

	c->blocks++;
	c->pages += 1ULL << page->order;
	c->in_movable += movable_block ? 1ULL << page->order : 0;
	if (!(page->flags & PG_movable)) {
		*between += movable_block ? 1ULL << page->order : 0;
		return;
	}
	assert_int_equal(page->order, 0);
	assert_true(movable_block);
	c->most_between = max(c->most_between, *between);
	*between = 0;
	c->moves++;
}

static struct census census(const struct world *w)
{
	struct census c = {0};
	u64 between = 0;

	for (unsigned long pfn = 0; pfn < NR_FRAMES;) {
		const struct page *page = pfn_to_page(pfn);

		if (page_state_holds(page))
			count_held(&c, w, page, &between);
		pfn += page->flags & (PG_allocated | PG_buddy) ? 1UL << page->order : 1;
	}
	c.most_between = max(c.most_between, between);
	assert_int_equal(c.blocks, w->state.nr_held);
	assert_int_equal(c.pages, w->state.report.reserved_pages);
	return c;
}

static void as_many_move_as_are_told(void **state)
{
	static const u64 wanted[] = {0, 1, 24, 700, 1023};
	struct world w;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		struct census c;

		open_world(&w, "page_allocator");
		movable(&w, wanted[i]);
		settle(&w);
		c = census(&w);
		assert_int_equal(c.moves, wanted[i]);
		assert_true(c.in_movable > 1023);
		/* Evenly: no gap is longer than one share of what is held. */
		assert_true(c.most_between <= c.in_movable / (wanted[i] + !wanted[i]));
		close_world(&w);
	}
}

static void all_of_movable_pageblocks_if_nothing_is_told(void **state)
{
	struct census told, untold;
	struct world w;

	(void)state;
	open_world(&w, "page_allocator");
	settle(&w);
	untold = census(&w);
	assert_true(untold.moves > 1000);
	assert_int_equal(untold.moves, untold.in_movable);
	close_world(&w);

	/* As if more are told of than there are. */
	open_world(&w, "page_allocator");
	movable(&w, NR_FRAMES);
	settle(&w);
	told = census(&w);
	assert_int_equal(told.moves, untold.moves);
	assert_int_equal(told.pages, untold.pages);
	close_world(&w);
}

/* Two recorded zones are one here, and only one of them tells. */
static void a_part_is_not_the_whole(void **state)
{
	struct census c;
	struct world w;

	(void)state;
	open_world(&w, "page_allocator");
	movable(&w, 3);
	w.zones[1] = (struct page_target_zone){.node = 0, .zone = "Normal"};
	w.target.nr_zones = 2;
	settle(&w);
	c = census(&w);
	assert_int_equal(c.moves, c.in_movable);
	close_world(&w);

	open_world(&w, "page_allocator");
	movable(&w, 3);
	w.zones[1] = (struct page_target_zone){
		.node = 0, .zone = "Normal", .knows_movable = true, .movable_pages = 4};
	w.target.nr_zones = 2;
	settle(&w);
	assert_int_equal(census(&w).moves, 7);
	close_world(&w);
}

/* LRU lists have them too; huge ones count by their pages, though they stay. */
static void movable_pages_of_the_load_count_first(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "page_allocator");
	use(&w, 30, 0, GFP_MOVABLE_USER);
	use(&w, 2, 3, GFP_MOVABLE_USER);
	use(&w, 17, 0, GFP_KERNEL);
	movable(&w, 100);
	settle(&w);
	assert_int_equal(census(&w).moves, 100 - 30 - 2 * 8);
	close_world(&w);

	open_world(&w, "page_allocator");
	use(&w, 30, 0, GFP_MOVABLE_USER);
	movable(&w, 29);
	settle(&w);
	assert_int_equal(census(&w).moves, 0);
	close_world(&w);
}

/* A place that no object of the load has is a movable page as well. */
static void places_of_nobody_count_too(void **state)
{
	const struct page_place places[] = {
		{.pfn = 16, .object = PAGE_PLACE_NOBODY, .order = 2, .migratetype = 1}};
	struct world w;

	(void)state;
	open_world(&w, "page_allocator");
	w.target.places = places;
	w.target.nr_places = 1;
	movable(&w, 10);
	settle(&w);
	for (unsigned long pfn = 16; pfn < 20; pfn++)
		assert_true(pfn_to_page(pfn)->flags & PG_movable);
	assert_int_equal(census(&w).moves, 10);
	close_world(&w);
}

/* What stays is held in blocks as large as there is room for. */
static void what_stays_is_held_in_large_blocks(void **state)
{
	struct world w;
	struct census c;

	(void)state;
	open_world(&w, "page_allocator");
	memset(w.zones[0].nr_free, 0, sizeof(w.zones[0].nr_free));
	w.zones[0].nr_free[MIGRATE_MOVABLE][10] = 2;
	movable(&w, 0);
	settle(&w);
	c = census(&w);
	assert_int_equal(c.pages, 2048);
	assert_int_equal(c.blocks, 2);
	close_world(&w);
	open_world(&w, "page_allocator");
	memset(w.zones[0].nr_free, 0, sizeof(w.zones[0].nr_free));
	w.zones[0].nr_free[MIGRATE_MOVABLE][10] = 2;
	movable(&w, 1);
	settle(&w);
	c = census(&w);
	/* The page, and the ten buddies on its way up, at most twice. */
	assert_int_equal(c.moves, 1);
	assert_int_equal(c.blocks, 1 + 10 + 1);
	close_world(&w);
}

static void per_cpu_pages_are_not_held(void **state)
{
	static const u32 percpu[2] = {40, 25};
	struct census c;
	struct world w;

	(void)state;
	open_world(&w, "page_allocator(high=200,batch=7)");
	w.zones[0].pcp_count = percpu;
	w.zones[0].nr_cpus = 2;
	movable(&w, 300);
	settle(&w);
	c = census(&w);
	assert_int_equal(c.moves, 300);
	assert_int_equal(w.state.report.percpu_got, 65);
	assert_int_equal(c.pages + 65 + 2 * 1024 + 20 + 5 * 4, NR_FRAMES);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_many_move_as_are_told),
		cmocka_unit_test(all_of_movable_pageblocks_if_nothing_is_told),
		cmocka_unit_test(a_part_is_not_the_whole),
		cmocka_unit_test(movable_pages_of_the_load_count_first),
		cmocka_unit_test(places_of_nobody_count_too),
		cmocka_unit_test(what_stays_is_held_in_large_blocks),
		cmocka_unit_test(per_cpu_pages_are_not_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
