/*
 * Fuzzing: every registered slab allocator, alone and in random stacks over random page stacks,
 * with random options and failing layers, against an oracle that remembers every object.
 */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "alloc/stack.h"
#include "lib/rng.h"
#include "tests/chains.h"
#include "tests/random_chain.h"
#include "tests/slab_lab.h"
#include "tests/slab_oracle.h"

#define NR_CACHES 3
#define DEPTH_MAX 8 /* layers above a source */
#define CHAIN_TEXT RANDOM_CHAIN_MAX

/* ---- A layer that misbehaves: the oracle must find it ---- */

enum misdeed { TWICE, SCRIBBLE, KEEP };
static const char *const misdeeds[] = {"twice", "scribble", "keep", NULL};

struct broken_options {
	u64 misdeed;
};

struct broken {
	struct slab_allocator sa;
	u64 misdeed, seen;
	void *last;
};

static struct broken *to_broken(struct slab_cache *cache)
{
	return container_of((struct slab_allocator *)(unsigned long)cache->slab_alloc,
			    struct broken, sa);
}

static void *broken_alloc(struct slab_cache *cache, gfp_t flags)
{
	struct broken *b = to_broken(cache);
	bool now = ++b->seen % 100 == 0 && b->last;

	if (now && b->misdeed == TWICE)
		return b->last;
	if (now && b->misdeed == SCRIBBLE)
		*(u8 *)b->last ^= 1;
	b->last = slab_alloc(cache->base, flags);
	return b->last;
}

static void broken_free(struct slab_cache *cache, void *object)
{
	struct broken *b = to_broken(cache);

	if (b->last == object)
		b->last = NULL;
	if (b->misdeed != KEEP || ++b->seen % 100)
		slab_free(cache->base, object);
}

static struct allocator_desc broken_desc;

static struct slab_allocator *broken_instance(struct slab_allocator *base,
					      struct page_allocator *pages, const void *options,
					      struct err *e)
{
	struct broken *b = instance_alloc(sizeof(*b));

	(void)e;
	derive_slab_allocator(&b->sa, base, pages, &broken_desc);
	b->sa.alloc = broken_alloc;
	b->sa.free = broken_free;
	b->misdeed = ((const struct broken_options *)options)->misdeed;
	return &b->sa;
}

static const struct opt_desc broken_opts[] = {
	OPT_ENUM("misdeed", struct broken_options, misdeed, "twice", misdeeds, "what it does"),
	OPT_END,
};

static struct allocator_desc broken_desc = {
	.name = "broken",
	.kind = ALLOC_SLAB,
	.role = ROLE_LAYER,
	.summary = "misbehaves",
	.options = broken_opts,
	.options_size = sizeof(struct broken_options),
	.create_slab = broken_instance,
};
ALLOCATOR(broken_desc)

/* ---- One run ---- */

struct fuzz {
	struct rng rng;
	struct lab lab;
	struct slab_allocator *sa;
	struct slab_control rooms[NR_CACHES];
	struct slab_cache *caches[NR_CACHES];
	unsigned int aligns[NR_CACHES];
	struct oracle oracle;
	u64 free_pages;
	bool forced_nodes;  /* a page layer decides on the node */
	bool knows_its_own; /* double frees must be reported */
};

static u64 below(struct fuzz *f, u64 n)
{
	return rng_below(&f->rng, n);
}

static u64 one_in(struct fuzz *f, u64 n)
{
	return below(f, n) == 0;
}

static unsigned int random_size(struct fuzz *f)
{
	switch (below(f, 8)) {
	case 0:
		return 1 + (unsigned int)below(f, 16);
	case 1:
		return 2000 + (unsigned int)below(f, 10000);
	default:
		return 1 + (unsigned int)below(f, 700);
	}
}

static void create_cache(struct fuzz *f, int i)
{
	struct slab_cache parameters = {.objsize = random_size(f), .node = NUMA_NO_NODE};

	if (one_in(f, 2))
		parameters.align = 8U << below(f, 5);
	if (one_in(f, 4))
		parameters.size = parameters.objsize + (unsigned int)below(f, 100);
	if (one_in(f, 8))
		parameters.node = (int)below(f, 2);
	snprintf(parameters.name, sizeof(parameters.name), "%s-%d", i == 1 ? "kmalloc" : "cache",
		 i);
	f->aligns[i] = parameters.align;
	f->caches[i] = slab_cache_create(f->sa, &f->rooms[i], &parameters);
	if (f->caches[i])
		assert_int_equal(f->caches[i]->objsize, parameters.objsize);
}

static void allocate(struct fuzz *f)
{
	int i = (int)below(f, NR_CACHES), node = NUMA_NO_NODE;
	struct slab_cache *cache = f->caches[i];
	gfp_t flags = one_in(f, 4) ? GFP_ATOMIC : GFP_KERNEL;
	void *object;

	if (!cache || f->oracle.nr_live == ORACLE_OBJECTS_MAX)
		return;
	if (one_in(f, 4))
		node = (int)below(f, 2);
	if (node >= 0 && one_in(f, 2))
		flags |= __GFP_THISNODE;
	if (one_in(f, 8))
		flags |= __GFP_ZERO;
	object = node >= 0 ? slab_alloc_node(cache, flags, node) : slab_alloc(cache, flags);
	if (!object)
		return;
	if (flags & __GFP_ZERO)
		for (unsigned int b = 0; b < cache->objsize; b++)
			assert_int_equal(((u8 *)object)[b], 0);
	if (!(flags & __GFP_THISNODE) || f->forced_nodes)
		node = NUMA_NO_NODE;
	oracle_allocated(&f->oracle, cache, f->aligns[i], object, node);
}

/* A second free at once must be reported and change nothing. */
static void free_twice(struct fuzz *f, struct slab_cache *cache, void *object)
{
	unsigned int events = f->lab.nr_events;

	slab_free(cache, object);
	assert_int_equal(f->lab.nr_events, events + 1);
	if (!strstr(f->lab.event, "double_free") && !strstr(f->lab.event, "invalid_pointer"))
		fail_msg("%s", f->lab.event);
}

static void free_one(struct fuzz *f)
{
	struct oracle_object oo;
	unsigned int i;

	if (!f->oracle.nr_live)
		return;
	i = (unsigned int)below(f, f->oracle.nr_live);
	oo = f->oracle.live[i];
	oracle_freeing(&f->oracle, i);
	if (one_in(f, 2))
		slab_free(oo.cache, oo.address);
	else
		slab_free_object(virt_to_head_page(oo.address), oo.address);
	if (f->knows_its_own && one_in(f, 20))
		free_twice(f, oo.cache, oo.address);
}

static struct fuzz *moving;

/* Moves an object that the oracle knows; others are no business of the user's. */
static int move_object(struct slab_cache *cache, void *object)
{
	struct fuzz *f = moving;
	unsigned int i = 0;
	void *to;

	while (i < f->oracle.nr_live && f->oracle.live[i].address != object)
		i++;
	if (i == f->oracle.nr_live) {
		snprintf(f->oracle.wrong, sizeof(f->oracle.wrong),
			 "an object of %s is to move, but it is not in use", cache->name);
		return 0;
	}
	assert_ptr_equal(f->oracle.live[i].cache, cache);
	to = one_in(f, 10) ? NULL : slab_alloc(cache, GFP_KERNEL);
	if (!to)
		return 0;
	memcpy(to, object, cache->objsize);
	oracle_moved(&f->oracle, i, to);
	return 1;
}

static void shrink(struct fuzz *f, struct slab_cache *cache)
{
	moving = f;
	slab_cache_shrink(cache, one_in(f, 2) ? move_object : NULL);
}

static void inspect(struct fuzz *f)
{
	struct slab_cache *cache = f->caches[below(f, NR_CACHES)];
	struct slab_counts counts;

	if (!cache)
		return;
	if (one_in(f, 2))
		shrink(f, cache);
	slab_cache_check(cache);
	slab_cache_counts(cache, &counts);
	assert_true(counts.active <= counts.total && counts.partial <= counts.total);
	assert_true(counts.objs_active <= counts.objs_total);
	page_allocator_check(f->lab.pa);
	oracle_verify(&f->oracle);
}

static void inject(struct fuzz *f)
{
	static const u64 every[] = {0, 0, 0, 2, 5, 17};

	for (struct page_allocator *pa = f->lab.pa; pa; pa = pa->base)
		pa->layer->inject.every = every[below(f, ARRAY_SIZE(every))];
	for (struct slab_allocator *sa = f->sa; sa; sa = sa->base)
		sa->layer->inject.every = every[below(f, ARRAY_SIZE(every))];
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
	u64 entered_ns = machine_enter(m, (int)below(f, 4), m->now_ns);

	if (below(f, 100) < (growing ? 60 : 40))
		allocate(f);
	else
		free_one(f);
	if (one_in(f, 300))
		inspect(f);
	if (one_in(f, 400))
		inject(f);
	if (one_in(f, 6000))
		hand_over(f);
	machine_leave(m, entered_ns);
	if (one_in(f, 50))
		machine_advance(m, m->now_ns + below(f, 20) * 1000000);
	if (one_in(f, 2000))
		machine_advance(m, m->now_ns + 12000000000ULL);
}

static void tear_down(struct fuzz *f)
{
	while (f->oracle.nr_live) {
		struct oracle_object oo = f->oracle.live[0];

		oracle_freeing(&f->oracle, 0);
		slab_free(oo.cache, oo.address);
	}
	for (int i = 0; i < NR_CACHES; i++) {
		if (f->caches[i] && slab_cache_destroy(f->caches[i]) && !*f->oracle.wrong)
			strcpy(f->oracle.wrong, "a cache without objects has live ones");
		f->caches[i] = NULL;
	}
	hand_over(f);
	slab_allocator_put(f->sa);
	lab_settle(&f->lab);
	page_allocator_check(f->lab.pa);
	if (lab_free_pages(&f->lab) + lab_lost_pages(&f->lab) != f->free_pages && !*f->oracle.wrong)
		strcpy(f->oracle.wrong, "pages did not come back");
}

static struct census census;

static void take_census(const struct fuzz *f)
{
	unsigned int layers = 0;

	for (const struct slab_allocator *sa = f->sa; sa; sa = sa->base) {
		if (sa->layer->nr_alloc)
			census_add(&census, sa->desc);
		layers += sa->base != NULL;
	}
	census.nr_chains[layers]++;
}

/* What is wrong with the stack; "" if nothing was found, NULL if it cannot be built. */
static const char *fuzz_run(const char *pages, const char *slab, u64 seed, unsigned int steps)
{
	static struct fuzz f;
	static char found[256];
	struct err e;

	memset(&f, 0, sizeof(f));
	rng_init(&f.rng, seed, slab, "fuzz");
	lab_open(&f.lab, LAB_TWO_NODES, NULL);
	f.lab.pa = lab_chain(pages, &e);
	f.sa = f.lab.pa ? slab_lab_chain(f.lab.pa, slab, &e) : NULL;
	if (!f.sa) {
		lab_close(&f.lab);
		return NULL;
	}
	f.forced_nodes = strstr(pages, "numactl");
	f.knows_its_own = (strstr(slab, "slabifier") || strstr(slab, "queued_slab") ||
			   slab_allocator_source(f.sa)->desc->any_size) &&
			  !strstr(slab, "broken");
	lab_settle(&f.lab); /* a reserve was taken when the chain was made */
	f.free_pages = lab_free_pages(&f.lab);
	oracle_init(&f.oracle);
	for (int i = 0; i < NR_CACHES; i++)
		create_cache(&f, i);
	for (unsigned int i = 0; i < steps && !*f.oracle.wrong; i++)
		one_step(&f, i < steps / 2);
	take_census(&f);
	tear_down(&f);
	strcpy(found, f.oracle.wrong);
	oracle_fini(&f.oracle);
	lab_close(&f.lab);
	return found;
}

/* ---- Random stacks ---- */

static bool usable(const struct allocator_desc *d, enum allocator_kind kind,
		   enum allocator_role role)
{
	return d->kind == kind && d->role == role && !d->keeps_nothing &&
	       strcmp(d->name, "broken") != 0;
}

/* Options at their default, at their least, or a little above. */
static void print_options(struct rng *r, const struct allocator_desc *d, char *buf, size_t n)
{
	size_t at = 0;

	buf[0] = '\0';
	for (const struct opt_desc *o = d->options; o && o->type != OPT_TYPE_END; o++) {
		if ((o->type != OPT_TYPE_U64 && o->type != OPT_TYPE_S64) || rng_below(r, 2))
			continue;
		at += (size_t)snprintf(buf + at, n - at, "%c%s=%lld", at ? ',' : '(', o->name,
				       (long long)o->min + (long long)rng_below(r, 5));
	}
	if (at)
		snprintf(buf + at, n - at, ")");
}

static void print_layer(struct rng *r, const struct allocator_desc *d, char *text, size_t n)
{
	char options[256];

	print_options(r, d, options, sizeof(options));
	snprintf(text, n, "%s%s", d->name, options);
}

static bool fuzz_stack(const char *pages, const char *slab, u64 seed, unsigned int steps)
{
	const char *wrong = fuzz_run(pages, slab, seed, steps);

	if (wrong && *wrong)
		fail_msg("pages=%s slab=%s seed=%llu: %s", pages, slab, (unsigned long long)seed,
			 wrong);
	return wrong;
}

static void fuzz_alone(const char *layer, const char *source, unsigned int seeds)
{
	char chain[CHAIN_TEXT];

	snprintf(chain, sizeof(chain), "%s%s%s", layer, *layer && *source ? ":" : "", source);
	for (u64 seed = 1; seed <= seeds; seed++)
		assert_true(fuzz_stack(chains_pages_for(chain), chain, seed, 60000));
}

static void every_allocator_alone(void **state)
{
	(void)state;
	for (struct allocator_desc *d = allocator_first(); d; d = d->next) {
		if (usable(d, ALLOC_SLAB, ROLE_SOURCE))
			fuzz_alone("", d->name, 3);
		if (usable(d, ALLOC_SLAB, ROLE_LAYER)) {
			fuzz_alone(d->name, "slabifier", 2);
			fuzz_alone(d->name, "queued_slab", 1);
		}
	}
}

static void make_random(struct rng *r, char pages[CHAIN_TEXT], char slab[CHAIN_TEXT])
{
	struct chain_kind k = {ALLOC_PAGES, LAB_TWO_NODES, NULL, NULL, print_layer};

	random_chain(r, &k, (unsigned int)rng_below(r, 3), pages);
	if (rng_below(r, 5) == 0) /* else bootmem would hardly ever find its own */
		strcpy(pages, chains_pages_for("bootmem"));
	k.kind = ALLOC_SLAB;
	k.pages = pages;
	random_chain(r, &k, (unsigned int)rng_below(r, DEPTH_MAX + 1), slab);
}

/* Up to eight layers deep, and nobody is left out. */
static void random_stacks(void **state)
{
	const struct allocator_desc *unused;
	struct rng r;

	(void)state;
	rng_init(&r, 1, "stacks", "fuzz");
	census = (struct census){0};
	for (u64 seed = 1; seed <= 120; seed++) {
		char pages[CHAIN_TEXT], slab[CHAIN_TEXT];

		make_random(&r, pages, slab);
		assert_true(fuzz_stack(pages, slab, seed, 20000));
	}
	unused = census_unused(&census, ALLOC_SLAB);
	if (unused)
		fail_msg("'%s' was in no random stack", unused->name);
	assert_true(census.nr_chains[DEPTH_MAX] >= 5);
}

static void the_oracle_finds_what_is_broken(void **state)
{
	(void)state;
	for (const char *const *misdeed = misdeeds; *misdeed; misdeed++) {
		char chain[CHAIN_TEXT];
		const char *wrong;

		snprintf(chain, sizeof(chain), "broken(misdeed=%s):slabifier", *misdeed);
		wrong = fuzz_run("page_allocator", chain, 1, 3000);
		assert_non_null(wrong);
		if (!*wrong)
			fail_msg("%s was not found out", chain);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocator_alone),
		cmocka_unit_test(random_stacks),
		cmocka_unit_test(the_oracle_finds_what_is_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
