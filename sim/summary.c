/*
 * What a run comes to.
 */
#include "sim/summary.h"

#include <stdlib.h>

#include "lib/mem.h"
#include "sim/metrics.h"
#include "sim/reclaim.h"
#include "sim/replay.h"
#include "sim/store_summary.h"
#include "sim/vmstat.h"

static void put(struct replay *rp, const char *layer, const char *name, double value)
{
	const struct metric_desc *m = metric_find(name);

	ASSERT(m);
	rp->sink->ops->summary(rp->sink, layer, m, value);
}

void summary_put(struct replay *rp, const char *name, double value)
{
	put(rp, "", name, value);
}

static void report_memory(struct replay *rp)
{
	const struct account *a = &rp->acc;
	const struct mean *g = rp->sampler.gauges;

	summary_put(rp, "bytes_req_live_max", (double)a->bytes_req_live_max);
	summary_put(rp, "bytes_alloc_live_max", (double)a->bytes_alloc_live_max);
	summary_put(rp, "live_objs_end", (double)a->live_objs);
	summary_put(rp, "pages_taken_bytes_max", (double)rp->taken_max);
	summary_put(rp, "pages_taken_bytes_mean", mean_value(&g[GAUGE_PAGES_TAKEN]));
	summary_put(rp, "slab_bytes_end", g[GAUGE_SLAB_BYTES].last);
	summary_put(rp, "slab_bytes_max", (double)rp->slab_max);
	summary_put(rp, "slab_bytes_mean", mean_value(&g[GAUGE_SLAB_BYTES]));
}

static void put_gauge(struct replay *rp, const char *mean, const char *end, int g)
{
	const struct mean *m = &rp->sampler.gauges[g];

	if (!m->n) /* an allocator without memory */
		return;
	summary_put(rp, mean, mean_value(m));
	summary_put(rp, end, m->last);
}

static void report_huge(struct replay *rp)
{
	put_gauge(rp, "availability_9_mean", "availability_9_end",
		  GAUGE_AVAILABILITY + pageblock_order);
	put_gauge(rp, "availability_compacted_9_mean", "availability_compacted_9_end",
		  GAUGE_COMPACTED);
	put_gauge(rp, "huge_moves_bound_mean", "huge_moves_bound_end", GAUGE_MOVES);
	put_gauge(rp, "huge_moves_bound_movable_mean", "huge_moves_bound_movable_end",
		  GAUGE_MOVES_MOVABLE);
	put_gauge(rp, "mixed_pageblocks_mean", "mixed_pageblocks_end", GAUGE_MIXED);
}

/* Of slabs that hold a store's descriptors alone, nothing was asked. */
static bool only_stored(const struct replay *rp)
{
	const struct mean *frag = &rp->sampler.gauges[GAUGE_SLAB_FRAG];

	return rp->stack.store && (!frag->n || mean_value(frag) >= 100);
}

static void report_slab_fragmentation(struct replay *rp)
{
	const struct account *a = &rp->acc;

	if (only_stored(rp))
		return;
	summary_put(rp, "internal_frag_percent",
		    a->bytes_alloc_total
			    ? 100 - 100 * (double)a->bytes_req_total / (double)a->bytes_alloc_total
			    : 0);
	summary_put(rp, "slab_frag_percent", mean_value(&rp->sampler.gauges[GAUGE_SLAB_FRAG]));
}

static void report_fragmentation(struct replay *rp)
{
	const struct mean *g = rp->sampler.gauges;
	const u64 *ext = rp->m->nr_extfrag;

	report_slab_fragmentation(rp);
	summary_put(rp, "realized_frag_percent",
		    rp->taken_max_req
			    ? 100 * ((double)rp->taken_max / (double)rp->taken_max_req - 1)
			    : 0);
	summary_put(rp, "free_huge_mean_percent", mean_value(&g[GAUGE_FREE_HUGE]));
	summary_put(rp, "unusable_free_index_3_mean", mean_value(&g[GAUGE_UNUSABLE + 3]));
	summary_put(rp, "unusable_free_index_9_mean", mean_value(&g[GAUGE_UNUSABLE + 9]));
	summary_put(rp, "unusable_free_index_9_end", g[GAUGE_UNUSABLE + 9].last);
	report_huge(rp);
	summary_put(rp, "nr_extfrag", (double)ext[EXTFRAG_ALL]);
	summary_put(rp, "nr_extfrag_fragmenting", (double)ext[EXTFRAG_FRAGMENTING]);
	summary_put(rp, "nr_extfrag_unmovable", (double)ext[EXTFRAG_UNMOVABLE]);
	summary_put(rp, "nr_extfrag_into_movable", (double)ext[EXTFRAG_UNMOVABLE_INTO_MOVABLE]);
}

static void report_time(struct replay *rp)
{
	struct hist *al = mem_alloc(2, sizeof(*al)), *fr = al + 1;
	double cpu_ns = 0;

	account_all_latencies(&rp->acc, al, fr);
	summary_put(rp, "alloc_latency_mean_ns",
		    al->count ? (double)al->sum / (double)al->count : 0);
	summary_put(rp, "alloc_latency_p50_ns", (double)hist_quantile(al, 0.5));
	summary_put(rp, "alloc_latency_p99_ns", (double)hist_quantile(al, 0.99));
	summary_put(rp, "alloc_latency_p999_ns", (double)hist_quantile(al, 0.999));
	summary_put(rp, "alloc_latency_max_ns", (double)al->max);
	summary_put(rp, "free_latency_mean_ns",
		    fr->count ? (double)fr->sum / (double)fr->count : 0);
	summary_put(rp, "free_latency_p50_ns", (double)hist_quantile(fr, 0.5));
	summary_put(rp, "free_latency_p99_ns", (double)hist_quantile(fr, 0.99));
	summary_put(rp, "free_latency_p999_ns", (double)hist_quantile(fr, 0.999));
	summary_put(rp, "free_latency_max_ns", (double)fr->max);
	free(al);
	for (int cpu = 0; cpu < kernel->nr_cpu_ids; cpu++)
		cpu_ns += (double)rp->m->cpus[cpu].busy_ns;
	summary_put(rp, "cpu_ns", cpu_ns);
}

static void report_counts(struct replay *rp)
{
	const struct account *a = &rp->acc;
	struct rcu_counts rcu;

	machine_rcu_counts(rp->m, &rcu);
	summary_put(rp, "nr_alloc", (double)a->nr_alloc);
	summary_put(rp, "nr_free", (double)a->nr_free);
	summary_put(rp, "nr_failed", (double)a->nr_failed);
	summary_put(rp, "nr_skipped_frees", (double)a->nr_skipped_frees);
	summary_put(rp, "nr_unserved", (double)a->nr_unserved);
	summary_put(rp, "nr_ping_pong", (double)a->ping_pong);
	summary_put(rp, "nr_cross_node", (double)a->cross_node);
	summary_put(rp, "nr_reports", (double)rp->m->nr_events);
	summary_put(rp, "rcu_callbacks_max", (double)rcu.pending_max);
	summary_put(rp, "rcu_gp_mean_ns", rcu.gps ? (double)rcu.gp_ns_total / (double)rcu.gps : 0);
	summary_put(rp, "rcu_gp_max_ns", (double)rcu.gp_ns_max);
}

static void report_works(struct replay *rp)
{
	const struct work_counts *w = &rp->m->works;

	summary_put(rp, "work_runs", (double)w->runs);
	summary_put(rp, "idle_work_runs", (double)w->idle_runs);
	summary_put(rp, "work_ns", (double)w->ns);
	summary_put(rp, "work_delayed", (double)w->nr_delayed);
	summary_put(rp, "work_delay_ns", (double)w->delay_ns);
	summary_put(rp, "work_delay_max_ns", (double)w->delay_ns_max);
}

static void report_shrinks(struct replay *rp)
{
	const struct shrunk *s = &rp->shrunk;

	summary_put(rp, "shrink_slabs", (double)s->slabs);
	summary_put(rp, "shrink_bytes", (double)s->bytes);
	summary_put(rp, "shrink_moved_objs", (double)s->moved_objs);
	summary_put(rp, "shrink_moved_bytes", (double)s->moved_bytes);
	summary_put(rp, "shrink_pinned_objs", (double)s->pinned_objs);
	summary_put(rp, "shrink_ns", (double)s->ns);
}

static u64 huge_requests(const struct account *a, enum op_path path)
{
	const struct hist *h = a->latency[OP_PAGE_ALLOC + pageblock_order][path];

	return h ? h->count : 0;
}

static void report_compaction(struct replay *rp)
{
	const struct compact_counts *c = &rp->m->compact;
	u64 asked = 0, failed = huge_requests(&rp->acc, PATH_REFUSED);

	for (int path = 0; path < NR_OP_PATHS; path++)
		asked += huge_requests(&rp->acc, (enum op_path)path);
	summary_put(rp, "compact_runs", (double)c->runs);
	summary_put(rp, "compact_moved_pages", (double)c->moved);
	summary_put(rp, "compact_failed_pages", (double)c->failed);
	summary_put(rp, "compact_blocks_gained", (double)c->blocks_gained);
	summary_put(rp, "compact_ns", (double)c->ns);
	summary_put(rp, "huge_allocs", (double)(asked - failed));
	summary_put(rp, "huge_failed", (double)failed);
	if (asked)
		summary_put(rp, "huge_success_percent",
			    100 * (double)(asked - failed) / (double)asked);
}

/* What becomes of a made-up load under pressure; what is reclaimed of a recording is recorded. */
static void report_reclaim(struct replay *rp)
{
	const struct reclaim_counts none = {0}, *c = rp->reclaim ? &rp->reclaim->counts : &none;
	const u64 *ev = kernel->vm_event;

	if (!rp->tables->made_up)
		return;
	summary_put(rp, "direct_reclaim_ns", (double)kernel->direct_reclaim_ns);
	summary_put(rp, "direct_reclaims",
		    (double)(ev[ALLOCSTALL_DMA] + ev[ALLOCSTALL_DMA32] + ev[ALLOCSTALL_NORMAL] +
			     ev[ALLOCSTALL_MOVABLE]));
	summary_put(rp, "kswapd_ns", (double)kernel->kswapd_ns);
	summary_put(rp, "kswapd_runs", (double)ev[PAGEOUTRUN]);
	summary_put(rp, "reclaim_pages_direct", (double)ev[PGSTEAL_DIRECT]);
	summary_put(rp, "reclaim_pages_kswapd", (double)ev[PGSTEAL_KSWAPD]);
	summary_put(rp, "reclaim_scanned", (double)(ev[PGSCAN_DIRECT] + ev[PGSCAN_KSWAPD]));
	summary_put(rp, "reclaim_written", (double)c->written_pages);
	summary_put(rp, "evicted_objs", (double)c->evicted_objs);
	summary_put(rp, "refault_ns", (double)c->refault_ns);
	summary_put(rp, "refaulted_objs", (double)c->refaulted_objs);
	summary_put(rp, "refaulted_pages", (double)c->refaulted_pages);
	summary_put(rp, "refaults_refused", (double)c->refused);
}

static void report_boot(struct replay *rp)
{
	const struct bootmem_counts *counts = bootmem_slab_counts(rp->stack.slab);
	const struct boot_report *b = &rp->boot.report;

	if (!b->had)
		return;
	summary_put(rp, "boot_requests", (double)b->nr_requests);
	summary_put(rp, "boot_ns", (double)b->t_ns);
	summary_put(rp, "boot_pages_handed_over", (double)b->pages.handed_over);
	summary_put(rp, "boot_pages_kept", (double)b->pages.kept);
	summary_put(rp, "boot_bytes_taken", (double)b->taken_bytes);
	summary_put(rp, "boot_bytes_req", (double)b->req_bytes);
	summary_put(rp, "boot_bytes_wasted", (double)b->taken_bytes - (double)b->req_bytes);
	if (!counts)
		return;
	summary_put(rp, "boot_objects", (double)counts->nr_objects);
	summary_put(rp, "boot_frees_lost", (double)counts->nr_late);
	summary_put(rp, "boot_bytes_lost", (double)counts->lost_bytes);
}

static void report_locks(struct replay *rp)
{
	double wait_ns = 0, contended = 0;
	const struct lock_class *c;

	list_for_each_entry (c, &rp->m->lock_classes, list) {
		wait_ns += (double)c->wait_ns_total;
		contended += (double)c->contended;
		rp->sink->ops->lock(rp->sink, &(struct sink_lock){
						      .lock = c->name,
						      .acquisitions = c->acquisitions,
						      .contended = c->contended,
						      .wait_ns_total = c->wait_ns_total,
						      .wait_ns_max = c->wait_ns_max,
					      });
	}
	summary_put(rp, "lock_wait_ns", wait_ns);
	summary_put(rp, "lock_contended", contended);
}

static void report_layer(struct replay *rp, unsigned int i)
{
	const struct stack *st = &rp->stack;
	const struct layer *l = st->layers[i];

	put(rp, l->id, "nr_alloc", (double)l->nr_alloc);
	put(rp, l->id, "nr_free", (double)l->nr_free);
	put(rp, l->id, "nr_failed", (double)l->nr_failed);
	put(rp, l->id, "live_bytes_max", (double)layer_live_bytes_max(l));
	put(rp, l->id, "held_bytes_max", rp->sampler.held[i].max);
	put(rp, l->id, "held_bytes_mean", mean_value(&rp->sampler.held[i]));
	put(rp, l->id, "layer_cpu_ns", (double)l->self_ns);
}

void summary_report(struct replay *rp)
{
	report_memory(rp);
	report_fragmentation(rp);
	report_time(rp);
	report_counts(rp);
	report_works(rp);
	report_shrinks(rp);
	report_reclaim(rp);
	report_compaction(rp);
	report_boot(rp);
	store_summary(rp);
	report_locks(rp);
	for (unsigned int i = 0; i < rp->stack.nr_layers; i++)
		report_layer(rp, i);
	zones_report(rp);
	blame_report(&rp->sampler.blame, rp);
	vmstat_report(rp, rp->sampler.last_ns);
	account_report(&rp->acc, rp->tables, rp->sink);
}
