/*
 * Delayed work: a function on a CPU after some jiffies.
 *
 * Theory: an event of the CPU. The function runs there as an operation of its own, in that CPU's
 * time, with an interrupt's cost before it.
 *
 * Invariant: dwork->timer is set exactly while the event is queued; it is cleared before the
 * function runs, which may schedule the work again.
 *
 * Unlike Linux: there are no workers, so a function waits for nothing but the CPU's clock; a delay
 * starts at the caller's clock, not at the next tick.
 */
#include <stdlib.h>

#include "lib/units.h"
#include "sim/machine.h"

struct work_timer {
	struct event ev;
	struct delayed_work *dwork;
};

void INIT_DELAYED_WORK(struct delayed_work *dwork, void (*func)(struct work_struct *work))
{
	*dwork = (struct delayed_work){.work.func = func};
}

static void work_timer_fires(struct event *ev)
{
	struct work_timer *timer = container_of(ev, struct work_timer, ev);
	struct machine *m = machine_current();
	struct delayed_work *dwork = timer->dwork;
	u64 entered_ns = machine_enter_event(m, ev->cpu, ev->t_ns);

	dwork->timer = NULL; /* the function may schedule it again */
	instance_free(timer);
	charge(COST_INTERRUPT);
	dwork->work.func(&dwork->work);
	machine_leave(m, entered_ns);
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
