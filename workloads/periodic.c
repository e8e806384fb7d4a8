/*
 * periodic: requests at equal distances.
 */
#include "lib/mem.h"
#include "workloads/dist.h"
#include "workloads/generator.h"
#include "workloads/job.h"

struct periodic {
	u64 every_ns, offset_ns;
};

static int read_periodic(struct job *job, const struct yaml_node *map, struct err *e)
{
	struct periodic *own = job->own;
	const struct yaml_node *n = yaml_need(map, "every", e);

	if (!n || yaml_time(n, &own->every_ns, e))
		return -1;
	if (!own->every_ns)
		return yaml_error(n, e, "the time between requests must be more than zero");
	n = yaml_get(map, "offset");
	return n ? yaml_time(n, &own->offset_ns, e) : 0;
}

static void forget(void *own)
{
	(void)own;
}

static u64 gap(const struct job *job, struct rng *r, const struct job_time *now)
{
	const struct periodic *own = job->own;

	(void)r;
	return min(now->first ? own->offset_ns : own->every_ns, TIME_MAX) << DIST_FRACTION_BITS;
}

static double mean_gap_ns(const struct job *job)
{
	return (double)((const struct periodic *)job->own)->every_ns;
}

static const struct generator_key keys[] = {
	{"every", "100ms", NULL, "time from one request to the next"},
	{"offset", "5ms", "0ns", "time from the start of the job, or of its phase, to the first"},
	{0},
};

static struct generator periodic = {
	.name = "periodic",
	.summary = "requests at equal distances",
	.help = "A probe: can a huge page still be had, every 100 ms? With on_failure: count, the "
		"refusals are in nr_failed.",
	.keys = keys,
	.own_size = sizeof(struct periodic),
	.read = read_periodic,
	.forget = forget,
	.gap = gap,
	.mean_gap_ns = mean_gap_ns,
};
GENERATOR(periodic)
