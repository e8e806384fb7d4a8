/*
 * Tables on standard output: text, CSV, JSON.
 */
#include "lib/out.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/assert.h"
#include "lib/mem.h"
#include "lib/text.h"

int out_format_parse(const char *text, enum out_format *format, struct err *e)
{
	static const char *const names[] = {"text", "csv", "json"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(text, names[i])) {
			*format = (enum out_format)i;
			return 0;
		}
	}
	return err_set(e, "unknown format '%s': one of text, csv, json", text);
}

/* Bytes of the valid UTF-8 sequence at p; 0 if there is none (RFC 3629: no overlong, no
 * surrogates). */
static size_t utf8_length(const u8 *p)
{
	size_t n = *p < 0x80 ? 1 : *p >= 0xc2 && *p < 0xe0 ? 2 : *p >= 0xe0 && *p < 0xf0 ? 3 : 4;

	if (*p >= 0x80 && (*p < 0xc2 || *p > 0xf4))
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80) /* a NUL stops here too */
			return 0;
	}
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
	    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

void json_string(FILE *f, const char *s)
{
	const u8 *p = (const u8 *)s;
	size_t n;

	fputc('"', f);
	for (; *p; p += n) {
		n = utf8_length(p);
		if (!n) {
			fputs("\xef\xbf\xbd", f);
			n = 1;
		} else if (*p == '"' || *p == '\\') {
			fprintf(f, "\\%c", *p);
		} else if (*p < 0x20) {
			fprintf(f, "\\u%04x", *p);
		} else {
			fwrite(p, 1, n, f);
		}
	}
	fputc('"', f);
}

/* What a spreadsheet would take for a formula; numbers are none. */
static bool is_formula(const char *s)
{
	char *end;

	if (!*s || !strchr("=+-@\t\r", *s))
		return false;
	strtod(s, &end);
	return end == s || *end;
}

void csv_string(FILE *f, const char *s)
{
	bool formula = is_formula(s);

	if (!formula && !strpbrk(s, ",\"\r\n")) {
		fputs(s, f);
		return;
	}
	fputs(formula ? "\"'" : "\"", f);
	for (; *s; s++) {
		if (*s == '"')
			fputc('"', f);
		fputc(*s, f);
	}
	fputc('"', f);
}

void out_begin(struct out *o, FILE *f, enum out_format format, const struct out_column *cols)
{
	*o = (struct out){.f = f, .format = format, .cols = cols};
	while (cols[o->nr_cols].name)
		o->nr_cols++;
	if (format == OUT_JSON)
		fputc('[', f);
	for (size_t i = 0; format == OUT_CSV && i < o->nr_cols; i++) {
		csv_string(f, cols[i].name);
		fputs(i + 1 < o->nr_cols ? "," : "\r\n", f);
	}
}

static void cell_keep(struct out *o, const char *text)
{
	MEM_ROOM(o->cells, o->nr_cells, o->cells_max);
	o->cells[o->nr_cells++] = mem_dup(text);
}

/* `quoted`: a string in JSON; otherwise a number, "" for none. */
static void cell(struct out *o, const char *text, bool quoted)
{
	ASSERT(o->col < o->nr_cols);
	switch (o->format) {
	case OUT_TEXT:
		cell_keep(o, text);
		break;
	case OUT_CSV:
		fputs(o->col ? "," : "", o->f);
		csv_string(o->f, text);
		break;
	case OUT_JSON:
		fputs(o->col ? ", " : o->nr_rows ? ",\n {" : "\n {", o->f);
		json_string(o->f, o->cols[o->col].name);
		fputs(": ", o->f);
		if (quoted)
			json_string(o->f, text);
		else
			fputs(*text ? text : "null", o->f);
		break;
	}
	o->col++;
}

void out_str(struct out *o, const char *s)
{
	cell(o, s, true);
}

void out_int(struct out *o, s64 v)
{
	char buf[32];

	snprintf(buf, sizeof(buf), "%lld", (long long)v);
	cell(o, buf, false);
}

void out_real(struct out *o, double v)
{
	char buf[40] = "";

	if (isfinite(v))
		snprintf(buf, sizeof(buf), "%.12g", v);
	cell(o, buf, false);
}

void out_row_end(struct out *o)
{
	ASSERT(o->col == o->nr_cols);
	if (o->format == OUT_CSV)
		fputs("\r\n", o->f);
	else if (o->format == OUT_JSON)
		fputc('}', o->f);
	o->col = 0;
	o->nr_rows++;
}

static void text_row(const struct out *o, const size_t *widths, char *const *row)
{
	for (size_t i = 0; i < o->nr_cols; i++) {
		const char *text = row ? row[i] : o->cols[i].name;
		int pad = (int)(widths[i] - text_width(text));
		bool last = i + 1 == o->nr_cols;

		if (o->cols[i].type != OUT_STR)
			fprintf(o->f, "%*s%s%s", pad, "", text, last ? "" : "  ");
		else
			fprintf(o->f, "%s%*s", text, last ? 0 : pad + 2, "");
	}
	fputc('\n', o->f);
}

static void text_table(struct out *o)
{
	size_t *widths = mem_alloc(o->nr_cols, sizeof(*widths));

	for (size_t i = 0; i < o->nr_cols; i++)
		widths[i] = text_width(o->cols[i].name);
	for (size_t i = 0; i < o->nr_cells; i++)
		widths[i % o->nr_cols] = max(widths[i % o->nr_cols], text_width(o->cells[i]));
	text_row(o, widths, NULL);
	for (size_t i = 0; i + o->nr_cols <= o->nr_cells; i += o->nr_cols)
		text_row(o, widths, o->cells + i);
	free(widths);
}

void out_end(struct out *o)
{
	if (o->format == OUT_JSON)
		fputs(o->nr_rows ? "\n]\n" : "]\n", o->f);
	else if (o->format == OUT_TEXT)
		text_table(o);
	for (size_t i = 0; i < o->nr_cells; i++)
		free(o->cells[i]);
	free(o->cells);
	o->cells = NULL;
	o->nr_cells = 0;
}
