/*
 * Numbers in use; always hands out the smallest free one.
 */
#include "lib/idset.h"

#include <stdlib.h>

#include "lib/assert.h"
#include "lib/bits.h"
#include "lib/mem.h"

/* All levels but the top grow as needed; the top is always a single word. */
static void grow_level(struct idset *s, unsigned int level, u64 words)
{
	u64 old = s->words[level];

	if (words <= old)
		return;
	words = max(words, old * 2);
	s->full[level] = mem_grow_zeroed(s->full[level], old, words, sizeof(u64));
	s->words[level] = words;
}

void idset_init(struct idset *s)
{
	*s = (struct idset){.levels = 1};
	grow_level(s, 0, 1);
}

void idset_free(struct idset *s)
{
	for (unsigned int i = 0; i < IDSET_LEVELS; i++)
		free(s->full[i]);
	*s = (struct idset){0};
}

static void add_level(struct idset *s)
{
	ASSERT(s->levels < IDSET_LEVELS);
	grow_level(s, s->levels, 1);
	s->full[s->levels][0] = 1; /* what the old top covered is full */
	s->levels++;
}

u32 idset_take(struct idset *s)
{
	u64 at = 0;

	if (s->full[s->levels - 1][0] == ~0ULL)
		add_level(s);
	for (unsigned int k = s->levels; k-- > 0;) {
		grow_level(s, k, at + 1);
		at = at * BITS_PER_WORD + bit_lowest(~s->full[k][at]);
	}
	ASSERT(at <= UINT32_MAX);
	for (u64 k = 0, id = at; k < s->levels; k++, id /= BITS_PER_WORD) {
		bit_set(s->full[k], id);
		if (s->full[k][id / BITS_PER_WORD] != ~0ULL)
			break;
	}
	return (u32)at;
}

void idset_put(struct idset *s, u32 id)
{
	u64 bit = id;

	ASSERT(id / BITS_PER_WORD < s->words[0] && bit_test(s->full[0], id));
	for (unsigned int k = 0; k < s->levels; k++, bit /= BITS_PER_WORD)
		bit_clear(s->full[k], bit);
}
