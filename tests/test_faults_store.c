/*
 * Allocation failure at every single site in turn, stacks with stores: each registered store alone
 * and under each layer, over each layer of pages and of slabs; and, some sites of each, under pairs
 * of layers and in deep stacks.
 *
 * test_faults_store PAGES SLAB STORE LAYER REQUEST: one case alone.
 */
#include "tests/test.h"

#include "tests/chains.h"
#include "tests/shelf_store.h"
#include "tests/stack_scripts.h"

/* ---- A layer that loses an object when it is refused another: it must be found ---- */

static unsigned long broken_malloc(struct store *self, size_t size, gfp_t flags)
{
	unsigned long one = store_malloc(self->base, size, flags);
	unsigned long other = store_malloc(self->base, 1, flags);

	if (other)
		store_free(self->base, other, 1);
	return other ? one : 0;
}

static struct allocator_desc broken_desc;

static struct store *broken_create(struct store *base, const struct store_env *env,
				   const void *options, struct err *e)
{
	struct store *s = instance_alloc(sizeof(*s));

	(void)options, (void)e;
	derive_store(s, base, env, &broken_desc);
	s->malloc = broken_malloc;
	return s;
}

static struct allocator_desc broken_desc = {
	.name = "broken",
	.kind = ALLOC_STORE,
	.role = ROLE_LAYER,
	.summary = "loses objects",
	.create_store = broken_create,
};
ALLOCATOR(broken_desc)

/* ---- Every site ---- */

static void report(const struct fault_count *count)
{
	print_message("%llu stacks, %llu sites, %llu refusals\n", (unsigned long long)count->stacks,
		      (unsigned long long)count->sites, (unsigned long long)count->refusals);
	assert_true(count->sites * max(count->step, 1ULL) >= 30 * count->stacks);
	assert_true(count->refusals > 0);
}

static void try_stores(unsigned int layers, u64 step, u64 stacks_min)
{
	struct fault_count count = {.step = step};
	struct chains c = {0};

	chains_add(&c, ALLOC_STORE, layers, CHAINS_KEEPING);
	for (size_t i = 0; i < c.nr; i++)
		faults_try(&(struct fault_case){.pages = "page_allocator",
						.slab = "slabifier",
						.store = c.text[i]},
			   store_script, &count);
	report(&count);
	assert_true(count.stacks >= stacks_min);
	chains_free(&c);
}

static void every_store_alone(void **state)
{
	(void)state;
	try_stores(0, 1, 2);
}

static void every_layer_on_every_store(void **state)
{
	(void)state;
	try_stores(1, 3, 3);
}

static void every_pair_of_layers(void **state)
{
	(void)state;
	try_stores(2, 17, 3);
}

/* Every store on one layer of pages or slabs, another one for the next store. */
static void try_below(enum allocator_kind kind, unsigned int layers)
{
	struct fault_count count = {.step = 13};
	struct chains below = {0}, stores = {0};

	chains_add(&below, kind, layers, CHAINS_KEEPING);
	chains_add(&stores, ALLOC_STORE, 0, CHAINS_KEEPING);
	chains_add(&stores, ALLOC_STORE, 1, CHAINS_KEEPING);
	for (size_t i = 0; i < below.nr; i++) {
		bool pages = kind == ALLOC_PAGES;

		faults_try(&(struct fault_case){.pages = pages ? below.text[i]
							       : chains_pages_for(below.text[i]),
						.slab = pages ? "slabifier" : below.text[i],
						.store = stores.text[i % stores.nr]},
			   store_script, &count);
	}
	report(&count);
	chains_free(&below);
	chains_free(&stores);
}

static void pages_below_a_store(void **state)
{
	(void)state;
	try_below(ALLOC_PAGES, 0);
	try_below(ALLOC_PAGES, 1);
}

static void slabs_below_a_store(void **state)
{
	(void)state;
	try_below(ALLOC_SLAB, 0);
	try_below(ALLOC_SLAB, 1);
}

static void deep_stacks(void **state)
{
	static const struct fault_case stacks[] = {
		{.pages = "rcu:mempool(order=1,min_nr=2):bitmap",
		 .slab = "rcu:caching(rounds=1):debug:slabifier",
		 .store = "rcu:compact:debug:shelf"},
		{.pages = "mempool:dma:unreclaimable:forward:ctor_dtor:numactl(node=0):bitmap",
		 .slab = "debug:slabifier",
		 .store = "compact(every=1ms,free=0%):rcu:debug(remember=0):shelf"},
	};
	struct fault_count count = {.step = 3};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++)
		faults_try(&stacks[i], store_script, &count);
	assert_int_equal(count.stacks, ARRAY_SIZE(stacks));
	report(&count);
}

static void a_lost_object_is_found(void **state)
{
	struct fault_case broken = {
		.pages = "page_allocator", .slab = "slabifier", .store = "broken:shelf"};
	struct fault_count count = {0};
	const char *wrong = faults_find(&broken, store_script, &count);

	(void)state;
	assert_non_null(wrong);
	assert_true(count.sites > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_store_alone),
		cmocka_unit_test(every_layer_on_every_store),
		cmocka_unit_test(every_pair_of_layers),
		cmocka_unit_test(pages_below_a_store),
		cmocka_unit_test(slabs_below_a_store),
		cmocka_unit_test(deep_stacks),
		cmocka_unit_test(a_lost_object_is_found),
	};

	if (argc > 1)
		return faults_try_one(argc, argv, store_script);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
