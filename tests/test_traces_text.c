/*
 * Importing text: the same recording as text and as trace.dat gives the same requests; other
 * kernels' formats; what is damaged or cannot be used.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/recordings.h"
#include "tests/test.h"
#include "tests/text_lab.h"
#include "tests/tmp_dir.h"
#include "traces/kmt.h"
#include "traces/kmt_check.h"

#define SAMPLE "traces/samples/small-fstree.dat"

static char input[96], output[96], other[96];

static int begin(void **state)
{
	assert_int_equal(tmp_dir_make(state), 0);
	snprintf(input, sizeof(input), "%s/in.txt", tmp_dir);
	snprintf(output, sizeof(output), "%s/out.kmt", tmp_dir);
	snprintf(other, sizeof(other), "%s/other.kmt", tmp_dir);
	return 0;
}

static struct source *import_sound(const char *path, const char *to)
{
	struct err e = {{0}};
	struct source *s = import_file(path, to, &e) ? NULL : kmt_open(to, &e);

	if (!s || kmt_check(s, &e) || s->ops->rewind(s, &e))
		fail_msg("%s", e.msg);
	return s;
}

/* The next request of a stream that hands out blocks. */
struct stream {
	struct source *s;
	const struct request *batch;
	long nr, at;
};

static const struct request *next(struct stream *st)
{
	struct err e = {{0}};

	if (st->at == st->nr) {
		st->nr = st->s->ops->next(st->s, &st->batch, &e);
		st->at = 0;
		if (st->nr < 0)
			fail_msg("%s", e.msg);
	}
	return st->at < st->nr ? &st->batch[st->at++] : NULL;
}

/* All of two requests but padding, as far as the dialect tells it. */
static bool same_request(const struct request *a, const struct request *b, const struct dialect *d)
{
	return a->t_ns == b->t_ns && a->object == b->object && a->size == b->size &&
	       a->gfp == b->gfp && a->site == b->site && a->cpu == b->cpu &&
	       ((d && d->no_node) || a->node == b->node) && a->cache == b->cache &&
	       a->kind == b->kind && a->order == b->order && a->flags == b->flags;
}

static void compare_tables(const struct source_tables *a, const struct source_tables *b)
{
	assert_int_equal(a->nr_caches, b->nr_caches);
	for (unsigned int i = 0; i < a->nr_caches; i++) {
		assert_string_equal(a->caches[i].name, b->caches[i].name);
		assert_int_equal(a->caches[i].size, b->caches[i].size);
	}
	assert_int_equal(a->nr_sites, b->nr_sites);
	for (unsigned int i = 0; i < a->nr_sites; i++)
		assert_string_equal(a->sites[i], b->sites[i]);
	assert_int_equal(a->nr_marks, b->nr_marks);
	for (unsigned int i = 0; i < a->nr_marks; i++)
		assert_string_equal(a->marks[i].text, b->marks[i].text);
}

/* Requests and tables of both are equal; returns how many requests. */
static u64 compare(struct source *a, struct source *b, const struct dialect *d)
{
	struct stream sa = {.s = a}, sb = {.s = b};
	u64 n = 0;

	compare_tables(&a->tables, &b->tables);
	for (;; n++) {
		const struct request *ra = next(&sa), *rb = next(&sb);

		if (!ra && !rb)
			break;
		if (!ra || !rb || !same_request(ra, rb, d))
			fail_msg("%s: request %llu differs", d ? d->name : "text",
				 (unsigned long long)n);
	}
	assert_int_equal(n, a->tables.nr_requests);
	return n;
}

static void recordings(void **state)
{
	static const char *const names[] = {"small-fstree",    "small-forkstorm", "small-pressure",
					    "small-hackbench", "small-zram",	  "boot"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *folder = recording_path(names[i]);
		char *dat = mem_print("%s/trace.dat", folder);
		char *text = mem_print("%s/trace.txt.zst", folder);
		struct source *a, *b;
		u64 n;

		a = import_sound(dat, output);
		b = import_sound(text, other);
		n = compare(a, b, NULL);
		assert_int_equal(kmt_meta(a)->nr_events, kmt_meta(b)->nr_events);
		assert_int_equal(kmt_meta(a)->stats.nr_events, kmt_meta(b)->stats.nr_events);
		assert_int_equal(kmt_meta(a)->nr_cpus, kmt_meta(b)->nr_cpus);
		print_message("%s: %llu requests, the same of text\n", names[i],
			      (unsigned long long)n);
		a->ops->close(a);
		b->ops->close(b);
		free(folder);
		free(dat);
		free(text);
	}
}

/* The sample, printed as trace-cmd does. */
static void sample(void **state)
{
	struct source *a = import_sound(SAMPLE, output), *b;
	struct lab_lines ls;

	(void)state;
	lab_lines_read(&ls, SAMPLE, UINT32_MAX >> 8);
	lab_lines_write(&ls, &dialects[0], input);
	b = import_sound(input, other);
	assert_int_equal(ls.nr, kmt_meta(a)->stats.nr_events);
	assert_int_equal(ls.nr, kmt_meta(b)->stats.nr_events);
	compare(a, b, NULL);
	a->ops->close(a);
	b->ops->close(b);
	lab_lines_free(&ls);
}

/* Each dialect with times as exact as these lines' against the first. */
static void compare_dialects(const struct lab_lines *ls, bool micro)
{
	struct source *a, *b;

	lab_lines_write(ls, &dialects[0], input);
	a = import_sound(input, output);
	for (const struct dialect *d = dialects + 1; d->name; d++) {
		struct err e;

		if (d->micro != micro)
			continue;
		lab_lines_write(ls, d, input);
		b = import_sound(input, other);
		assert_int_equal(kmt_meta(b)->stats.nr_events, ls->nr);
		assert_int_equal(kmt_meta(b)->nr_cpus, 4);
		assert_int_equal(a->ops->rewind(a, &e), 0);
		compare(a, b, d);
		b->ops->close(b);
	}
	a->ops->close(a);
}

/* What tools and kernels write differently is the same to an import. Times are truncated for those
 * that know microseconds only: the repair goes by age as well. */
static void drift(void **state)
{
	struct lab_lines ls;

	(void)state;
	lab_lines_read(&ls, SAMPLE, 30000);
	compare_dialects(&ls, false);
	for (u32 i = 0; i < ls.nr; i++)
		ls.lines[i].t_ns -= ls.lines[i].t_ns % 1000;
	compare_dialects(&ls, true);
	lab_lines_free(&ls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sample),
		cmocka_unit_test(drift),
		cmocka_unit_test(recordings),
	};

	return cmocka_run_group_tests(tests, begin, tmp_dir_remove);
}
