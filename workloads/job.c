/*
 * Jobs: reading one, and when it is at work.
 */
#include "workloads/job.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/suggest.h"
#include "lib/text.h"
#include "lib/units.h"
#include "workloads/job_what.h"
#include "workloads/spec.h"

#define RETRIES_MAX 1000000
#define KEYS_MAX 40

const struct generator_key job_keys[] = {
	{"size", "DIST", "",
	 "bytes of kmalloc; a job has one of size, cache, pages, objects, shrink and compact"},
	{"cache", "{name: inode, size: 608B}", "",
	 "objects of a cache; also align: 64B, movable: on, copies: 1000, flags: "
	 "[SLAB_RECLAIM_ACCOUNT, "
	 "SLAB_HWCACHE_ALIGN]"},
	{"pages", "{order: DIST, gfp: GFP}", "", "blocks of 2^order pages"},
	{"objects", "{size: DIST}", "",
	 "compressed pages for the stack's store: bytes of each; more than a page is refused"},
	{"read", "20%", "0%",
	 "of `objects`: share that is read once more before it goes; not in `defaults`"},
	{"shrink", "all", "",
	 "asks for no memory: every cache gives back what it can; objects of movable caches move"},
	{"compact", "all|1MiB", "",
	 "asks for no memory: the store is compacted, with at most so many bytes moved"},
	{"lifetime", "DIST|forever", NULL,
	 "from the request (in closed loops, its end) to the free; not of a shrink or compact, nor "
	 "where the generator says it"},
	{"pinned", "10%", "0%",
	 "of objects of a movable cache: share that cannot be moved; not in `defaults`"},
	{"reclaim", "{accessed: DIST}", "",
	 "of pages and objects of a cache: pressure may take them, and the next access has them "
	 "anew; DIST is the mean time between two accesses, drawn for each, or `never`; not in "
	 "`defaults`, and not in what `generate` writes"},
	{"gfp", "GFP_ATOMIC|__GFP_ZERO", "GFP_KERNEL",
	 "flags by their names in Linux 6.1; of `objects`, if not given: as zram asks"},
	{"cpus", "0-3,6", "all", "CPUs the requests come from, drawn for each"},
	{"node", "1", "any", "the node asked for"},
	{"free_cpu", "same|any", "same", "frees on the CPU of the request, or on any of `cpus`"},
	{"on_failure", "count|retry|stop", "count", "stop: the run ends in oom, exit code 3"},
	{"retry_after", "1ms", "1ms", "how long a refused request waits before it is repeated"},
	{"retries", "10", "10", "how often it is repeated at most"},
	{"start", "1s", "0ns", "when the job begins; not in `defaults`"},
	{"duration", "5s", "", "how long it is at work; not in `defaults`"},
	{"phases", "[fill, churn]", "all", "in which phases it is at work; not in `defaults`"},
	{0},
};

const struct yaml_node *job_key(const struct yaml_node *job, const struct yaml_node *defaults,
				const char *key)
{
	const struct yaml_node *n = yaml_get(job, key);

	return n || !defaults ? n : yaml_get(defaults, key);
}

/* What a key is that nobody gives: the table says it to users too. */
static const char *key_default(const char *name)
{
	const struct generator_key *k = job_keys;

	while (strcmp(k->name, name))
		k++;
	return k->def;
}

int choice_read(const struct yaml_node *n, const char *const *choices, struct err *e)
{
	const char *text = yaml_text(n, e), *near;
	char list[256];
	struct text t = text_in(list, sizeof(list));

	if (!text)
		return -1;
	for (int i = 0; choices[i]; i++)
		if (!strcmp(choices[i], text))
			return i;
	near = suggest_nearest(text, choices);
	if (near)
		return yaml_error(n, e, "unknown value '%s': did you mean '%s'?", text, near);
	for (int i = 0; choices[i]; i++)
		text_add(&t, "%s%s", i ? " or " : "", choices[i]);
	return yaml_error(n, e, "unknown value '%s': %s", text, list);
}

static int generator_read(struct job *job, struct err *e)
{
	const struct yaml_node *n = yaml_need(job->node, "generator", e);
	const char *name = n ? yaml_text(n, e) : NULL, *names[KEYS_MAX + 1] = {0}, *near;
	size_t nr = 0;

	if (!name)
		return -1;
	job->gen = generator_find(name);
	if (job->gen)
		return 0;
	for (const struct generator *g = generator_first(); g && nr < KEYS_MAX; g = g->next)
		names[nr++] = g->name;
	near = suggest_nearest(name, names);
	if (near)
		return yaml_error(n, e, "unknown generator '%s': did you mean '%s'?", name, near);
	return yaml_error(n, e, "unknown generator '%s': see `kmemsim list generators`", name);
}

static int keys_check(const struct job *job, struct err *e)
{
	const char *known[KEYS_MAX + 1] = {"generator"};
	size_t nr = 1;

	for (const struct generator_key *k = job->gen->keys; k->name && nr < KEYS_MAX; k++)
		known[nr++] = k->name;
	for (const struct generator_key *k = job_keys; k->name && nr < KEYS_MAX; k++)
		known[nr++] = k->name;
	return yaml_check_keys(job->node, known, e);
}

static int lifetime_read(struct job *job, const struct yaml_node *defaults, struct err *e)
{
	static const struct quantity_rules rules = {"lifetime", QUANTITY_TIME, 0, TIME_MAX};
	const struct yaml_node *n = job_key(job->node, defaults, "lifetime");

	if (job_makes_nothing(job)) {
		job->forever = true;
		return 0;
	}
	if (job->gen->lifetime_ns != generator_drawn_lifetime)
		return !n || n != yaml_get(job->node, "lifetime")
			       ? 0
			       : yaml_error(n, e, "'%s' says itself how long its objects live",
					    job->gen->name);
	if (!n)
		return yaml_error(job->node, e,
				  "missing key 'lifetime': a time, a distribution, or `forever`");
	if (yaml_is_scalar(n) && !strcmp(yaml_text(n, e), "forever")) {
		job->forever = true;
		return 0;
	}
	return dist_read(&job->lifetime, n, &rules, job->load->dir, e);
}

/* "10%", "0.5%" into parts of a million. */
static int percent_read(const struct yaml_node *n, u32 *ppm, struct err *e)
{
	const char *text = yaml_text(n, e);
	double percent;
	char *end;

	if (!text)
		return -1;
	percent = strtod(text, &end);
	if (end == text || strcmp(end, "%") || !(percent >= 0 && percent <= 100))
		return yaml_error(n, e, "a share from 0%% to 100%% is wanted");
	*ppm = (u32)(percent * 10000 + 0.5);
	return 0;
}

static int pinned_read(struct job *job, struct err *e)
{
	const struct yaml_node *n = yaml_get(job->node, "pinned");

	if (!n)
		return 0;
	if (percent_read(n, &job->pinned_ppm, e))
		return -1;
	if (job->proto.kind != REQ_CACHE_ALLOC || !job->load->caches[job->proto.cache].movable)
		return yaml_error(n, e,
				  "only objects of a movable cache (`movable: on`) can be "
				  "pinned");
	return 0;
}

static int last_read_read(struct job *job, struct err *e)
{
	const struct yaml_node *n = yaml_get(job->node, "read");

	if (!n)
		return 0;
	if (job->proto.kind != REQ_STORE_ALLOC)
		return yaml_error(n, e, "only `objects` are read");
	return percent_read(n, &job->read_ppm, e);
}

/* {accessed: 10s}: page cache, dentries. */
static int reclaim_read(struct job *job, struct err *e)
{
	static const struct quantity_rules rules = {"time between accesses", QUANTITY_TIME, 1,
						    TIME_MAX};
	static const char *const known[] = {"accessed", NULL};
	const struct yaml_node *map = yaml_get(job->node, "reclaim"), *n;

	if (!map)
		return 0;
	if (job->proto.kind != REQ_PAGE_ALLOC && job->proto.kind != REQ_CACHE_ALLOC)
		return yaml_error(map, e, "only `pages` and objects of a `cache` can be reclaimed");
	if (!yaml_is_mapping(map))
		return yaml_error(map, e, "a mapping is wanted: {accessed: 10s}");
	if (yaml_check_keys(map, known, e))
		return -1;
	n = yaml_need(map, "accessed", e);
	if (!n)
		return -1;
	job->reclaim = true;
	if (yaml_is_scalar(n) && !strcmp(yaml_text(n, e), "never")) {
		dist_constant(&job->accessed, TIME_NEVER);
		return 0;
	}
	return dist_read(&job->accessed, n, &rules, job->load->dir, e);
}

static int cpus_read(struct job *job, const struct yaml_node *n, struct err *e)
{
	const struct workload_options *o = &job->load->options;
	u64 map[CPUS_MAX / BITS_PER_WORD] = {0};

	for (u32 cpu = 0; !n && cpu < o->nr_cpus; cpu++)
		bit_set(map, cpu);
	if (n && yaml_cpulist(n, map, CPUS_MAX, e))
		return -1;
	job->cpus = mem_alloc(CPUS_MAX, sizeof(*job->cpus));
	for (u32 cpu = 0; cpu < CPUS_MAX; cpu++)
		if (bit_test(map, cpu))
			job->cpus[job->nr_cpus++] = (u16)cpu;
	if (!job->nr_cpus)
		return yaml_error(n, e, "at least one CPU is wanted");
	if (job->cpus[job->nr_cpus - 1] >= o->nr_cpus)
		return yaml_error(n, e, "CPU %u: machine '%s' has %u, from 0",
				  job->cpus[job->nr_cpus - 1], o->machine, o->nr_cpus);
	return 0;
}

static int node_read(struct job *job, const struct yaml_node *n, struct err *e)
{
	const struct workload_options *o = &job->load->options;
	const char *text = n ? yaml_text(n, e) : "any";
	u64 node;

	job->proto.node = -1;
	if (!text)
		return -1;
	if (!strcmp(text, "any"))
		return 0;
	if (yaml_u64(n, 0, INT16_MAX, &node, e))
		return -1;
	if (node >= o->nr_nodes)
		return yaml_error(n, e, "node %llu: machine '%s' has %u, from 0",
				  (unsigned long long)node, o->machine, o->nr_nodes);
	job->proto.node = (s16)node;
	return 0;
}

static int failure_read(struct job *job, const struct yaml_node *defaults, struct err *e)
{
	static const char *const choices[] = {"count", "retry", "stop", NULL};
	static const struct quantity_rules rules = {"time before a retry", QUANTITY_TIME, 1,
						    TIME_MAX};
	const struct yaml_node *n = job_key(job->node, defaults, "on_failure");
	struct dist after;
	int choice = n ? choice_read(n, choices, e) : 0;

	if (choice < 0)
		return -1;
	if (job_makes_nothing(job))
		return 0;
	job->on_failure = (enum on_failure)choice;
	if (job->on_failure == FAILURE_STOP)
		job->proto.flags = REQ_F_STOP;
	if (count_parse(key_default("retries"), &job->retries, e) ||
	    time_parse(key_default("retry_after"), &after.min, e))
		return -1;
	n = job_key(job->node, defaults, "retries");
	if (n && yaml_u64(n, 1, RETRIES_MAX, &job->retries, e))
		return -1;
	n = job_key(job->node, defaults, "retry_after");
	if (n && !yaml_is_scalar(n))
		return yaml_error(n, e, "a single time is wanted here");
	if (n && dist_read(&after, n, &rules, job->load->dir, e))
		return -1;
	job->retry_after_ns = after.min;
	return 0;
}

static int window_read(struct job *job, struct err *e)
{
	const struct yaml_node *n = yaml_get(job->node, "start");
	u64 duration_ns;

	job->end_ns = job->load->duration_ns;
	if (n && yaml_time(n, &job->start_ns, e))
		return -1;
	if (job->start_ns >= job->end_ns)
		return yaml_error(n, e, "the load is over before the job starts");
	n = yaml_get(job->node, "duration");
	if (!n)
		return 0;
	if (yaml_time(n, &duration_ns, e))
		return -1;
	if (!duration_ns)
		return yaml_error(n, e, "a job that lasts no time does nothing");
	job->end_ns = min(job->end_ns, job->start_ns + duration_ns);
	return 0;
}

static int phase_add(struct job *job, const struct yaml_node *name, struct err *e)
{
	int phase = phase_find(job->load, name, e);

	if (phase < 0)
		return -1;
	if (job->at_work[phase])
		return yaml_error(name, e, "phase '%s' is here twice", yaml_text(name, e));
	job->at_work[phase] = 1;
	return 0;
}

static int phases_read(struct job *job, struct err *e)
{
	const struct yaml_node *n = yaml_get(job->node, "phases");

	if (!n) {
		memset(job->at_work, 1, sizeof(job->at_work));
		return 0;
	}
	if (!yaml_is_sequence(n))
		return phase_add(job, n, e);
	if (!yaml_count(n))
		return yaml_error(n, e, "at least one phase is wanted");
	for (size_t i = 0; i < yaml_count(n); i++)
		if (phase_add(job, yaml_item(n, i), e))
			return -1;
	return 0;
}

int job_read(struct job *job, const struct yaml_node *defaults, struct err *e)
{
	static const char *const free_cpus[] = {"same", "any", NULL};
	const struct yaml_node *n;
	int choice = 0;

	if (!yaml_is_mapping(job->node))
		return yaml_error(job->node, e, "a job is a mapping: {generator: poisson, ...}");
	if (generator_read(job, e) || keys_check(job, e) || what_read(job, defaults, e) ||
	    lifetime_read(job, defaults, e) || pinned_read(job, e) || last_read_read(job, e) ||
	    reclaim_read(job, e) || cpus_read(job, job_key(job->node, defaults, "cpus"), e) ||
	    node_read(job, job_key(job->node, defaults, "node"), e) ||
	    failure_read(job, defaults, e) || window_read(job, e) || phases_read(job, e))
		return -1;
	n = job_key(job->node, defaults, "free_cpu");
	if (n && (choice = choice_read(n, free_cpus, e)) < 0)
		return -1;
	job->free_any = choice;
	job->own = mem_alloc(1, job->gen->own_size);
	return job->gen->read(job, job->node, e);
}

void job_free(struct job *job)
{
	if (job->own)
		job->gen->forget(job->own);
	dist_free(&job->what);
	dist_free(&job->lifetime);
	dist_free(&job->accessed);
	free(job->own);
	free(job->cpus);
}

/* The phase that t_ns falls into, and when it began. */
static unsigned int phase_at(const struct workload *w, u64 t_ns, u64 *start_ns)
{
	u64 round_ns = t_ns - t_ns % w->round_ns;
	unsigned int i = 0;

	while (t_ns - round_ns >= w->phases[i].end_ns)
		i++;
	*start_ns = round_ns + w->phases[i].start_ns;
	return i;
}

struct span job_span(const struct job *job, u64 t_ns)
{
	const struct workload *w = job->load;
	struct span s = {max(t_ns, job->start_ns), job->end_ns, 0};
	u64 start_ns, end_ns;

	if (w->nr_phases == 1 && s.from_ns < s.until_ns)
		return s;
	for (; s.from_ns < job->end_ns; s.from_ns = end_ns) {
		s.phase = phase_at(w, s.from_ns, &start_ns);
		end_ns = start_ns + w->phases[s.phase].end_ns - w->phases[s.phase].start_ns;
		if (!job->at_work[s.phase])
			continue;
		s.until_ns = end_ns;
		/* On into phases in which it goes on as before; once round is for ever. */
		for (unsigned int i = 0; i < w->nr_phases && s.until_ns < job->end_ns; i++) {
			unsigned int next = phase_at(w, s.until_ns, &start_ns);

			if (job->at_work[next] != job->at_work[s.phase])
				break;
			s.until_ns = i + 1 == w->nr_phases ? job->end_ns
							   : start_ns + w->phases[next].end_ns -
								     w->phases[next].start_ns;
		}
		s.until_ns = min(s.until_ns, job->end_ns);
		return s;
	}
	return (struct span){TIME_NEVER, TIME_NEVER, 0};
}
