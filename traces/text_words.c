/*
 * Words that come again and again in trace text.
 */
#include "traces/text_words.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "traces/text_value.h"

void text_words_init(struct text_words *w)
{
	*w = (struct text_words){0};
	names_init(&w->names);
}

void text_words_free(struct text_words *w)
{
	names_free(&w->names);
	free(w->values);
}

static u32 slot_of(const char *text, size_t len)
{
	u64 first = text_load8(text), last = 0, hash;

	if (len >= 8)
		last = text_load8(text + len - 8);
	else
		first &= ~(~0ULL << 8 * len);
	hash = (first * 0x9e3779b97f4a7c15ULL) ^ (last * 0xc4ceb9fe1a85ec53ULL) ^ len;
	return (u32)(hash >> 40) % TEXT_WORD_SLOTS;
}

u32 text_words_number(struct text_words *w, const char *text, size_t len, bool *fresh)
{
	u32 slot = slot_of(text, len), nr = w->names.nr, at = w->slots[slot].at;

	*fresh = false;
	if (len && w->slots[slot].len == len && !memcmp(w->names.text[at], text, len))
		return at;
	at = names_add(&w->names, text, len);
	*fresh = at == nr;
	w->slots[slot].len = (u32)len;
	w->slots[slot].at = at;
	return at;
}

u32 *text_words_value(struct text_words *w, const char *text, size_t len, bool *fresh)
{
	u32 at = text_words_number(w, text, len, fresh);

	if (*fresh && at == w->max)
		MEM_ROOM(w->values, at, w->max);
	return &w->values[at];
}
