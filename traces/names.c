/*
 * Strings, each once.
 */
#include "traces/names.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "traces/bytes.h"

void names_init(struct names *n)
{
	*n = (struct names){0};
	map_init(&n->by_hash);
}

void names_free(struct names *n)
{
	for (u32 i = 0; i < n->nr; i++)
		free(n->text[i]);
	free(n->text);
	map_free(&n->by_hash);
	*n = (struct names){0};
}

u32 names_add(struct names *n, const char *text, size_t len)
{
	u64 hash = bytes_checksum(1, (const u8 *)text, len);
	u32 *at;

	/* Unequal strings of equal hash: probe with the next hash. */
	for (;; hash++) {
		at = map_put(&n->by_hash, hash ? hash : 1, UINT32_MAX);
		if (*at == UINT32_MAX)
			break;
		if (!strncmp(n->text[*at], text, len) && !n->text[*at][len])
			return *at;
	}
	MEM_ROOM(n->text, n->nr, n->max);
	n->text[n->nr] = mem_dup_n(text, len);
	*at = n->nr;
	return n->nr++;
}
