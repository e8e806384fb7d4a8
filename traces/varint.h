/*
 * Numbers of any size in as few bytes as they need: seven bits a byte, low ones first, the top bit
 * set on all but the last. A step is the distance to the number before: forward ones even, backward
 * ones odd.
 */
#ifndef TRACES_VARINT_H
#define TRACES_VARINT_H

#include "traces/bytes.h"

static inline void put_varint(struct bytes *b, u64 v)
{
	for (; v >= 128; v >>= 7)
		bytes_put_le(b, (v & 127) | 128, 1);
	bytes_put_le(b, v, 1);
}

static inline u64 get_varint(struct bytes_reader *r)
{
	u64 v = 0;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		u64 byte = bytes_get_le(r, 1);

		v |= (byte & 127) << shift;
		if (byte < 128)
			return v;
	}
	r->bad = true;
	return 0;
}

static inline void put_step(struct bytes *b, u64 *last, u64 v)
{
	put_varint(b, v >= *last ? (v - *last) << 1 : ((*last - v) << 1) - 1);
	*last = v;
}

static inline u64 get_step(struct bytes_reader *r, u64 *last)
{
	u64 step = get_varint(r);

	*last += step & 1 ? -((step + 1) >> 1) : step >> 1;
	return *last;
}

/* How many rows follow: each takes at least one byte. */
static inline u64 get_row_count(struct bytes_reader *r)
{
	u64 nr = get_varint(r);

	if (r->bad || nr > r->n - r->pos)
		r->bad = true;
	return r->bad ? 0 : nr;
}

#endif
