/*
 * Maps of pageblocks, packed.
 */
#include "reports/cells.h"

#include <string.h>

static size_t number_put(u8 *at, size_t v)
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		at[n++] = (u8)(v | 0x80);
	at[n++] = (u8)v;
	return n;
}

size_t cells_pack(const struct sink_cell *cells, size_t n, u8 *packed)
{
	size_t bytes = 0, next;

	for (size_t i = 0; i < n; i = next) {
		next = i + 1;
		while (next < n && !memcmp(&cells[next], &cells[i], sizeof(*cells)))
			next++;
		bytes += number_put(packed + bytes, next - i);
		memcpy(packed + bytes, &cells[i], sizeof(*cells));
		bytes += sizeof(*cells);
	}
	return bytes;
}

/* Bytes of the number; 0 if it does not end. */
static size_t number_get(const u8 *at, size_t bytes, size_t *v)
{
	*v = 0;
	for (size_t n = 0; n < bytes && n < 5; n++) {
		*v |= (size_t)(at[n] & 0x7f) << (7 * n);
		if (!(at[n] & 0x80))
			return n + 1;
	}
	return 0;
}

bool cells_unpack(const u8 *packed, size_t bytes, struct sink_cell *cells, size_t n)
{
	size_t at = 0, done = 0;

	while (at < bytes) {
		size_t run, used = number_get(packed + at, bytes - at, &run);

		if (!used || bytes - at - used < sizeof(*cells) || !run || run > n - done)
			return false;
		for (size_t i = 0; i < run; i++)
			memcpy(&cells[done + i], packed + at + used, sizeof(*cells));
		done += run;
		at += used + sizeof(*cells);
	}
	return done == n;
}

size_t moves_pack(const struct sink_moves *moves, size_t n, u8 *packed)
{
	size_t bytes = 0, next;

	for (size_t i = 0; i < n; i = next) {
		next = i + 1;
		while (next < n && !memcmp(&moves[next], &moves[i], sizeof(*moves)))
			next++;
		bytes += number_put(packed + bytes, next - i);
		bytes += number_put(packed + bytes, moves[i].from);
		bytes += number_put(packed + bytes, moves[i].to);
	}
	return bytes;
}

bool moves_unpack(const u8 *packed, size_t bytes, struct sink_moves *moves, size_t n)
{
	size_t at = 0, done = 0;

	while (at < bytes) {
		size_t value[3];

		for (int i = 0; i < 3; i++) {
			size_t used = number_get(packed + at, bytes - at, &value[i]);

			if (!used)
				return false;
			at += used;
		}
		if (!value[0] || value[0] > n - done || max(value[1], value[2]) > UINT32_MAX)
			return false;
		for (size_t i = 0; i < value[0]; i++)
			moves[done++] = (struct sink_moves){(u32)value[1], (u32)value[2]};
	}
	return done == n;
}
