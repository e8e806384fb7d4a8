/*
 * The page's table of what experiments expected and what was measured.
 */
#include <sqlite3.h>
#include <string.h>

#include "reports/expect.h"
#include "reports/html.h"
#include "reports/report_page.h"

static const char sql[] = "SELECT experiment, what, expected, measured, verdict, source "
			  "FROM expect_view ORDER BY experiment";

static void cell(FILE *f, const char *attributes, const char *text)
{
	fprintf(f, "<td%s>", attributes);
	html_text(f, text);
	fputs("</td>", f);
}

/* The word, not the colour, carries the meaning. */
static const char *verdict_class(const char *verdict)
{
	if (!strcmp(verdict, "met"))
		return " class=\"better\"";
	return strcmp(verdict, "note") ? " class=\"worse\"" : " class=\"same\"";
}

static void row(FILE *f, sqlite3_stmt *s)
{
	const char *verdict = (const char *)sqlite3_column_text(s, 4);
	char measured[EXPECT_NUMBER_MAX] = "";

	if (sqlite3_column_type(s, 3) != SQLITE_NULL)
		expect_number_print(sqlite3_column_double(s, 3), measured, sizeof(measured));
	fputs("<tr>", f);
	cell(f, "", (const char *)sqlite3_column_text(s, 0));
	cell(f, "", (const char *)sqlite3_column_text(s, 1));
	cell(f, " class=\"n\"", (const char *)sqlite3_column_text(s, 2));
	cell(f, " class=\"n\"", measured);
	cell(f, verdict_class(verdict), verdict);
	cell(f, "", (const char *)sqlite3_column_text(s, 5));
	fputs("</tr>\n", f);
}

static int count(struct report *p, const char *verdict, s64 *nr, struct err *e)
{
	char query[96];

	snprintf(query, sizeof(query), "SELECT count(*) FROM expect_view WHERE verdict IN (%s)",
		 verdict);
	return db_number(p->db, query, nr, e);
}

static int table(struct report *p, struct err *e)
{
	sqlite3_stmt *s = db_prepare(p->db, sql, e);
	int rc;

	if (!s)
		return -1;
	fputs("<div class=\"scroll\"><table>\n<tr><th scope=\"col\">experiment</th>"
	      "<th scope=\"col\">what</th><th scope=\"col\" class=\"n\">expected</th>"
	      "<th scope=\"col\" class=\"n\">measured</th><th scope=\"col\">verdict</th>"
	      "<th scope=\"col\">source of the expectation</th></tr>\n",
	      p->html);
	while ((rc = db_step(p->db, s, e)) > 0)
		row(p->html, s);
	sqlite3_finalize(s);
	fputs("</table></div>\n", p->html);
	return rc;
}

int report_expectations(struct report *p, struct err *e)
{
	s64 known, met = 0, missed = 0;

	/* A database of before expectations has no such view. */
	if (db_number(p->db, "SELECT count(*) FROM sqlite_schema WHERE name = 'expect_view'",
		      &known, e) ||
	    (known && db_number(p->db, "SELECT count(*) FROM expect_view", &known, e)))
		return -1;
	if (!known) {
		fputs("<p>No experiment said what it expects: <code>expect:</code> in its file "
		      "does, see <code>kmemsim help run</code>.</p>\n",
		      p->html);
		return 0;
	}
	if (count(p, "'met'", &met, e) || count(p, "'MISSED', 'error'", &missed, e))
		return -1;
	report_finding(p, "Of %lld expectations %lld are met and %lld missed.",
		       (long long)(met + missed), (long long)met, (long long)missed);
	return table(p, e);
}
