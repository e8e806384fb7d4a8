/*
 * A figure: a gnuplot script beside its data, drawn to SVG and put into the page.
 */
#include "reports/figure.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/mem.h"
#include "lib/text.h"
#include "lib/units.h"
#include "reports/html.h"
#include "reports/values.h"

#define GNUPLOT_MISSING 127
#define LEGEND_Y 14.0	/* pixels from the bottom to the middle of the legend */
#define LEGEND_CHAR 6.6 /* pixels a character takes, about */
#define LEGEND_LINE 42	/* pixels of a line: room for its dashes */

static const char preamble[] = "set encoding utf8\n"
			       "set datafile separator ','\n"
			       "set border 3 linecolor rgb '#8a929c' linewidth 0.8\n"
			       "set tics nomirror out scale 0.5 textcolor rgb '#454c56'\n"
			       "set grid linecolor rgb '#e3e6ea' linewidth 0.6 linetype 1\n"
			       "set style fill solid 1 noborder\n"
			       "unset key\n";

int figure_open(struct figure *f, struct report *p, const char *kind, size_t load, struct err *e)
{
	f->page = p;
	f->nr_panels = f->nr_legend = 0;
	f->legend_x = f->left;
	f->width = FIGURE_WIDTH;
	snprintf(f->name, sizeof(f->name), "%s-%s", kind, p->load_slugs[load]);
	f->gp = report_file(&p->dir, e, "plots/%s.gp", f->name);
	if (!f->gp)
		return -1;
	fprintf(f->gp, "# Draws %s.svg from ../data; run it in this folder: gnuplot %s.gp\n",
		f->name, f->name);
	fprintf(f->gp,
		"set terminal svg size %d,%d dynamic noenhanced font 'sans-serif,13' "
		"background '#ffffff'\nset output '%s.svg'\n%s",
		f->width, f->height, f->name, preamble);
	fputs("set multiplot\n", f->gp);
	return 0;
}

static void line_style(struct figure *f, size_t stack)
{
	static const char *const dashes[REPORT_STACKS_MAX] = {
		"solid",      "solid", "(10,7)",	"(4,4)",
		"(14,4,3,4)", "(2,4)", "(8,3,2,3,2,3)", "(18,9)"};

	fprintf(f->gp, "linewidth %g dashtype %s linecolor rgb '%s'", stack ? 1.8 : 3.2,
		dashes[stack], f->page->stacks[stack].colour);
}

void figure_line(struct figure *f, size_t stack)
{
	fputs("with lines ", f->gp);
	line_style(f, stack);
	fputs(" notitle", f->gp);
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

void figure_panel(struct figure *f, const char *title)
{
	int col = (int)f->nr_panels % f->cols, row = (int)f->nr_panels / f->cols;
	double w = (f->width - f->left - f->right - (f->cols - 1) * f->gap_x) / (double)f->cols;
	double h = (f->height - f->top - f->bottom - (f->rows - 1) * f->gap_y) / (double)f->rows;
	double x = f->left + col * (w + f->gap_x);
	double y = f->height - f->top - row * (h + f->gap_y);

	f->nr_panels++;
	fprintf(f->gp, "\nset lmargin at screen %.5f\nset rmargin at screen %.5f\n", x / f->width,
		(x + w) / f->width);
	fprintf(f->gp, "set tmargin at screen %.5f\nset bmargin at screen %.5f\n", y / f->height,
		(y - h) / f->height);
	fputs("set title ", f->gp);
	figure_quote(f->gp, title);
	fputs(" offset 0,-0.4\n", f->gp);
	if (f->nr_legend)
		fputs("unset label\nunset object\nunset arrow\n", f->gp);
	f->nr_legend = 0;
}

static void legend_text(struct figure *f, const char *text)
{
	fputs("set label ", f->gp);
	figure_quote(f->gp, text);
	fprintf(f->gp, " at screen %.5f, screen %.5f left textcolor rgb '#1c2026'\n",
		(f->legend_x + 20) / f->width, LEGEND_Y / f->height);
	f->legend_x += 20 + (double)text_width(text) * LEGEND_CHAR + 24;
	f->nr_legend++;
}

static void swatch(struct figure *f, const char *colour, const char *fill)
{
	fprintf(f->gp,
		"set object rectangle from screen %.5f, screen %.5f to screen %.5f, screen %.5f "
		"fillcolor rgb '%s' fillstyle %s noborder front\n",
		f->legend_x / f->width, (LEGEND_Y - 6) / f->height, (f->legend_x + 13) / f->width,
		(LEGEND_Y + 6) / f->height, colour, fill);
}

void figure_legend(struct figure *f, const char *colour, const char *fill, const char *text)
{
	swatch(f, colour, fill);
	legend_text(f, text);
}

void figure_legend_own(struct figure *f, const char *const *colours, size_t nr, const char *fill,
		       const char *text)
{
	for (size_t i = 0; i < nr; i++) {
		swatch(f, colours[i], fill);
		f->legend_x += i + 1 < nr ? 15 : 0;
	}
	legend_text(f, text);
}

void figure_legend_mark(struct figure *f, int point_type, double size, const char *text)
{
	fprintf(f->gp,
		"set label '' at screen %.5f, screen %.5f point pointtype %d pointsize %g "
		"linecolor "
		"rgb '#454c56'\n",
		(f->legend_x + 8) / f->width, LEGEND_Y / f->height, point_type, size);
	legend_text(f, text);
}

void figure_legend_stacks(struct figure *f, size_t load)
{
	const struct report *p = f->page;

	for (size_t s = 0; s < p->nr_stacks; s++)
		if (report_run(p, load, s) && !f->hidden[s])
			figure_legend(f, p->stacks[s].colour, "solid 1", p->stacks[s].name);
}

void figure_legend_lines(struct figure *f, size_t load)
{
	const struct report *p = f->page;

	for (size_t s = 0; s < p->nr_stacks; s++) {
		if (!report_run(p, load, s) || f->hidden[s])
			continue;
		fprintf(f->gp,
			"set arrow from screen %.5f, screen %.5f to screen %.5f, screen %.5f "
			"nohead ",
			f->legend_x / f->width, LEGEND_Y / f->height,
			(f->legend_x + LEGEND_LINE) / f->width, LEGEND_Y / f->height);
		line_style(f, s);
		fputc('\n', f->gp);
		f->legend_x += LEGEND_LINE - 12;
		legend_text(f, p->stacks[s].name);
	}
}

double figure_time_axis(struct figure *f, u64 end_ns)
{
	const char *unit = end_ns >= NSEC_PER_SEC ? "s" : end_ns >= NSEC_PER_MSEC ? "ms" : "us";
	double factor = *unit == 's' ? 1 : unit[0] == 'm' ? 1e3 : 1e6;
	bool lowest = (int)f->nr_panels - 1 + f->cols >= f->panels;

	fprintf(f->gp, "set xrange [0:%.6g]\n", max((double)end_ns, 1.0) / 1e9 * factor);
	if (lowest)
		fprintf(f->gp, "set xlabel 'simulated time [%s]' offset 0,0.4\n", unit);
	else
		fputs("unset xlabel\n", f->gp);
	return factor;
}

double figure_bytes_axis(struct figure *f, char axis, double most, const char **unit)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB"};
	double bytes = 1;
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(units) && most / bytes >= 1024) {
		bytes *= 1024;
		i++;
	}
	*unit = units[i];
	fprintf(f->gp, "set %crange [0:%.6g]\n", axis, most > 0 ? most / bytes * 1.06 : 1);
	return bytes;
}

/* In the child: gnuplot with its messages in a file, and nobody's ~/.gnuplot. */
static _Noreturn void gnuplot_child(const char *plots, const char *script, int messages)
{
	if (chdir(plots) || dup2(messages, STDERR_FILENO) < 0 || dup2(messages, STDOUT_FILENO) < 0)
		_exit(1);
	setenv("LC_ALL", "C.UTF-8", 1);
	execlp("gnuplot", "gnuplot", "-d", script, (char *)NULL);
	_exit(errno == ENOENT ? GNUPLOT_MISSING : 1);
}

/* gnuplot repeats the line, points at it, and says what is wrong in a line of its own. */
static int gnuplot_failed(const struct figure *f, FILE *messages, int status, struct err *e)
{
	char line[256], what[256] = "no message";

	if (WIFEXITED(status) && WEXITSTATUS(status) == GNUPLOT_MISSING)
		return err_set(e, "gnuplot is missing, which draws the plots: install the Debian "
				  "package gnuplot-nox");
	rewind(messages);
	while (fgets(line, sizeof(line), messages)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[strspn(line, " \t^")])
			snprintf(what, sizeof(what), "%s", line);
	}
	return err_set(e, "gnuplot cannot draw %s (disk full?): %s", f->name, what);
}

static int gnuplot_run(const struct figure *f, struct err *e)
{
	char *plots = mem_print("%s/plots", f->page->dir.tmp);
	char *script = mem_print("%s.gp", f->name);
	FILE *messages = tmpfile();
	int status = -1, rc = -1;
	pid_t pid;

	if (!messages) {
		err_set(e, "cannot make a temporary file: %s", strerror(errno));
		goto out;
	}
	fflush(NULL); /* the child must not write our buffers again */
	pid = fork();
	if (!pid)
		gnuplot_child(plots, script, fileno(messages));
	if (pid < 0) {
		err_set(e, "cannot start gnuplot: %s", strerror(errno));
		goto out;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	rc = status ? gnuplot_failed(f, messages, status, e) : 0;
out:
	if (messages)
		fclose(messages);
	free(plots);
	free(script);
	return rc;
}

/* gnuplot uses the same ids in every SVG; in one page they must differ. Its titles
 * ("gnuplot_plot_1") would pop up under the mouse. */
static void svg_copy(FILE *html, const char *svg, const char *name)
{
	static const char *const before_id[] = {"id='", "id=\"", "xlink:href='#", "url(#"};

	while (*svg) {
		bool found = false;

		if (!strncmp(svg, "<title>", 7) && strstr(svg, "</title>")) {
			svg = strstr(svg, "</title>") + 8;
			continue;
		}

		for (size_t i = 0; i < ARRAY_SIZE(before_id) && !found; i++) {
			size_t n = strlen(before_id[i]);

			if (strncmp(svg, before_id[i], n))
				continue;
			fprintf(html, "%s%s-", before_id[i], name);
			svg += n;
			found = true;
		}
		if (!found)
			fputc(*svg++, html);
	}
}

static int svg_inline(struct figure *f, struct err *e)
{
	char *path = mem_print("%s/plots/%s.svg", f->page->dir.tmp, f->name);
	size_t n;
	char *text = file_read(path, &n, e), *svg, *end;
	int rc = -1;

	free(path);
	if (!text)
		return -1;
	svg = strstr(text, "<svg");
	end = strstr(text, "</svg>");
	if (svg && end) {
		fprintf(f->page->html, "<svg role=\"img\" aria-label=\"%s\" ", f->name);
		svg_copy(f->page->html, svg + strlen("<svg"), f->name);
		rc = 0;
	} else {
		err_set(e, "%s: gnuplot drew only a part of %s (disk full?)", f->page->dir.path,
			f->name);
	}
	free(text);
	return rc;
}

int figure_close(struct figure *f, const char *how_to_read, struct err *e)
{
	FILE *gp = f->gp;

	f->gp = NULL;
	fputs("\nunset multiplot\n", gp);
	if (report_file_close(&f->page->dir, gp, e) || gnuplot_run(f, e))
		return -1;
	fputs("<figure>\n", f->page->html);
	if (svg_inline(f, e))
		return -1;
	fputs("<figcaption>", f->page->html);
	html_text(f->page->html, how_to_read);
	fprintf(f->page->html,
		" <a href=\"plots/%s.gp\">script</a> · <a href=\"plots/%s.svg\">SVG</a>"
		"</figcaption>\n</figure>\n",
		f->name, f->name);
	return 0;
}
