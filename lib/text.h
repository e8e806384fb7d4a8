/*
 * Text that grows at the end of a buffer of fixed size and is cut off there; always NUL-terminated.
 *
 *	char buf[80];
 *	struct text t = text_in(buf, sizeof(buf));
 *	text_add(&t, "%s=%d", name, value);
 */
#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include "lib/types.h"

struct text {
	char *buf;
	size_t n, len; /* len >= n: something was cut off */
};

static inline struct text text_in(char *buf, size_t n)
{
	if (n)
		buf[0] = '\0';
	return (struct text){.buf = buf, .n = n};
}

void text_add(struct text *t, const char *fmt, ...) __printf(2, 3);

static inline bool text_cut(const struct text *t)
{
	return t->len >= t->n;
}

/* Columns that a UTF-8 text takes on a terminal (no wide characters here). */
size_t text_width(const char *text);

#endif
