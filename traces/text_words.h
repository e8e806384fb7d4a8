/*
 * Words that come again and again in trace text, each with a number that it stands for: call sites,
 * allocation flags, names.
 *
 * Before the table of all words stands a cache, found by a word's first and last eight bytes: that
 * is what nearly every look-up costs.
 */
#ifndef TRACES_TEXT_WORDS_H
#define TRACES_TEXT_WORDS_H

#include "traces/names.h"

#define TEXT_WORD_SLOTS 2048

struct text_words {
	struct names names;
	u32 *values;
	u32 max;
	struct {
		u32 len, at;
	} slots[TEXT_WORD_SLOTS]; /* len 0: free */
};

void text_words_init(struct text_words *w);
void text_words_free(struct text_words *w);
/* The number of the word, by first appearance; *fresh: it was not seen before. Eight bytes from
 * `text` on can be read, however short it is. */
u32 text_words_number(struct text_words *w, const char *text, size_t len, bool *fresh);
/* The place of the value that a word stands for, valid until the next call; *fresh: it has none
 * yet. */
u32 *text_words_value(struct text_words *w, const char *text, size_t len, bool *fresh);

#endif
