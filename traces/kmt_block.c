/*
 * Blocks of the .kmt format: columns of numbers, cut into planes of bytes, each compressed by
 * itself.
 *
 * Theory. Byte k of all values of a column lies together (plane k). The high planes are nearly
 * constant, the low ones have a statistic of their own; compressing each by itself gives it its own
 * entropy code. Decoding has no branch per value, unlike variable-length numbers.
 */
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "lib/bits.h"
#include "lib/mem.h"
#include "traces/kmt_format.h"

/* Above 3 the planes get no smaller: what is left is entropy, not repetition. */
#define ZSTD_LEVEL 3
#define PLANE_RAW 0x80000000U
#define PLANES_MAX 8

struct kmt_codec {
	ZSTD_CCtx *cctx;
	ZSTD_DCtx *dctx;
	u8 planes[PLANES_MAX][KMT_BLOCK_REQUESTS];
};

void kmt_block_init(struct kmt_block *b)
{
	*b = (struct kmt_block){.time_unit = 1};
	b->template = mem_alloc(KMT_BLOCK_REQUESTS, sizeof(u32));
	b->cpu = mem_alloc(KMT_BLOCK_REQUESTS, sizeof(u32));
	b->alloc = mem_alloc(KMT_BLOCK_REQUESTS, sizeof(u32));
	b->other = mem_alloc(KMT_BLOCK_REQUESTS, sizeof(u32));
	b->time = mem_alloc(KMT_BLOCK_REQUESTS, sizeof(u64));
}

void kmt_block_free(struct kmt_block *b)
{
	free(b->template);
	free(b->cpu);
	free(b->alloc);
	free(b->other);
	free(b->time);
}

struct kmt_codec *kmt_codec_new(void)
{
	struct kmt_codec *c = mem_alloc(1, sizeof(*c));

	c->cctx = mem_checked(ZSTD_createCCtx());
	c->dctx = mem_checked(ZSTD_createDCtx());
	return c;
}

void kmt_codec_free(struct kmt_codec *c)
{
	if (!c)
		return;
	ZSTD_freeCCtx(c->cctx);
	ZSTD_freeDCtx(c->dctx);
	free(c);
}

static u32 *column_u32(const struct kmt_block *b, enum kmt_column col)
{
	switch (col) {
	case KMT_COL_TEMPLATE:
		return b->template;
	case KMT_COL_CPU:
		return b->cpu;
	case KMT_COL_ALLOC:
		return b->alloc;
	default:
		return b->other;
	}
}

static void encode_plane(struct kmt_codec *c, const u8 *plane, size_t n, struct bytes *out)
{
	size_t bound = ZSTD_compressBound(n), len_at = out->n, len;

	bytes_put_le(out, 0, 4);
	bytes_reserve(out, bound);
	len = ZSTD_compressCCtx(c->cctx, out->data + out->n, bound, plane, n, ZSTD_LEVEL);
	if (ZSTD_isError(len) || len >= n) {
		memcpy(out->data + out->n, plane, n);
		le_store(out->data + len_at, n | PLANE_RAW, 4);
		len = n;
	} else {
		le_store(out->data + len_at, len, 4);
	}
	out->n += len;
}

static unsigned int width_of(u64 all)
{
	return all ? bit_highest(all) / 8 + 1 : 0;
}

static void encode_time(struct kmt_codec *c, const struct kmt_block *b, struct bytes *out)
{
	u64 all = 0;
	unsigned int width;

	for (u32 i = 0; i < b->nr; i++)
		all |= b->time[i];
	width = width_of(all);
	bytes_put_le(out, width, 1);
	for (unsigned int k = 0; k < width; k++) {
		for (u32 i = 0; i < b->nr; i++)
			c->planes[0][i] = (u8)(b->time[i] >> 8 * k);
		encode_plane(c, c->planes[0], b->nr, out);
	}
}

static void encode_u32(struct kmt_codec *c, const u32 *v, u32 n, struct bytes *out)
{
	u32 all = 0;
	unsigned int width;

	for (u32 i = 0; i < n; i++)
		all |= v[i];
	width = width_of(all);
	bytes_put_le(out, width, 1);
	for (unsigned int k = 0; k < width; k++) {
		for (u32 i = 0; i < n; i++)
			c->planes[0][i] = (u8)(v[i] >> 8 * k);
		encode_plane(c, c->planes[0], n, out);
	}
}

void kmt_block_encode(struct kmt_codec *c, const struct kmt_block *b, struct bytes *out)
{
	size_t head = out->n, payload;
	u64 sum;

	bytes_put_le(out, KMT_BLOCK_MAGIC, 4);
	bytes_put_le(out, b->nr, 4);
	bytes_put_le(out, b->nr_col[KMT_COL_ALLOC], 4);
	bytes_put_le(out, b->time_unit, 4);
	bytes_put_le(out, b->t_first_ns, 8);
	bytes_put_le(out, 0, 16); /* length of the payload, checksum */
	payload = out->n;
	for (int col = 0; col < NR_KMT_COLUMNS; col++) {
		if (col == KMT_COL_TIME)
			encode_time(c, b, out);
		else
			encode_u32(c, column_u32(b, (enum kmt_column)col), b->nr_col[col], out);
	}
	le_store(out->data + head + 24, out->n - payload, 8);
	sum = bytes_checksum(KMT_BLOCK_MAGIC, out->data + head, 32);
	sum = bytes_checksum(sum, out->data + payload, out->n - payload);
	le_store(out->data + head + 32, sum, 8);
}

/* The planes of one column into c->planes; the width, or -1. */
static int decode_planes(struct kmt_codec *c, struct bytes_reader *r, u32 n, unsigned int width_max)
{
	unsigned int width = (unsigned int)bytes_get_le(r, 1);

	if (r->bad || width > width_max)
		return -1;
	for (unsigned int k = 0; k < width; k++) {
		u64 len = bytes_get_le(r, 4);
		bool raw = len & PLANE_RAW;

		len &= ~(u64)PLANE_RAW;
		if (r->bad || r->n - r->pos < len)
			return -1;
		if (raw && len == n)
			memcpy(c->planes[k], r->data + r->pos, n);
		else if (raw ||
			 ZSTD_decompressDCtx(c->dctx, c->planes[k], n, r->data + r->pos, len) != n)
			return -1;
		r->pos += len;
	}
	return (int)width;
}

static int decode_u32(struct kmt_codec *c, struct bytes_reader *r, u32 *v, u32 n)
{
	int width = decode_planes(c, r, n, 4);
	u8(*p)[KMT_BLOCK_REQUESTS] = c->planes;

	switch (width) {
	case 0:
		memset(v, 0, n * sizeof(*v));
		return 0;
	case 1:
		for (u32 i = 0; i < n; i++)
			v[i] = p[0][i];
		return 0;
	case 2:
		for (u32 i = 0; i < n; i++)
			v[i] = p[0][i] | (u32)p[1][i] << 8;
		return 0;
	case 3:
		for (u32 i = 0; i < n; i++)
			v[i] = p[0][i] | (u32)p[1][i] << 8 | (u32)p[2][i] << 16;
		return 0;
	case 4:
		for (u32 i = 0; i < n; i++)
			v[i] = p[0][i] | (u32)p[1][i] << 8 | (u32)p[2][i] << 16 |
			       (u32)p[3][i] << 24;
		return 0;
	default:
		return -1;
	}
}

static int decode_time(struct kmt_codec *c, struct bytes_reader *r, u64 *v, u32 n)
{
	int width = decode_planes(c, r, n, 8);

	if (width < 0)
		return -1;
	memset(v, 0, n * sizeof(*v));
	for (int k = 0; k < width; k++)
		for (u32 i = 0; i < n; i++)
			v[i] |= (u64)c->planes[k][i] << 8 * k;
	return 0;
}

int kmt_block_decode(struct kmt_codec *c, struct kmt_block *b, const u8 *payload, size_t n)
{
	struct bytes_reader r = {.data = payload, .n = n};
	int bad = 0;

	for (int col = 0; col < NR_KMT_COLUMNS && !bad; col++) {
		if (col == KMT_COL_TIME)
			bad = decode_time(c, &r, b->time, b->nr);
		else
			bad = decode_u32(c, &r, column_u32(b, (enum kmt_column)col),
					 b->nr_col[col]);
	}
	return bad || r.pos != r.n ? -1 : 0;
}
