/*
 * Derived page allocators, and the defects of the framework as it was posted (2006). Each that
 * concerns pages has a test that fails if it comes back:
 *
 * methods copied, so a base's runs with the derived	rcu_over_numactl_runs_with_the_right_self,
 *   allocator as self: rcu over numactl		  dma_over_others_runs_with_the_right_self
 *   dma over reclaimable subtracts twice on free	every_stack_accounts_once (test_pages_layers)
 * ctor runs on a refused (NULL) page, and its mode	constructors_run_over_each_object
 *   tests the wrong word				  (test_pages_layers)
 * accounting on a NULL page				pages_are_accounted_in_their_zone
 * the accounting derivations ignore their base	  (test_pages_layers)
 * numactl's free is never set				numactl_forwards_frees
 * one of two derivations destroyed takes the base	two_derivations_share_a_base,
 *   with it						  test_shared_bases
 * rcu destroyed while frees are pending		destroying_rcu_waits_for_pending_frees
 * a derived name is the literal "name", or leaks	names_say_what_stands_on_what,
 *							  nothing_is_left_of_a_chain
 * failures inside derivation are unchecked		a_refusal_below_passes_through,
 *							  test_faults_pages
 */
#include "tests/pages_test.h"

#include "alloc/stack.h"

#define TWO_NODES                                                                                  \
	"  - {memory: 16MiB, cpus: 0, distance: [10, 20]}\n"                                       \
	"  - {memory: 16MiB, cpus: 1, distance: [20, 10]}\n"

static void open_two(struct lab *lab, const char *chain)
{
	lab_open(lab, TWO_NODES, chain);
}

static struct layer *layer_of(struct lab *lab, unsigned int depth)
{
	struct page_allocator *pa = lab->pa;

	while (depth--)
		pa = pa->base;
	return pa->layer;
}

/* Posted: methods were copied, so a base's method ran with the derived allocator as self. */
static void rcu_over_numactl_runs_with_the_right_self(void **state)
{
	struct page *page;
	struct lab lab;

	(void)state;
	open_two(&lab, "rcu:numactl(node=1,flags=GFP_THISNODE):page_allocator(pcp=off)");
	page = lab_alloc(&lab, 0, 0, GFP_KERNEL, -1);
	assert_int_equal(page_to_nid(page), 1);
	lab_free(&lab, 0, page, 0);
	lab_settle(&lab);
	assert_int_equal(layer_of(&lab, 1)->nr_free, 1);
	assert_int_equal(layer_of(&lab, 2)->nr_free, 1);
	assert_int_equal(lab_free_pages(&lab), 8192);
	lab_close(&lab);
}

static void dma_over_others_runs_with_the_right_self(void **state)
{
	static const char *const chains[] = {
		"dma:page_allocator",
		"dma:bitmap",
		"dma:rcu:page_allocator",
		"rcu:dma:bitmap",
		"dma:numactl(node=0):page_allocator",
		"numactl(node=1):dma:bitmap",
	};
	struct page *page;
	struct lab lab;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		open_two(&lab, chains[i]);
		page = lab_alloc(&lab, 1, 2, GFP_KERNEL, -1);
		assert_int_equal(page_zone(page)->type, ZONE_DMA);
		lab_free(&lab, 1, page, 2);
		lab_settle(&lab);
		assert_int_equal(lab_free_pages(&lab), 8192);
		page_allocator_check(lab.pa);
		lab_close(&lab);
	}
}

/* Posted: numactl's free was never set. */
static void numactl_forwards_frees(void **state)
{
	struct page *page;
	struct lab lab;

	(void)state;
	open_two(&lab, "numactl(node=1):bitmap");
	page = lab_alloc(&lab, 0, 3, GFP_KERNEL, 0);
	assert_int_equal(page_to_nid(page), 1);
	lab_free(&lab, 0, page, 3);
	assert_int_equal(layer_of(&lab, 0)->nr_free, 1);
	assert_int_equal(layer_of(&lab, 0)->live_bytes, 0);
	assert_int_equal(layer_of(&lab, 1)->live_bytes, 0);
	assert_int_equal(lab_free_pages(&lab), 8192);
	lab_close(&lab);
}

/* Posted: destroying one of two derivations of a base destroyed the base under the other. */
static void two_derivations_share_a_base(void **state)
{
	struct page_allocator *base, *rcu, *dma;
	struct page *page;
	struct lab lab;

	(void)state;
	open_two(&lab, "page_allocator");
	base = lab.pa;
	rcu = rcuify_page_allocator(page_allocator_get(base));
	dma = dmaify_page_allocator(page_allocator_get(base));
	assert_int_equal(base->refs, 3);
	lab.pa = rcu;
	page = lab_alloc(&lab, 0, 0, GFP_KERNEL, -1);
	lab_free(&lab, 0, page, 0);
	page_allocator_put(base);
	page_allocator_put(rcu);
	assert_int_equal(base->refs, 1);
	lab.pa = dma;
	page = lab_alloc(&lab, 1, 0, GFP_KERNEL, -1);
	assert_int_equal(page_zone(page)->type, ZONE_DMA);
	lab_free(&lab, 1, page, 0);
	lab_settle(&lab);
	assert_int_equal(lab_free_pages(&lab), 8192);
	lab_close(&lab);
}

static void two_rcu_layers_of_one_base_keep_their_pages_apart(void **state)
{
	struct page_allocator *base, *a, *b;
	struct page *pa, *pb;
	struct lab lab;

	(void)state;
	open_two(&lab, "page_allocator");
	base = lab.pa;
	a = rcuify_page_allocator(page_allocator_get(base));
	b = rcuify_page_allocator(page_allocator_get(base));
	lab.pa = a;
	pa = lab_alloc(&lab, 0, 0, GFP_KERNEL, -1);
	lab_free(&lab, 0, pa, 0);
	lab.pa = b;
	pb = lab_alloc(&lab, 0, 1, GFP_KERNEL, -1);
	lab_free(&lab, 0, pb, 1);
	assert_ptr_equal(pa->mapping, a);
	assert_ptr_equal(pb->mapping, b);
	page_allocator_put(a);
	page_allocator_put(b);
	lab.pa = base;
	lab_settle(&lab);
	assert_int_equal(lab_free_pages(&lab), 8192);
	lab_close(&lab);
}

/* Posted: destroying an RCU derivation while frees were pending left callbacks to freed memory. */
static void destroying_rcu_waits_for_pending_frees(void **state)
{
	struct page_allocator *base;
	struct page *pages[20];
	struct lab lab;

	(void)state;
	open_two(&lab, "page_allocator(pcp=off)");
	base = lab.pa;
	lab.pa = rcuify_page_allocator(page_allocator_get(base));
	for (int i = 0; i < 20; i++)
		pages[i] = lab_alloc(&lab, i % 2, i % 3, GFP_KERNEL, -1);
	for (int i = 0; i < 20; i++)
		lab_free(&lab, i % 2, pages[i], i % 3);
	assert_true(base->layer->live_objs == 20);
	page_allocator_put(lab.pa);
	lab.pa = base;
	assert_int_equal(base->layer->live_objs, 0);
	assert_int_equal(lab_free_pages(&lab), 8192);
	lab_close(&lab);
}

/* Posted: ctor and accounting ran on a NULL page. Here: no layer touches what its base refused. */
static void a_refusal_below_passes_through(void **state)
{
	static const char *const chains[] = {
		"rcu:bitmap",
		"dma:page_allocator",
		"numactl(node=0):rcu:dma:page_allocator",
	};
	struct lab lab;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		struct page_allocator *source;

		open_two(&lab, chains[i]);
		for (source = lab.pa; source->base; source = source->base)
			;
		source->layer->inject.only_nth = 1;
		assert_null(lab_alloc(&lab, 0, 1, GFP_KERNEL | __GFP_ZERO, -1));
		assert_int_equal(source->layer->nr_injected, 1);
		assert_int_equal(lab.pa->layer->nr_failed, 1);
		assert_int_equal(lab.pa->layer->live_bytes, 0);
		assert_non_null(lab_alloc(&lab, 0, 1, GFP_KERNEL, -1));
		lab_close(&lab);
	}
}

static void a_page_in_limbo_is_not_reused(void **state)
{
	struct page *page, *other;
	struct lab lab;

	(void)state;
	open_two(&lab, "rcu:page_allocator(pcp=off)");
	page = lab_alloc(&lab, 0, 0, GFP_KERNEL, -1);
	other = lab_alloc(&lab, 0, 0, GFP_KERNEL, -1);
	assert_pages(page_to_pfn(page), 4, "|U|U|..|");
	lab_free(&lab, 0, page, 0);
	assert_pages(page_to_pfn(page), 4, "|~|U|..|");
	assert_int_equal(layer_of(&lab, 1)->live_bytes - layer_of(&lab, 0)->live_bytes, PAGE_SIZE);
	assert_ptr_not_equal(lab_alloc(&lab, 0, 0, GFP_KERNEL, -1), page);
	while (machine_step(lab.m))
		;
	assert_pages(page_to_pfn(page), 4, "|.|U|U|.|");
	assert_ptr_equal(other, page + 1);
	lab_close(&lab);
}

static void a_double_free_into_limbo_is_reported_and_survived(void **state)
{
	struct page *page;
	struct lab lab;

	(void)state;
	open_two(&lab, "rcu:page_allocator(pcp=off)");
	page = lab_alloc(&lab, 0, 1, GFP_KERNEL, -1);
	lab_free(&lab, 0, page, 1);
	lab_free(&lab, 1, page, 1);
	assert_int_equal(lab.nr_events, 1);
	assert_says(lab.event, "double_free");
	lab_settle(&lab);
	assert_int_equal(lab_free_pages(&lab), 8192);
	lab_free(&lab, 1, page, 1); /* and once more, after the grace period */
	assert_int_equal(lab.nr_events, 2);
	assert_int_equal(layer_of(&lab, 0)->live_bytes, 0);
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

static void a_free_of_the_wrong_order_is_reported_and_survived(void **state)
{
	struct page *page;
	struct lab lab;

	(void)state;
	open_two(&lab, "dma:page_allocator");
	page = lab_alloc(&lab, 0, 3, GFP_KERNEL, -1);
	lab_free(&lab, 0, page, 2);
	assert_says(lab.event, "invalid_pointer");
	lab_free(&lab, 0, page + 1, 0);
	assert_int_equal(lab.nr_events, 2);
	lab_free(&lab, 0, page, 3);
	assert_int_equal(lab.nr_events, 2);
	lab_close(&lab);
}

/* Posted: a derived allocator could end up named "name". */
static void names_say_what_stands_on_what(void **state)
{
	struct lab lab;

	(void)state;
	open_two(&lab, "rcu:dma:page_allocator");
	assert_string_equal(lab.pa->name, "rcu:dma:page_allocator");
	assert_string_equal(lab.pa->base->name, "dma:page_allocator");
	lab_close(&lab);
}

/* Posted: destructors leaked what derivation had allocated. */
static void nothing_is_left_of_a_chain(void **state)
{
	struct page_allocator *pa;
	struct lab lab;
	struct err e;

	(void)state;
	open_two(&lab, NULL);
	assert_true(list_empty(&lab.m->instances));
	pa = lab_chain("rcu:reclaimable:mempool:ctor_dtor:dma:numactl:page_allocator", &e);
	assert_non_null(pa);
	page_allocator_put(pa);
	assert_true(list_empty(&lab.m->instances));
	lab_close(&lab);
}

static void assert_refused(const char *chain, const char *reason)
{
	struct err e = {""};

	assert_null(lab_chain(chain, &e));
	assert_says(e.msg, reason);
}

static void senseless_chains_are_refused_with_a_reason(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab,
		 "  - {memory: 16MiB, cpus: 0, distance: [10, 20, 20]}\n"
		 "  - {memory: 16MiB, cpus: 1, distance: [20, 10, 20]}\n"
		 "  - {memory: 0B, cpus: 2, distance: [20, 20, 10]}\n",
		 NULL);
	assert_refused("rcu:rcu:page_allocator", "waits for a grace period already");
	assert_refused("rcu:dma:rcu:bitmap", "waits for a grace period already");
	assert_refused("numactl(node=3):page_allocator", "this machine has nodes 0 to 2");
	assert_refused("numactl(flags=__GFP_DMA|__GFP_DMA32):bitmap", "exclude each other");
	assert_refused("numactl(flags=__GFP_MOVABLE|__GFP_RECLAIMABLE):bitmap", "exclude");
	assert_refused("numactl(node=2,flags=GFP_THISNODE):bitmap", "node 2 has no memory");
	assert_refused("dma:numactl(node=1,flags=GFP_THISNODE):bitmap", "node 1 has no memory");
	assert_refused("numactl(node=1,flags=GFP_THISNODE):dma:bitmap", "node 1 has no memory");
	assert_refused("numactl(flags=__GFP_DMA32):dma:bitmap", "exclude each other");
	assert_refused("page_allocator(pcp=off,batch=4)", "need pcp=on");
	lab_close(&lab);
}

/* What the innermost layer says goes: the outer node is only what is asked of it. */
static void the_innermost_node_wins(void **state)
{
	struct lab lab;

	(void)state;
	open_two(&lab, "numactl(node=1):numactl(node=0):page_allocator");
	assert_int_equal(page_to_nid(lab_alloc(&lab, 1, 0, GFP_KERNEL, 1)), 0);
	lab_close(&lab);
}

/* Allocators written in C derive by function; options as in a stack. */
static void the_c_name_forces_a_node(void **state)
{
	struct page_allocator *base, *pinned;
	struct lab lab;

	(void)state;
	open_two(&lab, "page_allocator");
	base = lab.pa;
	pinned = numactl_allocator(page_allocator_get(base), 1, __GFP_THISNODE);
	assert_non_null(pinned);
	lab.pa = pinned;
	for (int i = 0; i < 20; i++) {
		struct page *page = lab_alloc(&lab, 0, 0, GFP_KERNEL, -1);

		assert_int_equal(page_to_nid(page), 1);
		lab_free(&lab, 0, page, 0);
	}
	page_allocator_put(pinned);
	lab.pa = base;
	lab_close(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rcu_over_numactl_runs_with_the_right_self),
		cmocka_unit_test(dma_over_others_runs_with_the_right_self),
		cmocka_unit_test(numactl_forwards_frees),
		cmocka_unit_test(two_derivations_share_a_base),
		cmocka_unit_test(two_rcu_layers_of_one_base_keep_their_pages_apart),
		cmocka_unit_test(destroying_rcu_waits_for_pending_frees),
		cmocka_unit_test(a_refusal_below_passes_through),
		cmocka_unit_test(a_page_in_limbo_is_not_reused),
		cmocka_unit_test(a_double_free_into_limbo_is_reported_and_survived),
		cmocka_unit_test(a_free_of_the_wrong_order_is_reported_and_survived),
		cmocka_unit_test(names_say_what_stands_on_what),
		cmocka_unit_test(nothing_is_left_of_a_chain),
		cmocka_unit_test(senseless_chains_are_refused_with_a_reason),
		cmocka_unit_test(the_innermost_node_wins),
		cmocka_unit_test(the_c_name_forces_a_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
