/*
 * Opening a workload: lanes, marks, tables.
 */
#include <stdlib.h>

#include "lib/file.h"
#include "lib/mem.h"
#include "workloads/slots.h"
#include "workloads/source.h"

static void workload_close(struct source *s)
{
	struct workload_source *ws = to_workload(s);

	for (u32 i = 0; i < ws->load.nr_jobs; i++) {
		struct lane *l = &ws->lanes[i];

		free(l->held);
		free(l->slots);
		if (l->device)
			l->job->gen->slots->end(l->device);
	}
	for (unsigned int i = 0; i < s->tables.nr_marks; i++)
		free((char *)(uintptr_t)ws->marks[i].text);
	wheel_free(ws->wheel);
	idset_free(&ws->ids);
	workload_free(&ws->load);
	free(ws->lanes);
	free(ws->marks);
	free(ws->sites);
	free(ws->repeats);
	free(ws->free_repeats);
	free(ws->path);
	free(ws);
}

static void make_lanes(struct workload_source *ws)
{
	const struct workload *w = &ws->load;

	ws->ops = (struct source_ops){
		.next = workload_next, .rewind = workload_rewind, .close = workload_close};
	ws->base.ops = &ws->ops;
	ws->lanes = mem_alloc(w->nr_jobs, sizeof(*ws->lanes));
	ws->sites = mem_alloc(w->nr_jobs + 1, sizeof(*ws->sites));
	ws->sites[0] = "?";
	for (u32 i = 0; i < w->nr_jobs; i++) {
		struct lane *l = &ws->lanes[i];

		l->job = &w->jobs[i];
		ws->sites[i + 1] = l->job->name;
		if (l->job->gen->workers) {
			l->nr_workers = l->job->gen->workers(l->job, &l->hold);
			l->held = mem_alloc(l->nr_workers, sizeof(*l->held));
		}
		if (l->job->gen->slots)
			l->slots = mem_alloc(l->job->gen->slots->nr(l->job), sizeof(*l->slots));
		l->told = l->nr_workers || l->job->on_failure == FAILURE_RETRY;
		if (l->told)
			ws->ops.ended = workload_ended;
		if (l->job->reclaim)
			ws->ops.accessed_ns = workload_accessed_ns;
	}
}

static void make_marks(struct workload_source *ws)
{
	const struct workload *w = &ws->load;
	u32 nr = 0;

	ws->marks = mem_alloc(w->nr_phases + 2, sizeof(*ws->marks));
	for (; nr < mark_warmup(w); nr++)
		ws->marks[nr] = (struct source_mark){mem_print("phase %s", w->phases[nr].name),
						     w->phases[nr].start_ns};
	if (w->warmup_ns)
		ws->marks[nr++] = (struct source_mark){mem_dup(MARK_WARMUP), w->warmup_ns};
	ws->marks[nr++] = (struct source_mark){mem_dup("the load ends"), w->duration_ns};
	ws->base.tables.nr_marks = nr;
}

/* How many requests there will be, for the progress bar. */
static double estimate(const struct workload_source *ws)
{
	double sum = 0;

	for (u32 i = 0; i < ws->load.nr_jobs; i++) {
		const struct lane *l = &ws->lanes[i];
		const struct job *job = l->job;
		double ns = (double)(job->end_ns - job->start_ns);
		double round_ns = job->gen->mean_gap_ns(job) + 1;
		double live_ns = job->forever ? ns : job->lifetime.mean;

		if (l->nr_workers)
			ns *= l->nr_workers;
		if (l->hold)
			round_ns += live_ns;
		sum += ns / round_ns * (live_ns < ns ? 2 : 1);
	}
	return sum;
}

static void fill_tables(struct workload_source *ws)
{
	const struct workload *w = &ws->load;
	struct source_tables *t = &ws->base.tables;

	make_lanes(ws);
	make_marks(ws);
	t->name = file_base(ws->path);
	t->made_up = true;
	t->input_hash = w->input_hash;
	for (u32 i = 0; i < w->nr_jobs; i++) {
		const struct job *job = &w->jobs[i];

		t->nr_cpus = max(t->nr_cpus, job->cpus[job->nr_cpus - 1] + 1U);
		t->nr_nodes = max(t->nr_nodes, (unsigned int)(job->proto.node + 1));
	}
	t->nr_objects_max = FIRST_OBJECTS;
	t->nr_requests = (u64)min(estimate(ws), 1e18) + FIRST_OBJECTS;
	t->duration_ns = w->duration_ns;
	t->warmup_ns = w->warmup_ns;
	t->caches = w->caches;
	t->nr_caches = w->nr_caches;
	t->sites = ws->sites;
	t->nr_sites = w->nr_jobs + 1;
	t->marks = ws->marks;
}

struct source *workload_open(const char *path, const struct workload_options *o, struct err *e)
{
	struct workload_source *ws = mem_alloc(1, sizeof(*ws));

	if (workload_read(&ws->load, path, o, e)) {
		free(ws);
		return NULL;
	}
	/* The jobs point to where it was read. */
	for (u32 i = 0; i < ws->load.nr_jobs; i++)
		ws->load.jobs[i].load = &ws->load;
	ws->path = mem_dup(path);
	ws->wheel = wheel_new();
	idset_init(&ws->ids);
	fill_tables(ws);
	workload_rewind(&ws->base, e);
	return &ws->base;
}
