/*
 * A growing array of bytes, and numbers in it: little-endian, whatever the host is.
 *
 * Reading is bounds-checked: past the end it gives zeros and sets `bad`, so that a parser looks
 * once, at its end. Writing cannot fail but for memory, which ends the process (ASSERT).
 */
#ifndef TRACES_BYTES_H
#define TRACES_BYTES_H

#include <endian.h>
#include <string.h>

#include "lib/types.h"

struct bytes {
	u8 *data;
	size_t n, max;
};

void bytes_reserve(struct bytes *b, size_t more);
void bytes_put(struct bytes *b, const void *data, size_t n);
void bytes_put_le(struct bytes *b, u64 v, unsigned int width);
/* Length (4 bytes), then the characters; NULL is written as "". */
void bytes_put_text(struct bytes *b, const char *s);
void bytes_free(struct bytes *b);

struct bytes_reader {
	const u8 *data;
	size_t n, pos;
	bool bad;
};

u64 bytes_get_le(struct bytes_reader *r, unsigned int width);
/* A copy, NUL-terminated; the caller frees. NULL (and bad) past the end. */
char *bytes_get_text(struct bytes_reader *r);

static inline void le_store(u8 *p, u64 v, unsigned int width)
{
	for (unsigned int i = 0; i < width; i++, v >>= 8) /* beyond eight bytes: zeroes */
		p[i] = (u8)v;
}

static inline u64 le_load(const u8 *p, unsigned int width)
{
	u64 v = 0;

	if (width == 8) { /* compilers do not see through the loop */
		memcpy(&v, p, 8);
		return le64toh(v);
	}

	for (unsigned int i = 0; i < width; i++)
		v |= (u64)p[i] << 8 * i;
	return v;
}

/* Checksum of n bytes, over 64-bit words: changing any one word always changes it. */
u64 bytes_checksum(u64 digest, const u8 *data, size_t n);

#endif
