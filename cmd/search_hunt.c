/*
 * The search for a bad case: what is tried, and what of it is kept.
 *
 * Theory. Nobody has a formula for how much a workload hurts, and it jumps: one byte more, and an
 * object is in another class. So: an evolution. The best PARENTS stay; of each brood of BROOD one
 * is drawn anew, the others are a parent, or a mixture of two, with a key or some changed. A brood
 * is as large as that whatever --jobs is, and all chance is drawn before it is run: what is found
 * does not depend on how many run at once.
 */
#include "cmd/search_hunt.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "cmd/cmd.h"
#include "lib/assert.h"
#include "lib/jobs.h"

/* ---- Candidates ---- */

size_t settings_of(const struct hunt *h, const struct candidate *k, char **settings)
{
	size_t nr = k->step ? h->search->nr_genes : 0;

	for (size_t i = 0; i < nr; i++)
		settings[i] = gene_setting(&h->search->genes[i], &k->genes[i]);
	return nr;
}

void settings_free(char **settings, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		free(settings[i]);
}

/* "jobs.go.every=5us jobs.go.pattern=fifo" */
static char *settings_text(const struct hunt *h, const struct candidate *k)
{
	char *settings[SEARCH_GENES_MAX] = {0}, *text;
	size_t nr = settings_of(h, k, settings), size;
	FILE *f = open_memstream(&text, &size);

	ASSERT(f);
	if (!nr)
		fputs("as it is", f);
	for (size_t i = 0; i < nr; i++)
		fprintf(f, "%s%s", i ? " " : "", settings[i]);
	ASSERT(!fclose(f));
	settings_free(settings, nr);
	return text;
}

static void newcomer(struct hunt *h, struct candidate *k)
{
	for (size_t i = 0; i < h->search->nr_genes; i++)
		gene_draw(&h->search->genes[i], &k->genes[i], &h->rng);
}

static void child(struct hunt *h, struct candidate *k)
{
	const struct candidate *mother = &h->best[rng_below(&h->rng, h->nr_best)],
			       *father = &h->best[rng_below(&h->rng, h->nr_best)];
	bool mixed = !rng_below(&h->rng, 3);
	size_t nr = h->search->nr_genes;

	for (size_t i = 0; i < nr; i++)
		k->genes[i] = mixed && rng_below(&h->rng, 2) ? father->genes[i] : mother->genes[i];
	for (u64 n = 1 + rng_below(&h->rng, 2); n; n--) {
		size_t i = rng_below(&h->rng, nr);

		gene_change(&h->search->genes[i], &k->genes[i], &h->rng);
	}
}

/* The next to be tried, and their steps. */
static void next_brood(struct hunt *h)
{
	u64 left = h->search->steps - h->nr_steps;

	h->nr_brood = h->nr_steps ? (size_t)min(left, (u64)BROOD) : 1;
	for (size_t i = 0; i < h->nr_brood; i++) {
		struct candidate *k = &h->brood[i];

		*k = (struct candidate){.step = h->nr_steps++};
		if (!k->step)
			continue;
		if (!h->nr_best || i == BROOD - 1)
			newcomer(h, k);
		else
			child(h, k);
	}
}

bool is_worse(const struct hunt *h, double a, double b)
{
	return h->search->maximize ? a > b : a < b;
}

static void show(const struct hunt *h, const struct candidate *k)
{
	char *text = settings_text(h, k);

	out_str(h->out, h->c.stack->name);
	out_int(h->out, (s64)k->step);
	out_real(h->out, k->value);
	out_str(h->out, text);
	out_row_end(h->out);
	free(text);
}

/* Among the best, behind those that are as bad: they were first. */
static void keep(struct hunt *h, const struct candidate *k)
{
	size_t at = h->nr_best;

	for (size_t i = 0; i < h->nr_best; i++)
		if (!memcmp(h->best[i].genes, k->genes, sizeof(k->genes)))
			return;
	while (at && is_worse(h, k->value, h->best[at - 1].value))
		at--;
	if (at == PARENTS)
		return;
	h->nr_best = min(h->nr_best + 1, (size_t)PARENTS);
	for (size_t i = h->nr_best - 1; i > at; i--)
		h->best[i] = h->best[i - 1];
	h->best[at] = *k;
	if (!at && is_worse(h, k->value, h->base))
		show(h, k);
}

/* ---- Runs ---- */

double mean_figure(const struct hunt *h, const struct yaml_node *workload, const char *path,
		   struct err *e)
{
	double sum = 0, value;

	for (size_t i = 0; i < h->nr_seeds; i++) {
		if (case_run(&h->c, workload, path, h->seeds[i], &value, e))
			return NAN;
		sum += value;
	}
	return sum / (double)h->nr_seeds;
}

/* In a process of its own. */
static int work(void *arg, size_t i, struct job *self)
{
	struct hunt *h = arg;
	struct result *r = &h->results[i];
	char *settings[SEARCH_GENES_MAX] = {0};
	size_t nr = settings_of(h, &h->brood[i], settings);
	struct yaml_file *f = case_open(h->c.load, settings, nr, &r->why);

	(void)self;
	if (f)
		r->value = mean_figure(h, yaml_top(f), h->c.load->path, &r->why);
	yaml_close(f);
	settings_free(settings, nr);
	return 0;
}

static int ended(void *arg, size_t i, int status)
{
	struct hunt *h = arg;
	char *text;

	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	text = settings_text(h, &h->brood[i]);
	fprintf(stderr, "bug: stack %s, load %s with %s: ended by %s %d\n", h->c.stack->name,
		h->c.load->name, text, WIFSIGNALED(status) ? "signal" : "exit code",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	free(text);
	h->bug = true;
	return -1;
}

static void name(void *arg, size_t i, char *buf, size_t n)
{
	const struct hunt *h = arg;

	snprintf(buf, n, "%s/%s/%llu", h->c.load->name, h->c.stack->name,
		 (unsigned long long)h->brood[i].step);
}

static int run_brood(struct hunt *h, struct err *e)
{
	const struct jobs js = {
		.nr = h->nr_brood,
		.at_once = h->args->jobs,
		.work = work,
		.ended = ended,
		.name = name,
		.arg = h,
		.what = "runs",
	};
	int ret;

	for (size_t i = 0; i < h->nr_brood; i++)
		h->results[i] = (struct result){.value = NAN};
	ret = jobs_run(&js, e);
	if (ret > 0) { /* as the shell expects of who was interrupted */
		fflush(NULL);
		signal(ret, SIG_DFL);
		raise(ret);
	}
	return ret;
}

static void take_brood(struct hunt *h)
{
	for (size_t i = 0; i < h->nr_brood; i++) {
		struct candidate *k = &h->brood[i];

		k->value = h->results[i].value;
		if (isnan(k->value)) {
			h->nr_failed++;
			h->why = h->results[i].why;
		} else if (!k->step) {
			h->base = k->value;
			show(h, k);
		} else {
			keep(h, k);
		}
	}
}

int hunt_run(struct hunt *h, struct err *e)
{
	while (h->nr_steps < h->search->steps) {
		next_brood(h);
		if (run_brood(h, e))
			return EXIT_MISTAKE;
		if (h->bug)
			return EXIT_BUG;
		take_brood(h);
		/* Not the load as it is, or none of the first eight others: that is a mistake. */
		if (h->nr_failed == h->nr_steps || (h->nr_steps > BROOD && !h->nr_best)) {
			err_set(e, "no such run is possible: %s", h->why.msg);
			return yaml_error_around(h->search->node, e) ? EXIT_MISTAKE : 0;
		}
	}
	return 0;
}
