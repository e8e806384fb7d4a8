/*
 * Which orders of allocators make sense: every single one, pair and triple of registered layers on
 * every source is either made, and then survives the oracle, or refused with the reason. And the
 * table of what is refused, and why.
 */
#include "tests/test.h"

#include <stdio.h>

#include "alloc/stack.h"
#include "tests/chains.h"
#include "tests/sim_fixture.h"
#include "tests/stack_scripts.h"

/* ---- Every order ---- */

/* "LAYER: " and a sentence, not just a word. */
static void expect_reason(const char *chain, const struct err *e)
{
	unsigned int words = 0;

	for (const char *at = e->msg; *at; at++)
		words += *at == ' ';
	if (words < 5)
		fail_msg("%s: '%s' is no reason", chain, e->msg);
}

struct orders {
	unsigned int made, refused;
};

static void try_chain(enum allocator_kind kind, const char *chain, struct orders *orders)
{
	struct err e = {""};
	bool pages = kind == ALLOC_PAGES;
	struct fault_case stack = {.pages = pages ? chain : chains_pages_for(chain),
				   .slab = pages ? NULL : chain};
	fault_script script = pages ? page_script : slab_script;

	if (kind == ALLOC_STORE) {
		stack.store = chain;
		stack.slab = "slabifier";
		script = store_script;
	}
	if (faults_once(&stack, script, &e)) {
		orders->made++;
	} else {
		orders->refused++;
		expect_reason(chain, &e);
	}
}

static struct orders try_layers(enum allocator_kind kind, unsigned int layers)
{
	struct orders orders = {0};
	struct chains c = {0};

	chains_add(&c, kind, layers, CHAINS_KEEPING);
	for (size_t i = 0; i < c.nr; i++)
		try_chain(kind, c.text[i], &orders);
	chains_free(&c);
	print_message("%s: %u layers: %u made, %u refused\n", allocator_chain_names[kind], layers,
		      orders.made, orders.refused);
	return orders;
}

static void every_order_of_page_allocators(void **state)
{
	(void)state;
	assert_int_equal(try_layers(ALLOC_PAGES, 0).refused, 0);
	assert_int_equal(try_layers(ALLOC_PAGES, 1).refused, 0);
	assert_true(try_layers(ALLOC_PAGES, 2).made >= 80);
	assert_true(try_layers(ALLOC_PAGES, 3).refused >= 100);
}

static void every_order_of_slab_allocators(void **state)
{
	(void)state;
	assert_int_equal(try_layers(ALLOC_SLAB, 0).refused, 0);
	assert_int_equal(try_layers(ALLOC_SLAB, 1).refused, 0);
	assert_true(try_layers(ALLOC_SLAB, 2).made >= 15);
	assert_true(try_layers(ALLOC_SLAB, 3).refused >= 30);
}

static void every_order_of_stores(void **state)
{
	(void)state;
	assert_int_equal(try_layers(ALLOC_STORE, 0).refused, 0);
	assert_true(try_layers(ALLOC_STORE, 1).made >= 12);
	assert_true(try_layers(ALLOC_STORE, 2).made >= 13);
	assert_true(try_layers(ALLOC_STORE, 3).refused >= 100);
}

/* What keeps nothing cannot be looked at by an oracle; it is made or refused all the same. */
static void sources_that_keep_nothing(void **state)
{
	unsigned int refused = 0, made = 0;
	struct chains c = {0};

	(void)state;
	for (unsigned int layers = 0; layers <= 2; layers++)
		chains_add(&c, ALLOC_SLAB, layers, CHAINS_ALL);
	for (size_t i = 0; i < c.nr; i++) {
		struct stack_config sc;
		struct stack s;
		struct err e = {""};

		assert_int_equal(stack_config_parse(&sc, "null", c.text[i], &e), 0);
		if (!stack_create(&s, &sc, &e)) {
			made++;
			stack_destroy(&s);
		} else {
			refused++;
			expect_reason(c.text[i], &e);
		}
		stack_config_free(&sc);
	}
	chains_free(&c);
	assert_true(made > 2 && refused > 2);
}

/* ---- What is refused, and why ---- */

static const struct {
	const char *pages, *slab, *reason;
} refusals[] = {
	/* Twice the same. */
	{"rcu:rcu:bitmap", NULL, "waits for a grace period already"},
	{"rcu:forward:rcu:bitmap", NULL, "waits for a grace period already"},
	{"dma:dma:bitmap", NULL, "in ZONE_DMA already"},
	{"reclaimable:reclaimable:bitmap", NULL, "counted twice"},
	{"reclaimable:forward:unreclaimable:bitmap", NULL, "counted twice"},
	{NULL, "debug:debug:slabifier", "has red zones already"},
	{NULL, "debug:forward:debug:slabifier", "has red zones already"},
	{NULL, "caching:caching:slabifier", "has magazines already"},
	{NULL, "rcu:rcu:slabifier", "waits for a grace period already"},
	{NULL, "rcu:caching:rcu:slabifier", "a free waits in 'rcu:slabifier'"},
	{NULL, "dma:dma:slabifier", "lie in ZONE_DMA already"},
	/* Readers may still look. */
	{NULL, "caching:rcu:slabifier",
	 "before the grace period (the order that works: rcu:caching"},
	{NULL, "debug:rcu:slabifier",
	 "what readers may still look at (the order that works: rcu:debug"},
	{NULL, "caching:forward:rcu:slabifier", "before the grace period"},
	/* Memory that comes up later, once, below everything else. */
	{"boot:rcu:bitmap", NULL, "boot stands on the source"},
	{"boot:boot:bitmap", NULL, "boot stands on the source"},
	{"boot:null", NULL, "no memory that could come up later"},
	{NULL, "bootmem:slabifier", "its pages need the layer 'boot'"},
	{"boot:bitmap", "bootmem:bootmem:slabifier", "early objects from bootmem already"},
	/* Nothing there to keep anything in. */
	{"mempool:null", NULL, "nothing to reserve"},
	{"ctor_dtor:null", NULL, "nothing to construct"},
	{"null", "debug:slabifier", "the pages of 'null' keep nothing"},
	{NULL, "debug:null", "'null' keeps nothing"},
	{NULL, "rcu:null", "'null' keeps nothing"},
	{NULL, "caching:null", "'null' keeps nothing"},
	{NULL, "rcu:forward:null", "keeps nothing"},
	/* Nowhere to take it from. */
	{"numactl(node=7):bitmap", NULL, "node 7 does not exist: this machine has nodes 0 to 1"},
	{"numactl(flags=__GFP_DMA32):dma:bitmap", NULL, "__GFP_DMA and __GFP_DMA32 exclude each"},
	{"dma:numactl(node=1,flags=GFP_THISNODE):bitmap", NULL, "node 1 has no memory in zone DMA"},
	{"numactl(node=1,flags=GFP_THISNODE):bitmap", "dma:slabifier", "no page of"},
	{"mempool(min_nr=500000):bitmap", NULL, "min_nr=500000: the machine gives"},
	{NULL, "numa:forward:numa:slabifier", "has slabs for each node already"},
	{"numactl(node=1):bitmap", "numa:slabifier", "are asked of node 1: slabs of other nodes"},
	{"rcu:numactl(node=0):bitmap", "debug:numa:slabifier", "are asked of node 0"},
	/* A source in the middle, a layer at the end, nothing at all. */
	{"bitmap:bitmap", NULL, "column 1: 'bitmap' stands on nothing: it can only end a chain"},
	{"rcu:page_allocator:bitmap", NULL, "column 5: 'page_allocator' stands on nothing"},
	{NULL, "slabifier:slabifier", "column 1: 'slabifier' stands on nothing"},
	{NULL, "debug:slabifier:rcu:slabifier", "column 7: 'slabifier' stands on nothing"},
	{"rcu", NULL, "column 1: 'rcu' must stand on another page allocator"},
	{NULL, "rcu:debug", "column 5: 'debug' must stand on another slab allocator"},
	{"rcu:", NULL, "column 5: a page allocator's name is missing here"},
	{NULL, "", "column 1: a slab allocator's name is missing here"},
	{"rcu::bitmap", NULL, "column 5: a page allocator's name is missing here"},
	/* Names and options. */
	{"rcu:bitmpa", NULL, "column 5: unknown page allocator 'bitmpa': did you mean 'bitmap'?"},
	{NULL, "debg:slabifier", "column 1: unknown slab allocator 'debg': did you mean 'debug'?"},
	{NULL, "page_allocator", "unknown slab allocator 'page_allocator'"},
	{NULL, "debug(redzon=8B):slabifier", "column 7: unknown option 'redzon': did you mean"},
	{NULL, "debug(redzone=8):slabifier", "column 7: "},
	{NULL, "debug(redzone=8KiB):slabifier", "column 7: "},
	{NULL, "debug(poison=perhaps):slabifier", "column 7: "},
	{NULL, "caching(rounds=0):slabifier", "column 9: "},
	{NULL, "caching(rounds=31,max_rounds=15):slabifier",
	 "max_rounds=15 is less than rounds=31"},
	{NULL, "slabifier(min_order=11)", "column 11: "},
	{NULL, "slabifier(flush=10)", "column 11: "},
	{NULL, "rcu(x=1):slabifier", "column 5: 'rcu' has no options"},
	{"page_allocator(pcp=off,batch=7)", NULL, "need pcp=on"},
	{"mempool(order=11):bitmap", NULL, "column 9: "},
	{"numactl(flags=GFP_THISNOD):bitmap", NULL, "column 9: "},
};

static void the_table_of_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		const char *pages = refusals[i].pages, *slab = refusals[i].slab;
		struct stack_config sc;
		struct stack s;
		struct err e = {""};
		int ret = stack_config_parse(&sc, pages, slab, &e);

		if (!ret) {
			ret = stack_create(&s, &sc, &e);
			stack_config_free(&sc);
		}
		if (!ret || !strstr(e.msg, refusals[i].reason))
			fail_msg("'%s' '%s': '%s' does not say '%s'", pages ? pages : "",
				 slab ? slab : "", ret ? e.msg : "(made)", refusals[i].reason);
		expect_reason(slab ? slab : pages, &e);
	}
}

static const struct {
	const char *pages, *slab, *store, *reason;
} store_refusals[] = {
	{NULL, NULL, "rcu:compact:rcu:zsmalloc", "waits for a grace period already"},
	{NULL, NULL, "debug:rcu:debug:zsmalloc", "a free waits in 'rcu:debug:zsmalloc'"},
	{NULL, NULL, "debug:debug:zbud", "has checksums already"},
	{NULL, NULL, "compact:rcu:compact:xcfmalloc", "compacts in the background already"},
	{NULL, NULL, "debug:rcu:zsmalloc", "still look (the order that works: rcu:debug:...)"},
	/* Nothing to keep it in, or to move. */
	{NULL, NULL, "debug:null", "'null' keeps nothing"},
	{NULL, NULL, "rcu:null", "'null' keeps nothing"},
	{"null", NULL, "debug:kmalloc", "the pages of 'null' keep nothing"},
	{NULL, "null", "rcu:zbud", "'null' keeps nothing"},
	{NULL, NULL, "compact:null", "never moves an object"},
	{NULL, NULL, "compact:zbud", "never moves an object"},
	{NULL, NULL, "rcu:compact:debug:kmalloc", "never moves an object"},
	{NULL, NULL, "compact:xvmalloc", "never moves an object"},
	/* Names and options. */
	{NULL, NULL, "zsmaloc",
	 "column 1: unknown store allocator 'zsmaloc': did you mean 'zsmalloc'?"},
	{NULL, NULL, "numa:zbud", "column 1: unknown store allocator 'numa'"},
	{NULL, NULL, "rcu", "column 1: 'rcu' must stand on another store allocator"},
	{NULL, NULL, "rcu:zbud:zbud", "column 5: 'zbud' stands on nothing"},
	{NULL, NULL, "rcu(x=1):zbud", "column 5: 'rcu' has no options"},
	{NULL, NULL, "debug(remember=-1):zbud", "column 7: "},
	{NULL, NULL, "compact(every=100):zsmalloc", "column 9: "},
	{NULL, NULL, "compact(bytes=64):zsmalloc", "column 9: "},
	{NULL, NULL, "compact(free=0.25):zsmalloc", "column 9: "},
	{NULL, NULL, "compact(free=101%):zsmalloc", "column 9: "},
};

/* -1 with e set if the stack is refused; whatever was made is gone again. */
static int make_stack_with_store(size_t i, struct err *e)
{
	struct stack_config sc;
	struct slabulator slabs;
	struct stack s;
	int ret;

	if (stack_config_parse(&sc, store_refusals[i].pages, store_refusals[i].slab, e))
		return -1;
	ret = stack_config_store(&sc, store_refusals[i].store, e);
	if (!ret)
		ret = stack_create(&s, &sc, e);
	if (!ret) {
		slabulator_init(&slabs, s.slab, s.pages);
		ret = stack_create_store(&s, &sc, &slabs, e);
		assert_null(s.store);
		assert_int_equal(slabulator_destroy(&slabs), 0);
		stack_destroy(&s);
	}
	stack_config_free(&sc);
	return ret;
}

static void the_table_of_refused_stores(void **state)
{
	struct machine *m = *state;

	for (size_t i = 0; i < ARRAY_SIZE(store_refusals); i++) {
		struct err e = {""};

		if (!make_stack_with_store(i, &e) || !strstr(e.msg, store_refusals[i].reason))
			fail_msg("'%s': '%s' does not say '%s'", store_refusals[i].store, e.msg,
				 store_refusals[i].reason);
		expect_reason(store_refusals[i].store, &e);
		assert_true(list_empty(&m->instances));
	}
}

/* Refusing leaves nothing: what was made of the chain so far goes with it. */
static void a_refusal_leaves_nothing(void **state)
{
	struct machine *m = *state;
	struct stack_config sc;
	struct stack s;
	struct err e;

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		if (stack_config_parse(&sc, refusals[i].pages, refusals[i].slab, &e))
			continue;
		assert_int_equal(stack_create(&s, &sc, &e), -1);
		assert_true(list_empty(&m->instances));
		stack_config_free(&sc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_order_of_page_allocators),
		cmocka_unit_test(every_order_of_slab_allocators),
		cmocka_unit_test(every_order_of_stores),
		cmocka_unit_test_setup_teardown(sources_that_keep_nothing, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(the_table_of_refusals, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(the_table_of_refused_stores, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_refusal_leaves_nothing, fixture_setup,
						fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
