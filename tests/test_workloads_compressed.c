/*
 * The compressed sizes that are shipped: what their heads say of them is so.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/units.h"
#include "tests/test.h"
#include "workloads/dist.h"
#include "workloads/workload.h"

static const struct quantity_rules sizes = {"size", QUANTITY_SIZE, 1, 8192};

static const struct file_law {
	const char *file;
	double n, mean, sd, smallest, nr_smallest, nr_whole;
} files[] = {
	{"workloads/compressed-lz4-files.sizes", 76800, 2469, 846, 26, 890, 1186},
	{"workloads/compressed-lz4-memory.sizes", 25600, 936, 639, 26, 88, 0},
	{"workloads/compressed-lzo-files.sizes", 76800, 2378, 876, 44, 907, 2178},
	{"workloads/compressed-lzo-memory.sizes", 25600, 828, 532, 44, 88, 0},
};

/* Of the histogram itself. */
static void heads_tell_the_truth(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		double n = 0, sum = 0, squares = 0, nr_smallest = 0, nr_whole = 0;
		FILE *f = fopen(files[i].file, "r");
		char line[256];

		assert_non_null(f);
		while (fgets(line, sizeof(line), f)) {
			double size, nr;

			if (*line == '#')
				continue;
			assert_int_equal(sscanf(line, "%lfB %lf", &size, &nr), 2);
			n += nr;
			sum += nr * size;
			squares += nr * size * size;
			nr_smallest += size <= files[i].smallest ? nr : 0;
			nr_whole += size >= 4096 ? nr : 0;
		}
		fclose(f);
		sum /= n;
		assert_true(n == files[i].n);
		assert_true(fabs(sum - files[i].mean) < 0.5);
		assert_true(fabs(sqrt(squares / n - sum * sum) - files[i].sd) < 0.5);
		assert_true(nr_smallest == files[i].nr_smallest);
		assert_true(nr_whole == files[i].nr_whole);
	}
}

static void draws_are_of_the_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct yaml_file *y;
		char text[128];
		double sum = 0;
		struct rng r;
		struct dist d;
		struct err e;

		snprintf(text, sizeof(text), "{dist: empirical, file: %s}", files[i].file);
		y = yaml_parse("w.yaml", text, strlen(text), &e);
		assert_non_null(y);
		assert_int_equal(dist_read(&d, yaml_top(y), &sizes, ".", &e), 0);
		yaml_close(y);
		rng_init(&r, 3, "test", files[i].file);
		for (int k = 0; k < 100000; k++)
			sum += (double)dist_draw(&d, &r);
		assert_true(fabs(sum / 1e5 - files[i].mean) < 4 * files[i].sd / sqrt(1e5) + 0.5);
		assert_true((double)d.min == files[i].smallest && d.max <= 4096);
		dist_free(&d);
	}
}

/* Of all that a workload stores. */
static void stored_by(const char *path, double *mean, double *sd, double *share28)
{
	struct workload_options o = {.seed = 1, .machine = "test", .nr_cpus = 4, .nr_nodes = 2};
	struct err e;
	struct source *s = workload_open(path, &o, &e);
	double n = 0, sum = 0, squares = 0, n28 = 0;
	const struct request *batch;
	long got;

	if (!s)
		fail_msg("%s", e.msg);
	while ((got = s->ops->next(s, &batch, &e)) > 0) {
		for (long i = 0; i < got; i++) {
			double size = batch[i].size;

			if (batch[i].kind != REQ_STORE_ALLOC)
				continue;
			assert_true(size >= 28 && size <= 4096);
			n++;
			n28 += size == 28;
			sum += size;
			squares += size * size;
		}
	}
	s->ops->close(s);
	assert_true(n == 100000);
	*mean = sum / n;
	*sd = sqrt(squares / n - *mean * *mean);
	*share28 = n28 / n;
}

static void published_means_and_deviations(void **state)
{
	static const struct {
		const char *path;
		double mean, sd, share28;
	} published[] = {
		{"workloads/compressed-694.yaml", 694, 474, 0.11},
		{"workloads/compressed-1340.yaml", 1340, 842, 0},
		{"workloads/compressed-1636.yaml", 1636, 1031, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(published); i++) {
		double mean, sd, share28;

		stored_by(published[i].path, &mean, &sd, &share28);
		assert_true(fabs(mean - published[i].mean) < 4 * sd / sqrt(100000) + 1);
		assert_true(fabs(sd / published[i].sd - 1) < 0.01);
		assert_true(fabs(share28 - published[i].share28) < 0.004);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_tell_the_truth),
		cmocka_unit_test(draws_are_of_the_files),
		cmocka_unit_test(published_means_and_deviations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
