/*
 * The records of a trace.dat, read a chunk at a time: every form they come in, damage in each part
 * of them, and memory that does not grow with the trace. All made of the sample.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zstd.h>

#include "lib/file.h"
#include "tests/test.h"
#include "traces/bytes.h"
#include "traces/import.h"
#include "traces/kmt.h"
#include "traces/tracedat_cpu.h"

#if defined(__SANITIZE_ADDRESS__)
#define SHADOWED /* the sanitizer's own memory would be measured */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SHADOWED
#endif
#endif

#define SAMPLE "traces/samples/small-fstree.dat"
#define SPAN_NS 8000000000ULL /* longer than the sample: repetitions follow each other */
#define PAGE 4096
#define REPETITIONS 8
/*
 * For 70 MiB of pages. Half a MiB a repetition is no page: what is seen freed but not allocated is
 * so in each of them, and stays until the second pass (struct late_record).
 */
#define MORE_KIB_MAX 16384
#define VERSION_TEXT "3.1.6 not-a-git-repo" /* of the option VERSION, with its NUL 21 bytes */

static char dir[] = "/tmp/kmemsim-test-XXXXXX";
static char input[64], output[64];
static struct tracedat_about about; /* of the sample */
static char *sample;
static size_t sample_n;

static int begin(void **state)
{
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(input, sizeof(input), "%s/in.dat", dir);
	snprintf(output, sizeof(output), "%s/out.kmt", dir);
	sample = file_read(SAMPLE, &sample_n, &e);
	assert_non_null(sample);
	assert_int_equal(tracedat_check(SAMPLE, &about, &e), 0);
	assert_true(about.chunked);
	assert_int_equal(about.page_bytes, PAGE);
	return 0;
}

static int end(void **state)
{
	(void)state;
	free(sample);
	unlink(input);
	unlink(output);
	rmdir(dir);
	return 0;
}

static void put_input(const void *data, size_t n)
{
	FILE *f = fopen(input, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static int import(struct err *e)
{
	struct import_options o = {0};
	struct new_file nf;

	assert_int_equal(new_file_open(&nf, output, e), 0);
	if (import_trace(input, nf.f, &o, e)) {
		new_file_abort(&nf);
		return -1;
	}
	return new_file_commit(&nf, e);
}

/* Imports what has been put; the number of events in it. */
static u64 import_events(u64 *t_first_ns)
{
	struct err e = {{0}};
	struct source *s;
	u64 nr;

	if (import(&e))
		fail_msg("%s", e.msg);
	s = kmt_open(output, &e);
	assert_non_null(s);
	nr = kmt_meta(s)->stats.nr_events;
	if (t_first_ns)
		*t_first_ns = kmt_meta(s)->stats.t_first_ns;
	s->ops->close(s);
	return nr;
}

static u64 events_of(const void *data, size_t n, u64 *t_first_ns)
{
	put_input(data, n);
	return import_events(t_first_ns);
}

static void expect_refused(const void *data, size_t n, const char *words)
{
	struct err e = {{0}};

	put_input(data, n);
	assert_int_equal(import(&e), -1);
	assert_says(e.msg, input);
	assert_says(e.msg, words);
	assert_null(strchr(e.msg, '\n'));
}

/* All pages of a CPU. */
static void unpack(unsigned int cpu, struct bytes *pages)
{
	const u8 *at = (const u8 *)sample + about.cpus[cpu].offset;
	u64 n = le_load(at, 4);

	for (at += 4; n; n--) {
		u64 packed = le_load(at, 4), size = le_load(at + 4, 4);

		bytes_reserve(pages, size);
		assert_int_equal(ZSTD_decompress(pages->data + pages->n, size, at + 8, packed),
				 size);
		pages->n += size;
		at += 8 + packed;
	}
}

/* Adds pages as one more chunk, SPAN_NS * turn later. */
static void put_chunk(struct bytes *out, u8 *pages, size_t n, u64 turn)
{
	size_t room = ZSTD_compressBound(n), packed;

	for (size_t at = 0; at < n; at += PAGE)
		le_store(pages + at, le_load(pages + at, 8) + SPAN_NS * turn, 8);
	bytes_reserve(out, 8 + room);
	packed = ZSTD_compress(out->data + out->n + 8, room, pages, n, 1);
	assert_false(ZSTD_isError(packed));
	le_store(out->data + out->n, packed, 4);
	le_store(out->data + out->n + 4, n, 4);
	out->n += 8 + packed;
	for (size_t at = 0; at < n; at += PAGE)
		le_store(pages + at, le_load(pages + at, 8) - SPAN_NS * turn, 8);
}

/* Where the option BUFFER of `out` describes a CPU. */
static u8 *span_at(const struct bytes *out, unsigned int cpu)
{
	u8 key[20], *at;

	le_store(key, cpu, 4);
	le_store(key + 4, about.cpus[cpu].offset, 8);
	le_store(key + 12, about.cpus[cpu].size, 8);
	at = (u8 *)memmem(sample, sample_n, key, sizeof(key));
	assert_non_null(at);
	return out->data + (at - (u8 *)sample);
}

/* A CPU's records now begin at `from` and go on to the end. */
static void name_span(struct bytes *out, unsigned int cpu, u64 from, size_t count_bytes)
{
	u8 *at = span_at(out, cpu);

	le_store(at + 4, from, 8);
	le_store(at + 12, out->n - from - count_bytes, 8);
}

/* The sample, `turns` times one after the other. */
static void repeat(struct bytes *out, unsigned int turns)
{
	bytes_put(out, sample, sample_n);
	for (unsigned int c = 0; c < about.nr_cpus; c++) {
		struct bytes pages = {0};
		u64 from = out->n, nr = 0;

		unpack(c, &pages);
		bytes_put_le(out, 0, 4);
		for (u64 turn = 0; turn < turns; turn++)
			for (size_t at = 0; at < pages.n; at += 10 * PAGE, nr++)
				put_chunk(out, pages.data + at,
					  min(pages.n - at, (size_t)10 * PAGE), turn);
		le_store(out->data + from, nr, 4);
		name_span(out, c, from, 4);
		bytes_free(&pages);
	}
}

/* The sample with its records as they are, after a change to the first page of a CPU. */
static void plain(struct bytes *out, void (*change)(u8 *page))
{
	u8 *section;

	bytes_put(out, sample, sample_n);
	/* offset of the section, "", "mono", page size, number of CPUs, then CPU 0 */
	section = out->data + le_load(span_at(out, 0) - 8 - sizeof("mono") - 1 - 8, 8);
	assert_int_equal(le_load(section, 2), 3);
	le_store(section + 2, 0, 2);
	for (unsigned int c = 0; c < about.nr_cpus; c++) {
		struct bytes pages = {0};
		u64 from = out->n;

		unpack(c, &pages);
		if (c == 1 && change)
			change(pages.data);
		bytes_put(out, pages.data, pages.n);
		name_span(out, c, from, 0);
		bytes_free(&pages);
	}
}

/* The sample in version 6: what the sections hold, one after the other. */
static void version_6(struct bytes *out)
{
	static const u8 head[] = "\x17\x08\x44tracing6";
	const u8 *at = (const u8 *)sample + 18 + sizeof("zstd") + sizeof("1.5.4") + 8, *h = at;
	u64 table;

	assert_int_equal(le_load(at, 2), 16);
	bytes_put(out, head, sizeof(head));
	bytes_put(out, sample + 12, 6);
	for (u64 id; (id = le_load(at, 2)) != 0; at += 16 + le_load(at + 8, 8)) {
		if (id < 16 || id > 21)
			continue;
		h = at + 16;
		bytes_reserve(out, le_load(h + 4, 4));
		out->n += ZSTD_decompress(out->data + out->n, le_load(h + 4, 4), h + 8,
					  le_load(h, 4));
	}
	bytes_put_le(out, about.nr_cpus, 4);
	bytes_put(out, "options  ", 10);
	bytes_put_le(out, 7, 2); /* OFFSET */
	bytes_put_le(out, 4, 4);
	bytes_put(out, "100", 4);
	bytes_put_le(out, 0, 2);
	bytes_put(out, "flyrecord", 10);
	table = out->n;
	for (unsigned int c = 0; c < about.nr_cpus; c++)
		for (int i = 0; i < 2; i++)
			bytes_put_le(out, 0, 8);
	for (unsigned int c = 0; c < about.nr_cpus; c++) {
		struct bytes pages = {0};

		unpack(c, &pages);
		le_store(out->data + table + 16 * c, out->n, 8);
		le_store(out->data + table + 16 * c + 8, pages.n, 8);
		bytes_put(out, pages.data, pages.n);
		bytes_free(&pages);
	}
}

static void forms(void **state)
{
	struct bytes chunks = {0}, pages = {0}, six = {0};
	u64 t_ns, t6_ns, nr = events_of(sample, sample_n, &t_ns);

	(void)state;
	repeat(&chunks, 1);
	assert_int_equal(events_of(chunks.data, chunks.n, NULL), nr);
	plain(&pages, NULL);
	assert_int_equal(events_of(pages.data, pages.n, NULL), nr);
	version_6(&six);
	assert_int_equal(events_of(six.data, six.n, &t6_ns), nr);
	assert_int_equal(t6_ns, t_ns + 100);
	for (size_t i = 1; i < 40; i++)
		expect_refused(six.data, six.n * i / 40, "offset");
	bytes_free(&chunks);
	bytes_free(&pages);
	bytes_free(&six);
}

/* Recorded time to ns: options put in the place of the option VERSION. */
static void times(void **state)
{
	u8 *at = (u8 *)memmem(sample, sample_n, VERSION_TEXT, sizeof(VERSION_TEXT)), old[21];
	u64 t_ns, t;

	(void)state;
	assert_non_null(at);
	memcpy(old, at, sizeof(old));
	events_of(sample, sample_n, &t_ns);
	memcpy(at, "-1000", 6);
	at[-6] = 7; /* OFFSET, in ns */
	events_of(sample, sample_n, &t);
	assert_int_equal(t, t_ns - 1000);
	memcpy(at, "0x10", 5);
	at[-6] = 1; /* DATE, in us */
	events_of(sample, sample_n, &t);
	assert_int_equal(t, t_ns + 16000);
	at[-6] = 14; /* TSC2NSEC */
	le_store(at, 3, 4);
	le_store(at + 4, 1, 4);
	events_of(sample, sample_n, &t);
	assert_int_equal(t, t_ns * 3 / 2);
	le_store(at + 4, 33, 4);
	expect_refused(sample, sample_n, "impossible option TSC2NSEC");
	at[-6] = 12; /* TIME_SHIFT */
	expect_refused(sample, sample_n, "option TIME_SHIFT");
	at[-6] = 9;
	memcpy(at, old, sizeof(old));
}

static void damaged_chunks(void **state)
{
	u8 *at = (u8 *)sample + about.cpus[1].offset;
	char here[64];
	struct {
		unsigned int at;
		u64 value;
		const char *words;
	} cases[] = {
		{0, le_load(at, 4) + 1, "CPU 1: offset"},
		{0, UINT32_MAX, "CPU 1: offset"},
		{0, le_load(at, 4) - 1, "CPU 1: only"},
		{4, le_load(at + 4, 4) + 1, here},
		{4, UINT32_MAX, here},
		{4, 0, here},
		{8, 0, here},
		{8, UINT32_MAX, here},
		{8, le_load(at + 8, 4) + 1, here},
		{8, le_load(at + 8, 4) + PAGE, here},
		{12, 0, here},
		{40, 0x55555555, here},
	};

	(void)state;
	snprintf(here, sizeof(here),
		 "CPU 1: offset %llu: ", (unsigned long long)about.cpus[1].offset + 4);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 old = le_load(at + cases[i].at, 4);

		le_store(at + cases[i].at, cases[i].value, 4);
		expect_refused(sample, sample_n, cases[i].words);
		le_store(at + cases[i].at, old, 4);
	}
}

static void commit_too_large(u8 *page)
{
	le_store(page + 8, PAGE - 15, 4);
}
static void commit_of_a_part(u8 *page)
{
	le_store(page + 8, le_load(page + 8, 4) - 4, 4);
}
static void lost_outside(u8 *page)
{
	le_store(page + 8, 0xc0000000U | (PAGE - 20), 4);
}
static void length_of_zero(u8 *page)
{
	memset(page + 16, 0, 8);
}

static void length_beyond_page(u8 *page)
{
	le_store(page + 16, 0, 4);
	le_store(page + 20, 0x7ffffff0, 4);
}

/* kbuffer would go round in circles. */
static void padding_backwards(u8 *page)
{
	le_store(page + 16, 29, 4);
	le_store(page + 20, (u32)-4, 4);
}

static void damaged_pages(void **state)
{
	static void (*const change[])(u8 * page) = {
		commit_too_large, commit_of_a_part,   lost_outside,
		length_of_zero,	  length_beyond_page, padding_backwards,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(change); i++) {
		struct bytes out = {0};
		char here[64];

		plain(&out, change[i]);
		snprintf(here, sizeof(here), "CPU 1: offset %llu: ",
			 (unsigned long long)le_load(span_at(&out, 1) + 4, 8));
		expect_refused(out.data, out.n, here);
		bytes_free(&out);
	}
}

#ifdef SHADOWED
static void memory(void **state)
{
	(void)state;
	skip_shadowed();
}
#else
/* KiB that the largest import so far has had; it runs in a process of its own. */
static long rss_max_kib(void)
{
	struct rusage u;

	assert_int_equal(getrusage(RUSAGE_CHILDREN, &u), 0);
	return u.ru_maxrss;
}

/* Was: every page read stayed in memory, ten MiB for each repetition. */
static void memory(void **state)
{
	struct bytes out = {0};
	long once_kib;
	u64 nr = events_of(sample, sample_n, NULL);

	(void)state;
	once_kib = rss_max_kib();
	repeat(&out, REPETITIONS);
	put_input(out.data, out.n);
	bytes_free(&out);
	malloc_trim(0); /* the importing process begins with a copy of this one */
	assert_int_equal(import_events(NULL), nr * REPETITIONS);
	print_message("%llu events: %ld KiB, %d times as many: %ld KiB\n", (unsigned long long)nr,
		      once_kib, REPETITIONS, rss_max_kib());
	assert_in_range(rss_max_kib(), once_kib, once_kib + MORE_KIB_MAX);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory), /* first: it measures the largest import so far */
		cmocka_unit_test(forms),	  cmocka_unit_test(times),
		cmocka_unit_test(damaged_chunks), cmocka_unit_test(damaged_pages),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
