/*
 * Fuzzing: every registered store, alone and in random stacks with derived layers over random page
 * and slab stacks, with random options and failing layers, against an oracle that knows every byte.
 */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/rng.h"
#include "tests/chains.h"
#include "tests/random_chain.h"
#include "tests/shelf_store.h"
#include "tests/store_lab.h"
#include "tests/store_oracle.h"

#define DEPTH_MAX 3 /* layers above a source: each kind stands only once */
#define CHAIN_TEXT RANDOM_CHAIN_MAX

struct fuzz {
	struct rng rng;
	struct lab lab;
	struct slab_allocator *sa;
	struct slabulator slabs;
	struct store *store;
	struct store_oracle oracle;
	u64 free_pages;
	u32 sizes_max; /* of this part of the run */
};

static u64 below(struct fuzz *f, u64 n)
{
	return rng_below(&f->rng, n);
}

static bool one_in(struct fuzz *f, u64 n)
{
	return below(f, n) == 0;
}

/* Any, the least, the largest, and around multiples of what stores round to. */
static u32 random_size(struct fuzz *f)
{
	u32 size_max = (u32)f->store->size_max, size;

	switch (below(f, 8)) {
	case 0:
		return 1 + (u32)below(f, 32);
	case 1:
		return size_max - (u32)below(f, 64);
	case 2:
		size = (u32)(64 * (1 + below(f, size_max / 64)) + below(f, 3) - 1);
		return min(size, size_max);
	default:
		return 1 + (u32)below(f, f->sizes_max);
	}
}

static void allocate(struct fuzz *f)
{
	static const gfp_t flags[] = {GFP_STORE, GFP_STORE, GFP_KERNEL, GFP_ATOMIC,
				      GFP_STORE & ~__GFP_MOVABLE};

	if (f->oracle.nr_live < STORE_OBJECTS_MAX)
		store_oracle_malloc(&f->oracle, random_size(f), flags[below(f, ARRAY_SIZE(flags))]);
}

static unsigned int random_object(struct fuzz *f)
{
	return (unsigned int)below(f, f->oracle.nr_live);
}

static void use_one(struct fuzz *f)
{
	if (!f->oracle.nr_live)
		return;
	if (one_in(f, 3))
		store_oracle_write(&f->oracle, random_object(f));
	else
		store_oracle_read(&f->oracle, random_object(f));
}

static void free_one(struct fuzz *f)
{
	if (f->oracle.nr_live)
		store_oracle_free(&f->oracle, random_object(f));
}

/* True if compaction may give up before it has looked at everything. */
static bool gives_up(const struct fuzz *f)
{
	const struct opt_desc *o = store_source(f->store)->desc->options;

	while (o && o->type != OPT_TYPE_END && strcmp(o->name, "tries") != 0)
		o++;
	return o && o->type != OPT_TYPE_END;
}

/* What was all that could be gained leaves nothing to gain, or not for long. */
static void compact_all(struct fuzz *f)
{
	unsigned int runs = 0;

	while (store_oracle_compact(&f->oracle, UINT64_MAX, UINT64_MAX).freed_pages)
		runs++;
	if (runs > (gives_up(f) ? 100U : 1U))
		store_oracle_wrong(&f->oracle, "compaction left something to gain");
}

static void compact(struct fuzz *f)
{
	if (one_in(f, 2))
		store_oracle_compact(&f->oracle, 1 + below(f, 20), UINT64_MAX);
	else if (one_in(f, 2))
		store_oracle_compact(&f->oracle, UINT64_MAX, below(f, 20000));
	else
		compact_all(f);
	store_oracle_verify(&f->oracle);
}

static void inspect(struct fuzz *f)
{
	store_oracle_verify(&f->oracle);
	page_allocator_check(f->lab.pa);
	for (struct store *s = f->store; s && !*f->oracle.wrong; s = s->base)
		for (unsigned int i = 0; i < s->nr_caches; i++)
			slab_cache_check(s->caches[i]->cache);
}

static void inject(struct fuzz *f)
{
	static const u64 every[] = {0, 0, 0, 2, 5, 17};

	for (struct page_allocator *pa = f->lab.pa; pa; pa = pa->base)
		pa->layer->inject.every = every[below(f, ARRAY_SIZE(every))];
	for (struct slab_allocator *sa = f->sa; sa; sa = sa->base)
		sa->layer->inject.every = every[below(f, ARRAY_SIZE(every))];
	for (struct store *s = f->store; s; s = s->base)
		s->layer->inject.every = every[below(f, ARRAY_SIZE(every))];
}

static void one_step(struct fuzz *f, bool growing)
{
	struct machine *m = f->lab.m;
	u64 entered_ns = machine_enter(m, (int)below(f, 4), m->now_ns);
	u64 what = below(f, 100);

	if (what < 20)
		use_one(f);
	else if (what < (growing ? 70 : 50))
		allocate(f);
	else
		free_one(f);
	if (one_in(f, 300))
		inspect(f);
	if (one_in(f, 400))
		compact(f);
	if (one_in(f, 400))
		inject(f);
	if (one_in(f, 200))
		f->sizes_max = 1 + (u32)below(f, f->store->size_max);
	machine_leave(m, entered_ns);
	if (one_in(f, 50))
		machine_advance(m, m->now_ns + below(f, 20) * 1000000);
	if (one_in(f, 2000))
		machine_advance(m, m->now_ns + 12000000000ULL);
}

/* ---- A run ---- */

static bool open_stack(struct fuzz *f, const char *pages, const char *slab, const char *store)
{
	struct store_env env = {.pages = NULL, .slabs = &f->slabs};
	struct err e;

	lab_open(&f->lab, LAB_TWO_NODES, NULL);
	f->lab.pa = env.pages = lab_chain(pages, &e);
	f->sa = f->lab.pa ? slab_lab_chain(f->lab.pa, slab, &e) : NULL;
	if (f->sa) {
		lab_hand_over(&f->lab);
		lab_settle(&f->lab);
		f->free_pages = lab_free_pages(&f->lab);
		slabulator_init(&f->slabs, f->sa, f->lab.pa);
		f->slabs.merge = one_in(f, 2);
		f->store = store_lab_chain(&env, store, &e);
	}
	if (f->store)
		return true;
	slab_allocator_put(f->sa);
	lab_close(&f->lab);
	return false;
}

/* Also what is still live goes with the store. */
static void close_stack(struct fuzz *f)
{
	struct store_oracle *o = &f->oracle;

	if (one_in(f, 3) && !*o->wrong)
		f->lab.m->on_event = NULL; /* a leak is reported */
	else
		while (o->nr_live)
			store_oracle_free(o, o->nr_live - 1);
	if (!*o->wrong)
		store_oracle_verify(o);
	store_put(f->store);
	if (slabulator_destroy(&f->slabs))
		store_oracle_wrong(o, "descriptors are left");
	slab_allocator_put(f->sa);
	lab_settle(&f->lab);
	page_allocator_check(f->lab.pa);
	if (lab_free_pages(&f->lab) != f->free_pages)
		store_oracle_wrong(o, "%lld pages did not come back",
				   (long long)(f->free_pages - lab_free_pages(&f->lab)));
}

static struct census census;

static void take_census(const struct fuzz *f)
{
	unsigned int layers = 0;

	for (const struct store *s = f->store; s; s = s->base) {
		if (s->layer->nr_alloc)
			census_add(&census, s->desc);
		layers += s->base != NULL;
	}
	census.nr_chains[layers]++;
}

/* What is wrong with the stack; "" if nothing was found, NULL if it cannot be built. */
static const char *fuzz_run(const char *pages, const char *slab, const char *store, u64 seed,
			    unsigned int steps)
{
	static struct fuzz f;
	static char found[256];

	memset(&f, 0, sizeof(f));
	rng_init(&f.rng, seed, store, "fuzz");
	if (!open_stack(&f, pages, slab, store))
		return NULL;
	store_oracle_init(&f.oracle, f.store);
	store_oracle_listen(&f.oracle);
	f.sizes_max = (u32)f.store->size_max;
	for (unsigned int i = 0; i < steps && !*f.oracle.wrong; i++)
		one_step(&f, i % (steps / 2) < steps / 4);
	if (!*f.oracle.wrong)
		inspect(&f);
	take_census(&f);
	close_stack(&f);
	strcpy(found, f.oracle.wrong);
	store_oracle_fini(&f.oracle);
	lab_close(&f.lab);
	return found;
}

/* ---- Random stacks ---- */

/* Options at their default, at their least, or a little above. */
static void print_layer(struct rng *r, const struct allocator_desc *d, char *text, size_t n)
{
	size_t at = (size_t)snprintf(text, n, "%s", d->name);
	char open = '(';

	for (const struct opt_desc *o = d->options; o && o->type != OPT_TYPE_END; o++) {
		if ((o->type != OPT_TYPE_U64 && o->type != OPT_TYPE_S64) || rng_below(r, 2))
			continue;
		at += (size_t)snprintf(
			text + at, n - at, "%c%s=%lld", open, o->name,
			min((long long)o->min + (long long)rng_below(r, 5), (long long)o->max));
		open = ',';
	}
	for (const struct opt_desc *o = d->options; o && o->type != OPT_TYPE_END; o++) {
		u64 choices = 0;

		if (o->type != OPT_TYPE_ENUM || d == &shelf_desc)
			continue;
		while (o->choices[choices])
			choices++;
		at += (size_t)snprintf(text + at, n - at, "%c%s=%s", open, o->name,
				       o->choices[rng_below(r, choices)]);
		open = ',';
	}
	if (open == ',')
		snprintf(text + at, n - at, ")");
}

static bool fuzz_stack(const char *pages, const char *slab, const char *store, u64 seed,
		       unsigned int steps)
{
	const char *wrong = fuzz_run(pages, slab, store, seed, steps);

	if (wrong && *wrong)
		fail_msg("pages=%s slab=%s store=%s seed=%llu: %s", pages, slab, store,
			 (unsigned long long)seed, wrong);
	return wrong;
}

static void every_store_alone(void **state)
{
	const struct allocator_desc *d;

	(void)state;
	for (size_t i = 0; (d = chains_allocator(ALLOC_STORE, ROLE_SOURCE, i)); i++)
		for (u64 seed = 1; seed <= 3 && !d->keeps_nothing; seed++)
			assert_true(
				fuzz_stack("page_allocator", "slabifier", d->name, seed, 20000));
}

/* Or refused, for its own reasons. */
static void every_layer_on_every_store(void **state)
{
	struct chains c = {0};
	unsigned int made = 0;

	(void)state;
	chains_add(&c, ALLOC_STORE, 1, CHAINS_KEEPING);
	for (size_t i = 0; i < c.nr; i++)
		made += fuzz_stack("page_allocator", "queued_slab", c.text[i], 1, 12000);
	chains_free(&c);
	assert_true(made >= 3);
}

static void make_random(struct rng *r, char pages[CHAIN_TEXT], char slab[CHAIN_TEXT],
			char store[CHAIN_TEXT])
{
	struct chain_kind k = {.kind = ALLOC_PAGES, .nodes = LAB_TWO_NODES, .print = print_layer};

	random_chain(r, &k, (unsigned int)rng_below(r, 4), pages);
	k.kind = ALLOC_SLAB;
	k.pages = pages;
	random_chain(r, &k, (unsigned int)rng_below(r, 4), slab);
	k.kind = ALLOC_STORE;
	k.slab = slab;
	random_chain(r, &k, (unsigned int)rng_below(r, DEPTH_MAX + 1), store);
}

static void random_stacks(void **state)
{
	const struct allocator_desc *unused;
	struct rng r;

	(void)state;
	rng_init(&r, 1, "stores", "fuzz");
	census = (struct census){0};
	for (u64 seed = 1; seed <= 120; seed++) {
		char pages[CHAIN_TEXT], slab[CHAIN_TEXT], store[CHAIN_TEXT];

		make_random(&r, pages, slab, store);
		assert_true(fuzz_stack(pages, slab, store, seed, 4000));
	}
	unused = census_unused(&census, ALLOC_STORE);
	if (unused)
		fail_msg("'%s' was in no random stack", unused->name);
	assert_true(census.nr_chains[DEPTH_MAX] >= 5);
}

static void the_oracle_finds_what_is_broken(void **state)
{
	(void)state;
	for (const char *const *misdeed = misdeeds + 1; *misdeed; misdeed++) {
		char chain[CHAIN_TEXT];
		const char *wrong;

		snprintf(chain, sizeof(chain), "shelf(misdeed=%s)", *misdeed);
		wrong = fuzz_run("page_allocator", "slabifier", chain, 1, 10000);
		assert_non_null(wrong);
		print_message("%s: %s\n", *misdeed, wrong);
		if (!*wrong)
			fail_msg("%s was not found out", chain);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_store_alone),
		cmocka_unit_test(every_layer_on_every_store),
		cmocka_unit_test(random_stacks),
		cmocka_unit_test(the_oracle_finds_what_is_broken),
	};

	if (argc == 6) { /* PAGES SLAB STORE SEED STEPS: one stack alone */
		const char *wrong = fuzz_run(argv[1], argv[2], argv[3], strtoull(argv[4], NULL, 10),
					     (unsigned int)strtoul(argv[5], NULL, 10));

		printf("%s\n", wrong ? (*wrong ? wrong : "nothing wrong") : "cannot be made");
		return !wrong || *wrong;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
