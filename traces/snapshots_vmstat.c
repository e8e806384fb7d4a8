/*
 * vmstat: NAME VALUE, one a line, as /proc/vmstat has it.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "traces/snapshots_parse.h"

#define LINES_MAX 4096

int parse_vmstat(struct scan *s, struct snapshot *snap, struct err *e)
{
	size_t room = 0;

	while (scan_line(s)) {
		struct word w;
		u64 value;

		if (!scan_word(s, &w))
			continue;
		if (snap->nr_vmstat == LINES_MAX)
			return scan_error(s, s->line, e, "more than %d lines", LINES_MAX);
		if (scan_number(s, "value", &value, e) || scan_done(s, e))
			return -1;
		MEM_ROOM(snap->vmstat, snap->nr_vmstat, room);
		snap->vmstat[snap->nr_vmstat++] =
			(struct snapshot_count){mem_dup_n(w.text, w.len), value};
	}
	return snap->nr_vmstat ? 0 : scan_error(s, s->p, e, "no line in it");
}

const struct snapshot_count *snapshot_vmstat(const struct snapshot *s, const char *name)
{
	for (size_t i = 0; i < s->nr_vmstat; i++)
		if (!strcmp(s->vmstat[i].name, name))
			return &s->vmstat[i];
	return NULL;
}
