/*
 * What one derivation costs the host: ns of an operation (an allocation or a free) through 0 to 8
 * pass-through layers, over sources that do nothing (null) and over real ones, for pages and slabs.
 *
 * usage: layers. Batches of allocations, then their frees; the depths take turns, so that whatever
 * disturbs the machine disturbs them alike; the median of many short rounds is printed for each
 * depth, then the price of a layer: the slope of the straight line through them, and how far from
 * it the farthest lies. bench/layers adds instructions.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/stack.h"
#include "lib/clock.h"
#include "sim/machine.h"

#define DEPTHS 9
#define ROUNDS 501
#define BATCHES 16
#define BATCH 32

struct lane { /* one depth */
	struct machine *m;
	struct stack stack;
	struct slab_control room;
	struct slab_cache *cache;
	double ns[ROUNDS];
};

static struct lane lanes[DEPTHS];

static void open_lane(struct lane *l, const char *pages, const char *slab)
{
	static struct machine_config config;
	struct slab_cache parameters = {.objsize = 64, .align = 8, .node = -1, .name = "bench"};
	struct stack_config sc;
	struct err e;

	machine_config_default(&config);
	l->m = machine_create(&config, &e);
	machine_use(l->m);
	if (stack_config_parse(&sc, pages, slab, &e) || stack_create(&l->stack, &sc, &e)) {
		fprintf(stderr, "%s %s: %s\n", pages, slab, e.msg);
		exit(2);
	}
	stack_config_free(&sc);
	l->cache = slab_cache_create(l->stack.slab, &l->room, &parameters);
}

static void close_lane(struct lane *l)
{
	machine_use(l->m);
	slab_cache_destroy(l->cache);
	stack_destroy(&l->stack);
	machine_destroy(l->m);
}

static void batch_of_pages(struct lane *l)
{
	struct page *pages[BATCH];

	for (int i = 0; i < BATCH; i++)
		pages[i] = page_alloc(l->stack.pages, 0, GFP_KERNEL, -1);
	for (int i = 0; i < BATCH; i++)
		page_free(l->stack.pages, pages[i], 0);
}

static void batch_of_objects(struct lane *l)
{
	void *objects[BATCH];

	for (int i = 0; i < BATCH; i++)
		objects[i] = slab_alloc(l->cache, GFP_KERNEL);
	for (int i = 0; i < BATCH; i++)
		slab_free(l->cache, objects[i]);
}

static double round_ns(struct lane *l, void (*batch)(struct lane *l))
{
	u64 start_ns, end_ns;

	machine_use(l->m);
	machine_enter(l->m, 0, l->m->now_ns);
	batch(l); /* what lies in the host's caches is this lane's */
	start_ns = host_ns();
	for (int i = 0; i < BATCHES; i++)
		batch(l);
	end_ns = host_ns();
	machine_leave(l->m, kernel->clock_ns);
	return (double)(end_ns - start_ns) / (2.0 * BATCHES * BATCH);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The straight line through the medians: its slope, and how far off the farthest is. */
static void print_price(const double median[DEPTHS])
{
	double mean_x = (DEPTHS - 1) / 2.0, mean_y = 0, sxy = 0, sxx = 0, farthest = 0, slope;

	for (int d = 0; d < DEPTHS; d++)
		mean_y += median[d] / DEPTHS;
	for (int d = 0; d < DEPTHS; d++) {
		sxy += (d - mean_x) * (median[d] - mean_y);
		sxx += (d - mean_x) * (d - mean_x);
	}
	slope = sxy / sxx;
	for (int d = 0; d < DEPTHS; d++)
		farthest = fmax(farthest, fabs(median[d] - mean_y - slope * (d - mean_x)));
	printf(" %7.2f %7.2f\n", slope, farthest);
}

/* chain: "forward:" as often as the depth says, then the source. */
static const char *chain_of(char *text, size_t n, int depth, const char *source)
{
	size_t at = 0;

	while (depth--)
		at += (size_t)snprintf(text + at, n - at, "forward:");
	snprintf(text + at, n - at, "%s", source);
	return text;
}

static void measure(const char *kind, const char *source, void (*batch)(struct lane *l))
{
	bool of_pages = !strcmp(kind, "pages");
	double median[DEPTHS];
	char text[256];

	for (int d = 0; d < DEPTHS; d++) {
		chain_of(text, sizeof(text), d, source);
		open_lane(&lanes[d], of_pages ? text : "page_allocator", of_pages ? "null" : text);
	}
	for (int r = 0; r < ROUNDS; r++)
		for (int d = 0; d < DEPTHS; d++)
			lanes[d].ns[r] = round_ns(&lanes[d], batch);
	printf("%-6s %-15s", kind, source);
	for (int d = 0; d < DEPTHS; d++) {
		qsort(lanes[d].ns, ROUNDS, sizeof(double), by_size);
		median[d] = lanes[d].ns[ROUNDS / 2];
		printf(" %6.1f", median[d]);
		close_lane(&lanes[d]);
	}
	print_price(median);
}

int main(void)
{
	printf("%-6s %-15s", "ns/op", "source");
	for (int d = 0; d < DEPTHS; d++)
		printf(" %6d", d);
	printf(" %7s %7s\n", "price", "off");
	measure("pages", "null", batch_of_pages);
	measure("pages", "page_allocator", batch_of_pages);
	measure("slab", "null", batch_of_objects);
	measure("slab", "slabifier", batch_of_objects);
	return 0;
}
