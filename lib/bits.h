/*
 * Bits of words and bitmaps of words.
 */
#ifndef LIB_BITS_H
#define LIB_BITS_H

#include "lib/types.h"

#define BITS_PER_WORD 64

/* Position of the highest set bit, 0..63; x must not be 0. */
static inline unsigned int bit_highest(u64 x)
{
	return 63U - (unsigned int)__builtin_clzll(x);
}

/* Position of the lowest set bit, 0..63; x must not be 0. */
static inline unsigned int bit_lowest(u64 x)
{
	return (unsigned int)__builtin_ctzll(x);
}

static inline bool is_power_of_2(u64 x)
{
	return x && !(x & (x - 1));
}

static inline bool bit_test(const u64 *map, u64 bit)
{
	return map[bit / BITS_PER_WORD] >> (bit % BITS_PER_WORD) & 1;
}

static inline void bit_set(u64 *map, u64 bit)
{
	map[bit / BITS_PER_WORD] |= 1ULL << (bit % BITS_PER_WORD);
}

static inline void bit_clear(u64 *map, u64 bit)
{
	map[bit / BITS_PER_WORD] &= ~(1ULL << (bit % BITS_PER_WORD));
}

#endif
