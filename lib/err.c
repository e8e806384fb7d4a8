/*
 * What went wrong, in words for the user.
 */
#include "lib/err.h"

#include <stdarg.h>
#include <stdio.h>

/* Names are the user's: no message is two lines, none moves the cursor. */
static void one_line(struct err *e)
{
	for (char *p = e->msg; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
}

int err_set(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	one_line(e);
	return -1;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
	struct err old = *e;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(e->msg))
		snprintf(e->msg + n, sizeof(e->msg) - (size_t)n, ": %.*s",
			 (int)(sizeof(e->msg) - (size_t)n), old.msg);
	one_line(e);
	return -1;
}
