/*
 * Tables and objects on standard output, as text, CSV or JSON: one description, three formats.
 *
 *	out_begin(&o, stdout, OUT_TEXT, cols);	  columns: {"name", OUT_STR}, {"hits", OUT_INT}, ...
 *	out_str(&o, "kmalloc-64"); out_int(&o, 12); ... out_row_end(&o);
 *	out_end(&o);
 *
 * Text: columns aligned, numbers right. CSV: RFC 4180. JSON: an array of objects.
 */
#ifndef LIB_OUT_H
#define LIB_OUT_H

#include <stdio.h>

#include "lib/err.h"
#include "lib/types.h"

enum out_format { OUT_TEXT, OUT_CSV, OUT_JSON };
enum out_type { OUT_STR, OUT_INT, OUT_REAL };

struct out_column {
	const char *name; /* NULL ends the list */
	enum out_type type;
};

struct out {
	FILE *f;
	enum out_format format;
	const struct out_column *cols;
	size_t nr_cols, col, nr_rows;
	char **cells; /* text format keeps the table to align it */
	size_t nr_cells, cells_max;
};

/* "text", "csv" or "json". */
int __must_check out_format_parse(const char *text, enum out_format *format, struct err *e);

void out_begin(struct out *o, FILE *f, enum out_format format, const struct out_column *cols);
void out_str(struct out *o, const char *s);
void out_int(struct out *o, s64 v);
void out_real(struct out *o, double v); /* shortest form that reads back to 12 digits; NaN: empty */
void out_row_end(struct out *o);
void out_end(struct out *o);

/* A JSON string with quotes and escapes; invalid UTF-8 becomes U+FFFD. */
void json_string(FILE *f, const char *s);
/* A field of CSV, in quotes where it needs them (RFC 4180); a text that a spreadsheet would take
 * for a formula gets an apostrophe. */
void csv_string(FILE *f, const char *s);

#endif
