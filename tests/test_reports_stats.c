/*
 * Statistics: published tables and worked examples, ties and zeros, coverage by simulation.
 */
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>

#include "reports/stats.h"
#include "tests/test.h"

static void near(double got, double expected, double within)
{
	if (!(fabs(got - expected) <= within))
		fail_msg("%.12g instead of %.12g", got, expected);
}

/*
 * Differences 1..n; those above zero are the smallest ones that sum up to w (n is in no sum twice).
 */
static double p_of_sum(size_t n, size_t w)
{
	double d[64];

	for (size_t i = n; i > 0; i--) {
		bool above = i <= w;

		d[i - 1] = above ? (double)i : -(double)i;
		w -= above ? i : 0;
	}
	assert_int_equal(w, 0);
	return stats_signed_rank_exact(d, n);
}

/* Critical values of W, two-sided, as every textbook's table has them (-: none). */
static void test_tables(void **state)
{
	static const struct {
		size_t n;
		int at_5, at_1; /* percent */
	} table[] = {
		{6, 0, -1},   {7, 2, -1},   {8, 3, 0},	  {9, 5, 1},	{10, 8, 3},
		{11, 10, 5},  {12, 13, 7},  {13, 17, 9},  {14, 21, 12}, {15, 25, 15},
		{16, 29, 19}, {17, 34, 23}, {18, 40, 27}, {19, 46, 32}, {20, 52, 37},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		assert_true(p_of_sum(table[i].n, (size_t)table[i].at_5) <= 0.05);
		assert_true(p_of_sum(table[i].n, (size_t)table[i].at_5 + 1) > 0.05);
		if (table[i].at_1 >= 0)
			assert_true(p_of_sum(table[i].n, (size_t)table[i].at_1) <= 0.01);
		assert_true(p_of_sum(table[i].n, (size_t)(table[i].at_1 + 1)) > 0.01);
	}
	near(p_of_sum(5, 0), 0.0625, 0);
}

/* Darwin's maize, in scipy's documentation; Hollander and Wolfe's depression scores, in R's. */
static void test_examples(void **state)
{
	static const double maize[] = {6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75};
	static const double scores[] = {0.952, -0.147, 1.022,  0.430, 0.620,
					0.590, 0.490,  -0.080, 0.010};

	(void)state;
	near(stats_signed_rank(maize, 15), 0.041259765625, 1e-15);
	near(stats_signed_rank(scores, 9), 2 * 0.01953125, 1e-15);
	near(stats_median(maize, 15), 24, 0);
	near(stats_median(scores, 8), (0.490 + 0.590) / 2, 1e-15);
}

/* Blood pressures with a zero and five in ties: R's wilcox.test(correct = FALSE) says 0.5936. */
static void test_ties_and_zeros(void **state)
{
	static const double d[] = {15, -7, 5, 20, 0, -9, 17, -12, 5, -10};
	static const double all_tied[] = {3, 3, 3, 3, 3, 3, -3}, none[] = {0, 0, 0, 0, 0, 0, 0};
	static const double padded[] = {0, 15, -7, 0, 5, 20, -9, 17, -12, 0, 5, -10};

	(void)state;
	near(stats_signed_rank_normal(d, 10), 0.5936, 5e-5);
	near(stats_signed_rank(padded, 12), stats_signed_rank(d, 10), 0);
	/* All ranks alike: the test of signs, 2 (1 + 7) / 2^7. */
	near(stats_signed_rank(all_tied, 7), 0.125, 1e-15);
	near(stats_signed_rank(none, 7), 1, 0);
	near(stats_signed_rank_normal(none, 7), 1, 0);
	near(stats_signed_rank(d, 0), 1, 0);
}

/* By all 2^n choices of signs, for drawn differences with many ties. */
static double brute_force(const double *d, size_t n)
{
	double ranks[16] = {0}, all = 0, above = 0;
	size_t far = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++)
			ranks[i] += fabs(d[j]) < fabs(d[i])    ? 1
				    : fabs(d[j]) == fabs(d[i]) ? 0.5
							       : 0;
		ranks[i] += 0.5;
		all += ranks[i];
		above += d[i] > 0 ? ranks[i] : 0;
	}
	for (size_t choice = 0; choice < 1UL << n; choice++) {
		double sum = 0;

		for (size_t i = 0; i < n; i++)
			sum += choice >> i & 1 ? ranks[i] : 0;
		far += fabs(sum - all / 2) >= fabs(above - all / 2);
	}
	return (double)far / (double)(1UL << n);
}

static void test_exact_is_all_choices(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);

	(void)state;
	for (size_t round = 0; round < 60; round++) {
		double d[10];
		size_t n = 1 + gsl_rng_uniform_int(rng, 10);

		for (size_t i = 0; i < n; i++)
			d[i] = (gsl_rng_uniform(rng) < 0.4 ? -1.0 : 1.0) *
			       (double)(1 + gsl_rng_uniform_int(rng, 5));
		near(stats_signed_rank(d, n), brute_force(d, n), 1e-12);
	}
	gsl_rng_free(rng);
}

/*
 * Where one takes over from the other they hardly differ; and p goes with shifts and not with
 * scale.
 */
static void test_normal_meets_exact(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);

	(void)state;
	for (size_t round = 0; round < 40; round++) {
		double d[STATS_EXACT_MAX], twice[STATS_EXACT_MAX];

		for (size_t i = 0; i < STATS_EXACT_MAX; i++) {
			d[i] = floor(gsl_ran_gaussian(rng, 20) + (double)round / 4);
			twice[i] = -2 * d[i];
		}
		near(stats_signed_rank_normal(d, STATS_EXACT_MAX),
		     stats_signed_rank_exact(d, STATS_EXACT_MAX), 0.005);
		near(stats_signed_rank(twice, STATS_EXACT_MAX),
		     stats_signed_rank(d, STATS_EXACT_MAX), 0);
	}
	gsl_rng_free(rng);
}

static double normal_draw(gsl_rng *rng)
{
	return gsl_ran_gaussian(rng, 1);
}

static double skewed_draw(gsl_rng *rng)
{
	return gsl_ran_lognormal(rng, 0, 1) - 1; /* median 0 */
}

/* How often is the true median, 0, inside; and how often does the test see what is not there? */
static void coverage(double (*draw)(gsl_rng *rng), size_t n, double low, double high)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	size_t inside = 0, rounds = 500;
	double d[64];

	gsl_rng_set(rng, 7 + n);
	for (size_t round = 0; round < rounds; round++) {
		struct interval i;

		for (size_t j = 0; j < n; j++)
			d[j] = draw(rng);
		i = stats_median_interval(d, n);
		assert_true(i.low <= stats_median(d, n) && stats_median(d, n) <= i.high);
		inside += i.low <= 0 && i.high >= 0;
	}
	gsl_rng_free(rng);
	print_message("n = %zu: %.3f\n", n, (double)inside / (double)rounds);
	assert_in_range((u64)(1000 * inside / rounds), (u64)(1000 * low), (u64)(1000 * high));
}

static void test_coverage(void **state)
{
	(void)state;
	coverage(normal_draw, 6, 0.90, 1);
	coverage(normal_draw, 10, 0.92, 0.98);
	coverage(skewed_draw, 10, 0.92, 0.98);
	coverage(skewed_draw, 20, 0.91, 0.98);
}

/*
 * Without an effect, p below 0.05 in about one of twenty; never more often than the test promises.
 */
static void test_false_alarms(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	size_t seen = 0, rounds = 20000;
	double d[10];

	(void)state;
	for (size_t round = 0; round < rounds; round++) {
		for (size_t j = 0; j < 10; j++)
			d[j] = floor(3 * gsl_ran_gaussian(rng, 1)); /* with ties and zeros */
		for (size_t j = 0; j < 10; j++)
			d[j] = gsl_rng_uniform(rng) < 0.5 ? -d[j] : d[j];
		seen += stats_signed_rank(d, 10) < STATS_LEVEL;
	}
	gsl_rng_free(rng);
	assert_in_range(seen, rounds / 40, rounds * 53 / 1000);
}

/* The example of Holm's method that R's p.adjust gives for these five. */
static void test_holm(void **state)
{
	static const double p[] = {0.01, 0.02, 0.03, 0.04, 0.05},
			    mixed[] = {0.04, 0.001, 0.6, 0.03};
	static const double expected[] = {0.05, 0.08, 0.09, 0.09, 0.09};
	static const double expected_mixed[] = {0.09, 0.004, 0.6, 0.09};
	double got[5];

	(void)state;
	stats_holm(p, got, 5);
	for (size_t i = 0; i < 5; i++)
		near(got[i], expected[i], 1e-15);
	stats_holm(mixed, got, 4);
	for (size_t i = 0; i < 4; i++)
		near(got[i], expected_mixed[i], 1e-15);
	assert_int_equal(stats_holm_pairs(1), 6);
	assert_int_equal(stats_holm_pairs(40), 11);
}

static void test_deterministic(void **state)
{
	static const double d[] = {5, 1, 4, 2, 3, 8, 9, -2};
	struct interval a = stats_median_interval(d, 8), b;

	(void)state;
	stats_median_interval(d, 5);
	b = stats_median_interval(d, 8);
	assert_memory_equal(&a, &b, sizeof(a));
	b = stats_median_interval((const double[]){7, 7, 7, 7, 7, 7}, 6);
	near(b.low, 7, 0);
	near(b.high, 7, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_ties_and_zeros),
		cmocka_unit_test(test_exact_is_all_choices),
		cmocka_unit_test(test_normal_meets_exact),
		cmocka_unit_test(test_coverage),
		cmocka_unit_test(test_false_alarms),
		cmocka_unit_test(test_holm),
		cmocka_unit_test(test_deterministic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
