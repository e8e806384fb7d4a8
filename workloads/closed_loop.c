/*
 * closed_loop: workers that wait for their memory.
 *
 * Theory: each worker has at most one request under way. It thinks, asks, waits until it has been
 * served, keeps what it got for its lifetime, gives it back, and thinks again: N workers make
 * N / (think + service + lifetime) rounds a second. A slower allocator is asked less often; an open
 * load (poisson) would pile up instead.
 */
#include <string.h>

#include "lib/digest.h"
#include "workloads/generator.h"
#include "workloads/spec.h"

#define WORKERS_MAX 100000

struct closed_loop {
	struct dist think;
	u64 workers;
	bool let_go;
};

static int hold_read(struct closed_loop *own, const struct yaml_node *n, struct err *e)
{
	const char *text = yaml_text(n, e);

	if (!text)
		return -1;
	own->let_go = !strcmp(text, "off");
	return own->let_go || !strcmp(text, "on")
		       ? 0
		       : yaml_error(n, e, "'%s' is neither on nor off", text);
}

static int read_closed_loop(struct job *job, const struct yaml_node *map, struct err *e)
{
	static const struct quantity_rules rules = {"think time", QUANTITY_TIME, 0, TIME_MAX};
	struct closed_loop *own = job->own;
	const struct yaml_node *n = yaml_need(map, "workers", e);

	if (!n || yaml_u64(n, 1, WORKERS_MAX, &own->workers, e))
		return -1;
	n = yaml_get(map, "hold");
	if (n && hold_read(own, n, e))
		return -1;
	n = yaml_need(map, "think", e);
	if (!n || dist_read(&own->think, n, &rules, job->load->dir, e))
		return -1;
	job->load->input_hash = digest_u64(job->load->input_hash, own->think.digest);
	return 0;
}

static void forget(void *own)
{
	dist_free(&((struct closed_loop *)own)->think);
}

static u64 gap(const struct job *job, struct rng *r, const struct job_time *now)
{
	const struct closed_loop *own = job->own;

	(void)now;
	return dist_draw(&own->think, r) << DIST_FRACTION_BITS;
}

static double mean_gap_ns(const struct job *job)
{
	return ((const struct closed_loop *)job->own)->think.mean;
}

static u32 workers(const struct job *job, bool *hold)
{
	const struct closed_loop *own = job->own;

	*hold = !own->let_go;
	return (u32)own->workers;
}

static const struct generator_key keys[] = {
	{"workers", "64", NULL, "how many; worker i runs on the i-th of the job's CPUs, in turns"},
	{"think", "DIST", NULL, "time from the end of a round to the next request"},
	{"hold", "on|off", "on",
	 "on: a round lasts until the object is given back; off: until it is there"},
	{0},
};

static struct generator closed_loop = {
	.name = "closed_loop",
	.summary = "workers that ask, wait for the answer, think, and ask again",
	.help = "N workers make N / (think + service + lifetime) rounds a second: the load gives "
		"way "
		"to a slow allocator, as a server with a fixed number of threads does. With "
		"hold: off objects live on by themselves, and lifetimes do not slow the "
		"workers.\n\n"
		"When a request ends is what the allocator stack makes of it: two stacks get "
		"different requests. `kmemsim generate` therefore runs such a load on a stack of "
		"its "
		"own and writes what that stack was asked.",
	.keys = keys,
	.own_size = sizeof(struct closed_loop),
	.read = read_closed_loop,
	.forget = forget,
	.gap = gap,
	.mean_gap_ns = mean_gap_ns,
	.workers = workers,
};
GENERATOR(closed_loop)
