/*
 * A folder of its own for each test, with a results database of a made-up sweep in it.
 */
#ifndef TESTS_REPORT_FIXTURE_H
#define TESTS_REPORT_FIXTURE_H

#include "reports/db.h"

extern char results_dir[64];
extern char results_path[128]; /* results_dir/results.db */

int results_setup(void **state);
int results_teardown(void **state);

/* Stores the sweep of tests/report_feed.h: plain and rcu on fstree and forkstorm. */
void results_store_sweep(int nr_samples);
/* Only the two runs on fstree, with few caches. */
void results_store_pair(int nr_samples);
/* Opens it for reading; the test fails if that is refused. */
struct db *results_open(void);
/* The one number that a query gives; the test fails if it gives none. */
s64 results_number(const char *sql);
/* Everything below results_dir, as "NAME NAME ...", sorted; the caller frees. */
char *results_files(const char *sub_dir);

#endif
