/*
 * Compaction of a zone, from its beginning to how it ended; requests that compact.
 *
 * Theory: two scanners walk towards each other. The one from below takes up pages that can move, a
 * cluster at a time, the one from above free frames to move them to, until they meet or what was
 * wanted is there. Whole free pageblocks grow at the lower end. A request first tries with little
 * effort (async), then with more, then over the whole zone whatever earlier runs remembered
 * (mm/compaction.c, 6.1: compact_zone, compact_finished, try_to_compact_pages).
 *
 * Invariant: between two rounds no page is taken up; between two operations no frame is off the
 * buddy lists. A page that moved is given out at its new place as it was at the old: mobility,
 * holder, contents. No layer's books change.
 *
 * Unlike Linux: a page is moved once or refuses once, and is not asked up to ten times. Sources go
 * straight to the buddy lists, a cluster at a time, not by way of the per-CPU list. A block that
 * comes free is not captured for the request: it takes it from the free lists, above its watermark.
 * There is no other CPU to make way for: async ends only where it had to wait for zone->lock.
 */
#include "alloc/pages/compact_control.h"

#include "alloc/pages/block.h"
#include "alloc/pages/pcp.h"
#include "alloc/pages/vmscan.h"

static const char *const result_names[] = {
	[COMPACT_NOT_SUITABLE_ZONE] = "not_suitable_zone",
	[COMPACT_SKIPPED] = "skipped",
	[COMPACT_DEFERRED] = "deferred",
	[COMPACT_NO_SUITABLE_PAGE] = "no_suitable_page",
	[COMPACT_CONTINUE] = "continue",
	[COMPACT_COMPLETE] = "complete",
	[COMPACT_PARTIAL_SKIPPED] = "partial_skipped",
	[COMPACT_CONTENDED] = "contended",
	[COMPACT_SUCCESS] = "success",
};

/* ---- Has it ended? ---- */

static enum compact_result proactive_finished(const struct compact_control *cc)
{
	const struct pglist_data *pgdat = zone_pgdat(cc->ps, cc->bz);

	if (kswapd_is_running(pgdat))
		return COMPACT_PARTIAL_SKIPPED;
	if (cc->contended)
		return COMPACT_CONTENDED;
	return fragmentation_score_zone(cc->bz) > fragmentation_score_wmark(pgdat, true)
		       ? COMPACT_CONTINUE
		       : COMPACT_SUCCESS;
}

static bool block_is_there(const struct compact_control *cc)
{
	if (cc->bz->nonempty[cc->migratetype] >> cc->order)
		return true;
	for (int order = cc->order; order < MAX_ORDER; order++)
		if (buddy_can_steal(cc->bz, order, cc->migratetype))
			return true;
	return false;
}

static enum compact_result compact_finished(const struct compact_control *cc)
{
	if (compact_scanners_met(cc)) {
		reset_cached_positions(cc->bz);
		if (cc->direct)
			cc->bz->compaction->blockskip_flush = true;
		return cc->whole_zone ? COMPACT_COMPLETE : COMPACT_PARTIAL_SKIPPED;
	}
	if (cc->proactive)
		return proactive_finished(cc);
	/* The pageblock is emptied to its end, or the rest of it would be stolen from soon. */
	if (cc->order < 0 || !pageblock_aligned(cc->migrate_pfn))
		return COMPACT_CONTINUE;
	charge_n(COST_LIST_STEP, (u64)(MAX_ORDER - cc->order));
	if (block_is_there(cc))
		return COMPACT_SUCCESS;
	return cc->contended ? COMPACT_CONTENDED : COMPACT_CONTINUE;
}

/* ---- A run ---- */

static long large_blocks(const struct buddy_zone *bz)
{
	unsigned long n = 0;

	for (int order = pageblock_order; order < MAX_ORDER; order++)
		for (int mt = 0; mt < MIGRATE_TYPES; mt++)
			n += bz->free_area[order].nr_free[mt] << (order - pageblock_order);
	return (long)n;
}

static void place_scanners(struct compact_control *cc)
{
	struct zone_compaction *c = cc->bz->compaction;
	unsigned long start = cc->bz->zone->zone_start_pfn, end = compact_end_pfn(cc->bz);
	unsigned long last = end > start ? pageblock_start_pfn(end - 1) : start;

	cc->fast_start_pfn = 0;
	if (cc->whole_zone) {
		cc->migrate_pfn = start;
		cc->free_pfn = last;
		return;
	}
	if (c->cached_free_pfn < start || c->cached_free_pfn >= cc->bz->end_pfn)
		c->cached_free_pfn = last;
	cc->free_pfn = min(c->cached_free_pfn, last);
	cc->migrate_pfn = c->cached_migrate_pfn[cc->mode != MIGRATE_ASYNC];
	if (cc->migrate_pfn < start || cc->migrate_pfn >= cc->bz->end_pfn) {
		cc->migrate_pfn = start;
		c->cached_migrate_pfn[0] = c->cached_migrate_pfn[1] = start;
	}
	if (cc->migrate_pfn < c->init_migrate_end)
		cc->whole_zone = true;
}

enum compact_result compact_begin(struct compact_control *cc)
{
	const struct zone_compaction *c = cc->bz->compaction;
	enum compact_result ret =
		compaction_suitable(cc->bz, cc->order, cc->alloc_flags, cc->highest_zone);

	if (ret != COMPACT_CONTINUE)
		return ret;
	cc->start_ns = ktime_get_ns();
	cc->ns = 0;
	cc->migrate_scanned = cc->free_scanned = cc->isolated = cc->moved = cc->failed = 0;
	cc->nr_migratepages = cc->nr_freepages = 0;
	INIT_LIST_HEAD(&cc->freepages);
	cc->contended = false;
	cc->large_before = large_blocks(cc->bz);
	if (compaction_restarting(cc->bz, cc->order))
		zone_reset_isolation(cc->bz);
	place_scanners(cc);
	cc->last_migrated_pfn = 0;
	cc->update_cached =
		cc->mode == MIGRATE_ASYNC && c->cached_migrate_pfn[0] == c->cached_migrate_pfn[1];
	cc->ns = ktime_get_ns() - cc->start_ns;
	return COMPACT_CONTINUE;
}

/* The frame is given out exactly as the page was; then the holder moves. */
static bool move_page(const struct compact_control *cc, struct page *from, struct page *to)
{
	unsigned long from_block = page_to_pfn(from) >> pageblock_order;
	unsigned long to_block = page_to_pfn(to) >> pageblock_order;

	ASSERT(page_zone(from) == cc->bz->zone && page_zone(to) == cc->bz->zone);
	block_give_out(to, 0, 0, from->migratetype);
	if (!kernel->mm_ops->migrate_page(from, to)) {
		ASSERT(!(to->flags & PG_held) && from->flags & PG_held);
		block_take_back(to, 0);
		return false;
	}
	ASSERT(to->flags & PG_held && !(from->flags & PG_held));
	block_take_back(from, 0);
	kernel->block_moves[from_block].from++;
	kernel->block_moves[to_block].to++;
	return true;
}

static void free_sources(const struct compact_control *cc, struct page *const *pages,
			 unsigned int nr)
{
	if (!nr)
		return;
	spin_lock_irqsave(&cc->bz->lock);
	for (unsigned int i = 0; i < nr; i++)
		buddy_free(cc->bz, pages[i], 0, pageblock_type_of(cc->bz, page_to_pfn(pages[i])));
	spin_unlock_irqrestore(&cc->bz->lock);
}

enum migrated { MIGRATED_ALL, MIGRATED_SOME, MIGRATED_NO_MEMORY };

/* What was taken up last moves first. */
static enum migrated migrate_pages(struct compact_control *cc)
{
	unsigned int nr = cc->nr_migratepages, moved = 0, failed = 0, left;
	struct page *sources[pageblock_nr_pages];

	for (left = nr; left; left--) {
		struct page *from = cc->migratepages[left - 1], *to = compaction_alloc(cc);

		if (!to)
			break;
		if (move_page(cc, from, to)) {
			sources[moved++] = from;
		} else {
			failed++;
			compaction_free(cc, to);
		}
	}
	free_sources(cc, sources, moved);
	cc->nr_migratepages = 0;
	cc->moved += moved;
	cc->failed += nr - moved;
	count_vm_events(PGMIGRATE_SUCCESS, moved);
	/* Those that memory was short for were not tried, but for the first. */
	count_vm_events(PGMIGRATE_FAIL, failed + (left != 0));
	if (left)
		return MIGRATED_NO_MEMORY;
	return failed ? MIGRATED_SOME : MIGRATED_ALL;
}

/* Past the part of a block that was migrated from: what lies on per-CPU lists may complete it. */
static void drain_behind(struct compact_control *cc)
{
	if (cc->order <= 0 || !cc->last_migrated_pfn ||
	    cc->last_migrated_pfn >= block_start_pfn(cc->migrate_pfn, cc->order))
		return;
	pcp_drain(cc->bz, smp_processor_id());
	cc->last_migrated_pfn = 0;
}

static enum compact_result migrate_round(struct compact_control *cc, unsigned long start_pfn)
{
	enum migrated m;

	cc->update_cached = false;
	cc->last_migrated_pfn = start_pfn;
	m = migrate_pages(cc);
	if (m == MIGRATED_ALL)
		return COMPACT_CONTINUE;
	if (m == MIGRATED_NO_MEMORY && !compact_scanners_met(cc))
		return COMPACT_CONTENDED;
	/* One page of the part stays: no block will come of the rest. */
	if (cc->direct && cc->mode == MIGRATE_ASYNC) {
		cc->migrate_pfn = block_end_pfn(cc->migrate_pfn - 1, cc->order);
		cc->last_migrated_pfn = 0;
	}
	return COMPACT_CONTINUE;
}

static enum compact_result one_round(struct compact_control *cc)
{
	struct zone_compaction *c = cc->bz->compaction;
	unsigned long start_pfn = cc->migrate_pfn;
	enum compact_result ret = compact_finished(cc);

	if (ret != COMPACT_CONTINUE)
		return ret;
	cc->rescan = pageblock_start_pfn(cc->last_migrated_pfn) == pageblock_start_pfn(start_pfn);
	if (isolate_migratepages(cc) == ISOLATE_SUCCESS)
		ret = migrate_round(cc, start_pfn);
	else if (cc->update_cached)
		c->cached_migrate_pfn[1] = c->cached_migrate_pfn[0];
	if (ret == COMPACT_CONTINUE)
		drain_behind(cc);
	return ret;
}

enum compact_result compact_round(struct compact_control *cc)
{
	u64 entered_ns = ktime_get_ns();
	enum compact_result ret = one_round(cc);

	cc->ns += ktime_get_ns() - entered_ns;
	return ret;
}

void compact_pause(struct compact_control *cc)
{
	unsigned long block, pfn = cc->free_pfn;

	if (!cc->nr_freepages)
		return;
	block = pageblock_start_pfn(release_freepages(cc));
	/* The free scanner finds them again if it has just passed them. */
	if (block == pageblock_start_pfn(pfn) || block == pageblock_end_pfn(pfn))
		cc->free_pfn = block;
}

void compact_end(struct compact_control *cc, enum compact_result result)
{
	struct zone_compaction *c = cc->bz->compaction;
	unsigned long free_pfn;

	ASSERT(!cc->nr_migratepages);
	if (cc->nr_freepages) {
		free_pfn = pageblock_start_pfn(release_freepages(cc));
		c->cached_free_pfn = max(c->cached_free_pfn, free_pfn);
	}
	count_vm_events(COMPACTMIGRATE_SCANNED, cc->migrate_scanned);
	count_vm_events(COMPACTFREE_SCANNED, cc->free_scanned);
	trace_mm_compaction_end(&(struct compact_trace){
		.start_ns = cc->start_ns,
		.ns = cc->ns,
		.zone = cc->bz->zone,
		.mode = cc->who,
		.order = cc->order,
		.result = result_names[result],
		.migrate_scanned = cc->migrate_scanned,
		.free_scanned = cc->free_scanned,
		.isolated = cc->isolated,
		.moved = cc->moved,
		.failed = cc->failed,
		.blocks_gained = large_blocks(cc->bz) - cc->large_before,
	});
}

/* ---- All at once ---- */

static enum compact_result compact_zone(struct compact_control *cc)
{
	enum compact_result ret = compact_begin(cc);

	if (ret != COMPACT_CONTINUE)
		return ret;
	note_path(PATH_COMPACT);
	while (ret == COMPACT_CONTINUE)
		ret = compact_round(cc);
	compact_end(cc, ret);
	return ret;
}

static enum compact_result compact_zone_order(const struct alloc_context *ac, struct buddy_zone *bz,
					      unsigned int alloc_flags, enum compact_priority prio)
{
	static const char *const names[] = {[COMPACT_PRIO_SYNC_FULL] = "direct_full",
					    [COMPACT_PRIO_SYNC_LIGHT] = "direct_light",
					    [COMPACT_PRIO_ASYNC] = "direct_async"};
	bool full = prio == MIN_COMPACT_PRIORITY;
	struct compact_control cc;

	cc.ps = ac->ps;
	cc.bz = bz;
	cc.who = names[prio];
	cc.order = cc.search_order = ac->order;
	cc.migratetype = ac->migratetype;
	cc.highest_zone = ac->zonelist->highest;
	cc.alloc_flags = alloc_flags;
	cc.mode = prio == COMPACT_PRIO_ASYNC ? MIGRATE_ASYNC : MIGRATE_SYNC_LIGHT;
	cc.direct = true;
	cc.proactive = false;
	cc.fast_search_fail = 0;
	cc.whole_zone = cc.ignore_skip_hint = cc.ignore_block_suitable = full;
	return compact_zone(&cc);
}

enum compact_result try_to_compact_pages(const struct alloc_context *ac, unsigned int alloc_flags,
					 enum compact_priority prio)
{
	enum compact_result best = COMPACT_SKIPPED;

	if (!(ac->gfp & __GFP_IO) || kernel->mm_mode == MM_BARE)
		return COMPACT_SKIPPED;
	for (unsigned int i = 0; i < ac->nr_zones; i++) {
		struct buddy_zone *bz = context_zone(ac, i);
		enum compact_result ret;

		if (!bz->compaction)
			continue;
		if (prio > MIN_COMPACT_PRIORITY && compaction_deferred(bz, ac->order)) {
			best = max((enum compact_result)COMPACT_DEFERRED, best);
			continue;
		}
		ret = compact_zone_order(ac, bz, alloc_flags, prio);
		best = max(ret, best);
		if (ret == COMPACT_SUCCESS) {
			compaction_defer_reset(bz, ac->order, false);
			break;
		}
		if (prio != COMPACT_PRIO_ASYNC &&
		    (ret == COMPACT_COMPLETE || ret == COMPACT_PARTIAL_SKIPPED))
			defer_compaction(bz, ac->order);
	}
	return best;
}

void compact_node(struct pglist_data *pgdat)
{
	struct compact_control *cc = instance_alloc(sizeof(*cc));

	struct buddy_zone *bz;

	for_each_node_zone (bz, pgdat, MAX_NR_ZONES - 1) {
		if (!bz->compaction)
			continue;
		*cc = (struct compact_control){.ps = pgdat->ps,
					       .bz = bz,
					       .who = "compact_memory",
					       .order = -1,
					       .mode = MIGRATE_SYNC,
					       .whole_zone = true,
					       .ignore_skip_hint = true};
		compact_zone(cc);
	}
	instance_free(cc);
}

void compaction_create(struct page_source *ps)
{
	if (!ps->o.compaction)
		return;
	for (int i = 0; i < ps->nr_zones; i++) {
		struct buddy_zone *bz = &ps->zones[i];
		struct zone_compaction *c;

		if (!bz->zone->spanned_pages)
			continue;
		c = instance_alloc(sizeof(*c));
		c->ps = ps;
		c->cached_migrate_pfn[0] = c->cached_migrate_pfn[1] = ~0UL; /* none yet */
		c->cached_free_pfn = ~0UL;
		c->skip = instance_alloc(DIV_ROUND_UP(bz->zone->spanned_pages, pageblock_nr_pages));
		bz->compaction = c;
	}
	for (int nid = 0; nid < kernel->nr_node_ids; nid++)
		if (node_has_memory(nid))
			kcompactd_run(&ps->nodes[nid]);
}

void compaction_destroy(struct page_source *ps)
{
	for (int nid = 0; nid < kernel->nr_node_ids; nid++)
		kcompactd_stop(&ps->nodes[nid]);
	for (int i = 0; i < ps->nr_zones; i++) {
		if (!ps->zones[i].compaction)
			continue;
		instance_free(ps->zones[i].compaction->skip);
		instance_free(ps->zones[i].compaction);
	}
}
