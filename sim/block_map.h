/*
 * Maps of the machine's pageblocks over time: the frames of a film.
 *
 * The one question everybody asks: *what does a map cost?* Nothing of it is simulated. The books it
 * is made from are a line for each pageblock, kept where pages are given out and taken back; a map
 * reads them once, 8 bytes for each 2 MiB of the machine, about 40 times a run.
 */
#ifndef SIM_BLOCK_MAP_H
#define SIM_BLOCK_MAP_H

#include "alloc/page_alloc.h"
#include "sim/sink.h"

#define BLOCK_MAP_FRAMES 40
#define BLOCK_MAP_CELLS 4096 /* of the whole machine, at most, but for what zones round up */

struct block_map {
	u64 next_ns, every_ns;
	unsigned int nr_left; /* a load may last longer than its tables say */
};

void block_map_init(struct block_map *b, u64 duration_ns);
/* The next sample is the last: it has a map, whatever the interval. */
void block_map_due(struct block_map *b);
/* Hands the sink a map of each zone, if one is due. NULL: nobody listens. */
void block_map_sample(struct block_map *b, const struct page_allocator *pa, struct sink *sink,
		      u64 t_ns);

#endif
