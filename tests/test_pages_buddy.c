/*
 * page_allocator: splitting, merging, compound pages, contents; with memory drawn before and after.
 */
#include "tests/pages_test.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* A zone of 16 MiB: DMA. Without per-CPU lists each step shows. */
static void open_plain(struct lab *lab)
{
	lab_open(lab, LAB_NODE, "page_allocator(pcp=off)");
}

static void untouched_memory_is_a_range(void **state)
{
	struct lab lab;

	(void)state;
	open_plain(&lab);
	assert_blocks(0, 4096, "_10*4");
	assert_int_equal(page_nr_free(lab.pa, node_zone(0, ZONE_DMA), MIGRATE_MOVABLE, 10), 4);
	assert_int_equal(lab_free_pages(&lab), 4096);
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

static void a_page_splits_the_lowest_block(void **state)
{
	struct page *page;
	struct lab lab;

	(void)state;
	open_plain(&lab);
	page = lab_alloc(&lab, 0, 0, GFP_HIGHUSER_MOVABLE, -1);
	assert_int_equal(page_to_pfn(page), 0);
	assert_pages(0, 16, "|M|.|..|....|........|");
	assert_blocks(0, 4096, "M0 .0 .1 .2 .3 .4 .5 .6 .7 .8 .9 _10*3");
	page_allocator_check(lab.pa);
	lab_free(&lab, 0, page, 0);
	assert_blocks(0, 4096, ".10 _10*3");
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

static void blocks_are_aligned_and_merge_only_with_buddies(void **state)
{
	struct page *p[5];
	struct lab lab;

	(void)state;
	open_plain(&lab);
	p[0] = lab_alloc(&lab, 0, 0, GFP_HIGHUSER_MOVABLE, -1);
	p[1] = lab_alloc(&lab, 0, 1, GFP_HIGHUSER_MOVABLE, -1);
	p[2] = lab_alloc(&lab, 0, 0, GFP_HIGHUSER_MOVABLE, -1);
	p[3] = lab_alloc(&lab, 0, 2, GFP_HIGHUSER_MOVABLE, -1);
	p[4] = lab_alloc(&lab, 0, 0, GFP_HIGHUSER_MOVABLE, -1);
	assert_pages(0, 16, "|M|M|MM|MMMM|M|.|..|....|");
	lab_free(&lab, 0, p[2], 0);
	lab_free(&lab, 0, p[1], 1); /* pages 1 to 3 are free, but 1 is no buddy of 2 */
	assert_pages(0, 16, "|M|.|..|MMMM|M|.|..|....|");
	lab_free(&lab, 0, p[4], 0);
	assert_pages(0, 16, "|M|.|..|MMMM|........|");
	lab_free(&lab, 0, p[0], 0);
	assert_pages(0, 16, "|....|MMMM|........|");
	page_allocator_check(lab.pa);
	lab_free(&lab, 0, p[3], 2);
	assert_blocks(0, 4096, ".10 _10*3");
	lab_close(&lab);
}

static void compound_pages_know_their_head(void **state)
{
	struct page *page;
	struct lab lab;

	(void)state;
	open_plain(&lab);
	page = lab_alloc(&lab, 0, 2, GFP_KERNEL, -1);
	assert_int_equal(page->flags & (PG_head | PG_tail), PG_head);
	assert_int_equal(page->order, 2);
	for (int i = 1; i < 4; i++) {
		assert_int_equal(page[i].flags, PG_tail);
		assert_ptr_equal(compound_head(&page[i]), page);
	}
	lab_free(&lab, 0, page, 2);
	assert_int_equal(page[3].flags, 0);
	lab_close(&lab);
}

static void zeroed_pages_are_zero(void **state)
{
	struct page *page, *again;
	struct lab lab;

	(void)state;
	open_plain(&lab);
	page = lab_alloc(&lab, 0, 1, GFP_KERNEL, -1);
	memset(page_address(page), 0x5a, 2 * PAGE_SIZE);
	lab_free(&lab, 0, page, 1);
	again = lab_alloc(&lab, 0, 0, GFP_KERNEL, -1);
	assert_ptr_equal(again, page);
	assert_int_equal(*(char *)page_address(again), 0x5a);
	page = lab_alloc(&lab, 0, 0, GFP_KERNEL | __GFP_ZERO, -1);
	assert_ptr_equal(page, again + 1);
	assert_int_equal(*(char *)page_address(page), 0);
	lab_close(&lab);
}

static void zeroing_costs_time_even_where_nothing_is_written(void **state)
{
	struct lab lab;
	u64 before, plain, zeroed;

	(void)state;
	open_plain(&lab);
	lab_alloc(&lab, 0, 0, GFP_KERNEL, -1);
	lab.m->k.cost_ns[COST_ZERO_PAGE] = 1000;
	before = lab.m->cpus[0].busy_ns;
	lab_alloc(&lab, 0, 2, GFP_KERNEL, -1);
	plain = lab.m->cpus[0].busy_ns - before;
	before = lab.m->cpus[0].busy_ns;
	lab_alloc(&lab, 0, 2, GFP_KERNEL | __GFP_ZERO, -1);
	zeroed = lab.m->cpus[0].busy_ns - before;
	assert_true(zeroed >= plain + 4000 - 100);
	lab_close(&lab);
}

static void the_last_page_is_given_out_and_the_next_refused(void **state)
{
	struct lab lab;

	(void)state;
	open_plain(&lab);
	for (int i = 0; i < 4; i++)
		assert_non_null(lab_alloc(&lab, 0, 10, GFP_KERNEL, -1));
	assert_blocks(0, 4096, "U10*4");
	assert_null(lab_alloc(&lab, 0, 0, GFP_KERNEL, -1));
	assert_int_equal(node_zone(0, ZONE_DMA)->vm_stat[NR_FREE_PAGES], 0);
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

static void a_new_chain_finds_the_machine_clean(void **state)
{
	struct lab lab;
	struct err e;

	(void)state;
	open_plain(&lab);
	lab_alloc(&lab, 0, 3, GFP_KERNEL, -1);
	lab_alloc(&lab, 0, 0, GFP_HIGHUSER_MOVABLE, -1);
	page_allocator_put(lab.pa);
	lab.pa = lab_chain("page_allocator", &e);
	assert_blocks(0, 4096, "_10*4");
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

/* ---- The recount finds what is wrong ---- */

static void wrong_counter(struct lab *lab)
{
	(void)lab;
	node_zone(0, ZONE_DMA)->vm_stat[NR_FREE_PAGES]++;
}

static void lost_free_block(struct lab *lab)
{
	struct page *page = pfn_to_page(8); /* order 3, free */

	(void)lab;
	ASSERT(page->flags & PG_buddy);
	list_del(&page->lru);
}

static void block_on_the_wrong_list(struct lab *lab)
{
	(void)lab;
	pfn_to_page(8)->migratetype = MIGRATE_RECLAIMABLE;
}

static void tail_without_head(struct lab *lab)
{
	(void)lab;
	ASSERT(pfn_to_page(3)->flags & PG_tail);
	pfn_to_page(3)->index = 0;
}

static void given_out_and_free(struct lab *lab)
{
	(void)lab;
	pfn_to_page(8)->flags |= PG_allocated;
}

static void unmerged_buddies(struct lab *lab)
{
	pfn_to_page(1)->flags &= ~PG_buddy; /* hides it from its buddy */
	lab_free(lab, 0, pfn_to_page(0), 0);
	pfn_to_page(1)->flags |= PG_buddy;
}

static int exit_code_of_check(void (*damage)(struct lab *lab))
{
	int status;
	pid_t child = fork();

	if (!child) {
		struct lab lab;

		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		open_plain(&lab);
		lab_alloc(&lab, 0, 0, GFP_MOVABLE_USER, -1);
		lab_alloc(&lab, 0, 1, GFP_MOVABLE_USER, -1);
		if (damage)
			damage(&lab);
		page_allocator_check(lab.pa);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void the_recount_finds_damage(void **state)
{
	(void)state;
	assert_int_equal(exit_code_of_check(NULL), 0);
	assert_int_equal(exit_code_of_check(wrong_counter), EXIT_BUG);
	assert_int_equal(exit_code_of_check(lost_free_block), EXIT_BUG);
	assert_int_equal(exit_code_of_check(block_on_the_wrong_list), EXIT_BUG);
	assert_int_equal(exit_code_of_check(tail_without_head), EXIT_BUG);
	assert_int_equal(exit_code_of_check(given_out_and_free), EXIT_BUG);
	assert_int_equal(exit_code_of_check(unmerged_buddies), EXIT_BUG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(untouched_memory_is_a_range),
		cmocka_unit_test(a_page_splits_the_lowest_block),
		cmocka_unit_test(blocks_are_aligned_and_merge_only_with_buddies),
		cmocka_unit_test(compound_pages_know_their_head),
		cmocka_unit_test(zeroed_pages_are_zero),
		cmocka_unit_test(zeroing_costs_time_even_where_nothing_is_written),
		cmocka_unit_test(the_last_page_is_given_out_and_the_next_refused),
		cmocka_unit_test(a_new_chain_finds_the_machine_clean),
		cmocka_unit_test(the_recount_finds_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
