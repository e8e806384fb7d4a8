/*
 * Distributions: what is drawn against what the textbooks say, and what cannot be one.
 */
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/units.h"
#include "tests/test.h"
#include "tests/tmp_dir.h"
#include "workloads/dist.h"

#define DRAWS 200000

static const struct quantity_rules times = {"lifetime", QUANTITY_TIME, 0, 1ULL << 52};
static const struct quantity_rules sizes = {"size", QUANTITY_SIZE, 1, 4 * MIB};
static const struct quantity_rules orders = {"order", QUANTITY_COUNT, 0, 10};

static int try_read(struct dist *d, const char *text, const struct quantity_rules *q, struct err *e)
{
	struct yaml_file *f = yaml_parse("w.yaml", text, strlen(text), e);
	int ret;

	assert_non_null(f);
	ret = dist_read(d, yaml_top(f), q, tmp_dir, e);
	yaml_close(f);
	return ret;
}

static struct dist read_it(const char *text, const struct quantity_rules *q)
{
	struct dist d;
	struct err e;

	if (try_read(&d, text, q, &e))
		fail_msg("%s", e.msg);
	return d;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double exponential_cdf(double x)
{
	return gsl_cdf_exponential_P(x, 2e6);
}

static double lognormal_cdf(double x)
{
	return gsl_cdf_lognormal_P(x, log(3e9), 1.5);
}

static double uniform_cdf(double x)
{
	return gsl_cdf_flat_P(x, 1e6, 9e6);
}

/* Mean 2 ms, deviation 1.5 ms; of that, what lies between 1 and 4 ms. */
static double normal_cdf(double x)
{
	double lo = gsl_cdf_gaussian_P(-1e6, 1.5e6), hi = gsl_cdf_gaussian_P(2e6, 1.5e6);

	return (gsl_cdf_gaussian_P(x - 2e6, 1.5e6) - lo) / (hi - lo);
}

/* One in four is of the exponential one. */
static double mix_cdf(double x)
{
	return 0.25 * exponential_cdf(x) + 0.75 * uniform_cdf(x);
}

/* Kolmogorov and Smirnov: the largest distance between both distribution functions. */
static double distance(double *v, size_t n, double (*cdf)(double))
{
	double d = 0;

	qsort(v, n, sizeof(*v), by_value);
	for (size_t i = 0; i < n; i++) {
		double p = cdf(v[i]);

		d = max(d, fabs(p - (double)i / (double)n));
		d = max(d, fabs(p - (double)(i + 1) / (double)n));
	}
	return d;
}

static void draws_follow_the_distribution(void **state)
{
	static const struct {
		const char *text;
		double (*cdf)(double);
		double mean, deviation;
	} cases[] = {
		{"{dist: exponential, mean: 2ms}", exponential_cdf, 2e6, 2e6},
		{"{dist: uniform, min: 1ms, max: 9ms}", uniform_cdf, 5e6, 8e6 / 3.4641016},
		/* Its variance is large: the mean of many draws still wanders by 0.6 %. */
		{"{dist: lognormal, median: 3s, sigma: 1.5}", lognormal_cdf, 3e9 * 3.0802168,
		 3e9 * 3.0802168 * 2.9134},
		/* By the textbook: 2 + 1.5 (f(-2/3) - f(4/3)) / (F(4/3) - F(-2/3)) ms. */
		{"{dist: normal, mean: 2ms, sd: 1.5ms, min: 1ms, max: 4ms}", normal_cdf,
		 2355261.6655, 802.5e3},
		{"{dist: mix, of: [{weight: 1, value: {dist: exponential, mean: 2ms}},\n"
		 " {weight: 3, value: {dist: uniform, min: 1ms, max: 9ms}}]}",
		 mix_cdf, 4.25e6, 2.7e6},
	};
	double *v = calloc(DRAWS, sizeof(*v));

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dist d = read_it(cases[i].text, &times);
		double sum = 0;
		struct rng r;

		rng_init(&r, 5, "test", cases[i].text);
		for (size_t k = 0; k < DRAWS; k++)
			sum += v[k] = (double)dist_draw(&d, &r);
		/* Exceeded by chance once in a thousand. */
		assert_true(distance(v, DRAWS, cases[i].cdf) < 1.95 / sqrt(DRAWS));
		assert_true(fabs(sum / DRAWS - cases[i].mean) <
			    4 * cases[i].deviation / sqrt(DRAWS));
		assert_true(fabs(d.mean / cases[i].mean - 1) < 1e-6);
		dist_free(&d);
	}
	free(v);
}

/* The table of quantiles alone: its mean is the integral over straight lines. */
static void tables_are_close_to_the_curve(void **state)
{
	static const double means[] = {20, 2e3, 5e5, 2e9};

	(void)state;
	for (size_t m = 0; m < ARRAY_SIZE(means); m++) {
		struct dist d;
		double sum = 0;

		dist_exponential(&d, means[m]);
		for (int half = 0; half < 2; half++)
			for (int ring = 0; ring < DIST_RINGS; ring++)
				for (u32 c = 0; c < DIST_CELLS; c++)
					sum += ldexp((double)(d.quantiles[half][ring][c] +
							      d.quantiles[half][ring][c + 1]) /
							     2 / DIST_CELLS,
						     -(ring + 2) - DIST_FRACTION_BITS);
		assert_true(fabs(sum / means[m] - 1) < 1e-4);
		dist_free(&d);
	}
}

static void choices_have_their_shares(void **state)
{
	struct dist d =
		read_it("{dist: choice, of: {256B: 60, 512B: 25, 2KiB: 15, 4KiB: 0}}", &sizes);
	u64 n256 = 0, n512 = 0, n2048 = 0;
	struct rng r;

	(void)state;
	rng_init(&r, 1, "test", "choice");
	for (int i = 0; i < DRAWS; i++) {
		u64 v = dist_draw(&d, &r);

		n256 += v == 256;
		n512 += v == 512;
		n2048 += v == 2048;
	}
	assert_int_equal(n256 + n512 + n2048, DRAWS);
	/* Four standard deviations of a share p: 4 sqrt(p (1 - p) n). */
	assert_true(fabs((double)n256 - 0.60 * DRAWS) < 4 * sqrt(0.24 * DRAWS));
	assert_true(fabs((double)n512 - 0.25 * DRAWS) < 4 * sqrt(0.1875 * DRAWS));
	assert_true(fabs(d.mean - (0.6 * 256 + 0.25 * 512 + 0.15 * 2048)) < 1e-9);
	assert_int_equal(d.max, 2048);
	dist_free(&d);
}

/* Of a mix each part has its share, and a mix of files stands for all of them. */
static void mixes_have_their_parts(void **state)
{
	struct dist d =
		read_it("{dist: mix, of: [{weight: 11, value: 28B}, {weight: 0, value: 7B},\n"
			" {weight: 89, value: {dist: normal, mean: 661B, sd: 526B, "
			"min: 29B, max: 4096B}}]}",
			&sizes);
	double sum = 0, squares = 0, n28 = 0;
	struct rng r;

	(void)state;
	rng_init(&r, 1, "test", "mix");
	for (int i = 0; i < DRAWS; i++) {
		double v = (double)dist_draw(&d, &r);

		assert_true(v >= 28 && v <= 4096);
		n28 += v == 28;
		sum += v;
		squares += v * v;
	}
	sum /= DRAWS;
	assert_true(fabs(n28 - 0.11 * DRAWS) < 4 * sqrt(0.11 * 0.89 * DRAWS));
	/* Zero pages and all: 694 and 474, as was published. */
	assert_true(fabs(sum - 694) < 4 * 474 / sqrt(DRAWS) + 0.5);
	assert_true(fabs(sqrt(squares / DRAWS - sum * sum) - 474) < 4);
	assert_true(fabs(d.mean - 694) < 0.5);
	dist_free(&d);
}

static void bounds_hold(void **state)
{
	struct dist d = read_it("{dist: uniform, min: 2, max: 4}", &orders);
	unsigned int seen = 0;
	struct rng r;

	(void)state;
	rng_init(&r, 1, "test", "bounds");
	for (int i = 0; i < 1000; i++)
		seen |= 1U << dist_draw(&d, &r);
	assert_int_equal(seen, 7 << 2);
	d = read_it("{dist: lognormal, median: 1KiB, sigma: 3, min: 64B, max: 8KiB}", &sizes);
	for (int i = 0; i < 10000; i++) {
		u64 v = dist_draw(&d, &r);

		assert_true(v >= 64 && v <= 8192);
	}
	dist_free(&d);
	/* What no size can be is cut off unasked. */
	d = read_it("{dist: exponential, mean: 1MiB}", &sizes);
	for (int i = 0; i < 10000; i++) {
		u64 v = dist_draw(&d, &r);

		assert_true(v >= 1 && v <= 4 * MIB);
	}
	dist_free(&d);
	d = read_it("7us", &times);
	assert_int_equal(dist_draw(&d, &r), 7000);
	d = read_it("{dist: constant, value: 7us}", &times);
	assert_int_equal(dist_draw(&d, &r), 7000);
}

static void write_values(const char *text)
{
	char path[80];
	FILE *f;

	snprintf(path, sizeof(path), "%s/values.txt", tmp_dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void files_are_read(void **state)
{
	struct dist d;
	struct rng r;
	u64 ones = 0;

	(void)state;
	write_values("# seen on a Monday\n64B 3\n\n\t1KiB 1   # rare\r\n");
	d = read_it("{dist: empirical, file: values.txt}", &sizes);
	rng_init(&r, 1, "test", "file");
	for (int i = 0; i < DRAWS; i++)
		ones += dist_draw(&d, &r) == 64;
	assert_true(fabs((double)ones - 0.75 * DRAWS) < 4 * sqrt(0.1875 * DRAWS));
	dist_free(&d);
	write_values("100\n200\n300\n400us");
	d = read_it("{dist: empirical, file: values.txt, unit: ns}", &times);
	assert_int_equal(d.nr_values, 4);
	assert_int_equal(d.max, 400000);
	assert_int_equal(d.min, 100);
	dist_free(&d);
}

static void refused(const char *text, const struct quantity_rules *q, const char *says)
{
	struct dist d;
	struct err e = {""};

	assert_int_equal(try_read(&d, text, q, &e), -1);
	assert_says(e.msg, says);
	dist_free(&d); /* as its job does */
}

static void impossible_parameters(void **state)
{
	(void)state;
	refused("10", &times, "w.yaml:1:1: '10' has no unit");
	refused("{dist: gamma}", &times, "w.yaml:1:8: unknown distribution 'gamma': known are");
	refused("{dist: expnential, mean: 1s}", &times, "did you mean 'exponential'?");
	refused("{mean: 1s}", &times, "missing key 'dist'");
	refused("{dist: exponential, mean: -2ms}", &times, "1:27: '-2ms' is not a time");
	refused("{dist: exponential, mean: 0s}", &times, "the mean must be more than zero");
	refused("{dist: exponential, mean: nan}", &times, "not a time");
	refused("{dist: exponential, median: 2ms}", &times, "did you mean 'mean'?");
	refused("{dist: lognormal, median: 3s, sigma: -1}", &times,
		"1:38: sigma must be more than 0");
	refused("{dist: lognormal, median: 3s, sigma: nan}", &times, "'nan' is not a number");
	refused("{dist: lognormal, median: 3s, sigma: 1e400}", &times, "is not a number");
	refused("{dist: lognormal, median: 3s, sigma: 99}", &times, "at most 10");
	refused("{dist: lognormal, median: 3s}", &times, "missing key 'sigma'");
	refused("{dist: uniform, min: 2ms, max: 1ms}", &times, "1:22: min is above max");
	refused("{dist: choice, of: {1ms: 0, 2ms: 0}}", &times,
		"1:20: the weights add up to zero, or to infinity");
	refused("{dist: choice, of: {1ms: -1, 2ms: 2}}", &times, "a weight cannot be negative");
	refused("{dist: choice, of: {1ms: lots}}", &times, "'lots' is not a number");
	refused("{dist: choice, of: {}}", &times, "values and their weights are wanted");
	refused("{dist: choice, of: {12: 1}}", &sizes, "1:21: '12' has no unit");
	refused("0B", &sizes, "0B is no size: from 1B to 4MiB");
	refused("8MiB", &sizes, "8MiB is no size");
	refused("11", &orders, "11 is no order: from 0 to 10");
	refused("{dist: exponential, mean: 1s, min: 3s, max: 2s}", &times, "min is above max");
	refused("[1s]", &times, "a mapping");
	refused("{dist: normal, mean: 1s}", &times, "missing key 'sd'");
	refused("{dist: normal, mean: 1s, sd: 0s}", &times, "1:30: 0s is no deviation");
	refused("{dist: normal, mean: 1s, sigma: 1s}", &times, "unknown key 'sigma'");
	refused("{dist: normal, mean: 1s, sd: 1ms, min: 3s, max: 2s}", &times, "min is above max");
	refused("{dist: normal, mean: 1s, sd: 1ms, min: 2s}", &times,
		"1:1: next to nothing of it lies between min and max");
	refused("{dist: normla, mean: 1s, sd: 1ms}", &times, "did you mean 'normal'?");
	refused("{dist: mix}", &times, "missing key 'of'");
	refused("{dist: mix, of: 1s}", &times, "1:17: a list is wanted");
	refused("{dist: mix, of: []}", &times, "a list is wanted");
	refused("{dist: mix, of: {1s: 5}}", &times, "a list is wanted");
	refused("{dist: mix, of: [1s]}", &times, "1:18: a weight and a value are wanted");
	refused("{dist: mix, of: [{value: 1s}]}", &times, "missing key 'weight'");
	refused("{dist: mix, of: [{weight: 1}]}", &times, "missing key 'value'");
	refused("{dist: mix, of: [{weight: -1, value: 1s}]}", &times, "cannot be negative");
	refused("{dist: mix, of: [{weight: 0, value: 1s}]}", &times,
		"1:17: the weights add up to zero, or to infinity");
	refused("{dist: mix, of: [{weight: 1, vlaue: 1s}]}", &times, "did you mean 'value'?");
	refused("{dist: mix, of: [{weight: 1, value: {dist: exponential, mean: 1s}},\n"
		" {weight: 1, value: 7}]}",
		&times, "2:21: '7' has no unit");
	refused("{dist: mix, of: [{weight: 1, value: {dist: mix, of: []}}]}", &times,
		"1:37: a mix within a mix");
}

static void rubbish_in_files(void **state)
{
	static const char text[] = "{dist: empirical, file: values.txt}";

	(void)state;
	write_values("64B\n12\n");
	refused(text, &sizes, "values.txt:2:1: '12' has no unit");
	write_values("64B 1\n  128B x\n");
	refused(text, &sizes, "values.txt:2:8: 'x' is not a weight");
	write_values("64B -1\n");
	refused(text, &sizes, "values.txt:1:5: a weight cannot be negative");
	write_values("64B 1 2\n");
	refused(text, &sizes, "values.txt:1:7: a value and a weight are wanted");
	write_values("64B 0\n128B 0\n");
	refused(text, &sizes, "values.txt: the weights add up to zero, or to infinity");
	write_values("# nothing\n");
	refused(text, &sizes, "values.txt: there is no value in it");
	write_values("\x7f\x45LF\x01\x02 \xff\n");
	refused(text, &sizes, "values.txt:1:1:");
	write_values("8MiB\n");
	refused(text, &sizes, "values.txt:1:1: 8MiB is no size");
	refused("{dist: empirical, file: values.txt, unit: ms}", &sizes,
		"1:43: 'ms' is no unit of a size");
	refused("{dist: empirical, file: nowhere.txt}", &sizes, "1:25: nowhere.txt: No such file");
	refused("{dist: empirical, file: .}", &sizes, "1:25: .: is a directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(draws_follow_the_distribution),
		cmocka_unit_test(tables_are_close_to_the_curve),
		cmocka_unit_test(choices_have_their_shares),
		cmocka_unit_test(mixes_have_their_parts),
		cmocka_unit_test(bounds_hold),
		cmocka_unit_test(files_are_read),
		cmocka_unit_test(impossible_parameters),
		cmocka_unit_test(rubbish_in_files),
	};

	return cmocka_run_group_tests(tests, tmp_dir_make, tmp_dir_remove);
}
