/*
 * One run as `run` and `replay` do it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/load.h"
#include "cmd/one_run.h"
#include "lib/assert.h"
#include "lib/file.h"
#include "lib/mem.h"
#include "lib/units.h"
#include "reports/db_sink.h"

#define CELLS_SHOWN 10 /* free lists that could not be brought to where they were */

/* What every message of one run needs. */
struct running {
	const struct one_run *r;
	struct source *source;
	char *start_note; /* how well a warm start is met; NULL: a cold one */
	struct machine_config machine;
	char load[256], stack[STACK_CONFIG_TEXT_MAX];
};

static const char *label_of(const struct running *run)
{
	return run->r->label ? run->r->label : run->stack;
}

static void load_name(const struct one_run *r, char *buf, size_t n)
{
	const char *base = file_base(r->load_path), *dot = strrchr(base, '.');
	bool fragmented = r->fragment && r->fragment->how;

	if (r->load)
		snprintf(buf, n, "%s", r->load);
	else
		snprintf(buf, n, "%.*s%s%s",
			 (int)(dot && dot != base ? dot - base : (long)strlen(base)), base,
			 fragmented ? "+" : "", fragmented ? r->fragment->how->name : "");
}

/* first: of two. It is for the digest alone. */
static int trial(struct running *run, struct trial *t, bool first, struct err *e)
{
	struct progress p;
	int ret;

	*t = (struct trial){
		.machine = &run->machine,
		.stack = run->r->stack,
		.source = run->source,
		.sink = first ? NULL : run->r->sink,
		.slabinfo = first ? NULL : run->r->slabinfo,
		.proc = first ? NULL : run->r->proc,
		.fragment = run->r->fragment,
		.shapes = run->r->shapes,
		.at_marks = run->r->at_marks,
		.run = {.label = label_of(run),
			.load = run->load,
			.input = run->r->load_path,
			.command = run->r->command},
		.seed = run->r->seed,
		.sample_ns = run->r->sample_ns,
		.check_every = run->r->check_every,
		.progress = &p,
	};
	if (run->r->progress)
		progress_begin_cell(&p, run->r->progress, run->source->tables.nr_requests);
	else
		progress_begin(&p, t->run.label, run->source->tables.nr_requests);
	ret = trial_run(t, e);
	progress_end(&p);
	return ret;
}

static void boot_note(const struct running *run, const struct trial *t)
{
	const struct boot_report *b = &t->boot;
	char taken[32], wasted[32];

	if (!b->had)
		return;
	if (!b->late) {
		fprintf(stderr,
			"%s %s: boot: memory is handed over at time zero: no request is early\n",
			run->load, t->run.label);
		return;
	}
	size_human((double)b->taken_bytes, taken, sizeof(taken));
	size_human((double)b->taken_bytes - (double)b->req_bytes, wasted, sizeof(wasted));
	fprintf(stderr,
		"%s %s: boot: %llu early requests, up to %s; %llu pages handed over, %llu kept: "
		"%s, of which nobody had asked for %s\n",
		run->load, t->run.label, (unsigned long long)b->nr_requests, b->site,
		(unsigned long long)b->pages.handed_over, (unsigned long long)b->pages.kept, taken,
		wasted);
}

/* A line each, as the fragmenter wrote them. */
static void fragment_note(const struct running *run, const struct trial *t)
{
	for (const char *line = t->fragment_report; *line;) {
		int len = (int)strcspn(line, "\n");

		fprintf(stderr, "%s %s: %s: %.*s\n", run->load, t->run.label,
			t->fragment->how->name, len, line);
		line += len + (line[len] == '\n');
	}
}

/* Where all the memory was. */
static void oom_note(const struct running *run, const struct trial *t)
{
	if (t->status == TRIAL_OOM)
		fprintf(stderr, "%s %s: out of memory\n%s", run->load, t->run.label, t->mem_info);
}

/* What a reader must know before the figures. */
static void notes(const struct running *run, const struct trial *t)
{
	if (run->start_note)
		fprintf(stderr, "%s %s: %s\n", run->load, t->run.label, run->start_note);
	boot_note(run, t);
	fragment_note(run, t);
	if (t->pages.wanted && !*t->fragment_report) {
		char state[400];

		fprintf(stderr, "%s %s: %s\n", run->load, t->run.label,
			page_state_summary(&t->pages, state, sizeof(state)));
		page_state_print_missed(&t->pages, CELLS_SHOWN, stderr);
	}
	for (unsigned int i = 0; i < t->stack->nr_choices; i++)
		if (t->idle_choices >> i & 1)
			fprintf(stderr, "%s %s: note: caches '%s': no cache has such a name\n",
				run->load, t->run.label, t->stack->choices[i].glob);
	if (t->nr_unserved)
		fprintf(stderr,
			"%s %s: note: %llu compressed objects were not stored: the stack has no "
			"store (--store zsmalloc, or `store:` in an experiment, gives it one)\n",
			run->load, t->run.label, (unsigned long long)t->nr_unserved);
	oom_note(run, t);
}

/* The line that repeats the run, and its digest, come last. */
static void closing_lines(const struct running *run, const struct trial *t)
{
	char count[32], wall[32], rate[32];

	notes(run, t);
	count_human((double)t->nr_requests, count, sizeof(count));
	time_human((double)t->wall_ns, wall, sizeof(wall));
	count_human((double)t->nr_requests / ((double)max(t->wall_ns, (u64)1) / 1e9), rate,
		    sizeof(rate));
	fprintf(stderr, "%s %s: %s, digest %016llx, %s requests in %s (%s/s); repeat: %s\n",
		run->load, t->run.label, trial_status_names[t->status],
		(unsigned long long)t->digest, count, wall, rate, run->r->command);
}

static int twice(struct running *run, struct trial *t, struct err *e)
{
	struct trial first;

	if (trial(run, &first, true, e) || trial(run, t, false, e))
		return EXIT_MISTAKE;
	closing_lines(run, t);
	if (first.digest == t->digest)
		return 0;
	fprintf(stderr, "bug: the same run twice: digest %016llx, then %016llx\n",
		(unsigned long long)first.digest, (unsigned long long)t->digest);
	return EXIT_BUG;
}

static int once(struct running *run, struct trial *t, struct err *e)
{
	if (trial(run, t, false, e))
		return EXIT_MISTAKE;
	closing_lines(run, t);
	return 0;
}

static struct running *run_open(const struct one_run *r, struct err *e)
{
	struct running *run = mem_alloc(1, sizeof(*run));
	struct load_spec l = {
		.path = r->load_path,
		.machine = r->machine,
		.recorded_machine = r->recorded_machine,
		.seed = r->seed,
		.duration_ns = r->duration_ns,
		.change = r->change,
		.start = r->start,
		.start_note = &run->start_note,
	};

	run->r = r;
	run->source = load_open(&l, &run->machine, e);
	if (!run->source) {
		free(run->start_note);
		free(run);
		return NULL;
	}
	stack_config_print(r->stack, run->stack, sizeof(run->stack));
	load_name(r, run->load, sizeof(run->load));
	return run;
}

static void run_close(struct running *run)
{
	run->source->ops->close(run->source);
	free(run->start_note);
	free(run);
}

int one_run(const struct one_run *r, struct err *e)
{
	struct running *run = run_open(r, e);
	struct trial t;
	int ret;

	if (!run)
		return EXIT_MISTAKE;
	ret = r->verify ? twice(run, &t, e) : once(run, &t, e);
	run_close(run);
	return ret ? ret : t.status == TRIAL_OOM ? EXIT_OOM : 0;
}

int load_id_open(struct load_id *id, const struct one_run *r, struct err *e)
{
	struct running *run = run_open(r, e);

	if (!run)
		return -1;
	*id = (struct load_id){.input_hash =
				       fragment_hash(r->fragment, run->source->tables.input_hash),
			       .machine = fragment_machine_print(r->fragment, &run->machine)};
	run_close(run);
	return 0;
}

void load_id_close(struct load_id *id)
{
	free(id->machine);
	*id = (struct load_id){0};
}

int one_run_stored(const struct one_run *r, const struct load_id *id, struct db *db, struct err *e)
{
	struct running run = {.r = r};

	stack_config_print(r->stack, run.stack, sizeof(run.stack));
	load_name(r, run.load, sizeof(run.load));
	return db_has_run(db,
			  &(struct sink_run){.label = label_of(&run),
					     .load = run.load,
					     .stack = run.stack,
					     .machine = id->machine,
					     .input_hash = id->input_hash,
					     .seed = r->seed,
					     .sample_ns = r->sample_ns},
			  e);
}
