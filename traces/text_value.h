/*
 * Values as trace text writes them: numbers, pointers, times.
 *
 * Every text ends in a character that is part of no value ('\n' at a line's end): so none of these
 * needs to be told where it ends. Each moves *p behind what it has read, and leaves it where
 * reading failed.
 */
#ifndef TRACES_TEXT_VALUE_H
#define TRACES_TEXT_VALUE_H

#include "lib/types.h"

/* Decimal, or hexadecimal after 0x. False: no number, or above 64 bits. */
bool text_number(const char **p, u64 *v);

enum text_pointer { TEXT_POINTER, TEXT_POINTER_HASHED, TEXT_POINTER_BAD };

/*
 * %p of kernels and of trace-cmd: hexadecimal with and without 0x; (nil), (null), also behind blanks;
 * ____ptrval____. Hashed: what kernels from 4.15 on print in place of an address.
 */
enum text_pointer text_pointer(const char **p, u64 *ptr);

/* SECONDS.FRACTION with up to nine digits behind the point; a whole number is nanoseconds. */
bool text_time(const char **p, u64 *ns);

#endif
