/*
 * Assertions: a false one is a bug of ours, never the user's doing.
 *
 * ASSERT is always on and must be O(1). It prints what failed, then calls the hook, which says
 * where in the simulation we are and how to repeat it, then ends the process with exit code 70.
 */
#ifndef LIB_ASSERT_H
#define LIB_ASSERT_H

#include "lib/types.h"

#define EXIT_BUG 70

#define ASSERT(cond)                                                                               \
	do {                                                                                       \
		if (unlikely(!(cond)))                                                             \
			assert_failed(#cond, __FILE__, __LINE__, __func__);                        \
	} while (0)

/* Prints "bug: FILE:LINE: FUNCTION: ..." to standard error, runs the hook, exits 70. */
_Noreturn void assert_failed(const char *what, const char *file, int line, const char *func);

/* The hook adds context (simulated time, stack, seed, command). Per thread; NULL removes it. */
void assert_hook_set(void (*hook)(void *arg), void *arg);

#endif
