/*
 * mm_stat: what zram said of its store while it was recorded.
 *
 * A row for each time it was read: LABEL DEVICE, then the columns of /sys/block/zramN/mm_stat (7 to
 * 9 of them: older kernels have no huge_pages), then the first figure of /proc/uptime, which is the
 * trace's clock to a hundredth of a second. A row becomes a mark of the load, with all it says in
 * the mark's text: a .kmt is complete without the file.
 *
 * The one question everybody asks: *when was it read?* Within the hundredth that uptime names, or
 * just before. The mark stands at its end; where the store was compacted before the next row, at
 * its beginning, for the compaction can have followed within the same hundredth.
 */
#ifndef TRACES_MM_STAT_H
#define TRACES_MM_STAT_H

#include "traces/snapshot_scan.h"

#define MM_STAT_TICK_NS 10000000ULL /* uptime is told in hundredths of a second */
#define NR_MM_STAT 9

enum mm_stat {
	MM_STAT_ORIG_DATA_SIZE,
	MM_STAT_COMPR_DATA_SIZE, /* bytes: the lengths of all objects */
	MM_STAT_MEM_USED_TOTAL,	 /* bytes of the pages they lie in */
	MM_STAT_MEM_LIMIT,
	MM_STAT_MEM_USED_MAX,
	MM_STAT_SAME_PAGES,
	MM_STAT_PAGES_COMPACTED, /* freed by compaction since the device is there */
	MM_STAT_HUGE_PAGES,	 /* incompressible ones: stored as they are */
	MM_STAT_HUGE_PAGES_SINCE,
};

struct mm_stat_row {
	char *label, *device;
	u64 uptime_ns;
	u64 value[NR_MM_STAT];
};

/* Rows are in order, of one device. -1 with e set: PATH:LINE:COLUMN. */
int __must_check parse_mm_stat(struct scan *s, struct mm_stat_row **rows, size_t *nr,
			       struct err *e);
void mm_stat_free(struct mm_stat_row *rows, size_t nr);

/* Was the store compacted between row i and the next? */
bool mm_stat_rises(const struct mm_stat_row *rows, size_t nr, size_t i);
/* When the mark of row i stands. */
u64 mm_stat_time(const struct mm_stat_row *rows, size_t nr, size_t i);

/* The text of a row's mark, which the caller frees. */
char *mm_stat_mark(const struct mm_stat_row *row);
/* False: another mark. The caller frees the row (mm_stat_free) if it is one. */
bool mm_stat_mark_parse(struct mm_stat_row *row, const char *text);

#endif
