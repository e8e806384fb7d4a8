/*
 * What is written to stored objects.
 *
 * Theory: word i of an object is word i of one table of random words, changed by the object's key.
 * So each word depends on where it belongs and whose it is, and the host makes them many at a time.
 *
 * Invariant: the same key and position give the same byte on every machine.
 */
#include "sim/contents.h"

#include <string.h>

#include "lib/assert.h"
#include "lib/digest.h"

#define WORDS (CONTENTS_MAX / 8)

static const u64 *table(void)
{
	static __thread u64 words[WORDS];

	if (!words[0])
		for (u64 i = 0; i < WORDS; i++)
			words[i] = digest_u64(DIGEST_INIT, i + 1) | 1;
	return words;
}

void contents_make(void *buf, size_t n, u64 key)
{
	const u64 *words = table();
	u64 word, mixed = digest_u64(DIGEST_INIT, key);
	size_t i;

	ASSERT(n <= CONTENTS_MAX);
	for (i = 0; i < n / 8; i++) {
		word = words[i] ^ mixed;
		memcpy((char *)buf + 8 * i, &word, 8);
	}
	word = words[min(i, (size_t)WORDS - 1)] ^ mixed;
	memcpy((char *)buf + 8 * i, &word, n % 8);
}

bool contents_same(const void *buf, size_t from, size_t n, u64 key)
{
	char wanted[CONTENTS_MAX];

	ASSERT(n <= CONTENTS_MAX && from <= CONTENTS_MAX - n);
	contents_make(wanted, from + n, key);
	return !memcmp(wanted + from, buf, n);
}
