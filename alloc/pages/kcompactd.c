/*
 * kcompactd: a thread for each node that compacts when woken, and by itself where memory is
 * scattered.
 *
 * Theory: kswapd and requests that could not wait wake it for an order; it compacts the node's
 * zones until a block of that order is there. Left alone it looks twice a second at the node's
 * score, the share of free memory in blocks smaller than a huge page, weighted by zone, and
 * compacts from the high mark to the low one; where that did not help, it looks again after half a
 * minute (mm/compaction.c, 6.1: kcompactd, kcompactd_do_work, proactive_compact_node).
 *
 * Invariant: a step is one round, one cluster of pages; no frame is held between steps.
 *
 * Unlike Linux: proactiveness does not change while it runs, so nothing triggers a look ahead of
 * time. A search of the free lists begins anew in each zone, where Linux goes on with the order it
 * ended with in the zone before. Frames left over from a round are given back at its end, not at
 * the end of the run.
 */
#include "alloc/pages/compact_control.h"

#include "alloc/pages/vmscan.h"

#define HPAGE_FRAG_CHECK_INTERVAL_NS (500 * 1000000ULL)

enum kcompactd_work { KCOMPACTD_SLEEPS, KCOMPACTD_WOKEN, KCOMPACTD_PROACTIVE };

struct kcompactd_state {
	struct kthread *thread;
	int max_order, highest_zone; /* asked for */
	enum kcompactd_work work;
	int type; /* zone at work, or to come next */
	bool in_zone;
	int order, order_highest_zone; /* what this work is for */
	unsigned int prev_score;
	struct compact_control cc;
};

static struct compact_control control_of(const struct pglist_data *pgdat, struct buddy_zone *bz)
{
	const struct kcompactd_state *k = pgdat->kcompactd;

	if (k->work == KCOMPACTD_PROACTIVE)
		return (struct compact_control){.ps = pgdat->ps,
						.bz = bz,
						.who = "proactive",
						.order = -1,
						.mode = MIGRATE_SYNC_LIGHT,
						.proactive = true,
						.whole_zone = true,
						.ignore_skip_hint = true};
	return (struct compact_control){.ps = pgdat->ps,
					.bz = bz,
					.who = "kcompactd",
					.order = k->order,
					.search_order = k->order,
					.highest_zone = k->order_highest_zone,
					.migratetype = MIGRATE_UNMOVABLE,
					.mode = MIGRATE_SYNC_LIGHT};
}

/* ---- One zone ---- */

static bool zone_worth_while(const struct kcompactd_state *k, struct buddy_zone *bz, int type)
{
	if (!bz->compaction)
		return false;
	if (k->work == KCOMPACTD_PROACTIVE)
		return true;
	return !compaction_deferred(bz, k->order) &&
	       compaction_suitable(bz, k->order, 0, type) == COMPACT_CONTINUE;
}

static void end_zone(struct kcompactd_state *k, enum compact_result ret)
{
	struct buddy_zone *bz = k->cc.bz;

	k->in_zone = false;
	compact_end(&k->cc, ret);
	if (k->work == KCOMPACTD_PROACTIVE)
		return;
	if (ret == COMPACT_SUCCESS) {
		compaction_defer_reset(bz, k->order, false);
	} else if (ret == COMPACT_PARTIAL_SKIPPED || ret == COMPACT_COMPLETE) {
		drain_zone_pages(bz); /* what lies on per-CPU lists may complete a block */
		defer_compaction(bz, k->order);
	}
	count_vm_events(KCOMPACTD_MIGRATE_SCANNED, k->cc.migrate_scanned);
	count_vm_events(KCOMPACTD_FREE_SCANNED, k->cc.free_scanned);
}

static void zone_round(struct kcompactd_state *k)
{
	enum compact_result ret = compact_round(&k->cc);

	if (ret == COMPACT_CONTINUE)
		compact_pause(&k->cc);
	else
		end_zone(k, ret);
}

/* False: there is no zone left. */
static bool next_zone(struct pglist_data *pgdat)
{
	struct kcompactd_state *k = pgdat->kcompactd;
	int last = k->work == KCOMPACTD_PROACTIVE ? MAX_NR_ZONES - 1 : k->order_highest_zone;

	while (k->type <= last) {
		struct buddy_zone *bz = node_buddy_zone(pgdat, k->type);

		if (zone_worth_while(k, bz, k->type++)) {
			k->cc = control_of(pgdat, bz);
			k->in_zone = compact_begin(&k->cc) == COMPACT_CONTINUE;
			if (k->in_zone)
				return true;
		}
	}
	return false;
}

/* ---- The thread ---- */

static u64 sleep_ns(const struct pglist_data *pgdat, u64 ns)
{
	return pgdat->ps->o.proactiveness ? ns : KTHREAD_SLEEP;
}

/* All zones are done: returns how long to sleep. */
static u64 end_work(struct pglist_data *pgdat)
{
	struct kcompactd_state *k = pgdat->kcompactd;
	bool proactive = k->work == KCOMPACTD_PROACTIVE;

	k->work = KCOMPACTD_SLEEPS;
	if (!proactive) {
		if (k->max_order <= k->order)
			k->max_order = 0;
		if (k->highest_zone >= k->order_highest_zone)
			k->highest_zone = MAX_NR_ZONES - 1;
	}
	if (k->max_order) /* asked for meanwhile */
		return 0;
	if (proactive && fragmentation_score_node(pgdat) >= k->prev_score)
		return HPAGE_FRAG_CHECK_INTERVAL_NS << COMPACT_MAX_DEFER_SHIFT;
	return sleep_ns(pgdat, HPAGE_FRAG_CHECK_INTERVAL_NS);
}

/* False: nothing is to be done now. */
static bool begin_work(struct pglist_data *pgdat)
{
	struct kcompactd_state *k = pgdat->kcompactd;

	k->type = 0;
	if (k->max_order) {
		count_vm_event(KCOMPACTD_WAKE);
		k->work = KCOMPACTD_WOKEN;
		k->order = k->max_order;
		k->order_highest_zone = k->highest_zone;
		return true;
	}
	if (!pgdat->ps->o.proactiveness || kswapd_is_running(pgdat))
		return false;
	k->prev_score = fragmentation_score_node(pgdat);
	if (k->prev_score <= fragmentation_score_wmark(pgdat, false))
		return false;
	k->work = KCOMPACTD_PROACTIVE;
	return true;
}

static u64 kcompactd_step(void *arg)
{
	struct pglist_data *pgdat = arg;
	struct kcompactd_state *k = pgdat->kcompactd;

	if (k->work == KCOMPACTD_SLEEPS && !begin_work(pgdat))
		return sleep_ns(pgdat, HPAGE_FRAG_CHECK_INTERVAL_NS);
	if (k->in_zone)
		zone_round(k);
	else if (!next_zone(pgdat))
		return end_work(pgdat);
	return 0;
}

static bool node_suitable(const struct pglist_data *pgdat)
{
	const struct kcompactd_state *k = pgdat->kcompactd;

	for (int type = 0; type <= k->highest_zone; type++) {
		const struct buddy_zone *bz = node_buddy_zone(pgdat, type);

		if (bz->compaction &&
		    compaction_suitable(bz, k->max_order, 0, k->highest_zone) == COMPACT_CONTINUE)
			return true;
	}
	return false;
}

void wakeup_kcompactd(struct pglist_data *pgdat, int order, int highest_zone)
{
	struct kcompactd_state *k = pgdat->kcompactd;

	if (!order || !k)
		return;
	k->max_order = max(k->max_order, order);
	k->highest_zone = min(k->highest_zone, highest_zone);
	if (k->work == KCOMPACTD_SLEEPS && node_suitable(pgdat))
		wake_up_process(k->thread);
}

void kcompactd_run(struct pglist_data *pgdat)
{
	struct kcompactd_state *k = instance_alloc(sizeof(*k));

	k->highest_zone = MAX_NR_ZONES - 1;
	pgdat->kcompactd = k;
	k->thread = kthread_create("kcompactd", pgdat->nid, kcompactd_step, pgdat);
	kthread_first_run(k->thread, sleep_ns(pgdat, HPAGE_FRAG_CHECK_INTERVAL_NS));
}

void kcompactd_stop(struct pglist_data *pgdat)
{
	if (!pgdat->kcompactd)
		return;
	kthread_stop(pgdat->kcompactd->thread);
	instance_free(pgdat->kcompactd);
	pgdat->kcompactd = NULL;
}
