/*
 * Globs: which names match, and what is none.
 */
#include "tests/test.h"

#include "lib/glob.h"

static void names_match(void **state)
{
	static const struct {
		const char *glob, *text;
		bool matches;
	} cases[] = {
		{"*", "", true},
		{"kmalloc-*", "kmalloc-64", true},
		{"kmalloc-*", "kmal", false},
		{"a?c", "abc", true},
		{"a[b-d]c", "acc", true},
		{"a[!b-d]c", "acc", false},
		{"a\\*", "a*", true},
		{"a\\*", "ab", false},
		{"[]]", "]", true},
	};
	struct err e;
	size_t at;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(glob_check(cases[i].glob, &at, &e), 0);
		assert_int_equal(glob_matches(cases[i].glob, cases[i].text), cases[i].matches);
	}
}

static void what_is_no_glob(void **state)
{
	static const struct {
		const char *glob;
		size_t at;
		const char *says;
	} cases[] = {
		{"", 0, "a glob is empty"},	    {"ab[c", 2, "this '[' has no ']'"},
		{"[]", 0, "this '[' has no"},	    {"a\\", 1, "this '\\' has nothing to quote"},
		{"\\[a[", 3, "this '[' has no"},    {"\\\\[a", 2, "this '[' has no"},
		{"a\nb", 1, "a control character"},
	};
	struct err e;
	size_t at;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(glob_check(cases[i].glob, &at, &e), -1);
		assert_int_equal(at, cases[i].at);
		assert_says(e.msg, cases[i].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_match),
		cmocka_unit_test(what_is_no_glob),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
