/*
 * What importers of text have in common.
 */
#include "traces/text_import.h"

#include <string.h>

#include "traces/guard.h"
#include "traces/text_input.h"
#include "traces/text_value.h"

#define PROBE_BYTES 65536
#define PROBE_LINES 512 /* of notes; lines that begin with '#' are not counted */
#define CPUS_MAX 4096

void text_back_blanks(const char *start, const char **p)
{
	while (*p > start && (*p)[-1] == ' ')
		--*p;
}

bool text_back_number(const char *start, const char **p, u32 *v)
{
	const char *s = *p;
	u64 n = 0, unit = 1;

	for (; s > start && s[-1] >= '0' && s[-1] <= '9'; s--, unit *= 10) {
		if (*p - s == 10)
			return false;
		n += unit * (u64)(s[-1] - '0');
	}
	if (s == *p || n > UINT32_MAX)
		return false;
	*p = s;
	*v = (u32)n;
	return true;
}

bool text_back_char(const char *start, const char **p, char c)
{
	if (*p == start || (*p)[-1] != c)
		return false;
	--*p;
	return true;
}

const char *text_find_time(struct text_event *ev, const char *from, const char **p)
{
	const char *colon = from, *s, *at;

	while ((colon = memchr(colon, ':', (size_t)(ev->end - colon)))) {
		for (s = colon; s > ev->line && ((s[-1] >= '0' && s[-1] <= '9') || s[-1] == '.');)
			s--;
		at = s;
		if (colon[1] == ' ' && s > ev->line && s[-1] == ' ' && text_time(&at, &ev->t_ns) &&
		    at == colon) {
			*p = s;
			return colon;
		}
		colon++;
	}
	return NULL;
}

static inline bool name_char(char c)
{
	return (u8)(c - '0') < 10 || (u8)((c | 0x20) - 'a') < 26 || c == '_' || c == '.' ||
	       c == '-';
}

bool text_find_name(struct text_event *ev, const char *p, bool with_system)
{
	const char *name;

	while (*p == ' ')
		p++;
	for (name = p; name_char(*p); p++)
		;
	ev->system = NULL;
	if (with_system && *p == ':' && name_char(p[1])) {
		ev->system = name;
		ev->system_len = (u32)(p - name);
		for (name = ++p; name_char(*p); p++)
			;
	}
	ev->name = name;
	ev->name_len = (u32)(p - name);
	ev->body = p;
	if (*p != ':' || p == name || (p[1] != ' ' && p[1] != '\n'))
		return false;
	for (p++; *p == ' '; p++)
		;
	ev->body = p;
	return true;
}

bool text_probe(const struct text_form *form, const u8 *head, size_t n)
{
	char buf[PROBE_BYTES + TEXT_SLACK] = {0}, *line = buf, *nl;
	struct text_notes notes = {0};

	if (!text_head(head, n, buf, PROBE_BYTES))
		return false;
	for (int i = 0; i < PROBE_LINES && (nl = strchr(line, '\n')); line = nl + 1) {
		struct text_event ev = {.line = line, .end = nl};

		if (form->event(&ev))
			return true;
		if (*line == '#')
			continue;
		i++;
		if (nl != line && !form->note(&notes, line, (u32)(nl - line)))
			return false;
	}
	return false;
}

struct walk {
	const struct text_form *form;
	struct raw_sink *sink;
	struct text_input *in;
	struct text_events events;
	struct text_notes notes;
	u64 nr_events, t_last_ns;
	u32 cpu_max;
};

static int walk_event(struct walk *w, const struct text_event *ev, struct err *e)
{
	if (ev->cpu >= CPUS_MAX)
		return err_set(e, "%s:%llu:1: CPU %u: more than %u are not supported",
			       text_input_path(w->in), (unsigned long long)text_input_line(w->in),
			       ev->cpu, CPUS_MAX);
	if (!w->nr_events++)
		raw_sink_begin(w->sink, w->notes.nr_cpus, w->notes.kernel, w->notes.clock,
			       ev->t_ns);
	w->t_last_ns = max(w->t_last_ns, ev->t_ns);
	w->cpu_max = max(w->cpu_max, (u32)ev->cpu);
	if (w->nr_events % 16384 == 0)
		guard_progress(text_input_done(w->in), text_input_total(w->in));
	return text_events_add(&w->events, ev, text_input_line(w->in), e);
}

static int walk_line(struct walk *w, const char *line, u32 len, struct err *e)
{
	struct text_event ev = {.line = line, .end = line + len};

	if (w->form->event(&ev))
		return walk_event(w, &ev, e);
	if (!len || w->form->note(&w->notes, line, len) || (w->nr_events && w->events.free_form))
		return 0;
	return err_set(e, "%s:%llu:%zu: no event: it should begin '%s'", text_input_path(w->in),
		       (unsigned long long)text_input_line(w->in), (size_t)(ev.body - line) + 1,
		       w->form->like);
}

static int walk_all(struct walk *w, struct err *e)
{
	char *line;
	u32 len;
	int got;

	while ((got = text_input_next(w->in, &line, &len, e)) > 0)
		if (walk_line(w, line, len, e))
			return -1;
	if (got < 0)
		return -1;
	if (!w->nr_events)
		return err_set(e, "%s: no events in it", text_input_path(w->in));
	text_events_report(&w->events);
	raw_sink_cpus(w->sink, max(w->notes.nr_cpus, w->cpu_max + 1));
	raw_sink_end(w->sink, w->t_last_ns, w->notes.lost);
	return 0;
}

int text_import(const struct text_form *form, const char *path, struct raw_sink *sink,
		struct err *e)
{
	struct walk w = {.form = form, .sink = sink, .in = text_input_open(path, e)};
	int ret;

	if (!w.in)
		return -1;
	text_events_init(&w.events, sink, path);
	ret = walk_all(&w, e);
	text_events_free(&w.events);
	text_input_close(w.in);
	return ret;
}
