/*
 * Tables that have the stacks of a load beside each other, or below each other.
 */
#include "reports/stack_tables.h"

#include <fnmatch.h>
#include <math.h>
#include <sqlite3.h>

#include "reports/html.h"

static void head(FILE *f, const char *title, bool number)
{
	fprintf(f, "<th scope=\"col\"%s>", number ? " class=\"n\"" : "");
	html_text(f, title);
	fputs("</th>", f);
}

static void text_cell(FILE *f, const char *text)
{
	fputs("<td>", f);
	html_text(f, text);
	fputs("</td>", f);
}

static void table_begin(FILE *f, const char *heading)
{
	if (heading) {
		fputs("<h4>", f);
		html_text(f, heading);
		fputs("</h4>\n", f);
	}
	fputs("<div class=\"scroll\"><table>\n<tr>", f);
}

void table_end(FILE *f, bool begun)
{
	if (begun)
		fputs("</table></div>\n", f);
}

static void row_write(FILE *f, const char *stack, const struct stack_table *t, sqlite3_stmt *row)
{
	fputs("<tr>", f);
	text_cell(f, stack);
	for (size_t i = 0; i < t->nr_columns; i++) {
		const char *text = (const char *)sqlite3_column_text(row, (int)i);

		if (t->columns[i].unit)
			report_value_cell(f, text ? sqlite3_column_double(row, (int)i) : NAN,
					  t->columns[i].unit);
		else
			text_cell(f, text ? text : "");
	}
	fputs("</tr>\n", f);
}

static int run_rows(struct report *p, const struct report_run *run, const struct stack_table *t,
		    bool *begun, struct err *e)
{
	sqlite3_stmt *row = db_prepare(p->db, t->sql, e);
	int rc;

	if (!row)
		return -1;
	sqlite3_bind_int64(row, 1, run->info->id);
	while ((rc = db_step(p->db, row, e)) > 0) {
		if (!*begun) {
			table_begin(p->html, t->heading);
			head(p->html, "stack", false);
			for (size_t i = 0; i < t->nr_columns; i++)
				head(p->html, t->columns[i].title, t->columns[i].unit);
			fputs("</tr>\n", p->html);
			*begun = true;
		}
		row_write(p->html, p->stacks[run->stack].name, t, row);
	}
	sqlite3_finalize(row);
	return rc;
}

int stack_table_rows(struct report *p, size_t load, const struct stack_table *t, bool *begun,
		     struct err *e)
{
	bool known;
	int rc = db_has(p->db, t->view, &known, e);

	for (size_t s = 0; s < p->nr_stacks && !rc && known; s++)
		if (report_run(p, load, s))
			rc = run_rows(p, report_run(p, load, s), t, begun, e);
	return rc;
}

int stack_table(struct report *p, size_t load, const struct stack_table *t, struct err *e)
{
	bool begun = false;
	int rc = stack_table_rows(p, load, t, &begun, e);

	table_end(p->html, begun);
	return rc;
}

/* ---- Figures of the whole run: a row for each, a column for each stack ---- */

bool row_tells(const double *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isnan(v[i]) && v[i] != 0)
			return true;
	return false;
}

void table_heads(const struct report *p, size_t load, const char *first)
{
	head(p->html, first, false);
	for (size_t s = 0; s < p->nr_stacks; s++)
		if (report_run(p, load, s))
			head(p->html, p->stacks[s].name, true);
	fputs("</tr>\n", p->html);
}

static void metric_row(const struct report *p, size_t load, const struct metric_desc *m,
		       bool *begun)
{
	double v[REPORT_STACKS_MAX];
	size_t n = 0;

	for (size_t s = 0; s < p->nr_stacks; s++)
		if (report_run(p, load, s))
			v[n++] = report_summary(report_run(p, load, s), m->name, NAN);
	if (!row_tells(v, n))
		return;
	if (!*begun) {
		table_begin(p->html, "Figures");
		table_heads(p, load, "figure");
		*begun = true;
	}
	fputs("<tr><td><code title=\"", p->html);
	html_text(p->html, m->summary);
	fprintf(p->html, "\">%s</code></td>", m->name);
	for (size_t i = 0; i < n; i++)
		report_value_cell(p->html, v[i], m->unit);
	fputs("</tr>\n", p->html);
}

void metrics_table(const struct report *p, size_t load, const char *const *patterns, size_t nr)
{
	bool begun = false;

	for (size_t g = 0; g < nr; g++)
		for (const struct metric_desc *m = metrics; m->name; m++)
			if (!fnmatch(patterns[g], m->name, 0))
				metric_row(p, load, m, &begun);
	table_end(p->html, begun);
}
