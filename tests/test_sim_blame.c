/*
 * Blame: which pageblocks count as kept, whose they are, and for how long; against a walk over all
 * page structs.
 */
#include <stdlib.h>

#include "alloc/kernel.h"
#include "lib/rng.h"
#include "lib/units.h"
#include "sim/blame.h"
#include "sim/null_sink.h"
#include "sim/trial.h"
#include "tests/array_source.h"
#include "tests/test.h"

#define ROWS_MAX 64

struct row {
	char site[64], cache[64];
	struct sink_blame b;
};

struct recorder {
	struct sink sink;
	struct row rows[ROWS_MAX];
	unsigned int nr_rows, nr_blocks;
	u64 unmovable;
	struct sink_blame_block last;
	char last_site[64];
};

static struct recorder *to_recorder(struct sink *s)
{
	return container_of(s, struct recorder, sink);
}

static void on_blame(struct sink *s, const struct sink_blame *b)
{
	struct recorder *r = to_recorder(s);
	struct row *row = &r->rows[r->nr_rows++];

	assert_true(r->nr_rows <= ROWS_MAX);
	row->b = *b;
	snprintf(row->site, sizeof(row->site), "%s", b->call_site);
	snprintf(row->cache, sizeof(row->cache), "%s", b->cache);
}

/* What the structs of a pageblock say; the machine is still there when results are told. */
static void walk(u64 pfn, u32 *free_pages, u32 *movable, u32 *percpu)
{
	*free_pages = 512;
	*movable = *percpu = 0;
	for (u64 i = pfn & ~1023ULL; i < pfn + 512; i++) {
		const struct page *page = pfn_to_page(i);

		for (u64 j = i; j < i + (1ULL << page->order); j++) {
			bool here = j >= pfn && j < pfn + 512;

			*free_pages -= here && page->flags & PG_allocated;
			*movable += here && page->flags & PG_movable;
			*percpu += here && page->flags & PG_pcp;
		}
	}
}

static u32 kept_pages(u64 pfn)
{
	u32 free_pages, movable, percpu;

	walk(pfn, &free_pages, &movable, &percpu);
	return free_pages < 512 ? 512 - free_pages - movable : percpu;
}

static void on_blame_block(struct sink *s, const struct sink_blame_block *b)
{
	struct recorder *r = to_recorder(s);
	u32 free_pages, movable, percpu;

	walk(b->pfn, &free_pages, &movable, &percpu);
	assert_int_equal(b->free_pages, free_pages < 512 ? free_pages : 512 - percpu);
	assert_int_equal(b->movable_pages, movable);
	assert_int_equal(b->unmovable_pages, kept_pages(b->pfn));
	assert_in_range(b->unmovable_pages, 1, 256);
	assert_in_range(b->holder_pages, 1, b->unmovable_pages);
	assert_string_equal(b->zone, page_zone(pfn_to_page(b->pfn))->name);
	r->nr_blocks++;
	r->unmovable += b->unmovable_pages;
	r->last = *b;
	snprintf(r->last_site, sizeof(r->last_site), "%s", b->call_site);
	r->last.call_site = r->last.cache = NULL;
}

/* The last table of a run: all pageblocks that were ever given out of, counted anew. */
static int on_end(struct sink *s, const struct sink_end *end, struct err *e)
{
	struct recorder *r = to_recorder(s);
	double blocks = 0;
	u64 pages = 0, sole = 0;

	(void)end, (void)e;
	for (unsigned int i = 0; i < r->nr_rows; i++) {
		blocks += r->rows[i].b.blocks_end;
		pages += r->rows[i].b.pages_end;
		sole += r->rows[i].b.sole_end;
		assert_true((double)r->rows[i].b.sole_end <= r->rows[i].b.blocks_end + 1e-9);
	}
	assert_true(blocks > r->nr_blocks - 1e-6 && blocks < r->nr_blocks + 1e-6);
	assert_int_equal(pages, r->unmovable);
	assert_true(sole <= r->nr_blocks);
	return 0;
}

static unsigned int nr_kept_by_walk;

static void on_vmstat(struct sink *s, u64 t_ns, const char *name, u64 value)
{
	(void)s, (void)t_ns, (void)value;
	if (strcmp(name, "nr_free_pages"))
		return;
	nr_kept_by_walk = 0;
	for (u64 b = 0; b < kernel->max_pfn >> pageblock_order; b++)
		if (kernel->block_use[b].touched && kept_pages(b << 9) - 1 < 256)
			nr_kept_by_walk++;
}

static struct sink_ops recorder_ops = {
	.vmstat = on_vmstat,
	.blame = on_blame,
	.blame_block = on_blame_block,
	.end = on_end,
};

static void run(struct recorder *r, const struct request *requests, size_t nr, const char *pages)
{
	static struct machine_config machine;
	struct array_source src;
	struct stack_config stack;
	struct trial t;
	struct err e;

	machine_config_default(&machine);
	array_source_init(&src, requests, nr);
	assert_int_equal(stack_config_parse(&stack, pages, NULL, &e), 0);
	*r = (struct recorder){.sink = {null_sink_ops(&recorder_ops)}};
	t = (struct trial){
		.machine = &machine, .stack = &stack, .source = &src.src, .sink = &r->sink};
	assert_int_equal(trial_run(&t, &e), 0);
	stack_config_free(&stack);
	assert_int_equal(r->nr_blocks, nr_kept_by_walk);
}

static const struct row *row_of(const struct recorder *r, const char *site, const char *cache)
{
	for (unsigned int i = 0; i < r->nr_rows; i++)
		if (!strcmp(r->rows[i].site, site) && !strcmp(r->rows[i].cache, cache))
			return &r->rows[i];
	fail_msg("no row '%s' '%s'", site, cache);
	return NULL;
}

static struct request pages(u64 t_ns, u32 object, int order, gfp_t gfp)
{
	return (struct request){.t_ns = t_ns,
				.object = object,
				.kind = REQ_PAGE_ALLOC,
				.order = (u8)order,
				.gfp = gfp,
				.site = 1,
				.node = 0};
}

static struct request thing(u64 t_ns, u32 object)
{
	return (struct request){.t_ns = t_ns,
				.object = object,
				.kind = REQ_CACHE_ALLOC,
				.gfp = GFP_KERNEL,
				.node = 0};
}

static struct request pages_back(u64 t_ns, u32 object)
{
	return (struct request){.t_ns = t_ns, .object = object, .kind = REQ_PAGE_FREE, .node = 0};
}

#define SITE "make_thing+0x10"

/* 8 pages and a slab of 1 in a pageblock: eight parts and one. */
static void shares_are_by_pages(void **state)
{
	const struct request q[] = {pages(1000, 0, 3, GFP_KERNEL), thing(2000, 1)};
	struct recorder r;

	(void)state;
	run(&r, q, ARRAY_SIZE(q), "page_allocator(pcp=off)");
	assert_int_equal(r.nr_blocks, 1);
	assert_int_equal(r.nr_rows, 2);
	assert_true(row_of(&r, SITE, "")->b.blocks_end == 8.0 / 9);
	assert_int_equal(row_of(&r, SITE, "")->b.pages_end, 8);
	assert_true(row_of(&r, "", "thing")->b.blocks_end == 1.0 / 9);
	assert_int_equal(row_of(&r, "", "thing")->b.sole_end, 0);
	assert_int_equal(r.last.holder_pages, 8);
	assert_int_equal(r.last.free_pages, 512 - 9);
}

/* Half a pageblock is the most that keeps it; one page more, and it is in use. */
static void beyond_half_it_is_in_use(void **state)
{
	const struct request half[] = {pages(1000, 0, 8, GFP_KERNEL),
				       pages(2000, 1, 9, GFP_KERNEL)},
			     more[] = {pages(1000, 0, 8, GFP_KERNEL),
				       pages(2000, 1, 0, GFP_KERNEL)};
	struct recorder r;

	(void)state;
	run(&r, half, 2, "page_allocator(pcp=off)");
	assert_int_equal(r.nr_blocks, 1);
	assert_int_equal(row_of(&r, SITE, "")->b.sole_end, 1);
	assert_int_equal(row_of(&r, SITE, "")->b.pages_end, 256);
	run(&r, more, 2, "page_allocator(pcp=off)");
	assert_int_equal(r.nr_blocks, 0);
}

/* Single movable pages can go; compound ones stay, whatever they were asked for as. */
static void what_can_move_keeps_nothing(void **state)
{
	const struct request q[] = {pages(1000, 0, 0, GFP_HIGHUSER_MOVABLE),
				    pages(2000, 1, 0, GFP_HIGHUSER_MOVABLE),
				    pages(3000, 2, 2, GFP_HIGHUSER_MOVABLE)};
	struct recorder r;

	(void)state;
	run(&r, q, 2, "page_allocator(pcp=off)");
	assert_int_equal(r.nr_rows, 0);
	run(&r, q, 3, "page_allocator(pcp=off)");
	assert_int_equal(r.nr_blocks, 1);
	assert_int_equal(row_of(&r, SITE, "")->b.pages_end, 4);
	assert_int_equal(r.last.movable_pages, 2);
	assert_int_equal(r.last.free_pages, 512 - 6);
}

/* Kept from a quarter of the run to three quarters. */
static void time_is_counted(void **state)
{
	const struct request q[] = {
		pages(0, 0, 9, GFP_KERNEL), pages(100 * NSEC_PER_MSEC, 1, 0, GFP_KERNEL),
		pages_back(300 * NSEC_PER_MSEC, 1), pages_back(400 * NSEC_PER_MSEC, 0)};
	struct recorder r;
	const struct row *row;

	(void)state;
	run(&r, q, ARRAY_SIZE(q), "page_allocator(pcp=off)");
	assert_int_equal(r.nr_blocks, 0);
	row = row_of(&r, SITE, "");
	assert_true(row->b.blocks_end == 0);
	assert_in_range(row->b.block_ns, 190 * NSEC_PER_MSEC, 210 * NSEC_PER_MSEC);
	assert_int_equal(row->b.longest_ns, row->b.block_ns);
	assert_true(row->b.blocks_mean > 0.47 && row->b.blocks_mean < 0.53);
	assert_true(row->b.pages_mean == row->b.blocks_mean);
}

/* What was freed lies on a list of its CPU's, and keeps the pageblock in pieces. */
static void lists_keep_pages(void **state)
{
	const struct request q[] = {pages(1000, 0, 0, GFP_KERNEL), pages_back(2000, 0)};
	struct recorder r;

	(void)state;
	run(&r, q, ARRAY_SIZE(q), "page_allocator");
	assert_int_equal(r.nr_blocks, 1);
	assert_true(row_of(&r, "", "(per-CPU lists)")->b.pages_end > 0);
	assert_int_equal(r.last.free_pages + r.last.unmovable_pages, 512);
	run(&r, q, ARRAY_SIZE(q), "page_allocator(pcp=off)");
	assert_int_equal(r.nr_blocks, 0);
}

static void kmalloc_beyond_classes_has_a_site(void **state)
{
	const struct request q[] = {{.t_ns = 1000,
				     .object = 0,
				     .kind = REQ_KMALLOC,
				     .size = 64 * KIB,
				     .gfp = GFP_KERNEL,
				     .site = 1,
				     .node = 0}};
	struct recorder r;

	(void)state;
	run(&r, q, 1, "page_allocator(pcp=off)");
	assert_int_equal(r.nr_rows, 1);
	assert_int_equal(row_of(&r, SITE, "")->b.pages_end, 16);
}

static void held_back_is_the_layers(void **state)
{
	struct request q[20];
	struct recorder r;

	(void)state;
	for (u32 i = 0; i < 10; i++) {
		q[i] = pages(1000, i, 1, GFP_KERNEL);
		q[10 + i] = pages_back(2000, i);
	}
	run(&r, q, ARRAY_SIZE(q), "rcu:page_allocator(pcp=off)");
	assert_int_equal(row_of(&r, "", "(held back by a layer)")->b.pages_end, 20);
}

/* Of three objects on a slab two are other_site's; of pages, whose they are. */
static void objects_name_the_site_of_a_slab(void **state)
{
	struct request q[] = {thing(1000, 0), thing(2000, 1), thing(3000, 2),
			      pages(4000, 3, 1, GFP_KERNEL)};
	struct recorder r;

	(void)state;
	q[0].site = 1;
	q[1].site = q[2].site = 2;
	run(&r, q, 3, "page_allocator(pcp=off)");
	assert_string_equal(r.last_site, "other_site+0x4");
	assert_true(row_of(&r, "", "thing")->b.sole_end == 1);
	run(&r, q, 4, "page_allocator(pcp=off)");
	assert_string_equal(r.last_site, SITE);
}

#define FUZZ 12000

/* Shares against the walk, under load of all kinds; twice the same. */
static void books_and_structs_agree(void **state)
{
	static struct request q[FUZZ];
	static u32 live[FUZZ];
	static const gfp_t kinds[] = {GFP_KERNEL, GFP_HIGHUSER_MOVABLE, GFP_HIGHUSER_MOVABLE,
				      GFP_KERNEL | __GFP_RECLAIMABLE};
	struct recorder r, again;
	struct rng rng;
	u32 nr_live = 0;

	(void)state;
	rng_init(&rng, 1, "blame", "fuzz");
	for (u32 i = 0; i < FUZZ; i++) {
		u64 t_ns = i * 1000ULL;
		u32 at = nr_live ? (u32)rng_below(&rng, nr_live) : 0;

		if (nr_live && rng_below(&rng, 100) < (i < FUZZ / 2 ? 10U : 85U)) {
			bool object = q[live[at]].kind == REQ_CACHE_ALLOC;

			q[i] = pages_back(t_ns, live[at]);
			q[i].kind = object ? REQ_CACHE_FREE : REQ_PAGE_FREE;
			live[at] = live[--nr_live];
		} else {
			q[i] = rng_below(&rng, 3)
				       ? pages(t_ns, i,
					       rng_below(&rng, 9) ? 0 : (int)rng_below(&rng, 7),
					       kinds[rng_below(&rng, 4)])
				       : thing(t_ns, i);
			live[nr_live++] = i;
		}
	}
	run(&r, q, FUZZ, "page_allocator(batch=8)");
	assert_in_range(r.nr_blocks, 2, 100);
	run(&again, q, FUZZ, "page_allocator(batch=8)");
	assert_memory_equal(&r.rows[0].b.blocks_end, &again.rows[0].b.blocks_end,
			    sizeof(r.rows[0].b) - offsetof(struct sink_blame, blocks_end));
	run(&r, q, FUZZ, "bitmap");
	assert_in_range(r.nr_blocks, 2, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_are_by_pages),
		cmocka_unit_test(beyond_half_it_is_in_use),
		cmocka_unit_test(what_can_move_keeps_nothing),
		cmocka_unit_test(time_is_counted),
		cmocka_unit_test(lists_keep_pages),
		cmocka_unit_test(kmalloc_beyond_classes_has_a_site),
		cmocka_unit_test(held_back_is_the_layers),
		cmocka_unit_test(objects_name_the_site_of_a_slab),
		cmocka_unit_test(books_and_structs_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
