/*
 * A hash map from 64-bit keys (never 0) to 32-bit values. Open addressing with linear probing;
 * removal moves later entries back, so lookups never walk over graves. At most half full.
 */
#ifndef TRACES_MAP_H
#define TRACES_MAP_H

#include "lib/types.h"

struct map_entry {
	u64 key; /* 0: free */
	u32 value;
};

struct map {
	struct map_entry *entries;
	u64 size, nr; /* size is a power of two */
};

void map_init(struct map *m);
void map_free(struct map *m);
/* The value's place, NULL if absent; valid until the next map_put or map_remove. */
u32 *map_get(const struct map *m, u64 key);
/* The value's place, new ones set to `fresh`. */
u32 *map_put(struct map *m, u64 key, u32 fresh);
void map_remove(struct map *m, u64 key);

/* Addresses share their low bits and often their high ones: multiply and take the top. */
static inline u64 map_hash(u64 key)
{
	return (key * 0x9e3779b97f4a7c15ULL) >> 20;
}

#endif
