/*
 * Made-up loads under pressure: who loses memory, how much of it, and what comes back.
 */
#include <math.h>
#include <stdio.h>

#include "tests/reclaim_lab.h"
#include "tests/tmp_dir.h"

/* Something happens all the time, so that time passes: 1,000 small requests a second. */
#define TICKS "  ticks: {generator: periodic, every: 1ms, size: 64B, lifetime: 100us}\n"
#define MOVABLE "pages: {order: 0, gfp: GFP_HIGHUSER_MOVABLE}, lifetime: forever"

/* Mean number of pages in memory of the load, other objects left out. */
static double resident(const struct outcome *out)
{
	return out->live_objs; /* a tick lives for a tenth of the time: 0.1 */
}

/*
 * Accesses know nothing of each other: a fault comes at the rate of all pages that are not there,
 * and of equally hot pages the share of hits is the share in memory, whoever is evicted.
 */
static void equally_hot(void **state)
{
	const double pages = 24000, mean_s = 1, time_s = 8;
	struct outcome out;
	double faults, rate, hits;

	(void)state;
	reclaim_lab_run(&out, "duration: 10s\nwarmup: 2s\n",
			TICKS
			"  cache: {generator: periodic, every: 10us, duration: 240ms, " MOVABLE
			", reclaim: {accessed: 1s}}\n",
			1, NULL, NULL);
	faults = outcome_metric(&out, "refaulted_pages");
	rate = (pages - resident(&out)) / mean_s;
	hits = 1 - faults / (pages * time_s / mean_s);
	print_message("# resident %.0f faults %.0f expected %.0f hits %.4f share %.4f\n",
		      resident(&out), faults, rate * time_s, hits, resident(&out) / pages);
	assert_true(fabs(faults / (rate * time_s) - 1) < 0.02);
	assert_true(fabs(hits - resident(&out) / pages) < 0.01);
	assert_true(resident(&out) + out.free > 0.95 * RECLAIM_LAB_PAGES);
	assert_true(outcome_metric(&out, "refaults_refused") == 0);
}

/* Of random eviction: share of pages in memory with this rate of accesses, for the mean age. */
static double random_faults(const double *nr, const double *rates, double memory)
{
	double low = 0, high = 1e6, faults = 0;

	for (int i = 0; i < 200; i++) {
		double evictions = (low + high) / 2;
		double in = 0;

		for (int k = 0; k < 2; k++)
			in += nr[k] * rates[k] / (rates[k] + evictions);
		*(in > memory ? &low : &high) = evictions;
	}
	for (int k = 0; k < 2; k++)
		faults += nr[k] * rates[k] * low / (rates[k] + low);
	return faults;
}

/* A second chance keeps what is accessed often: fewer faults than if pages were evicted blindly. */
static void hot_pages_stay(void **state)
{
	static const double nr[] = {8000, 12000}, rates[] = {2, 0.1};
	struct outcome out;
	double faults, blind, best;

	(void)state;
	reclaim_lab_run(&out, "duration: 24s\nwarmup: 8s\n",
			TICKS "  cold: {generator: periodic, every: 10us, duration: 120ms, " MOVABLE
			      ", reclaim: {accessed: 10s}}\n"
			      "  hot: {generator: periodic, every: 10us, duration: 80ms, " MOVABLE
			      ", reclaim: {accessed: 500ms}}\n",
			2, NULL, NULL);
	faults = outcome_metric(&out, "refaulted_pages") / 16;
	blind = random_faults(nr, rates, resident(&out));
	best = (nr[0] + nr[1] - resident(&out)) * rates[1];
	print_message("# faults %.0f a second, blind %.0f, best %.0f, hot %llu cold %llu\n", faults,
		      blind, best, (unsigned long long)outcome_live(&out, "hot"),
		      (unsigned long long)outcome_live(&out, "cold"));
	assert_true(faults < (blind + best) / 2);
	assert_true(faults > 0.9 * best);
}

/*
 * Pages that are read once: kswapd begins below low and goes on to high. A round of it may reclaim
 * as much as the high mark again, and requests never have to. Little of it stays on per-CPU lists.
 */
static void kswapd_balances(void **state)
{
	struct outcome out;
	double runs;

	(void)state;
	reclaim_lab_run(&out, "duration: 10s\nwarmup: 4s\n",
			TICKS "  cache: {generator: poisson, rate: 5k/s, " MOVABLE
			      ", reclaim: {accessed: never}}\n",
			3, NULL, NULL);
	runs = outcome_metric(&out, "kswapd_runs");
	print_message("# free %.0f to %.0f, marks %llu %llu %llu, runs %.0f\n", out.free_min,
		      out.free_max, (unsigned long long)out.min, (unsigned long long)out.low,
		      (unsigned long long)out.high, runs);
	assert_true(out.free_min >= (double)out.min);
	assert_true(out.free_max <= 2.5 * (double)out.high);
	assert_true(outcome_metric(&out, "direct_reclaims") == 0);
	assert_true(outcome_metric(&out, "nr_failed") == 0);
	assert_true(outcome_metric(&out, "refaulted_pages") == 0);
	/*
	 * What comes in 6 s goes: 30,000 pages. In each run high - low come free, but for what its
	 * frees push off the lists of the four CPUs: four batches of 3 on each, of which one stays.
	 */
	assert_true(fabs(outcome_metric(&out, "reclaim_pages_kswapd") / 30000 - 1) < 0.1);
	assert_true(runs >= 10 && runs <= 30000 / (double)(out.high - out.low - 4 * 9));
	assert_int_equal(out.nr_reclaims, runs);
	assert_says(out.reclaim, "kswapd node 0 order 0 priority");
}

/*
 * Faster than kswapd: whoever cannot wait lives on the reserve, as far as that goes; whoever is not
 * even important is refused before; whoever can wait reclaims.
 */
static void bursts(void **state)
{
	static const char *const gfps[] = {"GFP_ATOMIC", "GFP_NOWAIT", "GFP_KERNEL"};
	double failed[3], direct[3];
	struct outcome out;

	(void)state;
	for (int i = 0; i < 3; i++) {
		char jobs[512];

		snprintf(jobs, sizeof(jobs),
			 TICKS "  cache: {generator: periodic, every: 40us, " MOVABLE
			       ", reclaim: {accessed: never}}\n"
			       "  burst: {generator: periodic, every: 50ns, start: 900ms, "
			       "duration: 7500ns, pages: {order: 0, gfp: %s}, lifetime: 50ms}\n",
			 gfps[i]);
		reclaim_lab_run(&out, "duration: 1s\n", jobs, 4, NULL, NULL);
		failed[i] = outcome_metric(&out, "nr_failed");
		direct[i] = outcome_metric(&out, "direct_reclaims");
	}
	print_message("# refused: atomic %.0f, nowait %.0f, kernel %.0f; direct %.0f\n", failed[0],
		      failed[1], failed[2], direct[2]);
	assert_true(failed[0] == 0);
	assert_true(failed[1] > 0);
	assert_true(failed[2] == 0);
	assert_true(direct[2] > 0);
}

/* Each cache loses in proportion to what it has. */
static void shrinkers_are_fair(void **state)
{
	struct outcome out;
	double large, small;

	(void)state;
	reclaim_lab_run(&out, "duration: 3s\n",
			TICKS
			"  large: {generator: periodic, every: 10us, duration: 1500ms, cache: "
			"{name: dentry, size: 192B, flags: [SLAB_RECLAIM_ACCOUNT]}, lifetime: "
			"forever, reclaim: {accessed: never}}\n"
			"  small: {generator: periodic, every: 30us, duration: 1500ms, cache: "
			"{name: inode, size: 192B, flags: [SLAB_RECLAIM_ACCOUNT]}, lifetime: "
			"forever, reclaim: {accessed: never}}\n"
			"  anon: {generator: periodic, every: 100us, start: 1500ms, "
			"duration: 1300ms, " MOVABLE "}\n",
			5, NULL, NULL);
	large = 150000 - (double)outcome_live(&out, "large");
	small = 50000 - (double)outcome_live(&out, "small");
	print_message("# evicted of large %.0f, of small %.0f, failed %.0f\n", large, small,
		      outcome_metric(&out, "nr_failed"));
	assert_true(large + small == outcome_metric(&out, "evicted_objs"));
	assert_true(small > 5000);
	assert_true(fabs(large / small - 3) < 0.3);
	assert_true(outcome_metric(&out, "nr_failed") == 0);
}

/*
 * Requests for objects are served by what can be had of objects, if there is nothing else: by
 * kswapd, and if that is too slow, before the request is refused.
 */
static void objects_for_objects(void **state)
{
	static const char *const loads[][2] = {{"duration: 2s\n", "2us"},
					       {"duration: 100ms\n", "100ns"}};
	double direct_ns[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct outcome out;
		char jobs[512];

		snprintf(jobs, sizeof(jobs),
			 "  dentries: {generator: periodic, every: %s, cache: {name: dentry, "
			 "size: 192B, flags: [SLAB_RECLAIM_ACCOUNT]}, lifetime: forever, reclaim: "
			 "{accessed: never}}\n",
			 loads[i][1]);
		reclaim_lab_run(&out, loads[i][0], jobs, 6, NULL, NULL);
		direct_ns[i] = outcome_metric(&out, "direct_reclaim_ns");
		print_message("# evicted %.0f of 1000000, failed %.0f, kswapd %.0f runs, direct "
			      "%.0f ns\n",
			      outcome_metric(&out, "evicted_objs"),
			      outcome_metric(&out, "nr_failed"),
			      outcome_metric(&out, "kswapd_runs"), direct_ns[i]);
		assert_true(outcome_metric(&out, "nr_failed") == 0);
		assert_true(outcome_metric(&out, "evicted_objs") > 600000);
	}
	assert_true(direct_ns[0] == 0);
	assert_true(direct_ns[1] > 0);
}

/* What was taken from the load and is then given up by it is no free, and nothing is left. */
static void given_up_while_evicted(void **state)
{
	struct outcome out;

	(void)state;
	reclaim_lab_run(&out, "duration: 6s\n",
			TICKS
			"  cache: {generator: poisson, rate: 20k/s, duration: 4s, pages: {order: "
			"0, gfp: GFP_HIGHUSER_MOVABLE}, lifetime: {dist: uniform, min: 0s, "
			"max: 1900ms}, reclaim: {accessed: {dist: choice, of: {10ms: 1, 5s: "
			"2}}}}\n"
			"  dentries: {generator: poisson, rate: 20k/s, duration: 4s, cache: "
			"{name: dentry, size: 192B, movable: on}, lifetime: {dist: uniform, "
			"min: 0s, max: 1900ms}, reclaim: {accessed: 300ms}}\n",
			7, NULL, NULL);
	print_message("# evicted %.0f pages %.0f objects, refaulted %.0f and %.0f, skipped %.0f\n",
		      outcome_metric(&out, "reclaim_pages_kswapd"),
		      outcome_metric(&out, "evicted_objs"), outcome_metric(&out, "refaulted_pages"),
		      outcome_metric(&out, "refaulted_objs"),
		      outcome_metric(&out, "nr_skipped_frees"));
	assert_true(outcome_metric(&out, "refaulted_pages") > 0);
	assert_true(outcome_metric(&out, "refaulted_pages") <
		    outcome_metric(&out, "reclaim_pages_kswapd") +
			    outcome_metric(&out, "reclaim_pages_direct"));
	assert_true(outcome_metric(&out, "nr_skipped_frees") == 0);
	assert_true(outcome_metric(&out, "live_objs_end") == 0);
}

/* Evicted pages lie anywhere: only where the others move together do huge pages come of it. */
static void huge_pages_over_page_cache(void **state)
{
	static const char *const pages[] = {"page_allocator(compaction=off)", "page_allocator"};
	const double asked = 60;
	double failed[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct outcome out;

		reclaim_lab_run(&out, "duration: 5s\nwarmup: 2s\n",
				TICKS
				"  cache: {generator: poisson, rate: 10k/s, " MOVABLE
				", reclaim: {accessed: {dist: choice, of: {200ms: 1, 20s: "
				"3}}}}\n"
				"  huge: {generator: periodic, every: 50ms, start: 2s, pages: "
				"{order: 9, gfp: GFP_TRANSHUGE|__GFP_KSWAPD_RECLAIM}, "
				"lifetime: 30ms}\n",
				12, pages[i], NULL);
		failed[i] = outcome_metric(&out, "nr_failed");
	}
	print_message("# of %.0f huge pages refused: without compaction %.0f, with %.0f\n", asked,
		      failed[0], failed[1]);
	assert_true(failed[0] > 1.5 * failed[1]);
	assert_true(failed[1] < asked / 2);
}

/*
 * One object in 20 lives on, all over 37 MiB of slabs. If they can move, kswapd has them move
 * together, and there is room for anonymous memory. (Boosts would have made kswapd give up
 * before: 16 runs of it in vain, as in Linux.)
 */
static void sparse_slabs_are_emptied(void **state)
{
	static const char *const movable[] = {"off", "on"};
	double failed[2], moved[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct outcome out;
		char jobs[512];

		snprintf(jobs, sizeof(jobs),
			 TICKS
			 "  things: {generator: periodic, every: 1us, duration: 200ms, cache: "
			 "{name: thing, size: 192B, movable: %s}, lifetime: {dist: choice, "
			 "of: {300ms: 95, 100s: 5}}}\n"
			 "  anon: {generator: periodic, every: 100us, start: 600ms, " MOVABLE "}\n",
			 movable[i]);
		reclaim_lab_run(&out, "duration: 1700ms\n", jobs, 11, "page_allocator(boost=0)",
				NULL);
		failed[i] = outcome_metric(&out, "nr_failed");
		moved[i] = outcome_metric(&out, "shrink_moved_objs");
	}
	print_message("# refused %.0f and %.0f, moved %.0f and %.0f\n", failed[0], failed[1],
		      moved[0], moved[1]);
	assert_true(failed[0] > 1000 && moved[0] == 0);
	assert_true(failed[1] == 0 && moved[1] > 5000);
}

/* Anonymous memory has nowhere to go: kswapd gives up, and the request that may not fail ends it. */
static void nothing_to_reclaim(void **state)
{
	struct outcome out;

	(void)state;
	reclaim_lab_run(&out, "duration: 2s\n",
			TICKS "  anon: {generator: periodic, every: 100us, " MOVABLE
			      ", on_failure: stop}\n",
			8, NULL, NULL);
	assert_int_equal(out.t.status, TRIAL_OOM);
	assert_int_equal(out.nr_ooms, 2); /* the kernel's, and the load's */
	assert_true(outcome_metric(&out, "kswapd_runs") == 16);
	assert_true(outcome_metric(&out, "reclaim_pages_direct") == 0);
	assert_true(outcome_metric(&out, "reclaim_pages_kswapd") == 0);
	assert_true(outcome_metric(&out, "direct_reclaims") > 0);
}

/* Dirty pages are written before they go; a request leaves that to kswapd. */
static void dirty_pages_are_written(void **state)
{
	struct outcome out;

	(void)state;
	reclaim_lab_run(&out, "duration: 4s\n",
			TICKS
			"  written: {generator: periodic, every: 100us, pages: {order: 0, gfp: "
			"GFP_HIGHUSER_MOVABLE|__GFP_WRITE}, lifetime: forever, reclaim: "
			"{accessed: never}}\n",
			9, NULL, NULL);
	print_message("# written %.0f of %.0f evicted\n", outcome_metric(&out, "reclaim_written"),
		      outcome_metric(&out, "reclaim_pages_kswapd"));
	assert_true(outcome_metric(&out, "reclaim_written") >=
		    outcome_metric(&out, "reclaim_pages_kswapd"));
	assert_true(outcome_metric(&out, "reclaim_pages_kswapd") > 20000);
	assert_true(outcome_metric(&out, "nr_failed") == 0);
}

/* Whatever the layers: pressure finds objects in the middle of nothing, and two runs are equal. */
static void under_layers(void **state)
{
	static const char *const stacks[][2] = {
		{"rcu:page_allocator", "rcu:slabifier"},
		{"mempool(min_nr=64):page_allocator", "caching:slabifier"},
		{"ctor_dtor:numactl:page_allocator", "debug:slabifier"},
		{"page_allocator(pcp=off)", "queued_slab"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
		struct outcome out, again;
		const char *jobs =
			"  cache: {generator: poisson, rate: 20k/s, " MOVABLE
			", reclaim: {accessed: {dist: exponential, mean: 5s}}}\n"
			"  dentries: {generator: poisson, rate: 40k/s, cache: {name: dentry, size: "
			"192B, movable: on}, lifetime: {dist: exponential, mean: 2s}, reclaim: "
			"{accessed: 2s}}\n"
			"  bufs: {generator: poisson, rate: 20k/s, size: 1KiB, lifetime: {dist: "
			"exponential, mean: 200ms}}\n";

		reclaim_lab_run(&out, "duration: 2s\n", jobs, 10, stacks[i][0], stacks[i][1]);
		reclaim_lab_run(&again, "duration: 2s\n", jobs, 10, stacks[i][0], stacks[i][1]);
		print_message(
			"# %s %s: evicted %.0f pages, %.0f objects, direct %.0f, failed "
			"%.0f\n",
			stacks[i][0], stacks[i][1], outcome_metric(&out, "reclaim_pages_kswapd"),
			outcome_metric(&out, "evicted_objs"),
			outcome_metric(&out, "direct_reclaims"), outcome_metric(&out, "nr_failed"));
		assert_true(outcome_metric(&out, "evicted_objs") > 0);
		assert_true(outcome_metric(&out, "reclaim_pages_kswapd") > 0);
		assert_int_equal(out.t.digest, again.t.digest);
	}
}

/* The load ends while kswapd is in the middle of a round, and pages wait for a grace period. */
static void ends_in_the_middle(void **state)
{
	struct outcome out;

	(void)state;
	reclaim_lab_run(&out, "duration: 325ms\n",
			"  hot: {generator: poisson, rate: 40k/s, " MOVABLE
			", reclaim: {accessed: {dist: exponential, mean: 100us}}}\n"
			"  anon: {generator: poisson, rate: 20k/s, pages: {order: 0, gfp: "
			"GFP_HIGHUSER_MOVABLE}, lifetime: {dist: exponential, mean: 500ms}}\n",
			1, "rcu:page_allocator", NULL);
	assert_true(outcome_metric(&out, "kswapd_runs") > 0);
	assert_true(outcome_metric(&out, "rcu_callbacks_max") > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equally_hot),
		cmocka_unit_test(hot_pages_stay),
		cmocka_unit_test(kswapd_balances),
		cmocka_unit_test(bursts),
		cmocka_unit_test(shrinkers_are_fair),
		cmocka_unit_test(objects_for_objects),
		cmocka_unit_test(given_up_while_evicted),
		cmocka_unit_test(huge_pages_over_page_cache),
		cmocka_unit_test(sparse_slabs_are_emptied),
		cmocka_unit_test(nothing_to_reclaim),
		cmocka_unit_test(dirty_pages_are_written),
		cmocka_unit_test(under_layers),
		cmocka_unit_test(ends_in_the_middle),
	};

	return cmocka_run_group_tests(tests, tmp_dir_make, tmp_dir_remove);
}
