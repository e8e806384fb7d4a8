/*
 * What slab allocators cost the host: ns and instructions of one alloc and one free through the
 * dispatcher.
 *
 * pair	the object freed is the one just allocated: the per-CPU fast path
 * churn	a random one of 4096 objects is freed, another allocated: slow paths, cache misses
 * remote	allocated on one CPU, freed in the same order on another
 *
 * usage: slab [CHAIN...]; without chains: null, slabifier, rcu:slabifier. Machines are noisy: look
 * at the ratios and at the instructions ("-" where the host does not count them).
 */
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "alloc/stack.h"
#include "lib/clock.h"
#include "lib/rng.h"
#include "sim/machine.h"

#define OPS (4 << 20)
#define OBJECTS 4096
#define RUNS 5

static int counter = -1;

static void counter_open(void)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE,
				       .size = sizeof(attr),
				       .config = PERF_COUNT_HW_INSTRUCTIONS,
				       .exclude_kernel = 1,
				       .exclude_hv = 1};

	counter = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static bool counting(void)
{
	return counter >= 0;
}

static u64 instructions(void)
{
	u64 n = 0;

	return counter >= 0 && read(counter, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

struct bench {
	struct machine *m;
	struct stack stack;
	struct slab_control room;
	struct slab_cache *cache;
	void *objects[OBJECTS];
	u32 order[OBJECTS]; /* which one goes next, drawn beforehand */
};

static void open_stack(struct bench *b, const char *chain)
{
	static struct machine_config config;
	struct slab_cache parameters = {.objsize = 64, .align = 8, .node = -1, .name = "bench"};
	struct stack_config sc;
	struct rng r;
	struct err e;

	machine_config_default(&config);
	b->m = machine_create(&config, &e);
	machine_use(b->m);
	if (stack_config_parse(&sc, NULL, chain, &e) || stack_create(&b->stack, &sc, &e)) {
		fprintf(stderr, "%s: %s\n", chain, e.msg);
		exit(2);
	}
	stack_config_free(&sc);
	b->cache = slab_cache_create(b->stack.slab, &b->room, &parameters);
	rng_init(&r, 1, "bench", "order");
	for (int i = 0; i < OBJECTS; i++)
		b->order[i] = (u32)rng_below(&r, OBJECTS);
}

static void close_stack(struct bench *b)
{
	slab_cache_destroy(b->cache);
	stack_destroy(&b->stack);
	machine_destroy(b->m);
}

static void pair(struct bench *b)
{
	for (int i = 0; i < OPS; i++)
		slab_free(b->cache, slab_alloc(b->cache, GFP_KERNEL));
}

static void churn(struct bench *b)
{
	for (int i = 0; i < OBJECTS; i++)
		b->objects[i] = slab_alloc(b->cache, GFP_KERNEL);
	for (int i = 0; i < OPS - OBJECTS; i++) {
		void **o = &b->objects[b->order[i % OBJECTS]];

		slab_free(b->cache, *o);
		*o = slab_alloc(b->cache, GFP_KERNEL);
	}
	for (int i = 0; i < OBJECTS; i++)
		slab_free(b->cache, b->objects[i]);
}

static void remote(struct bench *b)
{
	for (int round = 0; round < OPS / OBJECTS; round++) {
		machine_enter(b->m, 0, b->m->now_ns);
		for (int i = 0; i < OBJECTS; i++)
			b->objects[i] = slab_alloc(b->cache, GFP_KERNEL);
		machine_leave(b->m, kernel->clock_ns);
		machine_enter(b->m, 2, b->m->now_ns);
		for (int i = 0; i < OBJECTS; i++)
			slab_free(b->cache, b->objects[i]);
		machine_leave(b->m, kernel->clock_ns);
		if (round % 16 == 0) /* grace periods end */
			machine_advance(b->m, kernel->clock_ns + 20000000);
	}
}

/* The fastest of some runs, each on a fresh machine. */
static void measure(const char *chain, const char *name, void (*load)(struct bench *b))
{
	static struct bench b;
	u64 ns = ~0ULL, n = 0;

	for (int run = 0; run < RUNS; run++) {
		u64 start_ns, start_n;

		memset(&b, 0, sizeof(b));
		open_stack(&b, chain);
		start_ns = host_ns();
		start_n = instructions();
		load(&b);
		n = instructions() - start_n;
		ns = min(ns, host_ns() - start_ns);
		while (machine_step(b.m))
			;
		close_stack(&b);
	}
	printf("%-24s %-8s %8.1f", chain, name, (double)ns / OPS);
	if (counting())
		printf(" %8.1f", (double)n / OPS);
	putchar('\n');
}

int main(int argc, char **argv)
{
	static const char *const usual[] = {"null", "slabifier", "rcu:slabifier"};
	int n = argc > 1 ? argc - 1 : (int)ARRAY_SIZE(usual);

	counter_open();
	printf("%-24s %-8s %8s%s\n", "slab", "load", "ns", counting() ? "    instr" : "");
	for (int i = 0; i < n; i++) {
		const char *chain = argc > 1 ? argv[i + 1] : usual[i];

		measure(chain, "pair", pair);
		if (!strstr(chain, "null")) {
			measure(chain, "churn", churn);
			measure(chain, "remote", remote);
		}
	}
	return 0;
}
