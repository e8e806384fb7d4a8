/*
 * Tables that sort and filter in the page.
 */
#include "reports/browse.h"

#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "lib/out.h"
#include "reports/html.h"
#include "reports/rows.h"

struct writer {
	const struct browse_table *table;
	FILE *csv, *json;  /* json: the rows */
	struct rows names; /* texts by number */
	size_t nr_rows;
};

static bool is_text(const struct browse_table *t, size_t i)
{
	return !strcmp(t->columns[i].kind, "text");
}

static void csv_row(struct writer *w, const char *load, const char *stack, sqlite3_stmt *s)
{
	csv_string(w->csv, load);
	fputc(',', w->csv);
	csv_string(w->csv, stack);
	for (size_t i = 0; i < w->table->nr_columns; i++) {
		fputc(',', w->csv);
		if (sqlite3_column_type(s, (int)i) == SQLITE_NULL)
			continue;
		if (is_text(w->table, i))
			csv_string(w->csv, (const char *)sqlite3_column_text(s, (int)i));
		else
			fprintf(w->csv, "%.12g", sqlite3_column_double(s, (int)i));
	}
	fputc('\n', w->csv);
}

static void json_row(struct writer *w, const char *load, const char *stack, sqlite3_stmt *s)
{
	/* One after the other: numbers are given in the order of asking. */
	fprintf(w->json, "%s[%u", w->nr_rows++ ? ",\n" : "", rows_name(&w->names, load));
	fprintf(w->json, ",%u", rows_name(&w->names, stack));
	for (size_t i = 0; i < w->table->nr_columns; i++) {
		double v = sqlite3_column_double(s, (int)i);

		if (is_text(w->table, i))
			fprintf(w->json, ",%u",
				rows_name(&w->names, (const char *)sqlite3_column_text(s, (int)i)));
		else if (sqlite3_column_type(s, (int)i) == SQLITE_NULL || !isfinite(v))
			fputs(",null", w->json);
		else
			fprintf(w->json, ",%.9g", v);
	}
	fputc(']', w->json);
}

static int run_rows(struct writer *w, struct report *p, const struct report_run *run, struct err *e)
{
	sqlite3_stmt *s = db_prepare(p->db, w->table->sql, e);
	const char *stack = p->stacks[run->stack].name;
	int rc;

	if (!s)
		return -1;
	sqlite3_bind_int64(s, 1, run->info->id);
	while ((rc = db_step(p->db, s, e)) > 0) {
		csv_row(w, run->info->load, stack, s);
		if (sqlite3_column_int(s, (int)w->table->nr_columns))
			json_row(w, run->info->load, stack, s);
	}
	sqlite3_finalize(s);
	return rc;
}

static void column(FILE *f, const char *title, const char *kind, bool choose)
{
	fputs("{\"title\":", f);
	html_json_string(f, title);
	fprintf(f, ",\"kind\":\"%s\"%s}", kind, choose ? ",\"choose\":true" : "");
}

static void table_html(const struct writer *w, FILE *f, const char *rows)
{
	const struct browse_table *t = w->table;

	fprintf(f,
		"<div data-table=\"table-%s\"><p class=\"how\">This table needs JavaScript; its "
		"data is in <a href=\"data/%s.csv\">data/%s.csv</a>.</p></div>\n",
		t->id, t->id, t->id);
	fprintf(f, "<script type=\"application/json\" id=\"table-%s\">{\"sort\":%zu,\"columns\":[",
		t->id, t->sort);
	column(f, "load", "text", true);
	fputc(',', f);
	column(f, "stack", "text", true);
	for (size_t i = 0; i < t->nr_columns; i++) {
		fputc(',', f);
		column(f, t->columns[i].title, t->columns[i].kind, t->columns[i].choose);
	}
	fputs("],\n\"strings\":[", f);
	for (u32 i = 0; i < w->names.nr_names; i++) {
		fputs(i ? "," : "", f);
		html_json_string(f, w->names.names[i]);
	}
	fprintf(f,
		"],\n\"rows\":[%s]}</script>\n<p class=\"how\">All rows: <a "
		"href=\"data/%s.csv\">data/%s.csv</a></p>\n",
		rows, t->id, t->id);
}

static int rows_write(struct writer *w, struct report *p, struct err *e)
{
	fputs("load,stack", w->csv);
	for (size_t i = 0; i < w->table->nr_columns; i++)
		fprintf(w->csv, ",%s", w->table->columns[i].csv);
	fputc('\n', w->csv);
	for (size_t i = 0; i < p->nr_runs; i++)
		if (run_rows(w, p, &p->runs[i], e))
			return -1;
	return 0;
}

int browse_write(struct report *p, const struct browse_table *t, struct err *e)
{
	struct writer w = {.table = t, .csv = report_file(&p->dir, e, "data/%s.csv", t->id)};
	char *rows = NULL;
	size_t n;
	int rc;

	if (!w.csv)
		return -1;
	rows_init(&w.names, ".");
	w.json = open_memstream(&rows, &n);
	rc = rows_write(&w, p, e);
	fclose(w.json);
	if (rc)
		fclose(w.csv);
	else
		rc = report_file_close(&p->dir, w.csv, e);
	if (!rc && w.nr_rows)
		table_html(&w, p->html, rows);
	else if (!rc)
		fputs("<p>Nothing of this kind was stored.</p>\n", p->html);
	free(rows);
	rows_free(&w.names);
	return rc;
}
