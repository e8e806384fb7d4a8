/*
 * The reaper: every two seconds, on every CPU, it looks at every cache.
 *
 * Theory: objects in queues are of no use to anybody else, so what has not been used for a while
 * goes back, a part at a time. Of each cache a CPU looks at: the alien array for one other node,
 * another one each time; its own array; and every four seconds, whoever comes first, its node's
 * shared array and free slabs. An array that was used since the last look is left alone; else a
 * fifth of its limit goes back to the slabs. Of free slabs, if none was taken since the last look,
 * a fifth of what the node may keep goes back to the page allocator (cache_reap, drain_array,
 * drain_freelist: mm/slab.c, Linux 6.1).
 *
 * So a machine of c CPUs that does nothing has c / 2 events a second, whose length grows with the
 * number of caches; and who asks a CPU for something meanwhile waits until all caches are seen. A
 * look costs the lines it reads: after two seconds none of them is in the CPU's cache.
 *
 * Invariant: while q has caches each CPU's reaper is scheduled, and once it has none, none is.
 *
 * Unlike Linux: the timer is not deferrable (since 2007 it is: a CPU asleep reaps when something
 * else wakes it); a period is the interval and the scan, not rounded to a full
 * second; an alien array that somebody has locked is waited for; two instances of queued_slab in a
 * stack have a reaper each.
 */
#include "alloc/slab/queued.h"

#define CPU_SKEW_JIFFIES 3 /* CPUs do not wake up at once */

static void reaper_schedule(struct queued_reaper *r, u64 jiffies)
{
	schedule_delayed_work_on(r->cpu, &r->work, jiffies);
}

/* The next node with memory, round and round. */
static int next_node(const struct queued *q, int nid)
{
	do
		nid = (nid + 1) % kernel->nr_node_ids;
	while (memory_node(q, nid) != nid);
	return nid;
}

static void reap_free_slabs(struct queued_cache *qc, struct queued_node *n)
{
	if (n->free_touched)
		n->free_touched = false;
	else
		drain_free_slabs(qc, n, (n->free_limit + 5 * qc->num - 1) / (5 * qc->num));
}

static void reap_cache(struct queued_reaper *r, struct queued_cache *qc)
{
	int nid = serving_node(qc, numa_node_id());
	struct queued_node *n = &qc->nodes[nid];

	charge(COST_LIST_STEP);
	charge(COST_LINE_LOCAL); /* the cache */
	charge_memory(nid);	 /* its node */
	if (n->aliens) {
		charge_memory(nid);
		alien_drain(qc, &n->aliens[r->nid], r->nid);
	}
	if (qc->cpu_array) {
		charge(COST_LINE_LOCAL);
		array_drain(qc, n, this_array(qc), false);
	}
	if (ktime_get_ns() < n->next_reap_ns)
		return;
	n->next_reap_ns = ktime_get_ns() + 2 * qc->q->o.reap_ns;
	array_drain(qc, n, n->shared, false);
	reap_free_slabs(qc, n);
}

static void reap(struct work_struct *work)
{
	struct queued_reaper *r = container_of(container_of(work, struct delayed_work, work),
					       struct queued_reaper, work);
	struct queued *q = r->q;
	struct slab_cache *cache;

	charge(COST_CALL);
	list_for_each_entry (cache, &q->sa.caches, list)
		reap_cache(r, to_queued(cache));
	for (unsigned int i = 0; i < NR_META_CLASSES; i++)
		if (queued_nr_slabs(meta_cache(q, i)))
			reap_cache(r, meta_cache(q, i));
	r->nid = next_node(q, r->nid);
	reaper_schedule(r, nsecs_to_jiffies(q->o.reap_ns));
}

void reapers_start(struct queued *q)
{
	int cpu;

	if (!q->o.reap_ns)
		return;
	q->reapers = instance_alloc(sizeof(*q->reapers) * (size_t)kernel->nr_cpu_ids);
	for_each_possible_cpu (cpu) {
		struct queued_reaper *r = &q->reapers[cpu];

		r->q = q;
		r->cpu = cpu;
		r->nid = next_node(q, memory_node(q, cpu_to_node(cpu)));
		INIT_DELAYED_WORK(&r->work, reap);
		reaper_schedule(r,
				nsecs_to_jiffies(q->o.reap_ns / 2) + CPU_SKEW_JIFFIES * (u64)cpu);
	}
}

void reapers_stop(struct queued *q)
{
	int cpu;

	if (!q->reapers)
		return;
	for_each_possible_cpu (cpu)
		cancel_delayed_work_sync(&q->reapers[cpu].work);
	instance_free(q->reapers);
	q->reapers = NULL;
}
