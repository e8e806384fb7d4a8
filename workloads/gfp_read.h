/*
 * Allocation flags by their names.
 */
#ifndef WORKLOADS_GFP_READ_H
#define WORKLOADS_GFP_READ_H

#include "workloads/job.h"

/* "GFP_KERNEL|__GFP_ZERO", by the names of Linux 6.1. */
int __must_check gfp_read(const struct yaml_node *n, gfp_t *gfp, struct err *e);
/*
 * -1 with e set: the word at that place of the text is none of the names; says which one is near.
 */
int flag_unknown(const struct yaml_node *n, size_t at, const char *word, const char *const *names,
		 struct err *e);

#endif
