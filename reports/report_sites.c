/*
 * The page's call sites to blame: who holds most at the end, and who gets most that nobody asked
 * for.
 */
#include <sqlite3.h>

#include "lib/units.h"
#include "reports/html.h"
#include "reports/report_page.h"
#include "reports/values.h"

#define SITES(amount)                                                                              \
	"SELECT call_site, cache, hits, " amount " AS amount FROM site_view WHERE run_id = ?"      \
	" AND amount > 0 ORDER BY amount DESC, call_site, cache LIMIT 10"

static const struct ranking {
	const char *title, *sql;
} rankings[] = {
	{"live at the end", SITES("live_bytes")},
	{"allocated beyond what was asked for, over the run", SITES("bytes_alloc - bytes_req")},
};

static void site_row(FILE *f, sqlite3_stmt *s)
{
	char text[VALUE_TEXT_MAX];

	fputs("<tr><td><code>", f);
	html_text(f, (const char *)sqlite3_column_text(s, 0));
	fputs("</code></td><td><code>", f);
	html_text(f, (const char *)sqlite3_column_text(s, 1));
	value_print(sqlite3_column_double(s, 2), "count", text, sizeof(text));
	fprintf(f, "</code></td><td class=\"n\">%s</td>", text);
	size_human(sqlite3_column_double(s, 3), text, sizeof(text));
	fprintf(f, "<td class=\"n\">%s</td></tr>\n", text);
}

static int ranking_table(struct report *p, const struct report_run *run, const struct ranking *r,
			 struct err *e)
{
	sqlite3_stmt *s = db_prepare(p->db, r->sql, e);
	int rc;

	if (!s)
		return -1;
	sqlite3_bind_int64(s, 1, run->info->id);
	fputs("<details class=\"how\"><summary>", p->html);
	html_print(p->html, "%s, %s: %s", run->info->load, p->stacks[run->stack].name, r->title);
	fputs("</summary><div class=\"scroll\"><table>\n<tr><th>call site</th><th>cache</th>"
	      "<th class=\"n\">calls</th><th class=\"n\">bytes</th></tr>\n",
	      p->html);
	while ((rc = db_step(p->db, s, e)) > 0)
		site_row(p->html, s);
	sqlite3_finalize(s);
	fputs("</table></div></details>\n", p->html);
	return rc;
}

int report_sites(struct report *p, struct err *e)
{
	fputs("<p class=\"how\">The ten call sites with most bytes of each kind. A site without a "
	      "cache asks for pages.</p>\n",
	      p->html);
	for (size_t i = 0; i < p->nr_runs; i++)
		for (size_t k = 0; k < ARRAY_SIZE(rankings); k++)
			if (ranking_table(p, &p->runs[i], &rankings[k], e))
				return -1;
	return 0;
}
