/*
 * Allocation failure in the replay of a recording: each registered slab allocator alone, and a deep
 * stack; in each layer single requests, spread over the load, are refused.
 *
 * test_faults_replay N: every N-th request of every layer (1: all of them, which takes hours).
 */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "sim/replay.h"
#include "tests/chains.h"
#include "traces/kmt.h"

#define SAMPLE "traces/samples/small-hackbench.kmt"
#define SITES_OF_LAYER 3 /* unless the user says how many */
#define NEVER (~0ULL)

static struct source *sample;
static u64 step;

struct outcome {
	u64 seen[2 * CHAIN_LAYERS_MAX];
	unsigned int nr_layers;
	u64 nr_requests, nr_refused, nr_skipped, nr_injected, nr_failed;
	enum trial_status status;
};

static void arm(struct stack *s, unsigned int layer, u64 nth)
{
	for (unsigned int i = 0; i < s->nr_layers; i++)
		s->layers[i]->inject =
			(struct injection){.only_nth = nth && i == layer ? nth : NEVER};
}

static void keep(struct outcome *o, const struct replay *rp, unsigned int layer)
{
	*o = (struct outcome){.nr_layers = rp->stack.nr_layers,
			      .nr_requests = rp->acc.nr_requests,
			      .nr_refused = rp->acc.nr_failed,
			      .nr_skipped = rp->acc.nr_skipped_frees,
			      .nr_failed = rp->stack.layers[layer]->nr_failed,
			      .status = rp->status};
	for (unsigned int i = 0; i < rp->stack.nr_layers; i++) {
		o->seen[i] = rp->stack.layers[i]->inject.seen;
		o->nr_injected += rp->stack.layers[i]->nr_injected;
	}
}

/* One replay, with the nth request of a layer refused (0: none); it proves itself at its end. */
static void run(const struct stack_config *stack, unsigned int layer, u64 nth, struct outcome *o)
{
	static struct machine_config config;
	struct trial t = {.machine = &config, .stack = stack, .source = sample};
	static struct replay rp;
	struct machine *m;
	struct err e = {""};

	machine_config_default(&config);
	m = machine_create(&config, &e);
	assert_non_null(m);
	machine_use(m);
	if (replay_begin(&rp, &t, &e) || sample->ops->rewind(sample, &e))
		fail_msg("%s", e.msg);
	arm(&rp.stack, layer, nth);
	if (replay_run(&rp, &t, &e))
		fail_msg("%s", e.msg);
	keep(o, &rp, layer);
	arm(&rp.stack, layer, 0);
	replay_end(&rp);
	machine_destroy(m);
}

/*
 * Where requests enter, a refusal is one of the load's and the rest goes on as if nothing had been;
 * further in, somebody may have found another way.
 */
static void expect_one_refusal(const struct outcome *o, const struct outcome *clean, bool outermost)
{
	assert_int_equal(o->nr_injected, 1);
	assert_true(o->nr_failed >= 1);
	assert_true(o->nr_refused <= clean->nr_refused + 1);
	if (outermost)
		assert_int_equal(o->nr_refused, clean->nr_refused + 1);
	assert_true(o->nr_skipped <= o->nr_refused);
	if (o->status == TRIAL_OK)
		assert_int_equal(o->nr_requests, clean->nr_requests);
}

static u64 try_stack(const char *pages, const char *slab)
{
	struct stack_config stack;
	struct outcome clean, o;
	struct err e = {""};
	u64 sites = 0;

	if (stack_config_parse(&stack, pages, slab, &e))
		fail_msg("%s", e.msg);
	run(&stack, 0, 0, &clean);
	assert_int_equal(clean.status, TRIAL_OK);
	assert_int_equal(clean.nr_injected, 0);
	for (unsigned int i = 0; i < clean.nr_layers; i++) {
		u64 every = step ? step : clean.seen[i] / SITES_OF_LAYER + 1;

		/* Towards the end of each stretch: caches are there, and lists are long. */
		for (u64 nth = min(every, clean.seen[i]); nth && nth <= clean.seen[i];
		     nth += every, sites++) {
			run(&stack, i, nth, &o);
			expect_one_refusal(&o, &clean, i == stack.pages.nr_layers);
		}
	}
	stack_config_free(&stack);
	return sites;
}

static void every_slab_allocator_survives(void **state)
{
	struct chains c = {0};

	(void)state;
	chains_add(&c, ALLOC_SLAB, 0, CHAINS_ALL);
	for (size_t i = 0; i < c.nr; i++)
		assert_true(try_stack("page_allocator", c.text[i]) >= 2);
	chains_free(&c);
}

static void a_deep_stack_survives(void **state)
{
	(void)state;
	assert_true(try_stack("rcu:reclaimable:mempool(order=3,min_nr=4):forward:page_allocator",
			      "rcu:caching:debug:slabifier") >= 16);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_slab_allocator_survives),
		cmocka_unit_test(a_deep_stack_survives),
	};
	struct err e;
	int ret;

	if (argc > 1)
		step = strtoull(argv[1], NULL, 10);
	sample = kmt_open(SAMPLE, &e);
	if (!sample)
		return 1;
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	sample->ops->close(sample);
	return ret;
}
