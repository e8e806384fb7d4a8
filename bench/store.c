/*
 * What stores of compressed pages cost the host, and what shape that has over sizes.
 *
 * pair	with a million objects of 1 to 2047 bytes in the store, one of 1 KiB is made,
 *	written and freed: what a request costs at that load (goal: 150 ns)
 * churn	a random one of the million is freed, another made and written: where they lie
 *	is far from the host's caches
 * curve	for sizes from 32 bytes to a page: a million objects, or 256 MiB of them, are made
 *	and written; host ns, simulated ns and objects a page, store by store
 *
 * usage: store [-l pair|churn|curve] [-n OBJECTS] [CHAIN...]; without chains all stores that keep
 * what they are given, without -l all loads. Timings are medians of many short rounds.
 * Instructions: `valgrind --tool=callgrind --collect-atstart=no --toggle-collect=pair
 * build/default/bench/store -l pair -n 10000 CHAIN`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc/stack.h"
#include "lib/clock.h"
#include "lib/rng.h"
#include "sim/machine.h"

#define ROUNDS 257
#define OPS 2048U /* of a round */
#define OBJECTS 1000000U
#define STORES_MAX 16
#define DRAWN 65536U /* sizes and victims, drawn beforehand */
#define CURVE_BYTES (256ULL << 20)
#define GOAL_NS 150
#define KIB 1024U

struct object {
	unsigned long handle;
	u32 size;
};

struct bench {
	struct machine *m;
	struct stack stack;
	struct slabulator slabs;
	struct store *store;
	struct object *objects;
	unsigned int nr;
	u32 sizes[DRAWN], victims[DRAWN];
};

static char contents[PAGE_SIZE];

/*
 * Room for two objects a page, and some. The host finds all of the memory now, so that it does not
 * look for it while a store runs.
 */
static void open_machine(struct bench *b, unsigned int nr)
{
	static struct machine_config config;
	char text[128];
	struct err e;

	snprintf(text, sizeof(text),
		 "kmemsim: machine/1\nname: bench\nnodes:\n"
		 "  - {memory: %lluMiB, cpus: 0-1, distance: [10]}\n",
		 64 + 4 * DIV_ROUND_UP((unsigned long long)nr * 2560, 4ULL << 20));
	if (machine_config_parse(&config, "bench", text, &e) ||
	    !(b->m = machine_create(&config, &e))) {
		fprintf(stderr, "%s\n", e.msg);
		exit(2);
	}
	machine_use(b->m);
	for (unsigned long pfn = 0; pfn < kernel->max_pfn; pfn++)
		*(volatile char *)(kernel->direct_map + (pfn << PAGE_SHIFT)) = 0;
}

static void open_bench(struct bench *b, const char *chain, unsigned int nr)
{
	struct stack_config sc;
	struct rng r;
	struct err e;

	open_machine(b, nr);
	if (stack_config_parse(&sc, NULL, NULL, &e) || stack_config_store(&sc, chain, &e) ||
	    stack_create(&b->stack, &sc, &e)) {
		fprintf(stderr, "%s: %s\n", chain, e.msg);
		exit(2);
	}
	slabulator_init(&b->slabs, b->stack.slab, b->stack.pages);
	if (stack_create_store(&b->stack, &sc, &b->slabs, &e)) {
		fprintf(stderr, "%s: %s\n", chain, e.msg);
		exit(2);
	}
	stack_config_free(&sc);
	b->store = b->stack.store;
	b->nr = nr;
	b->objects = calloc(nr, sizeof(*b->objects));
	rng_init(&r, 1, "bench", "store");
	for (unsigned int i = 0; i < DRAWN; i++) {
		b->sizes[i] = 1 + (u32)rng_below(&r, min(2 * KIB - 1, b->store->size_max));
		b->victims[i] = (u32)rng_below(&r, nr);
	}
}

static void drop(struct bench *b, struct object *o)
{
	store_free(b->store, o->handle, o->size);
	o->handle = 0;
}

static void drop_all(struct bench *b)
{
	for (unsigned int i = 0; i < b->nr; i++)
		if (b->objects[i].handle)
			drop(b, &b->objects[i]);
}

static void close_bench(struct bench *b)
{
	drop_all(b);
	free(b->objects);
	while (machine_step(b->m))
		;
	stack_destroy_store(&b->stack);
	slabulator_destroy(&b->slabs);
	stack_destroy(&b->stack);
	machine_destroy(b->m);
}

static void make(struct bench *b, struct object *o, u32 size)
{
	o->size = size;
	o->handle = store_malloc(b->store, size, GFP_STORE);
	if (!o->handle || !store_write(b->store, o->handle, contents, size)) {
		fprintf(stderr, "%s: refused %u bytes\n", b->store->name, size);
		exit(1);
	}
}

/* What waits for time to pass, such as frees of an RCU layer, gets it. */
static void pass_time(struct bench *b)
{
	machine_advance(b->m, kernel->clock_ns + 20000000);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, unsigned int n)
{
	qsort(v, n, sizeof(*v), compare);
	return v[n / 2];
}

/* Returns the host's ns for an object: the median of many short rounds. */
static double fill(struct bench *b)
{
	static double ns[OBJECTS / OPS + 1];
	unsigned int rounds = 0;

	for (unsigned int i = 0; i < b->nr;) {
		unsigned int from = i;
		u64 start_ns = host_ns();

		for (; i < b->nr && i < from + OPS; i++)
			make(b, &b->objects[i], b->sizes[i % DRAWN]);
		if (rounds < ARRAY_SIZE(ns))
			ns[rounds++] = (double)(host_ns() - start_ns) / (i - from);
		pass_time(b);
	}
	return median(ns, rounds);
}

/* ---- Loads: OPS operations on a full store; noinline: callgrind toggles on their names ---- */

__attribute__((noinline)) static void pair(struct bench *b, unsigned int from)
{
	struct object o;

	for (unsigned int i = from; i < from + OPS; i++) {
		make(b, &o, KIB);
		drop(b, &o);
	}
}

__attribute__((noinline)) static void churn(struct bench *b, unsigned int from)
{
	for (unsigned int i = from; i < from + OPS; i++) {
		struct object *o = &b->objects[b->victims[i % DRAWN]];

		drop(b, o);
		make(b, o, b->sizes[(i + i / DRAWN) % DRAWN]);
	}
}

static double density(struct bench *b)
{
	struct store_stats s;

	store_stats(b->store, &s);
	return (double)b->nr / (double)max(s.pages - s.reserve_pages, 1ULL);
}

static void measure(const char *chain, const char *name,
		    void (*load)(struct bench *b, unsigned int from), unsigned int nr)
{
	static double ns[ROUNDS];
	static struct bench b;
	double typical;
	u64 self_ns;

	open_bench(&b, chain, nr);
	(void)fill(&b);
	self_ns = b.store->layer->self_ns;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		u64 start_ns = host_ns();

		load(&b, i * OPS);
		ns[i] = (double)(host_ns() - start_ns) / OPS;
		pass_time(&b);
	}
	typical = median(ns, ROUNDS);
	printf("%-16s %-6s %8.1f %10.1f %8.2f%s\n", chain, name, typical,
	       (double)(b.store->layer->self_ns - self_ns) / OPS / ROUNDS, density(&b),
	       load != pair	    ? ""
	       : typical <= GOAL_NS ? "  ok"
				    : "  above the goal");
	fflush(stdout);
	close_bench(&b);
}

/* ---- The curve ---- */

enum { HOST_NS, SIMULATED_NS, DENSITY, NR_SHAPES };

struct point {
	double value[NR_SHAPES];
	bool there;
};

/* Filled twice: what descriptors and lists need, the first time takes. */
static struct point curve_point(struct bench *b, u32 size)
{
	struct point p = {.there = true};
	u64 self_ns;

	if (size > b->store->size_max)
		return (struct point){.there = false};
	b->nr = (unsigned int)min((u64)b->nr, CURVE_BYTES / size);
	for (unsigned int i = 0; i < DRAWN; i++)
		b->sizes[i] = size;
	(void)fill(b);
	drop_all(b);
	self_ns = b->store->layer->self_ns;
	p.value[HOST_NS] = fill(b);
	p.value[SIMULATED_NS] = (double)(b->store->layer->self_ns - self_ns) / b->nr;
	p.value[DENSITY] = density(b);
	drop_all(b);
	return p;
}

static void curve(char *const *chains, int n, unsigned int nr)
{
	static const char *const titles[NR_SHAPES] = {"host ns of one malloc and write",
						      "simulated ns of it, in the store itself",
						      "objects a page"};
	static const u32 sizes[] = {32,	  64,	128,  256,  512,  768, 1024,
				    1536, 2048, 2560, 3072, 3584, 4096};
	static struct point points[STORES_MAX][ARRAY_SIZE(sizes)];

	for (int c = 0; c < n; c++) {
		static struct bench b;

		open_bench(&b, chains[c], nr);
		for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++)
			points[c][i] = curve_point(&b, sizes[i]);
		close_bench(&b);
	}
	for (int shape = 0; shape < NR_SHAPES; shape++) {
		printf("\n%s, by bytes of an object\n%6s", titles[shape], "bytes");
		for (int c = 0; c < n; c++)
			printf(" %12s", chains[c]);
		putchar('\n');
		for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
			printf("%6u", sizes[i]);
			for (int c = 0; c < n; c++) {
				if (points[c][i].there)
					printf(" %12.*f", shape == DENSITY ? 2 : 1,
					       points[c][i].value[shape]);
				else
					printf(" %12s", "-");
			}
			putchar('\n');
		}
	}
}

/* Sources that keep what they are given. */
static int all_stores(char **chains)
{
	int n = 0;

	for (struct allocator_desc *d = allocator_first(); d && n < STORES_MAX; d = d->next)
		if (d->kind == ALLOC_STORE && d->role == ROLE_SOURCE && !d->keeps_nothing)
			chains[n++] = (char *)(unsigned long)d->name;
	return n;
}

int main(int argc, char **argv)
{
	char *stores[STORES_MAX], **chains = stores;
	const char *load = NULL;
	unsigned int nr = OBJECTS;
	int opt, n;

	while ((opt = getopt(argc, argv, "l:n:")) != -1) {
		if (opt == 'l')
			load = optarg;
		else if (opt != 'n' || !(nr = (unsigned int)strtoul(optarg, NULL, 10)))
			return 2;
	}
	n = argc > optind ? min(argc - optind, STORES_MAX) : all_stores(stores);
	chains = argc > optind ? argv + optind : stores;
	memset(contents, 0x5a, sizeof(contents));
	printf("stores of %u objects: host ns and simulated ns of an operation, objects a page\n",
	       nr);
	printf("%-16s %-6s %8s %10s %8s\n", "store", "load", "ns", "simulated", "density");
	for (int c = 0; c < n; c++) {
		if (!load || !strcmp(load, "pair"))
			measure(chains[c], "pair", pair, nr);
		if (!load || !strcmp(load, "churn"))
			measure(chains[c], "churn", churn, nr);
	}
	if (!load || !strcmp(load, "curve"))
		curve(chains, n, nr);
	return 0;
}
