/*
 * Allocation failure at every single site in turn, slab stacks: each registered slab allocator
 * alone and under each layer, on every layer of pages; and, some sites of each, under pairs of
 * layers and in deep stacks.
 *
 * test_faults_slab PAGES SLAB LAYER REQUEST: one case alone.
 */
#include "tests/test.h"

#include <stdio.h>

#include "alloc/slab_alloc.h"
#include "tests/chains.h"
#include "tests/stack_scripts.h"

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

/* ---- Every site ---- */

static void try_chains(enum allocator_kind kind, unsigned int layers, u64 stacks_min)
{
	struct fault_count count = {.step = layers > 1 ? 6 : 1};
	struct chains c = {0};

	chains_add(&c, kind, layers, CHAINS_KEEPING);
	if (layers > 1)
		chains_thin(&c, kind, CHAINS_KEEPING);
	for (size_t i = 0; i < c.nr; i++)
		faults_try(kind == ALLOC_PAGES
				   ? &(struct fault_case){.pages = c.text[i], .slab = "slabifier"}
				   : &(struct fault_case){.pages = chains_pages_for(c.text[i]),
							  .slab = c.text[i]},
			   slab_script, &count);
	print_message("%llu stacks, %llu sites, %llu refusals\n", (unsigned long long)count.stacks,
		      (unsigned long long)count.sites, (unsigned long long)count.refusals);
	assert_true(count.stacks >= stacks_min && count.sites * count.step >= 30 * count.stacks);
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
	struct fault_count count = {.step = 5};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++)
		faults_try(&stacks[i], slab_script, &count);
	assert_int_equal(count.stacks, ARRAY_SIZE(stacks));
}

static void a_lost_object_is_found(void **state)
{
	struct fault_count count = {0};
	struct fault_case broken = {.pages = "page_allocator", .slab = "broken:slabifier"};
	const char *wrong = faults_find(&broken, slab_script, &count);

	(void)state;
	assert_non_null(wrong);
	assert_says(wrong, "has none");
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
		return faults_try_one(argc, argv, slab_script);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
