/*
 * Importer of ftrace text: what `trace-cmd report` prints and what the file `trace` of tracefs
 * holds.
 *
 * Theory. An event line is "COMM-PID (TGID) [CPU] FLAGS TIME: NAME: ..."; TGID and FLAGS are
 * options. A comm may hold anything, also blanks, dashes, brackets and colons; so the line is read
 * backwards from its time stamp, the first thing that cannot be part of anything else.
 */
#include <string.h>

#include "traces/text_import.h"
#include "traces/text_value.h"

#define FLAGS_MIN 4 /* "d.h1" before Linux 5.19, "d.h1." from there on */
#define FLAGS_MAX 8

/* Interrupts off, need-resched, interrupt, preemption off, migration off. */
static bool read_flags(struct text_event *ev, const char *flags, const char *end)
{
	if (end - flags < FLAGS_MIN || end - flags > FLAGS_MAX)
		return false;
	if (strchr("hsHZ", flags[2]))
		ev->flags = RAW_F_IRQ;
	return true;
}

/* Before the stamp: "[CPU]" and perhaps FLAGS, or (trace-cmd report -l) "CPUFLAGS". */
static bool find_cpu(struct text_event *ev, const char **p)
{
	const char *word, *end;
	u64 long_cpu;
	u32 cpu;

	text_back_blanks(ev->line, p);
	if (!text_back_char(ev->line, p, ']')) {
		for (word = end = *p; word > ev->line && word[-1] != ' ';)
			word--;
		*p = word;
		if (text_number(&word, &long_cpu)) {
			ev->cpu = (u16)min(long_cpu, (u64)UINT16_MAX);
			return read_flags(ev, word, end);
		}
		text_back_blanks(ev->line, p);
		if (!read_flags(ev, word, end) || !text_back_char(ev->line, p, ']'))
			return false;
	}
	if (!text_back_number(ev->line, p, &cpu) || !text_back_char(ev->line, p, '['))
		return false;
	ev->cpu = (u16)min(cpu, (u32)UINT16_MAX);
	return true;
}

/* "COMM-PID", then perhaps "(TGID)" or "(-----)". */
static bool find_task(struct text_event *ev, const char **p)
{
	text_back_blanks(ev->line, p);
	if (text_back_char(ev->line, p, ')')) {
		while (*p > ev->line && (*p)[-1] != '(')
			--*p;
		if (!text_back_char(ev->line, p, '('))
			return false;
		text_back_blanks(ev->line, p);
	}
	return text_back_number(ev->line, p, &ev->pid) && text_back_char(ev->line, p, '-');
}

static bool ftrace_event(struct text_event *ev)
{
	const char *colon = ev->line, *stamp, *wrong = NULL;

	while ((colon = text_find_time(ev, colon, &stamp))) {
		if (find_cpu(ev, &stamp) && find_task(ev, &stamp) &&
		    text_find_name(ev, colon + 1, false))
			return true;
		wrong = wrong ? wrong : stamp;
		colon++;
	}
	ev->body = wrong ? wrong : ev->line;
	return false;
}

static bool begins(const char *line, const char *word)
{
	return !strncmp(line, word, strlen(word));
}

/* "CPU:3 [LOST 123 EVENTS]" (tracefs), "CPU:3 [123 EVENTS DROPPED]" (trace-cmd); where no number
 * is given, at least one. */
static bool note_lost(struct text_notes *notes, const char *line)
{
	const char *at;
	u64 cpu, lost = 1;

	if (!begins(line, "CPU:"))
		return false;
	at = line + 4;
	if (!text_number(&at, &cpu) || *at++ != ' ' || *at++ != '[')
		return false;
	if (begins(at, "LOST "))
		at += 5;
	if (text_number(&at, &lost) && *at == ' ')
		at++;
	if (!begins(at, "EVENTS]") && !begins(at, "EVENTS DROPPED]"))
		return false;
	notes->lost += lost;
	return true;
}

static bool ftrace_note(struct text_notes *notes, const char *line, u32 len)
{
	const char *at = line;
	u64 n;

	if (*line == '#') { /* "# entries-in-buffer/entries-written: 205/210   #P:4" */
		const char *cpus = memchr(line + 1, '#', len - 1);

		at = cpus ? cpus + 3 : line;
		if (cpus && begins(cpus, "#P:") && text_number(&at, &n) && n < UINT16_MAX)
			notes->nr_cpus = (unsigned int)n;
		return true;
	}
	if (begins(line, "cpus=")) {
		at += 5;
		if (!text_number(&at, &n) || n > UINT16_MAX)
			return false;
		notes->nr_cpus = (unsigned int)n;
		return true;
	}
	if (begins(line, "CPU ")) /* "CPU 1 is empty" */
		return true;
	return begins(line, "version = ") || begins(line, " => ") || note_lost(notes, line);
}

static const struct text_form form = {
	.event = ftrace_event,
	.note = ftrace_note,
	.like = "COMM-PID [CPU] SECONDS: EVENT:",
};

/* Headers differ or are missing: the first event says what it is. */
static bool ftrace_probe(const u8 *head, size_t n)
{
	return text_probe(&form, head, n);
}

static int ftrace_run(const char *path, struct raw_sink *sink, struct err *e)
{
	return text_import(&form, path, sink, e);
}

static struct importer ftrace = {
	.name = "ftrace",
	.summary = "text of trace-cmd report or of tracefs' trace file (also .zst)",
	.text = true,
	.probe = ftrace_probe,
	.run = ftrace_run,
};

IMPORTER_REGISTER(ftrace)
