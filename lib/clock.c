/*
 * The host's clock.
 */
#include "lib/clock.h"

#include <time.h>

#include "lib/units.h"

u64 host_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * NSEC_PER_SEC + (u64)ts.tv_nsec;
}
