/*
 * poisson: requests that know nothing of each other.
 *
 * Theory: the time between two requests is exponential with mean 1 / rate, whatever came before. So
 * the number in any second is Poisson with mean `rate`, and by Little's law the number of objects
 * alive settles at rate x mean lifetime.
 */
#include <stdlib.h>
#include <string.h>

#include "workloads/dist.h"
#include "workloads/generator.h"
#include "workloads/spec.h"

#define RATE_MAX 1e8 /* a second */

struct poisson {
	struct dist gaps[PHASES_MAX];
	u32 gap_of[PHASES_MAX]; /* by phase */
	u32 nr_gaps;
};

/* "200k/s", "2.5/ms": mean time between two, in ns. */
static int rate_parse(const char *text, double *gap_ns, struct err *e)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"/s", 1e9}, {"/ms", 1e6}, {"/us", 1e3}, {"/min", 60e9}, {"/h", 3600e9}};
	size_t digits = strspn(text, "0123456789."), i = 0;
	const char *rest = text + digits;
	char *end;
	double rate = strtod(text, &end);

	if (!digits || end != rest)
		return err_set(e, "'%s' is not a rate: write it as 200k/s", text);
	rate *= *rest == 'k' ? 1e3 : *rest == 'M' ? 1e6 : 1;
	rest += *rest == 'k' || *rest == 'M';
	while (i < ARRAY_SIZE(units) && strcmp(rest, units[i].name))
		i++;
	if (i == ARRAY_SIZE(units))
		return err_set(e, "'%s' is not a rate: write it as 200k/s (/us, /ms, /s, /min, /h)",
			       text);
	if (!(rate > 0))
		return err_set(e, "a rate must be more than zero: a job that rests is left out of "
				  "a phase");
	*gap_ns = units[i].ns / rate;
	if (*gap_ns < 1e9 / RATE_MAX || *gap_ns > 1e15)
		return err_set(e, "rate %s is out of range: from 1/h to 100M/s", text);
	return 0;
}

static int rate_read(struct job *job, const struct yaml_node *n, u32 phase, struct err *e)
{
	struct poisson *own = job->own;
	const char *text = yaml_text(n, e);
	double gap_ns = 0;

	if (!text)
		return -1;
	if (rate_parse(text, &gap_ns, e))
		return yaml_error_around(n, e);
	dist_exponential(&own->gaps[own->nr_gaps], gap_ns);
	own->gap_of[phase] = own->nr_gaps++;
	return 0;
}

/* {fill: 10k/s, churn: 1k/s}: at work in these phases, each at its rate. */
static int rates_read(struct job *job, const struct yaml_node *map, struct err *e)
{
	if (yaml_get(job->node, "phases"))
		return yaml_error(map, e,
				  "`phases` says already in which phases the job is at work: "
				  "leave that out, or give one rate");
	if (!yaml_count(map))
		return yaml_error(map, e, "a rate for at least one phase is wanted");
	memset(job->at_work, 0, sizeof(job->at_work));
	for (size_t i = 0; i < yaml_count(map); i++) {
		int phase = phase_find(job->load, yaml_key_node(map, i), e);

		if (phase < 0 || rate_read(job, yaml_value(map, i), (u32)phase, e))
			return -1;
		job->at_work[phase] = (u8)(i + 1);
	}
	return 0;
}

static int read_poisson(struct job *job, const struct yaml_node *map, struct err *e)
{
	const struct yaml_node *n = yaml_need(map, "rate", e);

	if (!n)
		return -1;
	return yaml_is_mapping(n) ? rates_read(job, n, e) : rate_read(job, n, 0, e);
}

static void forget(void *own)
{
	struct poisson *p = own;

	for (u32 i = 0; i < p->nr_gaps; i++)
		dist_free(&p->gaps[i]);
}

static u64 gap(const struct job *job, struct rng *r, const struct job_time *now)
{
	const struct poisson *own = job->own;

	return dist_draw_fine(&own->gaps[own->gap_of[now->phase]], r);
}

static double mean_gap_ns(const struct job *job)
{
	const struct poisson *own = job->own;
	double rate = 0;

	for (u32 i = 0; i < own->nr_gaps; i++)
		rate += 1 / own->gaps[i].mean;
	return own->nr_gaps / rate;
}

static const struct generator_key keys[] = {
	{"rate", "200k/s", NULL, "requests a second; or by phase: {fill: 10k/s, churn: 2k/s}"},
	{0},
};

static struct generator poisson = {
	.name = "poisson",
	.summary = "requests at a mean rate that know nothing of each other",
	.help = "The time between two requests is exponential. With lifetimes of mean L the number "
		"of live objects settles at rate x L, whatever the distribution of lifetimes.",
	.keys = keys,
	.own_size = sizeof(struct poisson),
	.read = read_poisson,
	.forget = forget,
	.gap = gap,
	.mean_gap_ns = mean_gap_ns,
};
GENERATOR(poisson)
