/*
 * RCU as a grace-period state machine.
 *
 * Theory: a callback may run when every CPU has passed a quiescent state after it was queued.
 * Callbacks queued on a CPU wait in `next` until a grace period starts, then in `wait` until it
 * ends, then in `done` until their CPU runs them, a batch at a time, on its own time. A grace
 * period starts when there is something to wait for and none is under way. At each tick of it,
 * every CPU that is not in the middle of an operation is quiescent: its tick interrupt reports it,
 * or, if it ran none since the tick before, it is idle and costs nothing: the grace-period kthread
 * sees that from outside, but does not look before a jiffy has passed.
 *
 * Invariant: ticks are scheduled only while a grace period is under way, so a quiet machine has
 * none. `pending` is the number of callbacks on all lists.
 *
 * Unlike Linux: one level instead of a tree of nodes; ticks of all CPUs coincide (as without
 * skew_tick); no expedited grace periods, no offloading. A jiffy until idle CPUs are looked at is
 * jiffies_till_first_fqs on machines of HZ <= 250. Batches follow rcu_do_batch of 6.1: blimit
 * 10, or 1/128 of the queue if that is more, or everything once qhimark (10,000) is exceeded.
 */
#include <stdlib.h>

#include "lib/mem.h"
#include "lib/units.h"
#include "sim/machine_priv.h"

#define RCU_BLIMIT 10
#define RCU_DIVISOR_SHIFT 7
#define RCU_QHIMARK 10000

struct rcu_list {
	struct rcu_head *head, **tail;
	u64 n;
};

struct rcu_cpu {
	struct rcu_list next, wait, done;
	struct event batch; /* runs done callbacks on this CPU */
	u64 seen_ns;	    /* its clock at the last tick: unchanged means idle since */
	bool holdout;	    /* the grace period waits for it */
};

struct rcu_state {
	struct rcu_cpu *cpus;
	struct event tick;
	bool gp_active;
	u64 gp_start_ns;
	struct rcu_counts counts;
};

static void list_init(struct rcu_list *l)
{
	l->head = NULL;
	l->tail = &l->head;
	l->n = 0;
}

static void list_append(struct rcu_list *to, struct rcu_list *from)
{
	if (!from->n)
		return;
	*to->tail = from->head;
	to->tail = from->tail;
	to->n += from->n;
	list_init(from);
}

void rcu_create(struct machine *m)
{
	struct rcu_state *r = mem_alloc(1, sizeof(*r));
	r->cpus = mem_alloc(m->config.nr_cpus, sizeof(*r->cpus));
	for (unsigned int cpu = 0; cpu < m->config.nr_cpus; cpu++) {
		list_init(&r->cpus[cpu].next);
		list_init(&r->cpus[cpu].wait);
		list_init(&r->cpus[cpu].done);
		r->cpus[cpu].batch.cpu = (int)cpu;
	}
	m->rcu = r;
}

void rcu_destroy(struct machine *m)
{
	free(m->rcu->cpus);
	free(m->rcu);
}

static void rcu_tick(struct event *ev);

static void schedule_tick(struct machine *m, u64 after_ns)
{
	u64 tick_ns = NSEC_PER_SEC / m->config.hz;

	event_schedule(&m->events, &m->rcu->tick, (after_ns / tick_ns + 1) * tick_ns, EVENT_RCU,
		       rcu_tick);
}

static void gp_start(struct machine *m, u64 now_ns)
{
	struct rcu_state *r = m->rcu;

	r->gp_active = true;
	r->gp_start_ns = now_ns;
	for (unsigned int cpu = 0; cpu < m->config.nr_cpus; cpu++) {
		list_append(&r->cpus[cpu].wait, &r->cpus[cpu].next);
		r->cpus[cpu].holdout = true;
		r->cpus[cpu].seen_ns = m->cpus[cpu].clock_ns;
	}
	schedule_tick(m, now_ns);
}

static u64 batch_limit(const struct rcu_list *done)
{
	if (done->n > RCU_QHIMARK)
		return done->n;
	return max((u64)RCU_BLIMIT, done->n >> RCU_DIVISOR_SHIFT);
}

/* The softirq of one CPU: runs a batch, then gives way to whatever else the CPU has to do. */
static void run_batch(struct event *ev)
{
	struct machine *m = machine_current();
	struct rcu_cpu *rc = container_of(ev, struct rcu_cpu, batch);
	u64 entered_ns = machine_enter_event(m, ev->cpu, ev->t_ns), n = batch_limit(&rc->done);

	while (n-- && rc->done.n) {
		struct rcu_head *head = rc->done.head;

		rc->done.head = head->next;
		if (!--rc->done.n)
			list_init(&rc->done);
		m->rcu->counts.pending--;
		m->rcu->counts.invoked++;
		charge(COST_RCU_CALLBACK);
		head->func(head);
	}
	machine_leave(m, entered_ns);
	if (rc->done.n && !event_pending(&rc->batch))
		event_schedule(&m->events, &rc->batch, m->cpus[ev->cpu].clock_ns, EVENT_RCU,
			       run_batch);
}

static void gp_end(struct machine *m, u64 now_ns)
{
	struct rcu_state *r = m->rcu;
	u64 ns = now_ns - r->gp_start_ns;
	bool more = false;

	r->gp_active = false;
	r->counts.gps++;
	r->counts.gp_ns_total += ns;
	r->counts.gp_ns_max = max(r->counts.gp_ns_max, ns);
	for (unsigned int cpu = 0; cpu < m->config.nr_cpus; cpu++) {
		struct rcu_cpu *rc = &r->cpus[cpu];

		list_append(&rc->done, &rc->wait);
		if (rc->done.n && !event_pending(&rc->batch))
			event_schedule(&m->events, &rc->batch, now_ns, EVENT_RCU, run_batch);
		more |= rc->next.n > 0;
	}
	if (more)
		gp_start(m, now_ns);
}

/* True once the CPU is quiescent in this grace period. */
static bool quiescent(struct machine *m, int cpu, u64 now_ns)
{
	struct rcu_cpu *rc = &m->rcu->cpus[cpu];
	u64 clock_ns = m->cpus[cpu].clock_ns;

	if (!rc->holdout)
		return true;
	if (clock_ns > now_ns) /* the tick interrupts an operation */
		return false;
	if (clock_ns == rc->seen_ns && now_ns < m->rcu->gp_start_ns + NSEC_PER_SEC / m->config.hz)
		return false;	       /* idle, and nobody looks at idle CPUs yet */
	if (clock_ns != rc->seen_ns) { /* busy since: its own tick reports */
		u64 entered_ns = machine_enter_event(m, cpu, now_ns);

		charge(COST_INTERRUPT);
		machine_leave(m, entered_ns);
	}
	rc->seen_ns = m->cpus[cpu].clock_ns;
	rc->holdout = false;
	return true;
}

static void rcu_tick(struct event *ev)
{
	struct machine *m = machine_current();
	bool all = true;

	for (int cpu = 0; cpu < kernel->nr_cpu_ids; cpu++)
		all &= quiescent(m, cpu, ev->t_ns);
	if (all)
		gp_end(m, ev->t_ns);
	else
		schedule_tick(m, ev->t_ns);
}

void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	struct machine *m = machine_current();
	struct rcu_state *r = m->rcu;
	struct rcu_list *next = &r->cpus[kernel->cpu].next;

	head->next = NULL;
	head->func = func;
	*next->tail = head;
	next->tail = &head->next;
	next->n++;
	r->counts.pending++;
	r->counts.pending_max = max(r->counts.pending_max, r->counts.pending);
	charge(COST_IRQ_SAVE);
	charge(COST_THIS_CPU);
	if (!r->gp_active)
		gp_start(m, kernel->clock_ns);
}

/* The caller's CPU sleeps meanwhile and wakes up when the last callback has run, in whatever it was
 * doing. */
void rcu_barrier(void)
{
	struct machine *m = machine_current();
	struct kernel asleep = *kernel;

	while (m->rcu->counts.pending) {
		bool ran = machine_step(m);

		ASSERT(ran); /* callbacks without a grace period under way */
	}
	kernel->cpu = asleep.cpu;
	kernel->nid = asleep.nid;
	kernel->path = asleep.path;
	kernel->layer = asleep.layer;
	kernel->clock_ns = max(asleep.clock_ns, m->now_ns);
	/* Sleep is nobody's time. */
	kernel->layer->self_ns -= kernel->clock_ns - asleep.clock_ns;
}

void machine_rcu_counts(const struct machine *m, struct rcu_counts *counts)
{
	*counts = m->rcu->counts;
}

void rcu_count_anew(struct machine *m)
{
	m->rcu->counts = (struct rcu_counts){
		.pending = m->rcu->counts.pending,
		.pending_max = m->rcu->counts.pending,
	};
}
