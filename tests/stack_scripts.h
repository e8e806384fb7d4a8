/*
 * What tests do to any stack: a fixed row of requests that reaches most of what an allocator has to
 * do, short enough to be run for each of its requests again. An oracle looks on.
 */
#ifndef TESTS_STACK_SCRIPTS_H
#define TESTS_STACK_SCRIPTS_H

#include "tests/faults.h"

/* Three caches, from all CPUs: objects made, freed both ways, moved, given back after a while. */
void slab_script(struct faults *f);
/* Blocks of many orders and mobilities, by place too; drained, freed, made again. */
void page_script(struct faults *f);
/* Objects of all sizes, from all CPUs: written, read, overwritten, freed, compacted. */
void store_script(struct faults *f);

#endif
