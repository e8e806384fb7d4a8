/*
 * Events in text: from "kmalloc: call_site=... ptr=..." to a raw event. What comes before (task,
 * CPU, time) differs between tools and is read by their importers.
 *
 * The one question everybody asks: *what if another kernel prints a field differently?* Fields are
 * found by name, in any order, and may be missing where some kernel lacks them; values are read as
 * each is (traces/text_value.h). Only what a request cannot be made without is an error.
 */
#ifndef TRACES_TEXT_EVENT_H
#define TRACES_TEXT_EVENT_H

#include "traces/event_kinds.h"
#include "traces/text_words.h"

/* An event line, cut in pieces that point into it. */
struct text_event {
	u64 t_ns;
	u32 pid;
	u16 cpu;
	u8 flags; /* RAW_F_* */
	const char *line;
	const char *system; /* NULL: the tool does not say */
	const char *name;
	const char *body, *end; /* what follows the colon; where the line ends: a '\n' */
	u32 system_len, name_len;
};

#define TEXT_KEY_WORDS 3
#define TEXT_FIELDS_MAX (NR_FIELDS + 1)

struct text_field {
	const char *key;
	u64 word[TEXT_KEY_WORDS], mask[TEXT_KEY_WORDS]; /* "key=", eight characters a word */
	u32 len;					/* of "key=" */
	u8 use, form;
};

/* A kind of event as text has it: its fields in the order of most kernels. */
struct text_kind {
	const struct event_kind *kind;
	struct text_field fields[TEXT_FIELDS_MAX];
	u32 nr_fields, required; /* bits by use */
};

struct text_name { /* of an event: by its number in names */
	u64 count;
	const struct text_kind *kind; /* NULL: only counted */
};

struct text_events {
	struct raw_sink *sink;
	const char *path;
	u64 line;
	struct text_kind kinds[NR_EVENT_KINDS];
	struct text_words names; /* of events; values: unused */
	struct text_name *events;
	u32 events_max;
	struct text_words sites, gfps, caches;
	bool free_form; /* the last event's text is not known: more lines of it may follow */
};

void text_events_init(struct text_events *te, struct raw_sink *sink, const char *path);
void text_events_free(struct text_events *te);
/* Counts the event and, if it is of a known kind, hands it on. `line` is its number. */
int __must_check text_events_add(struct text_events *te, const struct text_event *ev, u64 line,
				 struct err *e);
/* The counts, to the sink. */
void text_events_report(const struct text_events *te);

#endif
