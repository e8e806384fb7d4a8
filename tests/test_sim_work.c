/*
 * Who waits for delayed works, and which works a quiet machine has.
 *
 *	time ->      0       1 ms              2 ms
 *	CPU 0        |       [ work, 500 us ]  |
 *	request            ^ waits nothing
 *	request                  ^ asked for at 1.1 ms: waits 400 us and the interrupt
 */
#include "lib/units.h"
#include "tests/sim_fixture.h"

#define WORK_NS (500 * NSEC_PER_USEC)

struct periodic {
	struct delayed_work dw;
	u64 jiffies; /* until the next run; 0: none */
	u64 ns;	     /* it takes */
};

static void run(struct work_struct *work)
{
	struct delayed_work *dw = container_of(work, struct delayed_work, work);
	struct periodic *p = container_of(dw, struct periodic, dw);

	kernel->clock_ns += p->ns;
	if (p->jiffies)
		schedule_delayed_work_on(smp_processor_id(), dw, p->jiffies);
}

static void start(struct periodic *p, int cpu, u64 jiffies, u64 again, u64 ns)
{
	INIT_DELAYED_WORK(&p->dw, run);
	p->jiffies = again;
	p->ns = ns;
	assert_true(schedule_delayed_work_on(cpu, &p->dw, jiffies));
}

/* A request of the load that takes `ns`. */
static void request(struct machine *m, int cpu, u64 t_ns, u64 ns)
{
	u64 entered_ns = machine_enter(m, cpu, t_ns);

	kernel->clock_ns += ns;
	machine_leave(m, entered_ns);
}

static void a_request_waits_for_what_is_left_of_a_work(void **state)
{
	struct machine *m = *state;
	u64 irq_ns = kernel->cost_ns[COST_INTERRUPT], t_ns = FIXTURE_TICK_NS;
	struct periodic p;

	machine_enter(m, 0, 0);
	start(&p, 1, 1, 0, WORK_NS);
	request(m, 1, t_ns - 1000, 10); /* before */
	request(m, 0, t_ns + 1000, 10); /* another CPU */
	assert_int_equal(m->works.runs, 1);
	assert_int_equal(m->works.ns, WORK_NS + irq_ns);
	assert_int_equal(m->works.nr_delayed, 0);
	request(m, 1, t_ns + 100000, 10);
	assert_int_equal(m->works.nr_delayed, 1);
	assert_int_equal(m->works.delay_ns, WORK_NS + irq_ns - 100000);
	request(m, 1, t_ns + 400000, 10); /* behind the work and the request before it */
	assert_int_equal(m->works.delay_ns, 2 * (WORK_NS + irq_ns) - 500000);
	request(m, 1, t_ns + WORK_NS + irq_ns, 10); /* waits for the others, not for the work */
	assert_int_equal(m->works.nr_delayed, 2);
	assert_int_equal(m->works.delay_ns_max, WORK_NS + irq_ns - 100000);
}

static void requests_behind_a_request_do_not_wait_for_works(void **state)
{
	struct machine *m = *state;
	struct periodic p;

	machine_enter(m, 0, 0);
	start(&p, 1, 1, 0, WORK_NS);
	machine_advance(m, NSEC_PER_SEC);
	request(m, 1, NSEC_PER_SEC, 1000000);
	request(m, 1, NSEC_PER_SEC + 10, 10);
	assert_int_equal(m->works.runs, 1);
	assert_int_equal(m->works.nr_delayed, 0);
}

static void works_in_a_row_are_waited_for_together(void **state)
{
	struct machine *m = *state;
	u64 irq_ns = kernel->cost_ns[COST_INTERRUPT];
	struct periodic p[40];

	machine_enter(m, 0, 0);
	for (int i = 0; i < 40; i++)
		start(&p[i], 3, 1, 0, WORK_NS);
	request(m, 3, FIXTURE_TICK_NS, 10);
	assert_int_equal(m->works.runs, 40);
	assert_int_equal(m->works.nr_delayed, 1);
	assert_int_equal(m->works.delay_ns, 40 * (WORK_NS + irq_ns));
}

static void idle_runs_are_those_nobody_asked_for(void **state)
{
	struct machine *m = *state;
	u64 tick = FIXTURE_TICK_NS;
	struct periodic p;

	machine_enter(m, 0, 0);
	start(&p, 2, 1, 2, 0);
	machine_advance(m, tick); /* the first run is nobody's fault */
	assert_int_equal(m->works.runs, 1);
	assert_int_equal(m->works.idle_runs, 0);
	request(m, 2, 2 * tick, 10);
	machine_advance(m, 3 * tick + tick / 2);
	assert_int_equal(m->works.runs, 2);
	assert_int_equal(m->works.idle_runs, 0);
	request(m, 1, 4 * tick, 10); /* another CPU's */
	machine_advance(m, 13 * tick + tick / 2);
	assert_int_equal(m->works.runs, 7);
	assert_int_equal(m->works.idle_runs, 5);
	machine_count_anew(m);
	assert_int_equal(m->works.idle_runs, 0);
	machine_advance(m, 15 * tick + tick / 2); /* what came before counts on */
	assert_int_equal(m->works.idle_runs, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_request_waits_for_what_is_left_of_a_work),
		TEST(requests_behind_a_request_do_not_wait_for_works),
		TEST(works_in_a_row_are_waited_for_together),
		TEST(idle_runs_are_those_nobody_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
