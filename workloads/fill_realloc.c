/*
 * fill_realloc: memory is filled, a random part goes, then single objects go and are asked for
 * again (LLFree's fragmentation benchmark, Wrenger et al., USENIX ATC 2023).
 *
 * Theory: the fate of an object is drawn when it is made. Of those that fill memory a share is
 * kept, the others go at random times while nothing is asked for. From then on each object goes,
 * and is asked for again in the same instant on the same CPU, at times that know nothing of what
 * was before: a round is as long as it takes for `realloc` of them. So the number alive stays.
 * Requests and frees come at equal distances on average, over the whole load.
 *
 * Times below are from the start of the job, in units of 2^-DIST_FRACTION_BITS ns: 52 days of them
 * fit.
 */
#include <string.h>

#include "lib/units.h"
#include "workloads/dist.h"
#include "workloads/generator.h"
#include "workloads/spec.h"

#define COUNT_MAX (1ULL << 32)
#define ROUNDS_MAX 1000000

struct fill_realloc {
	u64 every_ns, count, rounds, kept, realloc; /* as the user said it */
	u64 every;				    /* between two requests */
	u64 filled;				    /* the end of the fill */
	u64 thinned;				    /* the end of the frees behind it */
	u64 end;				    /* of the last round */
	struct dist life;			    /* of an object, from the first round on */
};

static int share_read(const struct yaml_node *map, const char *key, u64 *parts, struct err *e)
{
	const struct yaml_node *n = yaml_get(map, key);
	const char *text = n ? yaml_text(n, e) : NULL;

	if (!n)
		return 0;
	return text && !share_parse(text, parts, e) ? 0 : yaml_error_around(n, e);
}

static u64 share_of(u64 n, u64 parts)
{
	return (u64)((unsigned __int128)n * parts / SHARE_ONE);
}

/* -1 where the load would outlast what times here can say. */
static int lay_out(struct fill_realloc *own, const struct yaml_node *map, struct err *e)
{
	u64 kept = share_of(own->count, own->kept);
	u64 going = own->count - kept, per_round = share_of(kept, own->realloc);
	unsigned __int128 requests =
		own->count + going + (unsigned __int128)2 * per_round * own->rounds;

	if (requests * own->every_ns > TIME_MAX)
		return yaml_error(map, e, "a load of more than 52 days");
	own->every = own->every_ns << DIST_FRACTION_BITS;
	own->filled = own->count * own->every;
	own->thinned = own->filled + going * own->every;
	own->end = own->thinned + 2 * per_round * own->rounds * own->every;
	dist_exponential(&own->life, 2 * (double)max(kept, (u64)1) * (double)own->every_ns);
	return 0;
}

static int read_fill_realloc(struct job *job, const struct yaml_node *map, struct err *e)
{
	struct fill_realloc *own = job->own;
	const struct yaml_node *n = yaml_need(map, "every", e);

	own->kept = SHARE_ONE / 2;
	own->realloc = SHARE_ONE / 10;
	own->rounds = 100;
	if (!n || yaml_time(n, &own->every_ns, e))
		return -1;
	if (!own->every_ns)
		return yaml_error(n, e, "the time between requests must be more than zero");
	n = yaml_need(map, "count", e);
	if (!n || yaml_u64(n, 1, COUNT_MAX, &own->count, e))
		return -1;
	n = yaml_get(map, "rounds");
	if (n && yaml_u64(n, 0, ROUNDS_MAX, &own->rounds, e))
		return -1;
	if (share_read(map, "kept", &own->kept, e) || share_read(map, "realloc", &own->realloc, e))
		return -1;
	return lay_out(own, map, e);
}

static void forget(void *own)
{
	dist_free(&((struct fill_realloc *)own)->life);
}

static u64 since_start(const struct job *job, u64 t_ns)
{
	return (t_ns - job->start_ns) << DIST_FRACTION_BITS;
}

static u64 gap(const struct job *job, struct rng *r, const struct job_time *now)
{
	const struct fill_realloc *own = job->own;
	u64 t = now->at - (job->start_ns << DIST_FRACTION_BITS);

	(void)r;
	if (now->first && !t)
		return 0;
	return t + own->every < own->filled ? own->every : TIME_MAX << DIST_FRACTION_BITS;
}

/* Is not known to go by itself: what is kept goes again and again. */
static bool asks_again(const struct job *job, u64 t_ns)
{
	const struct fill_realloc *own = job->own;

	return since_start(job, t_ns) >= own->thinned;
}

static u64 lifetime_ns(const struct job *job, struct rng *r, u64 t_ns)
{
	const struct fill_realloc *own = job->own;
	u64 born = since_start(job, t_ns), dies;

	if (born < own->filled && rng_below(r, SHARE_ONE) >= own->kept)
		dies = own->filled + rng_below(r, own->thinned - own->filled);
	else
		dies = max(born, own->thinned) + dist_draw_fine(&own->life, r);
	return dies < own->end ? (dies - born) >> DIST_FRACTION_BITS : TIME_NEVER / 2;
}

static double mean_gap_ns(const struct job *job)
{
	const struct fill_realloc *own = job->own;

	return 2 * (double)own->every_ns; /* the other half are frees */
}

static const struct generator_key keys[] = {
	{"every", "50ns", NULL, "time from one request or free to the next"},
	{"count", "1843200", NULL, "requests that fill memory"},
	{"kept", "50%", "50%", "share of them that is alive after the fill"},
	{"rounds", "100", "100", "of giving back and asking again"},
	{"realloc", "10%", "10%", "share of what is alive that goes in a round"},
	{0},
};

static struct generator fill_realloc = {
	.name = "fill_realloc",
	.summary = "memory is filled, a random half goes, then single objects are reallocated",
	.help = "LLFree's fragmentation benchmark: `count` requests fill memory, a random part of "
		"them goes, all but `kept`; in each round a random `realloc` of what is alive "
		"goes, "
		"one by one, and is asked for again at once, on the same CPU. Numbers are means: "
		"who "
		"goes is drawn. The key `lifetime` is not for this generator. Let the workload "
		"last as long as its rounds: with count C, kept K, "
		"realloc R and N rounds (C + C(1-K) + 2CKRN) x every.",
	.keys = keys,
	.own_size = sizeof(struct fill_realloc),
	.read = read_fill_realloc,
	.forget = forget,
	.gap = gap,
	.mean_gap_ns = mean_gap_ns,
	.lifetime_ns = lifetime_ns,
	.asks_again = asks_again,
};
GENERATOR(fill_realloc)
