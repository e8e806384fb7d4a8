/*
 * The registry of generators. Constructors run in any order: kept sorted, so lists are the same
 * always.
 */
#include "workloads/generator.h"

#include <stdio.h>
#include <string.h>

#include "lib/text.h"
#include "workloads/dist.h"
#include "workloads/job.h"

static struct generator *generators;

u64 generator_drawn_lifetime(const struct job *job, struct rng *r, u64 t_ns)
{
	(void)t_ns;
	return job->forever ? TIME_NEVER / 2 : dist_draw(&job->lifetime, r);
}

static bool never_again(const struct job *job, u64 t_ns)
{
	(void)job, (void)t_ns;
	return false;
}

void generator_register(struct generator *g)
{
	struct generator **at = &generators;

	if (!g->asks_again)
		g->asks_again = never_again;
	if (!g->lifetime_ns)
		g->lifetime_ns = generator_drawn_lifetime;
	while (*at && strcmp((*at)->name, g->name) < 0)
		at = &(*at)->next;
	g->next = *at;
	*at = g;
}

struct generator *generator_first(void)
{
	return generators;
}

struct generator *generator_find(const char *name)
{
	struct generator *g = generators;

	while (g && strcmp(g->name, name))
		g = g->next;
	return g;
}

static void print_keys(struct text *t, const struct generator_key *keys)
{
	char head[80];

	for (const struct generator_key *k = keys; k->name; k++) {
		snprintf(head, sizeof(head), "%s: %s", k->name, k->form);
		text_add(t, "  %-33s %s", head, k->help);
		if (!k->def)
			text_add(t, " (must be given)");
		else if (*k->def)
			text_add(t, " (default %s)", k->def);
		text_add(t, "\n");
	}
}

void generator_print_help(const struct generator *g, char *buf, size_t n)
{
	struct text t = text_in(buf, n);

	text_add(&t, "keys of its own:\n");
	print_keys(&t, g->keys);
	text_add(&t, "\nkeys of every job (most may stand in `defaults`):\n");
	print_keys(&t, job_keys);
	text_add(&t, "\nDIST is one of:\n%s", dist_help);
}
