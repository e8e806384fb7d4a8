/*
 * Workloads that a search tries.
 */
#include "cmd/search_case.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/load.h"
#include "lib/assert.h"
#include "lib/mem.h"
#include "lib/units.h"
#include "sim/null_sink.h"
#include "sim/trial.h"

/* What the experiment itself changes of its load. */
static int change_load(struct yaml_file *f, const struct experiment_load *l, struct err *e)
{
	const struct yaml_node *set = l->change.set;
	char text[64] = "duration=";

	for (size_t i = 0; set && i < yaml_count(set); i++)
		if (yaml_override_node(f, yaml_key_node(set, i), yaml_value(set, i), e))
			return -1;
	if (!l->duration_ns)
		return 0;
	time_print(l->duration_ns, text + strlen(text), sizeof(text) - strlen(text));
	return yaml_override(f, text, e);
}

struct yaml_file *case_open(const struct experiment_load *l, char *const *settings, size_t nr,
			    struct err *e)
{
	struct yaml_file *f =
		l->change.root ? yaml_from_node(l->change.root, e) : yaml_open(l->path, e);
	int ret = f ? change_load(f, l, e) : -1;

	for (size_t i = 0; i < nr && !ret; i++)
		ret = yaml_override(f, settings[i], e);
	if (!ret)
		return f;
	yaml_close(f);
	return NULL;
}

/* ---- A run ---- */

struct figure_sink {
	struct sink base;
	const struct metric_desc *metric;
	double value;
	bool found;
};

static void on_summary(struct sink *base, const char *layer, const struct metric_desc *metric,
		       double value)
{
	struct figure_sink *s = container_of(base, struct figure_sink, base);

	if (*layer || metric != s->metric)
		return;
	s->value = value;
	s->found = true;
}

static int run_source(const struct search_case *c, struct source *source,
		      const struct machine_config *machine, u64 seed, double *value, struct err *e)
{
	struct sink_ops ops = {.summary = on_summary};
	struct figure_sink sink = {.base.ops = null_sink_ops(&ops), .metric = c->metric};
	struct trial t = {
		.machine = machine,
		.stack = &c->stack->config,
		.source = source,
		.sink = &sink.base,
		.fragment = &c->load->fragment.fragment,
		.run = {.label = c->stack->name, .load = c->load->name, .input = c->load->path},
		.seed = seed,
		.sample_ns = c->x->sample_ns,
		.check_every = c->check_every,
	};

	if (trial_run(&t, e))
		return -1;
	if (t.status != TRIAL_OK)
		return err_set(e, "it runs out of memory");
	if (!sink.found)
		return err_set(e, "stack '%s' has no figure %s", c->stack->name, c->metric->name);
	*value = sink.value;
	return 0;
}

int case_run(const struct search_case *c, const struct yaml_node *workload, const char *path,
	     u64 seed, double *value, struct err *e)
{
	struct load_spec spec = {
		.path = path, .machine = c->x->machine, .seed = seed, .change.root = workload};
	struct machine_config *machine = mem_alloc(1, sizeof(*machine));
	struct source *source = load_open(&spec, machine, e);
	int ret = -1;

	if (source) {
		ret = run_source(c, source, machine, seed, value, e);
		source->ops->close(source);
	}
	free(machine);
	return ret;
}

char *case_print(const struct yaml_node *workload, const char *comment)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	ASSERT(f);
	fputs(comment, f);
	if (!yaml_get(workload, "kmemsim")) /* one written in an experiment need not say it */
		fputs("kmemsim: workload/1\n", f);
	yaml_print(f, workload);
	ASSERT(!fclose(f));
	return text;
}
