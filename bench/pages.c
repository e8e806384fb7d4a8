/*
 * What page allocators cost the host: ns of one alloc and one free through the dispatcher.
 *
 *	pair	order 0, freed at once: the per-CPU fast path
 *	churn	a random one of 4096 blocks is freed, another allocated; orders 0 (mostly) to 3
 *	waves	64 Ki pages allocated, then freed: refills, trims, the buddy system
 *	huge	order 9, freed at once: compound pages
 *
 * usage: pages [CHAIN...]; without chains: null, bitmap, page_allocator and two layers on it; not
 * for chains of less than 64 MiB. Machines are noisy: the fastest of some runs is printed; look at
 * the ratios. Instructions: `valgrind --tool=cachegrind --cache-sim=no build/default/bench/pages
 * CHAIN`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/stack.h"
#include "lib/clock.h"
#include "lib/rng.h"
#include "sim/machine.h"

#define RUNS 5
#define OPS (1 << 20)
#define BLOCKS 4096
#define WAVE (64 << 10)

struct bench {
	struct machine *m;
	struct stack stack;
	const struct page_allocator *pa;
	struct page *pages[WAVE];
	u32 which[BLOCKS]; /* drawn beforehand */
	u8 order[BLOCKS];
};

static void open_stack(struct bench *b, const char *chain)
{
	static struct machine_config config;
	struct stack_config sc;
	struct rng r;
	struct err e;

	machine_config_default(&config);
	b->m = machine_create(&config, &e);
	machine_use(b->m);
	if (stack_config_parse(&sc, chain, "null", &e) || stack_create(&b->stack, &sc, &e)) {
		fprintf(stderr, "%s: %s\n", chain, e.msg);
		exit(2);
	}
	stack_config_free(&sc);
	b->pa = b->stack.pages;
	rng_init(&r, 1, "bench", "order");
	for (int i = 0; i < BLOCKS; i++) {
		b->which[i] = (u32)rng_below(&r, BLOCKS);
		b->order[i] = rng_below(&r, 8) ? 0 : (u8)rng_below(&r, 4);
	}
}

/* Grace periods end. */
static void let_time_pass(struct bench *b)
{
	u64 t_ns = kernel->clock_ns + 20000000;

	machine_leave(b->m, kernel->clock_ns);
	machine_advance(b->m, t_ns);
	machine_enter(b->m, 0, t_ns);
}

static u64 pair(struct bench *b)
{
	for (int i = 0; i < OPS; i++) {
		page_free(b->pa, page_alloc(b->pa, 0, GFP_KERNEL, -1), 0);
		if (i % WAVE == 0)
			let_time_pass(b);
	}
	return OPS;
}

static u64 churn(struct bench *b)
{
	for (int i = 0; i < BLOCKS; i++)
		b->pages[i] = page_alloc(b->pa, b->order[i], GFP_KERNEL, -1);
	for (int i = 0; i < OPS; i++) {
		u32 k = b->which[i % BLOCKS];

		page_free(b->pa, b->pages[k], b->order[k]);
		b->pages[k] = page_alloc(b->pa, b->order[k], GFP_KERNEL, -1);
		if (i % WAVE == 0)
			let_time_pass(b);
	}
	for (int i = 0; i < BLOCKS; i++)
		page_free(b->pa, b->pages[i], b->order[i]);
	return OPS;
}

static u64 waves(struct bench *b)
{
	for (int round = 0; round < OPS / WAVE; round++) {
		int n = 0;

		while (n < WAVE && (b->pages[n] = page_alloc(b->pa, 0, GFP_HIGHUSER_MOVABLE, -1)))
			n++;
		while (n--)
			page_free(b->pa, b->pages[n], 0);
		let_time_pass(b);
	}
	return OPS;
}

static u64 huge(struct bench *b)
{
	for (int i = 0; i < OPS / 1024; i++) {
		page_free(b->pa, page_alloc(b->pa, 9, GFP_HIGHUSER_MOVABLE, -1), 9);
		if (i % 64 == 0)
			let_time_pass(b);
	}
	return OPS / 1024;
}

/* A source that keeps nothing runs out of fresh frames: it is measured on what fits. */
static bool fits(const struct bench *b)
{
	return !b->pa->keeps_nothing;
}

static u64 fresh(struct bench *b)
{
	for (int i = 0; i < OPS / 4; i++)
		page_free(b->pa, page_alloc(b->pa, 0, GFP_KERNEL, -1), 0);
	return OPS / 4;
}

/* The fastest of some runs, each on a fresh machine. */
static void measure(const char *chain, const char *name, u64 (*load)(struct bench *b), bool keeps)
{
	static struct bench b;
	double best = 1e18;

	for (int run = 0; run < RUNS; run++) {
		u64 start_ns, ops;
		double ns;

		memset(&b, 0, sizeof(b));
		open_stack(&b, chain);
		if (fits(&b) == keeps) {
			machine_enter(b.m, 0, 0);
			start_ns = host_ns();
			ops = load(&b);
			ns = (double)(host_ns() - start_ns) / (double)ops;
			best = ns < best ? ns : best;
			machine_leave(b.m, kernel->clock_ns);
		}
		while (machine_step(b.m))
			;
		stack_destroy(&b.stack);
		machine_destroy(b.m);
	}
	if (best < 1e18)
		printf("%-40s %-6s %8.1f\n", chain, name, best);
}

int main(int argc, char **argv)
{
	static const char *const usual[] = {"null", "bitmap", "page_allocator",
					    "numactl:page_allocator", "rcu:page_allocator"};
	int n = argc > 1 ? argc - 1 : (int)ARRAY_SIZE(usual);

	printf("%-40s %-6s %8s\n", "pages", "load", "ns/op");
	for (int i = 0; i < n; i++) {
		const char *chain = argc > 1 ? argv[i + 1] : usual[i];

		measure(chain, "fresh", fresh, false);
		measure(chain, "pair", pair, true);
		measure(chain, "churn", churn, true);
		measure(chain, "waves", waves, true);
		measure(chain, "huge", huge, true);
	}
	return 0;
}
