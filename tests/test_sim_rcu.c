/*
 * RCU: when callbacks run, where, and how many at once. Ticks are 4 ms apart (HZ 250).
 *
 *	ms    0    4    8    12
 *	CPU0  |q---|---------           q: call_rcu at 1 ms, grace period starts
 *	CPU1  |  [=====op====]          busy over the tick at 4: the period ends at the tick at 8
 */
#include <stdlib.h>

#include "lib/units.h"
#include "tests/sim_fixture.h"

static struct {
	int cpu, first_cpu;
	u64 ns, n;
} ran;

static void note(struct rcu_head *head)
{
	(void)head;
	ran.cpu = smp_processor_id();
	if (!ran.n)
		ran.first_cpu = ran.cpu;
	ran.ns = ktime_get_ns();
	ran.n++;
}

static int setup(void **state)
{
	ran.cpu = -1;
	ran.ns = ran.n = 0;
	return fixture_setup(state);
}

static void queue(struct machine *m, int cpu, u64 t_ns, struct rcu_head *head)
{
	u64 entered = machine_enter(m, cpu, t_ns);

	call_rcu(head, note);
	machine_leave(m, entered);
}

/* The other CPUs are idle, which nobody looks at before a jiffy has passed. */
static void idle_cpus_are_seen_after_a_jiffy(void **state)
{
	struct machine *m = *state;
	struct rcu_head head;

	queue(m, 2, NSEC_PER_MSEC, &head);
	machine_advance(m, 2 * FIXTURE_TICK_NS - 1);
	assert_int_equal(ran.n, 0);
	machine_advance(m, 2 * FIXTURE_TICK_NS);
	assert_int_equal(ran.n, 1);
	assert_int_equal(ran.cpu, 2); /* callbacks run where they were queued */
	assert_true(ran.ns >= 2 * FIXTURE_TICK_NS);
	assert_false(machine_step(m)); /* nothing to wait for: no ticks */
}

static void busy_cpus_report_at_their_tick(void **state)
{
	struct machine *m = *state;
	struct rcu_head head;

	queue(m, 2, NSEC_PER_MSEC, &head);
	for (int cpu = 0; cpu < 4; cpu++) {
		u64 entered = machine_enter(m, cpu, 2 * NSEC_PER_MSEC);

		charge(COST_CALL);
		machine_leave(m, entered);
	}
	machine_advance(m, FIXTURE_TICK_NS - 1);
	assert_int_equal(ran.n, 0);
	machine_advance(m, FIXTURE_TICK_NS);
	assert_int_equal(ran.n, 1);
}

static void busy_cpu_holds_the_period_up(void **state)
{
	struct machine *m = *state;
	struct rcu_head head;
	u64 entered;

	queue(m, 0, NSEC_PER_MSEC, &head);
	entered = machine_enter(m, 1, 2 * NSEC_PER_MSEC);
	kernel->clock_ns += 3 * NSEC_PER_MSEC; /* until 5 ms, over the tick at 4 ms */
	machine_leave(m, entered);
	machine_advance(m, 2 * FIXTURE_TICK_NS - 1);
	assert_int_equal(ran.n, 0);
	machine_advance(m, 2 * FIXTURE_TICK_NS);
	assert_int_equal(ran.n, 1);
}

/* Queued while a grace period is under way: that one may have begun too early, so it takes the
 * next. */
static void late_callback_takes_the_next_period(void **state)
{
	struct machine *m = *state;
	struct rcu_head first, second;
	struct rcu_counts counts;

	queue(m, 0, NSEC_PER_MSEC, &first);
	queue(m, 1, 2 * NSEC_PER_MSEC, &second);
	machine_advance(m, 2 * FIXTURE_TICK_NS);
	assert_int_equal(ran.n, 1);
	machine_advance(m, 3 * FIXTURE_TICK_NS);
	assert_int_equal(ran.n, 2);
	machine_rcu_counts(m, &counts);
	assert_int_equal(counts.gps, 2);
	assert_int_equal(counts.pending, 0);
	assert_int_equal(counts.pending_max, 2);
	assert_true(counts.gp_ns_max > FIXTURE_TICK_NS && counts.gp_ns_max < 2 * FIXTURE_TICK_NS);
}

static void batches_are_limited(void **state)
{
	struct machine *m = *state;
	struct rcu_head *heads = calloc(100, sizeof(*heads));

	for (int i = 0; i < 100; i++)
		queue(m, 0, 1000, &heads[i]);
	machine_advance(m, 2 * FIXTURE_TICK_NS - 1);
	assert_int_equal(ran.n, 0);
	machine_step(m); /* the tick: the first callback's period ends, the others' begins */
	machine_step(m);
	assert_int_equal(ran.n, 1);
	machine_step(m); /* the second tick */
	machine_step(m); /* one batch */
	assert_int_equal(ran.n, 1 + 10);
	rcu_barrier();
	assert_int_equal(ran.n, 100);
	free(heads);
}

/* All become ready at one tick: CPU 0 runs its own first, whoever queued first. */
static void cpus_run_in_order(void **state)
{
	struct machine *m = *state;
	struct rcu_head first, second, third;

	queue(m, 3, 0, &first); /* starts a grace period; the others take the next one */
	queue(m, 2, NSEC_PER_MSEC, &second);
	queue(m, 0, 2 * NSEC_PER_MSEC, &third);
	machine_advance(m, 2 * FIXTURE_TICK_NS);
	assert_int_equal(ran.n, 1);
	ran.n = 0;
	machine_advance(m, 3 * FIXTURE_TICK_NS);
	assert_int_equal(ran.n, 2);
	assert_int_equal(ran.first_cpu, 0);
	assert_int_equal(ran.cpu, 2);
}

/* What waits comes back as it was: CPU, path and a clock that has moved on. */
static void barrier_returns_to_its_cpu(void **state)
{
	struct machine *m = *state;
	struct rcu_head head;
	u64 entered = machine_enter(m, 1, 5);

	note_path(PATH_SLOW);
	call_rcu(&head, note);
	rcu_barrier();
	assert_int_equal(smp_processor_id(), 1);
	assert_int_equal(kernel->path, PATH_SLOW);
	assert_true(machine_leave(m, entered) >= FIXTURE_TICK_NS);
	assert_true(m->cpus[1].clock_ns >= m->now_ns);
}

static struct rcu_head chained;

static void queue_again(struct rcu_head *head)
{
	(void)head;
	call_rcu(&chained, note);
}

static void barrier_runs_what_callbacks_queue(void **state)
{
	struct machine *m = *state;
	struct rcu_head head;
	u64 entered = machine_enter(m, 3, 5);

	call_rcu(&head, queue_again);
	machine_leave(m, entered);
	rcu_barrier();
	assert_int_equal(ran.n, 1);
	assert_int_equal(ran.cpu, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(idle_cpus_are_seen_after_a_jiffy),
		TEST(busy_cpus_report_at_their_tick),
		TEST(busy_cpu_holds_the_period_up),
		TEST(late_callback_takes_the_next_period),
		TEST(batches_are_limited),
		TEST(cpus_run_in_order),
		TEST(barrier_runs_what_callbacks_queue),
		TEST(barrier_returns_to_its_cpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
