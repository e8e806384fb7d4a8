/*
 * Text that is odd, cannot be used, or is damaged: what is said of it, and that nothing crashes.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "lib/file.h"
#include "lib/mem.h"
#include "lib/rng.h"
#include "tests/test.h"
#include "tests/text_lab.h"
#include "tests/tmp_dir.h"
#include "traces/import.h"
#include "traces/kmt.h"
#include "traces/kmt_check.h"

#define SAMPLE "traces/samples/small-fstree.dat"

static char input[96], output[96];

static int begin(void **state)
{
	assert_int_equal(tmp_dir_make(state), 0);
	snprintf(input, sizeof(input), "%s/in.txt", tmp_dir);
	snprintf(output, sizeof(output), "%s/out.kmt", tmp_dir);
	return 0;
}

static void put(const void *data, size_t n)
{
	FILE *f = fopen(input, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static int import(const char *text, const char *from, struct err *e)
{
	struct import_options o = {.from = from};
	struct new_file nf;

	put(text, strlen(text));
	unlink(output);
	assert_int_equal(new_file_open(&nf, output, e), 0);
	if (import_trace(input, nf.f, &o, e)) {
		new_file_abort(&nf);
		return -1;
	}
	return new_file_commit(&nf, e);
}

/* The .kmt of a text that must be good. */
static struct source *imported(const char *text)
{
	struct err e = {{0}};
	struct source *s = import(text, NULL, &e) ? NULL : kmt_open(output, &e);

	if (!s || kmt_check(s, &e) || s->ops->rewind(s, &e))
		fail_msg("%s: %s", text, e.msg);
	return s;
}

/* Refused at LINE:COLUMN, in one line. */
static void refused(const char *text, const char *place, const char *words)
{
	struct err e = {{0}};
	char at[128];

	if (!import(text, NULL, &e))
		fail_msg("taken: %s", text);
	snprintf(at, sizeof(at), "%s:%s: ", input, place);
	assert_says(e.msg, at);
	assert_says(e.msg, words);
	assert_null(strchr(e.msg, '\n'));
	assert_int_equal(access(output, F_OK), -1);
}

#define KMALLOC                                                                                    \
	"kmalloc: call_site=f+0x1 ptr=0xffff888005078000 bytes_req=60 bytes_alloc=64 "             \
	"gfp_flags=GFP_KERNEL\n"

/* What may stand before an event: the CPU tells whether it was understood. */
static void prefixes(void **state)
{
	static const char *const lines[] = {
		"a-1 [003] 1.000001: " KMALLOC,
		"          <idle>-0     [003]     0.000000000: " KMALLOC,
		"   kworker/u8:3-1234567 [003]  12.826394: " KMALLOC,
		" Web Content 1.5: x-77 [003] .....   12.826394: " KMALLOC,
		" a [001] 2.2: b-12-13 [003] d.h1.   12.826394: " KMALLOC,
		" [002] -14 [003] d..2   12.826394: " KMALLOC,
		" -15 [003] dNh2  12.826394: " KMALLOC,
		"  systemd-1       (      1) [003] ...1.   12.826394: " KMALLOC,
		"  systemd-1       (-------) [003] ....   12.826394: " KMALLOC,
		"   <...>-9       (  9-9)  [003] ....   12.826394: " KMALLOC,
		"  init-1       3.....    12.826394670: " KMALLOC,
		"  init-1       3d.s1.    12.826394: " KMALLOC,
		"  clock-1   [003] 1234567890123: " KMALLOC, /* a clock that counts nanoseconds */
		"perf 12 [003] 12.826394: kmem:" KMALLOC,
		"a b-3 4 12 [003] 12.826394:   kmem:" KMALLOC,
		":-1 -1 [003] 12.826394:      1 kmem:" KMALLOC,
		"swapper 0/0 [003] K 12.826394:      1 kmem:" KMALLOC,
		"# cmdline\n#\nls 12/13 [003] 12.826394670:  kmem:" KMALLOC,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct source *s = imported(lines[i]);
		const struct request *r;
		struct err e;

		assert_int_equal(s->ops->next(s, &r, &e), 1);
		if (r->cpu != 3 || r->size != 60)
			fail_msg("CPU %u: %s", r->cpu, lines[i]);
		s->ops->close(s);
	}
}

/* Values as kernels write them. */
static void values(void **state)
{
	static const struct {
		const char *fields;
		u32 gfp;
		const char *site;
	} cases[] = {
		{"call_site=f+0x1/0x80 ptr=ffff888005078000 bytes_req=8 bytes_alloc=8 gfp_flags=",
		 0, "f+0x1"},
		{"call_site=f+0x1/0x80 [ext4] ptr=0xffff888005078000 bytes_req=8 bytes_alloc=8 "
		 "gfp_flags=0x0",
		 0, "f+0x1"},
		{"call_site=ffffffff811c5d5a ptr=ffff888005078000 bytes_req=8 bytes_alloc=8 "
		 "gfp_flags=(none)",
		 0, "0xffffffff811c5d5a"},
		{"(sym+0x5a) call_site=ffffffff811c5d5a ptr=0xffff888005078000 bytes_req=8 "
		 "bytes_alloc=8 gfp_flags=none",
		 0, "sym+0x5a"},
		{"call_site=0xffffffff811c5d5a ptr=0xFFFF888005078000 bytes_req=8 bytes_alloc=8 "
		 "gfp_flags=GFP_KERNEL|0x100 node=1 accounted=false",
		 GFP_KERNEL | __GFP_ZERO, "0xffffffff811c5d5a"},
		{"call_site=f+0x1 ptr=0xffff888005078000 name=a b bytes_req=8 bytes_alloc=8 "
		 "gfp_flags=GFP_NOFS|__GFP_NEW_IN_2030",
		 GFP_NOFS, "f+0x1"},
		{"call_site=f+0x1 ptr=0xffff888005078000 bytes_req=8 bytes_alloc=8 "
		 "gfp_flags=GFP_WAIT|GFP_REPEAT|GFP_ZERO node=-1",
		 __GFP_RECLAIM | __GFP_RETRY_MAYFAIL | __GFP_ZERO, "f+0x1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[512];
		const struct request *r;
		struct source *s;
		struct err e;

		snprintf(text, sizeof(text), "a-1 [000] 1.0: kmalloc_node: %s\n", cases[i].fields);
		s = imported(text);
		assert_int_equal(s->ops->next(s, &r, &e), 1);
		if (r->gfp != cases[i].gfp)
			fail_msg("%s: gfp 0x%x, not 0x%x", cases[i].fields, r->gfp, cases[i].gfp);
		assert_string_equal(s->tables.sites[r->site], cases[i].site);
		s->ops->close(s);
	}
}

static char *headed(unsigned int nr_notes)
{
	char *text = mem_alloc(nr_notes * 4UL + 256, 1), *at = text;

	for (unsigned int i = 0; i < nr_notes; i++)
		at = stpcpy(at, "# x\n");
	stpcpy(at, "a-1 [003] 1.000001: " KMALLOC);
	return text;
}

/*
 * However many lines of '#' come first; beyond what is looked at, the user has to say what it is.
 */
static void long_headers(void **state)
{
	char *some = headed(5000), *many = headed(100000);
	struct source *s;
	struct err e = {{0}};

	(void)state;
	s = imported(some);
	assert_int_equal(kmt_meta(s)->stats.nr_events, 1);
	s->ops->close(s);
	assert_int_equal(import(many, NULL, &e), -1);
	assert_says(e.msg, "no importer knows");
	assert_int_equal(import(many, "ftrace", &e), 0);
	assert_int_equal(import(many, "perf", &e), -1);
	assert_says(e.msg, ":100001:");
	free(some);
	free(many);
}

/* What is no event is noted, passed over, or the end. */
static void notes(void **state)
{
	struct source *s = imported(
		"cpus=8\nCPU 2 is empty\na-1 [003] 1.000001: " KMALLOC
		"CPU:3 [LOST 123 EVENTS]\nCPU:1 [7 EVENTS DROPPED]\nCPU:1 [EVENTS DROPPED]\n"
		"a-1 [003] 1.1: sched_switch: prev=1 next=2\n more of it\n\n"
		"a-1 [003] 1.2: mm_compaction_begin: zone_start=0x1 mode=sync\n"
		"a-1 [003] 1.3: print: tracing_mark_write: hello\nworld: x\n"
		"a-1 [003] 1.4: kernel_stack:\n => kfree+0x1\n");

	(void)state;
	assert_int_equal(kmt_meta(s)->nr_cpus, 8);
	assert_int_equal(kmt_meta(s)->stats.lost_events, 131);
	assert_int_equal(kmt_meta(s)->stats.nr_events, 5);
	assert_int_equal(s->tables.nr_marks, 1);
	assert_string_equal(s->tables.marks[0].text, "hello");
	s->ops->close(s);
	s = imported("ls 1 [000] 1.0: kmem:" KMALLOC
		     "\tffffffff81 f\n\nls 1 [000] 1.1: PERF_RECORD_LOST lost 5\n"
		     "ls 1 [000] 1.2: probe:kmalloc: (ffffffff81) x=1\n");
	assert_int_equal(kmt_meta(s)->stats.lost_events, 5);
	assert_int_equal(s->tables.nr_requests, 1);
	s->ops->close(s);
}

#define LINE "a-1 [000] 1.0: "

static void mistakes(void **state)
{
	(void)state;
	refused("cpus=4\n" LINE "kfree: call_site=f+0x1 ptr=00000000abcdef12\n", "2:43",
		"a hashed pointer, no address. Record with trace-cmd");
	refused(LINE "kfree: call_site=f+0x1 ptr=(____ptrval____)\n", "1:43", "no_hash_pointers");
	refused(LINE KMALLOC LINE "kfree: ptr=0xffff88zz\n", "2:27", "0xffff88zz: no pointer");
	refused(LINE "kfree: ptr=(nil)zz\n", "1:32", "ptr=zz: this does not belong there");
	refused(LINE "kfree: ptr=zz\n", "1:27", "ptr=zz: no pointer");
	refused(LINE "kfree: call_site=f+0x1\n", "1:38", "kfree: its field 'ptr' is missing");
	refused(LINE "mm_page_free: page=0x1 pfn=0x12g order=0\n", "1:47", "pfn=g");
	refused(LINE "mm_page_free: page=0x1 pfn=12 order=-1\n", "1:52", "order=-1: no number");
	refused(LINE "mm_page_free: pfn=99999999999999999999 order=1\n", "1:34", "out of range");
	refused(LINE "mm_page_alloc: page=0x1 pfn=1 order=0 migratetype=0\n", "1:67",
		"'gfp_flags' is missing");
	refused(LINE "mm_page_alloc: pfn=1 order=0 gfp_flags=KERNEL\n", "1:55",
		"gfp_flags=KERNEL: no allocation flags");
	refused(LINE KMALLOC "a-1 [000] 1.0 kfree: ptr=(nil)\n", "2:1",
		"no event: it should begin 'COMM-PID [CPU] SECONDS: EVENT:'");
	refused(LINE KMALLOC "a-1 [x] 1.0: kfree: ptr=(nil)\n", "2:7", "no event");
	refused(LINE KMALLOC LINE "kfree: ptr=(nil)", "2:32", "truncated");
	refused(LINE "kmalloc: ptr=0xffff888005078000 bytes_req=4294967296\n", "1:58",
		"bytes_req=4294967296: no number, or out of range");
	refused("ls 1 [000] 1.0: kmem:" KMALLOC "ls 1 1.0: kmem:kfree: ptr=(nil)\n", "2:5",
		"COMM TID [CPU] SECONDS: SYSTEM:EVENT:");
	refused("a-1 [9999] 1.0: " KMALLOC, "1:1", "CPU 9999");
}

/* Compressed, whole and cut. */
static void compressed(void **state)
{
	struct err e = {{0}};
	char *text = mem_alloc(2000, sizeof(LINE KMALLOC)), *packed;
	size_t n = 0, room, m;
	struct import_options o = {0};
	FILE *out = tmpfile();

	(void)state;
	for (int i = 0; i < 2000; i++, n += strlen(LINE KMALLOC))
		memcpy(text + n, LINE KMALLOC, sizeof(LINE KMALLOC));
	room = ZSTD_compressBound(n);
	packed = mem_alloc(room, 1);
	m = ZSTD_compress(packed, room, text, n, 3);
	put(packed, m);
	assert_int_equal(import_trace(input, out, &o, &e), 0);
	put(packed, m - 5);
	assert_int_equal(import_trace(input, out, &o, &e), -1);
	assert_says(e.msg, "the compressed file is ");
	free(packed);
	free(text);
	fclose(out);
}

/* One random damage of text: bytes, lines, ends. */
static size_t hurt(struct rng *r, char *text, size_t n)
{
	static const char nasty[] = " =:\n0x()[]|-.,9f\0\xff\t/";
	size_t a = rng_below(r, n), b = rng_below(r, n), len = rng_below(r, 40);

	switch (rng_below(r, 6)) {
	case 0:
		text[a] ^= (char)(1 << rng_below(r, 8));
		return n;
	case 1:
		text[a] = nasty[rng_below(r, sizeof(nasty))];
		return n;
	case 2: /* cut out */
		len = min(len, n - a);
		memmove(text + a, text + a + len, n - a - len);
		return n - len;
	case 3: /* one place over another */
		len = min(len, n - max(a, b));
		memmove(text + a, text + b, len);
		return n;
	case 4: /* truncated */
		return a + 1;
	default: /* two lines joined */
		for (; a < n && text[a] != '\n'; a++)
			;
		if (a < n)
			text[a] = ' ';
		return n;
	}
}

/* As the importer is called in its child, but here: a crash is this program's. */
static void run(const char *name)
{
	struct err e = {{0}};
	struct raw_sink *sink = raw_sink_open(&e);

	assert_non_null(sink);
	if (importer_find(name)->run(input, sink, &e)) {
		assert_says(e.msg, input);
		assert_null(memchr(e.msg, '\n', strlen(e.msg)));
	}
	raw_sink_close(sink);
}

static void fuzz(void **state)
{
	static const char *const names[] = {"ftrace", "perf"};
	struct lab_lines ls;
	struct rng r;
	int runs = 0;

	(void)state;
	lab_lines_read(&ls, SAMPLE, 60);
	rng_init(&r, 1, "text", "fuzz");
	for (const struct dialect *d = dialects; d->name; d++) {
		char *text, *copy;
		struct err e;
		size_t n;

		lab_lines_write(&ls, d, input);
		text = file_read(input, &n, &e);
		assert_non_null(text);
		copy = mem_alloc(n + 1, 1);
		for (int i = 0; i < 350; i++, runs++) {
			size_t left = n;

			memcpy(copy, text, n);
			for (u64 times = 1 + rng_below(&r, 3); times && left > 1; times--)
				left = hurt(&r, copy, left);
			put(copy, left);
			run(names[!strncmp(d->name, "perf", 4)]);
		}
		free(copy);
		free(text);
	}
	lab_lines_free(&ls);
	assert_true(runs > 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes),	cmocka_unit_test(values),
		cmocka_unit_test(long_headers), cmocka_unit_test(notes),
		cmocka_unit_test(mistakes),	cmocka_unit_test(compressed),
		cmocka_unit_test(fuzz),
	};

	return cmocka_run_group_tests(tests, begin, tmp_dir_remove);
}
