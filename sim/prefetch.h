/*
 * What the next requests will touch, asked of the host ahead of time.
 *
 * Theory. Objects of a load are spread over memory, so nearly every request misses the host's
 * caches twice, one miss after the other. Some requests ahead the record is asked for; later, when
 * it is there, the memory it names.
 */
#ifndef SIM_PREFETCH_H
#define SIM_PREFETCH_H

#include "sim/replay.h"

/* How far ahead the loop asks the host for the object's record and for its memory. */
#define PREFETCH_RECORD 16
#define PREFETCH_MEMORY 6

/*
 * Asks the host for what the next requests will touch: first the record, then the memory it names.
 */
static inline void prefetch(const struct replay *rp, const struct request *batch, long i, long n)
{
	const struct object *objects = rp->acc.objects;

	if (i + PREFETCH_RECORD < n)
		__builtin_prefetch(&objects[batch[i + PREFETCH_RECORD].object], 1);
	if (i + PREFETCH_MEMORY < n && request_is_free(batch[i + PREFETCH_MEMORY].kind)) {
		u32 id = batch[i + PREFETCH_MEMORY].object; /* not proved yet */
		const void *addr = likely(id < rp->acc.nr_objects_max) ? objects[id].addr : NULL;

		if (addr) {
			__builtin_prefetch(addr, 1);
			__builtin_prefetch(virt_to_page(addr), 1);
		}
	}
}

#endif
