/*
 * SQL expressions over the runs of an experiment; between the files that judge expectations.
 */
#ifndef REPORTS_EXPECT_SQL_H
#define REPORTS_EXPECT_SQL_H

#include "reports/expect.h"

struct expect_sql;

/*
 * Over the runs in the database at db_path; NULL: over none, and of() gives 1 for every figure that
 * there might be. NULL with e set.
 */
struct expect_sql *expect_sql_open(const struct expectations *x, const char *db_path,
				   struct err *e);
void expect_sql_close(struct expect_sql *q);

/*
 * -1 with e set to the place and what is wrong there. Over no runs, *value is NaN where the
 * expression gives nothing; otherwise that is a mistake.
 */
int __must_check expect_sql_value(struct expect_sql *q, const struct yaml_node *expression,
				  double *value, struct err *e);

#endif
