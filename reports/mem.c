/*
 * Host memory for results.
 */
#define _GNU_SOURCE /* vasprintf */
#include "reports/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As every mistake of the surroundings: exit 2, not an assertion. */
static void *checked(void *p)
{
	if (p)
		return p;
	fputs("kmemsim: out of memory\n", stderr);
	exit(2);
}

void *mem_alloc(size_t n, size_t size)
{
	return checked(calloc(n ? n : 1, size));
}

void *mem_grow(void *p, size_t n, size_t size)
{
	return checked(reallocarray(p, n ? n : 1, size));
}

char *mem_dup(const char *text)
{
	return checked(strdup(text ? text : ""));
}

char *mem_print(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	return checked(text);
}
