/*
 * A laboratory for importers' repair.
 */
#include "tests/traces_lab.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/test.h"
#include "traces/kmt_check.h"

void traces_lab_begin(struct traces_lab *lab)
{
	struct err e;

	memset(lab, 0, sizeof(*lab));
	lab->pid = 1;
	lab->sink = raw_sink_open(&e);
	assert_non_null(lab->sink);
	raw_sink_begin(lab->sink, 4, "", "mono", 0);
}

static void feed(struct traces_lab *lab, struct raw_event ev)
{
	struct err e;

	ev.t_ns = lab->t_ns;
	ev.cpu = lab->cpu;
	ev.pid = lab->pid;
	ev.flags = lab->flags;
	ev.node = -1;
	lab->t_ns += 10;
	if (raw_sink_event(lab->sink, &ev, &e))
		snprintf(lab->error, sizeof(lab->error), "%s", e.msg);
}

static u32 site(struct traces_lab *lab, const char *text)
{
	return text ? raw_sink_site(lab->sink, text) : 0;
}

static u32 name(struct traces_lab *lab, const char *text)
{
	return text ? raw_sink_name(lab->sink, text, strlen(text)) + 1 : 0;
}

void lab_kmalloc(struct traces_lab *lab, u64 ptr, u32 size, u32 alloc, u32 gfp)
{
	feed(lab,
	     (struct raw_event){
		     .type = RAW_KMALLOC, .ptr = ptr, .size = size, .alloc = alloc, .gfp = gfp});
}

void lab_kfree(struct traces_lab *lab, u64 ptr, const char *site_text)
{
	feed(lab, (struct raw_event){.type = RAW_KFREE, .ptr = ptr, .site = site(lab, site_text)});
}

void lab_cache_alloc(struct traces_lab *lab, u64 ptr, u32 size, u32 alloc, const char *site_text,
		     const char *cache)
{
	feed(lab, (struct raw_event){.type = RAW_CACHE_ALLOC,
				     .ptr = ptr,
				     .size = size,
				     .alloc = alloc,
				     .gfp = 0xcc0,
				     .site = site(lab, site_text),
				     .name = name(lab, cache)});
}

void lab_cache_free(struct traces_lab *lab, u64 ptr, const char *cache)
{
	feed(lab, (struct raw_event){.type = RAW_CACHE_FREE, .ptr = ptr, .name = name(lab, cache)});
}

void lab_page_alloc(struct traces_lab *lab, u64 pfn, unsigned int order, u32 gfp)
{
	feed(lab, (struct raw_event){
			  .type = RAW_PAGE_ALLOC, .ptr = pfn, .order = (u8)order, .gfp = gfp});
}

void lab_page_free(struct traces_lab *lab, u64 pfn, unsigned int order)
{
	feed(lab, (struct raw_event){.type = RAW_PAGE_FREE, .ptr = pfn, .order = (u8)order});
}

void lab_event(struct traces_lab *lab, u8 type, u64 ptr, u32 size)
{
	feed(lab, (struct raw_event){.type = type, .ptr = ptr, .size = size});
}

void lab_mark(struct traces_lab *lab, const char *text)
{
	u32 mark = raw_sink_mark(lab->sink, text, strlen(text));

	feed(lab, (struct raw_event){.type = RAW_MARK, .ptr = mark});
}

static void __printf(2, 3) say(struct traces_lab *lab, const char *fmt, ...)
{
	size_t n = strlen(lab->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(lab->text + n, sizeof(lab->text) - n, fmt, ap);
	va_end(ap);
}

static void render(struct traces_lab *lab, const struct request *r)
{
	const struct source_tables *t = &lab->source->tables;

	say(lab, "%llu %s", (unsigned long long)r->t_ns, request_kind_names[r->kind]);
	if (r->kind == REQ_MARK)
		say(lab, " %s", t->marks[r->object].text);
	else if (r->kind != REQ_SHRINK)
		say(lab, " #%u", r->object);
	if (r->kind == REQ_KMALLOC || r->kind == REQ_CACHE_ALLOC)
		say(lab, " %s", t->caches[r->cache].name);
	if (r->kind == REQ_PAGE_ALLOC)
		say(lab, " order %u", r->order);
	if (r->kind == REQ_STORE_ALLOC)
		say(lab, " %u", r->size);
	say(lab, "%s%s\n", r->flags & REQ_F_BIRTH ? " birth" : "",
	    r->flags & REQ_F_REPAIR ? " repair" : "");
}

static void write_file(struct traces_lab *lab)
{
	static const struct import_options options = {
		.nodes = {.nr_nodes = 2, .pfn_end = {0x1000, 0x2000}, .cpu = {0, 2}},
	};
	struct kmt_writer *w;
	struct err e;
	FILE *f;
	int fd;

	strcpy(lab->path, "/tmp/kmemsim-test-XXXXXX");
	fd = mkstemp(lab->path);
	assert_true(fd >= 0);
	f = fdopen(fd, "w+b");
	assert_non_null(f);
	w = kmt_writer_open(f, &e);
	assert_non_null(w);
	raw_sink_end(lab->sink, lab->t_ns, 0);
	assert_int_equal(raw_sink_finish(lab->sink, w, &options, "hand", 0, "test", &e), 0);
	assert_int_equal(fclose(f), 0);
}

void traces_lab_end(struct traces_lab *lab)
{
	const struct request *batch;
	struct err e = {{0}};
	long n;

	write_file(lab);
	lab->source = kmt_open(lab->path, &e);
	if (!lab->source)
		print_error("%s\n", e.msg);
	assert_non_null(lab->source);
	if (kmt_check(lab->source, &e))
		fail_msg("%s", e.msg);
	assert_int_equal(lab->source->ops->rewind(lab->source, &e), 0);
	while ((n = lab->source->ops->next(lab->source, &batch, &e)) > 0)
		for (long i = 0; i < n; i++)
			render(lab, &batch[i]);
	assert_int_equal(n, 0);
}

void traces_lab_close(struct traces_lab *lab)
{
	if (lab->source)
		lab->source->ops->close(lab->source);
	raw_sink_close(lab->sink);
	unlink(lab->path);
}

const struct import_stats *lab_stats(const struct traces_lab *lab)
{
	return &kmt_meta(lab->source)->stats;
}

void lab_expect(struct traces_lab *lab, const char *want)
{
	traces_lab_end(lab);
	if (strcmp(lab->text, want))
		fail_msg("Expected\n%sWas\n%s", want, lab->text);
}
