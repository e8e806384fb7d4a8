/*
 * Writing a .kmt file: requests are gathered into blocks; tables and end follow.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "lib/assert.h"
#include "lib/digest.h"
#include "lib/gcd.h"
#include "lib/mem.h"
#include "traces/kmt_format.h"

#define TABLES_ZSTD_LEVEL 9

struct kmt_writer {
	FILE *f;
	u64 written, chain; /* bytes; digest of the checksums of all parts so far */
	u32 nr_blocks;
	u32 sections[KMT_SECTIONS_MAX], nr_sections; /* kinds */
	struct kmt_codec *codec;
	struct kmt_block block;
	u64 t_last_ns;
	struct bytes out;

	struct kmt_template *templates;
	u32 nr_templates, templates_max;
	u32 *hash; /* template number + 1; 0: free. Open addressing, at most half full. */
	u32 hash_size;
	u32 last[2]; /* template used last by an allocation and by another request */

	u64 nr_requests, nr_objects_max;
	unsigned int cpus_used;
	u64 requests[NR_REQUEST_KINDS];
};

static int write_out(struct kmt_writer *w, struct err *e)
{
	size_t n = w->out.n;

	w->out.n = 0;
	if (fwrite(w->out.data, 1, n, w->f) != n)
		return err_set(e, "cannot write: %s", strerror(errno));
	w->written += n;
	return 0;
}

static int write_header(struct kmt_writer *w, struct err *e)
{
	struct bytes *b = &w->out;

	bytes_put(b, KMT_MAGIC, 8);
	bytes_put_le(b, KMT_VERSION, 4);
	bytes_put_le(b, KMT_ENDIAN_MARK, 4);
	bytes_put_le(b, KMT_BLOCK_REQUESTS, 4);
	bytes_put_le(b, KMT_HEADER_BYTES, 4);
	bytes_put_le(b, bytes_checksum(0, b->data, 24), 8);
	w->chain = bytes_checksum(DIGEST_INIT, b->data, b->n);
	return write_out(w, e);
}

struct kmt_writer *kmt_writer_open(FILE *f, struct err *e)
{
	struct kmt_writer *w = mem_alloc(1, sizeof(*w));

	w->f = f;
	w->hash_size = 4096;
	w->hash = mem_alloc(w->hash_size, sizeof(*w->hash));
	w->codec = kmt_codec_new();
	kmt_block_init(&w->block);
	if (write_header(w, e)) {
		kmt_writer_abort(w);
		return NULL;
	}
	return w;
}

void kmt_writer_abort(struct kmt_writer *w)
{
	if (!w)
		return;
	kmt_codec_free(w->codec);
	kmt_block_free(&w->block);
	bytes_free(&w->out);
	free(w->templates);
	free(w->hash);
	free(w);
}

static u32 template_hash(const struct kmt_template *t)
{
	u64 d = digest_u64((u64)t->size << 32 | t->site, t->gfp);

	d = digest_u64(d, (u64)t->cache << 40 | (u64)(u16)t->node << 24 | (u64)t->kind << 16 |
				  (u64)t->order << 8 | t->flags);
	return (u32)(d >> 32);
}

static bool template_equal(const struct kmt_template *a, const struct kmt_template *b)
{
	return a->size == b->size && a->gfp == b->gfp && a->site == b->site &&
	       a->cache == b->cache && a->node == b->node && a->kind == b->kind &&
	       a->order == b->order && a->flags == b->flags;
}

static u32 *template_slot(struct kmt_writer *w, const struct kmt_template *t)
{
	u32 i = template_hash(t) & (w->hash_size - 1);

	while (w->hash[i] && !template_equal(&w->templates[w->hash[i] - 1], t))
		i = (i + 1) & (w->hash_size - 1);
	return &w->hash[i];
}

static void template_rehash(struct kmt_writer *w)
{
	free(w->hash);
	w->hash_size *= 2;
	w->hash = mem_alloc(w->hash_size, sizeof(*w->hash));
	for (u32 i = 0; i < w->nr_templates; i++)
		*template_slot(w, &w->templates[i]) = i + 1;
}

static u32 template_add(struct kmt_writer *w, const struct kmt_template *t)
{
	MEM_ROOM(w->templates, w->nr_templates, w->templates_max);
	w->templates[w->nr_templates++] = *t;
	if (w->nr_templates * 2 > w->hash_size)
		template_rehash(w);
	else
		*template_slot(w, t) = w->nr_templates;
	return w->nr_templates - 1;
}

static u32 template_of(struct kmt_writer *w, const struct request *r, bool alloc)
{
	struct kmt_template t = {
		.size = r->size,
		.gfp = r->gfp,
		.site = r->site,
		.cache = r->cache,
		.node = r->node,
		.kind = r->kind,
		.order = r->order,
		.flags = r->flags,
	};
	u32 *slot;

	if (w->nr_templates && template_equal(&w->templates[w->last[alloc]], &t))
		return w->last[alloc];
	slot = template_slot(w, &t);
	w->last[alloc] = *slot ? *slot - 1 : template_add(w, &t);
	return w->last[alloc];
}

/* Recorded clocks often tick in steps (10 ns, 1 us): the steps are stored, not the nanoseconds. */
static void choose_time_unit(struct kmt_block *b)
{
	u64 unit = 0;

	for (u32 i = 0; i < b->nr && unit != 1; i++)
		unit = b->time[i] ? gcd(unit, b->time[i]) : unit;
	b->time_unit = !unit || unit > UINT32_MAX ? 1 : (u32)unit;
	if (b->time_unit > 1)
		for (u32 i = 0; i < b->nr; i++)
			b->time[i] /= b->time_unit;
}

static int flush_block(struct kmt_writer *w, struct err *e)
{
	struct kmt_block *b = &w->block;

	if (!b->nr)
		return 0;
	choose_time_unit(b);
	b->nr_col[KMT_COL_TEMPLATE] = b->nr_col[KMT_COL_TIME] = b->nr_col[KMT_COL_CPU] = b->nr;
	kmt_block_encode(w->codec, b, &w->out);
	w->chain = digest_u64(w->chain, le_load(w->out.data + 32, 8));
	w->nr_blocks++;
	b->nr = b->nr_col[KMT_COL_ALLOC] = b->nr_col[KMT_COL_OTHER] = 0;
	return write_out(w, e);
}

int kmt_writer_add(struct kmt_writer *w, const struct request *r, struct err *e)
{
	struct kmt_block *b = &w->block;
	bool alloc = request_is_alloc((enum request_kind)r->kind);
	u32 i = b->nr;

	ASSERT(r->kind < NR_REQUEST_KINDS && r->t_ns >= w->t_last_ns && !w->nr_sections);
	if (!i)
		b->t_first_ns = w->t_last_ns = r->t_ns;
	b->template[i] = template_of(w, r, alloc);
	b->time[i] = r->t_ns - w->t_last_ns;
	b->cpu[i] = r->cpu;
	if (alloc)
		b->alloc[b->nr_col[KMT_COL_ALLOC]++] = r->object;
	else
		b->other[b->nr_col[KMT_COL_OTHER]++] = r->object;
	if (alloc && r->object >= w->nr_objects_max)
		w->nr_objects_max = (u64)r->object + 1;
	w->cpus_used = max(w->cpus_used, (unsigned int)r->cpu + 1);
	w->t_last_ns = r->t_ns;
	w->requests[r->kind]++;
	w->nr_requests++;
	b->nr++;
	return b->nr == KMT_BLOCK_REQUESTS ? flush_block(w, e) : 0;
}

int kmt_writer_section(struct kmt_writer *w, u32 kind, const u8 *data, size_t n, struct err *e)
{
	if (n > KMT_SECTION_BYTES_MAX)
		return err_set(e, "%zu bytes: more than a section of a trace can hold (1 GiB)", n);
	ASSERT(w->nr_sections < KMT_SECTIONS_MAX);
	for (u32 i = 0; i < w->nr_sections; i++)
		ASSERT(w->sections[i] != kind);
	if (flush_block(w, e))
		return -1;
	w->sections[w->nr_sections++] = kind;
	kmt_section_encode(kind, data, n, &w->out);
	w->chain = digest_u64(w->chain, le_load(w->out.data + 32, 8));
	return write_out(w, e);
}

static int write_tables(struct kmt_writer *w, const struct kmt_meta *m, struct err *e)
{
	struct bytes raw = {0}, *b = &w->out;
	size_t bound, len;
	u64 sum;

	kmt_tables_encode(m, w->templates, w->nr_templates, &raw);
	bound = ZSTD_compressBound(raw.n);
	bytes_put_le(b, KMT_TABLES_MAGIC, 4);
	bytes_put_le(b, raw.n, 4);
	bytes_put_le(b, 0, 16);
	bytes_reserve(b, bound);
	len = ZSTD_compress(b->data + b->n, bound, raw.data, raw.n, TABLES_ZSTD_LEVEL);
	ASSERT(!ZSTD_isError(len));
	bytes_free(&raw);
	b->n += len;
	le_store(b->data + 8, len, 8);
	sum = bytes_checksum(KMT_TABLES_MAGIC, b->data, 16);
	sum = bytes_checksum(sum, b->data + KMT_TABLES_HEADER_BYTES, len);
	le_store(b->data + 16, sum, 8);
	w->chain = digest_u64(w->chain, sum);
	return write_out(w, e);
}

static int write_end(struct kmt_writer *w, u64 tables_at, struct err *e)
{
	struct bytes *b = &w->out;

	bytes_put_le(b, KMT_END_MAGIC, 4);
	bytes_put_le(b, w->nr_blocks, 4);
	bytes_put_le(b, w->nr_requests, 8);
	bytes_put_le(b, tables_at, 8);
	bytes_put_le(b, w->written + KMT_END_BYTES, 8);
	bytes_put_le(b, w->chain, 8);
	bytes_put_le(b, bytes_checksum(KMT_END_MAGIC, b->data, 40), 8);
	return write_out(w, e);
}

int kmt_writer_finish(struct kmt_writer *w, struct kmt_meta *m, struct err *e)
{
	u64 tables_at;
	int ret;

	m->nr_requests = w->nr_requests;
	m->nr_objects_max = w->nr_objects_max;
	m->duration_ns = w->t_last_ns;
	memcpy(m->requests, w->requests, sizeof(m->requests));
	ret = flush_block(w, e);
	tables_at = w->written;
	if (!ret && w->cpus_used > m->nr_cpus) /* nobody could read it */
		ret = err_set(e, "there are requests of CPU %u, but %u CPUs", w->cpus_used - 1,
			      m->nr_cpus);
	if (!ret)
		ret = write_tables(w, m, e);
	if (!ret)
		ret = write_end(w, tables_at, e);
	kmt_writer_abort(w);
	return ret;
}
