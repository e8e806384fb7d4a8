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
#define OPTION_DATE 1
#define OPTION_CPUSTAT 2
#define OPTION_BUFFER 3
#define OPTION_TRACECLOCK 4
#define OPTION_UNAME 5
#define OPTION_OFFSET 7
#define OPTION_CPUCOUNT 8
#define OPTION_TIME_SHIFT 12
#define OPTION_TSC2NSEC 14
#define OPTION_SECTION_FIRST 16 /* from here on, options that name a section's offset */
#define OPTION_SECTION_LAST 21

#define SECTION_STRINGS 15
#define SECTION_HEADER_BYTES 16
#define SECTION_COMPRESSED 1U
#define OPTION_SECTIONS_MAX 64 /* chained option sections: a loop has more */
#define PAGE_BYTES_MIN 4096
#define PAGE_BYTES_MAX 65536

struct check {
	const char *path;
	FILE *f;
	u64 size;
	u64 end;       /* of what has been seen of the file */
	bool has_zstd; /* what is compressed is compressed with it */
	bool has_top;  /* the buffer of the top instance has been seen */
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

/* Is there a section with this number? Sets whether it is compressed. */
static int check_section(struct check *c, u64 at, u16 id, bool *compressed, struct err *e)
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
	*compressed = le_load(h + 2, 2) & SECTION_COMPRESSED;
	if (*compressed && !c->has_zstd)
		return bad(c, at, e, "a compressed section, but no compression is named (damaged)");
	if (!*compressed || id == OPTION_BUFFER)
		return 0;
	if (read_at(c, at + SECTION_HEADER_BYTES, h, 8, "a section's header", e))
		return -1;
	if (le_load(h, 4) + 8 > len)
		return bad(c, at + SECTION_HEADER_BYTES, e, "impossible compressed size (damaged)");
	return 0;
}

static bool page_bytes_possible(u64 n)
{
	return n >= PAGE_BYTES_MIN && n <= PAGE_BYTES_MAX && !(n & (n - 1));
}

/* Offset and length of a CPU's records; they are kept if `keep`. */
static int check_cpu(struct check *c, u64 at, u64 cpu, const u8 *b, bool keep, struct err *e)
{
	struct tracedat_about *about = c->about;
	u64 offset = le_load(b, 8), size = le_load(b + 8, 8);

	if (offset > c->size || size > c->size - offset)
		return bad(c, c->size, e, "the file ends inside a CPU's data (truncated?)");
	if (cpu >= TRACEDAT_CPUS_MAX)
		return bad(c, at, e, "impossible number of a CPU (damaged)");
	if (!keep)
		return 0;
	if (about->cpus[cpu].size)
		return bad(c, at, e, "a CPU is named twice (damaged)");
	about->cpus[cpu] = (struct tracedat_span){.offset = offset, .size = size};
	about->nr_cpus = max(about->nr_cpus, (u32)cpu + 1);
	return 0;
}

/*
 * offset, name, clock, page size, number of CPUs, then for each: number, offset, length. Of several
 * buffers the one of the top instance is imported: it has no name.
 */
static int check_buffer(struct check *c, u64 at, u64 len, struct err *e)
{
	u64 end = at + len, section, cpus, page_bytes;
	u8 b[20];
	char name[256], clock[256];
	bool top, compressed;

	if (read_at(c, at, b, 8, "an option", e))
		return -1;
	section = le_load(b, 8);
	at += 8;
	if (read_string(c, &at, name, sizeof(name), e) ||
	    read_string(c, &at, clock, sizeof(clock), e) || read_at(c, at, b, 8, "an option", e))
		return -1;
	top = !name[0];
	if (top && c->has_top)
		return bad(c, at, e, "a second buffer without a name (damaged)");
	page_bytes = le_load(b, 4);
	if (!page_bytes_possible(page_bytes))
		return bad(c, at, e, "impossible page size (damaged)");
	cpus = le_load(b + 4, 4);
	at += 8;
	if (cpus > TRACEDAT_CPUS_MAX || at > end || (end - at) / sizeof(b) < cpus)
		return bad(c, at, e, "impossible number of CPUs (damaged)");
	for (u64 i = 0; i < cpus; i++, at += sizeof(b)) {
		if (read_at(c, at, b, sizeof(b), "an option", e) ||
		    check_cpu(c, at, le_load(b, 4), b + 4, top, e))
			return -1;
	}
	if (check_section(c, section, OPTION_BUFFER, &compressed, e))
		return -1;
	if (top) {
		c->has_top = true;
		c->about->chunked = compressed;
		c->about->page_bytes = (u32)page_bytes;
	}
	return 0;
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

/* Options that say how recorded times become nanoseconds; others are passed over. */
static int check_time_option(struct check *c, u16 id, u64 at, u64 len, struct err *e)
{
	struct tracedat_time *t = &c->about->time;
	char text[64] = "";

	if (id != OPTION_DATE && id != OPTION_OFFSET && id != OPTION_TSC2NSEC &&
	    id != OPTION_TIME_SHIFT)
		return 0;
	if (read_at(c, at, text, min(len, (u64)sizeof(text) - 1), "an option", e))
		return -1;
	if (id == OPTION_TIME_SHIFT)
		return bad(c, at, e,
			   "times to be synchronised with a host's (option TIME_SHIFT): not "
			   "supported");
	if (id == OPTION_TSC2NSEC) {
		t->mult = (u32)le_load((const u8 *)text, 4);
		t->shift = (u32)le_load((const u8 *)text + 4, 4);
		if (len < 16 || t->shift > 32)
			return bad(c, at, e, "impossible option TSC2NSEC (damaged)");
		return 0;
	}
	/* DATE is in microseconds; both wrap as in trace-cmd. */
	t->offset_ns = (s64)((u64)t->offset_ns +
			     (u64)strtoll(text, NULL, 0) * (id == OPTION_DATE ? 1000 : 1));
	return 0;
}

static int check_option(struct check *c, u16 id, u64 at, u64 len, struct err *e)
{
	bool compressed;
	u8 b[8];

	if (id == OPTION_TRACECLOCK || id == OPTION_UNAME || id == OPTION_CPUSTAT)
		return keep_text(c, id, at, len, e);
	if (id == OPTION_BUFFER)
		return check_buffer(c, at, len, e);
	if (id < OPTION_SECTION_FIRST || id > OPTION_SECTION_LAST)
		return check_time_option(c, id, at, len, e);
	if (len < 8)
		return bad(c, at, e, "impossible option (damaged)");
	if (read_at(c, at, b, 8, "an option", e))
		return -1;
	return check_section(c, le_load(b, 8), id, &compressed, e);
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
	bool compressed;

	if (read_string(c, &at, text, sizeof(text), e))
		return -1;
	c->has_zstd = !strcmp(text, "zstd");
	if (!c->has_zstd && strcmp(text, "none"))
		return err_set(e,
			       "%s: offset %llu: compressed with '%.32s'; known are zstd and none",
			       c->path, (unsigned long long)at, text);
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
	if (!c->has_top)
		return bad(c, c->end, e, "no option names the records of a top instance");
	/* What no option names is the names of the sections, at the very end. */
	return c->end < c->size ? check_section(c, c->end, SECTION_STRINGS, &compressed, e) : 0;
}

/* Past a length of `width` bytes and as many bytes. */
static int skip_sized(const struct check *c, u64 *at, unsigned int width, struct err *e)
{
	u8 b[8];
	u64 len;

	if (read_at(c, *at, b, width, "the header", e))
		return -1;
	*at += width;
	len = le_load(b, width);
	if (len > c->size - *at)
		return bad(c, c->size, e, "the file ends inside the header (truncated?)");
	*at += len;
	return 0;
}

/* Past a number and as many event formats. */
static int skip_formats(const struct check *c, u64 *at, struct err *e)
{
	u8 b[4];

	if (read_at(c, *at, b, sizeof(b), "the event formats", e))
		return -1;
	*at += sizeof(b);
	for (u64 n = le_load(b, 4); n; n--)
		if (skip_sized(c, at, 8, e))
			return -1;
	return 0;
}

/* Past all that stands before the number of CPUs: formats, symbols, names. */
static int skip_v6_head(const struct check *c, u64 *at, struct err *e)
{
	char system[256];
	u8 b[4];

	*at += sizeof("header_page");
	if (skip_sized(c, at, 8, e))
		return -1;
	*at += sizeof("header_event");
	if (skip_sized(c, at, 8, e) || skip_formats(c, at, e) ||
	    read_at(c, *at, b, sizeof(b), "the event formats", e))
		return -1;
	*at += sizeof(b);
	for (u64 n = le_load(b, 4); n; n--)
		if (read_string(c, at, system, sizeof(system), e) || skip_formats(c, at, e))
			return -1;
	return skip_sized(c, at, 4, e) || skip_sized(c, at, 4, e) || skip_sized(c, at, 8, e) ? -1
											     : 0;
}

/* The options of version 6: number, length, value; number 0 is the end. */
static int check_v6_options(struct check *c, u64 *at, u64 *cpus, struct err *e)
{
	u8 b[4];
	u16 id;

	for (;;) {
		if (read_at(c, *at, b, 2, "the options", e))
			return -1;
		*at += 2;
		id = (u16)le_load(b, 2);
		if (id == OPTION_DONE)
			return 0;
		if (read_at(c, *at, b, 4, "the options", e) ||
		    check_time_option(c, id, *at + 4, le_load(b, 4), e))
			return -1;
		if (id == OPTION_CPUCOUNT) {
			if (read_at(c, *at + 4, b, 4, "the options", e))
				return -1;
			*cpus = le_load(b, 4);
		}
		if (skip_sized(c, at, 4, e))
			return -1;
	}
}

static int check_v6(struct check *c, u64 at, struct err *e)
{
	u8 b[16];
	u64 cpus;

	if (skip_v6_head(c, &at, e) || read_at(c, at, b, 14, "the header", e))
		return -1;
	cpus = le_load(b, 4);
	at += 14;
	if (!memcmp(b + 4, "options  ", 10)) {
		if (check_v6_options(c, &at, &cpus, e) ||
		    read_at(c, at, b + 4, 10, "the header", e))
			return -1;
		at += 10;
	}
	if (memcmp(b + 4, "flyrecord", 10))
		return bad(c, at - 10, e, "no records begin here (a latency trace, or damaged)");
	if (cpus > TRACEDAT_CPUS_MAX)
		return bad(c, at, e, "impossible number of CPUs (damaged)");
	for (u64 i = 0; i < cpus; i++, at += sizeof(b))
		if (read_at(c, at, b, sizeof(b), "the header", e) ||
		    check_cpu(c, at, i, b, true, e))
			return -1;
	return 0;
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
	if (!page_bytes_possible(le_load(b + 2, 4)))
		return bad(c, at + 2, e, "impossible page size (damaged)");
	c->about->page_bytes = (u32)le_load(b + 2, 4);
	return !strcmp(version, "7") ? check_v7(c, at + sizeof(b), e)
				     : check_v6(c, at + sizeof(b), e);
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
