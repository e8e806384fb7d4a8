/*
 * The canary: each of its ways must end in failure, or the test driver is blind. Not part of the
 * tests.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

static const char *what;

/* volatile: the compiler must not see through it. */
static void dies(void **state)
{
	volatile size_t eight = 8;
	volatile int large = INT_MAX;
	volatile char *p;

	(void)state;
	if (!strcmp(what, "heap")) {
		p = malloc(eight);
		p[eight] = 1;
		free((char *)p);
	} else if (!strcmp(what, "integer")) {
		large = large + 1;
	} else {
		assert_int_equal(large, 0);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(dies)};

	what = argc > 1 ? argv[1] : "assertion";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
