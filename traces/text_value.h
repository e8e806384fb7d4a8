/*
 * Values as trace text writes them: numbers, pointers, times.
 *
 * Every text ends in a character that is part of no value ('\n' at a line's end): so none of these
 * needs to be told where it ends. Each moves *p behind what it has read, and leaves it where
 * reading failed. Eight bytes are looked at a time: at least 24 can be read behind the end
 * (TEXT_SLACK).
 */
#ifndef TRACES_TEXT_VALUE_H
#define TRACES_TEXT_VALUE_H

#include <endian.h>
#include <string.h>

#include "lib/bits.h"
#include "lib/types.h"

#define TEXT_EACH(byte) (0x0101010101010101ULL * (byte)) /* the byte, eight times */
#define TEXT_HIGH TEXT_EACH(0x80)

/* Eight characters, the first one lowest. */
static inline u64 text_load8(const char *p)
{
	u64 v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/* The next blank, line end or other control character. */
static inline const char *text_word_end(const char *p)
{
	u64 x, found;

	while (x = text_load8(p), !(found = (x - TEXT_EACH('!')) & ~x & TEXT_HIGH))
		p += 8;
	return p + bit_lowest(found) / 8;
}

/* Decimal, or hexadecimal after 0x. False: no number, or above 64 bits. */
bool text_number(const char **p, u64 *v);

enum text_pointer { TEXT_POINTER, TEXT_POINTER_HASHED, TEXT_POINTER_BAD };

/*
 * %p of kernels and of trace-cmd: hexadecimal with and without 0x; (nil), (null), also behind
 * blanks; ____ptrval____. Hashed: what kernels from 4.15 on print in place of an address.
 */
enum text_pointer text_pointer(const char **p, u64 *ptr);

/* SECONDS.FRACTION with up to nine digits behind the point; a whole number is nanoseconds. */
bool text_time(const char **p, u64 *ns);

#endif
