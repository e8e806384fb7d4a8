/*
 * What a replayed page request costs the host: the page requests of a trace alone, through the
 * whole replay (prefetch, proof, books, digest), the page allocator below.
 *
 * usage: page_events TRACE.kmt [CHAIN...]; without chains: null and page_allocator. The requests
 * lie in memory before the clock starts; slab requests are left out, objects numbered anew.
 * Machines are noisy: median and fastest of RUNS runs (of the environment; 7). Instructions:
 *	RUNS=1 valgrind --tool=callgrind --collect-atstart=no --toggle-collect=replay_run \
 *		--callgrind-out-file=/dev/null build/default/bench/page_events TRACE.kmt CHAIN
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/idset.h"
#include "lib/mem.h"
#include "sim/trial.h"
#include "traces/kmt.h"

#define RUNS_MAX 99
#define BATCH 1024

struct events {
	struct source src;
	struct source *trace;
	struct request *requests;
	size_t nr, room, at;
};

static long events_next(struct source *s, const struct request **batch, struct err *e)
{
	struct events *ev = container_of(s, struct events, src);
	size_t n = min(ev->nr - ev->at, (size_t)BATCH);

	(void)e;
	*batch = &ev->requests[ev->at];
	ev->at += n;
	return (long)n;
}

static int events_rewind(struct source *s, struct err *e)
{
	(void)e;
	container_of(s, struct events, src)->at = 0;
	return 0;
}

static void events_close(struct source *s)
{
	(void)s;
}

static const struct source_ops events_ops = {
	.next = events_next, .rewind = events_rewind, .close = events_close};

static void die(const struct err *e)
{
	fprintf(stderr, "page_events: %s\n", e->msg);
	exit(2);
}

/* Keeps a page request, its object renumbered: the smallest free number, as in a trace. */
static void keep(struct events *ev, struct request r, u32 *new_id, struct idset *ids)
{
	if (r.kind != REQ_PAGE_ALLOC && r.kind != REQ_PAGE_FREE)
		return;
	if (r.kind == REQ_PAGE_ALLOC)
		new_id[r.object] = idset_take(ids);
	else
		idset_put(ids, new_id[r.object]);
	r.object = new_id[r.object];
	ev->src.tables.nr_objects_max = max(ev->src.tables.nr_objects_max, r.object + 1ULL);
	MEM_ROOM(ev->requests, ev->nr, ev->room);
	ev->requests[ev->nr++] = r;
}

static void events_read(struct events *ev, const char *path)
{
	const struct request *batch;
	struct idset ids;
	struct err e;
	u32 *new_id;
	long n;

	ev->trace = kmt_open(path, &e);
	if (!ev->trace || ev->trace->ops->rewind(ev->trace, &e))
		die(&e);
	ev->src = (struct source){.ops = &events_ops, .tables = ev->trace->tables};
	new_id = mem_alloc(ev->trace->tables.nr_objects_max, sizeof(*new_id));
	ev->src.tables.nr_objects_max = 0;
	idset_init(&ids);
	while ((n = ev->trace->ops->next(ev->trace, &batch, &e)) > 0)
		for (long i = 0; i < n; i++)
			keep(ev, batch[i], new_id, &ids);
	if (n < 0)
		die(&e);
	ev->src.tables.nr_requests = ev->nr;
	idset_free(&ids);
	free(new_id);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(struct events *ev, const struct machine_config *machine, const char *chain,
		    int runs)
{
	double ns[RUNS_MAX];
	struct stack_config stack;
	struct err e;

	if (stack_config_parse(&stack, chain, "null", &e))
		die(&e);
	for (int i = 0; i < runs; i++) {
		struct trial t = {
			.machine = machine, .stack = &stack, .source = &ev->src, .seed = 1};

		if (trial_run(&t, &e))
			die(&e);
		ns[i] = (double)t.wall_ns / (double)t.nr_requests;
	}
	stack_config_free(&stack);
	qsort(ns, (size_t)runs, sizeof(*ns), ascending);
	printf("%-40s %10zu %8.1f %8.1f\n", chain, ev->nr, ns[runs / 2], ns[0]);
}

static struct machine_config machine_of(const struct events *ev)
{
	struct machine_config m;
	struct err e;

	if (!ev->src.tables.machine)
		machine_config_default(&m);
	else if (machine_config_parse(&m, "the trace's machine", ev->src.tables.machine, &e))
		die(&e);
	return m;
}

int main(int argc, char **argv)
{
	static const char *const usual[] = {"null", "page_allocator"};
	const char *text = getenv("RUNS");
	int runs = text ? atoi(text) : 7;
	struct machine_config machine;
	struct events ev = {0};

	if (argc < 2) {
		fprintf(stderr, "usage: page_events TRACE.kmt [CHAIN...]\n");
		return 2;
	}
	runs = max(1, min(runs, RUNS_MAX));
	events_read(&ev, argv[1]);
	machine = machine_of(&ev);
	printf("%-40s %10s %8s %8s\n", "page requests alone", "requests", "ns/req", "fastest");
	if (argc == 2)
		for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
			measure(&ev, &machine, usual[i], runs);
	for (int i = 2; i < argc; i++)
		measure(&ev, &machine, argv[i], runs);
	ev.trace->ops->close(ev.trace);
	free(ev.requests);
	return 0;
}
