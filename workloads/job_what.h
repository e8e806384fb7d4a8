/*
 * What a job asks for: kmalloc, objects of a cache, pages, compressed objects; or a shrink, or a
 * compaction of the store.
 */
#ifndef WORKLOADS_JOB_WHAT_H
#define WORKLOADS_JOB_WHAT_H

#include "workloads/job.h"

/* What the job asks for, and with which flags. */
int __must_check what_read(struct job *job, const struct yaml_node *defaults, struct err *e);

#endif
