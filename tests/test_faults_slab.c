/*
 * Allocation failure at every single site in turn, slab stacks: each registered slab allocator
 * alone and under each layer, on every layer of pages, and a few deep stacks.
 *
 * test_faults_slab PAGES SLAB LAYER REQUEST: one case alone.
 */
#include "tests/test.h"

#include <stdio.h>

#include "tests/chains.h"
#include "tests/faults.h"
#include "tests/slab_oracle.h"

#define NR_CACHES 3
#define NR_CPUS 4
#define MS 1000000ULL

static const struct slab_cache parameters[NR_CACHES] = {
	{.name = "small", .objsize = 40, .node = NUMA_NO_NODE},
	{.name = "aligned", .objsize = 700, .align = 64, .node = NUMA_NO_NODE},
	{.name = "large", .objsize = 5000, .node = NUMA_NO_NODE},
};

/* ---- A layer that loses an object when it is refused another: it must be found ---- */

static struct allocator_desc broken_desc;

static void *broken_alloc(struct slab_cache *cache, gfp_t flags)
{
	void *one = slab_alloc(cache->base, flags), *other = slab_alloc(cache->base, flags);

	if (other)
		slab_free(cache->base, other);
	return other ? one : NULL;
}

static struct slab_allocator *broken_instance(struct slab_allocator *base,
					      struct page_allocator *pages, const void *options,
					      struct err *e)
{
	struct slab_allocator *sa = instance_alloc(sizeof(*sa));

	(void)options, (void)e;
	derive_slab_allocator(sa, base, pages, &broken_desc);
	sa->alloc = broken_alloc;
	return sa;
}

static struct allocator_desc broken_desc = {
	.name = "broken",
	.kind = ALLOC_SLAB,
	.role = ROLE_LAYER,
	.summary = "loses objects",
	.create_slab = broken_instance,
};
ALLOCATOR(broken_desc)

/* ---- The script ---- */

struct script {
	struct faults *f;
	struct oracle oracle;
	struct slab_control rooms[NR_CACHES];
	struct slab_cache *caches[NR_CACHES];
};

static struct script s;

static u64 enter(int cpu)
{
	return machine_enter(s.f->lab.m, cpu % NR_CPUS, s.f->lab.m->now_ns);
}

static void leave(u64 entered_ns)
{
	machine_leave(s.f->lab.m, entered_ns);
}

static void create(int i)
{
	for (int again = 0; again < 2 && !s.caches[i]; again++) {
		s.caches[i] = slab_cache_create(s.f->sa, &s.rooms[i], &parameters[i]);
		if (!s.caches[i])
			fault_refused(s.f, "a cache", again);
	}
}

static void *allocate_from(struct slab_cache *cache, unsigned int nr, int *node)
{
	gfp_t flags = nr % 5 == 4 ? GFP_ATOMIC : GFP_KERNEL;

	*node = NUMA_NO_NODE;
	if (nr % 4 == 3)
		return slab_alloc_node(cache, flags, (int)(nr / 4 % 2));
	if (nr % 7 == 6)
		flags |= __GFP_ZERO;
	return slab_alloc(cache, flags);
}

/* An object of each cache, and again at once if it was refused. */
static void allocate(unsigned int nr)
{
	struct slab_cache *cache = s.caches[nr % NR_CACHES];
	u64 entered_ns = enter((int)(nr / 2));
	void *object = NULL;
	int node;

	for (int again = 0; again < 2 && cache && !object; again++) {
		object = allocate_from(cache, nr, &node);
		if (object)
			oracle_allocated(&s.oracle, cache, parameters[nr % NR_CACHES].align, object,
					 node);
		else
			fault_refused(s.f, cache->name, again);
	}
	leave(entered_ns);
}

static void free_one(unsigned int i, int cpu)
{
	struct oracle_object oo = s.oracle.live[i];
	u64 entered_ns = enter(cpu);

	oracle_freeing(&s.oracle, i);
	if (i % 2)
		slab_free(oo.cache, oo.address);
	else
		slab_free_object(virt_to_head_page(oo.address), oo.address);
	leave(entered_ns);
}

static int move_object(struct slab_cache *cache, void *object)
{
	unsigned int i = 0;
	void *to;

	while (i < s.oracle.nr_live && s.oracle.live[i].address != object)
		i++;
	if (i == s.oracle.nr_live) {
		fault_wrong(s.f, "an object of %s is to move, but it is not in use", cache->name);
		return 0;
	}
	to = slab_alloc(cache, GFP_KERNEL);
	if (!to)
		return 0;
	memcpy(to, object, cache->objsize);
	oracle_moved(&s.oracle, i, to);
	return 1;
}

static void shrink(move_object_fn move)
{
	u64 entered_ns = enter(0);

	for (int i = 0; i < NR_CACHES; i++)
		if (s.caches[i])
			slab_cache_shrink(s.caches[i], move);
	leave(entered_ns);
}

static void inspect(void)
{
	for (int i = 0; i < NR_CACHES; i++)
		if (s.caches[i])
			slab_cache_check(s.caches[i]);
	page_allocator_check(s.f->lab.pa);
	oracle_verify(&s.oracle);
}

static void wait_ns(u64 ns)
{
	machine_advance(s.f->lab.m, s.f->lab.m->now_ns + ns);
}

static void tear_down(void)
{
	while (s.oracle.nr_live)
		free_one(0, (int)s.oracle.nr_live);
	for (int i = 0; i < NR_CACHES; i++)
		if (s.caches[i] && slab_cache_destroy(s.caches[i]))
			fault_wrong(s.f, "%s has live objects", parameters[i].name);
	if (*s.oracle.wrong)
		fault_wrong(s.f, "%s", s.oracle.wrong);
	oracle_fini(&s.oracle);
}

/* Long enough for a magazine or a queue to run full and empty, short enough to run often. */
static void run_script(struct faults *f)
{
	s = (struct script){.f = f};
	oracle_init(&s.oracle);
	for (int i = 0; i < NR_CACHES; i++)
		create(i);
	for (unsigned int nr = 0; nr < 24; nr++)
		allocate(nr);
	for (unsigned int i = s.oracle.nr_live; i-- > 0;)
		if (i % 3)
			free_one(i, (int)i);
	inspect();
	wait_ns(40 * MS);
	for (unsigned int nr = 0; nr < 9; nr++)
		allocate(nr);
	shrink(move_object);
	inspect();
	wait_ns(16000 * MS); /* flushers, depots, reapers */
	shrink(NULL);
	for (unsigned int nr = 0; nr < 3; nr++)
		allocate(nr);
	inspect();
	tear_down();
}

static void try_chains(enum allocator_kind kind, unsigned int layers, u64 stacks_min)
{
	struct fault_count count = {0};
	struct chains c = {0};

	chains_add(&c, kind, layers, CHAINS_KEEPING);
	if (layers > 1)
		chains_thin(&c, kind, CHAINS_KEEPING);
	for (size_t i = 0; i < c.nr; i++)
		faults_try(kind == ALLOC_PAGES ? c.text[i] : "page_allocator",
			   kind == ALLOC_SLAB ? c.text[i] : "slabifier", run_script, &count);
	print_message("%llu stacks, %llu sites, %llu refusals\n", (unsigned long long)count.stacks,
		      (unsigned long long)count.sites, (unsigned long long)count.refusals);
	assert_true(count.stacks >= stacks_min && count.sites >= 30 * count.stacks);
	assert_true(count.refusals > 0);
	chains_free(&c);
}

static void every_slab_allocator_alone(void **state)
{
	(void)state;
	try_chains(ALLOC_SLAB, 0, 1);
}

static void every_slab_layer_on_every_source(void **state)
{
	(void)state;
	try_chains(ALLOC_SLAB, 1, 4);
}

static void every_pair_of_slab_layers(void **state)
{
	(void)state;
	try_chains(ALLOC_SLAB, 2, 10);
}

static void every_page_layer_below_a_slab_allocator(void **state)
{
	(void)state;
	try_chains(ALLOC_PAGES, 0, 2);
	try_chains(ALLOC_PAGES, 1, 12);
}

static void deep_stacks(void **state)
{
	static const struct fault_case stacks[] = {
		{.pages = "page_allocator(pcp=off)",
		 .slab = "rcu:caching(rounds=1):debug:slabifier"},
		{.pages = "rcu:reclaimable:page_allocator", .slab = "rcu:caching:dma:slabifier"},
		{.pages = "rcu:mempool(order=1,min_nr=2):bitmap",
		 .slab = "forward:rcu:forward:caching(rounds=3):debug(redzone=64B):forward:"
			 "slabifier("
			 "min_order=1)"},
		{.pages = "mempool:dma:unreclaimable:forward:ctor_dtor:numactl(node=0):bitmap",
		 .slab = "debug:slabifier"},
	};
	struct fault_count count = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++)
		faults_try(stacks[i].pages, stacks[i].slab, run_script, &count);
	assert_int_equal(count.stacks, ARRAY_SIZE(stacks));
}

static void a_lost_object_is_found(void **state)
{
	struct fault_count count = {0};
	const char *wrong = faults_find("page_allocator", "broken:slabifier", run_script, &count);

	(void)state;
	assert_non_null(wrong);
	assert_says(wrong, "live objects");
	assert_true(count.sites > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_slab_allocator_alone),
		cmocka_unit_test(every_slab_layer_on_every_source),
		cmocka_unit_test(every_pair_of_slab_layers),
		cmocka_unit_test(every_page_layer_below_a_slab_allocator),
		cmocka_unit_test(deep_stacks),
		cmocka_unit_test(a_lost_object_is_found),
	};

	if (argc > 1)
		return faults_try_one(argc, argv, run_script);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
