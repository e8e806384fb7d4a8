/*
 * Assertions: a false one is a bug of ours, never the user's doing.
 */
#include "lib/assert.h"

#include <stdio.h>
#include <stdlib.h>

static __thread void (*assert_hook)(void *arg);
static __thread void *assert_hook_arg;

void assert_hook_set(void (*hook)(void *arg), void *arg)
{
	assert_hook = hook;
	assert_hook_arg = arg;
}

_Noreturn void assert_failed(const char *what, const char *file, int line, const char *func)
{
	void (*hook)(void *arg) = assert_hook;

	fprintf(stderr, "bug: %s:%d: %s: %s\n", file, line, func, what);
	assert_hook = NULL; /* a hook that fails itself must not come back */
	if (hook)
		hook(assert_hook_arg);
	fflush(NULL);
	_Exit(EXIT_BUG);
}
