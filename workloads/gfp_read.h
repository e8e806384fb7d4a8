/*
 * Parts of a job that have a vocabulary of their own: allocation flags, caches.
 */
#ifndef WORKLOADS_GFP_READ_H
#define WORKLOADS_GFP_READ_H

#include "workloads/job.h"

/* "GFP_KERNEL|__GFP_ZERO", by the names of Linux 6.1. */
int __must_check gfp_read(const struct yaml_node *n, gfp_t *gfp, struct err *e);
/* Finds or adds the cache in the workload's table and makes the job ask for it. */
int __must_check cache_read(struct job *job, const struct yaml_node *map, struct err *e);

#endif
