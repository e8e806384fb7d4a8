/*
 * Spin locks in simulated time.
 *
 * Theory: operations run one after the other on the host but overlap in simulated time. A lock is
 * busy from its holder's clock at acquisition to its clock at release. It remembers its last holds;
 * a requester takes the first gap at or after its own clock. So an operation that runs later on the
 * host but earlier in simulated time does not wait behind a hold that had not begun.
 *
 * Invariant: remembered holds have start < end. Unlike Linux: a gap is taken even if it may prove
 * shorter than the hold, since how long a hold lasts is known at its end only; holds older than the
 * last LOCK_HISTORY are forgotten.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/machine_priv.h"

static struct lock_class *lock_class(struct machine *m, const char *name)
{
	struct lock_class *c;

	list_for_each_entry (c, &m->lock_classes, list)
		if (!strcmp(c->name, name))
			return c;
	c = calloc(1, sizeof(*c));
	ASSERT(c);
	c->name = name;
	list_add_tail(&c->list, &m->lock_classes);
	return c;
}

void lock_classes_free(struct machine *m)
{
	struct lock_class *c, *next;

	list_for_each_entry_safe (c, next, &m->lock_classes, list)
		free(c);
	INIT_LIST_HEAD(&m->lock_classes);
}

void spin_lock_init(spinlock_t *lock, const char *class_name)
{
	*lock = (spinlock_t){.class = lock_class(machine_current(), class_name), .owner = -1};
}

/* The first instant at or after t that no remembered hold covers. */
static u64 first_gap(const spinlock_t *lock, u64 t)
{
	bool moved = true;

	while (moved) {
		moved = false;
		for (int i = 0; i < LOCK_HISTORY; i++) {
			if (lock->start_ns[i] <= t && t < lock->end_ns[i]) {
				t = lock->end_ns[i];
				moved = true;
			}
		}
	}
	return t;
}

static void wait_until(spinlock_t *lock, u64 t_ns)
{
	struct lock_class *c = lock->class;
	u64 wait_ns = t_ns - kernel->clock_ns;

	if (!wait_ns)
		return;
	c->contended++;
	c->wait_ns_total += wait_ns;
	c->wait_ns_max = max(c->wait_ns_max, wait_ns);
	kernel->clock_ns = t_ns;
}

void spin_lock(spinlock_t *lock)
{
	ASSERT(!lock->locked); /* one host thread: whoever holds it is us */
	lock->locked = true;
	lock->class->acquisitions++;
	if (unlikely(kernel->clock_ns < lock->busy_until_ns))
		wait_until(lock, first_gap(lock, kernel->clock_ns));
	lock->held_since_ns = kernel->clock_ns;
	charge(COST_LOCK);
	if (lock->owner != kernel->cpu) {
		if (lock->owner >= 0)
			charge(COST_LOCK_HANDOFF);
		lock->owner = kernel->cpu;
	}
}

void spin_unlock(spinlock_t *lock)
{
	ASSERT(lock->locked);
	lock->locked = false;
	if (kernel->clock_ns == lock->held_since_ns)
		return;
	lock->start_ns[lock->next] = lock->held_since_ns;
	lock->end_ns[lock->next] = kernel->clock_ns;
	lock->next = (lock->next + 1) % LOCK_HISTORY;
	lock->busy_until_ns = max(lock->busy_until_ns, kernel->clock_ns);
}
