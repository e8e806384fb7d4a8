/*
 * A hash map from 64-bit keys to 32-bit values.
 */
#include "traces/map.h"

#include <stdlib.h>

#include "lib/mem.h"

#define MAP_SIZE_MIN 1024

void map_init(struct map *m)
{
	m->size = MAP_SIZE_MIN;
	m->nr = 0;
	m->entries = mem_alloc(m->size, sizeof(*m->entries));
}

void map_free(struct map *m)
{
	free(m->entries);
	*m = (struct map){0};
}

static struct map_entry *map_find(const struct map *m, u64 key)
{
	u64 i = map_hash(key) & (m->size - 1);

	while (m->entries[i].key && m->entries[i].key != key)
		i = (i + 1) & (m->size - 1);
	return &m->entries[i];
}

u32 *map_get(const struct map *m, u64 key)
{
	struct map_entry *e = map_find(m, key);

	return e->key ? &e->value : NULL;
}

static void map_grow(struct map *m)
{
	struct map old = *m;

	m->size *= 2;
	m->entries = mem_alloc(m->size, sizeof(*m->entries));
	for (u64 i = 0; i < old.size; i++)
		if (old.entries[i].key)
			*map_find(m, old.entries[i].key) = old.entries[i];
	free(old.entries);
}

u32 *map_put(struct map *m, u64 key, u32 fresh)
{
	struct map_entry *e = map_find(m, key);

	if (e->key)
		return &e->value;
	if (++m->nr * 2 > m->size) {
		map_grow(m);
		e = map_find(m, key);
	}
	e->key = key;
	e->value = fresh;
	return &e->value;
}

void map_remove(struct map *m, u64 key)
{
	struct map_entry *e = map_find(m, key);
	u64 mask = m->size - 1, hole = (u64)(e - m->entries);

	if (!e->key)
		return;
	for (u64 i = (hole + 1) & mask; m->entries[i].key; i = (i + 1) & mask) {
		u64 home = map_hash(m->entries[i].key) & mask;

		/* An entry may move back only as far as its home. */
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		m->entries[hole] = m->entries[i];
		hole = i;
	}
	m->entries[hole].key = 0;
	m->nr--;
}
