/*
 * What pressure came to, in numbers: huge pages by path, compaction by who did it, figures and
 * counters of the end. Tables of the lowest seed, figures the median of the seeds.
 */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "reports/figure_curves.h"
#include "reports/html.h"
#include "reports/stack_tables.h"

static const struct table_column huge_columns[] = {
	{"path", NULL}, {"requests", "count"}, {"p50", "ns"},
	{"p99", "ns"},	{"p99.9", "ns"},       {"max", "ns"},
};
static const struct table_column compact_columns[] = {
	{"by", NULL},
	{"result", NULL},
	{"runs", "count"},
	{"looked at for pages to move", "pages"},
	{"moved", "pages"},
	{"failed", "pages"},
	{"2 MiB blocks gained", "count"},
	{"time", "ns"},
	{"longest", "ns"},
};

static const struct stack_table stack_tables[] = {
	{"latency_view", "Huge pages (order 9): how they were had, and how long it took",
	 "SELECT path, count, p50_ns, p99_ns, p999_ns, max_ns FROM latency_view"
	 " WHERE run_id = ? AND op = 'page_alloc/9' AND count > 0 ORDER BY count DESC, path",
	 huge_columns, ARRAY_SIZE(huge_columns)},
	{"compact_view", "Runs of compaction",
	 "SELECT mode, result, count(*), sum(migrate_scanned), sum(moved), sum(failed),"
	 " sum(blocks_gained), sum(ns), max(ns) FROM compact_view WHERE run_id = ?"
	 " GROUP BY mode, result ORDER BY count(*) DESC, mode, result LIMIT 24",
	 compact_columns, ARRAY_SIZE(compact_columns)},
};

static const char *const pressure_metrics[] = {
	"huge_*",    "availability_*", "free_huge_*",	  "mixed_pageblocks_*",
	"compact_*", "kswapd_*",       "direct_reclaim*", "reclaim_*",
	"refault*",  "nr_extfrag*",    "*watermark*",
};

/* ---- Counters of /proc/vmstat ---- */

static const char counter_sql[] =
	"SELECT name, max(t_ns), value FROM vmstat_view WHERE run_id = ?"
	" AND (name GLOB 'allocstall*' OR name GLOB 'pg[srm]*' OR name GLOB 'compact_*'"
	" OR name GLOB 'workingset_*' OR name GLOB 'kswapd_*' OR name GLOB 'thp_*'"
	" OR name IN ('slabs_scanned', 'pageoutrun', 'oom_kill')) GROUP BY name ORDER BY name";

struct counters {
	char *names[64]; /* more are not shown */
	double v[64][REPORT_STACKS_MAX];
	size_t nr, stack; /* stack: the one that is read */
};

static size_t counter_of(struct counters *c, const char *name)
{
	size_t i = 0;

	while (i < c->nr && strcmp(c->names[i], name) != 0)
		i++;
	if (i < c->nr || c->nr == ARRAY_SIZE(c->names))
		return i;
	c->names[c->nr++] = mem_dup(name);
	return i;
}

static void counter_take(void *arg, sqlite3_stmt *row)
{
	struct counters *c = arg;
	size_t i = counter_of(c, (const char *)sqlite3_column_text(row, 0));

	if (i < c->nr)
		c->v[i][c->stack] = sqlite3_column_double(row, 2);
}

static void counters_write(const struct report *p, size_t load, const struct counters *c)
{
	FILE *f = p->html;

	fputs("<details><summary>Counters of <code>/proc/vmstat</code> at the end</summary>"
	      "<div class=\"scroll\"><table>\n<tr>",
	      f);
	table_heads(p, load, "counter");
	for (size_t i = 0; i < c->nr; i++) {
		if (!row_tells(c->v[i], p->nr_stacks))
			continue;
		fputs("<tr><td><code>", f);
		html_text(f, c->names[i]);
		fputs("</code></td>", f);
		for (size_t s = 0; s < p->nr_stacks; s++)
			if (report_run(p, load, s))
				report_value_cell(f, c->v[i][s], "count");
		fputs("</tr>\n", f);
	}
	fputs("</table></div></details>\n", f);
}

static int counters_table(struct report *p, size_t load, struct err *e)
{
	struct counters *c = mem_alloc(1, sizeof(*c));
	int rc = 0;

	for (c->stack = 0; c->stack < p->nr_stacks && !rc; c->stack++)
		if (report_run(p, load, c->stack))
			rc = db_each_row(p->db, "vmstat_view", counter_sql,
					 report_run(p, load, c->stack)->info->id, counter_take, c,
					 e);
	if (!rc && c->nr)
		counters_write(p, load, c);
	for (size_t i = 0; i < c->nr; i++)
		free(c->names[i]);
	free(c);
	return rc;
}

/* ---- What is not listed ---- */

/* A run lists its first events and runs of compaction and reclaim, and counts all of them. */
static const struct {
	const char *view, *sql, *metric, *what;
} listed[] = {
	{"compact_view", "SELECT count(*) FROM compact_view WHERE run_id = ?", "compact_runs",
	 "runs of compaction"},
	{"reclaim_view", "SELECT count(*) FROM reclaim_view WHERE run_id = ? AND mode = 'kswapd'",
	 "kswapd_runs", "runs of kswapd"},
	{"reclaim_view", "SELECT count(*) FROM reclaim_view WHERE run_id = ? AND mode = 'direct'",
	 "direct_reclaims", "reclaims by requests"},
	{"event_view", "SELECT count(*) FROM event_view WHERE run_id = ?", "nr_reports", "events"},
};

static int listed_note(struct report *p, const struct report_run *run, size_t nth, struct err *e)
{
	double all = report_summary_of(&run->seeds[0], listed[nth].metric, 0);
	sqlite3_stmt *row = db_prepare(p->db, listed[nth].sql, e);
	double nr;
	int rc;

	if (!row)
		return -1;
	sqlite3_bind_int64(row, 1, run->info->id);
	rc = db_step(p->db, row, e);
	nr = rc > 0 ? sqlite3_column_double(row, 0) : 0;
	sqlite3_finalize(row);
	if (rc < 0)
		return -1;
	if (nr < 1 || nr >= all)
		return 0;
	fputs("<p class=\"note\">", p->html);
	html_print(
		p->html,
		"Of %.0f %s under %s the first %.0f are listed: tables of runs and curves of what "
		"was done end there, the figures count all.",
		all, listed[nth].what, p->stacks[run->stack].name, nr);
	fputs("</p>\n", p->html);
	return 0;
}

static int listed_notes(struct report *p, size_t load, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(listed); i++) {
		bool known;

		if (db_has(p->db, listed[i].view, &known, e))
			return -1;
		for (size_t s = 0; s < p->nr_stacks && known; s++)
			if (report_run(p, load, s) && listed_note(p, report_run(p, load, s), i, e))
				return -1;
	}
	return 0;
}

int pressure_tables(struct report *p, size_t load, struct err *e)
{
	if (listed_notes(p, load, e))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(stack_tables); i++)
		if (stack_table(p, load, &stack_tables[i], e))
			return -1;
	metrics_table(p, load, pressure_metrics, ARRAY_SIZE(pressure_metrics));
	return counters_table(p, load, e);
}
