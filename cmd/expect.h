/*
 * The `expect:` section of an experiment: read from its file, judged after its runs.
 */
#ifndef CMD_EXPECT_H
#define CMD_EXPECT_H

#include "lib/out.h"
#include "reports/expect.h"

#define EXIT_MISSED 1

/* The rows of `list`; names and seeds are the caller's part. -1 with e set. */
int __must_check expect_read(struct expectations *x, const struct yaml_node *list, struct err *e);

/*
 * Judges over the runs in the database, stores that under the name of the experiment's file, and
 * prints it. 0, EXIT_MISSED; EXIT_MISTAKE with e set, or empty if it has been said.
 */
int expect_conclude(const struct expectations *x, const char *experiment_path, const char *db_path,
		    enum out_format format, struct err *e);

#endif
