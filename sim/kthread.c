/*
 * Kernel threads: kswapd, kcompactd.
 *
 * Theory: a thread is a function that runs in short steps, each an operation of its own on one CPU
 * of its node: the one that is free first, as a scheduler would find it. Where that CPU is busy,
 * the step waits; a request that comes meanwhile waits for the step.
 *
 * Invariant: the event is pending exactly while the thread is going to run; it is not while a step
 * runs. A thread woken during its own step runs again at once.
 *
 * Unlike Linux: threads have no priority, and never wait for a running one's time slice to end.
 */
#include "alloc/mm.h"
#include "lib/mem.h"
#include "sim/machine_priv.h"

struct kthread {
	struct event ev;
	struct list_head list; /* of machine.threads */
	u64 first_ns;
	const char *name;
	int nid;
	u64 (*step)(void *arg);
	void *arg;
	bool running, woken;
};

struct kthread *kthread_create(const char *name, int nid, u64 (*step)(void *arg), void *arg)
{
	struct kthread *t = instance_alloc(sizeof(*t));

	*t = (struct kthread){
		.name = name, .nid = nid, .step = step, .arg = arg, .first_ns = KTHREAD_SLEEP};
	list_add_tail(&t->list, &machine_current()->threads);
	return t;
}

void kthread_first_run(struct kthread *t, u64 delay_ns)
{
	t->first_ns = delay_ns;
}

/* Of the node's CPUs, or of all if it has none, the one that is free first. */
static int free_cpu(const struct machine *m, int nid)
{
	int best = -1, cpu;

	for_each_possible_cpu (cpu) {
		if (cpu_to_node(cpu) != nid)
			continue;
		if (best < 0 || m->cpus[cpu].clock_ns < m->cpus[best].clock_ns)
			best = cpu;
	}
	return best;
}

static void run_step(struct event *ev);

static void schedule(struct machine *m, struct kthread *t, u64 t_ns)
{
	event_schedule(&m->events, &t->ev, t_ns, EVENT_KTHREAD, run_step);
}

static void run_step(struct event *ev)
{
	struct kthread *t = container_of(ev, struct kthread, ev);
	struct machine *m = machine_current();
	int cpu = free_cpu(m, t->nid);
	u64 entered_ns, delay_ns, ns;

	if (kernel->mm_mode == MM_BARE)
		return; /* the run is over */
	entered_ns = machine_enter_event(m, cpu < 0 ? 0 : cpu, ev->t_ns);
	t->running = true;
	t->woken = false;
	delay_ns = t->step(t->arg);
	t->running = false;
	ns = machine_leave(m, entered_ns);
	m->kthreads.steps++;
	m->kthreads.ns += ns;
	if (t->woken)
		delay_ns = 0;
	/* A step that cost nothing must not stop time. */
	if (delay_ns != KTHREAD_SLEEP)
		schedule(m, t, entered_ns + max(ns, (u64)1) + delay_ns);
}

void kthreads_begin(struct machine *m)
{
	struct kthread *t;

	list_for_each_entry (t, &m->threads, list)
		if (t->first_ns != KTHREAD_SLEEP)
			schedule(m, t, m->now_ns + t->first_ns);
}

void wake_up_process(struct kthread *t)
{
	struct machine *m = machine_current();
	u64 now_ns = max(kernel->clock_ns, m->now_ns);

	if (kernel->mm_mode == MM_BARE)
		return;
	t->woken = true;
	if (t->running || (event_pending(&t->ev) && t->ev.t_ns <= now_ns))
		return;
	if (event_pending(&t->ev))
		event_cancel(&m->events, &t->ev);
	schedule(m, t, now_ns);
}

void kthread_stop(struct kthread *t)
{
	if (!t)
		return;
	if (event_pending(&t->ev))
		event_cancel(&machine_current()->events, &t->ev);
	list_del(&t->list);
	instance_free(t);
}
