/*
 * Replays on machines that are seldom seen, and with memory full: every registered slab allocator,
 * alone and under each layer, comes to an end with a status, and proves that nothing is lost.
 */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/rng.h"
#include "sim/trial.h"
#include "tests/array_source.h"
#include "tests/chains.h"

#define NR_REQUESTS 1500
#define NR_OBJECTS 500

static const struct odd_machine {
	const char *name, *nodes;
	unsigned int nr_cpus, nr_nodes;
} machines[] = {
	{"one CPU", "  - {memory: 16MiB, cpus: 0, distance: [10]}\n", 1, 1},
	{"64 CPUs",
	 "  - {memory: 16MiB, cpus: 0-31, distance: [10, 20]}\n"
	 "  - {memory: 16MiB, cpus: 32-63, distance: [20, 10]}\n",
	 64, 2},
	{"8 nodes, half of them without memory, one without CPUs",
	 "  - {memory: 0B, cpus: 0, distance: [10, 20, 20, 20, 30, 30, 30, 30]}\n"
	 "  - {memory: 8MiB, cpus: 1, distance: [20, 10, 20, 20, 30, 30, 30, 30]}\n"
	 "  - {memory: 0B, cpus: 2, distance: [20, 20, 10, 20, 30, 30, 30, 30]}\n"
	 "  - {memory: 8MiB, cpus: 3, distance: [20, 20, 20, 10, 30, 30, 30, 30]}\n"
	 "  - {memory: 0B, cpus: 4, distance: [30, 30, 30, 30, 10, 20, 20, 20]}\n"
	 "  - {memory: 8MiB, cpus: 5, distance: [30, 30, 30, 30, 20, 10, 20, 20]}\n"
	 "  - {memory: 0B, cpus: 6, distance: [30, 30, 30, 30, 20, 20, 10, 20]}\n"
	 "  - {memory: 8MiB, distance: [30, 30, 30, 30, 20, 20, 20, 10]}\n",
	 7, 8},
};

/* ---- Loads ---- */

static struct request requests[NR_REQUESTS];
static struct rng rng;

static void alloc_request(struct request *r, unsigned int nr_nodes)
{
	static const gfp_t flags[] = {GFP_KERNEL, GFP_ATOMIC, GFP_KERNEL | __GFP_ZERO,
				      GFP_KERNEL | __GFP_RECLAIMABLE};

	r->gfp = flags[rng_below(&rng, ARRAY_SIZE(flags))];
	r->node = rng_below(&rng, 3) ? -1 : (s16)rng_below(&rng, nr_nodes);
	if (r->node >= 0 && !rng_below(&rng, 3))
		r->gfp |= __GFP_THISNODE;
	r->kind = (u8)(rng_below(&rng, 2) ? REQ_CACHE_ALLOC : REQ_KMALLOC);
	if (!rng_below(&rng, 10))
		r->kind = REQ_PAGE_ALLOC;
	r->size = 1 + (u32)rng_below(&rng, rng_below(&rng, 4) ? 600 : 20000);
	r->order = (u8)rng_below(&rng, 3) & 15;
}

/* Objects come and go, on all CPUs. */
static size_t churn(const struct odd_machine *m)
{
	bool live[NR_OBJECTS] = {false};
	u8 kind[NR_OBJECTS];

	for (size_t i = 0; i < NR_REQUESTS; i++) {
		struct request *r = &requests[i];

		*r = (struct request){.t_ns = i * 20000,
				      .object = (u32)rng_below(&rng, NR_OBJECTS),
				      .cpu = (u16)rng_below(&rng, m->nr_cpus),
				      .site = 1,
				      .node = -1};
		if (live[r->object]) {
			r->kind = kind[r->object] + 1;
		} else {
			alloc_request(r, m->nr_nodes);
			kind[r->object] = r->kind;
		}
		live[r->object] = !live[r->object];
	}
	return NR_REQUESTS;
}

/* Until nothing is left: then some of it comes back, and one request must not fail. */
static size_t fill(const struct odd_machine *m)
{
	for (size_t i = 0; i < NR_REQUESTS; i++) {
		struct request *r = &requests[i];
		bool page = i % 8 == 0;

		*r = (struct request){.t_ns = i * 20000,
				      .object = (u32)i,
				      .cpu = (u16)(i % m->nr_cpus),
				      .node = -1,
				      .gfp = GFP_KERNEL,
				      .kind = page ? REQ_PAGE_ALLOC : REQ_KMALLOC,
				      .size = i % 2 ? 8192 : 32768,
				      .order = page ? 8 : 0};
	}
	for (size_t i = 1200; i < 1300; i++) {
		requests[i].object = (u32)(i - 1200);
		requests[i].kind = requests[i - 1200].kind + 1;
	}
	requests[NR_REQUESTS - 1].gfp |= __GFP_NOFAIL;
	requests[NR_REQUESTS - 1].order = 8;
	requests[NR_REQUESTS - 1].kind = REQ_PAGE_ALLOC;
	return NR_REQUESTS;
}

/* ---- Replays ---- */

static enum trial_status run(const struct odd_machine *m, const char *chain, size_t nr)
{
	static struct machine_config config;
	struct array_source src;
	struct stack_config stack;
	struct trial t;
	char text[2048];
	struct err e = {""};

	snprintf(text, sizeof(text), "kmemsim: machine/1\nname: odd\nhz: 250\nnodes:\n%s",
		 m->nodes);
	if (machine_config_parse(&config, m->name, text, &e) ||
	    stack_config_parse(&stack, chains_pages_for(chain), chain, &e))
		fail_msg("%s", e.msg);
	array_source_init(&src, requests, nr);
	src.src.tables.nr_cpus = m->nr_cpus;
	t = (struct trial){
		.machine = &config, .stack = &stack, .source = &src.src, .check_every = 211};
	if (trial_run(&t, &e))
		fail_msg("%s on %s: %s", chain, m->name, e.msg);
	stack_config_free(&stack);
	return t.status;
}

static struct chains stacks(void)
{
	struct chains c = {0};

	chains_add(&c, ALLOC_SLAB, 0, CHAINS_ALL);
	chains_add(&c, ALLOC_SLAB, 1, CHAINS_KEEPING);
	return c;
}

static void churn_on_odd_machines(void **state)
{
	struct chains c = stacks();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		rng_init(&rng, 1, machines[i].name, "odd");
		for (size_t k = 0; k < c.nr; k++)
			assert_int_equal(run(&machines[i], c.text[k], churn(&machines[i])),
					 TRIAL_OK);
	}
	chains_free(&c);
}

static void memory_runs_out(void **state)
{
	struct chains c = stacks();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		size_t nr = fill(&machines[i]);

		for (size_t k = 0; k < c.nr; k++) {
			if (run(&machines[i], c.text[k], nr) != TRIAL_OOM)
				fail_msg("%s on %s: memory did not run out", c.text[k],
					 machines[i].name);
		}
	}
	chains_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(churn_on_odd_machines),
		cmocka_unit_test(memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
