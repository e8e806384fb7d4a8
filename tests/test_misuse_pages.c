/*
 * Misuse of chains of page allocators: every registered one, alone, under each layer and under each
 * pair of them, reports a free that cannot be one, and nothing changes by it.
 */
#include "tests/test.h"

#include "tests/chains.h"
#include "tests/lab.h"
#include "tests/slab_lab.h"

struct misuse {
	struct lab lab;
	const char *chain;
	u64 nr_pages;
};

static struct misuse u;

static void free_badly(const char *what, struct page *page, int order, const char *kind)
{
	unsigned int events = u.lab.nr_events;
	s64 live = u.lab.pa->layer->live_bytes;

	lab_free(&u.lab, 1, page, order);
	if (u.lab.nr_events != events + 1 || !strstr(u.lab.event, kind))
		fail_msg("%s: %s: '%s' does not say %s", u.chain, what, u.lab.event, kind);
	assert_int_equal(u.lab.pa->layer->live_bytes, live);
	page_allocator_check(u.lab.pa);
}

static void frees_badly(int order)
{
	struct page *page = lab_alloc(&u.lab, 0, order, GFP_KERNEL, -1);

	assert_non_null(page);
	free_badly("order too large", page, order + 1, "invalid_pointer");
	if (order) {
		free_badly("order too small", page, order - 1, "invalid_pointer");
		free_badly("a page inside", page + 1, 0, "invalid_pointer");
	}
	lab_free(&u.lab, 1, page, order);
	free_badly("double free", page, order, "double_free");
	machine_advance(u.lab.m, u.lab.m->now_ns + 100000000);
	free_badly("late double free", page, order, "double_free");
	free_badly("late double free of another order", page, 0, "double_free");
}

static void try_chain(const char *chain)
{
	struct err e;
	s64 idle;

	u = (struct misuse){.chain = chain};
	lab_open(&u.lab, LAB_TWO_NODES, NULL);
	u.lab.pa = lab_chain(chain, &e);
	if (u.lab.pa) {
		idle = page_allocator_source(u.lab.pa)->layer->live_bytes;
		for (int order = 0; order < MAX_ORDER - 1; order += 3)
			frees_badly(order);
		lab_hand_over(&u.lab);
		lab_settle(&u.lab);
		idle += (s64)(lab_lost_pages(&u.lab) * PAGE_SIZE);
		assert_int_equal(page_allocator_source(u.lab.pa)->layer->live_bytes, idle);
		assert_int_equal(lab_free_pages(&u.lab) + (u64)idle / PAGE_SIZE, kernel->max_pfn);
	}
	lab_close(&u.lab);
}

static void every_chain_survives_bad_frees(void **state)
{
	struct chains c = {0};

	(void)state;
	for (unsigned int layers = 0; layers <= 2; layers++)
		chains_add(&c, ALLOC_PAGES, layers, CHAINS_KEEPING);
	assert_true(c.nr >= 100);
	for (size_t i = 0; i < c.nr; i++)
		try_chain(c.text[i]);
	chains_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_chain_survives_bad_frees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
