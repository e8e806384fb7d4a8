/*
 * Chains: what is accepted, how it prints, and where a mistake is.
 */
#include "alloc/stack.h"
#include "tests/sim_fixture.h"

static const char *canonical(enum allocator_kind kind, const char *text)
{
	static char buf[STACK_TEXT_MAX];
	unsigned int column;
	struct chain c;
	struct err e;

	if (chain_parse(&c, kind, text, &column, &e))
		return e.msg[0] ? "?" : "";
	chain_print(&c, buf, sizeof(buf));
	chain_free(&c);
	return buf;
}

static void canonical_form_is_a_fixed_point(void **state)
{
	const char *const texts[] = {"page_allocator", " rcu : page_allocator ",
				     "rcu:numactl(node=1, flags=GFP_THISNODE):dma:bitmap",
				     "page_allocator(pcp=off)", "null()"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char once[STACK_TEXT_MAX];

		strcpy(once, canonical(ALLOC_PAGES, texts[i]));
		assert_string_equal(canonical(ALLOC_PAGES, once), once);
	}
	assert_string_equal(canonical(ALLOC_PAGES, "rcu:bitmap"), "rcu:bitmap");
	assert_string_equal(canonical(ALLOC_SLAB, "rcu:null"), "rcu:null");
}

#define FLAGS                                                                                      \
	"numactl(flags=GFP_TRANSHUGE|GFP_ATOMIC|__GFP_WRITE|__GFP_RETRY_MAYFAIL|__GFP_NORETRY|"    \
	"__GFP_MEMALLOC|__GFP_NOMEMALLOC|__GFP_HARDWALL|__GFP_ACCOUNT|__GFP_ZERO):"

/* Flags that stand for many are printed one by one. */
static void what_is_printed_long_is_read_back(void **state)
{
	char once[STACK_TEXT_MAX];

	(void)state;
	strcpy(once, canonical(ALLOC_PAGES, FLAGS "bitmap"));
	assert_true(strlen(once) > 256);
	assert_string_equal(canonical(ALLOC_PAGES, once), once);
}

/* Every store there is, with all its options. */
static void stores_are_read_back(void **state)
{
	struct stack_config sc, again;
	char once[STACK_TEXT_MAX], twice[STACK_TEXT_MAX];
	unsigned int nr = 0;
	struct err e;

	(void)state;
	for (struct allocator_desc *d = allocator_first(); d; d = d->next) {
		char chain[128];

		if (d->kind != ALLOC_STORE)
			continue;
		snprintf(chain, sizeof(chain), "%s%s", d->name,
			 d->role == ROLE_LAYER ? ":null" : "");
		assert_int_equal(stack_config_parse(&sc, NULL, NULL, &e), 0);
		assert_int_equal(stack_config_store(&sc, chain, &e), 0);
		chain_print(&sc.store, once, sizeof(once));
		assert_int_equal(stack_config_parse(&again, NULL, NULL, &e), 0);
		assert_int_equal(stack_config_store(&again, once, &e), 0);
		chain_print(&again.store, twice, sizeof(twice));
		assert_string_equal(once, twice);
		stack_config_free(&sc);
		stack_config_free(&again);
		nr++;
	}
	assert_true(nr > 0);
}

static void no_store(void **state)
{
	struct stack_config sc;
	struct err e;

	(void)state;
	assert_int_equal(stack_config_parse(&sc, NULL, NULL, &e), 0);
	assert_int_equal(stack_config_store(&sc, "none", &e), 0);
	assert_int_equal(sc.store.nr_layers, 0);
	stack_config_free(&sc);
}

static void mistake(enum allocator_kind kind, const char *text, unsigned int where,
		    const char *what)
{
	unsigned int column = 0;
	struct chain c;
	struct err e;

	assert_int_equal(chain_parse(&c, kind, text, &column, &e), -1);
	assert_says(e.msg, what);
	if (column != where)
		fail_msg("'%s': column %u, not %u: %s", text, column, where, e.msg);
	assert_int_equal(c.nr_layers, 0);
}

static void mistakes_have_a_column(void **state)
{
	(void)state;
	mistake(ALLOC_PAGES, "page_alocator", 1, "did you mean 'page_allocator'");
	mistake(ALLOC_PAGES, "buddy", 1, "did you mean 'page_allocator'");
	mistake(ALLOC_SLAB, "rcu:slub", 5, "did you mean 'slabifier'");
	mistake(ALLOC_SLAB, "slab", 1, "did you mean 'queued_slab'");
	mistake(ALLOC_PAGES, "rcu:bitmpa", 5, "did you mean 'bitmap'");
	mistake(ALLOC_PAGES, "", 1, "missing");
	mistake(ALLOC_PAGES, "rcu:", 5, "missing");
	mistake(ALLOC_PAGES, "rcu", 1, "rcu:page_allocator");
	mistake(ALLOC_SLAB, "rcu:rcu", 5, "rcu:slabifier");
	mistake(ALLOC_PAGES, "rcu:bitmap:bitmap", 5, "can only end a chain");
	mistake(ALLOC_PAGES, "bitmap(x=1)", 8, "no options");
	mistake(ALLOC_PAGES, "numactl(nod=1):bitmap", 9, "did you mean 'node'");
	mistake(ALLOC_PAGES, "numactl(node=x):bitmap", 9, "node");
	mistake(ALLOC_PAGES, "numactl(node=1:bitmap", 8, "no ')'");
	mistake(ALLOC_PAGES, "numactl(node):bitmap", 9, "key=value");
	mistake(ALLOC_PAGES, "bitmap) rcu", 7, "expected ':'");
	mistake(ALLOC_SLAB, "page_allocator", 1, "it is a page allocator");
	mistake(ALLOC_STORE, "slabifier", 1, "it is a slab allocator");
	mistake(ALLOC_STORE, "nul", 1, "did you mean 'null'");
	mistake(ALLOC_PAGES,
		"rcu:rcu:rcu:rcu:rcu:rcu:rcu:rcu:rcu:rcu:rcu:rcu:rcu:rcu:rcu:rcu:bitmap", 65,
		"more than 16");
	mistake(ALLOC_PAGES,
		FLAGS FLAGS FLAGS FLAGS FLAGS FLAGS FLAGS FLAGS FLAGS FLAGS FLAGS FLAGS FLAGS FLAGS
			FLAGS "bitmap",
		1, "at most 4095 are allowed");
}

static void layers_are_numbered_from_outside(void **state)
{
	struct stack_config sc;
	struct stack s;
	struct err e;

	(void)state;
	assert_int_equal(stack_config_parse(&sc, "dma:rcu:bitmap", "rcu:slabifier", &e), 0);
	assert_int_equal(stack_create(&s, &sc, &e), 0);
	assert_int_equal(s.nr_layers, 5);
	assert_string_equal(s.layers[0]->id, "pages/0:dma");
	assert_string_equal(s.layers[2]->id, "pages/2:bitmap");
	assert_string_equal(s.layers[3]->id, "slab/0:rcu");
	assert_int_equal(s.layer_base[0], 1);
	assert_int_equal(s.layer_base[2], -1);
	assert_int_equal(s.layer_base[3], 4);
	assert_string_equal(s.pages->name, "dma:rcu:bitmap");
	stack_destroy(&s);
	stack_config_free(&sc);
}

static void dispatcher_counts_each_layer(void **state)
{
	struct machine *m = *state;
	struct stack_config sc;
	struct page *page;
	struct stack s;
	struct err e;

	assert_int_equal(stack_config_parse(&sc, "rcu:bitmap", NULL, &e), 0);
	assert_int_equal(stack_create(&s, &sc, &e), 0);
	machine_enter(m, 0, 0);
	page = page_alloc(s.pages, 2, GFP_KERNEL, NUMA_NO_NODE);
	assert_non_null(page);
	page_free(s.pages, page, 2);
	/* The layer is done with it; what it stands on does not have it back yet. */
	assert_int_equal(s.layers[0]->live_bytes, 0);
	assert_int_equal(s.layers[1]->live_bytes, 4 * PAGE_SIZE);
	assert_int_equal(s.layers[0]->waiting_bytes, 4 * PAGE_SIZE);
	assert_int_equal(s.layers[0]->waiting_objs, 1);
	page_free(s.pages, page, 2); /* again: reported, survived, not counted */
	assert_int_equal(m->nr_events, 1);
	assert_int_equal(s.layers[0]->nr_free, 1);
	rcu_barrier();
	assert_int_equal(s.layers[1]->live_bytes, 0);
	assert_int_equal(s.layers[0]->waiting_bytes + s.layers[0]->waiting_objs, 0);
	assert_int_equal(layer_live_bytes_max(s.layers[1]), 4 * PAGE_SIZE);
	stack_destroy(&s);
	stack_config_free(&sc);
}

static void dispatcher_injects_failures(void **state)
{
	struct machine *m = *state;
	struct stack_config sc;
	struct stack s;
	struct err e;
	int refused = 0;

	assert_int_equal(stack_config_parse(&sc, "bitmap", NULL, &e), 0);
	assert_int_equal(stack_create(&s, &sc, &e), 0);
	machine_enter(m, 0, 0);
	s.layers[0]->inject.every = 3;
	for (int i = 0; i < 9; i++) {
		struct page *page = page_alloc(s.pages, 0, GFP_KERNEL, NUMA_NO_NODE);

		refused += !page;
		if (page)
			page_free(s.pages, page, 0);
	}
	assert_int_equal(refused, 3);
	assert_int_equal(s.layers[0]->nr_injected, 3);
	assert_int_equal(s.layers[0]->nr_failed, 3);
	assert_int_equal(s.layers[0]->nr_alloc, 6);
	stack_destroy(&s);
	stack_config_free(&sc);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(canonical_form_is_a_fixed_point),
		TEST(what_is_printed_long_is_read_back),
		TEST(stores_are_read_back),
		TEST(no_store),
		TEST(mistakes_have_a_column),
		TEST(layers_are_numbered_from_outside),
		TEST(dispatcher_counts_each_layer),
		TEST(dispatcher_injects_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
