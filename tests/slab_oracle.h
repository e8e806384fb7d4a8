/*
 * The oracle of the slab fuzzer: it believes nothing an allocator says and checks what it hands
 * out.
 *
 * A bit for every 8 bytes of simulated memory tells what is in use, so no two objects overlap; each
 * object is filled with a stamp of its own when it is handed out and must still carry it when it is
 * freed.
 */
#ifndef TESTS_SLAB_ORACLE_H
#define TESTS_SLAB_ORACLE_H

#include "alloc/slab_alloc.h"

#define ORACLE_OBJECTS_MAX 4096

struct oracle_object {
	struct slab_cache *cache;
	void *address;
	u32 stamp;
};

struct oracle {
	u64 *used;		    /* bitmap, 8 bytes each */
	struct oracle_object *live; /* ORACLE_OBJECTS_MAX */
	unsigned int nr_live;
	u32 next_stamp;
	char wrong[256]; /* the first thing found wrong; "" so far: nothing */
};

void oracle_init(struct oracle *o);
void oracle_fini(struct oracle *o);
/* An object was handed out; node: where it must lie, -1: anywhere. */
void oracle_allocated(struct oracle *o, struct slab_cache *cache, unsigned int align, void *object,
		      int node);
/* Before a free: forgets object number i. */
void oracle_freeing(struct oracle *o, unsigned int i);
/* Object number i was copied to another address and is about to be freed. */
void oracle_moved(struct oracle *o, unsigned int i, void *to);
/* All objects that are alive still carry their stamps. */
void oracle_verify(struct oracle *o);

#endif
