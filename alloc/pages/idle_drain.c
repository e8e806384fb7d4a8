/*
 * Per-CPU lists of other nodes' zones, given back when they are not used for a while.
 *
 * Theory: each CPU folds its counters of zones into the global ones about once a second, as long as
 * there are any to fold. While it does it looks at its lists: a zone whose counters it changed gets
 * three rounds; when they are over without another change, a batch of a remote zone's list goes
 * back. That changes counters, so the next batch is three rounds later. Lists of local zones are
 * left alone (refresh_cpu_vm_stats and vmstat_update, mm/vmstat.c; drain_zone_pages,
 * mm/page_alloc.c, 6.1).
 *
 * Invariant: a CPU's work is pending only if a counter changed since its last round; a quiet CPU
 * has none, and keeps what is on its lists, as in Linux.
 *
 * Unlike Linux: only free pages are counted per CPU, so a change is one of those, and rounds that
 * find no remote list to wait for are left out. The first round after a quiet time is a second
 * after the change; there the shepherd comes by within a second. Nothing runs on a bare machine.
 */
#include "alloc/pages/idle_drain.h"

#include "alloc/pages/page_source.h"
#include "alloc/pages/pcp.h"

#define STAT_INTERVAL_MS 1000 /* sysctl_stat_interval */
#define EXPIRE_ROUNDS 3

/* One for each CPU. */
struct idle_drain {
	struct delayed_work dwork;
	struct page_source *ps;
	bool remote; /* there is a remote list that may have to go back */
};

static void run_later(struct idle_drain *drain)
{
	schedule_delayed_work_on(kernel->cpu, &drain->dwork, msecs_to_jiffies(STAT_INTERVAL_MS));
}

void idle_drain_note(struct buddy_zone *bz)
{
	struct idle_drain *drain = this_cpu_ptr(bz->idle_drain);

	if (kernel->mm_mode == MM_BARE)
		return;
	this_cpu_ptr(bz->pageset)->changed = true;
	if (bz->zone->node != kernel->nid)
		drain->remote = true;
	if (drain->remote)
		run_later(drain);
}

/* One zone in one round; true: its counters had changed, or change now. */
static bool refresh(struct buddy_zone *bz)
{
	struct per_cpu_pages *pcp = this_cpu_ptr(bz->pageset);
	bool changed = pcp->changed;

	charge(COST_THIS_CPU);
	pcp->changed = false;
	if (changed)
		pcp->expire = EXPIRE_ROUNDS;
	if (!pcp->expire || !pcp->count)
		return changed;
	if (bz->zone->node == kernel->nid)
		pcp->expire = 0;
	else if (!--pcp->expire)
		pcp_drain_batch(bz);
	return changed || pcp->changed;
}

static bool waits_for(const struct buddy_zone *bz)
{
	const struct per_cpu_pages *pcp = this_cpu_ptr(bz->pageset);

	return bz->zone->node != kernel->nid && pcp->count && (pcp->expire || pcp->changed);
}

static void vmstat_update(struct work_struct *work)
{
	struct delayed_work *dwork = container_of(work, struct delayed_work, work);
	struct idle_drain *drain = container_of(dwork, struct idle_drain, dwork);
	bool changed = false, remote = false;

	for (int i = 0; i < drain->ps->nr_zones; i++) {
		struct buddy_zone *bz = &drain->ps->zones[i];

		if (!bz->pageset)
			continue;
		changed |= refresh(bz);
		remote |= waits_for(bz);
	}
	drain->remote = remote;
	if (changed && remote)
		run_later(drain);
}

void idle_drain_create(struct page_source *ps)
{
	struct idle_drain *drains;
	int cpu;

	if (kernel->nr_node_ids == 1 || !ps->o.pcp)
		return;
	drains = alloc_percpu(struct idle_drain);
	for_each_possible_cpu (cpu) {
		struct idle_drain *drain = per_cpu_ptr(drains, cpu);

		drain->ps = ps;
		INIT_DELAYED_WORK(&drain->dwork, vmstat_update);
	}
	for (int i = 0; i < ps->nr_zones; i++)
		if (ps->zones[i].pageset)
			ps->zones[i].idle_drain = drains;
	ps->idle_drains = drains;
}

void idle_drain_destroy(struct page_source *ps)
{
	int cpu;

	if (!ps->idle_drains)
		return;
	for_each_possible_cpu (cpu)
		cancel_delayed_work_sync(&per_cpu_ptr(ps->idle_drains, cpu)->dwork);
	free_percpu(ps->idle_drains);
}
