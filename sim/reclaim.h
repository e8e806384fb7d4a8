/*
 * What a made-up load lets reclaim take: its page cache, objects of its caches that can be made
 * again (dentries, inodes), and what its store would need less of after compaction.
 *
 * The one question everybody asks: *what becomes of an object that is taken?* The load still has
 * it, by its id, but it occupies no memory. At its next access it is had anew, on the CPU that had
 * it: a fault (refault.c). If the load gives it up before, that is all.
 */
#ifndef SIM_RECLAIM_H
#define SIM_RECLAIM_H

#include "alloc/mm.h"
#include "sim/lru.h"
#include "sim/replay.h"

struct reclaim_node {
	spinlock_t lru_lock;
	u32 age; /* pages evicted and activated so far (nonresident_age, mm/workingset.c) */
	u64 activated, seen_activated; /* pages that came back to the active list at once */
};

/* A cache of the load's, by its index there. */
struct shrinker {
	u64 *nr_deferred; /* by node: to be looked at by whoever may */
};

/* The stack's store: what it could free by compaction, whichever node it lies on. */
struct store_shrinker {
	u64 nr_deferred;
	bool compacts;
	unsigned int nr_classes; /* that a look at what it could free passes */
	u64 stuck; /* pages that seemed to be free when it was compacted, and did not come */
};

struct reclaim_counts {
	u64 evicted_objs;
	u64 refaulted_pages, refaulted_objs, refused;
	u64 written_pages;
	u64 refault_ns; /* CPU time of faults */
};

/* Of a run in which there may be something to take. */
struct reclaim {
	struct source *source;
	struct lru lru;
	struct reclaim_node *nodes;
	struct shrinker *shrinkers;
	u32 nr_shrinkers;
	struct store_shrinker store;
	/* The request that runs is for pages: no allocator of objects is in the middle of it. */
	bool objects_may_go;
	struct rng faults;
	struct fault *free_faults;
	struct list_head fault_chunks;
	struct reclaim_counts counts;
};

/* Sets rp->reclaim, if there may be something to take. */
void reclaim_begin(struct replay *rp, const struct trial *t);
/* Nothing is taken from here on, and nothing comes back. */
void reclaim_end(struct replay *rp);

/* The request was served, or refused: o is its object's record. */
void reclaim_asked(struct replay *rp, const struct request *r, struct object *o);
/* The load gives it up at t_ns: until then it may be taken, but not from here on. */
void reclaim_freeing(struct replay *rp, struct object *o, u64 t_ns);
/* The load gives up an object that is not in memory. */
void reclaim_given_up(struct replay *rp, struct object *o);
/* ASSERTs. */
void reclaim_check(const struct replay *rp);

/* Of mm_ops. */
bool reclaim_shrink_node(struct scan_control *sc);
void reclaim_snapshot_refaults(int nid);
unsigned long reclaim_pages(int nid, int highest_zone);

/* ---- Between the files of it ---- */

static inline u32 page_list(int nid, bool active)
{
	return (u32)nid * 2 + active;
}

static inline u32 object_list(u32 shrinker, int nid)
{
	return (u32)(kernel->nr_node_ids * 2) + shrinker * (u32)kernel->nr_node_ids + (u32)nid;
}

/* The object's memory is given back; it comes again when it is accessed. It is on no list. */
void refault_evict(struct replay *rp, u32 id);
/* The object has memory: it belongs to a list. active: it was missed soon. */
void reclaim_list(struct replay *rp, u32 id, bool active);
void refault_init(struct reclaim *re, u64 seed);
void refault_cancel(struct reclaim *re, u32 id);
void refault_free(struct reclaim *re);

#endif
