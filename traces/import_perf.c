/*
 * Importer of what `perf script` prints of kmem events.
 *
 * Theory. An event line is "COMM TID [CPU] TIME: PERIOD SYSTEM:NAME: ..."; TID may be PID/TID,
 * between CPU and TIME may stand a few letters (-F +misc), PERIOD is an option. As a comm may hold
 * anything, the line is read backwards from its time stamp. Call chains stand below their event, a
 * function a line, and end in an empty one: they are passed over.
 *
 * Unlike ftrace, perf does not say whether an event came in an interrupt.
 */
#define _GNU_SOURCE /* memmem */
#include <string.h>

#include "traces/text_import.h"
#include "traces/text_value.h"

#define MISC_MAX 6 /* letters of -F +misc */

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool find_cpu(struct text_event *ev, const char **p)
{
	const char *end;
	u32 cpu;

	text_back_blanks(ev->line, p);
	for (end = *p; *p > ev->line && is_upper((*p)[-1]) && end - *p < MISC_MAX;)
		--*p;
	text_back_blanks(ev->line, p);
	if (!text_back_char(ev->line, p, ']') || !text_back_number(ev->line, p, &cpu) ||
	    !text_back_char(ev->line, p, '['))
		return false;
	ev->cpu = (u16)min(cpu, (u32)UINT16_MAX);
	return true;
}

/* A number that may be -1: a task that perf does not know. */
static bool find_id(struct text_event *ev, const char **p, u32 *id)
{
	if (!text_back_number(ev->line, p, id))
		return false;
	if (text_back_char(ev->line, p, '-'))
		*id = -*id;
	return true;
}

static bool find_task(struct text_event *ev, const char **p)
{
	u32 process;

	text_back_blanks(ev->line, p);
	if (!find_id(ev, p, &ev->pid))
		return false;
	if (text_back_char(ev->line, p, '/') && !find_id(ev, p, &process))
		return false;
	return *p == ev->line || (*p)[-1] == ' ';
}

static const char *skip_period(const char *p)
{
	u64 period;
	const char *s = p + strspn(p, " ");

	return text_number(&s, &period) && *s == ' ' ? s : p;
}

static bool perf_event(struct text_event *ev)
{
	const char *colon = ev->line, *stamp, *wrong = NULL;

	while ((colon = text_find_time(ev, colon, &stamp))) {
		if (find_cpu(ev, &stamp) && find_task(ev, &stamp) &&
		    text_find_name(ev, skip_period(colon + 1), true))
			return true;
		wrong = wrong ? wrong : stamp;
		colon++;
	}
	ev->body = wrong ? wrong : ev->line;
	return false;
}

/* The text behind "# KEY : ", NULL if the line has another key. */
static const char *header(const char *line, const char *key)
{
	const char *at = line + 1 + strspn(line + 1, " ");
	size_t n = strlen(key);

	if (strncmp(at, key, n))
		return NULL;
	at += n + strspn(at + n, " ");
	return *at == ':' ? at + 1 + strspn(at + 1, " ") : NULL;
}

static void note_header(struct text_notes *notes, const char *line)
{
	const char *at;
	u64 n;

	if ((at = header(line, "nrcpus avail")) && text_number(&at, &n) && n <= UINT16_MAX)
		notes->nr_cpus = (unsigned int)n;
	if ((at = header(line, "os release"))) {
		n = min(strcspn(at, "\n"), sizeof(notes->kernel) - sizeof("Linux "));
		memcpy(notes->kernel, "Linux ", 6);
		memcpy(notes->kernel + 6, at, n);
		notes->kernel[6 + n] = '\0';
	}
}

/* "... PERF_RECORD_LOST lost 5" (--show-lost-events) and perf's other records of no event. */
static bool note_record(struct text_notes *notes, const char *line, u32 len)
{
	const char *at = memmem(line, len, "PERF_RECORD_", 12), *lost;
	u64 n;

	if (!at)
		return false;
	lost = memmem(at, len - (size_t)(at - line), " lost ", 6);
	if (!strncmp(at, "PERF_RECORD_LOST", 16) && lost) {
		lost += 6;
		notes->lost += text_number(&lost, &n) ? n : 1;
	}
	return true;
}

static bool perf_note(struct text_notes *notes, const char *line, u32 len)
{
	if (*line == '#') {
		note_header(notes, line);
		return true;
	}
	return *line == '\t' /* of a call chain */ || note_record(notes, line, len);
}

static const struct text_form form = {
	.event = perf_event,
	.note = perf_note,
	.like = "COMM TID [CPU] SECONDS: SYSTEM:EVENT:",
};

static bool perf_probe(const u8 *head, size_t n)
{
	return text_probe(&form, head, n);
}

static int perf_run(const char *path, struct raw_sink *sink, struct err *e)
{
	return text_import(&form, path, sink, e);
}

static struct importer perf = {
	.name = "perf",
	.summary = "text of perf script, kmem events (also .zst)",
	.text = true,
	.probe = perf_probe,
	.run = perf_run,
};

IMPORTER_REGISTER(perf)
