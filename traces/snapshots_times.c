/*
 * times: when each file of a snapshot was read, on the trace's clock. FILE BEGIN END, in nanoseconds;
 * files that are not known are skipped.
 */
#include "traces/snapshots_parse.h"

int parse_times(struct scan *s, struct snapshot *snap, struct err *e)
{
	struct {
		const char *file;
		struct snapshot_span *span;
	} known[] = {
		{"shrink", &snap->shrink},
		{"slabinfo0", &snap->slabinfo0_at},
		{"slab_sysfs.tsv", &snap->sysfs_at},
		{"zoneinfo", &snap->zoneinfo_at},
		{"pagetypeinfo", &snap->pagetypeinfo_at},
		{"buddyinfo", &snap->buddyinfo_at},
		{"slabinfo", &snap->slabinfo_at},
	};

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
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			if (word_is(&w, known[i].file))
				*known[i].span = span;
	}
	return 0;
}
