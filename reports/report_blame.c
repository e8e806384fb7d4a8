/*
 * Who keeps otherwise free pageblocks from being free: the table, and who is worst.
 */
#include <sqlite3.h>

#include "lib/units.h"
#include "reports/browse.h"
#include "reports/map_load.h"
#include "reports/proc_state.h"
#include "reports/values.h"

static const struct browse_column columns[] = {
	{"call site", "call_site", "text", false},
	{"cache", "cache", "text", false},
	{"blocks, end", "blocks_end", "number", false},
	{"memory kept, end", "kept_bytes_end", "bytes", false},
	{"alone, end", "sole_end", "count", false},
	{"its pages, end", "pages_end", "count", false},
	{"blocks, mean", "blocks_mean", "number", false},
	{"its pages, mean", "pages_mean", "number", false},
	{"time x blocks", "block_ns", "ns", false},
	{"longest", "longest_ns", "ns", false},
};

/* The page shows the first hundred by blocks, at the end and over time. */
static const struct browse_table blame = {
	.id = "blame",
	.columns = columns,
	.nr_columns = ARRAY_SIZE(columns),
	.sort = 4,
	.sql = "SELECT call_site, cache, blocks_end, blocks_end * " PROC_BLOCK_BYTES_SQL
	       ", sole_end, pages_end, blocks_mean, pages_mean, block_ns, longest_ns,"
	       " min(row_number() OVER (ORDER BY blocks_end DESC, call_site, cache),"
	       " row_number() OVER (ORDER BY block_ns DESC, call_site, cache)) <= 100"
	       " FROM blame_view WHERE run_id = ?1 ORDER BY blocks_end DESC, call_site, cache",
};

int report_blame_any(struct report *p, bool *any, struct err *e)
{
	s64 nr = 0;

	if (db_has(p->db, "blame_view", any, e))
		return -1;
	if (*any &&
	    db_number(p->db, "SELECT count(*) FROM (SELECT 1 FROM blame_view LIMIT 1)", &nr, e))
		return -1;
	*any = nr > 0;
	return 0;
}

struct worst {
	const struct report_run *of;
	char holder[160], number[VALUE_TEXT_MAX];
	double blocks, pages, longest_ns, all_blocks;
	bool known;
};

/* Somebody one can talk to first: "(per-CPU lists)", what was there at the start and unknown call
 * sites come behind. */
static const char worst_sql[] =
	"SELECT call_site, cache, blocks_end, pages_end, longest_ns,"
	" (SELECT sum(blocks_end) FROM blame_view WHERE run_id = ?1),"
	" cache GLOB '(*' OR (cache = '' AND call_site IN ('', '?')) AS unknown"
	" FROM blame_view WHERE run_id = ?1 AND blocks_end > 0"
	" ORDER BY unknown, blocks_end DESC, call_site, cache LIMIT 1";

static int worst_read(struct report *p, const struct report_run *run, struct worst *w,
		      struct err *e)
{
	sqlite3_stmt *row = db_prepare(p->db, worst_sql, e);
	bool known;
	int rc;

	if (!row)
		return -1;
	sqlite3_bind_int64(row, 1, run->info->id);
	rc = db_step(p->db, row, e);
	known = rc > 0 && !sqlite3_column_int(row, 6);
	if (rc > 0 && known >= w->known &&
	    (known > w->known || sqlite3_column_double(row, 2) > w->blocks)) {
		w->of = run;
		w->blocks = sqlite3_column_double(row, 2);
		w->pages = sqlite3_column_double(row, 3);
		w->longest_ns = sqlite3_column_double(row, 4);
		w->all_blocks = sqlite3_column_double(row, 5);
		w->known = known;
		holder_print((const char *)sqlite3_column_text(row, 0),
			     (const char *)sqlite3_column_text(row, 1), w->holder,
			     sizeof(w->holder));
	}
	sqlite3_finalize(row);
	return rc < 0 ? -1 : 0;
}

static void blocks_print(double blocks, char *buf, size_t n)
{
	snprintf(buf, n, blocks < 100 ? "%.3g" : "%.0f", blocks);
}

static int blame_finding(struct report *p, size_t load, struct err *e)
{
	char size[VALUE_TEXT_MAX], longest[VALUE_TEXT_MAX], all[VALUE_TEXT_MAX];
	struct worst w = {.blocks = 0};

	for (size_t s = 0; s < p->nr_stacks; s++)
		if (report_run(p, load, s) && worst_read(p, report_run(p, load, s), &w, e))
			return -1;
	if (!w.of)
		return 0;
	blocks_print(w.blocks, w.number, sizeof(w.number));
	blocks_print(w.all_blocks, all, sizeof(all));
	size_human(w.blocks * 2 * MIB, size, sizeof(size));
	time_human(w.longest_ns, longest, sizeof(longest));
	report_finding(p,
		       "When %s ends, %s%s keeps most blocks of 2 MiB from "
		       "being free: %s of %s (%s) with %.0f pages under %s, one of them for %s.",
		       p->loads.names[load], w.known ? "of all that are known " : "", w.holder,
		       w.number, all, size, w.pages, p->stacks[w.of->stack].name, longest);
	return 0;
}

int report_blame(struct report *p, struct err *e)
{
	for (size_t load = 0; load < p->loads.nr; load++)
		if (blame_finding(p, load, e))
			return -1;
	fputs("<p class=\"how\">A pageblock (2 MiB) is kept when pages that cannot move are in it, "
	      "at "
	      "most half of it: whatever else is there is free or could be moved away. Holders "
	      "share a block by their pages in it; alone: blocks nobody else keeps. The memory "
	      "map shows where: colours by blame.</p>\n",
	      p->html);
	return browse_write(p, &blame, e);
}
