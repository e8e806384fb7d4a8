/*
 * A look at a trace.dat before the library gets it.
 */
#include "traces/tracedat_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "traces/bytes.h"

static const u8 magic[] = {0x17, 0x08, 0x44, 't', 'r', 'a', 'c', 'i', 'n', 'g'};

/* Option numbers of trace-cmd.dat.v7(5). */
#define OPTION_DONE 0
#define OPTION_CPUSTAT 2
#define OPTION_TRACECLOCK 4
#define OPTION_UNAME 5
#define OPTION_BUFFER 3
#define OPTION_SECTION_FIRST 16 /* from here on, options that name a section's offset */
#define OPTION_SECTION_LAST 21

#define SECTION_STRINGS 15
#define SECTION_HEADER_BYTES 16
#define SECTION_COMPRESSED 1U
#define OPTION_SECTIONS_MAX 64 /* chained option sections: a loop has more */
#define CPUS_MAX 65536

struct check {
	const char *path;
	FILE *f;
	u64 size;
	u64 end; /* of what has been seen of the file */
	struct tracedat_about *about;
};

bool tracedat_probe(const u8 *head, size_t n)
{
	return n > sizeof(magic) && !memcmp(head, magic, sizeof(magic));
}

static int bad(const struct check *c, u64 at, struct err *e, const char *what)
{
	return err_set(e, "%s: offset %llu: %s", c->path, (unsigned long long)at, what);
}

static int read_at(const struct check *c, u64 at, void *data, size_t n, const char *what,
		   struct err *e)
{
	if (at > c->size || c->size - at < n)
		return err_set(e, "%s: offset %llu: the file ends inside %s (truncated?)", c->path,
			       (unsigned long long)c->size, what);
	if (fseeko(c->f, (off_t)at, SEEK_SET) || fread(data, 1, n, c->f) != n)
		return err_set(e, "%s: offset %llu: cannot read: %s", c->path,
			       (unsigned long long)at, strerror(errno));
	return 0;
}

/* A NUL-terminated string of at most n-1 characters; *at moves behind it. */
static int read_string(const struct check *c, u64 *at, char *buf, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (read_at(c, (*at)++, &buf[i], 1, "the header", e))
			return -1;
		if (!buf[i])
			return 0;
	}
	return bad(c, *at, e, "impossible header");
}

static int check_section(struct check *c, u64 at, u16 id, struct err *e)
{
	u8 h[SECTION_HEADER_BYTES + 8];
	u64 len;

	if (read_at(c, at, h, SECTION_HEADER_BYTES, "a section's header", e))
		return -1;
	len = le_load(h + 8, 8);
	if (le_load(h, 2) != id)
		return bad(c, at, e, "another section than expected begins here (damaged)");
	if (len > c->size - at - SECTION_HEADER_BYTES)
		return bad(c, c->size, e, "the file ends inside a section (truncated?)");
	c->end = max(c->end, at + SECTION_HEADER_BYTES + len);
	if (!(le_load(h + 2, 2) & SECTION_COMPRESSED) || id == OPTION_BUFFER)
		return 0;
	if (read_at(c, at + SECTION_HEADER_BYTES, h, 8, "a section's header", e))
		return -1;
	if (le_load(h, 4) + 8 > len)
		return bad(c, at + SECTION_HEADER_BYTES, e, "impossible compressed size (damaged)");
	return 0;
}

/* offset, name, clock, page size, number of CPUs, then for each: number, offset, length. */
static int check_buffer(struct check *c, u64 at, u64 len, struct err *e)
{
	u64 end = at + len, section, cpus;
	u8 b[20];
	char text[256];

	if (read_at(c, at, b, 8, "an option", e))
		return -1;
	section = le_load(b, 8);
	at += 8;
	if (read_string(c, &at, text, sizeof(text), e) ||
	    read_string(c, &at, text, sizeof(text), e) || read_at(c, at, b, 8, "an option", e))
		return -1;
	cpus = le_load(b + 4, 4);
	at += 8;
	if (cpus > CPUS_MAX || at > end || (end - at) / sizeof(b) < cpus)
		return bad(c, at, e, "impossible number of CPUs (damaged)");
	for (u64 i = 0; i < cpus; i++, at += sizeof(b)) {
		if (read_at(c, at, b, sizeof(b), "an option", e))
			return -1;
		if (le_load(b + 4, 8) > c->size || le_load(b + 12, 8) > c->size - le_load(b + 4, 8))
			return bad(c, c->size, e, "the file ends inside a CPU's data (truncated?)");
	}
	return check_section(c, section, OPTION_BUFFER, e);
}

/* "local global [mono] boot" -> "mono" */
static void keep_clock(struct tracedat_about *about, const char *text)
{
	const char *from = strchr(text, '['), *to = from ? strchr(from, ']') : NULL;

	if (to)
		snprintf(about->clock, sizeof(about->clock), "%.*s", (int)(to - from - 1),
			 from + 1);
	else
		snprintf(about->clock, sizeof(about->clock), "%s", text);
}

/* "KEY: NUMBER" on a line of the text. */
static u64 stat_value(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void keep_cpustat(struct tracedat_about *about, const char *text)
{
	u64 cpu = stat_value(text, "CPU: ");

	about->lost += stat_value(text, "\noverrun: ") + stat_value(text, "dropped events: ");
	if (cpu < TRACEDAT_CPUS_MAX)
		about->nr_events[cpu] = stat_value(text, "read events: ");
}

/* Options whose value is a text that we want to keep. */
static int keep_text(const struct check *c, u16 id, u64 at, u64 len, struct err *e)
{
	struct tracedat_about *about = c->about;
	char text[512] = "";

	if (read_at(c, at, text, min(len, (u64)sizeof(text) - 1), "an option", e))
		return -1;
	if (id == OPTION_TRACECLOCK)
		keep_clock(about, text);
	else if (id == OPTION_CPUSTAT)
		keep_cpustat(about, text);
	else
		snprintf(about->kernel, sizeof(about->kernel), "%.*s",
			 (int)sizeof(about->kernel) - 1, text);
	return 0;
}

static int check_option(struct check *c, u16 id, u64 at, u64 len, struct err *e)
{
	u8 b[8];

	if (id == OPTION_TRACECLOCK || id == OPTION_UNAME || id == OPTION_CPUSTAT)
		return keep_text(c, id, at, len, e);
	if (id == OPTION_BUFFER)
		return check_buffer(c, at, len, e);
	if (id < OPTION_SECTION_FIRST || id > OPTION_SECTION_LAST)
		return 0;
	if (len < 8)
		return bad(c, at, e, "impossible option (damaged)");
	if (read_at(c, at, b, 8, "an option", e))
		return -1;
	return check_section(c, le_load(b, 8), id, e);
}

/* One section of options; *next is the offset of the one that follows, 0 at the end. */
static int check_options(struct check *c, u64 at, u64 *next, struct err *e)
{
	u8 h[SECTION_HEADER_BYTES];
	u64 end;

	if (read_at(c, at, h, sizeof(h), "the options", e))
		return -1;
	if (le_load(h, 2) != OPTION_DONE)
		return bad(c, at, e, "no options begin here (damaged)");
	if (le_load(h + 2, 2) & SECTION_COMPRESSED)
		return bad(c, at, e, "compressed options are not supported");
	if (le_load(h + 8, 8) > c->size - at - sizeof(h))
		return bad(c, c->size, e, "the file ends inside the options (truncated?)");
	end = at + sizeof(h) + le_load(h + 8, 8);
	c->end = max(c->end, end);
	for (at += sizeof(h); at < end;) {
		u16 id;
		u64 len;

		if (read_at(c, at, h, 6, "an option", e))
			return -1;
		id = (u16)le_load(h, 2);
		len = le_load(h + 2, 4);
		if (len > end - at - 6)
			return bad(c, at, e, "impossible length of an option (damaged)");
		at += 6;
		if (id == OPTION_DONE) {
			if (len < 8)
				return bad(c, at, e, "impossible option (damaged)");
			if (read_at(c, at, h, 8, "an option", e))
				return -1;
			*next = le_load(h, 8);
			return 0;
		}
		if (check_option(c, id, at, len, e))
			return -1;
		at += len;
	}
	return bad(c, end, e, "the options do not end (damaged)");
}

static int check_v7(struct check *c, u64 at, struct err *e)
{
	char text[64];
	u8 b[8];
	u64 next;

	if (read_string(c, &at, text, sizeof(text), e))
		return -1;
	if (strcmp(text, "none") && strcmp(text, "zstd") && strcmp(text, "zlib"))
		return bad(c, at, e, "unknown compression");
	if (read_string(c, &at, text, sizeof(text), e) || read_at(c, at, b, 8, "the header", e))
		return -1;
	next = le_load(b, 8);
	for (int i = 0; next; i++) {
		if (i == OPTION_SECTIONS_MAX)
			return bad(c, next, e,
				   "the options follow each other in a circle (damaged)");
		if (check_options(c, next, &next, e))
			return -1;
	}
	/* What no option names is the names of the sections, at the very end. */
	return c->end < c->size ? check_section(c, c->end, SECTION_STRINGS, e) : 0;
}

static int check(struct check *c, struct err *e)
{
	u64 at = sizeof(magic);
	char version[16];
	u8 b[6];

	if (read_string(c, &at, version, sizeof(version), e) ||
	    read_at(c, at, b, sizeof(b), "the header", e))
		return -1;
	if (strcmp(version, "6") && strcmp(version, "7"))
		return err_set(e, "%s: offset %zu: trace.dat version '%.8s'; known are 6 and 7",
			       c->path, sizeof(magic), version);
	if (b[0] || b[1] != 8)
		return bad(c, at, e,
			   "only traces of 64-bit little-endian machines can be imported");
	if (le_load(b + 2, 4) < 4096 || le_load(b + 2, 4) > 65536)
		return bad(c, at + 2, e, "impossible page size (damaged)");
	return !strcmp(version, "7") ? check_v7(c, at + sizeof(b), e) : 0;
}

int tracedat_check(const char *path, struct tracedat_about *about, struct err *e)
{
	struct check c = {.path = path, .about = about};
	off_t size;
	int ret;

	*about = (struct tracedat_about){0};
	c.f = fopen(path, "rb");
	if (!c.f)
		return err_set(e, "%s: cannot open: %s", path, strerror(errno));
	fseeko(c.f, 0, SEEK_END);
	size = ftello(c.f);
	c.size = size < 0 ? 0 : (u64)size;
	ret = check(&c, e);
	fclose(c.f);
	return ret;
}
