/*
 * The search for a bad case: workloads, a brood at a time.
 */
#include "cmd/search_hunt.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "cmd/cmd.h"
#include "lib/assert.h"
#include "lib/jobs.h"

/* ---- Candidates ---- */

size_t settings_of(const struct hunt *h, const struct candidate *k, char **settings)
{
	size_t nr = k->step ? h->ev.nr_genes : 0;

	for (size_t i = 0; i < nr; i++)
		settings[i] = search_setting(h->search, i, &k->genes[i]);
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
	char *settings[EVOLVE_GENES_MAX] = {0}, *text;
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
	char *settings[EVOLVE_GENES_MAX] = {0};
	size_t nr = settings_of(h, &h->ev.brood[i], settings);
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
	text = settings_text(h, &h->ev.brood[i]);
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
		 (unsigned long long)h->ev.brood[i].step);
}

static int run_brood(struct hunt *h, struct err *e)
{
	const struct jobs js = {
		.nr = h->ev.nr_brood,
		.at_once = h->args->jobs,
		.work = work,
		.ended = ended,
		.name = name,
		.arg = h,
		.what = "runs",
	};
	int ret;

	for (size_t i = 0; i < h->ev.nr_brood; i++)
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
	for (size_t i = 0; i < h->ev.nr_brood; i++) {
		struct candidate *k = &h->ev.brood[i];

		k->value = h->results[i].value;
		if (isnan(k->value)) {
			h->nr_failed++;
			h->why = h->results[i].why;
		}
		if (evolve_take(&h->ev, k))
			show(h, k);
	}
}

int hunt_run(struct hunt *h, struct err *e)
{
	struct evolution *ev = &h->ev;

	while (ev->nr_steps < h->search->steps) {
		evolve_next(ev, h->search->steps - ev->nr_steps);
		if (run_brood(h, e))
			return EXIT_MISTAKE;
		if (h->bug)
			return EXIT_BUG;
		take_brood(h);
		/* Not the load as it is, or none of the first brood: that is a mistake. */
		if (isnan(ev->base) || (ev->nr_steps > EVOLVE_BROOD && !ev->nr_best)) {
			err_set(e, "no such run is possible: %s", h->why.msg);
			return yaml_error_around(h->search->node, e) ? EXIT_MISTAKE : 0;
		}
	}
	return 0;
}
