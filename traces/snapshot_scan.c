/*
 * Lines and words of a text in memory.
 */
#include "traces/snapshot_scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_MAX 40 /* characters of a bad word in a message */

struct scan scan_text(const char *path, const char *text, size_t n)
{
	return (struct scan){
		.path = path, .p = text, .line_end = text, .line = text, .end = text + n};
}

bool scan_line(struct scan *s)
{
	const char *newline;

	if (s->line_no) {
		if (s->line_end == s->end)
			return false;
		s->line = s->line_end + 1;
	}
	if (s->line == s->end)
		return false;
	newline = memchr(s->line, '\n', (size_t)(s->end - s->line));
	s->line_end = newline ? newline : s->end;
	s->p = s->line;
	s->line_no++;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool scan_word(struct scan *s, struct word *w)
{
	while (s->p < s->line_end && is_blank(*s->p))
		s->p++;
	w->text = s->p;
	while (s->p < s->line_end && !is_blank(*s->p))
		s->p++;
	w->len = (size_t)(s->p - w->text);
	return w->len != 0;
}

bool scan_field(struct scan *s, struct scan *field)
{
	const char *tab;

	if (s->p > s->line_end)
		return false;
	tab = s->p < s->line_end ? memchr(s->p, '\t', (size_t)(s->line_end - s->p)) : NULL;
	*field = *s;
	field->line_end = tab ? tab : s->line_end;
	/* Past the end: that was the last one. */
	s->p = field->line_end + 1;
	return true;
}

int scan_error(const struct scan *s, const char *at, struct err *e, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_set(e, "%s:%u:%zu: %s", s->path, s->line_no ? s->line_no : 1,
		       (size_t)(at - s->line) + 1, what);
}

int scan_need(struct scan *s, const char *what, struct word *w, struct err *e)
{
	if (scan_word(s, w))
		return 0;
	return scan_error(s, w->text, e, "%s is missing", what);
}

int scan_word_number(const struct scan *s, const struct word *w, const char *what, u64 *v,
		     struct err *e)
{
	int shown = (int)min(w->len, (size_t)SHOWN_MAX);

	*v = 0;
	if (w->len && w->text[0] == '-')
		return scan_error(s, w->text, e, "%s: '%.*s' is negative", what, shown, w->text);
	for (size_t i = 0; i < w->len; i++) {
		if (w->text[i] < '0' || w->text[i] > '9')
			return scan_error(s, w->text, e, "%s: '%.*s' is not a number", what, shown,
					  w->text);
		*v = *v * 10 + (u64)(w->text[i] - '0');
		if (*v > SCAN_NUMBER_MAX)
			return scan_error(s, w->text, e, "%s: '%.*s' is too large", what, shown,
					  w->text);
	}
	if (!w->len)
		return scan_error(s, w->text, e, "%s: a number is missing", what);
	return 0;
}

int scan_number(struct scan *s, const char *what, u64 *v, struct err *e)
{
	struct word w;

	return scan_need(s, what, &w, e) ? -1 : scan_word_number(s, &w, what, v, e);
}

int scan_literal(struct scan *s, const char *text, struct err *e)
{
	struct word w;

	if (scan_word(s, &w) && word_is(&w, text))
		return 0;
	return scan_error(s, w.text, e, "'%s' is wanted here", text);
}

int scan_done(struct scan *s, struct err *e)
{
	struct word w;

	if (!scan_word(s, &w))
		return 0;
	return scan_error(s, w.text, e, "'%.*s': nothing more is wanted on this line",
			  (int)min(w.len, (size_t)SHOWN_MAX), w.text);
}

bool word_is(const struct word *w, const char *text)
{
	return strlen(text) == w->len && !memcmp(w->text, text, w->len);
}

int scan_printable(const struct scan *s, struct err *e)
{
	struct scan copy = *s;

	while (scan_line(&copy)) {
		for (const char *p = copy.line; p < copy.line_end; p++) {
			if (((u8)*p < ' ' && *p != '\t') || *p == 0x7f)
				return scan_error(&copy, p, e, "a control character (0x%02x)",
						  (u8)*p);
		}
	}
	return 0;
}
