/*
 * Fragmenters as the user says them: what is read, printed and complained of.
 */
#include "tests/test.h"

#include "sim/fragment.h"

static void bad_text_is_explained(void **state)
{
	static const char *const cases[][2] = {
		{"", "column 1: a fragmenter's name is missing here"},
		{"pined", "column 1: unknown fragmenter 'pined': did you mean 'pinned'?"},
		{"pinned(q=1%)", "column 8: unknown option 'q': did you mean 'p'?"},
		{"pinned(p=0.2)",
		 "column 8: option 'p': '0.2' is not a share: write it as 20% or 1/512"},
		{"pinned(p=3/2)", "column 8: option 'p': 3/2 is more than the whole"},
		{"pinned(p=1/0)",
		 "column 8: option 'p': '1/0' is not a share: write it as 20% or 1/512"},
		{"pinned(p=1%", "column 7: this '(' has no ')'"},
		{"pinned(p)", "column 8: an option of 'pinned' reads key=value"},
		{"pinned(p=1%) x", "column 14: nothing can follow the ')'"},
		{"state", "state: file=PATH says which buddyinfo or pagetypeinfo it is"},
		{"fill(movable=90%)",
		 "fill: movable, unmovable and reclaimable make 110%: 100% is wanted"},
		{"fill(grain=10)", "column 6: option 'grain': 10 is out of range: 0 to 9"},
		{"huge_blocks(held=moveable)",
		 "column 13: option 'held': unknown value 'moveable': did you mean 'movable'? "
		 "(movable|unmovable|reclaimable)"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fragment f;
		struct err e = {""};

		assert_int_equal(fragment_parse(&f, cases[i][0], &e), -1);
		assert_string_equal(e.msg, cases[i][1]);
		assert_null(f.options);
	}
}

static void what_is_printed_is_read_back(void **state)
{
	char text[FRAGMENT_TEXT_MAX], again[FRAGMENT_TEXT_MAX];
	struct fragment f;
	struct err e;

	(void)state;
	assert_int_equal(fragment_parse(&f, " pinned ( p = 1/512 ) ", &e), 0);
	assert_string_equal(fragment_print(&f, text, sizeof(text)), "pinned(p=0.1953125%)");
	fragment_free(&f);
	for (struct fragmenter *how = fragmenter_first(); how; how = how->next) {
		if (how->file)
			continue;
		assert_int_equal(fragment_parse(&f, how->name, &e), 0);
		fragment_print(&f, text, sizeof(text));
		fragment_free(&f);
		assert_int_equal(fragment_parse(&f, text, &e), 0);
		assert_string_equal(fragment_print(&f, again, sizeof(again)), text);
		fragment_free(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_text_is_explained),
		cmocka_unit_test(what_is_printed_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
