/*
 * The cache whose objects a job asks for: {name: NAME, size: SIZE, align: SIZE,
 * flags: [FLAG, ...], movable: on, copies: 1000}.
 */
#ifndef WORKLOADS_CACHE_READ_H
#define WORKLOADS_CACHE_READ_H

#include "workloads/job.h"

/* Finds or adds the cache in the workload's table and makes the job ask for it. */
int __must_check cache_read(struct job *job, const struct yaml_node *map, struct err *e);

#endif
