/*
 * A machine that runs: memory, CPUs, zones, clocks, and the event queue, behind alloc/kernel.h.
 *
 * One machine is current per thread; allocator code runs on it as the CPU last set by
 * machine_run_on. The one question everybody asks: *what time is it?* m->now_ns is the time up to
 * which events have run; each CPU has its own clock, at or after it while an operation runs there.
 */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include "alloc/allocator.h"
#include "alloc/kernel.h"
#include "alloc/mm.h"
#include "lib/err.h"
#include "sim/event.h"
#include "sim/machine_config.h"

enum extfrag_class {
	EXTFRAG_ALL,
	EXTFRAG_FRAGMENTING,		/* the block found was smaller than a pageblock */
	EXTFRAG_UNMOVABLE,		/* of these: for unmovable pages */
	EXTFRAG_UNMOVABLE_INTO_MOVABLE, /* of these: placed among movable ones */
	NR_EXTFRAG_CLASSES
};

struct span {
	u64 start_ns, end_ns;
};

struct cpu {
	u64 clock_ns;	 /* when its last operation ended */
	u64 busy_ns;	 /* time charged to it */
	u64 asked_ns;	 /* when the last operation from outside was asked for */
	u64 work_end_ns; /* when the last delayed work ended */
	/* Delayed works that an operation to come may have to wait for, in order of time. */
	struct span *works;
	u32 nr_works, max_works;
};

/* Delayed works, over all CPUs. */
struct work_counts {
	u64 runs, ns;	/* ns: CPU time, the interrupt before each included */
	u64 idle_runs;	/* though no operation from outside had come since the same work ran last */
	u64 nr_delayed; /* operations from outside that had to wait for works on their CPU */
	u64 delay_ns, delay_ns_max;
};

/* Steps of kernel threads, over all CPUs. */
struct kthread_counts {
	u64 steps, ns;
};

/* Runs of compaction. */
struct compact_counts {
	u64 runs, moved, failed, ns;
	s64 blocks_gained; /* of 2 MiB */
};

struct rcu_state;

struct machine {
	struct kernel k; /* first: the thread-local `kernel` points here */
	struct cpu *cpus;
	struct event_queue events;
	u64 now_ns;	      /* events up to here have run */
	struct layer outside; /* time that passes in no layer: interrupts, callbacks, work */

	struct machine_config config;
	struct zone zones[MACHINE_NODES_MAX * MAX_NR_ZONES];
	u8 *section_zone;
	u8 *distances;
	size_t mem_map_bytes, direct_map_bytes, block_use_bytes, block_moves_bytes;

	struct rcu_state *rcu;
	struct list_head lock_classes; /* in order of creation */
	struct list_head threads;      /* kthreads */
	struct list_head instances;    /* host memory of layers */
	u64 nr_extfrag[NR_EXTFRAG_CLASSES];
	struct work_counts works;
	struct kthread_counts kthreads;
	struct compact_counts compact;
	u64 nr_events; /* report_event calls */
	/* Receives each report_event; NULL: they are counted only. */
	void (*on_event)(void *arg, u64 t_ns, int cpu, const char *kind, const char *detail);
	void (*on_compact)(void *arg, const struct compact_trace *t); /* NULL: counted only */
	void (*on_reclaim)(void *arg, const struct reclaim_trace *t); /* NULL: nobody asks */
	void *on_event_arg;
	void *run; /* the run on this machine, for callbacks without an argument; NULL: none */
	/* Names of the load's call sites, the load's; NULL: it has none. */
	const char *const *sites;
	u32 nr_sites;
	struct {
		const char *file;
		int line;
	} warned[64]; /* places that have warned: each does so once a run */
	unsigned int nr_warned;
};

struct lock_class {
	struct list_head list;
	const char *name; /* a literal of the allocator's */
	u64 acquisitions, contended, wait_ns_total, wait_ns_max;
};

struct rcu_counts {
	u64 pending, pending_max; /* callbacks: queued, not yet run */
	u64 invoked, gps;	  /* callbacks run, grace periods ended */
	u64 gp_ns_total, gp_ns_max;
};

/* Reserves address space for all frames and their structs; touches none. -1: not enough address
 * space. */
struct machine *machine_create(const struct machine_config *config, struct err *e);
void machine_destroy(struct machine *m);

/* Makes m the current machine of this thread, on CPU 0; NULL: none. */
void machine_use(struct machine *m);
struct machine *machine_current(void);

/* Runs all events with a time up to t_ns, in order. */
void machine_advance(struct machine *m, u64 t_ns);
/* Runs the next event; false if there is none. */
bool machine_step(struct machine *m);

/* When the last of all operations and events ended. */
u64 machine_end_ns(const struct machine *m);

void machine_rcu_counts(const struct machine *m, struct rcu_counts *counts);
/* The machine is bare no more: threads that wait for that begin. */
void kthreads_begin(struct machine *m);
/* All statistics begin anew: CPU time, locks, RCU, works, reports. What is pending stays. */
void machine_count_anew(struct machine *m);

/* sim/work.c: an operation asked for at t_ns begins only at entered_ns. */
void machine_note_work_delay(struct machine *m, int cpu, u64 t_ns, u64 entered_ns);

/*
 * Enters an operation on `cpu` at t_ns, or when that CPU's previous one ends. Returns the clock.
 * What an event does enters this way: events up to its time have run.
 */
static inline u64 machine_enter_event(struct machine *m, int cpu, u64 t_ns)
{
	m->k.cpu = cpu;
	m->k.nid = m->k.cpu_node[cpu];
	m->k.path = PATH_FAST;
	m->k.site = 0;
	m->k.clock_ns = max(t_ns, m->cpus[cpu].clock_ns);
	return m->k.clock_ns;
}

/* The same for an operation from outside, which was asked for at t_ns: first runs all events up to
 * then. */
static inline u64 machine_enter(struct machine *m, int cpu, u64 t_ns)
{
	if (unlikely(event_next_ns(&m->events) <= t_ns))
		machine_advance(m, t_ns);
	if (t_ns > m->now_ns)
		m->now_ns = t_ns;
	m->cpus[cpu].asked_ns = t_ns;
	if (unlikely(m->cpus[cpu].work_end_ns > t_ns))
		machine_note_work_delay(m, cpu, t_ns, max(t_ns, m->cpus[cpu].clock_ns));
	return machine_enter_event(m, cpu, t_ns);
}

/* Leaves it: the CPU's clock is kept. Returns the simulated ns since entered_ns. */
static inline u64 machine_leave(struct machine *m, u64 entered_ns)
{
	struct cpu *cpu = &m->cpus[m->k.cpu];
	u64 ns = m->k.clock_ns - entered_ns;

	cpu->clock_ns = m->k.clock_ns;
	cpu->busy_ns += ns;
	return ns;
}

#endif
