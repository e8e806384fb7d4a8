/*
 * LLFree's page trace: a sample's page events written in its format and read back; damage.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/mem.h"
#include "lib/units.h"
#include "tests/test.h"
#include "tests/text_lab.h"
#include "traces/bytes.h"
#include "traces/gfp.h"
#include "traces/kmt.h"
#include "traces/kmt_check.h"

#define SAMPLE "traces/samples/small-fstree.dat"
#define EVENTS 60000
#define PAGE_BYTES 4096
#define CPUS 4
#define MAX_PFN 0x80000

static char dir[] = "/tmp/kmemsim-test-XXXXXX";
static char text[64], binary[64], output[64], other[64];
static struct lab_lines lines; /* page events of the sample, times in whole microseconds */

static bool is_page_event(const struct lab_line *l)
{
	return (!strcmp(l->name, "mm_page_alloc") && !strstr(l->info, "(nil)")) ||
	       !strcmp(l->name, "mm_page_free");
}

static int begin(void **state)
{
	u32 kept = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(text, sizeof(text), "%s/in.txt", dir);
	snprintf(binary, sizeof(binary), "%s/in.llfree", dir);
	snprintf(output, sizeof(output), "%s/out.kmt", dir);
	snprintf(other, sizeof(other), "%s/other.kmt", dir);
	lab_lines_read(&lines, SAMPLE, EVENTS);
	for (u32 i = 0; i < lines.nr; i++) {
		struct lab_line *l = &lines.lines[i];

		if (!is_page_event(l)) {
			free(l->name);
			free(l->info);
			continue;
		}
		l->t_ns -= l->t_ns % NSEC_PER_USEC;
		lines.lines[kept++] = *l;
	}
	lines.nr = kept;
	return 0;
}

static int end(void **state)
{
	(void)state;
	lab_lines_free(&lines);
	unlink(text);
	unlink(binary);
	unlink(output);
	unlink(other);
	rmdir(dir);
	return 0;
}

static u64 field(const struct lab_line *l, const char *key)
{
	const char *at = strstr(l->info, key);

	assert_non_null(at);
	return strtoull(at + strlen(key), NULL, 0);
}

/* Flags as LLFree stores them: by the text's names. */
static u32 flags(const struct lab_line *l)
{
	const char *at = strstr(l->info, "gfp_flags=");
	u32 gfp = 0, bits;

	if (!at)
		return 0;
	for (at += strlen("gfp_flags="); *at; at += *at == '|') {
		size_t n = strcspn(at, "|");

		if (gfp_name_bits(at, n, &bits))
			gfp |= bits;
		at += n;
	}
	return gfp | 0x10000000; /* a bit of LLFree's own */
}

static void put_entry(u8 *at, const struct lab_line *l)
{
	u64 order = field(l, "order=");
	u64 low = l->t_ns / NSEC_PER_USEC | field(l, "pfn=") << 38 |
		  (u64)!strcmp(l->name, "mm_page_alloc") << 62 | order << 63;

	le_store(at, low, 8);
	le_store(at + 8, order >> 1 | (u64)flags(l) << 3 | (u64)l->pid << 32, 8);
}

/* The file, in memory: pages of the CPUs in the order in which they were taken. */
static u8 *make_file(u32 *nr_pages)
{
	u8 *file = mem_alloc(lines.nr / 100 + CPUS + 2, PAGE_BYTES), *page[CPUS] = {0};
	u32 used[CPUS] = {0};

	*nr_pages = 1;
	for (u32 i = 0; i < lines.nr; i++) {
		const struct lab_line *l = &lines.lines[i];
		u32 c = l->cpu;

		if (!page[c] || used[c] == 255) {
			page[c] = file + (size_t)PAGE_BYTES * (*nr_pages)++;
			le_store(page[c], c, 4);
			used[c] = 0;
		}
		put_entry(page[c] + 16 + 16 * used[c]++, l);
	}
	le_store(file, *nr_pages - 1, 4);
	le_store(file + 4, CPUS, 4);
	le_store(file + 8, MAX_PFN, 4);
	return file;
}

static void put_file(const u8 *data, size_t n)
{
	FILE *f = fopen(binary, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static struct request *requests_of(const char *path, const char *to, u64 *n)
{
	struct err e = {{0}};
	struct source *s = import_file(path, to, &e) ? NULL : kmt_open(to, &e);
	const struct request *batch;
	struct request *all;
	long got;

	if (!s || kmt_check(s, &e) || s->ops->rewind(s, &e))
		fail_msg("%s", e.msg);
	all = mem_alloc(s->tables.nr_requests + 1, sizeof(*all));
	for (*n = 0; (got = s->ops->next(s, &batch, &e)) > 0; *n += (u64)got)
		memcpy(all + *n, batch, (size_t)got * sizeof(*all));
	s->ops->close(s);
	return all;
}

/*
 * By what LLFree's format keeps: within a microsecond each CPU's own order, not that between them.
 */
static int by_place(const void *va, const void *vb)
{
	const struct request *const *a = va, *const *b = vb;

	if ((*a)->t_ns != (*b)->t_ns)
		return (*a)->t_ns < (*b)->t_ns ? -1 : 1;
	if ((*a)->cpu != (*b)->cpu)
		return (*a)->cpu < (*b)->cpu ? -1 : 1;
	return *a < *b ? -1 : *a > *b;
}

static const struct request **sorted(const struct request *all, u64 n)
{
	const struct request **p = mem_alloc(n + 1, sizeof(*p));

	for (u64 i = 0; i < n; i++)
		p[i] = &all[i];
	qsort(p, n, sizeof(*p), by_place);
	return p;
}

/* As text and in LLFree's format: the same page requests. */
static void round_trip(void **state)
{
	u64 n_text, n_binary;
	struct request *a, *b;
	const struct request **pa, **pb;
	u32 nr_pages;
	u8 *file = make_file(&nr_pages);

	(void)state;
	put_file(file, (size_t)nr_pages * PAGE_BYTES);
	lab_lines_write(&lines, &dialects[0], text);
	a = requests_of(text, output, &n_text);
	b = requests_of(binary, other, &n_binary);
	assert_true(n_text > 1000);
	assert_int_equal(n_text, n_binary);
	pa = sorted(a, n_text);
	pb = sorted(b, n_text);
	for (u64 i = 0; i < n_text; i++) {
		assert_int_equal(pa[i]->t_ns, pb[i]->t_ns);
		assert_int_equal(pa[i]->cpu, pb[i]->cpu);
		assert_int_equal(pa[i]->kind, pb[i]->kind);
		assert_int_equal(pa[i]->order, pb[i]->order);
		assert_int_equal(pa[i]->gfp, pb[i]->gfp);
		assert_int_equal(pa[i]->flags, pb[i]->flags);
	}
	free(pa);
	free(pb);
	free(a);
	free(b);
	free(file);
}

static void about(void **state)
{
	struct err e = {{0}};
	struct source *s;
	u32 nr_pages;
	u8 *file = make_file(&nr_pages);

	(void)state;
	put_file(file, (size_t)nr_pages * PAGE_BYTES);
	assert_int_equal(import_file(binary, output, &e), 0);
	s = kmt_open(output, &e);
	assert_non_null(s);
	assert_string_equal(kmt_meta(s)->importer, "llfree");
	assert_int_equal(kmt_meta(s)->nr_cpus, CPUS);
	assert_int_equal(kmt_meta(s)->nr_nodes, 1);
	assert_int_equal(kmt_meta(s)->stats.nr_events, lines.nr);
	assert_says(kmt_meta(s)->machine, "memory: 2048MiB, cpus: 0-3");
	s->ops->close(s);
	/* sysfs cuts the last page off; zeroes may follow. */
	put_file(file, (size_t)(nr_pages - 1) * PAGE_BYTES);
	assert_int_equal(import_file(binary, output, &e), 0);
	le_store(file, 0, 4);
	put_file(file, (size_t)(nr_pages + 1) * PAGE_BYTES);
	assert_int_equal(import_file(binary, output, &e), 0);
	free(file);
}

static void refused(const u8 *file, size_t n, const char *words)
{
	struct err e = {{0}};

	put_file(file, n);
	assert_int_equal(import_file(binary, output, &e), -1);
	assert_says(e.msg, binary);
	assert_says(e.msg, words);
	assert_int_equal(access(output, F_OK), -1);
}

static void damage(void **state)
{
	u32 nr_pages;
	u8 *file = make_file(&nr_pages), *page = file + PAGE_BYTES;
	size_t n = (size_t)nr_pages * PAGE_BYTES;

	(void)state;
	refused(file, n - 2 * PAGE_BYTES, "truncated");
	refused(file, n - 100, "truncated");
	le_store(page + 2 * PAGE_BYTES, 99, 4);
	refused(file, n, "offset 12288: damaged: a page of a CPU that is not there");
	free(file);
	file = make_file(&nr_pages);
	page = file + PAGE_BYTES;
	page[16 + 16 + 8] |= 7;
	refused(file, n, "offset 4128: damaged: an order above 10");
	free(file);
	file = make_file(&nr_pages);
	page = file + PAGE_BYTES;
	page[16 + 16 * 3 + 7] |= 0x3f;
	refused(file, n, "a page frame above the machine's memory");
	free(file);
	file = make_file(&nr_pages);
	page = file + PAGE_BYTES;
	memset(page + 16 + 16 * 3, 0, 4);
	refused(file, n, "time goes back by more than a second");
	memset(file + PAGE_BYTES, 0, n - PAGE_BYTES);
	refused(file, n, "no events in it");
	file[100] = 1;
	refused(file, n, "no importer knows this kind of file");
	free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(about),
		cmocka_unit_test(damage),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
