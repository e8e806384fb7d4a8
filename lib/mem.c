/*
 * Host memory that is there or ends the process.
 */
#define _GNU_SOURCE /* vasprintf, program_invocation_short_name */
#include "lib/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_BYTES ((uintptr_t)2 << 20)

/* What surrounds us is at fault, as with a full disk: exit 2, not an assertion. */
void *mem_checked(void *p)
{
	if (p)
		return p;
	fprintf(stderr, "%s: out of memory\n", program_invocation_short_name);
	exit(EXIT_NO_MEMORY);
}

void *mem_alloc(size_t n, size_t size)
{
	return mem_checked(calloc(n ? n : 1, size));
}

void *mem_grow(void *p, size_t n, size_t size)
{
	return mem_checked(reallocarray(p, n ? n : 1, size));
}

void *mem_grow_zeroed(void *p, size_t old, size_t n, size_t size)
{
	char *grown = mem_grow(p, n, size);

	if (n > old)
		memset(grown + old * size, 0, (n - old) * size);
	return grown;
}

void mem_want_huge(void *p, size_t bytes)
{
	uintptr_t from = ((uintptr_t)p + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
	uintptr_t to = ((uintptr_t)p + bytes) & ~(HUGE_BYTES - 1);

	if (from < to)
		madvise((void *)from, to - from, MADV_HUGEPAGE);
}

char *mem_dup(const char *text)
{
	return mem_checked(strdup(text ? text : ""));
}

char *mem_dup_n(const char *text, size_t n)
{
	return mem_checked(strndup(text, n));
}

char *mem_print(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	return mem_checked(text);
}
