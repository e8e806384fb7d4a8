/*
 * Allocation failure at every single site in turn, chains of pages: each registered page allocator
 * alone, under each layer, under each pair of them, and deep.
 *
 * test_faults_pages PAGES - LAYER REQUEST: one case alone.
 */
#include "tests/test.h"

#include <stdio.h>

#include "tests/chains.h"
#include "tests/stack_scripts.h"

static void try_layers(unsigned int layers, u64 stacks_min)
{
	struct fault_count count = {0};
	struct chains c = {0};

	chains_add(&c, ALLOC_PAGES, layers, CHAINS_KEEPING);
	if (layers > 1)
		chains_thin(&c, ALLOC_PAGES, CHAINS_KEEPING);
	for (size_t i = 0; i < c.nr; i++)
		faults_try(&(struct fault_case){.pages = c.text[i]}, page_script, &count);
	print_message("%llu stacks, %llu sites, %llu refusals\n", (unsigned long long)count.stacks,
		      (unsigned long long)count.sites, (unsigned long long)count.refusals);
	assert_true(count.stacks >= stacks_min && count.sites >= 20 * count.stacks);
	assert_true(count.refusals > 0);
	chains_free(&c);
}

static void every_page_allocator_alone(void **state)
{
	(void)state;
	try_layers(0, 2);
}

static void every_layer_on_every_source(void **state)
{
	(void)state;
	try_layers(1, 12);
}

static void every_pair_of_layers(void **state)
{
	(void)state;
	try_layers(2, 40);
}

static void deep_chains(void **state)
{
	static const char *const chains[] = {
		"rcu:mempool(order=3,min_nr=4):reclaimable:forward:ctor_dtor:dma:numactl(node=0):"
		"forward:page_allocator",
		"mempool(order=0,min_nr=3):mempool(order=3,min_nr=2):rcu:unreclaimable:bitmap",
		"forward:forward:forward:forward:rcu:forward:forward:forward:page_allocator(pcp="
		"off)",
	};
	struct fault_count count = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		faults_try(&(struct fault_case){.pages = chains[i]}, page_script, &count);
	assert_int_equal(count.stacks, ARRAY_SIZE(chains));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_page_allocator_alone),
		cmocka_unit_test(every_layer_on_every_source),
		cmocka_unit_test(every_pair_of_layers),
		cmocka_unit_test(deep_chains),
	};

	if (argc > 1)
		return faults_try_one(argc, argv, page_script);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
