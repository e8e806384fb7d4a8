/*
 * The runs of an experiment: which they are, and all of them brought into a database.
 */
#include "cmd/sweep.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "cmd/cmd.h"
#include "cmd/repeat.h"
#include "lib/assert.h"
#include "lib/jobs.h"
#include "lib/mem.h"
#include "reports/db_sink.h"

const char *sweep_db_name(const struct sweep_args *a)
{
	return a->db ? a->db : "results.db";
}

/* --- which runs --- */

static void plan_all(struct sweep *s, const struct experiment *x)
{
	const struct sweep_args *a = s->args;

	s->runs = mem_alloc(x->nr_loads * x->nr_stacks * x->nr_seeds, sizeof(*s->runs));
	for (size_t l = 0; l < x->nr_loads; l++) {
		for (size_t k = 0; k < x->nr_stacks; k++) {
			for (size_t i = 0; i < x->nr_seeds; i++) {
				if (!only_has(&a->only, x->loads[l].name, x->stacks[k].name,
					      x->seeds[i]))
					continue;
				s->runs[s->nr++] = (struct one_run){
					.machine = x->machine,
					.stack = &x->stacks[k].config,
					.load_path = x->loads[l].path,
					.duration_ns = x->loads[l].duration_ns,
					.change = x->loads[l].change,
					.start = x->loads[l].start,
					.fragment = &x->loads[l].fragment.fragment,
					.load = x->loads[l].name,
					.label = x->stacks[k].name,
					.seed = x->seeds[i],
					.sample_ns = x->sample_ns,
					.check_every = a->check_every,
					.verify = a->verify,
				};
			}
		}
	}
}

/* Those of one load, from `at` on; returns where the next load begins, or -1. */
static long leave_out_of_load(struct sweep *s, size_t at, struct db *db, struct err *e)
{
	const char *load = s->runs[at].load;
	struct load_id id;
	int stored = 0;

	if (load_id_open(&id, &s->runs[at], e))
		return -1;
	for (; stored >= 0 && at < s->nr_planned && s->runs[at].load == load; at++) {
		stored = one_run_stored(&s->runs[at], &id, db, e);
		if (!stored)
			s->runs[s->nr++] = s->runs[at];
	}
	load_id_close(&id);
	return stored < 0 ? -1 : (long)at;
}

static int leave_out_stored(struct sweep *s, struct db *db, struct err *e)
{
	s->nr = 0;
	for (long at = 0; (size_t)at < s->nr_planned;) {
		at = leave_out_of_load(s, (size_t)at, db, e);
		if (at < 0)
			return -1;
	}
	return 0;
}

int sweep_plan(struct sweep *s, const struct experiment *x, const struct sweep_args *args,
	       struct err *e)
{
	struct db *db;
	int ret;

	*s = (struct sweep){.args = args};
	plan_all(s, x);
	s->nr_planned = s->nr;
	if (!args->resume)
		return 0;
	db = db_open(sweep_db_name(args), DB_WRITE, e);
	ret = db ? leave_out_stored(s, db, e) : -1;
	db_close(db);
	if (ret)
		sweep_free(s);
	return ret;
}

void sweep_free(struct sweep *s)
{
	free(s->runs);
	*s = (struct sweep){0};
}

/* --- all of them --- */

struct execution {
	struct sweep *sweep;
	size_t nr_ended;
	int code; /* of the sweep: the worst so far */
};

char *sweep_repeat_line(const struct sweep_args *a, const char *load, const char *stack, u64 seed)
{
	char *only = only_print(load, stack, seed);
	struct repeat line;

	repeat_begin(&line, "run");
	repeat_path(&line, a->path);
	for (size_t i = 0; i < a->nr_settings; i++)
		repeat_option(&line, "set", a->settings[i]);
	repeat_option(&line, "db", a->db);
	repeat_option(&line, "only", only);
	free(only);
	return repeat_end(&line);
}

static void wait_turn(void *job)
{
	job_turn(job);
}

/* In a process of its own. */
static int work(void *arg, size_t i, struct job *self)
{
	const struct sweep *s = ((struct execution *)arg)->sweep;
	struct one_run run = s->runs[i];
	char *command = sweep_repeat_line(s->args, run.load, run.label, run.seed);
	struct err e = {""};
	struct db *db = db_open(sweep_db_name(s->args), DB_LATER, &e);
	int ret;

	ASSERT(db);
	run.command = command;
	run.progress = job_progress(self);
	run.sink = db_sink_new(db);
	db_sink_before_store(run.sink, wait_turn, self);
	ret = one_run(&run, &e);
	if (ret == EXIT_MISTAKE)
		cmd_fail("run", &e);
	db_sink_free(run.sink);
	db_close(db);
	free(command);
	return ret;
}

static void crash_print(const struct sweep *s, size_t i, int status)
{
	const struct one_run *r = &s->runs[i];
	char *line = sweep_repeat_line(s->args, r->load, r->label, r->seed);

	if (WIFSIGNALED(status))
		fprintf(stderr, "bug: %s %s seed %llu: ended by signal %d (%s)", r->load, r->label,
			(unsigned long long)r->seed, WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		fprintf(stderr, "bug: %s %s seed %llu: exit code %d", r->load, r->label,
			(unsigned long long)r->seed, WEXITSTATUS(status));
	fprintf(stderr, "; the other runs go on; repeat: %s\n", line);
	free(line);
}

/* A run that ends in oom is a result, a bug is its own run's alone: the others still run. */
static int ended(void *arg, size_t i, int status)
{
	struct execution *x = arg;
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_BUG;

	if (code == EXIT_MISTAKE) {
		x->code = EXIT_MISTAKE;
		return -1;
	}
	if (code && code != EXIT_OOM) {
		crash_print(x->sweep, i, status);
		code = EXIT_BUG;
	}
	x->code = max(x->code, code);
	x->nr_ended++;
	return 0;
}

static void name(void *arg, size_t i, char *buf, size_t n)
{
	const struct one_run *r = &((struct execution *)arg)->sweep->runs[i];

	snprintf(buf, n, "%s/%s/%llu", r->load, r->label, (unsigned long long)r->seed);
}

/* As the shell expects of who was interrupted: by the same signal. */
static void die_of(const struct execution *x, int signal_number)
{
	fprintf(stderr, "kmemsim run: interrupted: %zu of %zu runs are done; --resume goes on\n",
		x->nr_ended, x->sweep->nr);
	fflush(NULL);
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

int sweep_run(struct sweep *s, struct err *e)
{
	struct execution x = {.sweep = s};
	const struct jobs js = {
		.nr = s->nr,
		.at_once = s->args->jobs,
		.work = work,
		.ended = ended,
		.name = name,
		.arg = &x,
		.what = "runs",
	};
	/* Only to see now what would fail at the end of the first run. */
	struct db *db = db_open(sweep_db_name(s->args), DB_WRITE, e);
	int ret;

	if (!db)
		return EXIT_MISTAKE;
	db_close(db);
	if (s->args->resume)
		fprintf(stderr, "%s has %zu of these %zu runs, %zu are left\n",
			sweep_db_name(s->args), s->nr_planned - s->nr, s->nr_planned, s->nr);
	*e->msg = '\0';
	ret = jobs_run(&js, e);
	if (ret > 0)
		die_of(&x, ret);
	return ret ? EXIT_MISTAKE : x.code;
}
