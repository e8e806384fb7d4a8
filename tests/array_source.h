/*
 * A load that is an array, and a load as an array: for tests of what consumes requests, and of
 * what makes them.
 */
#ifndef TESTS_ARRAY_SOURCE_H
#define TESTS_ARRAY_SOURCE_H

#include "sim/source.h"

struct array_source {
	struct source src;
	const struct request *requests;
	size_t nr, at, batch; /* batch: requests handed out at once */
};

/* Tables: one cache "thing" of 104 bytes, one call site, 4 CPUs.
 * Object ids are below the number of requests (others are left for the replay to find). */
void array_source_init(struct array_source *a, const struct request *requests, size_t nr);

/* All requests of a load that nobody tells how they went; the caller frees them. */
struct request *source_requests(struct source *s, size_t *n);

#endif
