/*
 * A figure: a gnuplot script beside its data, drawn to SVG and put into the page.
 */
#include "reports/figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/assert.h"
#include "lib/file.h"
#include "lib/mem.h"
#include "lib/text.h"
#include "reports/gnuplot.h"
#include "reports/html.h"

#define LEGEND_CHAR 6.6 /* pixels a character takes, about */
#define LEGEND_LINE 42	/* pixels of a line: room for its dashes */
#define LEGEND_PITCH 21 /* from one line of the legend to the next */

void figure_open(struct figure *f, struct report *p, const char *kind, size_t load, size_t panels)
{
	size_t n;

	f->page = p;
	f->load = load;
	f->nr_expected = panels;
	f->cols = (int)min((size_t)f->cols, max(panels, (size_t)1));
	f->left = f->left ? f->left : 64;
	f->right = f->right ? f->right : 16;
	f->top = f->top ? f->top : 28;
	f->bottom = f->bottom ? f->bottom : 34;
	n = (size_t)snprintf(f->name, sizeof(f->name), "%s-%s", kind, p->load_slugs[load]);
	if (figure_groups(p) > 1 && !f->all_stacks)
		snprintf(f->name + n, sizeof(f->name) - n, "-%zu", f->group + 1);
	f->gp = open_memstream(&f->body, &f->body_size);
	f->legend = open_memstream(&f->legend_text, &f->legend_size);
	ASSERT(f->gp && f->legend);
}

size_t figure_groups(const struct report *p)
{
	return p->nr_stacks < 2 ? 1 : DIV_ROUND_UP(p->nr_stacks - 1, (size_t)THEME_STACKS - 1);
}

const struct report_run *figure_run(const struct figure *f, size_t stack)
{
	if ((stack && (stack - 1) / (THEME_STACKS - 1) != f->group) ||
	    (f->hidden && f->hidden[stack]))
		return NULL;
	return report_run(f->page, f->load, stack);
}

/* --- Lines and texts --- */

/* gnuplot's and the page's words for the same dashes. */
static const struct {
	const char *gnuplot, *svg;
} dashes[THEME_STACKS] = {
	{"solid", ""},
	{"solid", ""},
	{"(10,7)", "8 5"},
	{"(4,4)", "3 3"},
	{"(14,4,3,4)", "10 3 2 3"},
	{"(2,4)", "1.5 3"},
	{"(8,3,2,3,2,3)", "6 2 1.5 2 1.5 2"},
	{"(18,9)", "13 6"},
};

static size_t dash_of(size_t stack)
{
	return stack ? 1 + (stack - 1) % (THEME_STACKS - 1) : 0;
}

static void line_style(struct figure *f, size_t stack)
{
	fprintf(f->gp, "linewidth %g dashtype %s linecolor rgb '%s'", stack ? 1.8 : 3.0,
		dashes[dash_of(stack)].gnuplot, f->page->stacks[stack].colour);
}

void figure_line(struct figure *f, size_t stack)
{
	fputs("with lines ", f->gp);
	line_style(f, stack);
	fputs(" notitle", f->gp);
}

void figure_band(struct figure *f, size_t stack)
{
	fprintf(f->gp,
		"with filledcurves linecolor rgb '%s' fillstyle transparent solid 0.22 noborder "
		"notitle",
		f->page->stacks[stack].colour);
}

/* Double quotes, for gnuplot takes two quotes inside single ones for the end; what it would expand
 * between double quotes is written in octal. */
void figure_quote(FILE *gp, const char *text)
{
	fputc('"', gp);
	for (; *text; text++) {
		if (strchr("\"\\`@$'", *text))
			fprintf(gp, "\\%03o", (u8)*text);
		else if ((u8)*text >= 0x20)
			fputc(*text, gp);
	}
	fputc('"', gp);
}

/* --- Panels --- */

/* W and H are the script's: they are known at its end. Pixels from the upper left. */
static void place(FILE *gp, double x, double y)
{
	fprintf(gp, "screen %.1f/W, screen 1-%.1f/H", x, y);
}

void figure_panel(struct figure *f, const char *title)
{
	int x = (int)f->nr_panels % f->cols * f->panel_w;
	int y = (int)f->nr_panels / f->cols * f->panel_h;
	struct svg_panel *panel;

	MEM_ROOM(f->panels, f->nr_panels, f->room);
	panel = &f->panels[f->nr_panels++];
	*panel = (struct svg_panel){x, y, f->panel_w, f->panel_h, ""};
	snprintf(panel->title, sizeof(panel->title), "%s%s%s", f->name, *title ? ": " : "", title);
	fprintf(f->gp,
		"\nunset label\nunset object\nunset arrow\n"
		"set object 1 rectangle from screen -0.2, screen -0.2 to screen -0.1, screen -0.1 "
		"behind "
		"fillcolor rgb '#%06zx' fillstyle solid 1 noborder\n",
		SVG_MARK | (f->nr_panels - 1));
	fprintf(f->gp, "set lmargin at screen %d./W\nset rmargin at screen %d./W\n", x + f->left,
		x + f->panel_w - f->right);
	fprintf(f->gp, "set tmargin at screen 1-%d./H\nset bmargin at screen 1-%d./H\n", y + f->top,
		y + f->panel_h - f->bottom);
	if (!*title)
		return;
	fputs("set label ", f->gp);
	figure_quote(f->gp, title);
	fputs(" at ", f->gp);
	place(f->gp, x + 8, y + 13);
	fputs(" left font ',13' textcolor rgb '" INK "'\n", f->gp);
}

/* --- The legend --- */

static int grid_height(const struct figure *f)
{
	return (int)DIV_ROUND_UP(f->nr_expected, (size_t)f->cols) * f->panel_h;
}

static double legend_y(const struct figure *f)
{
	return grid_height(f) + LEGEND_PITCH * (f->legend_line + 0.5);
}

/* Room for an entry whose sign takes so many pixels: on this line or the next. */
static void legend_begin(struct figure *f, double sign, const char *text)
{
	double need = sign + (double)text_width(text) * LEGEND_CHAR;

	if (f->legend_x > 0 && f->legend_x + need > f->cols * f->panel_w - 10) {
		f->legend_x = 0;
		f->legend_line++;
	}
	f->legend_x = max(f->legend_x, 8.0);
	f->nr_rows_of_legend = f->legend_line + 1;
	fputs("<span class=\"entry\">", f->legend);
}

static void legend_text(struct figure *f, double sign, const char *text)
{
	fputs("set label ", f->gp);
	figure_quote(f->gp, text);
	fputs(" at ", f->gp);
	place(f->gp, f->legend_x + sign, legend_y(f));
	fputs(" left textcolor rgb '" INK "'\n", f->gp);
	f->legend_x += sign + (double)text_width(text) * LEGEND_CHAR + 22;
	html_text(f->legend, text);
	fputs("</span>\n", f->legend);
}

static void theme_of(const char *colour, char *buf, size_t n)
{
	theme_name(theme_rgb(colour), buf, n);
}

static void swatch(struct figure *f, double at, const char *colour, double fill)
{
	char name[32];

	fputs("set object rectangle from ", f->gp);
	place(f->gp, f->legend_x + at, legend_y(f) + 6);
	fputs(" to ", f->gp);
	place(f->gp, f->legend_x + at + 13, legend_y(f) - 6);
	fprintf(f->gp, " fillcolor rgb '%s' fillstyle solid %g noborder front\n", colour, fill);
	theme_of(colour, name, sizeof(name));
	fprintf(f->legend, "<i class=\"key\" style=\"background:%s;opacity:%g\"></i>", name, fill);
}

void figure_legend(struct figure *f, const char *colour, double fill, const char *text)
{
	figure_legend_own(f, &colour, 1, fill, text);
}

void figure_legend_own(struct figure *f, const char *const *colours, size_t nr, double fill,
		       const char *text)
{
	legend_begin(f, 20 + 15 * (double)nr, text);
	for (size_t i = 0; i < nr; i++)
		swatch(f, 15 * (double)i, colours[i], fill);
	legend_text(f, 5 + 15 * (double)nr, text);
}

void figure_legend_mark(struct figure *f, int point_type, double size, const char *text)
{
	legend_begin(f, 20, text);
	fputs("set label '' at ", f->gp);
	place(f->gp, f->legend_x + 8, legend_y(f));
	fprintf(f->gp, " point pointtype %d pointsize %g linecolor rgb '" INK_SOFT "'\n",
		point_type, size);
	/* gnuplot's file numbers the shapes from 0. */
	fprintf(f->legend,
		"<svg class=\"mark\" viewBox=\"-2 -2 4 4\" style=\"width:%gpx\"><use "
		"href=\"#gpPt%d\"/></svg>",
		18 * size, point_type - 1);
	legend_text(f, 20, text);
}

void figure_legend_stacks(struct figure *f)
{
	const struct report *p = f->page;

	for (size_t s = 0; s < p->nr_stacks; s++)
		if (figure_run(f, s))
			figure_legend(f, p->stacks[s].colour, 1, p->stacks[s].name);
}

void figure_legend_lines(struct figure *f)
{
	const struct report *p = f->page;
	char name[32];

	for (size_t s = 0; s < p->nr_stacks; s++) {
		if (!figure_run(f, s))
			continue;
		legend_begin(f, LEGEND_LINE + 8, p->stacks[s].name);
		fputs("set arrow from ", f->gp);
		place(f->gp, f->legend_x, legend_y(f));
		fputs(" to ", f->gp);
		place(f->gp, f->legend_x + LEGEND_LINE, legend_y(f));
		fputs(" nohead ", f->gp);
		line_style(f, s);
		fputc('\n', f->gp);
		theme_of(p->stacks[s].colour, name, sizeof(name));
		fprintf(f->legend,
			"<svg class=\"line\" viewBox=\"0 0 36 8\"><path d=\"M0 4h36\" "
			"stroke=\"%s\" "
			"stroke-width=\"%g\" stroke-dasharray=\"%s\"/></svg>",
			name, s ? 1.8 : 3.0, dashes[dash_of(s)].svg);
		legend_text(f, LEGEND_LINE + 8, p->stacks[s].name);
	}
}

/* --- Axes --- */

/* A step of 1, 2 or 5 times a power of ten that gives at most `parts` parts. */
static double step_of(double most, int parts)
{
	double step = pow(10, floor(log10(max(most, 1e-12) / parts)));

	while (step * parts < most)
		step *= step * 2 * parts >= most ? 2 : step * 5 * parts >= most ? 5 : 10;
	return step;
}

double figure_time_axis(struct figure *f)
{
	static const struct {
		const char *name;
		double ns, from;
	} units[] = {{"h", 3.6e12, 3}, {"min", 6e10, 3}, {"s", 1e9, 1},
		     {"ms", 1e6, 1},   {"us", 1e3, 1},	 {"ns", 1, 0}};
	double begin = (double)report_load_begin(f->page, f->load);
	double end = (double)report_load_end(f->page, f->load);
	size_t u = 0;

	while (u + 1 < ARRAY_SIZE(units) && end < units[u].from * units[u].ns)
		u++;
	fprintf(f->gp, "set xrange [%.6g:%.6g]\nset format x '%%g %s'\nset xtics 0,%.6g\n",
		begin / units[u].ns, max(end / units[u].ns, begin / units[u].ns + 1e-9),
		units[u].name, step_of((end - begin) / units[u].ns, f->panel_w < 320 ? 4 : 5));
	return 1e9 / units[u].ns;
}

static void axis_put(struct figure *f, char axis, double most, const char *unit, double least_step)
{
	double top = most > 0 ? most * 1.06 : 1;
	double step = max(step_of(top, axis == 'x' ? f->panel_w / 90 : 4), least_step);

	fprintf(f->gp, "set %crange [0:%.6g]\nset format %c \"%%g%s\"\nset %ctics 0,%.6g\n", axis,
		top, axis, unit, axis, step);
}

void figure_number_axis(struct figure *f, char axis, double most, const char *unit)
{
	/* Counts have no halves. */
	axis_put(f, axis, most, unit, *unit ? 0 : 1);
}

void figure_real_axis(struct figure *f, char axis, double most)
{
	axis_put(f, axis, most, "", 0);
}

/* In the largest unit of which there is one at least; returns it. */
static double unit_axis(struct figure *f, char axis, double most, const char *const *units,
			size_t nr, double step)
{
	double unit = 1;
	size_t i = 0;

	while (i + 1 < nr && most / unit >= step) {
		unit *= step;
		i++;
	}
	figure_number_axis(f, axis, most / unit, units[i]);
	return unit;
}

double figure_ns_axis(struct figure *f, char axis, double most)
{
	static const char *const units[] = {" ns", " us", " ms", " s"};

	return unit_axis(f, axis, most, units, ARRAY_SIZE(units), 1000);
}

double figure_bytes_axis(struct figure *f, char axis, double most)
{
	static const char *const units[] = {" B", " KiB", " MiB", " GiB", " TiB"};

	return unit_axis(f, axis, most, units, ARRAY_SIZE(units), 1024);
}

/* --- Rows of bars --- */

void figure_row_labels(struct figure *f, size_t row, size_t stack, double end, const char *text)
{
	fputs("set label ", f->gp);
	figure_quote(f->gp, f->page->stacks[stack].name);
	fprintf(f->gp,
		" at graph 0, first %g left offset 0.2,0 font ',11' textcolor rgb '" INK
		"'\nset label ",
		-(double)row - 0.24);
	figure_quote(f->gp, text);
	fprintf(f->gp,
		" at first %.9g, first %g left offset 0.6,0 font ',11' textcolor rgb '" INK_SOFT
		"'\n",
		end, -(double)row - 0.66);
}

/* --- The end --- */

static const char head[] =
	"if (!exists('format')) format = 'svg'\n"
	"reset\n"
	"if (format eq 'svg') set terminal svg size W,H dynamic noenhanced font 'sans-serif,13' "
	"background '" PAPER "'\n"
	"if (format eq 'png') set terminal pngcairo size 2*W,2*H noenhanced font 'sans,10' "
	"fontscale 2 linewidth 2 pointscale 2 background '" PAPER "'\n"
	"if (format eq 'pdf') set terminal pdfcairo size W/96.,H/96. noenhanced font 'sans,10' "
	"fontscale 0.98 linewidth 1 background '" PAPER "'\n"
	"set encoding utf8\n"
	"set datafile separator ','\n"
	"set border 3 linecolor rgb '" AXIS "' linewidth 0.8\n"
	"set tics nomirror out scale 0.5 textcolor rgb '" INK_SOFT "'\n"
	"set grid linecolor rgb '" GRID "' linewidth 0.6 linetype 1\n"
	"set style fill solid 1 noborder\n"
	"unset key\n";

static int script_write(struct figure *f, struct err *e)
{
	FILE *gp = report_file(&f->page->dir, e, "plots/%s.gp", f->name);

	if (!gp)
		return -1;
	fprintf(gp,
		"# Draws %s.svg from ../data; run it in this folder: gnuplot %s.gp\n"
		"# For a paper: gnuplot -e \"format='pdf'\" %s.gp (or 'png')\n"
		"W = %d\nH = %d\n%sset output '%s.' . format\nset multiplot\n",
		f->name, f->name, f->name, f->cols * f->panel_w,
		grid_height(f) + f->nr_rows_of_legend * LEGEND_PITCH + 4, head, f->name);
	fwrite(f->body, 1, f->body_size, gp);
	fputs("\nunset multiplot\nunset output\n", gp);
	return report_file_close(&f->page->dir, gp, e);
}

static int figure_draw(struct figure *f, struct err *e)
{
	char *plots = mem_print("%s/plots", f->page->dir.tmp);
	int rc = gnuplot_draw(plots, f->name, e);

	if (!rc && !f->page->page_only)
		rc = gnuplot_draw_papers(plots, f->name, e);
	free(plots);
	return rc;
}

static int figure_inline(struct figure *f, struct err *e)
{
	char *path = mem_print("%s/plots/%s.svg", f->page->dir.tmp, f->name);
	size_t n;
	char *text = file_read(path, &n, e);
	int rc = text ? 0 : -1;

	if (text && !svg_panels(f->page->html, text, f->panels, f->nr_panels))
		rc = err_set(e, "%s: gnuplot drew only a part of %s (disk full?)",
			     f->page->dir.path, f->name);
	free(path);
	free(text);
	return rc;
}

static void caption(struct figure *f, const char *how_to_read)
{
	static const char *const files[] = {"svg", "png", "pdf"};
	FILE *html = f->page->html;

	fputs("</div><figcaption>", html);
	html_text(html, how_to_read);
	fprintf(html, " <span class=\"files\"><a href=\"plots/%s.gp\">gnuplot</a>", f->name);
	for (size_t i = 0; i < (f->page->page_only ? 1 : ARRAY_SIZE(files)); i++)
		fprintf(html, " <a href=\"plots/%s.%s\">%s</a>", f->name, files[i], files[i]);
	fputs(" <a href=\"data/\">data</a></span></figcaption>\n</figure>\n", html);
}

static int figure_end(struct figure *f, const char *how_to_read, bool shown, struct err *e)
{
	int rc;

	fclose(f->gp);
	fclose(f->legend);
	ASSERT(f->nr_panels == f->nr_expected);
	rc = script_write(f, e) || figure_draw(f, e) ? -1 : 0;
	if (!rc) {
		fprintf(f->page->html, "<figure id=\"fig-%s\">\n<div>", f->name);
		if (shown)
			fprintf(f->page->html,
				"<p class=\"legend\">%s</p>\n<div class=\"panels\">\n",
				f->legend_text);
		rc = shown ? figure_inline(f, e) : 0;
	}
	if (!rc) {
		fputs(shown ? "</div>" : "", f->page->html);
		caption(f, how_to_read);
	}
	free(f->body);
	free(f->legend_text);
	free(f->panels);
	return rc;
}

int figure_close(struct figure *f, const char *how_to_read, struct err *e)
{
	return figure_end(f, how_to_read, true, e);
}

int figure_close_files(struct figure *f, const char *how_to_read, struct err *e)
{
	return figure_end(f, how_to_read, false, e);
}
