/*
 * Derived page allocators that keep books or blocks, or write into them: reclaimable,
 * unreclaimable, mempool, ctor_dtor.
 */
#include "tests/pages_test.h"

#include "alloc/stack.h"

#define TWO_NODES                                                                                  \
	"  - {memory: 16MiB, cpus: 0, distance: [10, 20]}\n"                                       \
	"  - {memory: 16MiB, cpus: 1, distance: [20, 10]}\n"

static long accounted(enum zone_stat_item item)
{
	long sum = 0;

	for (int i = 0; i < kernel->nr_node_ids * MAX_NR_ZONES; i++)
		sum += kernel->zones[i].vm_stat[item];
	return sum;
}

/* Posted: the base was ignored, and a refused (NULL) page was accounted. */
static void pages_are_accounted_in_their_zone(void **state)
{
	struct page *near, *far;
	struct lab lab;

	(void)state;
	lab_open(&lab, TWO_NODES, "unreclaimable:page_allocator");
	near = lab_alloc(&lab, 0, 2, GFP_KERNEL, 0);
	far = lab_alloc(&lab, 0, 0, GFP_KERNEL, 1);
	assert_int_equal(page_zone(near)->vm_stat[NR_SLAB_UNRECLAIMABLE], 4);
	assert_int_equal(page_zone(far)->vm_stat[NR_SLAB_UNRECLAIMABLE], 1);
	assert_int_equal(accounted(NR_SLAB_RECLAIMABLE), 0);
	lab.pa->layer->inject.every = 1;
	lab.pa->base->layer->inject.every = 1;
	assert_null(lab_alloc(&lab, 0, 0, GFP_KERNEL, 0));
	lab.pa->layer->inject.every = 0;
	assert_null(lab_alloc(&lab, 0, 0, GFP_KERNEL, 0));
	assert_int_equal(accounted(NR_SLAB_UNRECLAIMABLE), 5);
	lab_free(&lab, 1, near, 2);
	lab_free(&lab, 1, far, 0);
	assert_int_equal(accounted(NR_SLAB_UNRECLAIMABLE), 0);
	lab_close(&lab);
}

/* Posted: dma over reclaimable subtracted twice on free. */
static void every_stack_accounts_once(void **state)
{
	static const char *const chains[] = {
		"dma:reclaimable:page_allocator",
		"reclaimable:dma:page_allocator",
		"rcu:reclaimable:bitmap",
		"reclaimable:rcu:bitmap",
		"mempool(min_nr=2):reclaimable:page_allocator",
		"reclaimable:mempool(min_nr=2):numactl(node=1):page_allocator",
	};
	struct page *page;
	struct lab lab;
	long idle;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		lab_open(&lab, TWO_NODES, chains[i]);
		idle = accounted(NR_SLAB_RECLAIMABLE);
		page = lab_alloc(&lab, 1, 3, GFP_KERNEL, -1);
		assert_int_equal(accounted(NR_SLAB_RECLAIMABLE), idle + 8);
		lab_free(&lab, 0, page, 3);
		lab_settle(&lab);
		assert_int_equal(accounted(NR_SLAB_RECLAIMABLE), idle);
		lab_close(&lab);
	}
}

/* Takes order-0 pages through `pa` until it refuses; returns how many, chained by mapping. */
static u64 take_all(struct lab *lab, struct page_allocator *pa, gfp_t flags, struct page **first)
{
	struct page_allocator *outer = lab->pa;
	struct page *page;
	u64 n = 0;

	lab->pa = pa;
	*first = NULL;
	while ((page = lab_alloc(lab, 0, 0, flags, -1))) {
		page->mapping = *first;
		*first = page;
		n++;
	}
	lab->pa = outer;
	return n;
}

static void free_all(struct lab *lab, struct page_allocator *pa, struct page *page)
{
	struct page_allocator *outer = lab->pa;

	lab->pa = pa;
	while (page) {
		struct page *next = page->mapping;

		page->mapping = NULL;
		lab_free(lab, 0, page, 0);
		page = next;
	}
	lab->pa = outer;
}

/* Pages given out with this mobility, as the machine's books have it. */
static u64 in_books(int migratetype)
{
	u64 n = 0;

	for (unsigned long b = 0; b < kernel->max_pfn >> pageblock_order; b++)
		n += kernel->block_use[b].nr[migratetype];
	return n;
}

static void the_reserve_serves_when_memory_is_gone(void **state)
{
	struct page *others, *ours, *page;
	struct lab lab;

	(void)state;
	lab_open(&lab, LAB_NODE, "mempool(min_nr=5):page_allocator(pcp=off)");
	take_all(&lab, lab.pa->base, GFP_KERNEL, &others);
	assert_int_equal(in_books(MIGRATE_UNMOVABLE), 4096);
	assert_int_equal(take_all(&lab, lab.pa, GFP_MOVABLE_USER, &ours), 5);
	assert_int_equal(in_books(MIGRATE_UNMOVABLE), 4096 - 5);
	assert_int_equal(in_books(MIGRATE_MOVABLE), 5);
	assert_null(lab_alloc(&lab, 1, 0, GFP_KERNEL, -1));
	/* What comes back fills the reserve, and others get nothing of it. */
	page = ours;
	ours = ours->mapping;
	page->mapping = NULL;
	lab_free(&lab, 1, page, 0);
	assert_null(page_alloc(lab.pa->base, 0, GFP_KERNEL, -1));
	assert_ptr_equal(lab_alloc(&lab, 1, 0, GFP_KERNEL, -1), page);
	page->mapping = ours;
	free_all(&lab, lab.pa, page);
	free_all(&lab, lab.pa->base, others);
	lab_settle(&lab);
	page_allocator_check(lab.pa);
	assert_int_equal(lab_free_pages(&lab), 4096 - 5);
	lab_close(&lab);
}

static void the_reserve_is_zeroed_when_asked(void **state)
{
	struct page *others, *page;
	struct lab lab;

	(void)state;
	lab_open(&lab, LAB_NODE, "mempool(min_nr=1):page_allocator(pcp=off)");
	take_all(&lab, lab.pa->base, GFP_KERNEL, &others);
	page = lab_alloc(&lab, 0, 0, GFP_KERNEL, -1);
	memset(page_address(page), 0xa5, PAGE_SIZE);
	lab_free(&lab, 0, page, 0);
	page = lab_alloc(&lab, 0, 0, GFP_KERNEL | __GFP_ZERO, -1);
	for (size_t i = 0; i < PAGE_SIZE; i++)
		assert_int_equal(((const u8 *)page_address(page))[i], 0);
	lab_free(&lab, 0, page, 0);
	free_all(&lab, lab.pa->base, others);
	lab_close(&lab);
}

/* A reserved block goes to no request that may not use its zone or node. */
static void the_reserve_keeps_to_zones(void **state)
{
	struct page *others, *page;
	struct lab lab;

	(void)state;
	lab_open(&lab, TWO_NODES, "mempool(min_nr=1):page_allocator(pcp=off)");
	take_all(&lab, lab.pa->base, GFP_KERNEL, &others);
	assert_null(lab_alloc(&lab, 1, 0, GFP_KERNEL | __GFP_THISNODE, 1));
	assert_null(lab_alloc(&lab, 0, 1, GFP_KERNEL, -1));
	page = lab_alloc(&lab, 0, 0, GFP_KERNEL | __GFP_THISNODE, 0);
	assert_non_null(page);
	lab_free(&lab, 0, page, 0);
	free_all(&lab, lab.pa->base, others);
	lab_close(&lab);
}

struct ctor_log {
	unsigned int nr_made, nr_unmade, mode;
	const void *first;
};

static void make(void *object, void *private, unsigned int mode)
{
	struct ctor_log *log = private;

	if (!log->nr_made++)
		log->first = object;
	log->mode = mode;
	memset(object, 'a', 3);
}

static void unmake(void *object, void *private, unsigned int mode)
{
	struct ctor_log *log = private;

	(void)mode;
	assert_int_equal(((char *)object)[0], 'a');
	log->nr_unmade++;
}

/* Posted: ctor ran on a failed (NULL) page, and its mode tested the wrong word. */
static void constructors_run_over_each_object(void **state)
{
	struct page_allocator *base, *made;
	struct ctor_log log = {0};
	struct page *page;
	struct lab lab;

	(void)state;
	lab_open(&lab, LAB_NODE, "page_allocator");
	base = lab.pa;
	made = ctor_and_dtor_for_page_allocator(page_allocator_get(base), 1000, &log, make, unmake);
	lab.pa = made;
	page = lab_alloc(&lab, 0, 1, GFP_ATOMIC | __GFP_ZERO, -1);
	assert_int_equal(log.nr_made, 8);
	assert_int_equal(log.mode, 0);
	assert_ptr_equal(log.first, page_address(page));
	assert_memory_equal((char *)page_address(page) + 7000, "aaa", 3);
	lab_free(&lab, 0, page, 1);
	assert_int_equal(log.nr_unmade, 8);
	base->layer->inject.every = 1;
	assert_null(lab_alloc(&lab, 0, 0, GFP_KERNEL, -1));
	assert_int_equal(log.nr_made, 8);
	base->layer->inject.every = 0;
	page = lab_alloc(&lab, 0, 0, GFP_KERNEL, -1);
	assert_int_equal(log.mode, CTOR_MAY_SLEEP);
	lab_free(&lab, 0, page, 0);
	page_allocator_put(made);
	lab.pa = base;
	lab_close(&lab);
}

/* Readers may look until the grace period ends; the destructor runs after it. */
static void destructors_wait_for_readers(void **state)
{
	struct page_allocator *base, *made, *rcu;
	struct ctor_log log = {0};
	struct page *page;
	struct lab lab;

	(void)state;
	lab_open(&lab, LAB_NODE, "page_allocator");
	base = lab.pa;
	made = ctor_and_dtor_for_page_allocator(page_allocator_get(base), 4096, &log, make, unmake);
	rcu = rcuify_page_allocator(made);
	lab.pa = rcu;
	page = lab_alloc(&lab, 0, 0, GFP_KERNEL, -1);
	lab_free(&lab, 0, page, 0);
	assert_int_equal(log.nr_unmade, 0);
	lab_settle(&lab);
	assert_int_equal(log.nr_unmade, 1);
	assert_null(ctor_and_dtor_for_page_allocator(rcu, 64, &log, make, unmake));
	page_allocator_put(rcu);
	lab.pa = base;
	lab_close(&lab);
}

static void a_chain_names_what_is_written(void **state)
{
	struct page *page;
	struct lab lab;

	(void)state;
	lab_open(&lab, LAB_NODE, "ctor_dtor(size=48B,fill=poison):page_allocator");
	page = lab_alloc(&lab, 0, 0, GFP_KERNEL | __GFP_ZERO, -1);
	for (size_t i = 0; i < 85 * 48; i++)
		assert_int_equal(((const u8 *)page_address(page))[i], 0x5a);
	for (size_t i = 85 * 48; i < PAGE_SIZE; i++)
		assert_int_equal(((const u8 *)page_address(page))[i], 0);
	lab_free(&lab, 0, page, 0);
	lab_close(&lab);
}

static void assert_refused(const char *chain, const char *why)
{
	struct err e = {0};

	assert_null(lab_chain(chain, &e));
	if (!strstr(e.msg, why))
		fail_msg("%s: '%s' does not say '%s'", chain, e.msg, why);
}

static void senseless_chains_are_refused_with_a_reason(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab, LAB_NODE, NULL);
	assert_refused("reclaimable:reclaimable:bitmap", "counted twice");
	assert_refused("unreclaimable:rcu:reclaimable:bitmap", "counted twice");
	assert_refused("mempool(min_nr=5000):page_allocator", "gives 4096 blocks of order 0");
	assert_refused("mempool:null", "nothing to reserve");
	assert_refused("ctor_dtor:null", "nothing to construct");
	assert_int_equal(lab.m->now_ns, 0);
	lab_close(&lab);
}

/* Two derivations of a base by their C names; the reserve of one is not the other's. */
static void the_c_names_derive(void **state)
{
	struct page_allocator *base, *pool, *acc;
	struct page *page;
	struct lab lab;

	(void)state;
	lab_open(&lab, LAB_NODE, "page_allocator(pcp=off)");
	base = lab.pa;
	pool = mempool_page_allocator(page_allocator_get(base), 3, 2);
	acc = reclaimable_slab(page_allocator_get(base));
	assert_int_equal(lab_free_pages(&lab), 4096 - 16);
	lab.pa = acc;
	page = lab_alloc(&lab, 0, 0, GFP_KERNEL, -1);
	assert_int_equal(accounted(NR_SLAB_RECLAIMABLE), 1);
	lab_free(&lab, 0, page, 0);
	page_allocator_put(acc);
	page_allocator_put(pool);
	lab.pa = base;
	assert_int_equal(lab_free_pages(&lab), 4096);
	acc = unreclaimable_slab(page_allocator_get(base));
	assert_string_equal(acc->name, "unreclaimable:page_allocator");
	page_allocator_put(acc);
	lab_close(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_are_accounted_in_their_zone),
		cmocka_unit_test(every_stack_accounts_once),
		cmocka_unit_test(the_reserve_serves_when_memory_is_gone),
		cmocka_unit_test(the_reserve_is_zeroed_when_asked),
		cmocka_unit_test(the_reserve_keeps_to_zones),
		cmocka_unit_test(constructors_run_over_each_object),
		cmocka_unit_test(destructors_wait_for_readers),
		cmocka_unit_test(a_chain_names_what_is_written),
		cmocka_unit_test(senseless_chains_are_refused_with_a_reason),
		cmocka_unit_test(the_c_names_derive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
