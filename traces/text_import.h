/*
 * What importers of text have in common: the walk over the lines, the counts, the ends.
 *
 * An importer gives a text_form: how a line of its tool begins. A line that begins otherwise is a
 * note (form->note), or more of the event before where that event's text is free (a mark, an event
 * nobody knows); behind an event of a known kind it is damage.
 */
#ifndef TRACES_TEXT_IMPORT_H
#define TRACES_TEXT_IMPORT_H

#include "traces/importer.h"
#include "traces/text_event.h"

/* What notes tell. */
struct text_notes {
	unsigned int nr_cpus;
	u64 lost;
	char kernel[256], clock[64];
};

struct text_form {
	/*
	 * Fills in all of *ev but `line` and `end`, which are set. False: no event; ev->body is
	 * where the line stops looking like one.
	 */
	bool (*event)(struct text_event *ev);
	/* A line of `len` characters that is no event: true if the tool writes such lines. */
	bool (*note)(struct text_notes *notes, const char *line, u32 len);
	const char *like; /* how an event line begins, for messages */
};

/* Does text that begins so come from this tool? The first event says yes; a line that is neither an
 * event nor such a note before it, no. Lines that begin with '#' and empty ones tell nothing. */
bool text_probe(const struct text_form *form, const u8 *head, size_t n);
int __must_check text_import(const struct text_form *form, const char *path, struct raw_sink *sink,
			     struct err *e);

/* Backwards over what stands before an event: from *p, exclusive, down to `start`. */
void text_back_blanks(const char *start, const char **p);
/* A decimal number that ends there; false: none, or it is above 32 bits. */
bool text_back_number(const char *start, const char **p, u32 *v);
bool text_back_char(const char *start, const char **p, char c);

/* The colon behind the next time stamp from `from` on, which is read into ev->t_ns; *p: where the
 * stamp begins. NULL: none. A comm may hold what looks like one. */
const char *text_find_time(struct text_event *ev, const char *from, const char **p);
/* "name:" or "system:name:" at `p`, then the body. */
bool text_find_name(struct text_event *ev, const char *p, bool with_system);

#endif
