/*
 * Spin locks in simulated time.
 *
 * Theory: operations run one after the other on the host but overlap in simulated time. A lock is
 * busy from its holder's clock at acquisition to its clock at release. It remembers its last busy
 * intervals; a requester takes the first gap at or after its own clock. So an operation that runs
 * later on the host but earlier in simulated time does not wait behind a hold that had not begun.
 * How long the new hold will be is not known when it starts: the last hold's length stands for it,
 * and a gap shorter than that is none. So intervals with such a gap between them are one, and a few
 * intervals reach far back even when an operation took the lock a thousand times.
 *
 * Invariant: busy intervals are in order of time and at least hold_ns apart when they were made.
 * With arrivals in order of time and holds of one length this is exactly first come, first served
 * (tests/test_sim_lock.c: the law of M/D/1).
 *
 * Unlike Linux: a hold that turns out longer than the gap it took overlaps the next one; busy
 * intervals older than the last LOCK_HISTORY are forgotten; no queue order beyond arrival time.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "sim/machine_priv.h"

static struct lock_class *lock_class(struct machine *m, const char *name)
{
	struct lock_class *c;

	list_for_each_entry (c, &m->lock_classes, list)
		if (!strcmp(c->name, name))
			return c;
	c = mem_alloc(1, sizeof(*c));
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

void lock_classes_count_anew(struct machine *m)
{
	struct lock_class *c;

	list_for_each_entry (c, &m->lock_classes, list)
		c->acquisitions = c->contended = c->wait_ns_total = c->wait_ns_max = 0;
}

void spin_lock_init(spinlock_t *lock, const char *class_name)
{
	*lock = (spinlock_t){.class = lock_class(machine_current(), class_name), .owner = -1};
}

/* The start of the first gap at or after t that has room for a hold. */
static u64 first_gap(const spinlock_t *lock, u64 t)
{
	for (u32 i = 0; i < lock->nr_busy; i++) {
		if (t + lock->hold_ns <= lock->busy[i].start_ns)
			return t;
		t = max(t, lock->busy[i].end_ns);
	}
	return t;
}

static u64 wait_until(spinlock_t *lock, u64 t_ns)
{
	struct lock_class *c = lock->class;
	u64 wait_ns = t_ns - kernel->clock_ns;

	if (!wait_ns)
		return 0;
	c->contended++;
	c->wait_ns_total += wait_ns;
	c->wait_ns_max = max(c->wait_ns_max, wait_ns);
	kernel->clock_ns = t_ns;
	return wait_ns;
}

u64 spin_lock(spinlock_t *lock)
{
	u64 waited_ns = 0;

	ASSERT(!lock->locked); /* one host thread: whoever holds it is us */
	lock->locked = true;
	lock->class->acquisitions++;
	if (unlikely(lock->nr_busy && kernel->clock_ns < lock->busy[lock->nr_busy - 1].end_ns))
		waited_ns = wait_until(lock, first_gap(lock, kernel->clock_ns));
	lock->held_since_ns = kernel->clock_ns;
	charge(COST_LOCK);
	if (lock->owner != kernel->cpu) {
		if (lock->owner >= 0)
			charge(COST_LOCK_HANDOFF);
		lock->owner = kernel->cpu;
	}
	return waited_ns;
}

/*
 * Makes room at place `at`; the oldest interval is forgotten if there is none. Returns the place.
 */
static u32 open_place(spinlock_t *lock, u32 at)
{
	if (lock->nr_busy < LOCK_HISTORY) {
		memmove(&lock->busy[at + 1], &lock->busy[at],
			(lock->nr_busy++ - at) * sizeof(lock->busy[0]));
		return at;
	}
	if (!at) /* older than all that is remembered */
		return LOCK_HISTORY;
	memmove(&lock->busy[0], &lock->busy[1], (at - 1) * sizeof(lock->busy[0]));
	return at - 1;
}

/* Joins the interval with its successors as long as nothing fits between them. */
static void join_following(spinlock_t *lock, u32 i)
{
	while (i + 1 < lock->nr_busy &&
	       lock->busy[i + 1].start_ns < lock->busy[i].end_ns + max(lock->hold_ns, (u64)1)) {
		lock->busy[i].end_ns = max(lock->busy[i].end_ns, lock->busy[i + 1].end_ns);
		memmove(&lock->busy[i + 1], &lock->busy[i + 2],
			(lock->nr_busy - i - 2) * sizeof(lock->busy[0]));
		lock->nr_busy--;
	}
}

static void remember(spinlock_t *lock, u64 start_ns, u64 end_ns)
{
	u32 i = lock->nr_busy;

	while (i && lock->busy[i - 1].start_ns > start_ns)
		i--;
	/* Nearly always it follows the last interval, and often there is no room between. */
	if (i && start_ns < lock->busy[i - 1].end_ns + max(lock->hold_ns, (u64)1)) {
		i--;
		lock->busy[i].end_ns = max(lock->busy[i].end_ns, end_ns);
	} else {
		i = open_place(lock, i);
		if (i == LOCK_HISTORY)
			return;
		lock->busy[i].start_ns = start_ns;
		lock->busy[i].end_ns = end_ns;
	}
	join_following(lock, i);
}

void spin_unlock(spinlock_t *lock)
{
	ASSERT(lock->locked);
	lock->locked = false;
	lock->hold_ns = kernel->clock_ns - lock->held_since_ns;
	if (lock->hold_ns)
		remember(lock, lock->held_since_ns, kernel->clock_ns);
}
