/*
 * A trial: one stack, on one machine, under one load, once.
 */
#include "sim/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/mem.h"
#include "sim/proc_files.h"
#include "sim/replay.h"
#include "sim/summary.h"

const char *const trial_status_names[] = {"ok", "oom"};

/* What a failed assertion says besides the assertion. */
static void where_we_are(void *arg)
{
	const struct trial *t = arg;
	char stack[STACK_CONFIG_TEXT_MAX];

	stack_config_print(t->stack, stack, sizeof(stack));
	fprintf(stderr, "bug: at %llu ns on CPU %d, stack %s, load %s, seed %llu\n",
		kernel ? (unsigned long long)kernel->clock_ns : 0ULL, kernel ? kernel->cpu : -1,
		stack, t->run.load ? t->run.load : t->source->tables.name,
		(unsigned long long)t->seed);
	if (t->run.command)
		fprintf(stderr, "bug: to repeat: %s\n", t->run.command);
}

static void tell_begin(const struct trial *t)
{
	struct sink_run run = t->run;
	char stack[STACK_CONFIG_TEXT_MAX],
		*machine = fragment_machine_print(t->fragment, t->machine);

	stack_config_print(t->stack, stack, sizeof(stack));
	run.stack = stack;
	run.machine = machine;
	run.seed = t->seed;
	run.sample_ns = t->sample_ns;
	run.input_hash = fragment_hash(t->fragment, t->source->tables.input_hash);
	t->sink->ops->begin(t->sink, &run);
	free(machine);
}

static void add_layers(struct replay *rp)
{
	for (unsigned int i = 0; i < rp->stack.nr_layers; i++) {
		const struct layer *l = rp->stack.layers[i];

		rp->digest = digest_u64(rp->digest, l->nr_alloc);
		rp->digest = digest_u64(rp->digest, l->nr_free);
		rp->digest = digest_u64(rp->digest, (u64)l->live_bytes);
		rp->digest = digest_u64(rp->digest, l->self_ns);
	}
}

static void keep_results(struct trial *t, struct replay *rp)
{
	add_layers(rp);
	t->status = rp->status;
	t->digest = rp->digest;
	memcpy(t->mem_info, rp->mem_info, sizeof(t->mem_info));
	t->nr_requests = rp->acc.nr_requests;
	t->nr_unserved = rp->acc.nr_unserved;
	t->sim_ns = machine_end_ns(rp->m);
	t->boot = rp->boot.report;
	t->pages = rp->pages.report;
	t->idle_choices = 0;
	for (unsigned int i = 0; i < rp->stack.nr_choices; i++)
		if (!rp->stack.choices[i].nr_caches)
			t->idle_choices |= 1U << i;
}

static int tell_end(const struct trial *t, struct err *e)
{
	return t->sink->ops->end(t->sink,
				 &(struct sink_end){
					 .status = trial_status_names[t->status],
					 .digest = t->digest,
					 .nr_requests = t->nr_requests,
					 .sim_ns = t->sim_ns,
					 .wall_ns = t->wall_ns,
				 },
				 e);
}

static int replay(struct trial *t, struct replay *rp, struct err *e)
{
	u64 start_ns;

	if (replay_begin(rp, t, e) || t->source->ops->rewind(t->source, e))
		return -1;
	start_ns = host_ns();
	if (replay_run(rp, t, e))
		return -1;
	t->wall_ns = host_ns() - start_ns;
	keep_results(t, rp);
	if (t->sink)
		summary_report(rp);
	if (t->proc)
		proc_files_take(t->proc, rp, PROC_FILES_END);
	if (t->slabinfo)
		*t->slabinfo = proc_file_text(rp, PROC_SLABINFO);
	return 0;
}

int trial_run(struct trial *t, struct err *e)
{
	struct machine *m = machine_create(t->machine, e);
	struct replay rp;
	int ret;

	if (!m)
		return -1;
	machine_use(m);
	assert_hook_set(where_we_are, t);
	if (t->sink)
		tell_begin(t);
	ret = replay(t, &rp, e);
	replay_end(&rp);
	assert_hook_set(NULL, NULL);
	machine_destroy(m);
	if (!ret && t->sink)
		ret = tell_end(t, e);
	return ret;
}
