/*
 * HTML: text that stays text, whatever is in it.
 */
#include "reports/html.h"

#include <stdarg.h>
#include <stdlib.h>

#include "lib/mem.h"

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

static const char style[] =
	":root{color-scheme:light}"
	"*{box-sizing:border-box}"
	"body{margin:0 auto;max-width:1160px;padding:24px 28px 80px;background:#fff;color:#1c2026;"
	"font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu "
	"Sans',sans-serif}"
	"h1{font-size:28px;line-height:1.2;margin:8px 0 4px}"
	"h2{font-size:21px;margin:52px 0 2px;padding-top:14px;border-top:1px solid #d9dde3}"
	"h3{font-size:16px;margin:26px 0 2px;color:#454c56}"
	"p{margin:6px 0 10px;max-width:92ch}"
	".sub{color:#59616c}.how{color:#59616c;font-size:14px}"
	".finding{font-size:17px;font-weight:600}"
	"nav{display:flex;flex-wrap:wrap;gap:4px 18px;margin:14px 0 0;font-size:15px}"
	"a{color:#0a58a8}"
	"figure{margin:6px 0 18px;overflow-x:auto}"
	"figure svg{width:100%;min-width:820px;height:auto;display:block}"
	"figcaption{position:sticky;left:0}"
	"figcaption{font-size:13px;color:#59616c}"
	".key{display:inline-block;width:12px;height:12px;border-radius:2px;margin-right:6px}"
	"ul.stacks{list-style:none;padding:0;margin:14px 0}ul.stacks li{margin:3px 0}"
	".scroll{overflow-x:auto}"
	"table{border-collapse:collapse;font-size:14px;margin:6px 0 16px}"
	"th,td{padding:4px 12px 4px 0;text-align:left;vertical-align:top;"
	"border-bottom:1px solid #e6e9ee}"
	"th{color:#454c56;font-weight:600;white-space:nowrap}"
	"td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
	".better{color:#00614a}.worse{color:#9c3a00}.same{color:#747c87}"
	"code,pre{font:13px/1.45 ui-monospace,'DejaVu Sans Mono',Consolas,monospace}"
	"pre{background:#f5f6f8;padding:8px 10px;margin:4px 0;white-space:pre-wrap;"
	"overflow-wrap:anywhere}"
	"td code{overflow-wrap:anywhere}.scroll td code{white-space:nowrap}"
	"@media(max-width:600px){body{padding:12px 12px 40px}}"
	".note{background:#fff6e0;border-left:4px solid #c98a00;padding:4px 10px}";

void html_begin(FILE *f, const char *title)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
	      f);
	html_text(f, title);
	fprintf(f, "</title>\n<style>%s</style>\n</head>\n<body>\n", style);
}

void html_end(FILE *f)
{
	fputs("</body>\n</html>\n", f);
}
