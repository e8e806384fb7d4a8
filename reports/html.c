/*
 * HTML: text that stays text, whatever is in it.
 */
#include "reports/html.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/out.h"
#include "reports/assets.h"
#include "reports/svg.h"
#include "reports/theme.h"

void html_text(FILE *f, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", f);
			break;
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		case '\'':
			fputs("&#39;", f);
			break;
		default:
			if ((u8)*text >= 0x20 || *text == '\n' || *text == '\t')
				fputc(*text, f);
		}
	}
}

void html_print(FILE *f, const char *fmt, ...)
{
	char *text = NULL;
	size_t n;
	FILE *mem = open_memstream(&text, &n);
	va_list ap;

	if (!mem)
		return;
	va_start(ap, fmt);
	vfprintf(mem, fmt, ap);
	va_end(ap);
	fclose(mem);
	html_text(f, text);
	free(text);
}

/* A line of JSON may not end a script, nor begin a comment in one. */
void html_json_string(FILE *f, const char *text)
{
	char *json = NULL;
	size_t n;
	FILE *mem = open_memstream(&json, &n);

	if (!mem)
		return;
	json_string(mem, text);
	fclose(mem);
	for (const char *p = json; *p; p++) {
		if (strchr("<>&", *p))
			fprintf(f, "\\u%04x", *p);
		else if (!strncmp(p, "\xe2\x80\xa8", 3) || !strncmp(p, "\xe2\x80\xa9", 3))
			fprintf(f, "\\u202%c", (u8)p[2] == 0xa8 ? '8' : '9'), p += 2;
		else
			fputc(*p, f);
	}
	free(json);
}

void html_begin(FILE *f, const char *title, bool stores)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<link rel=\"icon\" href=\"data:,\">\n<title>",
	      f);
	html_text(f, title);
	fputs("</title>\n<style>\n", f);
	theme_css(f, stores);
	fprintf(f, "%s</style>\n</head>\n<body>\n", page_css);
	svg_defs(f);
}

void html_end(FILE *f)
{
	fprintf(f, "<script>\n%s%s%skmemsim.start();\n</script>\n</body>\n</html>\n", page_js,
		page_map_js, page_test_js);
}
