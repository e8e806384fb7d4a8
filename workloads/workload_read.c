/*
 * Workload files: reading and checking.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/digest.h"
#include "lib/file.h"
#include "lib/mem.h"
#include "lib/suggest.h"
#include "lib/units.h"
#include "workloads/spec.h"

static int duration_check(const struct yaml_node *n, u64 ns, struct err *e)
{
	if (!ns)
		return yaml_error(n, e, "a duration must be more than zero");
	if (ns > TIME_MAX)
		return yaml_error(n, e, "a load of more than 52 days");
	return 0;
}

static int duration_read(const struct yaml_node *n, u64 *ns, struct err *e)
{
	return yaml_time(n, ns, e) ? -1 : duration_check(n, *ns, e);
}

int phase_find(const struct workload *w, const struct yaml_node *name, struct err *e)
{
	const char *text = yaml_text(name, e), *names[PHASES_MAX + 1] = {0}, *near;

	if (!text)
		return -1;
	for (unsigned int i = 0; i < w->nr_phases; i++) {
		names[i] = w->phases[i].name;
		if (!strcmp(names[i], text))
			return (int)i;
	}
	near = suggest_nearest(text, names);
	if (near)
		return yaml_error(name, e, "there is no phase '%s': did you mean '%s'?", text,
				  near);
	return yaml_error(name, e, "there is no phase '%s'", text);
}

/* The end of a phase whose node this is; 0: it has none. */
static int phase_read(struct workload *w, const struct yaml_node *map, u64 *duration_ns,
		      struct err *e)
{
	static const char *const known[] = {"name", "duration", NULL};
	const struct yaml_node *name, *n;
	const char *text;

	if (yaml_check_keys(map, known, e))
		return -1;
	name = yaml_need(map, "name", e);
	text = name ? yaml_text(name, e) : NULL;
	if (!text)
		return -1;
	for (unsigned int i = 0; i < w->nr_phases; i++)
		if (!strcmp(w->phases[i].name, text))
			return yaml_error(name, e, "phase '%s' is here twice", text);
	w->phases[w->nr_phases].name = text;
	*duration_ns = 0;
	n = yaml_get(map, "duration");
	return n ? duration_read(n, duration_ns, e) : 0;
}

static int phase_endless(const struct workload *w, const struct yaml_node *map, struct err *e)
{
	return yaml_error(map, e,
			  "phase '%s' has no end: give it a duration, or (the last one) give the "
			  "whole load one",
			  w->phases[w->nr_phases].name);
}

/* Phases one after the other. Only the last may do without a duration, if the load has one. */
static int phases_read(struct workload *w, const struct yaml_node *list, struct err *e)
{
	u64 at_ns = 0, ns;

	if (!yaml_is_sequence(list) || !yaml_count(list) || yaml_count(list) > PHASES_MAX)
		return yaml_error(list, e,
				  "phases are a list, '- {name: fill, duration: 2s}', of 1 to %d",
				  PHASES_MAX);
	for (size_t i = 0; i < yaml_count(list); i++) {
		const struct yaml_node *map = yaml_item(list, i);
		struct phase *p = &w->phases[w->nr_phases];

		if (phase_read(w, map, &ns, e))
			return -1;
		if (!ns && (i + 1 < yaml_count(list) || !w->duration_ns))
			return phase_endless(w, map, e);
		if (!ns && at_ns >= w->duration_ns)
			return yaml_error(map, e, "the load is over before phase '%s' begins",
					  p->name);
		p->start_ns = at_ns;
		p->end_ns = at_ns = ns ? at_ns + ns : w->duration_ns;
		if (at_ns > TIME_MAX)
			return yaml_error(map, e, "a load of more than 52 days");
		w->nr_phases++;
	}
	w->round_ns = at_ns;
	return 0;
}

/* How long, in which phases, what is not counted. */
static int times_read(struct workload *w, const struct yaml_node *root, struct err *e)
{
	const struct yaml_node *n = yaml_get(root, "duration"), *phases = yaml_get(root, "phases");

	if (n && duration_read(n, &w->duration_ns, e))
		return -1;
	if (w->options.duration_ns) {
		w->duration_ns = w->options.duration_ns;
		if (w->duration_ns > TIME_MAX)
			return err_set(e, "a load of more than 52 days");
	}
	if (phases && phases_read(w, phases, e))
		return -1;
	if (!w->duration_ns)
		w->duration_ns = w->round_ns;
	if (!w->duration_ns)
		return yaml_error(root, e,
				  "the load has no end: `duration: 10s` is missing, here or where "
				  "it is used");
	if (!phases) {
		w->phases[0] = (struct phase){"", 0, w->duration_ns};
		w->nr_phases = 1;
		w->round_ns = w->duration_ns;
	}
	n = yaml_get(root, "warmup");
	if (n && yaml_time(n, &w->warmup_ns, e))
		return -1;
	if (w->warmup_ns >= w->duration_ns) {
		char text[32];

		time_print(w->duration_ns, text, sizeof(text));
		return yaml_error(n, e, "the warm-up takes up the whole load, which lasts %s",
				  text);
	}
	return 0;
}

static int defaults_check(const struct yaml_node *defaults, struct err *e)
{
	static const char *const known[] = {"lifetime",	   "gfp",      "cpus",
					    "node",	   "free_cpu", "on_failure",
					    "retry_after", "retries",  NULL};

	return yaml_check_keys(defaults, known, e);
}

static int jobs_read(struct workload *w, const struct yaml_node *root, struct err *e)
{
	const struct yaml_node *map = yaml_need(root, "jobs", e);
	const struct yaml_node *defaults = yaml_get(root, "defaults");

	if (!map || (defaults && defaults_check(defaults, e)))
		return -1;
	if (!yaml_is_mapping(map) || !yaml_count(map) || yaml_count(map) > JOBS_MAX)
		return yaml_error(map, e, "jobs are a mapping, 'NAME: {...}', of 1 to %d",
				  JOBS_MAX);
	w->jobs = mem_alloc(yaml_count(map), sizeof(*w->jobs));
	for (size_t i = 0; i < yaml_count(map); i++) {
		struct job *job = &w->jobs[w->nr_jobs++];

		job->name = yaml_key(map, i);
		job->node = yaml_value(map, i);
		job->load = w;
		if (!*job->name)
			return yaml_error(yaml_key_node(map, i), e, "a name is empty");
		if (job_read(job, defaults, e))
			return -1;
		/* Results attribute to call sites; here the jobs are. */
		job->proto.site = (u32)i + 1;
		w->input_hash = digest_u64(w->input_hash, job->what.digest);
		w->input_hash = digest_u64(w->input_hash, job->lifetime.digest);
	}
	return 0;
}

/* A trace names the cache that served a kmalloc. Here nobody knows: one entry stands for all. */
static void kmalloc_entry(struct workload *w)
{
	for (u32 i = 0; i < w->nr_jobs; i++) {
		struct job *job = &w->jobs[i];

		if (job->proto.kind != REQ_KMALLOC)
			continue;
		if (!w->nr_caches || !w->caches[w->nr_caches - 1].kmalloc) {
			MEM_ROOM(w->caches, w->nr_caches, w->max_caches);
			w->caches[w->nr_caches++] = (struct source_cache){
				.name = mem_dup("kmalloc"), .align = 8, .kmalloc = true};
		}
		job->proto.cache = (u16)(w->nr_caches - 1);
	}
}

static int root_read(struct workload *w, const struct yaml_node *root, struct err *e)
{
	static const char *const known[] = {"kmemsim", "description", "duration", "warmup",
					    "phases",  "defaults",    "jobs",	  NULL};
	const struct yaml_node *n = yaml_get(root, "description");

	if (yaml_check_keys(root, known, e) || (n && !yaml_text(n, e)) || times_read(w, root, e) ||
	    jobs_read(w, root, e))
		return -1;
	kmalloc_entry(w);
	return 0;
}

static void file_open(struct workload *w, const char *path, struct err *e)
{
	size_t n;
	char *text = file_check_regular(path, e) ? NULL : file_read(path, &n, e);

	if (!text)
		return;
	w->input_hash = digest_bytes(DIGEST_INIT, text, n);
	w->file = yaml_parse(path, text, n, e);
	free(text);
}

/* A mapping somewhere else need not say what it is. */
static const struct yaml_node *root_open(struct workload *w, const char *path, struct err *e)
{
	const struct yaml_node *root = w->options.change.root;

	if (!root) {
		file_open(w, path, e);
		return w->file ? yaml_root(w->file, "workload/1", e) : NULL;
	}
	if (!yaml_is_mapping(root)) {
		yaml_error(root, e, "a workload is a file or a mapping");
		return NULL;
	}
	w->file = yaml_from_node(root, e);
	if (!w->file)
		return NULL;
	w->input_hash = yaml_digest(yaml_top(w->file));
	return yaml_top(w->file);
}

static int change(struct workload *w, struct err *e)
{
	const struct yaml_node *set = w->options.change.set;

	for (size_t i = 0; set && i < yaml_count(set); i++) {
		if (yaml_override_node(w->file, yaml_key_node(set, i), yaml_value(set, i), e))
			return -1;
		w->input_hash = digest_u64(w->input_hash, yaml_digest(yaml_key_node(set, i)));
		w->input_hash = digest_u64(w->input_hash, yaml_digest(yaml_value(set, i)));
	}
	return 0;
}

int workload_read(struct workload *w, const char *path, const struct workload_options *o,
		  struct err *e)
{
	const struct yaml_node *root;

	*w = (struct workload){.options = *o, .dir = file_dir(path)};
	root = root_open(w, path, e);
	w->input_hash = digest_u64(w->input_hash, o->duration_ns);
	if (root && !change(w, e) && !root_read(w, root, e))
		return 0;
	workload_free(w);
	return -1;
}

void workload_free(struct workload *w)
{
	for (u32 i = 0; i < w->nr_jobs; i++)
		job_free(&w->jobs[i]);
	free(w->jobs);
	for (unsigned int i = 0; i < w->nr_caches; i++)
		free((char *)(uintptr_t)w->caches[i].name);
	free(w->caches);
	free(w->dir);
	yaml_close(w->file);
	*w = (struct workload){0};
}
