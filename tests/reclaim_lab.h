/*
 * Workloads under pressure, from text, on a small machine: 64 MiB on one node with four CPUs, of
 * which 1 MiB stays free for emergencies.
 */
#ifndef TESTS_RECLAIM_LAB_H
#define TESTS_RECLAIM_LAB_H

#include "sim/trial.h"
#include "tests/test.h"

#define RECLAIM_LAB_PAGES (64ULL * 256)
#define RECLAIM_LAB_SITES 8

struct outcome {
	struct trial t;
	double metrics[256];	/* of the whole run, as in metrics[] */
	double live_objs, free; /* mean over samples after the warm-up; pages free */
	double free_min, free_max;
	u64 min, low, high; /* marks of all zones together, pages */
	unsigned int nr_samples, nr_reclaims, nr_ooms;
	char reclaim[160]; /* detail of the last event of that kind */
	struct {
		char name[32];
		u64 live_objs;
	} sites[RECLAIM_LAB_SITES];
};

/*
 * Runs the jobs ("  name: {...}\n"...) for this long in a folder of the test's; `head` is what the
 * workload says before them. A full walk every 40,000 requests.
 */
void reclaim_lab_run(struct outcome *out, const char *head, const char *jobs, u64 seed,
		     const char *pages, const char *slab);
double outcome_metric(const struct outcome *out, const char *name);
u64 outcome_live(const struct outcome *out, const char *site);

#endif
