/*
 * Reclaimable objects of caches under pressure.
 *
 * Theory: do_shrink_slab, mm/vmscan.c, 6.1. A round looks at freeable / 2^priority * 4 / seeks of a
 * cache's objects, in batches of 128, the oldest first; what is too little for a batch is left for
 * a later round. One that was accessed since somebody looked goes to the other end of the list
 * (LRU_ROTATE), the others are freed through the slab allocator. So each cache loses in proportion
 * to what it has. A page comes back when all objects on it have gone, which may take long where hot
 * and cold ones lie together; what came back is measured at the source of pages.
 *
 * The stack's store is one more shrinker, as a pool of zsmalloc is: what it counts is pages that
 * compaction would free, and whoever asks it has all of it compacted.
 *
 * Invariant: a batch that the context does not allow is deferred, never lost: the next one who may
 * looks at it too, up to twice the cache's objects.
 *
 * Unlike Linux: all reclaimable objects of a cache are on one list for each node; whether they are
 * in use by anybody is not modelled. What a request for objects (or one without __GFP_FS) cannot
 * free itself is deferred to kswapd; only if it is refused are objects freed for it, once no
 * allocator of objects is in the middle of anything. Objects that can move are asked to by kswapd
 * when nothing else helped: Linux has none. The store is compacted once for a round, not once for
 * each batch of it, which finds nothing more.
 */
#include "sim/shrinker.h"

#include "alloc/store_alloc.h"
#include "lib/digest.h"
#include "sim/movable.h"

#define SHRINK_BATCH 128
#define DEFAULT_SEEKS 2

static long freeable(const struct reclaim *re, u32 shrinker, int nid)
{
	return (long)lru_size(&re->lru, object_list(shrinker, nid), MAX_NR_ZONES - 1);
}

/* Pages that came back to their source since it had given out `before` bytes. */
static unsigned long pages_back(const struct replay *rp, s64 before)
{
	s64 after = rp->page_source->live_bytes;

	return after < before ? (u64)(before - after) >> PAGE_SHIFT : 0;
}

/* A batch, from the oldest object on. */
static void scan_objects(struct replay *rp, u32 list, int nid, long nr)
{
	struct reclaim *re = rp->reclaim;

	for (; nr && re->lru.lists[list].tail != LRU_NONE; nr--) {
		u32 id = re->lru.lists[list].tail;
		bool accessed = lru_referenced(&re->lru, id, kernel->clock_ns);

		charge_n(COST_LIST_STEP, 2);
		charge_memory(nid);
		charge(COST_LOCK); /* the object's own */
		lru_del(&re->lru, id);
		if (accessed)
			lru_add(&re->lru, list, id);
		else
			refault_evict(rp, id);
	}
}

static bool may_free_objects(const struct reclaim *re, const struct scan_control *sc)
{
	return sc->gfp_mask & __GFP_FS && (sc->kswapd || re->objects_may_go);
}

static void begin_cache(const struct reclaim *re, const struct scan_control *sc,
			struct scan_round *round)
{
	u64 *deferred = &re->shrinkers[round->shrinker].nr_deferred[sc->nid];
	long delta;

	round->freeable = freeable(re, round->shrinker, sc->nid);
	delta = (round->freeable >> sc->priority) * 4 / DEFAULT_SEEKS;
	round->to_scan = min(((long)*deferred >> sc->priority) + delta, 2 * round->freeable);
	round->unscanned = (long)*deferred + delta;
	round->in_cache = true;
	*deferred = 0;
}

static void end_cache(const struct reclaim *re, const struct scan_control *sc,
		      struct scan_round *round)
{
	long left = max(min(round->unscanned, 2 * round->freeable), 0L);

	re->shrinkers[round->shrinker].nr_deferred[sc->nid] = (u64)left;
	round->in_cache = false;
	round->shrinker++;
}

/* The cache that is next has something to free. */
static bool next_cache(const struct reclaim *re, const struct scan_control *sc,
		       struct scan_round *round)
{
	while (round->shrinker < re->nr_shrinkers && !freeable(re, round->shrinker, sc->nid))
		round->shrinker++;
	return round->shrinker < re->nr_shrinkers;
}

bool shrinker_scan(struct replay *rp, struct scan_control *sc)
{
	struct reclaim *re = rp->reclaim;
	struct scan_round *round = &sc->round;
	s64 before = rp->page_source->live_bytes;
	long nr;

	if (!round->in_cache && !next_cache(re, sc, round))
		return false;
	if (!round->in_cache)
		begin_cache(re, sc, round);
	if (!may_free_objects(re, sc) ||
	    (round->to_scan < SHRINK_BATCH && round->to_scan < round->freeable)) {
		end_cache(re, sc, round);
		return true;
	}
	nr = min(round->to_scan, (long)SHRINK_BATCH);
	scan_objects(rp, object_list(round->shrinker, sc->nid), sc->nid, nr);
	round->to_scan -= nr;
	round->unscanned -= nr;
	count_vm_events(SLABS_SCANNED, (u64)nr);
	sc->nr_reclaimed += pages_back(rp, before);
	if (!round->to_scan)
		end_cache(re, sc, round);
	return true;
}

/*
 * A quarter of its slots are free, a slab's worth at least. What SLUB calls active says little: all
 * objects of CPUs' slabs are.
 */
static bool is_sparse(const struct name *n)
{
	struct slab_counts counts;
	u64 free_objs;

	slab_cache_counts(n->cache, &counts);
	free_objs = counts.objs_total - min(counts.objs_total, n->live_objs);
	return free_objs >= n->cache->objects && free_objs > counts.objs_total / 4;
}

bool shrinker_move(struct replay *rp, struct scan_control *sc)
{
	struct scan_round *round = &sc->round;
	s64 before = rp->page_source->live_bytes;

	while (round->mover < rp->tables->nr_caches &&
	       (!rp->acc.names[round->mover].movable || !is_sparse(&rp->acc.names[round->mover])))
		round->mover++;
	if (round->mover >= rp->tables->nr_caches)
		return false;
	movable_defragment(&rp->acc.names[round->mover++]);
	sc->nr_reclaimed += pages_back(rp, before);
	return true;
}

/* ---- The store ---- */

void store_shrinker_init(struct store_shrinker *ss, const struct store *s)
{
	ss->compacts = store_moves(s);
	ss->nr_classes = store_classes(s, NULL, 0);
}

/* zs_shrinker_count, mm/zsmalloc.c: class after class. */
static u64 count_freeable(struct replay *rp)
{
	struct store_stats st;

	store_stats(rp->stack.store, &st);
	charge_n(COST_LIST_STEP, rp->reclaim->store.nr_classes);
	return st.freeable_pages;
}

/* What the last run did not get is not hoped for again. */
static long store_freeable(struct replay *rp)
{
	struct store_shrinker *ss = &rp->reclaim->store;
	u64 pages = count_freeable(rp);

	ss->stuck = min(ss->stuck, pages);
	return (long)(pages - ss->stuck);
}

/* All of it, as zs_shrinker_scan does whatever it is asked for. True: pages came back. */
static bool compact_store(struct replay *rp)
{
	struct store_compact c = {.goal_pages = UINT64_MAX, .bytes_max = UINT64_MAX};

	store_compact(rp->stack.store, &c);
	rp->reclaim->store.stuck = count_freeable(rp);
	rp->digest = digest_u64(rp->digest, c.freed_pages ^ (c.moved_bytes << 20));
	return c.freed_pages;
}

bool shrinker_compact(struct replay *rp, struct scan_control *sc)
{
	struct reclaim *re = rp->reclaim;
	struct store_shrinker *ss = &re->store;
	s64 before = rp->page_source->live_bytes;
	long freeable, delta, to_scan;

	if (!ss->compacts || sc->round.store_seen || !(sc->kswapd || re->objects_may_go))
		return false;
	sc->round.store_seen = true;
	freeable = store_freeable(rp);
	delta = (freeable >> sc->priority) * 4 / DEFAULT_SEEKS;
	to_scan = min(((long)ss->nr_deferred >> sc->priority) + delta, 2 * freeable);
	if (!freeable || (to_scan < SHRINK_BATCH && to_scan < freeable)) {
		ss->nr_deferred = (u64)min((long)ss->nr_deferred + delta, 2 * freeable);
		return false;
	}
	ss->nr_deferred = 0;
	count_vm_events(SLABS_SCANNED, (u64)to_scan);
	compact_store(rp);
	sc->nr_reclaimed += pages_back(rp, before);
	return true;
}

bool shrinker_rescue_store(struct replay *rp)
{
	u64 start_ns = kernel->clock_ns;
	bool freed;

	if (!rp->reclaim || !rp->reclaim->store.compacts || !store_freeable(rp))
		return false;
	note_path(PATH_RECLAIM);
	freed = compact_store(rp);
	kernel->direct_reclaim_ns += kernel->clock_ns - start_ns;
	return freed;
}

/* ---- Rescue ---- */

static void shrink_all_nodes(struct replay *rp, struct scan_control *sc)
{
	for (int i = 0; i < kernel->nr_node_ids; i++) {
		sc->nid = (kernel->nid + i) % kernel->nr_node_ids;
		sc->round = (struct scan_round){0};
		while (shrinker_scan(rp, sc) || shrinker_compact(rp, sc))
			;
		if (sc->nr_reclaimed >= sc->nr_to_reclaim)
			return;
	}
}

bool shrinker_rescue(struct replay *rp, gfp_t gfp)
{
	struct scan_control sc = {.gfp_mask = gfp,
				  .priority = DEF_PRIORITY,
				  .reclaim_idx = MAX_NR_ZONES - 1,
				  .nr_to_reclaim = SWAP_CLUSTER_MAX};
	u64 start_ns = kernel->clock_ns;

	if (!(gfp & __GFP_DIRECT_RECLAIM) || !(gfp & __GFP_FS))
		return false;
	note_path(PATH_RECLAIM);
	rp->reclaim->objects_may_go = true;
	for (; sc.priority >= 0 && sc.nr_reclaimed < sc.nr_to_reclaim; sc.priority--)
		shrink_all_nodes(rp, &sc);
	rp->reclaim->objects_may_go = false;
	kernel->direct_reclaim_ns += kernel->clock_ns - start_ns;
	return sc.nr_reclaimed > 0;
}
