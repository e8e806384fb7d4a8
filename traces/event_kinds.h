/*
 * Which recorded events an import understands, and the fields it takes of each: one table for every
 * importer that reads kernel trace events, binary or text.
 *
 * Format drift is kept here: a name or a field that some kernels lack is simply not found.
 */
#ifndef TRACES_EVENT_KINDS_H
#define TRACES_EVENT_KINDS_H

#include "traces/raw_event.h"

/* The fields a raw event can have. */
enum field_use { F_PTR, F_SIZE, F_ALLOC, F_GFP, F_SITE, F_NODE, F_ORDER, F_NAME, NR_FIELDS };

struct event_kind {
	const char *system, *name;
	u8 type;
	const char *fields[NR_FIELDS]; /* names of the fields; NULL: none */
};

#define NR_EVENT_KINDS 21
extern const struct event_kind event_kinds[NR_EVENT_KINDS];

#define MR_COMPACTION 0 /* enum migrate_reason: what `reason` is where compaction migrates */

/* Events whose fields need a second thought; false: not handed on. */
bool event_adjust(struct raw_event *ev);

#endif
