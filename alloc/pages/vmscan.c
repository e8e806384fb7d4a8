/*
 * kswapd: each node's thread that makes room before anybody has to wait for it.
 *
 * Theory: mm/vmscan.c, 6.1. A request that finds a zone below its low mark wakes the node's
 * kswapd, which reclaims until some zone that the request could use is above its high mark
 * (balance_pgdat). It begins with a small share of the lists, 1 / 2^12, and takes twice as much
 * wherever that was not enough. For a large block it reclaims twice the block's size and leaves
 * the rest to kcompactd. Where mobilities were mixed lately (boost), it reclaims that much more,
 * gently. Before it sleeps it naps for a tenth of a second, so that a mark that was soon missed
 * again is noticed. After 16 runs that gave nothing the node is hopeless until a request reclaims
 * something.
 *
 * Invariant: `doing` is BALANCING exactly from the first part of a run to its end, over as many
 * steps of the thread as that takes; boosts are taken back only at the end, and only what there was
 * at the beginning.
 *
 * Unlike Linux: no swap, no memory cgroups, no multi-generational LRU. In the replay of a recording
 * nobody wakes it: what was reclaimed is among the frees that were recorded.
 * should_continue_reclaim counts the active pages too, and only those of zones that are of use.
 */
#include "alloc/pages/vmscan.h"

#include "alloc/pages/compact.h"
#include "alloc/pages/pcp.h"
#include "alloc/pages/watermark.h"

#define NOBODY_ASKED MAX_NR_ZONES
#define NAP_NS 100000000ULL /* HZ / 10 */

struct kswapd_state {
	struct kthread *thread;
	struct pglist_data *pgdat;
	enum { SLEEPING, NAPPING, BALANCING } doing;
	int failures; /* runs without success, one after the other */
	/* Asked for since the last run began (kswapd_order, kswapd_highest_zoneidx). */
	bool woken;
	int order, highest_zone;
	/* The run. */
	int run_order, run_zone;
	int slept_order; /* that the nap is for: what the run reclaimed for in the end */
	struct scan_control sc;
	bool in_round, raise_priority, boosted;
	unsigned long nr_boost_reclaim, reclaimed_before, nr_scanned;
	long boosts[MAX_NR_ZONES];
	u64 start_ns, ns;
	int lowest_priority;
};

/* One zone is enough (pgdat_balanced). */
static bool pgdat_balanced(const struct pglist_data *pgdat, int order, int highest_zone)
{
	const struct buddy_zone *bz;
	bool populated = false;

	for_each_node_zone (bz, pgdat, highest_zone) {
		populated = true;
		if (zone_watermark_ok(bz, order, wmark_pages(bz, ALLOC_WMARK_HIGH), highest_zone,
				      0))
			return true;
	}
	return !populated;
}

static bool pgdat_boosted(const struct pglist_data *pgdat, int highest_zone)
{
	const struct buddy_zone *bz;

	for_each_node_zone (bz, pgdat, highest_zone)
		if (bz->marks.boost)
			return true;
	return false;
}

/* ---- Rounds ---- */

/* Rounds are for compaction: for large blocks, or for smaller ones under pressure. */
static bool in_reclaim_compaction(const struct pglist_data *pgdat, const struct scan_control *sc)
{
	return pgdat->ps->o.compaction && sc->gfp_mask & __GFP_IO && sc->order &&
	       (sc->order > PAGE_ALLOC_COSTLY_ORDER || sc->priority < DEF_PRIORITY - 2);
}

/* Compaction needs more free pages, there are some to be had, and the last round got some. */
static bool should_continue_reclaim(const struct pglist_data *pgdat, const struct scan_control *sc,
				    unsigned long reclaimed)
{
	const struct buddy_zone *bz;

	if (!in_reclaim_compaction(pgdat, sc) || !reclaimed)
		return false;
	for_each_node_zone (bz, pgdat, sc->reclaim_idx) {
		enum compact_result ret = compaction_suitable(bz, sc->order, 0, sc->reclaim_idx);

		if (ret == COMPACT_SUCCESS || ret == COMPACT_CONTINUE)
			return false;
	}
	return kernel->mm_ops->reclaimable_pages(pgdat->nid, sc->reclaim_idx) >
	       (unsigned long)compact_gap(sc->order);
}

bool shrink_node_part(struct pglist_data *pgdat, struct scan_control *sc)
{
	unsigned long before;

	if (!sc->round.begun)
		sc->nr_before_round = sc->nr_reclaimed;
	charge(COST_INDIRECT_CALL);
	if (kernel->mm_ops->shrink_node(sc))
		return true;
	before = sc->nr_before_round;
	sc->round = (struct scan_round){0};
	if (sc->nr_reclaimed > before)
		kswapd_failures_reset(pgdat);
	return should_continue_reclaim(pgdat, sc, sc->nr_reclaimed - before);
}

/* ---- A run (balance_pgdat) ---- */

static void note_boosts(struct kswapd_state *k)
{
	struct buddy_zone *bz;

	k->nr_boost_reclaim = 0;
	for_each_node_zone (bz, k->pgdat, k->run_zone) {
		k->boosts[bz->zone->type] = bz->marks.boost;
		k->nr_boost_reclaim += (unsigned long)bz->marks.boost;
	}
	k->boosted = k->nr_boost_reclaim;
}

static void set_reclaim_active(const struct kswapd_state *k, bool active)
{
	struct buddy_zone *bz;

	for_each_node_zone (bz, k->pgdat, k->run_zone)
		zone_set_reclaim_active(bz, active);
}

static void begin_run(struct kswapd_state *k)
{
	k->run_order = k->order;
	k->run_zone = k->highest_zone == NOBODY_ASKED ? k->run_zone : k->highest_zone;
	k->order = 0;
	k->highest_zone = NOBODY_ASKED;
	k->woken = false;
	k->doing = BALANCING;
	k->in_round = false;
	k->start_ns = ktime_get_ns();
	k->ns = k->nr_scanned = 0;
	k->lowest_priority = DEF_PRIORITY;
	k->sc = (struct scan_control){.gfp_mask = GFP_KERNEL,
				      .nid = k->pgdat->nid,
				      .order = k->run_order,
				      .priority = DEF_PRIORITY,
				      .reclaim_idx = k->run_zone,
				      .kswapd = true};
	count_vm_event(PAGEOUTRUN);
	note_boosts(k);
	set_reclaim_active(k, true);
}

/* False: nothing is left to do. */
static bool begin_round(struct kswapd_state *k)
{
	struct scan_control *sc = &k->sc;
	struct buddy_zone *bz;
	bool balanced = pgdat_balanced(k->pgdat, sc->order, k->run_zone);

	if (!balanced && k->nr_boost_reclaim) { /* that matters more than the boost */
		k->nr_boost_reclaim = 0;
		sc->priority = DEF_PRIORITY;
	}
	if (!k->nr_boost_reclaim && balanced)
		return false;
	k->raise_priority = !k->nr_boost_reclaim || sc->priority != DEF_PRIORITY - 2;
	sc->may_writepage = !k->nr_boost_reclaim || sc->priority < DEF_PRIORITY - 2;
	sc->nr_scanned = 0;
	sc->nr_to_reclaim = 0;
	for_each_node_zone (bz, k->pgdat, sc->reclaim_idx)
		sc->nr_to_reclaim += (unsigned long)max(wmark_pages(bz, ALLOC_WMARK_HIGH),
							(long)SWAP_CLUSTER_MAX);
	k->reclaimed_before = sc->nr_reclaimed;
	k->lowest_priority = min(k->lowest_priority, sc->priority);
	return k->in_round = true;
}

/* False: it was the last one. */
static bool end_round(struct kswapd_state *k)
{
	struct scan_control *sc = &k->sc;
	unsigned long reclaimed = sc->nr_reclaimed - k->reclaimed_before;

	k->in_round = false;
	k->nr_scanned += sc->nr_scanned;
	if (sc->order && sc->nr_reclaimed >= (unsigned long)compact_gap(sc->order))
		sc->order = 0; /* the rest is compaction's */
	if (sc->nr_scanned >= sc->nr_to_reclaim)
		k->raise_priority = false;
	k->nr_boost_reclaim -= min(k->nr_boost_reclaim, reclaimed);
	if ((k->nr_boost_reclaim && !reclaimed) ||
	    ((k->raise_priority || !reclaimed) && --sc->priority < 1)) {
		k->failures += !sc->nr_reclaimed;
		return false;
	}
	return true;
}

static void take_boosts_back(const struct kswapd_state *k)
{
	struct buddy_zone *bz;

	for_each_node_zone (bz, k->pgdat, k->run_zone) {
		spin_lock_irqsave(&bz->lock);
		zone_set_boost(bz,
			       bz->marks.boost - min(bz->marks.boost, k->boosts[bz->zone->type]));
		spin_unlock_irqrestore(&bz->lock);
	}
	wakeup_kcompactd(k->pgdat, pageblock_order, k->run_zone);
}

static void end_run(struct kswapd_state *k)
{
	set_reclaim_active(k, false);
	if (k->boosted)
		take_boosts_back(k);
	kernel->mm_ops->snapshot_refaults(k->pgdat->nid);
	trace_mm_vmscan_reclaim_end(&(struct reclaim_trace){
		.start_ns = k->start_ns,
		.ns = k->ns,
		.nid = k->pgdat->nid,
		.mode = "kswapd",
		.order = k->run_order,
		.priority = k->lowest_priority,
		.scanned = k->nr_scanned,
		.reclaimed = k->sc.nr_reclaimed,
	});
}

/* ---- Between runs ---- */

/* Nothing is left to do here, or no hope (prepare_kswapd_sleep). */
static bool may_sleep(const struct kswapd_state *k, int order)
{
	return k->failures >= MAX_RECLAIM_RETRIES || pgdat_balanced(k->pgdat, order, k->run_zone);
}

static u64 run_again(struct kswapd_state *k, enum vm_event_item why)
{
	count_vm_event(why);
	begin_run(k);
	return 0;
}

/* A run for this order in the end is over (kswapd_try_to_sleep). */
static u64 try_to_sleep(struct kswapd_state *k, int reclaim_order)
{
	if (!may_sleep(k, reclaim_order))
		return run_again(k, KSWAPD_HIGH_WMARK_HIT_QUICKLY);
	reset_isolation_suitable(k->pgdat);
	wakeup_kcompactd(k->pgdat, k->run_order, k->run_zone);
	k->slept_order = reclaim_order;
	k->doing = NAPPING;
	k->woken = false;
	return NAP_NS;
}

static u64 nap_ends(struct kswapd_state *k)
{
	if (k->woken) {
		k->order = max(k->order, k->slept_order);
		return run_again(k, KSWAPD_LOW_WMARK_HIT_QUICKLY);
	}
	if (!may_sleep(k, k->slept_order))
		return run_again(k, KSWAPD_HIGH_WMARK_HIT_QUICKLY);
	k->doing = SLEEPING;
	return KTHREAD_SLEEP;
}

/* The next part of a run; false: it is over. */
static bool balance_part(struct kswapd_state *k)
{
	if (!k->in_round && !begin_round(k))
		return false;
	return shrink_node_part(k->pgdat, &k->sc) || end_round(k);
}

static u64 balance(struct kswapd_state *k)
{
	if (balance_part(k))
		return 0;
	end_run(k);
	if (k->sc.order < k->run_order) /* it gave up on large blocks */
		return try_to_sleep(k, k->sc.order);
	k->run_order = k->order; /* what was asked for meanwhile */
	k->run_zone = k->highest_zone == NOBODY_ASKED ? k->run_zone : k->highest_zone;
	return try_to_sleep(k, k->run_order);
}

static u64 kswapd_step(void *arg)
{
	struct kswapd_state *k = arg;
	u64 start_ns = ktime_get_ns(), delay_ns = 0;

	kernel->pf_memalloc = true;
	switch (k->doing) {
	case SLEEPING:
		begin_run(k);
		break;
	case NAPPING:
		delay_ns = nap_ends(k);
		break;
	case BALANCING:
		delay_ns = balance(k);
	}
	kernel->pf_memalloc = false;
	k->ns += ktime_get_ns() - start_ns;
	kernel->kswapd_ns += ktime_get_ns() - start_ns;
	return delay_ns;
}

/* ---- The node's kswapd, from outside ---- */

/* In a replay its work is the recorded frees: it would be at it for as long as it has reason to. */
bool kswapd_is_running(const struct pglist_data *pgdat)
{
	if (kernel->mm_mode == MM_RECORDED)
		return !pgdat_balanced(pgdat, 0, MAX_NR_ZONES - 1);
	return pgdat->kswapd && pgdat->kswapd->doing == BALANCING;
}

void kswapd_failures_reset(struct pglist_data *pgdat)
{
	pgdat->kswapd->failures = 0;
}

void wakeup_kswapd(struct buddy_zone *bz, struct pglist_data *pgdat, gfp_t gfp, int order,
		   int highest_zone)
{
	struct kswapd_state *k = pgdat->kswapd;

	if (!bz->zone->spanned_pages || kernel->mm_mode != MM_LIVE)
		return;
	if (k->highest_zone == NOBODY_ASKED || k->highest_zone < highest_zone)
		k->highest_zone = highest_zone;
	k->order = max(k->order, order);
	if (k->doing == BALANCING)
		return;
	if (k->failures >= MAX_RECLAIM_RETRIES ||
	    (pgdat_balanced(pgdat, order, highest_zone) && !pgdat_boosted(pgdat, highest_zone))) {
		/* Free memory in pieces: who can wait compacts it himself. */
		if (!(gfp & __GFP_DIRECT_RECLAIM))
			wakeup_kcompactd(pgdat, order, highest_zone);
		return;
	}
	k->woken = true;
	wake_up_process(k->thread);
}

void vmscan_create(struct page_source *ps)
{
	for (int nid = 0; nid < kernel->nr_node_ids; nid++) {
		struct kswapd_state *k;

		if (!node_has_memory(nid))
			continue;
		k = ps->nodes[nid].kswapd = instance_alloc(sizeof(*k));
		k->pgdat = &ps->nodes[nid];
		k->highest_zone = NOBODY_ASKED;
		k->run_zone = MAX_NR_ZONES - 1;
		k->thread = kthread_create("kswapd", nid, kswapd_step, k);
	}
}

void vmscan_destroy(struct page_source *ps)
{
	for (int nid = 0; nid < kernel->nr_node_ids; nid++) {
		if (!ps->nodes[nid].kswapd)
			continue;
		kthread_stop(ps->nodes[nid].kswapd->thread);
		instance_free(ps->nodes[nid].kswapd);
	}
}
