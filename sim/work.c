/*
 * Delayed work: a function on a CPU after some jiffies.
 *
 * Theory: an event of the CPU. The function runs there as an operation of its own, in that CPU's
 * time, with an interrupt's cost before it.
 *
 * A request that comes while it runs, or while it waits for the CPU in front of the request, waits
 * for it; how long is known exactly from the times at which works ran. A machine that is quiet and
 * whose allocator does nothing periodic has no works: a work that runs again on a CPU that nobody
 * asked anything of since is an idle run.
 *
 * Invariant: dwork->timer is set exactly while the event is queued; it is cleared before the
 * function runs, which may schedule the work again. A CPU remembers the works that ended after the
 * time of the last event there, for what comes later is asked for later.
 *
 * Unlike Linux: there are no workers, so a function waits for nothing but the CPU's clock; a delay
 * starts at the caller's clock, not at the next tick.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/units.h"
#include "sim/machine_priv.h"

struct work_timer {
	struct event ev;
	struct delayed_work *dwork;
};

void INIT_DELAYED_WORK(struct delayed_work *dwork, void (*func)(struct work_struct *work))
{
	*dwork = (struct delayed_work){.work.func = func};
}

/* ---- Who waits for works ---- */

static void forget_works(struct cpu *cpu, u64 until_ns)
{
	u32 old = 0;

	while (old < cpu->nr_works && cpu->works[old].end_ns <= until_ns)
		old++;
	if (!old)
		return;
	cpu->nr_works -= old;
	memmove(cpu->works, cpu->works + old, cpu->nr_works * sizeof(*cpu->works));
}

static void count_work(struct machine *m, struct delayed_work *dwork, const struct event *ev)
{
	m->works.runs++;
	if (dwork->ran_ns && m->cpus[ev->cpu].asked_ns + 1 < dwork->ran_ns)
		m->works.idle_runs++;
	dwork->ran_ns = ev->t_ns + 1;
	forget_works(&m->cpus[ev->cpu], ev->t_ns);
}

static void remember_work(struct machine *m, struct cpu *cpu, u64 start_ns)
{
	m->works.ns += cpu->clock_ns - start_ns;
	MEM_ROOM(cpu->works, cpu->nr_works, cpu->max_works);
	cpu->works[cpu->nr_works++] = (struct span){start_ns, cpu->clock_ns};
	cpu->work_end_ns = cpu->clock_ns;
}

void machine_note_work_delay(struct machine *m, int cpu, u64 t_ns, u64 entered_ns)
{
	const struct cpu *c = &m->cpus[cpu];
	u64 delay_ns = 0;

	for (u32 i = 0; i < c->nr_works; i++) {
		u64 from_ns = max(c->works[i].start_ns, t_ns);

		delay_ns += max(min(c->works[i].end_ns, entered_ns), from_ns) - from_ns;
	}
	m->works.nr_delayed += delay_ns > 0;
	m->works.delay_ns += delay_ns;
	m->works.delay_ns_max = max(m->works.delay_ns_max, delay_ns);
}

void works_free(struct machine *m)
{
	for (unsigned int cpu = 0; m->cpus && cpu < m->config.nr_cpus; cpu++)
		free(m->cpus[cpu].works);
}

/* ---- The timer ---- */

static void work_timer_fires(struct event *ev)
{
	struct work_timer *timer = container_of(ev, struct work_timer, ev);
	struct machine *m = machine_current();
	struct delayed_work *dwork = timer->dwork;
	u64 entered_ns = machine_enter_event(m, ev->cpu, ev->t_ns);
	struct cpu *cpu = &m->cpus[ev->cpu];

	count_work(m, dwork, ev);
	dwork->timer = NULL; /* the function may schedule it again */
	instance_free(timer);
	charge(COST_INTERRUPT);
	dwork->work.func(&dwork->work);
	machine_leave(m, entered_ns);
	remember_work(m, cpu, entered_ns);
}

bool schedule_delayed_work_on(int cpu, struct delayed_work *dwork, u64 delay)
{
	struct machine *m = machine_current();
	struct work_timer *timer;

	if (dwork->timer)
		return false;
	timer = instance_alloc(sizeof(*timer));
	timer->dwork = dwork;
	timer->ev.cpu = cpu;
	dwork->timer = timer;
	event_schedule(&m->events, &timer->ev, kernel->clock_ns + delay * NSEC_PER_SEC / kernel->hz,
		       EVENT_WORK, work_timer_fires);
	return true;
}

bool cancel_delayed_work_sync(struct delayed_work *dwork)
{
	struct work_timer *timer = dwork->timer;

	if (!timer)
		return false;
	event_cancel(&machine_current()->events, &timer->ev);
	instance_free(timer);
	dwork->timer = NULL;
	return true;
}
