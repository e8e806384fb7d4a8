/*
 * Marks of a recorded machine's snapshots: "SNAP LABEL begin FILE", "SNAP LABEL end FILE".
 *
 * Who took the snapshot LABEL wrote them into the trace right before and right after it read FILE
 * of /proc or sysfs, or shrank every cache (FILE is "shrink"). Labels have no blanks.
 */
#ifndef SIM_SNAP_MARK_H
#define SIM_SNAP_MARK_H

#include <stddef.h>

#include "lib/types.h"

struct snap_mark {
	const char *label; /* label_len characters of the mark's text */
	size_t label_len;
	bool end;
	const char *file;
};

/* False: another mark. */
bool snap_mark_parse(struct snap_mark *m, const char *text);
/* Is it one of that snapshot? */
bool snap_mark_labels(const struct snap_mark *m, const char *label);

#endif
