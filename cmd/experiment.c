/*
 * Experiment files: reading and checking.
 */
#include "cmd/experiment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/expect.h"
#include "cmd/load.h"
#include "cmd/stack_read.h"
#include "lib/assert.h"
#include "lib/file.h"
#include "lib/mem.h"

/* The path as it can be opened: from here, or from the experiment's folder. NULL with e set. */
static char *path_find(const struct yaml_node *n, const char *dir, struct err *e)
{
	const char *name = yaml_text(n, e);
	char *path;

	if (!name)
		return NULL;
	if (!access(name, R_OK))
		return mem_dup(name);
	path = file_in_dir(dir, name);
	if (!access(path, R_OK))
		return path;
	yaml_error(n, e, "%s: %s", *name ? name : "''", strerror(errno));
	free(path);
	return NULL;
}

static int machine_read(struct experiment *x, const struct yaml_node *n, const char *dir,
			struct err *e)
{
	char *path;
	int ret;

	x->machine = mem_alloc(1, sizeof(*x->machine));
	if (!yaml_is_scalar(n))
		return machine_config_from_node(x->machine, n, dir, e);
	path = path_find(n, dir, e);
	if (!path)
		return -1;
	ret = machine_config_load(x->machine, path, e) ? yaml_error_around(n, e) : 0;
	free(path);
	return ret;
}

/* A non-empty mapping of names to whatever; NULL with e set. */
static const struct yaml_node *named(const struct yaml_node *root, const char *key, struct err *e)
{
	const struct yaml_node *map = yaml_need(root, key, e);

	if (!map)
		return NULL;
	if (!yaml_is_mapping(map) || !yaml_count(map)) {
		yaml_error(map, e, "%s are a mapping, 'NAME: {...}', of at least one", key);
		return NULL;
	}
	for (size_t i = 0; i < yaml_count(map); i++) {
		if (!*yaml_key(map, i)) {
			yaml_error(yaml_key_node(map, i), e, "a name is empty");
			return NULL;
		}
	}
	return map;
}

static int stacks_read(struct experiment *x, const struct yaml_node *root, struct err *e)
{
	const struct yaml_node *map = named(root, "stacks", e);

	if (!map)
		return -1;
	x->stacks = mem_alloc(yaml_count(map), sizeof(*x->stacks));
	for (size_t i = 0; i < yaml_count(map); i++) {
		struct experiment_stack *s = &x->stacks[i];

		s->name = yaml_key(map, i);
		s->node = yaml_value(map, i);
		if (stack_read(&s->config, s->node, e))
			return -1;
		x->nr_stacks++;
	}
	return 0;
}

/* A mistake in a workload is found before the first run. */
static int workload_check(const struct experiment *x, const struct experiment_load *l,
			  struct err *e)
{
	struct load_spec spec = {.path = l->path,
				 .machine = x->machine,
				 .duration_ns = l->duration_ns,
				 .change = l->change};
	struct machine_config *machine = mem_alloc(1, sizeof(*machine));
	struct source *s = load_open(&spec, machine, e);

	free(machine);
	if (!s && l->change.root)
		return -1; /* the place is one in this file */
	if (!s)
		return yaml_error_around(l->node, e);
	s->ops->close(s);
	return 0;
}

/* One that stands in the experiment itself, or a file; with what is to be changed in it. */
static int workload_find(const struct experiment *x, struct experiment_load *l,
			 const struct yaml_node *n, const char *dir, struct err *e)
{
	l->change.set = yaml_get(l->node, "set");
	if (l->change.set && !yaml_is_mapping(l->change.set))
		return yaml_error(l->change.set, e, "set is a mapping, '{jobs.skb.rate: 100k/s}'");
	if (!yaml_is_scalar(n)) {
		l->change.root = n;
		l->path = mem_dup(x->path);
		return 0;
	}
	l->path = path_find(n, dir, e);
	if (l->path && !load_is_workload(l->path))
		return yaml_error(n, e, "a workload is a .yaml file (a .kmt file is a `trace`)");
	return l->path ? 0 : -1;
}

static int workload_read(const struct experiment *x, struct experiment_load *l,
			 const struct yaml_node *file, const char *dir, struct err *e)
{
	const struct yaml_node *n = yaml_get(l->node, "duration");

	if (yaml_get(l->node, "trace"))
		return yaml_error(file, e, "a load is a trace or a workload, not both");
	if (yaml_get(l->node, "snapshots") || yaml_get(l->node, "start"))
		return yaml_error(file, e, "a workload has no snapshots: it starts as it says");
	if (n && yaml_time(n, &l->duration_ns, e))
		return -1;
	if (n && !l->duration_ns)
		return yaml_error(n, e, "a duration must be more than zero");
	return workload_find(x, l, file, dir, e) ? -1 : workload_check(x, l, e);
}

/* How a trace starts. */
static int start_read(struct experiment_load *l, const char *dir, struct err *e)
{
	const struct yaml_node *snapshots = yaml_get(l->node, "snapshots"),
			       *start = yaml_get(l->node, "start");
	const char *how = start ? yaml_text(start, e) : "warm";

	if (!how)
		return -1;
	l->start.cold = !strcmp(how, "cold");
	if (!l->start.cold && strcmp(how, "warm"))
		return yaml_error(start, e, "a start is warm or cold, not '%s'", how);
	if (!snapshots)
		return 0;
	if (l->start.cold)
		return yaml_error(snapshots, e, "a cold start has no use for snapshots");
	l->start.dir = l->snapshots = path_find(snapshots, dir, e);
	return l->snapshots ? 0 : -1;
}

static int fragment_of_load(struct experiment_load *l, const struct yaml_node *n, const char *dir,
			    struct err *e)
{
	const char *text = yaml_text(n, e);

	if (!text)
		return -1;
	return fragment_read(&l->fragment, text, dir, e) ? yaml_error_around(n, e) : 0;
}

static int load_read(const struct experiment *x, struct experiment_load *l, const char *dir,
		     struct err *e)
{
	static const char *const known[] = {"trace", "workload", "duration", "snapshots",
					    "start", "set",	 "fragment", NULL};
	const struct yaml_node *n;

	if (yaml_check_keys(l->node, known, e))
		return -1;
	n = yaml_get(l->node, "fragment");
	if (n && fragment_of_load(l, n, dir, e))
		return -1;
	n = yaml_get(l->node, "workload");
	if (n)
		return workload_read(x, l, n, dir, e);
	n = yaml_get(l->node, "duration");
	if (n)
		return yaml_error(n, e, "a trace lasts as long as it was recorded");
	n = yaml_get(l->node, "set");
	if (n)
		return yaml_error(n, e, "a trace is as it was recorded: nothing can be set");
	n = yaml_need(l->node, "trace", e);
	if (n)
		l->path = path_find(n, dir, e);
	if (l->path && load_is_workload(l->path))
		return yaml_error(n, e, "a trace is a .kmt file (a .yaml file is a `workload`)");
	return l->path ? start_read(l, dir, e) : -1;
}

static int loads_read(struct experiment *x, const struct yaml_node *root, const char *dir,
		      struct err *e)
{
	const struct yaml_node *map = named(root, "loads", e);

	if (!map)
		return -1;
	x->loads = mem_alloc(yaml_count(map), sizeof(*x->loads));
	for (size_t i = 0; i < yaml_count(map); i++) {
		struct experiment_load *l = &x->loads[i];

		l->name = yaml_key(map, i);
		l->node = yaml_value(map, i);
		x->nr_loads++;
		if (load_read(x, l, dir, e))
			return -1;
	}
	return 0;
}

static int seed_list_read(struct experiment *x, const struct yaml_node *list, struct err *e)
{
	if (!yaml_count(list) || yaml_count(list) > EXPERIMENT_SEEDS_MAX)
		return yaml_error(list, e, "1 to %d seeds are wanted", EXPERIMENT_SEEDS_MAX);
	x->seeds = mem_alloc(yaml_count(list), sizeof(*x->seeds));
	for (size_t i = 0; i < yaml_count(list); i++) {
		if (yaml_u64(yaml_item(list, i), 0, INT64_MAX, &x->seeds[i], e))
			return -1;
		for (size_t j = 0; j < i; j++) {
			if (x->seeds[j] == x->seeds[i])
				return yaml_error(yaml_item(list, i), e, "seed %llu is here twice",
						  (unsigned long long)x->seeds[i]);
		}
	}
	x->nr_seeds = yaml_count(list);
	return 0;
}

static int seeds_read(struct experiment *x, const struct yaml_node *n, struct err *e)
{
	u64 count = 1;

	if (n && yaml_is_sequence(n))
		return seed_list_read(x, n, e);
	if (n && yaml_u64(n, 1, EXPERIMENT_SEEDS_MAX, &count, e))
		return -1;
	x->seeds = mem_alloc(count, sizeof(*x->seeds));
	for (x->nr_seeds = 0; x->nr_seeds < count; x->nr_seeds++)
		x->seeds[x->nr_seeds] = x->nr_seeds + 1;
	return 0;
}

static int sample_read(struct experiment *x, const struct yaml_node *n, struct err *e)
{
	if (yaml_time(n, &x->sample_ns, e))
		return -1;
	if (!x->sample_ns)
		return yaml_error(n, e, "the time between samples must be more than zero");
	return 0;
}

/* The names that expectations may use. */
static int expectations_read(struct experiment *x, const struct yaml_node *list, struct err *e)
{
	struct expectations *expect = &x->expect;

	expect->stacks = mem_alloc(x->nr_stacks + 1, sizeof(*expect->stacks));
	for (size_t i = 0; i < x->nr_stacks; i++)
		expect->stacks[i] = x->stacks[i].name;
	expect->loads = mem_alloc(x->nr_loads + 1, sizeof(*expect->loads));
	for (size_t i = 0; i < x->nr_loads; i++)
		expect->loads[i] = x->loads[i].name;
	expect->seeds = x->seeds;
	expect->nr_seeds = x->nr_seeds;
	return expect_read(expect, list, e);
}

static int searched_read(struct experiment *x, const struct yaml_node *map, struct err *e)
{
	const char **loads = mem_alloc(x->nr_loads + 1, sizeof(*loads));
	const struct experiment_load *l;
	int ret;

	for (size_t i = 0; i < x->nr_loads; i++)
		loads[i] = x->loads[i].name;
	x->search = mem_alloc(1, sizeof(*x->search));
	ret = search_read(x->search, map, loads, e);
	free(loads);
	if (ret)
		return -1;
	l = &x->loads[x->search->load];
	if (!yaml_get(l->node, "workload"))
		return yaml_error(yaml_get(map, "load"), e,
				  "'%s' is a trace: nothing can be varied in it", l->name);
	if (x->expect.nr)
		return yaml_error(map, e,
				  "a search expects nothing: `expect` is for experiments "
				  "without");
	return 0;
}

static int read_root(struct experiment *x, const struct yaml_node *root, const char *dir,
		     struct err *e)
{
	static const char *const known[] = {"kmemsim", "description", "machine", "stacks", "loads",
					    "seeds",   "sample",      "expect",	 "search", NULL};
	const struct yaml_node *n;

	if (yaml_check_keys(root, known, e))
		return -1;
	x->description = "";
	if ((n = yaml_get(root, "description")) && !(x->description = yaml_text(n, e)))
		return -1;
	if ((n = yaml_get(root, "machine")) && machine_read(x, n, dir, e))
		return -1;
	if (stacks_read(x, root, e) || loads_read(x, root, dir, e))
		return -1;
	if ((n = yaml_get(root, "sample")) && sample_read(x, n, e))
		return -1;
	if (seeds_read(x, yaml_get(root, "seeds"), e))
		return -1;
	n = yaml_get(root, "expect");
	if (n && expectations_read(x, n, e))
		return -1;
	n = yaml_get(root, "search");
	return n ? searched_read(x, n, e) : 0;
}

static int read_file(struct experiment *x, const char *path, const char *const *settings,
		     size_t nr_settings, struct err *e)
{
	const struct yaml_node *root;
	char *dir;
	int ret;

	x->file = yaml_open(path, e);
	if (!x->file)
		return -1;
	/* First whether it is an experiment at all: then what a setting changes makes sense. */
	root = yaml_root(x->file, "experiment/1", e);
	if (!root)
		return -1;
	for (size_t i = 0; i < nr_settings; i++) {
		if (yaml_override(x->file, settings[i], e))
			return -1;
	}
	root = yaml_root(x->file, "experiment/1", e);
	if (!root)
		return -1;
	dir = file_dir(path);
	ret = read_root(x, root, dir, e);
	free(dir);
	return ret;
}

int experiment_open(struct experiment *x, const char *path, const char *const *settings,
		    size_t nr_settings, struct err *e)
{
	int ret;

	*x = (struct experiment){.path = path};
	ret = read_file(x, path, settings, nr_settings, e);
	if (ret)
		experiment_close(x);
	return ret;
}

void experiment_close(struct experiment *x)
{
	for (size_t i = 0; i < x->nr_stacks; i++)
		stack_config_free(&x->stacks[i].config);
	for (size_t i = 0; i < x->nr_loads; i++) {
		free(x->loads[i].path);
		free(x->loads[i].snapshots);
		fragment_spec_free(&x->loads[i].fragment);
	}
	expectations_free(&x->expect);
	free(x->search);
	free(x->stacks);
	free(x->loads);
	free(x->seeds);
	free(x->machine);
	yaml_close(x->file);
	*x = (struct experiment){0};
}
