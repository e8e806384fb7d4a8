/*
 * Between the files of caching: magazines, depots, and the cache that has them.
 */
#ifndef ALLOC_SLAB_CACHING_H
#define ALLOC_SLAB_CACHING_H

#include "alloc/slab_alloc.h"

#define NR_SIZES 9
extern const u16 magazine_sizes[NR_SIZES]; /* rounds */

struct magazine {
	struct magazine *next; /* in the depot */
	void *rounds[];
};

struct cpu_magazines {
	struct magazine *loaded, *previous; /* NULL: none */
	u16 rounds, previous_rounds;
};

struct depot_list {
	struct magazine *first;
	u32 nr, least; /* fewest since the last look */
};

struct depot {
	spinlock_t lock;
	struct depot_list full, empty;
	u64 nr_contended; /* since the last look */
};

struct caching_options {
	u64 rounds, max_rounds, contention, interval_ns;
};

struct caching_slab {
	struct slab_allocator sa;
	struct caching_options o;
	struct slab_cache *magazines[NR_SIZES]; /* made when first needed */
	struct slab_control rooms[NR_SIZES];
	u8 *nearest; /* alloc/nearest.h */
};

/* What does not fit the caller's room. */
struct caching_state {
	struct slab_cache *cache;
	struct delayed_work look;
	struct cpu_magazines *cpus;
	unsigned int nr_depots;
	struct depot depots[];
};

struct caching_cache {
	struct slab_cache c;
	struct caching_slab *cs;
	struct caching_state *state;
	unsigned int size; /* index into magazine_sizes */
	unsigned int mark; /* offset of the word that says that an object lies in a magazine */
};
_Static_assert(sizeof(struct caching_cache) <= SLAB_CONTROL_BYTES, "fits the caller's room");

static inline struct caching_cache *to_caching(struct slab_cache *cache)
{
	return container_of(cache, struct caching_cache, c);
}

/* Where the CPUs of this node get their memory (numa_mem_id() on one of them). */
static inline int memory_node(const struct caching_cache *cc, int nid)
{
	return cc->cs->nearest[nid * kernel->nr_node_ids];
}

static inline struct depot *local_depot(const struct caching_cache *cc)
{
	return &cc->state->depots[numa_node_id()];
}

/* ---- Objects in magazines ---- */

static inline u64 *mark_of(const struct caching_cache *cc, void *object)
{
	return (u64 *)(void *)((char *)object + cc->mark);
}

static inline u64 in_magazine(const void *object)
{
	return ~virt_to_phys(object) ^ 0x6d6167617a696e65ULL;
}

/* ---- caching_depot.c ---- */

/* A full magazine in place of the previous, empty one: false if the depot has none. */
bool depot_load_full(struct caching_cache *cc, struct cpu_magazines *m);
/* An empty one, the previous, full one to the depot: false if none can be had. */
bool depot_load_empty(struct caching_cache *cc, struct cpu_magazines *m);
/* Everything in magazines goes back to the base, and the magazines too. */
void caching_give_all_back(struct caching_cache *cc);
/* The depot gives back what nobody needed since the last look; true if it still holds any. */
bool depot_trim(struct caching_cache *cc, struct depot *d);
/* The last cache is gone: so are those of its magazines. */
void caching_destroy_magazine_caches(struct caching_slab *cs);
/* Recounts all magazines of the cache; ASSERTs. */
void caching_check_magazines(struct caching_cache *cc);

#endif
