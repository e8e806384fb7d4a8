/*
 * Text that grows at the end of a buffer of fixed size.
 */
#include "lib/text.h"

#include <stdarg.h>
#include <stdio.h>

void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int len;

	if (t->len >= t->n)
		return;
	va_start(ap, fmt);
	len = vsnprintf(t->buf + t->len, t->n - t->len, fmt, ap);
	va_end(ap);
	if (len > 0)
		t->len += (size_t)len;
}

size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}
