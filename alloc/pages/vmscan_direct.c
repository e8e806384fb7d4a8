/*
 * Direct reclaim: a request makes room for itself.
 *
 * Theory: try_to_free_pages, mm/vmscan.c, 6.1. All nodes of the request's zonelist lose a share of
 * their lists, 1 / 2^12 at first, then twice as much, until 32 pages were reclaimed. Where the
 * request is for a large block and a zone has enough free memory in pieces, compaction comes
 * before more reclaim. If nothing was reclaimed though the active list was spared, it is spared no
 * more.
 *
 * Invariant: who makes room does not ask others to: what it asks for meanwhile comes from the
 * reserves (PF_MEMALLOC).
 *
 * Unlike Linux: nobody is throttled. A request runs to its end before kswapd's next step, so it
 * could not wait for kswapd (throttle_direct_reclaim), and no disk is waited for
 * (reclaim_throttle). In the replay of a recording nothing is reclaimed.
 */
#include "alloc/pages/compact.h"
#include "alloc/pages/vmscan.h"
#include "alloc/pages/watermark.h"

long zone_reclaimable_pages(const struct zone *zone)
{
	unsigned long here = kernel->mm_ops->reclaimable_pages(zone->node, zone->type);

	if (zone->type > ZONE_DMA)
		here -= kernel->mm_ops->reclaimable_pages(zone->node, (int)zone->type - 1);
	/* There may be slabs to reclaim: no reason to give up. */
	return here ? (long)here : zone->vm_stat[NR_FREE_PAGES];
}

/* There is enough free memory to compact the zone now (compaction_ready). */
static bool compaction_ready(const struct buddy_zone *bz, const struct scan_control *sc)
{
	enum compact_result ret;

	if (!(sc->gfp_mask & __GFP_IO))
		return false;
	ret = compaction_suitable(bz, sc->order, 0, sc->reclaim_idx);
	if (ret == COMPACT_SUCCESS)
		return true;
	if (ret == COMPACT_SKIPPED)
		return false;
	return zone_watermark_ok(bz, 0, wmark_pages(bz, ALLOC_WMARK_HIGH) + compact_gap(sc->order),
				 sc->reclaim_idx, 0);
}

/* One round over the nodes of the zonelist. True: compaction should be tried instead. */
static bool shrink_zones(const struct alloc_context *ac, struct scan_control *sc)
{
	bool ready = false;
	int last = NUMA_NO_NODE;

	for (unsigned int i = 0; i < ac->nr_zones; i++) {
		struct buddy_zone *bz = context_zone(ac, i);

		if (ac->ps->o.compaction && sc->order > PAGE_ALLOC_COSTLY_ORDER &&
		    compaction_ready(bz, sc)) {
			ready = true;
			continue;
		}
		if (bz->zone->node == last)
			continue;
		last = sc->nid = bz->zone->node;
		while (shrink_node_part(zone_pgdat(ac->ps, bz), sc))
			;
	}
	return ready;
}

static void snapshot_refaults(const struct alloc_context *ac)
{
	int last = NUMA_NO_NODE;

	for (unsigned int i = 0; i < ac->nr_zones; i++) {
		int nid = context_zone(ac, i)->zone->node;

		if (nid != last)
			kernel->mm_ops->snapshot_refaults(nid);
		last = nid;
	}
}

/* Rounds until there is enough. Returns what counts as progress; *scanned: of all rounds. */
static unsigned long reclaim(const struct alloc_context *ac, struct scan_control *sc,
			     unsigned long *scanned)
{
	bool ready;

	count_vm_event(ALLOCSTALL_DMA + sc->reclaim_idx);
	for (;; sc->priority--) {
		sc->nr_scanned = 0;
		ready = shrink_zones(ac, sc);
		*scanned += sc->nr_scanned;
		if (sc->nr_reclaimed >= sc->nr_to_reclaim || ready || !sc->priority)
			break;
	}
	snapshot_refaults(ac);
	return ready ? max(sc->nr_reclaimed, 1UL) : sc->nr_reclaimed;
}

unsigned long try_to_free_pages(const struct alloc_context *ac)
{
	struct scan_control sc = {.gfp_mask = ac->gfp,
				  .order = ac->order,
				  .priority = DEF_PRIORITY,
				  .reclaim_idx = ac->zonelist->highest,
				  .nr_to_reclaim = SWAP_CLUSTER_MAX};
	u64 start_ns = ktime_get_ns();
	unsigned long progress, scanned = 0;

	if (kernel->pf_memalloc || kernel->mm_mode != MM_LIVE)
		return 0;
	note_path(PATH_RECLAIM);
	kernel->pf_memalloc = true;
	progress = reclaim(ac, &sc, &scanned);
	if (!progress && sc.skipped_deactivate) {
		sc.priority = DEF_PRIORITY;
		sc.force_deactivate = true;
		progress = reclaim(ac, &sc, &scanned);
	}
	kernel->pf_memalloc = false;
	kernel->direct_reclaim_ns += ktime_get_ns() - start_ns;
	trace_mm_vmscan_reclaim_end(&(struct reclaim_trace){
		.start_ns = start_ns,
		.ns = ktime_get_ns() - start_ns,
		.nid = numa_node_id(),
		.mode = "direct",
		.order = ac->order,
		.priority = sc.priority,
		.scanned = scanned,
		.reclaimed = sc.nr_reclaimed,
	});
	return progress;
}
