/*
 * Fuzzing: every registered page allocator, alone and in random stacks with random options, from
 * all CPUs, with failing layers and RCU under way, against an oracle that remembers every frame.
 *
 * test_fuzz_pages [SEED]: another seed than the fixed one. A failure prints what repeats it.
 */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "alloc/pages/block.h"
#include "alloc/pages/compact.h"
#include "alloc/pages/page_allocator.h"
#include "alloc/stack.h"
#include "lib/rng.h"
#include "tests/broken_pages.h"
#include "tests/lab.h"
#include "tests/page_oracle.h"
#include "tests/page_variants.h"
#include "tests/random_chain.h"

#define LAYERS_MAX 8 /* above a source */
#define CHAIN_TEXT RANDOM_CHAIN_MAX

/* All four zones but NORMAL, and a node without memory. */
#define NODES_SMALL                                                                                \
	"  - {memory: 24MiB, cpus: 0-1, distance: [10, 20, 30]}\n"                                 \
	"  - {memory: 12MiB, cpus: 2-3, distance: [20, 10, 20]}\n"                                 \
	"  - {memory: 0B, cpus: 4, distance: [30, 20, 10]}\n"                                      \
	"zones: {movable: 4MiB}\n"
/* A little NORMAL behind a full DMA32: avoiding fragmentation has a choice. */
#define NODES_NORMAL                                                                               \
	"  - {memory: 4104MiB, cpus: 0-2, distance: [10, 20]}\n"                                   \
	"  - {memory: 8MiB, cpus: 3-4, distance: [20, 10]}\n"
#define NR_CPUS 5

static u64 base_seed = 20061017;

/* ---- Chains, and what they make of a request ---- */

struct fuzz_chain {
	char text[CHAIN_TEXT];
};

static void add_text(struct fuzz_chain *c, const char *text)
{
	size_t at = strlen(c->text);

	snprintf(c->text + at, sizeof(c->text) - at, "%s%s", at ? ":" : "", text);
}

static bool usable(const struct allocator_desc *d, enum allocator_role role)
{
	return d->kind == ALLOC_PAGES && d->role == role && !d->keeps_nothing && d != &broken_desc;
}

/* ---- One run ---- */

struct fuzz {
	struct rng rng;
	struct lab lab;
	const struct fuzz_chain *chain;
	struct page_oracle oracle;
	u64 free_pages;
	s64 reserve[LAYERS_MAX + 1]; /* live bytes of each layer of the idle chain */
	bool injecting;
	u64 nr_moves;
};

static struct fuzz fuzz; /* the one that runs */
static u64 all_moves;

static u64 below(struct fuzz *f, u64 n)
{
	return rng_below(&f->rng, n);
}

static bool one_in(struct fuzz *f, u64 n)
{
	return below(f, n) == 0;
}

/* ---- Pages that move: the holder is the number of the oracle's block ---- */

static bool move(struct page *from, struct page *to)
{
	unsigned int i = (unsigned int)from->index;

	if (fuzz.oracle.blocks[i].page != from)
		page_oracle_wrong(&fuzz.oracle, "pfn 0x%lx is not holder %u's", page_to_pfn(from),
				  i);
	if (one_in(&fuzz, 20) || *fuzz.oracle.wrong)
		return false;
	block_copy(to, from, 0);
	page_oracle_moved(&fuzz.oracle, i, to);
	page_holder_clear(from);
	page_holder_set(to, i, true);
	fuzz.nr_moves++;
	return true;
}

static void hold(struct fuzz *f, struct page *page, int order)
{
	if (*f->oracle.wrong || !f->oracle.nr_blocks)
		return;
	page_holder_set(page, f->oracle.nr_blocks - 1, !order && !one_in(f, 10));
}

static void compact(struct fuzz *f)
{
	const struct page_allocator *pa = page_allocator_source(f->lab.pa);
	const struct page_source *ps = container_of(pa, const struct page_source, pa);

	if (!strcmp(pa->desc->name, "page_allocator"))
		compact_node(&ps->nodes[below(f, (u64)kernel->nr_node_ids)]);
}

static gfp_t random_flags(struct fuzz *f)
{
	static const gfp_t kinds[] = {GFP_KERNEL,	    GFP_KERNEL,
				      GFP_HIGHUSER_MOVABLE, GFP_KERNEL | __GFP_RECLAIMABLE,
				      GFP_ATOMIC,	    GFP_NOWAIT};
	gfp_t flags = kinds[below(f, ARRAY_SIZE(kinds))];

	if (one_in(f, 10))
		flags |= one_in(f, 2) ? __GFP_DMA : __GFP_DMA32;
	if (one_in(f, 6))
		flags |= __GFP_ZERO;
	if (one_in(f, 6))
		flags |= __GFP_THISNODE;
	return flags;
}

static int random_order(struct fuzz *f)
{
	if (!one_in(f, 3))
		return 0;
	return (int)below(f, one_in(f, 10) ? MAX_ORDER : 4);
}

/* A layer keeps pages from others: they wait for RCU, or lie in reserve. */
static bool layers_hold_pages(const struct page_allocator *pa)
{
	for (; pa->base; pa = pa->base)
		if (pa->base->layer->live_bytes != pa->layer->live_bytes)
			return true;
	return false;
}

/* Everything free is within reach of a request that may reclaim, unless a layer holds it. */
static bool must_succeed(struct fuzz *f, gfp_t flags)
{
	return (flags & __GFP_DIRECT_RECLAIM) && !f->injecting && !layers_hold_pages(f->lab.pa) &&
	       kernel->slab_state == SLAB_NORMAL; /* bootmem's own bitmaps lie in memory */
}

static void allocate(struct fuzz *f)
{
	gfp_t flags = random_flags(f);
	int order = random_order(f);
	int node = one_in(f, 2) ? -1 : (int)below(f, (u64)kernel->nr_node_ids);
	struct oracle_request r = {.order = order, .node = node, .flags = flags};
	struct page *page;

	if (f->oracle.nr_blocks == ORACLE_BLOCKS_MAX)
		return;
	page_chain_rewrite(f->lab.pa, &r.flags, &r.node);
	page = page_alloc(f->lab.pa, order, flags, node);
	if (page) {
		page_oracle_allocated(&f->oracle, &r, page, !one_in(f, 3));
		if (gfp_migratetype(flags) == MIGRATE_MOVABLE)
			hold(f, page, order);
	} else if (must_succeed(f, flags))
		page_oracle_refused(&f->oracle, &r);
}

/* A block of our choice: there is one exactly if the oracle knows all of it free. */
static void allocate_at(struct fuzz *f)
{
	gfp_t flags = random_flags(f);
	int order = random_order(f);
	unsigned long pfn = below(f, kernel->max_pfn) & ~((1UL << order) - 1);
	struct oracle_request r = {.order = order, .node = -1, .flags = flags};
	struct page *page;

	/*
	 * Where there is something to hit: a machine of gigabytes is in use at the start of its
	 * zones.
	 */
	if (one_in(f, 2))
		pfn = page_zone(pfn_to_page(pfn))->zone_start_pfn +
		      (pfn & 2047 & ~((1UL << order) - 1));
	if (f->oracle.nr_blocks == ORACLE_BLOCKS_MAX)
		return;
	page_chain_rewrite(f->lab.pa, &r.flags, &r.node);
	page = page_alloc_at(f->lab.pa, pfn, order, flags, -1);
	if (page)
		page_oracle_allocated(&f->oracle, &r, page, !one_in(f, 3));
	else if (must_succeed(f, GFP_KERNEL))
		page_oracle_refused_at(&f->oracle, &r, pfn);
}

/* A second free must be reported and change nothing. */
static void free_twice(struct fuzz *f, struct page *page, int order)
{
	unsigned int events = f->lab.nr_events;

	page_free(f->lab.pa, page, order);
	if (f->lab.nr_events != events + 1 || !strstr(f->lab.event, "double_free"))
		page_oracle_wrong(&f->oracle, "double free of pfn 0x%lx not reported",
				  page_to_pfn(page));
}

static struct oracle_block forget(struct fuzz *f, unsigned int i)
{
	struct oracle_block b = page_oracle_freeing(&f->oracle, i);

	if (i < f->oracle.nr_blocks && f->oracle.blocks[i].page->flags & PG_held)
		f->oracle.blocks[i].page->index = i;
	return b;
}

static void free_one(struct fuzz *f)
{
	struct oracle_block b;

	if (!f->oracle.nr_blocks)
		return;
	b = forget(f, (unsigned int)below(f, f->oracle.nr_blocks));
	page_free(f->lab.pa, b.page, b.order);
	if (one_in(f, 50) && !strstr(f->chain->text, "broken"))
		free_twice(f, b.page, b.order);
}

static void inject(struct fuzz *f)
{
	static const u64 every[] = {0, 0, 0, 2, 5, 17};

	f->injecting = false;
	for (struct page_allocator *pa = f->lab.pa; pa; pa = pa->base) {
		pa->layer->inject.every = every[below(f, ARRAY_SIZE(every))];
		f->injecting |= pa->layer->inject.every != 0;
	}
}

/* The page allocator comes up, and gets the bitmaps' frames too. */
static void hand_over(struct fuzz *f)
{
	u64 free_before = lab_free_pages(&f->lab);

	lab_hand_over(&f->lab);
	f->free_pages += lab_free_pages(&f->lab) - free_before;
}

static void one_step(struct fuzz *f, bool growing)
{
	struct machine *m = f->lab.m;
	u64 entered_ns = machine_enter(m, (int)below(f, NR_CPUS), m->now_ns);

	if (below(f, 100) < (growing ? 62 : 45))
		one_in(f, 8) ? allocate_at(f) : allocate(f);
	else
		free_one(f);
	if (one_in(f, 1000)) {
		page_allocator_check(f->lab.pa);
		page_oracle_verify(&f->oracle);
	}
	if (one_in(f, 500))
		inject(f);
	if (one_in(f, 4000))
		hand_over(f);
	/* A machine of gigabytes is long to look through. */
	if (one_in(f, kernel->max_pfn > 100000 ? 1000 : 100) && kernel->slab_state == SLAB_NORMAL)
		compact(f);
	if (one_in(f, 300) && kernel->slab_state == SLAB_NORMAL)
		set_pageblock_migratetype(f->lab.pa, below(f, kernel->max_pfn),
					  (int)below(f, MIGRATE_PCPTYPES));
	machine_leave(m, entered_ns);
	if (one_in(f, 40))
		machine_advance(m, m->now_ns + below(f, 12) * 1000000);
	if (one_in(f, 3000))
		page_allocator_drain(f->lab.pa);
}

static void tear_down(struct fuzz *f)
{
	unsigned int depth = 0;

	hand_over(f);
	while (f->oracle.nr_blocks) {
		struct oracle_block b = forget(f, 0);

		lab_free(&f->lab, (int)below(f, NR_CPUS), b.page, b.order);
	}
	lab_settle(&f->lab);
	page_allocator_check(f->lab.pa);
	if (lab_free_pages(&f->lab) != f->free_pages)
		page_oracle_wrong(&f->oracle, "%llu of %llu pages came back",
				  (unsigned long long)lab_free_pages(&f->lab),
				  (unsigned long long)f->free_pages);
	for (const struct page_allocator *pa = f->lab.pa; pa; pa = pa->base)
		if (pa->layer->live_bytes != f->reserve[depth++] && !*f->oracle.wrong)
			page_oracle_wrong(&f->oracle, "%s counts live bytes where none are",
					  pa->name);
}

static struct census census;

static void take_census(const struct fuzz *f)
{
	unsigned int layers = 0;

	for (const struct page_allocator *pa = f->lab.pa; pa; pa = pa->base) {
		if (pa->layer->nr_alloc)
			census_add(&census, pa->desc);
		layers += pa->base != NULL;
	}
	census.nr_chains[layers]++;
}

/* What is wrong with the chain; "" if nothing was found, NULL if it refuses to be built. */
static const char *fuzz_run(const char *nodes, const struct fuzz_chain *chain, u64 seed,
			    unsigned int steps)
{
	struct mm_ops ops = mm_nobody;
	struct fuzz *f = &fuzz;
	static char found[256];
	unsigned int depth = 0;
	struct err e;

	memset(f, 0, sizeof(*f));
	f->chain = chain;
	rng_init(&f->rng, seed, chain->text, "fuzz");
	lab_open(&f->lab, nodes, NULL);
	f->lab.pa = lab_chain(chain->text, &e);
	if (!f->lab.pa) {
		lab_close(&f->lab);
		return NULL;
	}
	lab_settle(&f->lab); /* a reserve was taken when the chain was made */
	f->free_pages = lab_free_pages(&f->lab);
	for (const struct page_allocator *pa = f->lab.pa; pa; pa = pa->base)
		f->reserve[depth++] = pa->layer->live_bytes;
	page_oracle_init(&f->oracle);
	ops.migrate_page = move;
	kernel->mm_ops = &ops;
	kernel->mm_mode = MM_RECORDED;
	kthreads_begin(f->lab.m);
	for (unsigned int i = 0; i < steps && !*f->oracle.wrong; i++)
		one_step(f, i % 8192 < 5000);
	take_census(f);
	kernel->mm_mode = MM_BARE;
	if (!strstr(chain->text, "misdeed=twice"))
		tear_down(f);
	all_moves += f->nr_moves;
	strcpy(found, f->oracle.wrong);
	page_oracle_fini(&f->oracle);
	lab_close(&f->lab);
	return found;
}

/* False if the chain refuses to be built. */
static bool fuzz_chain(const char *nodes, const struct fuzz_chain *chain, u64 seed,
		       unsigned int steps)
{
	const char *wrong = fuzz_run(nodes, chain, seed, steps);

	if (wrong && *wrong)
		fail_msg("pages=%s seed=%llu (test_fuzz_pages %llu): %s", chain->text,
			 (unsigned long long)seed, (unsigned long long)base_seed, wrong);
	return wrong;
}

/* ---- Tests ---- */

static void every_allocator_alone(void **state)
{
	static const char *const machines[] = {NODES_SMALL, NODES_NORMAL};
	struct rng r;

	(void)state;
	rng_init(&r, base_seed, "alone", "chains");
	for (struct allocator_desc *d = allocator_first(); d; d = d->next) {
		for (int i = 0; i < 2; i++) {
			struct fuzz_chain c = {.text = ""};

			if (!usable(d, d->role))
				continue;
			if (d->role == ROLE_LAYER)
				add_text(&c, d->name);
			if (d->role == ROLE_LAYER)
				add_text(&c, "page_allocator");
			else
				add_text(&c, d->name);
			assert_true(fuzz_chain(machines[i], &c, rng_u64(&r), 40000));
		}
	}
	assert_true(all_moves > 500);
}

/* Up to eight layers deep, and nobody is left out. */
static void random_stacks(void **state)
{
	const struct allocator_desc *unused;
	struct rng r;

	(void)state;
	rng_init(&r, base_seed, "stacks", "chains");
	census = (struct census){0};
	for (int i = 0; i < 120; i++) {
		bool normal = rng_below(&r, 4) == 0;
		const char *nodes = normal ? NODES_NORMAL : NODES_SMALL;
		struct chain_kind k = {ALLOC_PAGES, nodes, NULL, NULL, print_page_allocator};
		struct fuzz_chain c = {.text = ""};

		random_chain(&r, &k, (unsigned int)rng_below(&r, LAYERS_MAX + 1), c.text);
		assert_true(fuzz_chain(nodes, &c, rng_u64(&r), 8000));
	}
	unused = census_unused(&census, ALLOC_PAGES);
	if (unused)
		fail_msg("'%s' was in no random stack", unused->name);
	assert_true(census.nr_chains[LAYERS_MAX] >= 5);
}

static void the_oracle_catches_a_broken_allocator(void **state)
{
	/* A leak shows as pages that do not come back, or as a refusal before that. */
	static const char *const words[] = {
		"overlaps", "", "changed while in use", "on node", "has contents", "refused"};

	(void)state;
	for (int i = 0; misdeeds[i]; i++) {
		struct fuzz_chain c = {.text = ""};
		const char *wrong;

		snprintf(c.text, sizeof(c.text), "broken(misdeed=%s):page_allocator", misdeeds[i]);
		/* Laziness hides behind real refusals. */
		wrong = fuzz_run(NODES_SMALL, &c, base_seed, i == LAZY ? 20000 : 5000);
		assert_true(wrong && *wrong);
		assert_says(wrong, words[i]);
	}
}

/* The same seed gives the same history, to the last event. */
static void a_seed_repeats(void **state)
{
	struct fuzz_chain c = {.text = "rcu:page_allocator"};
	u64 seen[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct lab lab;
		struct rng r;

		lab_open(&lab, NODES_SMALL, c.text);
		rng_init(&r, base_seed, "repeat", "fuzz");
		for (int k = 0; k < 2000; k++) {
			int cpu = (int)rng_below(&r, NR_CPUS);
			struct page *page = lab_alloc(&lab, cpu, 0, GFP_KERNEL, -1);

			if (page && rng_below(&r, 3))
				lab_free(&lab, cpu, page, 0);
		}
		lab_settle(&lab);
		seen[i] = lab.m->cpus[0].clock_ns ^ lab.m->cpus[3].clock_ns << 20 ^
			  lab_free_pages(&lab);
		lab_close(&lab);
	}
	assert_int_equal(seen[0], seen[1]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocator_alone),
		cmocka_unit_test(random_stacks),
		cmocka_unit_test(the_oracle_catches_a_broken_allocator),
		cmocka_unit_test(a_seed_repeats),
	};

	if (argc > 1)
		base_seed = strtoull(argv[1], NULL, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
