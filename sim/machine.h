/*
 * A machine that runs: memory, CPUs, zones, clocks, and the event queue, behind alloc/kernel.h.
 *
 * One machine is current per thread; allocator code runs on it as the CPU last set by machine_run_on.
 * The one question everybody asks: *what time is it?* m->now_ns is the time up to which events have run;
 * each CPU has its own clock, at or after it while an operation runs there.
 */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include "alloc/kernel.h"
#include "lib/err.h"
#include "sim/event.h"
#include "sim/machine_config.h"

#define EXTFRAG_CLASSES 3 /* all; fragmenting; unmovable placed among movable */

struct cpu {
	u64 clock_ns;	/* when its last operation ended */
	u64 busy_ns;	/* time charged to it */
	struct rcu_cpu *rcu;
};

struct machine {
	struct kernel k; /* first: the thread-local `kernel` points here */
	struct machine_config config;
	struct event_queue events;
	u64 now_ns;
	struct cpu *cpus;
	struct rcu_state *rcu;
	struct lock_class *lock_classes; /* list, in order of creation */
	struct zone zones[MACHINE_NODES_MAX * MAX_NR_ZONES];
	u8 *section_zone;
	u8 *distances;
	size_t mem_map_bytes, direct_map_bytes;
	u64 nr_extfrag[EXTFRAG_CLASSES];
	/* Receiver of report_event; NULL: counted only. */
	void (*on_event)(void *arg, u64 t_ns, int cpu, const char *kind, const char *detail);
	void *on_event_arg;
	u64 nr_events_reported;
	const char *warned[64]; /* places that WARNed already */
	unsigned int nr_warned;
};

/* Reserves address space for all frames and their structs; touches none. -1: not enough address space. */
struct machine *machine_create(const struct machine_config *config, struct err *e);
void machine_destroy(struct machine *m);

/* Makes m the current machine of this thread, on CPU 0; NULL: none. */
void machine_use(struct machine *m);
struct machine *machine_current(void);

/*
 * Enters an operation on `cpu` that was asked for at t_ns: runs all events up to t_ns, then sets the clock
 * to the later of t_ns and the end of that CPU's previous operation. Returns the clock.
 */
u64 machine_enter(struct machine *m, int cpu, u64 t_ns);
/* Leaves it: the CPU's clock is kept. Returns the simulated ns the operation took. */
u64 machine_leave(struct machine *m, u64 entered_ns);

/* Runs all events with a time up to t_ns. */
void machine_advance(struct machine *m, u64 t_ns);
/* True while any event is pending. */
bool machine_step(struct machine *m);

#endif
