/*
 * Reading a .kmt file: a source whose batches are its blocks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "lib/assert.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/mem.h"
#include "traces/kmt_format.h"

struct kmt_source {
	struct source base;
	FILE *f;
	char *path;
	u64 size, pos; /* of the file; of the next block */
	u64 blocks_end, tables_at, nr_requests;
	u32 nr_blocks;
	struct kmt_section sections[KMT_SECTIONS_MAX];
	u32 nr_sections;

	struct kmt_meta meta;
	struct kmt_template *templates;
	u32 nr_templates;
	struct request *proto; /* of each template */
	u8 *makes_object;      /* of each template */
	struct kmt_codec *codec;
	struct kmt_block block;
	u8 *payload;
	size_t payload_max;
	u64 t_last_ns, requests_read;
	struct request *batch;
};

static int damaged(const struct kmt_source *k, u64 offset, struct err *e, const char *what)
{
	return err_set(e, "%s: offset %llu: %s", k->path, (unsigned long long)offset, what);
}

static int read_at(struct kmt_source *k, u64 offset, void *data, size_t n, struct err *e)
{
	if (offset > k->size || k->size - offset < n)
		return damaged(k, k->size, e, "the file ends too early (truncated?)");
	if (fseeko(k->f, (off_t)offset, SEEK_SET) || fread(data, 1, n, k->f) != n)
		return err_set(e, "%s: offset %llu: cannot read: %s", k->path,
			       (unsigned long long)offset,
			       ferror(k->f) ? strerror(errno) : "the file has shrunk");
	return 0;
}

static int check_header(struct kmt_source *k, u64 *chain, struct err *e)
{
	u8 h[KMT_HEADER_BYTES];

	if (!k->size)
		return err_set(e, "%s: the file is empty", k->path);
	if (k->size < 8)
		return err_set(e, "%s: offset 0: not a .kmt trace", k->path);
	if (read_at(k, 0, h, 8, e))
		return -1;
	if (memcmp(h, KMT_MAGIC, 8))
		return err_set(e, "%s: offset 0: not a .kmt trace (make one with `kmemsim import`)",
			       k->path);
	if (read_at(k, 0, h, sizeof(h), e))
		return -1;
	if (le_load(h + 24, 8) != bytes_checksum(0, h, 24))
		return damaged(k, 0, e, "the header is damaged (wrong checksum)");
	if (le_load(h + 8, 4) != KMT_VERSION)
		return err_set(e, "%s: offset 8: .kmt version %llu; this program reads version %d",
			       k->path, (unsigned long long)le_load(h + 8, 4), KMT_VERSION);
	if (le_load(h + 12, 4) != KMT_ENDIAN_MARK || le_load(h + 16, 4) != KMT_BLOCK_REQUESTS)
		return damaged(k, 12, e, "impossible header");
	*chain = bytes_checksum(DIGEST_INIT, h, sizeof(h));
	return 0;
}

static int read_end(struct kmt_source *k, u64 *chain, struct err *e)
{
	u8 h[KMT_END_BYTES];
	u64 at = k->size - KMT_END_BYTES;

	if (k->size < KMT_HEADER_BYTES + KMT_TABLES_HEADER_BYTES + KMT_END_BYTES)
		return damaged(k, k->size, e, "the file ends too early (truncated?)");
	if (read_at(k, at, h, sizeof(h), e))
		return -1;
	if (le_load(h, 4) != KMT_END_MAGIC ||
	    le_load(h + 40, 8) != bytes_checksum(KMT_END_MAGIC, h, 40))
		return damaged(k, at, e, "no valid end mark here (truncated or damaged)");
	if (le_load(h + 24, 8) != k->size)
		return damaged(k, at, e, "the file has another length than when it was written");
	k->nr_blocks = (u32)le_load(h + 4, 4);
	k->nr_requests = le_load(h + 8, 8);
	k->tables_at = le_load(h + 16, 8);
	*chain = le_load(h + 32, 8);
	return 0;
}

static int parse_tables(struct kmt_source *k, const u8 *packed, size_t len, size_t raw_len,
			struct err *e)
{
	u8 *raw = mem_alloc(raw_len + 1, 1);
	int bad;

	bad = ZSTD_decompress(raw, raw_len, packed, len) != raw_len ||
	      kmt_tables_decode(raw, raw_len, &k->meta, &k->templates, &k->nr_templates);
	free(raw);
	/* Who trusts the tables makes room for as many objects as they say. */
	if (bad || k->meta.nr_requests != k->nr_requests ||
	    k->meta.nr_objects_max > k->nr_requests || k->meta.duration_ns > DURATION_NS_MAX)
		return damaged(k, k->tables_at, e, "impossible tables");
	return 0;
}

static int read_tables(struct kmt_source *k, u64 *sum, struct err *e)
{
	u8 h[KMT_TABLES_HEADER_BYTES];
	u64 len, raw_len;
	u8 *packed;
	int ret;

	if (read_at(k, k->tables_at, h, sizeof(h), e))
		return -1;
	raw_len = le_load(h + 4, 4);
	len = le_load(h + 8, 8);
	if (le_load(h, 4) != KMT_TABLES_MAGIC || raw_len > KMT_TABLES_BYTES_MAX ||
	    len != k->size - KMT_END_BYTES - k->tables_at - sizeof(h))
		return damaged(k, k->tables_at, e, "the tables are damaged");
	packed = mem_alloc(len + 1, 1);
	ret = read_at(k, k->tables_at + sizeof(h), packed, len, e);
	*sum = bytes_checksum(bytes_checksum(KMT_TABLES_MAGIC, h, 16), packed, len);
	if (!ret && *sum != le_load(h + 16, 8))
		ret = damaged(k, k->tables_at, e, "the tables are damaged (wrong checksum)");
	if (!ret)
		ret = parse_tables(k, packed, len, raw_len, e);
	free(packed);
	return ret;
}

/* Of the sections from *at on; they end where the tables begin. */
static int check_sections(struct kmt_source *k, u64 *at, u64 *chain, struct err *e)
{
	while (*at < k->tables_at) {
		struct kmt_section *s = &k->sections[k->nr_sections];
		u8 h[KMT_SECTION_HEADER_BYTES];

		if (read_at(k, *at, h, sizeof(h), e))
			return -1;
		if (k->nr_sections == KMT_SECTIONS_MAX || kmt_section_decode(h, s) ||
		    s->len > k->tables_at - *at)
			return damaged(k, *at, e, "no section begins here (damaged)");
		s->at = *at;
		*chain = digest_u64(*chain, s->header_sum);
		*at += sizeof(h) + s->len;
		k->nr_sections++;
	}
	return 0;
}

/* Walks the headers: all blocks and sections are there, in order, and end where the tables
 * begin. */
static int check_chain(struct kmt_source *k, u64 chain, u64 tables_sum, u64 chain_end,
		       struct err *e)
{
	u64 at = KMT_HEADER_BYTES;

	for (u32 i = 0; i < k->nr_blocks; i++) {
		u8 h[KMT_BLOCK_HEADER_BYTES];
		u64 len;

		if (read_at(k, at, h, sizeof(h), e))
			return -1;
		len = le_load(h + 24, 8);
		if (le_load(h, 4) != KMT_BLOCK_MAGIC || at > k->tables_at ||
		    len > k->tables_at - at)
			return damaged(k, at, e, "no block begins here (damaged)");
		chain = digest_u64(chain, le_load(h + 32, 8));
		at += sizeof(h) + len;
	}
	k->blocks_end = at;
	if (check_sections(k, &at, &chain, e))
		return -1;
	if (at != k->tables_at || digest_u64(chain, tables_sum) != chain_end)
		return damaged(k, at, e, "blocks are missing or out of place");
	return 0;
}

static void make_prototypes(struct kmt_source *k)
{
	k->proto = mem_alloc(k->nr_templates, sizeof(*k->proto));
	k->makes_object = mem_alloc(k->nr_templates, 1);
	for (u32 i = 0; i < k->nr_templates; i++) {
		const struct kmt_template *t = &k->templates[i];

		k->makes_object[i] = request_is_alloc((enum request_kind)t->kind);
		k->proto[i] = (struct request){
			.size = t->size,
			.gfp = t->gfp,
			.site = t->site,
			.cache = t->cache,
			.node = t->node,
			.kind = t->kind,
			.order = t->order & 15,
			.flags = t->flags & 15,
		};
	}
}

static int read_block(struct kmt_source *k, struct err *e)
{
	struct kmt_block *b = &k->block;
	u8 h[KMT_BLOCK_HEADER_BYTES];
	u64 len;

	if (read_at(k, k->pos, h, sizeof(h), e))
		return -1;
	len = le_load(h + 24, 8);
	b->nr = (u32)le_load(h + 4, 4);
	b->nr_col[KMT_COL_ALLOC] = (u32)le_load(h + 8, 4);
	b->time_unit = (u32)le_load(h + 12, 4);
	b->t_first_ns = le_load(h + 16, 8);
	if (le_load(h, 4) != KMT_BLOCK_MAGIC || len > k->blocks_end - k->pos)
		return damaged(k, k->pos, e, "no block begins here (damaged)");
	if (len > k->payload_max) {
		k->payload_max = len;
		k->payload = mem_grow(k->payload, len, 1);
	}
	if (read_at(k, k->pos + sizeof(h), k->payload, len, e))
		return -1;
	if (bytes_checksum(bytes_checksum(KMT_BLOCK_MAGIC, h, 32), k->payload, len) !=
	    le_load(h + 32, 8))
		return damaged(k, k->pos, e, "this block is damaged (wrong checksum)");
	if (!b->nr || b->nr > KMT_BLOCK_REQUESTS || b->nr_col[KMT_COL_ALLOC] > b->nr)
		return damaged(k, k->pos, e, "impossible block");
	b->nr_col[KMT_COL_TEMPLATE] = b->nr_col[KMT_COL_TIME] = b->nr_col[KMT_COL_CPU] = b->nr;
	b->nr_col[KMT_COL_OTHER] = b->nr - b->nr_col[KMT_COL_ALLOC];
	if (kmt_block_decode(k->codec, b, k->payload, len))
		return damaged(k, k->pos, e, "impossible block");
	k->pos += sizeof(h) + len;
	return 0;
}

/* Columns to requests. -1: a number points past its table. */
static int assemble(struct kmt_source *k)
{
	const struct kmt_block *b = &k->block;
	const u32 *from[2] = {b->other, b->alloc};
	u64 t = b->t_first_ns;
	u32 cpu_max = 0, template_max = 0, object_max = 0, other_max = 0;

	for (u32 i = 0; i < b->nr; i++) {
		template_max = max(template_max, b->template[i]);
		cpu_max = max(cpu_max, b->cpu[i]);
	}
	for (u32 i = 0; i < b->nr_col[KMT_COL_ALLOC]; i++)
		object_max = max(object_max, b->alloc[i]);
	for (u32 i = 0; i < b->nr_col[KMT_COL_OTHER]; i++)
		other_max = max(other_max, b->other[i]);
	if (template_max >= k->nr_templates || cpu_max >= k->meta.nr_cpus || t < k->t_last_ns ||
	    (b->nr_col[KMT_COL_ALLOC] && object_max >= k->meta.nr_objects_max) ||
	    (other_max && other_max >= max(k->meta.nr_objects_max, (u64)k->meta.nr_marks)))
		return -1;
	for (u32 i = 0; i < b->nr; i++) {
		struct request *r = &k->batch[i];
		u32 tmpl = b->template[i];

		*r = k->proto[tmpl];
		t += b->time[i] * b->time_unit;
		r->t_ns = t;
		r->cpu = (u16)b->cpu[i];
		r->object = *from[k->makes_object[tmpl]]++;
	}
	k->t_last_ns = t;
	/* Else one of the two columns was read past its end, into the other requests' old
	 * values. */
	return from[1] == b->alloc + b->nr_col[KMT_COL_ALLOC] ? 0 : -1;
}

static long kmt_next(struct source *s, const struct request **batch, struct err *e)
{
	struct kmt_source *k = container_of(s, struct kmt_source, base);
	u64 at = k->pos;

	if (k->pos >= k->blocks_end) {
		if (k->requests_read != k->nr_requests)
			return damaged(k, at, e, "requests are missing");
		return 0;
	}
	if (read_block(k, e))
		return -1;
	if (assemble(k))
		return damaged(k, at, e, "impossible block");
	k->requests_read += k->block.nr;
	*batch = k->batch;
	return k->block.nr;
}

static int kmt_rewind(struct source *s, struct err *e)
{
	struct kmt_source *k = container_of(s, struct kmt_source, base);

	(void)e;
	k->pos = KMT_HEADER_BYTES;
	k->t_last_ns = k->requests_read = 0;
	return 0;
}

static void kmt_close(struct source *s)
{
	struct kmt_source *k = container_of(s, struct kmt_source, base);

	if (k->f)
		fclose(k->f);
	kmt_codec_free(k->codec);
	kmt_block_free(&k->block);
	kmt_meta_free(&k->meta);
	free(k->templates);
	free(k->proto);
	free(k->makes_object);
	free(k->payload);
	free(k->batch);
	free(k->path);
	free(k);
}

static const struct source_ops kmt_ops = {
	.next = kmt_next,
	.rewind = kmt_rewind,
	.close = kmt_close,
};

/* A load that was made up brings its warm-up along as a mark. */
static u64 warmup_ns(const struct kmt_meta *m)
{
	for (unsigned int i = 0; i < m->nr_marks; i++)
		if (!strcmp(m->marks[i].text, MARK_WARMUP))
			return m->marks[i].t_ns;
	return 0;
}

static void fill_tables(struct kmt_source *k, u64 chain)
{
	const struct kmt_meta *m = &k->meta;

	k->base.tables = (struct source_tables){
		.name = file_base(k->path),
		.made_up = !strcmp(m->importer, KMT_GENERATED),
		.machine = m->machine[0] ? m->machine : NULL,
		.input_hash = chain,
		.nr_cpus = m->nr_cpus,
		.nr_nodes = m->nr_nodes,
		.nr_requests = m->nr_requests,
		.nr_objects_max = m->nr_objects_max,
		.duration_ns = m->duration_ns,
		.warmup_ns = warmup_ns(m),
		.caches = m->caches,
		.nr_caches = m->nr_caches,
		.sites = (const char *const *)m->sites,
		.nr_sites = m->nr_sites,
		.marks = m->marks,
		.nr_marks = m->nr_marks,
	};
}

static int open_file(struct kmt_source *k, struct err *e)
{
	u64 chain = 0, chain_end = 0, tables_sum = 0;
	off_t size;

	if (file_check_regular(k->path, e))
		return -1;
	k->f = fopen(k->path, "rb");
	if (!k->f)
		return err_set(e, "%s: cannot open: %s", k->path, strerror(errno));
	if (fseeko(k->f, 0, SEEK_END) || (size = ftello(k->f)) < 0)
		return err_set(e, "%s: cannot read: %s", k->path, strerror(errno));
	k->size = (u64)size;
	if (check_header(k, &chain, e) || read_end(k, &chain_end, e) ||
	    read_tables(k, &tables_sum, e) || check_chain(k, chain, tables_sum, chain_end, e))
		return -1;
	make_prototypes(k);
	fill_tables(k, chain_end);
	return kmt_rewind(&k->base, e);
}

struct source *kmt_open(const char *path, struct err *e)
{
	struct kmt_source *k = mem_alloc(1, sizeof(*k));

	k->base.ops = &kmt_ops;
	k->path = mem_dup(path);
	k->batch = mem_alloc(KMT_BLOCK_REQUESTS, sizeof(*k->batch));
	k->codec = kmt_codec_new();
	kmt_block_init(&k->block);
	if (open_file(k, e)) {
		kmt_close(&k->base);
		return NULL;
	}
	return &k->base;
}

bool kmt_is(const struct source *s)
{
	return s->ops == &kmt_ops;
}

const struct kmt_meta *kmt_meta(const struct source *s)
{
	ASSERT(s->ops == &kmt_ops);
	return &container_of(s, struct kmt_source, base)->meta;
}

u64 kmt_file_bytes(const struct source *s)
{
	ASSERT(s->ops == &kmt_ops);
	return container_of(s, struct kmt_source, base)->size;
}

static const struct kmt_section *find_section(const struct kmt_source *k, u32 kind)
{
	for (u32 i = 0; i < k->nr_sections; i++)
		if (k->sections[i].kind == kind)
			return &k->sections[i];
	return NULL;
}

int kmt_section_read(struct source *s, u32 kind, u8 **data, size_t *n, struct err *e)
{
	struct kmt_source *k = container_of(s, struct kmt_source, base);
	const struct kmt_section *sec;
	u8 *packed;
	int ret;

	ASSERT(s->ops == &kmt_ops);
	*data = NULL;
	sec = find_section(k, kind);
	if (!sec)
		return 0;
	packed = mem_alloc(sec->len + 1, 1);
	ret = read_at(k, sec->at + KMT_SECTION_HEADER_BYTES, packed, sec->len, e);
	if (!ret && !(*data = kmt_section_unpack(sec, packed)))
		ret = damaged(k, sec->at, e, "this section is damaged");
	*n = sec->raw_len;
	free(packed);
	return ret ? -1 : 1;
}

u64 kmt_section_bytes(const struct source *s, u32 kind)
{
	const struct kmt_section *sec;

	ASSERT(s->ops == &kmt_ops);
	sec = find_section(container_of(s, struct kmt_source, base), kind);
	return sec ? KMT_SECTION_HEADER_BYTES + sec->len : 0;
}
