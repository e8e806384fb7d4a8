/*
 * A growing array of bytes, and numbers in it.
 */
#include "traces/bytes.h"

#include <stdlib.h>

#include "lib/digest.h"
#include "lib/mem.h"

void bytes_reserve(struct bytes *b, size_t more)
{
	if (b->n + more <= b->max)
		return;
	b->max = max(b->n + more, b->max * 2);
	b->data = mem_grow(b->data, b->max, 1);
}

void bytes_put(struct bytes *b, const void *data, size_t n)
{
	if (!n)
		return;
	bytes_reserve(b, n);
	memcpy(b->data + b->n, data, n);
	b->n += n;
}

void bytes_put_le(struct bytes *b, u64 v, unsigned int width)
{
	bytes_reserve(b, width);
	le_store(b->data + b->n, v, width);
	b->n += width;
}

void bytes_put_text(struct bytes *b, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	bytes_put_le(b, n, 4);
	bytes_put(b, s, n);
}

void bytes_free(struct bytes *b)
{
	free(b->data);
	*b = (struct bytes){0};
}

u64 bytes_get_le(struct bytes_reader *r, unsigned int width)
{
	u64 v;

	if (r->bad || r->n - r->pos < width) {
		r->bad = true;
		return 0;
	}
	v = le_load(r->data + r->pos, width);
	r->pos += width;
	return v;
}

char *bytes_get_text(struct bytes_reader *r)
{
	size_t n = bytes_get_le(r, 4);
	char *s;

	if (r->bad || r->n - r->pos < n) {
		r->bad = true;
		return NULL;
	}
	s = mem_alloc(n + 1, 1);
	memcpy(s, r->data + r->pos, n);
	r->pos += n;
	return s;
}

u64 bytes_checksum(u64 digest, const u8 *data, size_t n)
{
	size_t i = 0;

	for (; i + 8 <= n; i += 8)
		digest = digest_u64(digest, le_load(data + i, 8));
	if (i < n)
		digest = digest_u64(digest, le_load(data + i, (unsigned int)(n - i)));
	return digest_u64(digest, n);
}
