/*
 * What reading a trace costs: nanoseconds a request to decode a .kmt, bytes a request on disk, and
 * the walk that checks a whole stream for comparison.
 *
 * usage: import [TRACE.kmt...]; without: the samples. Machines are noisy: the fastest of some runs
 * is printed. Import of a recording is timed by bench/run, as a whole.
 */
#include <stdio.h>

#include "lib/clock.h"
#include "traces/kmt.h"
#include "traces/kmt_check.h"

#define RUNS 7

/* Decodes everything once; the sum keeps the compiler from leaving it out. */
static int decode(struct source *s, u64 *sum, struct err *e)
{
	const struct request *batch;
	long n;

	if (s->ops->rewind(s, e))
		return -1;
	while ((n = s->ops->next(s, &batch, e)) > 0)
		*sum += batch[n - 1].object;
	return n < 0 ? -1 : 0;
}

static int bench(struct source *s, struct err *e)
{
	double requests = (double)s->tables.nr_requests, best = 1e18, best_check = 1e18;
	u64 sum = 0;

	for (int i = 0; i < RUNS; i++) {
		u64 t0 = host_ns(), t1;

		if (decode(s, &sum, e))
			return -1;
		t1 = host_ns();
		if (kmt_check(s, e))
			return -1;
		best = min(best, (double)(t1 - t0));
		best_check = min(best_check, (double)(host_ns() - t1));
	}
	printf("%-22s %10.0f requests %6.2f B/request %6.1f ns/decode %6.1f ns/check\n",
	       s->tables.name, requests, (double)kmt_file_bytes(s) / requests, best / requests,
	       best_check / requests);
	return 0;
}

int main(int argc, char **argv)
{
	static char *const samples[] = {
		"traces/samples/fstree.kmt",
		"traces/samples/small-hackbench.kmt",
		"traces/samples/small-pressure.kmt",
		"traces/samples/small-zram.kmt",
	};
	char *const *paths = argc > 1 ? argv + 1 : samples;
	int n = argc > 1 ? argc - 1 : (int)ARRAY_SIZE(samples);

	for (int i = 0; i < n; i++) {
		struct err e;
		struct source *s = kmt_open(paths[i], &e);

		if (!s || bench(s, &e)) {
			fprintf(stderr, "%s\n", e.msg);
			return 2;
		}
		s->ops->close(s);
	}
	return 0;
}
