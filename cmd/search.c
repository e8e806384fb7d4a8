/*
 * The search for a bad case: stack by stack.
 */
#include "cmd/search.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/search_hunt.h"
#include "lib/assert.h"
#include "lib/mem.h"

/* The seeds that --only leaves to a stack; 0: it is left out. */
static size_t seeds_of(const struct experiment *x, const struct sweep_args *a, const char *load,
		       const char *stack, u64 *seeds)
{
	size_t nr = 0;

	for (size_t i = 0; i < x->nr_seeds; i++)
		if (only_has(&a->only, load, stack, x->seeds[i]))
			seeds[nr++] = x->seeds[i];
	return nr;
}

static int search_stack(struct hunt *h, struct err *e)
{
	int ret;

	h->results = mmap(NULL, EVOLVE_BROOD * sizeof(*h->results), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (h->results == MAP_FAILED) {
		err_set(e, "cannot share memory: %s", strerror(errno));
		return EXIT_MISTAKE;
	}
	evolve_begin(&h->ev, h->search->genes, h->search->nr_genes, h->search->maximize);
	rng_init(&h->ev.rng, h->search->seed, h->c.stack->name, "search");
	ret = hunt_run(h, e);
	munmap(h->results, EVOLVE_BROOD * sizeof(*h->results));
	return ret ? ret : hunt_conclude(h, e);
}

static int check(const struct experiment *x, const struct sweep_args *a, struct err *e)
{
	const struct search *s = x->search;
	char *folder = mem_print("%s%s", s->save, *s->save ? "/." : "");
	int why = access(folder, W_OK | X_OK) ? errno : 0;

	free(folder);
	if (a->resume || a->verify)
		return err_set(e, "%s: a search: it can be neither resumed nor verified", a->path);
	if (why) {
		err_set(e, "%s: %s", *s->save ? s->save : "''", strerror(why));
		return yaml_error_around(yaml_get(s->node, "save"), e);
	}
	return 0;
}

static void hunt_init(struct hunt *h, const struct experiment *x, const struct sweep_args *a,
		      const struct experiment_stack *stack, u64 *seeds)
{
	const struct experiment_load *load = &x->loads[x->search->load];

	*h = (struct hunt){
		.search = x->search,
		.args = a,
		.c = {.x = x,
		      .load = load,
		      .stack = stack,
		      .metric = x->search->metric,
		      .check_every = a->check_every},
		.seeds = seeds,
		.nr_seeds = seeds_of(x, a, load->name, stack->name, seeds),
	};
}

/* Of a stack that was searched to the end, rows are shown whatever becomes of the others. */
static int search_all(const struct experiment *x, const struct sweep_args *a, struct out *o,
		      size_t *nr_done, struct err *e)
{
	struct hunt *h = mem_alloc(1, sizeof(*h));
	u64 *seeds = mem_alloc(x->nr_seeds, sizeof(*seeds));
	int ret = 0;

	for (size_t i = 0; i < x->nr_stacks && !ret; i++) {
		hunt_init(h, x, a, &x->stacks[i], seeds);
		h->out = o;
		if (!h->nr_seeds)
			continue;
		ret = search_stack(h, e);
		*nr_done += !ret;
	}
	free(seeds);
	free(h);
	return ret;
}

int search_run(const struct experiment *x, const struct sweep_args *a, enum out_format format,
	       struct err *e)
{
	struct out_column columns[] = {{"stack", OUT_STR},
				       {"step", OUT_INT},
				       {x->search->metric->name, OUT_REAL},
				       {"workload", OUT_STR},
				       {0}};
	size_t nr_done = 0, size;
	struct out o;
	char *table;
	FILE *f;
	int ret;

	if (check(x, a, e))
		return EXIT_MISTAKE;
	f = open_memstream(&table, &size);
	ASSERT(f);
	out_begin(&o, f, format, columns);
	ret = search_all(x, a, &o, &nr_done, e);
	out_end(&o);
	ASSERT(!fclose(f));
	if (nr_done)
		fputs(table, stdout);
	free(table);
	return ret;
}

void search_print(const struct experiment *x, const struct sweep_args *a)
{
	const struct search *s = x->search;

	for (size_t i = 0; i < x->nr_stacks; i++) {
		char stack[STACK_CONFIG_TEXT_MAX];

		stack_config_print(&x->stacks[i].config, stack, sizeof(stack));
		if (only_has(&a->only, x->loads[s->load].name, x->stacks[i].name, x->seeds[0]))
			printf("search %s %s: %s %s in %llu steps, seed %llu, save %s, %s\n",
			       x->loads[s->load].name, x->stacks[i].name,
			       s->maximize ? "maximize" : "minimize", s->metric->name,
			       (unsigned long long)s->steps, (unsigned long long)s->seed, s->save,
			       stack);
	}
	for (size_t i = 0; i < s->nr_genes; i++)
		printf("vary %s\n", s->keys[i].path);
}
