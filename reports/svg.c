/*
 * gnuplot's SVG into the page.
 *
 * Theory: gnuplot opens a group for every change of pen, most of them empty, and says in each what
 * all have in common. A group is written when something is in it; equal groups in a row are one;
 * what the style sheet says (.panel) is left out; numbers have one decimal. That halves the page.
 */
#include "reports/svg.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "reports/html.h"
#include "reports/theme.h"

#define DEPTH_MAX 16
#define TAG_MAX 512

struct group {
	char tag[TAG_MAX]; /* as written */
	bool written;
};

struct cutter {
	FILE *html;
	const struct svg_panel *panels;
	size_t nr, at; /* panels; those begun */
	struct group groups[DEPTH_MAX];
	int depth;
	bool held; /* groups[depth] is to be closed, unless the next one is equal */
	bool bad;
};

/* gnuplot's point types as far as figures use them, drawn for the page. */
void svg_defs(FILE *html)
{
	fputs("<svg class=\"defs\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>"
	      "<circle id=\"gpPt6\" r=\"1\" fill=\"currentColor\" stroke=\"none\"/>"
	      "<path id=\"gpPt4\" d=\"M-1-1h2v2h-2z\" fill=\"currentColor\" stroke=\"none\"/>"
	      "<path id=\"gpPt8\" d=\"M0-1.33-1.33.67h2.66z\" fill=\"currentColor\" "
	      "stroke=\"none\"/>"
	      "<path id=\"gpPt12\" d=\"M0-1.4 1.4 0 0 1.4-1.4 0z\" fill=\"currentColor\" "
	      "stroke=\"none\"/>"
	      "</defs></svg>\n",
	      html);
}

/* --- Attributes --- */

struct attribute {
	char name[32];
	const char *value;
	size_t len;
};

/* The next NAME = 'VALUE' of a tag; moves p behind it. */
static bool attribute_next(const char **p, const char *end, struct attribute *a)
{
	const char *name;
	char quote;
	size_t n;

	while (*p < end && !isalpha((u8) * *p))
		(*p)++;
	name = *p;
	while (*p < end && (isalnum((u8) * *p) || strchr("-:", **p)))
		(*p)++;
	n = (size_t)(*p - name);
	while (*p < end && (**p == ' ' || **p == '='))
		(*p)++;
	if (*p >= end || !n || n >= sizeof(a->name) || (**p != '\'' && **p != '"'))
		return false;
	memcpy(a->name, name, n);
	a->name[n] = '\0';
	quote = *(*p)++;
	a->value = *p;
	while (*p < end && **p != quote)
		(*p)++;
	a->len = (size_t)(*p - a->value);
	return (*p)++ < end;
}

static bool value_is(const struct attribute *a, const char *text)
{
	return a->len == strlen(text) && !strncmp(a->value, text, a->len);
}

/* What .panel says already, and what only gnuplot needs. */
static bool is_default(const struct attribute *a)
{
	static const struct {
		const char *name, *value; /* NULL: any */
	} defaults[] = {
		{"fill", "none"},
		{"color", "black"},
		{"stroke", "currentColor"},
		{"stroke-linecap", NULL},
		{"stroke-linejoin", NULL},
		{"font-family", NULL},
		{"font-size", "13.00"},
		{"text-anchor", "start"},
		{"class", NULL},
		{"id", NULL},
		{"xmlns", NULL},
		{"xml:space", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
		if (!strcmp(a->name, defaults[i].name) &&
		    (!defaults[i].value || value_is(a, defaults[i].value)))
			return true;
	return false;
}

/* Numbers with one decimal, and no more spaces than it takes. */
static void put_numbers(FILE *f, const char *p, const char *end)
{
	while (p < end) {
		if (isdigit((u8)*p) || *p == '-' || *p == '.') {
			char *after, text[32];
			double v = strtod(p, &after);

			snprintf(text, sizeof(text), "%.1f", v);
			if (!strcmp(strchr(text, '.'), ".0"))
				*strchr(text, '.') = '\0';
			fputs(!strcmp(text, "-0") ? "0" : text, f);
			p = after > p ? after : p + 1;
		} else if (isspace((u8)*p)) {
			while (p < end && isspace((u8)*p))
				p++;
			if (p < end && (isdigit((u8)*p) || strchr("-.", *p)))
				fputc(' ', f);
		} else {
			fputc(*p++, f);
		}
	}
}

static void put_colour(FILE *f, const struct attribute *a)
{
	unsigned int r, g, b;
	char text[32];

	if (sscanf(a->value, "rgb(%u,%u,%u)", &r, &g, &b) == 3) {
		theme_name(r << 16 | g << 8 | b, text, sizeof(text));
		fputs(text, f);
	} else if (*a->value == '#') {
		theme_name(theme_rgb(a->value), text, sizeof(text));
		fputs(text, f);
	} else {
		fwrite(a->value, 1, a->len, f);
	}
}

/* `tag` from behind its name to its end. */
static void put_attributes(FILE *f, const char *tag, const char *end)
{
	struct attribute a;

	while (attribute_next(&tag, end, &a)) {
		if (is_default(&a))
			continue;
		fprintf(f, " %s=\"", !strcmp(a.name, "xlink:href") ? "href" : a.name);
		if (!strcmp(a.name, "d") || !strcmp(a.name, "points") ||
		    !strcmp(a.name, "stroke-width") || !strcmp(a.name, "font-size"))
			put_numbers(f, a.value, a.value + a.len);
		else if (!strcmp(a.name, "fill") || !strcmp(a.name, "stroke") ||
			 !strcmp(a.name, "color"))
			put_colour(f, &a);
		else
			fwrite(a.value, 1, a.len, f);
		fputc('"', f);
	}
}

/* --- Groups and panels --- */

static void held_close(struct cutter *c)
{
	if (c->held)
		fputs("</g>", c->html);
	c->held = false;
}

static void groups_write(struct cutter *c)
{
	held_close(c);
	for (int i = 0; i < c->depth; i++) {
		if (!c->groups[i].written)
			fputs(c->groups[i].tag, c->html);
		c->groups[i].written = true;
	}
}

static void group_open(struct cutter *c, const char *tag, const char *end)
{
	struct group *g = &c->groups[c->depth];
	char text[TAG_MAX] = "";
	FILE *f;

	if (c->depth + 1 >= DEPTH_MAX || !(f = fmemopen(text, sizeof(text) - 1, "w"))) {
		c->bad = true;
		return;
	}
	fputs("<g", f);
	put_attributes(f, tag + 2, end);
	fputc('>', f);
	fclose(f);
	if (c->held && !strcmp(text, g->tag)) {
		c->held = false;
	} else {
		held_close(c);
		memcpy(g->tag, text, sizeof(text));
		g->written = false;
	}
	c->depth++;
}

static void group_close(struct cutter *c)
{
	if (!c->depth) {
		c->bad = true;
		return;
	}
	held_close(c);
	c->depth--;
	c->held = c->groups[c->depth].written;
}

static void panel_end(struct cutter *c)
{
	held_close(c);
	for (int i = c->depth; i-- > 0;) {
		if (c->groups[i].written)
			fputs("</g>", c->html);
		c->groups[i].written = false;
	}
	if (c->at)
		fputs("</svg>\n", c->html);
}

static void panel_begin(struct cutter *c)
{
	const struct svg_panel *p = &c->panels[c->at];

	panel_end(c);
	if (c->at++ >= c->nr) {
		c->bad = true;
		return;
	}
	fprintf(c->html,
		"<svg class=\"panel\" viewBox=\"%d %d %d %d\" style=\"width:%dpx\" "
		"role=\"img\" aria-label=\"",
		p->x, p->y, p->width, p->height, p->width);
	html_text(c->html, p->title);
	fputs("\">", c->html);
}

/* --- The text --- */

static const char *tag_end(const char *p)
{
	char quote = 0;

	for (; *p; p++) {
		if (quote)
			quote = *p == quote ? 0 : quote;
		else if (*p == '"' || *p == '\'')
			quote = *p;
		else if (*p == '>')
			return p;
	}
	return NULL;
}

/* The panel whose mark this is; -1: none. */
static long marked(const char *tag, const char *end)
{
	struct attribute a;

	while (attribute_next(&tag, end, &a)) {
		unsigned int r, g, b;

		if (!strcmp(a.name, "fill") && sscanf(a.value, "rgb(%u,%u,%u)", &r, &g, &b) == 3 &&
		    r << 16 == SVG_MARK)
			return (long)(g << 8 | b);
	}
	return -1;
}

static bool tag_is(const char *tag, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(tag + 1, name, n) && !isalnum((u8)tag[1 + n]);
}

/* Behind the closing tag of what has a text inside. */
static const char *behind(struct cutter *c, const char *p, const char *closing)
{
	const char *at = strstr(p, closing);

	c->bad = c->bad || !at;
	return at ? at + strlen(closing) : p + strlen(p);
}

/* A shape or a text inside the groups; before the first panel there is the background only. */
static const char *shape(struct cutter *c, const char *tag, const char *end)
{
	size_t name = strcspn(tag + 1, " \t\n/>");
	const char *next = end + 1;
	long mark = marked(tag + 1 + name, end);

	if (mark >= 0) {
		if ((size_t)mark == c->at)
			panel_begin(c);
		return next;
	}
	if (tag_is(tag, "text"))
		next = behind(c, tag, "</text>");
	if (!c->at)
		return next;
	groups_write(c);
	fprintf(c->html, "<%.*s", (int)name, tag + 1);
	put_attributes(c->html, tag + 1 + name, end);
	if (tag_is(tag, "text"))
		fwrite(end, 1, (size_t)(next - end), c->html);
	else
		fputs("/>", c->html);
	return next;
}

bool svg_panels(FILE *html, const char *svg, const struct svg_panel *panels, size_t nr)
{
	struct cutter c = {.html = html, .panels = panels, .nr = nr};
	const char *p = strstr(svg, "<g id=\"gnuplot_canvas\"");

	while (p && !c.bad && (p = strchr(p, '<')) && strncmp(p, "</svg", 5)) {
		const char *end = tag_end(p);

		if (!end)
			return false;
		if (tag_is(p, "defs"))
			p = behind(&c, p, "</defs>");
		else if (tag_is(p, "title"))
			p = behind(&c, p, "</title>");
		else if (tag_is(p, "g")) {
			group_open(&c, p, end);
			p = end + 1;
		} else if (p[1] == '/') {
			group_close(&c);
			p = end + 1;
		} else {
			p = shape(&c, p, end);
		}
	}
	panel_end(&c);
	return p && !c.bad && c.at == nr && !c.depth;
}
