/*
 * zram's patterns: who goes, when, and how many are there.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/units.h"
#include "sim/source.h"
#include "tests/test.h"
#include "tests/tmp_dir.h"
#include "traces/kmt_check.h"
#include "workloads/workload.h"

#define SLOTS 100
#define NR_IDS 4096

static struct source *open_job(const char *job, struct err *e)
{
	struct workload_options o = {.seed = 5, .machine = "test", .nr_cpus = 4, .nr_nodes = 2};
	char path[80];
	FILE *f;

	snprintf(path, sizeof(path), "%s/load.yaml", tmp_dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f,
		"kmemsim: workload/1\nduration: 20ms\n"
		"phases: [{name: a, duration: 3ms}, {name: b, duration: 2ms}]\n"
		"jobs:\n  a: {generator: zram, %s}\n",
		job);
	fclose(f);
	return workload_open(path, &o, e);
}

/* What the requests come to. */
struct seen {
	u64 nr_stored, nr_freed, nr_read, live, live_max, first_free_ns;
	u64 lived_ns;		       /* of those freed, together */
	u64 nr_oldest_born;	       /* frees of the live object born first */
	u64 nr_oldest_used;	       /* ... or read or born longest ago */
	u64 nr_after_store, nr_before; /* frees right after, right before a store, at its time */
	u64 burst, burst_max;
	u64 born[NR_IDS], used[NR_IDS]; /* by object: number of the request; 0: not live */
	u64 born_ns[NR_IDS];
};

static bool is_least(const u64 *at, u32 object)
{
	for (u32 i = 0; i < NR_IDS; i++)
		if (at[i] && at[i] < at[object])
			return false;
	return true;
}

static void see_free(struct seen *s, const struct request *r, const struct request *last)
{
	u32 o = r->object;

	assert_true(s->born[o]);
	s->first_free_ns = s->nr_freed++ ? s->first_free_ns : r->t_ns;
	s->lived_ns += r->t_ns - s->born_ns[o];
	s->nr_oldest_born += is_least(s->born, o);
	s->nr_oldest_used += is_least(s->used, o);
	s->nr_after_store += last->kind == REQ_STORE_ALLOC && last->t_ns == r->t_ns;
	s->burst = last->kind == REQ_STORE_FREE && last->t_ns == r->t_ns ? s->burst + 1 : 1;
	s->burst_max = max(s->burst_max, s->burst);
	s->born[o] = s->used[o] = 0;
	s->live--;
}

static void see(struct seen *s, const struct request *r, const struct request *last, u64 nr)
{
	assert_true(r->object < NR_IDS);
	if (r->kind == REQ_STORE_FREE) {
		see_free(s, r, last);
	} else if (r->kind == REQ_STORE_READ) {
		assert_true(s->born[r->object]);
		s->used[r->object] = nr;
		s->nr_read++;
	} else if (r->kind == REQ_STORE_ALLOC) {
		s->nr_before += last->kind == REQ_STORE_FREE && last->t_ns == r->t_ns;
		s->born[r->object] = s->used[r->object] = nr;
		s->born_ns[r->object] = r->t_ns;
		s->nr_stored++;
		s->live++;
		s->live_max = max(s->live_max, s->live);
	}
}

static void run(const char *job, struct seen *s)
{
	struct request last = {.kind = REQ_MARK};
	const struct request *batch;
	struct source *load;
	struct err e;
	u64 nr = 0;
	long n;

	*s = (struct seen){0};
	load = open_job(job, &e);
	if (!load)
		fail_msg("%s", e.msg);
	while ((n = load->ops->next(load, &batch, &e)) > 0) {
		for (long i = 0; i < n; i++) {
			see(s, &batch[i], &last, ++nr);
			last = batch[i];
		}
	}
	assert_int_equal(n, 0);
	load->ops->close(load);
}

/* 20000 accesses, one a microsecond, of which the first 100 fill. */
#define JOB "slots: 100, every: 1us, objects: {size: 700B}, "
static struct seen s;

static void near_mean(double n, double mean, double sigma)
{
	if (fabs(n - mean) > 4 * sigma)
		fail_msg("%.2f, expected %.2f, sigma %.2f", n, mean, sigma);
}

static void fill_ends(void **state)
{
	(void)state;
	run(JOB "pattern: fill", &s);
	assert_true(s.nr_stored == SLOTS && s.live == SLOTS && !s.nr_freed && !s.nr_read);
}

static void overwrite_takes_a_random_slot(void **state)
{
	(void)state;
	run(JOB "pattern: overwrite", &s);
	assert_int_equal(s.nr_stored, 20000);
	assert_int_equal(s.nr_freed, 20000 - SLOTS);
	/* The old one goes when the new one is there. */
	assert_true(s.live_max == SLOTS + 1 && s.live == SLOTS);
	assert_int_equal(s.nr_after_store, s.nr_freed);
	assert_int_equal(s.first_free_ns, SLOTS * 1000);
	/* Who is as old as any goes as often as any: geometric. */
	near_mean((double)s.lived_ns / (double)s.nr_freed, 1000.0 * SLOTS,
		  1000.0 * SLOTS / sqrt((double)s.nr_freed) * 1.1);
	near_mean((double)s.nr_oldest_born, (double)s.nr_freed / SLOTS,
		  sqrt((double)s.nr_freed / SLOTS));
}

static void fifo_takes_the_oldest(void **state)
{
	(void)state;
	run(JOB "pattern: fifo", &s);
	assert_int_equal(s.nr_freed, 20000 - SLOTS);
	assert_int_equal(s.nr_oldest_born, s.nr_freed);
	assert_int_equal(s.lived_ns, s.nr_freed * SLOTS * 1000);
	assert_int_equal(s.nr_after_store, s.nr_freed);
}

/* Between its phases the device stays as it is. */
static void a_phase_goes_on_where_the_last_one_ended(void **state)
{
	(void)state;
	run(JOB "pattern: fifo, phases: b", &s);
	assert_int_equal(s.nr_stored, 4 * 2000);
	assert_int_equal(s.nr_freed, 4 * 2000 - SLOTS);
	assert_int_equal(s.nr_oldest_born, s.nr_freed);
	assert_int_equal(s.first_free_ns, (3000 + SLOTS) * 1000);
}

static void lru_takes_what_was_not_used_for_longest(void **state)
{
	u64 nr_uniform;

	(void)state;
	run(JOB "pattern: lru, touched: 400", &s);
	assert_int_equal(s.nr_stored + s.nr_read, 20000);
	assert_int_equal(s.nr_stored, s.nr_freed + SLOTS);
	assert_int_equal(s.nr_oldest_used, s.nr_freed);
	assert_true(s.nr_oldest_born < s.nr_freed);
	assert_int_equal(s.nr_before, s.nr_freed);
	assert_int_equal(s.live_max, SLOTS);
	/* One access in four finds its page. */
	near_mean((double)s.nr_read, 5000, sqrt(20000 * 0.25 * 0.75) * 1.2);
	nr_uniform = s.nr_read;
	run(JOB "pattern: lru, touched: 400, zipf: 1", &s);
	assert_int_equal(s.nr_oldest_used, s.nr_freed);
	assert_true(s.nr_read > 2 * nr_uniform);
	/* Twice the slots, unless given. */
	run(JOB "pattern: lru", &s);
	near_mean((double)s.nr_read, 10000, sqrt(20000 * 0.25) * 1.2);
}

static void bursts_go_at_once(void **state)
{
	(void)state;
	run(JOB "pattern: bursts, burst: 30", &s);
	assert_int_equal(s.burst_max, 30);
	assert_int_equal(s.live_max, SLOTS);
	/* 31 accesses: one run goes, 30 come. */
	assert_int_equal(s.nr_freed, (20000 - SLOTS + 30) / 31 * 30);
	run(JOB "pattern: bursts, burst: 100", &s);
	assert_int_equal(s.burst_max, 100);
	run(JOB "pattern: bursts", &s);
	assert_int_equal(s.burst_max, SLOTS / 8);
}

/* Down and up by 70 each; who goes is random. */
static void tides_come_and_go(void **state)
{
	(void)state;
	run(JOB "pattern: tides, low: 30%", &s);
	assert_int_equal(s.nr_stored + s.nr_freed, 20000);
	assert_int_equal(s.live_max, SLOTS);
	/* 100 fill; 142 tides of 140 each; 20 of the next one. */
	assert_int_equal(s.nr_freed, 142 * 70 + 20);
	assert_int_equal(s.live, SLOTS - 20);
	assert_int_equal(s.nr_after_store + s.nr_before, 0);
	/* The k-th to go is the oldest of all with probability 1/k. */
	near_mean((double)s.nr_oldest_born, 142 * (log(100.5) - log(30.5)), sqrt(142 * 1.2));
	run(JOB "pattern: tides, low: 0%", &s);
	assert_int_equal(s.live_max, SLOTS);
	/* 100 up, 100 down: half of all. */
	assert_int_equal(s.nr_freed, 10000);
}

/* read: what goes is read before, in each of the ways in which it can go. */
static void reads_before_the_end(void **state)
{
	static const char *const patterns[] = {"overwrite", "fifo", "bursts", "tides"};
	u64 nr_freed;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		char job[128];

		snprintf(job, sizeof(job), JOB "pattern: %s, read: 100%%", patterns[i]);
		run(job, &s);
		assert_int_equal(s.nr_read, s.nr_freed);
	}
	run(JOB "pattern: lru", &s);
	nr_freed = s.nr_freed;
	run(JOB "pattern: lru, read: 100%", &s);
	assert_int_equal(s.nr_freed, nr_freed);
	assert_int_equal(s.nr_read, 20000 - s.nr_stored + nr_freed);
}

/* A run begins with an empty device. */
static void the_second_time_is_as_the_first(void **state)
{
	struct err e;
	struct source *load = open_job(JOB "pattern: lru, start: 5ms, duration: 10ms", &e);
	const struct request *batch;
	u64 digest[2] = {0};
	long n;

	(void)state;
	assert_non_null(load);
	for (int time = 0; time < 2; time++) {
		while ((n = load->ops->next(load, &batch, &e)) > 0)
			for (long i = 0; i < n; i++)
				digest[time] = digest[time] * 31 + batch[i].object * 16 +
					       batch[i].kind + batch[i].t_ns;
		assert_int_equal(load->ops->rewind(load, &e), 0);
	}
	assert_true(digest[0] == digest[1]);
	load->ops->close(load);
}

static void mistakes_are_explained(void **state)
{
#define BARE "objects: {size: 9B}, every: 1us, "
	static const char *const cases[][2] = {
		{"objects: {size: 9B}, slots: 5, pattern: fill", "missing key 'every'"},
		{BARE "pattern: fill", "missing key 'slots'"},
		{BARE "slots: 5", "missing key 'pattern'"},
		{BARE "slots: 0, pattern: fill", ":64: 0 is out of range: 1 to 16777216"},
		{BARE "slots: 99999999, pattern: fill", "out of range"},
		{BARE "slots: 5, pattern: fil", ":76: unknown value 'fil': did you mean 'fill'?"},
		{BARE "slots: 5, pattern: 7",
		 "unknown value '7': fill or overwrite or fifo or lru or bursts or tides"},
		{BARE "slots: 5, patern: fill", "unknown key 'patern': did you mean 'pattern'?"},
		{BARE "slots: 5, pattern: fill, burst: 3", "`burst` is of pattern 'bursts'"},
		{BARE "slots: 5, pattern: fifo, zipf: 1", "`zipf` is of pattern 'lru'"},
		{BARE "slots: 5, pattern: fifo, touched: 9", "`touched` is of pattern 'lru'"},
		{BARE "slots: 5, pattern: bursts, burst: 6", "6 is out of range: 1 to 5"},
		{BARE "slots: 5, pattern: tides, low: 100%", "less than all slots are full"},
		{BARE "slots: 5, pattern: tides, low: 5", "'5' is not a share"},
		{BARE "slots: 5, pattern: fifo, low: 5%", "`low` is of pattern 'tides'"},
		{BARE "slots: 5, pattern: lru, touched: 5", "more pages than slots are wanted"},
		{BARE "slots: 5M, pattern: lru", "more than 4194304 pages"},
		{BARE "slots: 5, pattern: lru, touched: 9999999", "out of range"},
		{BARE "slots: 5, pattern: lru, zipf: -1", "an exponent from 0 to 5"},
		{BARE "slots: 5, pattern: lru, zipf: nan", "'nan' is not a number"},
		{"objects: {size: 9B}, every: 0s, slots: 5, pattern: fill",
		 "the time between requests must be more than zero"},
		{BARE "slots: 5, pattern: fill, lifetime: 1s",
		 "'zram' says itself how long its objects live"},
		{BARE "slots: 5, pattern: fill, free_cpu: any",
		 "what a slot held is freed on the CPU that writes it"},
		{BARE "slots: 5, pattern: fill, on_failure: retry",
		 "a refused write is not repeated"},
		{"size: 8B, every: 1us, slots: 5, pattern: fill",
		 "slots hold compressed pages: `objects: {size: DIST}`"},
		{"compact: all, every: 1us, slots: 5, pattern: fill",
		 "slots hold compressed pages"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = {""};

		assert_null(open_job(cases[i][0], &e));
		assert_says(e.msg, cases[i][1]);
		assert_says(e.msg, "load.yaml:5:");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fill_ends),
		cmocka_unit_test(overwrite_takes_a_random_slot),
		cmocka_unit_test(fifo_takes_the_oldest),
		cmocka_unit_test(a_phase_goes_on_where_the_last_one_ended),
		cmocka_unit_test(lru_takes_what_was_not_used_for_longest),
		cmocka_unit_test(bursts_go_at_once),
		cmocka_unit_test(tides_come_and_go),
		cmocka_unit_test(reads_before_the_end),
		cmocka_unit_test(the_second_time_is_as_the_first),
		cmocka_unit_test(mistakes_are_explained),
	};

	return cmocka_run_group_tests(tests, tmp_dir_make, tmp_dir_remove);
}
