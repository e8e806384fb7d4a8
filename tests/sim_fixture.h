/*
 * A small machine for unit tests: two nodes of 64 MiB, two CPUs each, 250 ticks a second.
 */
#ifndef TESTS_SIM_FIXTURE_H
#define TESTS_SIM_FIXTURE_H

#include "sim/machine.h"
#include "tests/test.h"

#define FIXTURE_TICK_NS 4000000ULL

/* Makes machine_config_default's machine smaller and current; *state is the struct machine. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

#endif
