/*
 * times: when each file of a snapshot was read, on the trace's clock. FILE BEGIN END, in
 * nanoseconds; files that are not known are skipped.
 */
#include "traces/snapshots_parse.h"

int parse_times(struct scan *s, struct snapshot *snap, struct err *e)
{
	while (scan_line(s)) {
		struct snapshot_span span;
		struct word w;

		if (!scan_word(s, &w))
			continue;
		if (scan_number(s, "begin", &span.begin_ns, e) ||
		    scan_number(s, "end", &span.end_ns, e) || scan_done(s, e))
			return -1;
		if (span.end_ns < span.begin_ns)
			return scan_error(s, w.text, e, "%.*s: the end is before the begin",
					  (int)min(w.len, (size_t)40), w.text);
		for (size_t i = 0; i < NR_SNAPSHOT_KINDS; i++)
			if (snapshot_kinds[i].mark && word_is(&w, snapshot_kinds[i].name))
				*snapshot_kind_span(&snapshot_kinds[i], snap) = span;
	}
	return 0;
}
