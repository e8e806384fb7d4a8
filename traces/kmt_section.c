/*
 * Optional sections of a .kmt file, behind its blocks: what a reader may want besides the requests.
 */
#include <stdlib.h>
#include <zstd.h>

#include "lib/assert.h"
#include "lib/mem.h"
#include "traces/kmt_format.h"

#define SECTION_ZSTD_LEVEL 9
void kmt_section_encode(u32 kind, const u8 *data, size_t n, struct bytes *out)
{
	size_t start = out->n, bound = ZSTD_compressBound(n), len;
	u8 *h;

	ASSERT(n <= KMT_SECTION_BYTES_MAX);
	bytes_reserve(out, KMT_SECTION_HEADER_BYTES + bound);
	h = out->data + start;
	len = ZSTD_compress(h + KMT_SECTION_HEADER_BYTES, bound, data, n, SECTION_ZSTD_LEVEL);
	ASSERT(!ZSTD_isError(len));
	le_store(h, KMT_SECTION_MAGIC, 4);
	le_store(h + 4, kind, 4);
	le_store(h + 8, n, 8);
	le_store(h + 16, len, 8);
	le_store(h + 24, bytes_checksum(KMT_SECTION_MAGIC, h + KMT_SECTION_HEADER_BYTES, len), 8);
	le_store(h + 32, bytes_checksum(KMT_SECTION_MAGIC, h, 32), 8);
	out->n += KMT_SECTION_HEADER_BYTES + len;
}

int kmt_section_decode(const u8 *h, struct kmt_section *s)
{
	s->kind = (u32)le_load(h + 4, 4);
	s->raw_len = le_load(h + 8, 8);
	s->len = le_load(h + 16, 8);
	s->sum = le_load(h + 24, 8);
	s->header_sum = le_load(h + 32, 8);
	return le_load(h, 4) != KMT_SECTION_MAGIC || s->raw_len > KMT_SECTION_BYTES_MAX ||
			       s->header_sum != bytes_checksum(KMT_SECTION_MAGIC, h, 32)
		       ? -1
		       : 0;
}

u8 *kmt_section_unpack(const struct kmt_section *s, const u8 *packed)
{
	u8 *raw;

	if (bytes_checksum(KMT_SECTION_MAGIC, packed, s->len) != s->sum)
		return NULL;
	raw = mem_alloc(s->raw_len + 1, 1);
	if (ZSTD_decompress(raw, s->raw_len, packed, s->len) == s->raw_len)
		return raw;
	free(raw);
	return NULL;
}
