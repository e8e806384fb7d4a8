/*
 * forward over page allocators: everything arrives, nothing changes but the time.
 */
#include "tests/pages_test.h"

#define TWO_NODES                                                                                  \
	"  - {memory: 16MiB, cpus: 0, distance: [10, 20]}\n"                                       \
	"  - {memory: 16MiB, cpus: 1, distance: [20, 10]}\n"
#define EIGHT "forward:forward:forward:forward:forward:forward:forward:forward:"

/* Simulated time of one operation on the fast path: the second of a kind. */
static u64 time_of(struct lab *lab, bool of_alloc)
{
	struct page *first = lab_alloc(lab, 0, 0, GFP_KERNEL, -1), *page;
	u64 entered_ns, before_ns, alloc_ns, free_ns;

	lab_free(lab, 0, first, 0);
	entered_ns = machine_enter(lab->m, 0, lab->m->now_ns);
	before_ns = kernel->clock_ns;
	page = page_alloc(lab->pa, 0, GFP_KERNEL, -1);
	alloc_ns = kernel->clock_ns - before_ns;
	page_free(lab->pa, page, 0);
	free_ns = kernel->clock_ns - before_ns - alloc_ns;
	machine_leave(lab->m, entered_ns);
	return of_alloc ? alloc_ns : free_ns;
}

static void each_layer_takes_the_same_time(void **state)
{
	static const char *const chains[] = {"page_allocator", "forward:page_allocator",
					     EIGHT "page_allocator"};
	u64 alloc_ns[3], free_ns[3];
	struct lab lab;

	(void)state;
	for (int i = 0; i < 3; i++) {
		lab_open(&lab, TWO_NODES, chains[i]);
		alloc_ns[i] = time_of(&lab, true);
		free_ns[i] = time_of(&lab, false);
		lab_close(&lab);
	}
	assert_true(alloc_ns[1] > alloc_ns[0] && free_ns[1] > free_ns[0]);
	assert_int_equal(alloc_ns[2] - alloc_ns[0], 8 * (alloc_ns[1] - alloc_ns[0]));
	assert_int_equal(free_ns[2] - free_ns[0], 8 * (free_ns[1] - free_ns[0]));
}

static void every_layer_has_its_books(void **state)
{
	struct page *page, *at;
	struct lab lab;
	u64 self_ns = 0;

	(void)state;
	lab_open(&lab, TWO_NODES, EIGHT "page_allocator");
	page = lab_alloc(&lab, 0, 3, GFP_KERNEL | __GFP_THISNODE, 1);
	assert_int_equal(page_to_nid(page), 1);
	at = page_alloc_at(lab.pa, 1024, 2, GFP_KERNEL, -1);
	assert_int_equal(page_to_pfn(at), 1024);
	for (const struct page_allocator *pa = lab.pa; pa; pa = pa->base) {
		assert_int_equal(pa->layer->live_bytes, 12 * PAGE_SIZE);
		assert_int_equal(pa->layer->nr_alloc, 2);
		assert_true(pa->layer->self_ns);
		if (pa->base)
			assert_true(!self_ns || pa->layer->self_ns == self_ns);
		self_ns = pa->layer->self_ns;
	}
	lab_free(&lab, 0, page, 3);
	lab_free(&lab, 1, at, 2);
	lab_free(&lab, 1, at, 2);
	assert_says(lab.event, "double_free");
	assert_int_equal(lab.nr_events, 1);
	assert_int_equal(lab.pa->layer->nr_free, 2);
	lab_close(&lab);
}

static void a_refusal_is_counted_where_it_happens_and_above(void **state)
{
	struct page_allocator *middle;
	struct lab lab;

	(void)state;
	lab_open(&lab, TWO_NODES, "forward:forward:forward:page_allocator");
	middle = lab.pa->base;
	middle->layer->inject.only_nth = 1;
	assert_null(lab_alloc(&lab, 0, 0, GFP_KERNEL, -1));
	assert_int_equal(lab.pa->layer->nr_failed, 1);
	assert_int_equal(lab.pa->layer->nr_injected, 0);
	assert_int_equal(middle->layer->nr_injected, 1);
	assert_int_equal(middle->base->layer->nr_failed, 0);
	lab_close(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_layer_takes_the_same_time),
		cmocka_unit_test(every_layer_has_its_books),
		cmocka_unit_test(a_refusal_is_counted_where_it_happens_and_above),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
