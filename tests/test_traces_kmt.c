/*
 * The .kmt format: what goes in comes out; what was damaged does not.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/idset.h"
#include "lib/rng.h"
#include "tests/test.h"
#include "traces/kmt.h"
#include "traces/kmt_check.h"

#define MANY 20000 /* three blocks, the last in part */

static char dir[] = "/tmp/kmemsim-test-XXXXXX";
static char path[64], other[64];
static struct request *requests;
static size_t nr_requests;

static int begin(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a.kmt", dir);
	snprintf(other, sizeof(other), "%s/b.kmt", dir);
	requests = (struct request *)calloc(MANY, sizeof(*requests));
	assert_non_null(requests);
	return 0;
}

static int end(void **state)
{
	(void)state;
	unlink(path);
	unlink(other);
	rmdir(dir);
	free(requests);
	return 0;
}

static char *text(const char *s)
{
	char *copy = strdup(s);

	assert_non_null(copy);
	return copy;
}

/* Two caches, three sites, one mark: what the requests below refer to. */
static void fill_meta(struct kmt_meta *m)
{
	static const struct source_cache caches[] = {
		{.name = "dentry",
		 .object_size = 192,
		 .size = 192,
		 .align = 8,
		 .reclaimable = true,
		 .flags = SLAB_RECLAIM_ACCOUNT | SLAB_TYPESAFE_BY_RCU},
		{.name = "kmalloc-64", .object_size = 64, .size = 64, .align = 8, .kmalloc = true},
	};

	memset(m, 0, sizeof(*m));
	m->source_name = text("trace.dat");
	m->importer = text("test");
	m->kernel = text("Linux 6.1");
	m->machine = text("kmemsim: machine/1\n");
	m->source_hash = 0x0123456789abcdefULL;
	m->nr_cpus = 300;
	m->nr_caches = 2;
	m->caches = (struct source_cache *)calloc(2, sizeof(*m->caches));
	m->cache_use = (struct kmt_cache_use *)calloc(2, sizeof(*m->cache_use));
	for (int i = 0; i < 2; i++) {
		m->caches[i] = caches[i];
		m->caches[i].name = text(caches[i].name);
		m->cache_use[i].allocs = 7;
	}
	m->nr_sites = 3;
	m->sites = (char **)calloc(3, sizeof(*m->sites));
	m->sites[0] = text("?");
	m->sites[1] = text("d_alloc+0x1");
	m->sites[2] = text("");
	m->nr_marks = 1;
	m->marks = (struct source_mark *)calloc(1, sizeof(*m->marks));
	m->marks[0] = (struct source_mark){text("SNAP before begin shrink"), 5};
	m->nr_events = 1;
	m->events = (struct kmt_event_count *)calloc(1, sizeof(*m->events));
	m->events[0] = (struct kmt_event_count){text("kmalloc"), 12};
	m->stats.orphan_frees = 3;
}

/* One of some length, an empty one, one that no reader knows. */
#define SECTION_BYTES 3000

static void section_content(u8 *data)
{
	for (size_t i = 0; i < SECTION_BYTES; i++)
		data[i] = (u8)(i * i >> 5);
}

static void write_sections(struct kmt_writer *w)
{
	u8 data[SECTION_BYTES];
	struct err e;

	section_content(data);
	assert_int_equal(kmt_writer_section(w, KMT_SECTION_SNAPSHOTS, data, SECTION_BYTES, &e), 0);
	assert_int_equal(kmt_writer_section(w, KMT_SECTION_STATE, data, 0, &e), 0);
	assert_int_equal(kmt_writer_section(w, 1, data, 1, &e), 0);
}

static int read_sections(struct source *s, struct err *e)
{
	u8 want[SECTION_BYTES], *data;
	size_t n;

	section_content(want);
	if (kmt_section_read(s, KMT_SECTION_SNAPSHOTS, &data, &n, e) < 0)
		return -1;
	assert_int_equal(n, SECTION_BYTES);
	assert_memory_equal(data, want, n);
	free(data);
	if (kmt_section_read(s, KMT_SECTION_STATE, &data, &n, e) < 0)
		return -1;
	assert_int_equal(n, 0);
	free(data);
	if (kmt_section_read(s, 1, &data, &n, e) < 0)
		return -1;
	free(data);
	assert_int_equal(kmt_section_read(s, 2, &data, &n, e), 0);
	assert_null(data);
	assert_int_equal(kmt_section_bytes(s, 2), 0);
	assert_true(kmt_section_bytes(s, 1) > 1);
	return 0;
}

static void write_file(const char *to)
{
	struct kmt_meta m;
	struct kmt_writer *w;
	struct new_file nf;
	struct err e;

	assert_int_equal(new_file_open(&nf, to, &e), 0);
	w = kmt_writer_open(nf.f, &e);
	assert_non_null(w);
	for (size_t i = 0; i < nr_requests; i++)
		assert_int_equal(kmt_writer_add(w, &requests[i], &e), 0);
	write_sections(w);
	fill_meta(&m);
	assert_int_equal(kmt_writer_finish(w, &m, &e), 0);
	assert_int_equal(m.nr_requests, nr_requests);
	assert_int_equal(new_file_commit(&nf, &e), 0);
	kmt_meta_free(&m);
}

static u64 random_step(struct rng *r)
{
	switch (rng_below(r, 100)) {
	case 0:
		return rng_below(r, 1ULL << 45); /* the machine slept half a day */
	case 1:
		return 0;
	default:
		return rng_below(r, 100000);
	}
}

/* Any mix of all kinds with dense ids; every field takes values up to its limits. */
static void make_stream(u64 seed, size_t n)
{
	struct idset ids;
	u32 *live = (u32 *)calloc(n + 1, sizeof(*live)), nr_live = 0;
	u8 *kind_of = (u8 *)calloc(n + 1, 1);
	struct rng r;
	u64 t = 0;

	rng_init(&r, seed, "kmt", "stream");
	idset_init(&ids);
	nr_requests = n;
	for (size_t i = 0; i < n; i++) {
		struct request *q = &requests[i];
		u8 kind = (u8)(rng_below(&r, 4) * 2); /* of allocations: 0 2 4 6 */

		*q = (struct request){.t_ns = t, .node = -1, .cpu = (u16)rng_below(&r, 300)};
		t += random_step(&r);
		if (rng_below(&r, 50) == 0) {
			q->kind = rng_below(&r, 2) ? REQ_MARK : REQ_SHRINK;
		} else if (nr_live && rng_below(&r, 100) < 49) {
			u32 pick = (u32)rng_below(&r, nr_live);

			q->object = live[pick];
			q->kind = kind_of[q->object] + 1;
			q->site = (u32)rng_below(&r, 3);
			idset_put(&ids, q->object);
			live[pick] = live[--nr_live];
		} else {
			q->kind = kind;
			q->object = live[nr_live++] = idset_take(&ids);
			kind_of[q->object] = kind;
			q->gfp = (u32)rng_u64(&r);
			q->node = (s16)((int)rng_below(&r, 4) - 1);
			q->order = rng_below(&r, 16) & 15;
			q->flags = i % 7 ? 0 : REQ_F_REPAIR;
			q->cache = kind == REQ_KMALLOC;
			q->size = kind == REQ_CACHE_ALLOC ? 192 : (u32)rng_below(&r, 5000) + 1;
		}
	}
	idset_free(&ids);
	free(live);
	free(kind_of);
}

/* The stream, twice (rewound in between), or the error. */
static int read_file(const char *from, struct err *e)
{
	struct source *s = kmt_open(from, e);
	const struct request *batch;
	size_t at = 0;
	long n = 0;

	if (!s)
		return -1;
	for (int round = 0; round < 2 && n >= 0; round++) {
		at = 0;
		while ((n = s->ops->next(s, &batch, e)) > 0) {
			assert_true(at + (size_t)n <= nr_requests);
			assert_memory_equal(batch, &requests[at], (size_t)n * sizeof(*batch));
			at += (size_t)n;
		}
		if (n == 0)
			assert_int_equal(s->ops->rewind(s, e), 0);
	}
	if (n == 0)
		assert_int_equal(at, nr_requests);
	if (n == 0 && read_sections(s, e))
		n = -1;
	s->ops->close(s);
	return n < 0 ? -1 : 0;
}

static void round_trip(void **state)
{
	static const size_t sizes[] = {0, 1, 2, 8191, 8192, 8193, MANY};
	struct source *s;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		make_stream(i + 1, sizes[i]);
		write_file(path);
		if (read_file(path, &e))
			fail_msg("%s", e.msg);
		s = kmt_open(path, &e);
		assert_non_null(s);
		if (kmt_check(s, &e))
			fail_msg("%s", e.msg);
		s->ops->close(s);
	}
}

static void tables(void **state)
{
	const struct kmt_meta *m;
	struct source *s;
	struct err e;

	(void)state;
	make_stream(3, 100);
	write_file(path);
	s = kmt_open(path, &e);
	assert_non_null(s);
	m = kmt_meta(s);
	assert_string_equal(m->source_name, "trace.dat");
	assert_int_equal(m->source_hash, 0x0123456789abcdefULL);
	assert_string_equal(s->tables.machine, "kmemsim: machine/1\n");
	assert_string_equal(s->tables.name, "a.kmt");
	assert_int_equal(s->tables.nr_caches, 2);
	assert_string_equal(s->tables.caches[1].name, "kmalloc-64");
	assert_true(s->tables.caches[1].kmalloc && !s->tables.caches[1].reclaimable);
	assert_true(!s->tables.caches[0].kmalloc && s->tables.caches[0].reclaimable);
	assert_int_equal(s->tables.caches[0].flags, SLAB_RECLAIM_ACCOUNT | SLAB_TYPESAFE_BY_RCU);
	assert_int_equal(s->tables.caches[1].flags, 0);
	assert_string_equal(s->tables.sites[1], "d_alloc+0x1");
	assert_string_equal(s->tables.marks[0].text, "SNAP before begin shrink");
	assert_int_equal(s->tables.marks[0].t_ns, 5);
	assert_int_equal(m->events[0].count, 12);
	assert_int_equal(m->stats.orphan_frees, 3);
	assert_int_equal(s->tables.duration_ns, requests[99].t_ns);
	s->ops->close(s);
}

/* The same requests give the same bytes. */
static void deterministic(void **state)
{
	size_t a_n, b_n;
	char *a, *b;
	struct err e;

	(void)state;
	make_stream(4, MANY);
	write_file(path);
	write_file(other);
	a = file_read(path, &a_n, &e);
	b = file_read(other, &b_n, &e);
	assert_int_equal(a_n, b_n);
	assert_memory_equal(a, b, a_n);
	free(a);
	free(b);
}

static void put_file(const char *to, const char *data, size_t n)
{
	FILE *f;

	unlink(to); /* truncating the old one costs some file systems a flush */
	f = fopen(to, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* Every length but the right one is an error that names the file and a place. */
static void truncated(void **state)
{
	struct err e;
	size_t n;
	char *data;

	(void)state;
	make_stream(5, 9000);
	write_file(path);
	data = file_read(path, &n, &e);
	for (size_t keep = 0; keep < n; keep += keep < 200 || n - keep < 200 ? 1 : 97) {
		put_file(other, data, keep);
		memset(&e, 0, sizeof(e));
		assert_int_equal(read_file(other, &e), -1);
		assert_says(e.msg, other);
		assert_says(e.msg, keep ? "offset" : "empty");
	}
	free(data);
}

/* Every single bit of a small file, and some of a large one. */
static void flip_bits(size_t nr, size_t step)
{
	struct err e;
	size_t n;
	char *data;

	make_stream(6, nr);
	write_file(path);
	data = file_read(path, &n, &e);
	for (size_t bit = 0; bit < 8 * n; bit += step) {
		data[bit / 8] ^= (char)(1 << bit % 8);
		put_file(other, data, n);
		memset(&e, 0, sizeof(e));
		if (!read_file(other, &e))
			fail_msg("bit %zu of %zu flipped, and nobody noticed", bit, 8 * n);
		assert_says(e.msg, "offset");
		data[bit / 8] ^= (char)(1 << bit % 8);
	}
	free(data);
}

static void flipped(void **state)
{
	(void)state;
	flip_bits(40, 1);
	flip_bits(MANY, 4099);
}

/* Blocks out of order or left out, with each checksum right. */
static void shortened(void **state)
{
	struct err e;
	size_t n, second;
	char *data;

	(void)state;
	make_stream(7, MANY);
	write_file(path);
	data = file_read(path, &n, &e);
	second = 32 + 40 + (size_t) * (u32 *)(data + 32 + 24);
	assert_memory_equal(data + second, "BLK1", 4);
	memmove(data + 32, data + second, n - second);
	put_file(other, data, n - (second - 32));
	assert_int_equal(read_file(other, &e), -1);
	assert_says(e.msg, "another length");
	free(data);
}

static void foreign(void **state)
{
	struct err e;

	(void)state;
	put_file(other, "not a trace, but long enough for a header of one", 48);
	assert_int_equal(read_file(other, &e), -1);
	assert_says(e.msg, "offset 0: not a .kmt trace");
	put_file(other, "x", 1);
	assert_int_equal(read_file(other, &e), -1);
	assert_says(e.msg, "not a .kmt trace");
	assert_null(kmt_open("/nonexistent/x.kmt", &e));
	assert_says(e.msg, "cannot open");
	assert_null(kmt_open(dir, &e));
	assert_says(e.msg, dir);
}

/* The check itself must find what it promises to: 0 is live, 1 was. */
static void check_finds(const char *words, struct request last)
{
	struct source *s;
	struct err e = {{0}};

	memset(requests, 0, 4 * sizeof(*requests));
	requests[0] = (struct request){.t_ns = 10, .kind = REQ_PAGE_ALLOC, .object = 0};
	requests[1] = (struct request){.t_ns = 10, .kind = REQ_PAGE_ALLOC, .object = 1};
	requests[2] = (struct request){.t_ns = 10, .kind = REQ_PAGE_FREE, .object = 1};
	requests[3] = last;
	nr_requests = 4;
	write_file(path);
	s = kmt_open(path, &e);
	assert_non_null(s);
	assert_int_equal(kmt_check(s, &e), -1);
	assert_says(e.msg, words);
	s->ops->close(s);
}

static void check(void **state)
{
	(void)state;
	check_finds("is in use", (struct request){.t_ns = 10, .kind = REQ_PAGE_ALLOC});
	check_finds("a smaller id is free",
		    (struct request){.t_ns = 10, .kind = REQ_PAGE_ALLOC, .object = 2});
	check_finds("another kind", (struct request){.t_ns = 10, .kind = REQ_KFREE});
	check_finds("not live", (struct request){.t_ns = 10, .kind = REQ_PAGE_FREE, .object = 1});
	check_finds("a birth after",
		    (struct request){
			    .t_ns = 10, .kind = REQ_PAGE_ALLOC, .object = 1, .flags = REQ_F_BIRTH});
	check_finds(
		"not the size of its cache",
		(struct request){.t_ns = 10, .kind = REQ_CACHE_ALLOC, .object = 1, .size = 100});
	check_finds("impossible block",
		    (struct request){.t_ns = 10, .kind = REQ_PAGE_FREE, .object = 2});
	check_finds("no such object is stored",
		    (struct request){.t_ns = 10, .kind = REQ_STORE_READ, .object = 0});
	check_finds("no such object is stored",
		    (struct request){.t_ns = 10, .kind = REQ_STORE_READ, .object = 1});
	check_finds("no such mark", (struct request){.t_ns = 10, .kind = REQ_MARK, .object = 1});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),	 cmocka_unit_test(tables),
		cmocka_unit_test(deterministic), cmocka_unit_test(truncated),
		cmocka_unit_test(flipped),	 cmocka_unit_test(shortened),
		cmocka_unit_test(foreign),	 cmocka_unit_test(check),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
