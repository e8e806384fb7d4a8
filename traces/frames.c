/*
 * What is known of each page frame of the recorded machine.
 */
#include "traces/frames.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

void frames_init(struct frames *fs)
{
	*fs = (struct frames){0};
	map_init(&fs->by_chunk);
}

void frames_free(struct frames *fs)
{
	map_free(&fs->by_chunk);
	free(fs->chunks);
	*fs = (struct frames){0};
}

static u32 new_chunk(struct frames *fs)
{
	struct frame *f;

	MEM_ROOM(fs->chunks, fs->nr_chunks, fs->chunks_max);
	f = fs->chunks[fs->nr_chunks];
	memset(f, 0, sizeof(*fs->chunks));
	for (int i = 0; i < 64; i++)
		f[i].cache = FRAME_CACHE_UNKNOWN;
	return fs->nr_chunks++;
}

struct frame *frames_get(struct frames *fs, u64 pfn)
{
	u64 key = pfn / 64 + 1;

	if (key != fs->last_key) {
		u32 *at = map_put(&fs->by_chunk, key, UINT32_MAX);

		if (*at == UINT32_MAX)
			*at = new_chunk(fs);
		fs->last_chunk = *at;
		fs->last_key = key;
	}
	return &fs->chunks[fs->last_chunk][pfn % 64];
}
