/*
 * Importing trace.dat: the samples, whole and damaged; the recordings beside the repository, if
 * there.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/rng.h"
#include "tests/recordings.h"
#include "tests/test.h"
#include "tests/tmp_dir.h"
#include "traces/import.h"
#include "traces/kmt.h"
#include "traces/kmt_check.h"

#define SAMPLE "traces/samples/small-fstree.dat"

static char input[80], output[80];

static int begin(void **state)
{
	assert_int_equal(tmp_dir_make(state), 0);
	snprintf(input, sizeof(input), "%s/in.dat", tmp_dir);
	snprintf(output, sizeof(output), "%s/out.kmt", tmp_dir);
	return 0;
}

static int import(const char *path, struct err *e)
{
	struct import_options o = {0};
	struct new_file nf;

	unlink(output);
	assert_int_equal(new_file_open(&nf, output, e), 0);
	if (import_trace(path, nf.f, &o, e)) {
		new_file_abort(&nf);
		return -1;
	}
	return new_file_commit(&nf, e);
}

/* Opens a .kmt that must be whole and sound. */
static struct source *open_sound(const char *path)
{
	struct err e = {{0}};
	struct source *s = kmt_open(path, &e);

	if (!s || kmt_check(s, &e))
		fail_msg("%s", e.msg);
	return s;
}

static u64 count_of(const struct kmt_meta *m, const char *name)
{
	for (unsigned int i = 0; i < m->nr_events; i++)
		if (!strcmp(m->events[i].name, name))
			return m->events[i].count;
	return 0;
}

/* "COUNT NAME" a line, with or without a colon behind the name: exactly the events of the file. */
static void compare_counts(const struct kmt_meta *m, const char *path)
{
	struct err e = {{0}};
	size_t n;
	char *text = file_read(path, &n, &e), *line, *rest = text;
	unsigned int lines = 0;

	if (!text)
		fail_msg("%s", e.msg);
	while ((line = strtok_r(rest, "\n", &rest))) {
		char name[64];
		unsigned long long count;

		assert_int_equal(sscanf(line, "%llu %63[^:\n]", &count, name), 2);
		if (count_of(m, name) != count)
			fail_msg("%s: %s: expected %llu, was %llu", path, name, count,
				 (unsigned long long)count_of(m, name));
		lines++;
	}
	assert_int_equal(lines, m->nr_events);
	free(text);
}

/* What must hold between the numbers of any import. */
static void compare_stats(const struct kmt_meta *m)
{
	const struct import_stats *s = &m->stats;
	const u64 *r = m->requests;

	assert_int_equal(s->orphan_frees, s->orphan_births + s->bulk_births +
						  s->orphan_page_births + s->bulk_page_births +
						  s->moved_page_frees);
	assert_int_equal(s->live_at_end, r[REQ_KMALLOC] - r[REQ_KFREE] + r[REQ_CACHE_ALLOC] -
						 r[REQ_CACHE_FREE] + r[REQ_PAGE_ALLOC] -
						 r[REQ_PAGE_FREE] + r[REQ_STORE_ALLOC] -
						 r[REQ_STORE_FREE]);
	assert_int_equal(s->lost_events, 0);
	/* The trace's own ground truth: the verdict on slab pages was right at least for 99.8 %. */
	assert_true(s->truth_missed * 500 <= s->truth_slab_pages);
}

static void sample_kmts(void **state)
{
	static const char *const names[] = {"boot", "fstree", "small-hackbench", "small-pressure",
					    "small-zram"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[256];
		struct source *s;

		snprintf(path, sizeof(path), "traces/samples/%s.kmt", names[i]);
		s = open_sound(path);
		snprintf(path, sizeof(path), "traces/samples/%s.events", names[i]);
		compare_counts(kmt_meta(s), path);
		compare_stats(kmt_meta(s));
		s->ops->close(s);
	}
}

static void sample_dat(void **state)
{
	const struct kmt_meta *m;
	struct source *s;
	struct err e = {{0}};

	(void)state;
	if (import(SAMPLE, &e))
		fail_msg("%s", e.msg);
	s = open_sound(output);
	m = kmt_meta(s);
	compare_counts(m, "traces/samples/small-fstree.events");
	compare_stats(m);
	assert_string_equal(m->source_name, "small-fstree.dat");
	assert_string_equal(m->importer, "tracedat");
	assert_string_equal(m->clock, "mono");
	assert_says(m->kernel, "6.1.0-50-amd64");
	assert_int_equal(m->nr_cpus, 4);
	assert_int_equal(m->stats.truth_missed, 0);
	assert_int_equal(m->stats.truth_wrong, 0);
	assert_int_equal(m->requests[REQ_SHRINK], 2);
	s->ops->close(s);
}

/* Twice the same input, twice the same bytes. */
static void deterministic(void **state)
{
	size_t a_n, b_n;
	char *a, *b;
	struct err e;

	(void)state;
	assert_int_equal(import(SAMPLE, &e), 0);
	a = file_read(output, &a_n, &e);
	assert_int_equal(import(SAMPLE, &e), 0);
	b = file_read(output, &b_n, &e);
	assert_int_equal(a_n, b_n);
	assert_memory_equal(a, b, a_n);
	free(a);
	free(b);
}

static void recordings(void **state)
{
	static const char *const names[] = {"boot",	      "fstree",		 "forkstorm",
					    "small-fstree",   "small-forkstorm", "small-hackbench",
					    "small-pressure", "small-zram"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *folder = recording_path(names[i]);
		char *trace = mem_print("%s/trace.dat", folder);
		char *counts = mem_print("%s/event_counts", folder);
		struct err e = {{0}};
		struct source *s;

		if (import(trace, &e))
			fail_msg("%s", e.msg);
		s = open_sound(output);
		compare_counts(kmt_meta(s), counts);
		compare_stats(kmt_meta(s));
		print_message("%s: %llu events, all counts equal\n", names[i],
			      (unsigned long long)kmt_meta(s)->stats.nr_events);
		s->ops->close(s);
		free(folder);
		free(trace);
		free(counts);
	}
}

static void put_input(const char *data, size_t n)
{
	FILE *f;

	unlink(input);
	f = fopen(input, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* Refused with one line that names the file; nothing left behind. */
static void expect_refused(const char *words)
{
	struct err e = {{0}};

	assert_int_equal(import(input, &e), -1);
	assert_says(e.msg, input);
	assert_says(e.msg, words);
	assert_null(strchr(e.msg, '\n'));
	assert_int_equal(access(output, F_OK), -1);
}

static void truncated(void **state)
{
	struct err e;
	size_t n;
	char *data = file_read(SAMPLE, &n, &e);

	(void)state;
	put_input(data, 0);
	expect_refused("the file is empty");
	put_input(data, 5);
	expect_refused("offset 0: no importer knows this kind of file");
	put_input(data, 20);
	expect_refused("truncated");
	for (size_t i = 1; i < 12; i++) {
		put_input(data, n * i / 12);
		expect_refused("offset");
	}
	put_input(data, n - 1);
	expect_refused("offset");
	free(data);
}

/* The format has no checksums, so some flips pass; what passes must be sound. */
static void flipped(void **state)
{
	struct err e;
	size_t n;
	char *data = file_read(SAMPLE, &n, &e);
	struct rng r;

	(void)state;
	rng_init(&r, 1, "import", "flip");
	for (int i = 0; i < 40; i++) {
		/* A third each: anywhere, headers and options, the events of the CPUs. */
		size_t at = i % 3 == 0	 ? rng_below(&r, n)
			    : i % 3 == 1 ? (i % 2 ? rng_below(&r, 100) : n - 1 - rng_below(&r, 200))
					 : n / 2 + rng_below(&r, n / 2);
		char bit = (char)(1 << rng_below(&r, 8));

		data[at] ^= bit;
		put_input(data, n);
		if (import(input, &e)) {
			assert_says(e.msg, input);
			assert_int_equal(access(output, F_OK), -1);
		} else {
			struct source *s = open_sound(output);

			s->ops->close(s);
		}
		data[at] ^= bit;
	}
	free(data);
}

static void foreign(void **state)
{
	struct err e = {{0}};

	(void)state;
	assert_int_equal(import("/nonexistent/trace.dat", &e), -1);
	assert_says(e.msg, "/nonexistent/trace.dat: cannot open");
	assert_int_equal(import(tmp_dir, &e), -1);
	assert_says(e.msg, "is a directory");
	assert_int_equal(import("traces/samples/fstree.kmt", &e), -1);
	assert_says(e.msg, "this is a .kmt trace already");
	assert_int_equal(import("Makefile", &e), -1);
	assert_says(e.msg, "no importer knows this kind of file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sample_kmts),	 cmocka_unit_test(sample_dat),
		cmocka_unit_test(deterministic), cmocka_unit_test(recordings),
		cmocka_unit_test(truncated),	 cmocka_unit_test(flipped),
		cmocka_unit_test(foreign),
	};

	return cmocka_run_group_tests(tests, begin, tmp_dir_remove);
}
