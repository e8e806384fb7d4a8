/*
 * Kernel threads: when they run, on which CPU, and whose time they take.
 */
#include "alloc/mm.h"
#include "lib/units.h"
#include "tests/sim_fixture.h"

/* A thread that notes when and where its steps ran. */
struct worker {
	struct kthread *t;
	u64 at_ns[64], cost_ns, again_ns;
	int cpu[64];
	unsigned int nr;
	bool wakes_itself;
};

static u64 step(void *arg)
{
	struct worker *w = arg;

	assert_in_range(w->nr, 0, 63);
	w->at_ns[w->nr] = ktime_get_ns();
	w->cpu[w->nr++] = smp_processor_id();
	kernel->clock_ns += w->cost_ns;
	if (w->wakes_itself) {
		w->wakes_itself = false;
		wake_up_process(w->t);
	}
	return w->again_ns;
}

static void begin(struct worker *w, int nid)
{
	*w = (struct worker){.again_ns = KTHREAD_SLEEP};
	w->t = kthread_create("worker", nid, step, w);
	kernel->mm_mode = MM_LIVE;
}

static void end(struct worker *w)
{
	kthread_stop(w->t);
	kernel->mm_mode = MM_BARE;
}

static void sleeps_until_woken(void **state)
{
	struct machine *m = *state;
	struct worker w;

	begin(&w, 1);
	kthreads_begin(m);
	machine_advance(m, 1000);
	assert_int_equal(w.nr, 0);
	wake_up_process(w.t);
	wake_up_process(w.t); /* it is about to run anyway */
	machine_advance(m, 5000);
	assert_int_equal(w.nr, 1);
	assert_int_equal(w.at_ns[0], 1000);
	assert_int_equal(cpu_to_node(w.cpu[0]), 1);
	w.wakes_itself = true;
	w.cost_ns = 300;
	wake_up_process(w.t);
	machine_advance(m, 9000);
	assert_int_equal(w.nr, 3);
	assert_int_equal(w.at_ns[1], 5000);
	assert_int_equal(w.at_ns[2], 5300); /* woken while it ran */
	end(&w);
}

static void runs_again_when_it_wants(void **state)
{
	struct machine *m = *state;
	struct worker w;

	begin(&w, 0);
	w.again_ns = 1000;
	w.cost_ns = 10;
	kthread_first_run(w.t, 500);
	kthreads_begin(m);
	machine_advance(m, 3000);
	assert_int_equal(w.nr, 3);
	assert_int_equal(w.at_ns[0], 500);
	assert_int_equal(w.at_ns[1], 1510);
	assert_int_equal(w.at_ns[2], 2520);
	machine_advance(m, 3100);
	wake_up_process(w.t); /* ahead of time, and not at 3530 as well */
	machine_advance(m, 4000);
	assert_int_equal(w.nr, 4);
	assert_int_equal(w.at_ns[3], 3100);
	assert_int_equal(m->kthreads.steps, 4);
	assert_int_equal(m->kthreads.ns, 40);
	/* Steps that cost nothing do not stop time. */
	w.cost_ns = w.again_ns = w.nr = 0;
	machine_advance(m, 4125);
	assert_int_equal(w.nr, 16);
	end(&w);
	machine_advance(m, 10000);
	assert_int_equal(w.nr, 16);
}

/* The CPU of its node that is free first; a request that comes meanwhile waits for the step. */
static void takes_the_time_of_a_cpu(void **state)
{
	struct machine *m = *state;
	struct worker w;
	u64 entered_ns;

	begin(&w, 0);
	entered_ns = machine_enter(m, 0, 1000);
	kernel->clock_ns += 700;
	machine_leave(m, entered_ns);
	w.cost_ns = 200;
	wake_up_process(w.t); /* by what ran until 1700 */
	machine_advance(m, 1700);
	assert_int_equal(w.nr, 1);
	assert_int_equal(w.at_ns[0], 1700);
	assert_int_equal(w.cpu[0], 1);
	assert_int_equal(machine_enter(m, 0, 1800), 1800);
	machine_leave(m, 1800);
	assert_int_equal(machine_enter(m, 1, 1800), 1900);
	machine_leave(m, 1900);
	end(&w);
}

static void a_bare_machine_is_at_rest(void **state)
{
	struct machine *m = *state;
	struct worker w;

	begin(&w, 0);
	w.again_ns = 100;
	kernel->mm_mode = MM_BARE;
	wake_up_process(w.t);
	machine_advance(m, 1000);
	assert_int_equal(w.nr, 0);
	kernel->mm_mode = MM_RECORDED;
	wake_up_process(w.t);
	machine_advance(m, 1000);
	assert_int_equal(w.nr, 1);
	kernel->mm_mode = MM_BARE; /* what was to come does not */
	while (machine_step(m))
		;
	assert_int_equal(w.nr, 1);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sleeps_until_woken, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(runs_again_when_it_wants, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(takes_the_time_of_a_cpu, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_bare_machine_is_at_rest, fixture_setup,
						fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
