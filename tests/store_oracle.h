/*
 * The oracle of the store fuzzer: it believes nothing a store says and checks what it hands out.
 *
 * It knows every live object, its length and what was written. Where the contents lie is asked
 * anew when they may have moved: no two objects' spans overlap (a bit for every byte of simulated
 * memory), spans lie in the store's own pages, and hold what was written.
 */
#ifndef TESTS_STORE_ORACLE_H
#define TESTS_STORE_ORACLE_H

#include "alloc/store_alloc.h"

#define STORE_OBJECTS_MAX 2048

struct store_object {
	unsigned long handle;
	u32 size;
	u64 key; /* of what was written, sim/contents.h */
	struct store_span spans[STORE_SPANS_MAX];
	int nr_spans; /* as they were when the oracle looked last */
};

struct store_oracle {
	struct store *store;
	u64 *used;		   /* bitmap, a bit for each byte */
	struct store_object *live; /* STORE_OBJECTS_MAX */
	unsigned int nr_live;
	u64 live_bytes, next_key;
	u64 nr_runs;	 /* of compaction, when it looked last: nothing moves otherwise */
	char wrong[256]; /* the first thing found wrong; "" so far: nothing */
};

/* NULL store: nothing is checked, it is set later. */
void store_oracle_init(struct store_oracle *o, struct store *store);
void store_oracle_fini(struct store_oracle *o);

/*
 * Does it all: what is allocated is written, what is freed is looked at before. False: the store
 * refused to allocate.
 */
bool store_oracle_malloc(struct store_oracle *o, u32 size, gfp_t flags);
void store_oracle_free(struct store_oracle *o, unsigned int i);
void store_oracle_write(struct store_oracle *o, unsigned int i);
void store_oracle_read(struct store_oracle *o, unsigned int i);
/* Up to so much; what the run says of itself must be so. */
struct store_compact store_oracle_compact(struct store_oracle *o, u64 goal_pages, u64 bytes_max);
/* All objects, the store's own books, and its check. */
void store_oracle_verify(struct store_oracle *o);

/*
 * Reports of the machine from here on: what says that somebody misused the store, or that it is
 * damaged, is wrong.
 */
void store_oracle_listen(struct store_oracle *o);

void store_oracle_wrong(struct store_oracle *o, const char *fmt, ...) __printf(2, 3);

#endif
