/*
 * The machine behind the kernel seam: zones, clocks, locks, work.
 *
 *	time ->   0    100       115   130
 *	CPU 0     |     [ hold    ]
 *	CPU 1     | at 50: [ hold ] ends before 100: no wait, though it runs later on the host
 *	CPU 2     |          at 110: waits until CPU 0 lets go
 */
#include "lib/units.h"
#include "tests/sim_fixture.h"

static void zones_follow_x86(void **state)
{
	struct machine *m = *state;
	struct zone *dma = node_zone(0, ZONE_DMA), *dma32 = node_zone(0, ZONE_DMA32);

	assert_int_equal(dma->zone_start_pfn, 0);
	assert_int_equal(dma->spanned_pages, 4096);
	assert_int_equal(dma32->zone_start_pfn, 4096);
	assert_int_equal(dma32->spanned_pages, 12288);
	assert_int_equal(node_zone(0, ZONE_NORMAL)->spanned_pages, 0);
	assert_int_equal(node_zone(1, ZONE_DMA)->spanned_pages, 0);
	assert_int_equal(node_zone(1, ZONE_DMA32)->zone_start_pfn, 16384);
	assert_int_equal(m->k.max_pfn, 32768);
	assert_int_equal(page_to_nid(pfn_to_page(16383)), 0);
	assert_int_equal(page_to_nid(pfn_to_page(16384)), 1);
	assert_ptr_equal(page_zone(pfn_to_page(4095)), dma);
	assert_ptr_equal(page_zone(pfn_to_page(4096)), dma32);
}

static void addresses_round_trip(void **state)
{
	struct page *page = pfn_to_page(5000);
	char *addr = page_address(page);

	(void)state;
	assert_ptr_equal(virt_to_page(addr + 4095), page);
	assert_int_equal(virt_to_phys(addr), 5000 << PAGE_SHIFT);
	assert_true(virt_addr_valid(addr));
	assert_false(virt_addr_valid(page_address(pfn_to_page(0)) - 1));
	assert_int_equal(addr[77], 0); /* untouched memory reads as zero */
	pfn_to_page(5003)->flags = PG_tail;
	pfn_to_page(5003)->index = 5000;
	assert_ptr_equal(virt_to_head_page(addr + 3 * PAGE_SIZE), page);
}

/* Holds the lock for `hold` list steps from t_ns on; returns how long it waited. */
static u64 hold(struct machine *m, spinlock_t *lock, int cpu, u64 t_ns, u64 steps)
{
	u64 entered = machine_enter(m, cpu, t_ns), waited = lock->class->wait_ns_total;

	spin_lock(lock);
	charge_n(COST_LIST_STEP, steps);
	spin_unlock(lock);
	machine_leave(m, entered);
	return lock->class->wait_ns_total - waited;
}

static void lock_makes_the_later_wait(void **state)
{
	struct machine *m = *state;
	u64 step = kernel->cost_ns[COST_LIST_STEP], own;
	spinlock_t lock;

	spin_lock_init(&lock, "test");
	assert_int_equal(hold(m, &lock, 0, 100000, 1000), 0);
	own = m->cpus[0].clock_ns - 100000;
	assert_true(own >= 1000 * step);
	/* Earlier in simulated time, later on the host: the lock was free then. */
	assert_int_equal(hold(m, &lock, 1, 50000, 10), 0);
	/* In the middle of the hold: waits for exactly the rest of it. */
	assert_int_equal(hold(m, &lock, 2, 100010, 10), own - 10);
	assert_int_equal(lock.class->contended, 1);
	assert_int_equal(lock.class->acquisitions, 3);
	assert_int_equal(lock.class->wait_ns_max, own - 10);
}

static void busy_cpu_starts_late(void **state)
{
	struct machine *m = *state;
	u64 entered = machine_enter(m, 3, 1000);

	charge_n(COST_ZERO_PAGE, 100);
	machine_leave(m, entered);
	assert_true(m->cpus[3].clock_ns > 1001);
	assert_int_equal(machine_enter(m, 3, 1001), m->cpus[3].clock_ns);
	assert_int_equal(machine_enter(m, 2, 1001), 1001);
}

static int work_ran_on = -1;
static u64 work_ran_ns;

static void note_work(struct work_struct *work)
{
	(void)work;
	work_ran_on = smp_processor_id();
	work_ran_ns = ktime_get_ns();
}

static void delayed_work_runs_once(void **state)
{
	struct machine *m = *state;
	struct delayed_work dw;

	INIT_DELAYED_WORK(&dw, note_work);
	machine_enter(m, 0, 1000);
	assert_true(schedule_delayed_work_on(2, &dw, msecs_to_jiffies(100)));
	assert_false(schedule_delayed_work_on(2, &dw, 1)); /* pending already */
	machine_advance(m, 99 * NSEC_PER_MSEC);
	assert_int_equal(work_ran_on, -1);
	machine_advance(m, 101 * NSEC_PER_MSEC);
	assert_int_equal(work_ran_on, 2);
	assert_true(work_ran_ns >= 100 * NSEC_PER_MSEC);
	assert_false(machine_step(m)); /* a quiet machine has no events */
	assert_true(schedule_delayed_work_on(1, &dw, 1));
	assert_true(cancel_delayed_work_sync(&dw));
	assert_false(machine_step(m));
}

static void remote_memory_costs_by_distance(void **state)
{
	struct machine *m = *state;
	u64 local, remote;

	machine_enter(m, 0, 0);
	charge_memory(0);
	local = ktime_get_ns();
	charge_memory(1);
	remote = ktime_get_ns() - local;
	assert_int_equal(local, kernel->cost_ns[COST_LINE_LOCAL]);
	assert_int_equal(remote, kernel->cost_ns[COST_LINE_REMOTE] * node_distance(0, 1) / 20);
	assert_true(remote > local);
}

static u64 events_seen;

static void count_event(void *arg, u64 t_ns, int cpu, const char *kind, const char *detail)
{
	(void)arg, (void)t_ns, (void)cpu, (void)detail;
	assert_string_equal(kind, "warn");
	events_seen++;
}

static void warns_once_a_place(void **state)
{
	struct machine *m = *state;

	m->on_event = count_event;
	for (int i = 0; i < 3; i++)
		assert_true(WARN_ON(i >= 0));
	assert_false(WARN_ON(events_seen > 5));
	assert_int_equal(events_seen, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(zones_follow_x86),	      TEST(addresses_round_trip),
		TEST(busy_cpu_starts_late),   TEST(lock_makes_the_later_wait),
		TEST(delayed_work_runs_once), TEST(remote_memory_costs_by_distance),
		TEST(warns_once_a_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
