/*
 * A load that is an array, and a load as an array.
 */
#include "tests/array_source.h"

#include <stdlib.h>
#include <string.h>

#include "lib/assert.h"

static const struct source_cache caches[] = {
	{.name = "thing", .object_size = 104, .size = 104, .align = 8},
};
static const char *const sites[] = {"?", "make_thing+0x10", "other_site+0x4"};

static long next(struct source *s, const struct request **batch, struct err *e)
{
	struct array_source *a = container_of(s, struct array_source, src);
	size_t n = min(a->batch, a->nr - a->at);

	(void)e;
	*batch = a->requests + a->at;
	a->at += n;
	return (long)n;
}

static int rewind_array(struct source *s, struct err *e)
{
	(void)e;
	container_of(s, struct array_source, src)->at = 0;
	return 0;
}

static void close_nothing(struct source *s)
{
	(void)s;
}

static const struct source_ops ops = {.next = next, .rewind = rewind_array, .close = close_nothing};

void array_source_init(struct array_source *a, const struct request *requests, size_t nr)
{
	u64 nr_objects = 0;

	for (size_t i = 0; i < nr; i++)
		if (requests[i].object < nr)
			nr_objects = max(nr_objects, (u64)requests[i].object + 1);
	*a = (struct array_source){
		.src = {.ops = &ops,
			.tables = {.name = "array",
				   .nr_cpus = 4,
				   .nr_requests = nr,
				   .nr_objects_max = nr_objects,
				   .duration_ns = nr ? requests[nr - 1].t_ns : 0,
				   .caches = caches,
				   .nr_caches = ARRAY_SIZE(caches),
				   .sites = sites,
				   .nr_sites = ARRAY_SIZE(sites)}},
		.requests = requests,
		.nr = nr,
		.batch = 7,
	};
}

struct request *source_requests(struct source *s, size_t *n)
{
	struct request *all = NULL;
	const struct request *batch;
	size_t room = 0;
	struct err e;
	long got;

	ASSERT(!s->ops->ended);
	for (*n = 0; (got = s->ops->next(s, &batch, &e)) > 0; *n += (size_t)got) {
		room = max(room, 2 * (*n + (size_t)got));
		all = realloc(all, room * sizeof(*all));
		ASSERT(all);
		memcpy(all + *n, batch, (size_t)got * sizeof(*all));
	}
	return all;
}
