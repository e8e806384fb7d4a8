/*
 * report: its parts, without a page: text in HTML, and which points of a curve are drawn.
 */
#include <stdio.h>
#include <stdlib.h>

#include "reports/html.h"
#include "reports/samples.h"
#include "reports/stack_text.h"
#include "tests/test.h"

static void test_html_text(void **state)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	(void)state;
	html_text(f, "<a href=\"x\">'&'\x01</a>");
	fclose(f);
	assert_string_equal(text, "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
	free(text);
}

/* 1000 points, one peak and one dip: both are among the 50 that stay. */
static void test_points_pick(void **state)
{
	double value[1000];
	size_t picks[50], n;
	bool peak = false, dip = false;

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		value[i] = (double)(i % 7);
	value[503] = 100;
	value[777] = -100;
	n = points_pick(value, 1000, 50, picks);
	assert_in_range(n, 40, 50);
	assert_int_equal(picks[0], 0);
	assert_int_equal(picks[n - 1], 999);
	for (size_t i = 0; i < n; i++) {
		assert_true(!i || picks[i] > picks[i - 1]);
		peak = peak || picks[i] == 503;
		dip = dip || picks[i] == 777;
	}
	assert_true(peak && dip);
	assert_int_equal(points_pick(value, 10, 50, picks), 10);
	assert_int_equal(points_pick(value, 0, 50, picks), 0);
}

static void test_points_merge(void **state)
{
	size_t picks[] = {0, 4, 9, 0, 2, 4, 8, 9};
	static const size_t merged[] = {0, 2, 4, 8, 9};

	(void)state;
	assert_int_equal(points_merge(picks, ARRAY_SIZE(picks)), ARRAY_SIZE(merged));
	assert_memory_equal(picks, merged, sizeof(merged));
}

/* Only what tells stacks apart stays of their options. */
static void test_stack_brief(void **state)
{
	static const char *const stacks[] = {
		"pages=page_allocator(pcp=on) slab=slabifier(min_order=0,flush=10s)",
		"pages=page_allocator(pcp=on) slab=rcu:slabifier(min_order=2,flush=10s)"};
	char text[96];

	(void)state;
	stack_brief(stacks[0], stacks, 2, text, sizeof(text));
	assert_string_equal(text, "pages=page_allocator slab=slabifier(min_order=0)");
	stack_brief(stacks[1], stacks, 2, text, sizeof(text));
	assert_string_equal(text, "pages=page_allocator slab=rcu:slabifier(min_order=2)");
	stack_brief("a(b", stacks, 2, text, sizeof(text));
	assert_string_equal(text, "a");
	stack_brief("0123456\xc3\xa4", stacks, 2, text, 9);
	assert_string_equal(text, "0123456");
}

/* Layers of equal names in other chains are others. */
static void test_stack_brief_kinds(void **state)
{
	static const char *const stacks[] = {
		"slab=debug(sum=on):slabifier(order=0) store=debug(sum=off):zsmalloc(pages=4)",
		"slab=debug(sum=on):slabifier(order=0) store=debug(sum=off):zsmalloc(pages=8)"};
	char text[96];

	(void)state;
	stack_brief(stacks[1], stacks, 2, text, sizeof(text));
	assert_string_equal(text, "slab=debug:slabifier store=debug:zsmalloc(pages=8)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_html_text),	  cmocka_unit_test(test_points_pick),
		cmocka_unit_test(test_points_merge),	  cmocka_unit_test(test_stack_brief),
		cmocka_unit_test(test_stack_brief_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
