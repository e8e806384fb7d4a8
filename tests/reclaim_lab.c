/*
 * Workloads under pressure, from text.
 */
#include "tests/reclaim_lab.h"

#include <stdio.h>

#include "alloc/kernel.h"
#include "lib/units.h"
#include "sim/null_sink.h"
#include "tests/tmp_dir.h"
#include "workloads/workload.h"

struct lab_sink {
	struct sink sink;
	struct outcome *out;
	unsigned int nr_sites;
};

static struct outcome *to_outcome(struct sink *s)
{
	return container_of(s, struct lab_sink, sink)->out;
}

static void on_sample(struct sink *s, u64 t_ns, const char *layer, const char *metric, double value)
{
	struct outcome *out = to_outcome(s);

	(void)t_ns;
	if (*layer)
		return;
	if (!strcmp(metric, "live_objs"))
		out->live_objs += value;
	if (strcmp(metric, "free_bytes"))
		return;
	value /= PAGE_SIZE;
	out->free += value;
	out->free_min = out->nr_samples ? min(out->free_min, value) : value;
	out->free_max = max(out->free_max, value);
	out->nr_samples++;
}

static void on_event(struct sink *s, u64 t_ns, int cpu, const char *kind, const char *detail)
{
	struct outcome *out = to_outcome(s);

	(void)t_ns, (void)cpu;
	if (!strcmp(kind, "reclaim")) {
		out->nr_reclaims++;
		snprintf(out->reclaim, sizeof(out->reclaim), "%s", detail);
	}
	out->nr_ooms += !strcmp(kind, "oom");
}

static void on_summary(struct sink *s, const char *layer, const struct metric_desc *m, double value)
{
	assert_true(m - metrics < (long)ARRAY_SIZE(to_outcome(s)->metrics));
	if (!*layer)
		to_outcome(s)->metrics[m - metrics] = value;
}

static void on_site(struct sink *s, const struct sink_site *site)
{
	struct lab_sink *lab = container_of(s, struct lab_sink, sink);

	assert_true(lab->nr_sites < RECLAIM_LAB_SITES);
	snprintf(lab->out->sites[lab->nr_sites].name, 32, "%s", site->call_site);
	lab->out->sites[lab->nr_sites++].live_objs = site->live_objs;
}

static void on_zone(struct sink *s, const struct sink_zone *zone)
{
	struct outcome *out = to_outcome(s);

	out->min += zone->min;
	out->low += zone->low;
	out->high += zone->high;
}

static struct sink_ops lab_ops = {
	.sample = on_sample,
	.event = on_event,
	.summary = on_summary,
	.site = on_site,
	.zone = on_zone,
};

static struct source *open_text(const char *head, const char *jobs, u64 seed)
{
	struct workload_options o = {.seed = seed, .machine = "lab", .nr_cpus = 4, .nr_nodes = 1};
	struct source *s;
	struct err e;
	char path[80];
	FILE *f;

	snprintf(path, sizeof(path), "%s/load.yaml", tmp_dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "kmemsim: workload/1\n%sjobs:\n%s", head, jobs);
	fclose(f);
	s = workload_open(path, &o, &e);
	if (!s)
		fail_msg("%s", e.msg);
	return s;
}

void reclaim_lab_run(struct outcome *out, const char *head, const char *jobs, u64 seed,
		     const char *pages, const char *slab)
{
	static struct machine_config machine;
	struct lab_sink sink = {.sink = {null_sink_ops(&lab_ops)}, .out = out};
	struct source *s = open_text(head, jobs, seed);
	struct stack_config stack;
	struct err e;

	machine_config_default(&machine);
	machine.nr_nodes = 1;
	machine.nodes[0].memory = RECLAIM_LAB_PAGES * PAGE_SIZE;
	machine.min_free_bytes = 1 * MIB;
	memset(machine.cpu_node, 0, sizeof(machine.cpu_node));
	if (stack_config_parse(&stack, pages, slab, &e))
		fail_msg("%s", e.msg);
	*out = (struct outcome){.t = {.machine = &machine,
				      .stack = &stack,
				      .source = s,
				      .sink = &sink.sink,
				      .seed = seed,
				      .check_every = 40000}};
	if (trial_run(&out->t, &e))
		fail_msg("%s", e.msg);
	stack_config_free(&stack);
	s->ops->close(s);
	out->live_objs /= out->nr_samples;
	out->free /= out->nr_samples;
}

double outcome_metric(const struct outcome *out, const char *name)
{
	assert_non_null(metric_find(name));
	return out->metrics[metric_find(name) - metrics];
}

u64 outcome_live(const struct outcome *out, const char *site)
{
	for (unsigned int i = 0; i < RECLAIM_LAB_SITES; i++)
		if (!strcmp(out->sites[i].name, site))
			return out->sites[i].live_objs;
	fail_msg("no site %s", site);
	return 0;
}
