/*
 * The search for a bad case: what becomes of the worst.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/search_hunt.h"
#include "lib/assert.h"
#include "lib/file.h"
#include "lib/mem.h"
#include "reports/db_sink.h"

static char *save_path(const struct hunt *h)
{
	char *file = mem_print("worst-%s.yaml", h->c.stack->name), *path;

	for (char *p = file; *p; p++)
		if (*p == '/' || (u8)*p <= ' ')
			*p = '_';
	path = file_in_dir(h->search->save, file);
	free(file);
	return path;
}

/* Nothing but comment, whatever the names in it. */
static char *comment(const struct hunt *h)
{
	char stack[STACK_CONFIG_TEXT_MAX], *text;

	stack_config_print(&h->c.stack->config, stack, sizeof(stack));
	text = mem_print(
		"# Found by `kmemsim run %s`, step %llu of %llu: %s is %.6g on stack '%s',\n"
		"# for load '%s' as it is %.6g. The stack:\n# %s\n",
		h->args->path, (unsigned long long)h->ev.best[0].step,
		(unsigned long long)h->search->steps, h->search->metric->name, h->ev.best[0].value,
		h->c.stack->name, h->c.load->name, h->ev.base, stack);
	for (char *p = text; *p; p++)
		if ((u8)*p < ' ' && !(*p == '\n' && (p[1] == '#' || !p[1])))
			*p = '?';
	return text;
}

static int write_text(const char *path, const char *text, struct err *e)
{
	struct new_file out;

	if (new_file_open(&out, path, e))
		return -1;
	fputs(text, out.f);
	return new_file_commit(&out, e);
}

/* What is written has been read back, and run: it is as bad as what was found. */
static int save_text(const struct hunt *h, const char *path, const char *text, struct err *e)
{
	struct yaml_file *f = yaml_parse(path, text, strlen(text), e);
	double value = f ? mean_figure(h, yaml_top(f), path, e) : NAN;

	yaml_close(f);
	if (isnan(value))
		return -1;
	ASSERT(value == h->ev.best[0].value);
	return write_text(path, text, e);
}

static int save(const struct hunt *h, const char *path, struct err *e)
{
	char *settings[EVOLVE_GENES_MAX] = {0}, *above, *text;
	size_t nr = settings_of(h, &h->ev.best[0], settings);
	struct yaml_file *f = case_open(h->c.load, settings, nr, e);
	int ret = -1;

	if (f) {
		above = comment(h);
		text = case_print(yaml_top(f), above);
		ret = save_text(h, path, text, e);
		free(text);
		free(above);
	}
	yaml_close(f);
	settings_free(settings, nr);
	return ret;
}

/* ---- Into the database ---- */

static int store_run(const struct hunt *h, struct one_run r, struct db *db, struct err *e)
{
	char *command;
	int ret;

	r.label = h->c.stack->name;
	command = sweep_repeat_line(h->args, h->c.load->name, r.label, r.seed);
	r.machine = h->c.x->machine;
	r.stack = &h->c.stack->config;
	r.fragment = &h->c.load->fragment.fragment;
	r.sample_ns = h->c.x->sample_ns;
	r.command = command;
	r.sink = db_sink_new(db);
	ret = one_run(&r, e);
	db_sink_free(r.sink);
	free(command);
	return ret;
}

/* The load as it is, and the worst, at each seed; path NULL: there is no worse. */
static int store_runs(const struct hunt *h, const char *path, struct err *e)
{
	struct db *db = db_open(sweep_db_name(h->args), DB_WRITE, e);
	char *worst = mem_print("worst-%s", h->c.stack->name);
	int ret = db ? 0 : EXIT_MISTAKE;

	for (size_t i = 0; i < h->nr_seeds && !ret; i++) {
		ret = store_run(h,
				(struct one_run){.load_path = h->c.load->path,
						 .duration_ns = h->c.load->duration_ns,
						 .change = h->c.load->change,
						 .load = h->c.load->name,
						 .seed = h->seeds[i]},
				db, e);
		if (!ret && path)
			ret = store_run(h,
					(struct one_run){.load_path = path,
							 .load = worst,
							 .seed = h->seeds[i]},
					db, e);
	}
	free(worst);
	db_close(db);
	return ret;
}

int hunt_conclude(const struct hunt *h, struct err *e)
{
	char *path = evolve_found(&h->ev) ? save_path(h) : NULL;
	int ret = path && save(h, path, e) ? EXIT_MISTAKE : 0;

	if (!ret)
		ret = store_runs(h, path, e);
	if (h->nr_failed)
		fprintf(stderr, "%s: %llu of %llu workloads could not be run; the last: %s\n",
			h->c.stack->name, (unsigned long long)h->nr_failed,
			(unsigned long long)h->ev.nr_steps, h->why.msg);
	if (!ret && path)
		fprintf(stderr, "%s: the worst found is saved in %s\n", h->c.stack->name, path);
	else if (!ret)
		fprintf(stderr, "%s: nothing was found that is worse than '%s' as it is\n",
			h->c.stack->name, h->c.load->name);
	free(path);
	return ret;
}
