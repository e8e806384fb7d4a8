/*
 * Blocks of free frames in one word of a bitmap: a bit a frame, set: in use.
 *
 * The word is folded: after k steps bit i says that 2^k frames from i on are free.
 */
#ifndef ALLOC_PAGES_BIT_BLOCKS_H
#define ALLOC_PAGES_BIT_BLOCKS_H

#include "lib/bits.h"

#define WORD_ORDER 6 /* a word holds the bits of a block of this order */

/* Bits at multiples of 2^order. */
static const u64 aligned_bits[WORD_ORDER] = {~0ULL,
					     0x5555555555555555,
					     0x1111111111111111,
					     0x0101010101010101,
					     0x0001000100010001,
					     0x0000000100000001};

/* A bit where an aligned block of 2^order free frames starts; order below WORD_ORDER. */
static inline u64 free_blocks(u64 used, int order)
{
	u64 free = ~used;

	for (int k = 0; k < order; k++)
		free &= free >> (1U << k);
	return free & aligned_bits[order];
}

static inline bool words_are_free(const u64 *used, unsigned long word, unsigned long nr)
{
	for (unsigned long i = 0; i < nr; i++)
		if (used[word + i])
			return false;
	return true;
}

/* All aligned free blocks of this order in so many words, parts of larger ones too. */
static inline u64 count_free_blocks(const u64 *used, unsigned long nr_words, int order)
{
	unsigned long step = order < WORD_ORDER ? 1 : 1UL << (order - WORD_ORDER);
	u64 n = 0;

	for (unsigned long word = 0; word < nr_words; word += step)
		n += order < WORD_ORDER ? (u64)__builtin_popcountll(free_blocks(used[word], order))
					: words_are_free(used, word, step);
	return n;
}

#endif
