/*
 * HTML: text that stays text, whatever is in it.
 */
#ifndef REPORTS_HTML_H
#define REPORTS_HTML_H

#include <stdio.h>

#include "lib/types.h"

/* Escapes & < > " ' and leaves out control characters. */
void html_text(FILE *f, const char *text);
/* printf whose strings are escaped as a whole: for sentences that hold names. */
void html_print(FILE *f, const char *fmt, ...) __printf(2, 3);

/* A JSON string that may stand in <script>. */
void html_json_string(FILE *f, const char *text);

/* The page's head with its style, up to <body>; stores: it draws some. */
void html_begin(FILE *f, const char *title, bool stores);
/* And its script. */
void html_end(FILE *f);

#endif
