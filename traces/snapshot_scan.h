/*
 * Lines and words of a text in memory, with their place for messages.
 *
 *	struct scan s = scan_text("snaps/01-before/buddyinfo", data, n);
 *	while (scan_line(&s)) {
 *		if (scan_literal(&s, "Node", e) || scan_number(&s, "node", &nid, e)) return -1;
 *
 * Nothing is read past the end of the text; it need not end in a newline or a NUL.
 */
#ifndef TRACES_SNAPSHOT_SCAN_H
#define TRACES_SNAPSHOT_SCAN_H

#include "lib/err.h"
#include "lib/types.h"

/* Larger numbers are not of this world, and their sums stay within 64 bits. */
#define SCAN_NUMBER_MAX (1ULL << 48)

struct word {
	const char *text; /* not NUL-terminated */
	size_t len;
};

struct scan {
	const char *path;
	const char *p, *line_end; /* what is left of the line */
	const char *line, *end;	  /* its start; that of nothing more */
	unsigned int line_no;
};

struct scan scan_text(const char *path, const char *text, size_t n);
/* The next line; false at the end. */
bool scan_line(struct scan *s);
/* The next word between blanks; false at the end of the line (then it is empty, and there). */
bool scan_word(struct scan *s, struct word *w);
/* What is before the next tab or the end of the line, as a line of its own; false: no field
 * left. */
bool scan_field(struct scan *s, struct scan *field);

/* `what` is wanted, and is named in the message where it is missing. */
int __must_check scan_need(struct scan *s, const char *what, struct word *w, struct err *e);
int __must_check scan_number(struct scan *s, const char *what, u64 *v, struct err *e);
int __must_check scan_literal(struct scan *s, const char *text, struct err *e);
/* Nothing but blanks is left of the line. */
int __must_check scan_done(struct scan *s, struct err *e);

/* A whole word as a number. */
int __must_check scan_word_number(const struct scan *s, const struct word *w, const char *what,
				  u64 *v, struct err *e);
/* No control characters but tabs and newlines: the text is shown in messages and results. */
int __must_check scan_printable(const struct scan *s, struct err *e);
/* Sets "PATH:LINE:COLUMN: ..." for a place in the line; -1. */
int scan_error(const struct scan *s, const char *at, struct err *e, const char *fmt, ...)
	__printf(4, 5);

bool word_is(const struct word *w, const char *text);

#endif
