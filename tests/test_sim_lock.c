/*
 * Locks against the laws of queueing. Holds are S = 1000 ns each, arrivals have a CPU of their own.
 *
 *	open:	Poisson arrivals of rate u/S wait u*S / (2*(1-u)) in the mean (M/D/1)
 *	closed:	N CPUs that want nothing else get one hold each S, whatever N
 *	batch:	one operation that takes the lock 1000 times keeps others out while it does
 */
#include <math.h>
#include <stdlib.h>

#include "lib/rng.h"
#include "tests/sim_fixture.h"

#define CPUS 1024
#define HOLD_NS 1000

static int setup(void **state)
{
	static struct machine_config config;
	struct machine *m;
	struct err e;

	machine_config_default(&config);
	config.nr_cpus = CPUS;
	for (int cpu = 0; cpu < CPUS; cpu++)
		config.cpu_node[cpu] = cpu % 2;
	/* Only the hold itself costs. */
	for (int c = 0; c < NR_COSTS; c++)
		config.costs.ns[c] = 0;
	m = machine_create(&config, &e);
	if (!m)
		return -1;
	machine_use(m);
	*state = m;
	return 0;
}

static void hold(struct machine *m, spinlock_t *lock, int cpu, u64 t_ns, u64 ns)
{
	u64 entered = machine_enter(m, cpu, t_ns);

	spin_lock(lock);
	kernel->clock_ns += ns;
	spin_unlock(lock);
	machine_leave(m, entered);
}

static double mean_wait(struct machine *m, double u)
{
	const u64 n = 400000;
	double t = (double)m->now_ns + 1e6;
	spinlock_t lock;
	struct rng r;

	spin_lock_init(&lock, "md1");
	lock.class->wait_ns_total = 0;
	rng_init(&r, 1, "test", "arrivals");
	for (u64 i = 0; i < n; i++) {
		t += -log(1 - rng_double(&r)) * HOLD_NS / u;
		hold(m, &lock, (int)(i % CPUS), (u64)t, HOLD_NS);
	}
	return (double)lock.class->wait_ns_total / (double)n;
}

static void poisson_arrivals_wait_as_the_law_says(void **state)
{
	const double loads[] = {0.2, 0.5, 0.8, 0.9};

	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		double u = loads[i], law = u * HOLD_NS / (2 * (1 - u)), got = mean_wait(*state, u);

		print_message("# u %.1f: mean wait %.0f ns, by the law %.0f ns\n", u, got, law);
		/* The spread of a mean over 400,000 correlated waits is under 3 % at u = 0.9. */
		assert_true(fabs(got - law) < 0.05 * law);
	}
}

/* Each CPU asks again as soon as it has had the lock. */
static void a_lock_has_one_holder(void **state)
{
	const int counts[] = {1, 4, 8, 64, 512};
	struct machine *m = *state;

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		u64 start = machine_end_ns(m) + 1000000, rounds = 50;
		spinlock_t lock;

		spin_lock_init(&lock, "closed");
		for (u64 k = 0; k < rounds; k++)
			for (int cpu = 0; cpu < counts[i]; cpu++)
				hold(m, &lock, cpu, start, HOLD_NS);
		assert_int_equal(machine_end_ns(m) - start, rounds * (u64)counts[i] * HOLD_NS);
	}
}

/* 1000 holds of 100 ns, 50 ns apart, run on the host before anybody else. Whoever comes
 * meanwhile waits until the end: no gap has room for a hold. */
static void a_long_operation_is_remembered(void **state)
{
	struct machine *m = *state;
	u64 entered = machine_enter(m, 0, 10000), end;
	spinlock_t lock;

	spin_lock_init(&lock, "batch");
	for (int i = 0; i < 1000; i++) {
		spin_lock(&lock);
		kernel->clock_ns += 100;
		spin_unlock(&lock);
		kernel->clock_ns += 50;
	}
	end = kernel->clock_ns - 50;
	machine_leave(m, entered);
	hold(m, &lock, 1, 20000, 100);
	assert_int_equal(m->cpus[1].clock_ns, end + 100);
	hold(m, &lock, 2, 5000, 100); /* before all of it */
	assert_int_equal(m->cpus[2].clock_ns, 5100);
}

/*
 *	time	0    1000  2000  3000  4000		CPU 0 holds 1000-2000, CPU 1 3000-4000
 *	CPU 2	       [wait to 2000, fits exactly]
 *	CPU 3	       [wait to 4000: the gap is taken now]
 */
static void gaps_are_used_once(void **state)
{
	struct machine *m = *state;
	spinlock_t lock;

	spin_lock_init(&lock, "gaps");
	hold(m, &lock, 0, 1000, HOLD_NS);
	hold(m, &lock, 1, 3000, HOLD_NS);
	hold(m, &lock, 2, 1500, HOLD_NS);
	assert_int_equal(m->cpus[2].clock_ns, 3000);
	hold(m, &lock, 3, 1600, HOLD_NS);
	assert_int_equal(m->cpus[3].clock_ns, 5000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(poisson_arrivals_wait_as_the_law_says),
		TEST(a_lock_has_one_holder),
		TEST(a_long_operation_is_remembered),
		TEST(gaps_are_used_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
