/*
 * The state at time zero: where the objects lay that were alive when the first snapshot was taken.
 *
 * Time zero is the mark "SNAP LABEL end shrink" of the first label; without it the last "SNAP LABEL
 * end ..." of that label; without any the start of the trace. A warm start (warm.h) goes from here.
 *
 * The one question everybody asks: *which of it was seen, and when?* A slot is in the table if an
 * event before time zero named its address, or one after it did while the page had not gone back
 * since: if that was a free, the object was alive at time zero; if an allocation, the slot was
 * free. Slots that no event names are not here.
 */
#ifndef TRACES_STATE_H
#define TRACES_STATE_H

#include "lib/err.h"
#include "lib/types.h"
#include "traces/bytes.h"

#define STATE_FREE (~0U)

struct state_slot {
	u64 ptr;    /* on the recorded machine, from the start of its direct map */
	u32 object; /* id at time zero; STATE_FREE */
	u32 cache;  /* of a free slot; of others their request tells */
};

struct state_block {
	u64 pfn;
	u32 object;
	u8 order;
};

struct state {
	u64 t_ns;		   /* time zero, since the start of the load */
	u64 position;		   /* requests of the load before it */
	struct state_slot *slots;  /* by address */
	struct state_block *pages; /* of page requests alive; by frame */
	struct state_block *dead;  /* slab pages that went back later; by frame; object unused */
	u64 nr_slots, nr_pages, nr_dead;
};

void state_free(struct state *s);
/* As FORMAT.md has it. */
void state_encode(const struct state *s, struct bytes *out);
/* -1 with e set: it contradicts itself. Objects are below nr_objects, caches below nr_caches. */
int __must_check state_decode(struct state *s, const u8 *data, size_t n, u64 nr_objects,
			      u32 nr_caches, struct err *e);

#endif
