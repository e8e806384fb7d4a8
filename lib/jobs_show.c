/*
 * How far several jobs are, in one line.
 */
#include "lib/jobs_show.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/text.h"

#define BAR_WIDTH 20
#define LINE_MAX_BYTES 512
#define WIDTH_DEFAULT 80

static double share(const struct progress_cell *p)
{
	return p->total ? (double)min(p->done, p->total) / (double)p->total : 0;
}

void jobs_show_line(char *buf, size_t n, size_t width, const struct jobs *js, size_t done,
		    const struct job_shown *jobs, size_t nr)
{
	char bar[BAR_WIDTH + 1], name[128], part[160];
	struct text t = text_in(buf, n);
	double worked = (double)done;
	size_t filled;

	for (size_t i = 0; i < nr; i++)
		worked += share(&jobs[i].progress);
	filled = js->nr ? (size_t)(worked / (double)js->nr * BAR_WIDTH) : BAR_WIDTH;
	for (size_t i = 0; i < BAR_WIDTH; i++)
		bar[i] = i < filled ? '#' : '.';
	bar[BAR_WIDTH] = '\0';
	text_add(&t, "%zu of %zu %s [%s]", done, js->nr, js->what, bar);
	for (size_t i = 0; i < nr; i++) {
		js->name(js->arg, jobs[i].i, name, sizeof(name));
		snprintf(part, sizeof(part), "%s %s %.0f %%", i ? "," : "", name,
			 100 * share(&jobs[i].progress));
		if (text_width(buf) + text_width(part) > width)
			break;
		text_add(&t, "%s", part);
	}
}

void jobs_show_begin(struct jobs_show *s)
{
	*s = (struct jobs_show){.on = isatty(STDERR_FILENO)};
	s->drawn_ns = s->on ? host_ns() : 0; /* what is done in a blink shows no bar */
}

void jobs_show_draw(struct jobs_show *s, const struct jobs *js, size_t done,
		    const struct job_shown *jobs, size_t nr)
{
	struct winsize w = {0};
	char line[LINE_MAX_BYTES];

	if (!s->on || host_ns() - s->drawn_ns < PROGRESS_REDRAW_NS)
		return;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) || !w.ws_col)
		w.ws_col = WIDTH_DEFAULT;
	jobs_show_line(line, sizeof(line), w.ws_col - 1U, js, done, jobs, nr);
	fprintf(stderr, "\r%s\033[K", line);
	s->drawn_ns = host_ns();
	s->drawn = true;
}

void jobs_show_wipe(struct jobs_show *s)
{
	if (s->drawn)
		fputs("\r\033[K", stderr);
	s->drawn = false;
}
