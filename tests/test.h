/*
 * What every unit test includes: cmocka with its prerequisites, and a few helpers.
 */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The message must contain the words; shows both if it does not. */
#define assert_says(text, words)                                                                   \
	do {                                                                                       \
		if (!strstr(text, words))                                                          \
			fail_msg("'%s' does not say '%s'", text, words);                           \
	} while (0)

/*
 * The address sanitizer looks on: it takes memory of its own, and stops at sizes it finds absurd.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SHADOWED
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SHADOWED
#endif

/*
 * Not where the sanitizer looks on: at this word tests/run runs the file in a build without it too.
 */
#ifdef SHADOWED
#define skip_shadowed()                                                                            \
	do {                                                                                       \
		print_message("# SHADOWED\n");                                                     \
		skip();                                                                            \
	} while (0)
#else
#define skip_shadowed() ((void)0)
#endif

#endif
