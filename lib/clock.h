/*
 * The host's clock: for progress bars, benchmarks and host times in results; never for a run.
 */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include "lib/types.h"

/* Nanoseconds since some instant; never runs backwards. */
u64 host_ns(void);

#endif
