/*
 * Fuzzing under pressure: page_allocator with every option, on machines that are nearly full,
 * through requests of all flags, with reclaim that has what the test calls page cache. After each
 * step no frame is given out twice; every so often a full walk proves that each is in one place.
 *
 * test_fuzz_pressure [SEED]: another seed than the fixed one.
 */
#include "tests/pages_test.h"
#include "tests/pressure_lab.h"

#include <stdlib.h>

#include "alloc/pages/buddy.h"
#include "lib/rng.h"

#define NR_CPUS 4
#define NR_ROUNDS 24
#define NR_STEPS 6000
#define BLOCKS_MAX 8192

static u64 base_seed = 20221211;

static const char *const machines[] = {
	"  - {memory: 24MiB, cpus: 0-1, distance: [10, 20]}\n"
	"  - {memory: 16MiB, cpus: 2-3, distance: [20, 10]}\n",
	"  - {memory: 32MiB, cpus: 0-3, distance: [10]}\n"
	"zones: {movable: 8MiB}\n",
	"  - {memory: 24MiB, cpus: 0-3, distance: [10]}\n"
	"watermarks: {min_free: 4MiB}\n",
};

static struct {
	struct page *page;
	int order;
} held[BLOCKS_MAX];
static unsigned int nr_held;
static u8 used[1 << 16]; /* by pfn */

static void mark(const struct page *page, int order, u8 value)
{
	for (unsigned long i = 0; i < 1UL << order; i++) {
		assert_int_equal(used[page_to_pfn(page) + i], !value);
		used[page_to_pfn(page) + i] = value;
	}
}

/* The holder of a movable page is its place among the blocks held. Some stay where they are. */
static bool move(struct page *from, struct page *to)
{
	unsigned long i = from->index;

	ASSERT(i < nr_held && held[i].page == from && to->order == from->order);
	if (page_to_pfn(to) % 8 == 3)
		return false;
	mark(from, held[i].order, 0);
	mark(to, held[i].order, 1);
	held[i].page = to;
	page_holder_clear(from);
	page_holder_set(to, i, true);
	return true;
}

/* Frees that reclaim made: the test's own books must know. */
static void forget_reclaimed(void)
{
	static u8 cached[1 << 16];
	unsigned long pfn;

	memset(cached, 0, sizeof(cached));
	for (unsigned int i = 0; i < pressure.nr; i++)
		cached[page_to_pfn(pressure.pages[i])] = 1;
	for (pfn = 0; pfn < kernel->max_pfn; pfn++)
		if (used[pfn] == 2 && !cached[pfn])
			used[pfn] = 0;
}

static gfp_t random_gfp(struct rng *r)
{
	static const gfp_t base[] = {GFP_KERNEL, GFP_ATOMIC,	       GFP_NOWAIT,
				     GFP_NOFS,	 GFP_HIGHUSER_MOVABLE, GFP_TRANSHUGE,
				     GFP_NOIO,	 GFP_RECLAIM_KERNEL,   GFP_TRANSHUGE_LIGHT};
	static const gfp_t more[] = {__GFP_NORETRY,  __GFP_RETRY_MAYFAIL, __GFP_HIGH,
				     __GFP_MEMALLOC, __GFP_NOMEMALLOC,	  __GFP_DMA,
				     __GFP_ZERO,     __GFP_NOFAIL};
	gfp_t gfp = base[rng_below(r, ARRAY_SIZE(base))];

	while (rng_below(r, 4) == 0)
		gfp |= more[rng_below(r, ARRAY_SIZE(more))];
	return gfp;
}

static int random_order(struct rng *r)
{
	u64 n = rng_below(r, 100);

	return n < 60 ? 0 : n < 90 ? (int)rng_below(r, 4) : (int)rng_below(r, MAX_ORDER);
}

static void allocate_one(struct lab *lab, struct rng *r)
{
	int cpu = (int)rng_below(r, NR_CPUS), order = random_order(r);
	int node = (int)rng_below(r, (u64)kernel->nr_node_ids + 1) - 1;
	gfp_t gfp = random_gfp(r);
	struct page *page = lab_alloc(lab, cpu, order, gfp, node);

	forget_reclaimed();
	if (!page)
		return;
	if (nr_held == BLOCKS_MAX || pressure.nr == ARRAY_SIZE(pressure.pages)) {
		lab_free(lab, cpu, page, order);
		return;
	}
	mark(page, order, 1);
	if (!order && rng_below(r, 3) == 0) {
		used[page_to_pfn(page)] = 2;
		pressure_add(page, 0);
		return;
	}
	if (gfp & __GFP_MOVABLE && !order)
		page_holder_set(page, nr_held, true);
	held[nr_held].page = page;
	held[nr_held++].order = order;
}

static void free_one(struct lab *lab, struct rng *r)
{
	unsigned int i = (unsigned int)rng_below(r, nr_held);
	struct page *page = held[i].page;

	mark(page, held[i].order, 0);
	lab_free(lab, (int)rng_below(r, NR_CPUS), page, held[i].order);
	held[i] = held[--nr_held];
	if (i < nr_held && held[i].page->flags & PG_held)
		held[i].page->index = i;
}

static void random_chain_text(struct rng *r, char *text, size_t n)
{
	static const char *const lists[] = {"pcp=off", "batch=4,high=16", "batch=7,high=200",
					    "pcp=on"};

	snprintf(text, n, "page_allocator(%s,grouping=%s,watermarks=%s,boost=%s,compaction=%s)",
		 lists[rng_below(r, ARRAY_SIZE(lists))], rng_below(r, 5) ? "on" : "off",
		 rng_below(r, 5) ? "on" : "off", rng_below(r, 3) ? "15000" : "0",
		 rng_below(r, 3) ? "on" : "off");
}

static void give_all_back(struct lab *lab)
{
	u64 pages = 0;

	while (nr_held) {
		nr_held--;
		lab_free(lab, 0, held[nr_held].page, held[nr_held].order);
	}
	while (pressure.nr) {
		pressure.nr--;
		lab_free(lab, 0, pressure.pages[pressure.nr], 0);
	}
	page_allocator_drain(lab->pa);
	page_allocator_check(lab->pa);
	for (int i = 0; i < kernel->nr_node_ids * MAX_NR_ZONES; i++)
		pages += kernel->zones[i].spanned_pages;
	assert_int_equal(lab_free_pages(lab), pages);
}

/* What the round came by; over all rounds each must have come by something. */
static struct {
	u64 stalls, oom, boosted, reserved, moved;
} met;

static void note_met(struct lab *lab)
{
	struct zone *zone;

	for_each_populated_zone (zone) {
		met.boosted += zone_marks(lab->pa, zone)->boost > 0;
		met.reserved += zone_marks(lab->pa, zone)->nr_reserved_highatomic > 0;
	}
}

static void one_round(u64 seed)
{
	enum mm_mode mode = seed % 4 ? MM_LIVE : MM_RECORDED;
	char chain[256];
	struct lab lab;
	struct rng r;

	rng_init(&r, seed, "test", "pressure");
	random_chain_text(&r, chain, sizeof(chain));
	memset(used, 0, sizeof(used));
	nr_held = 0;
	pressure_open(&lab, machines[seed % ARRAY_SIZE(machines)], chain, mode);
	pressure.migrate = move;
	for (int step = 0; step < NR_STEPS; step++) {
		if (rng_below(&r, 100) < 62 || !nr_held)
			allocate_one(&lab, &r);
		else
			free_one(&lab, &r);
		if (rng_below(&r, 50) == 0)
			machine_step(lab.m);
		forget_reclaimed();
		if (step % 200)
			continue;
		page_allocator_check(lab.pa);
		note_met(&lab);
	}
	for (int type = 0; type < MAX_NR_ZONES; type++)
		met.stalls += vm_event(ALLOCSTALL_DMA + (unsigned int)type);
	met.oom += vm_event(OOM_KILL);
	met.moved += vm_event(PGMIGRATE_SUCCESS);
	kernel->mm_mode = MM_BARE;
	give_all_back(&lab);
	pressure_close(&lab);
}

static void nothing_is_lost(void **state)
{
	(void)state;
	for (u64 i = 0; i < NR_ROUNDS; i++)
		one_round(base_seed + i);
	assert_true(met.stalls && met.oom && met.boosted && met.reserved && met.moved);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_lost),
	};

	if (argc > 1)
		base_seed = strtoull(argv[1], NULL, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
