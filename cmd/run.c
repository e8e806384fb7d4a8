/*
 * kmemsim run: an experiment, machine x stacks x loads x seeds, into a database.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/configs.h"
#include "cmd/expect.h"
#include "cmd/experiment.h"
#include "cmd/only.h"
#include "cmd/search.h"
#include "cmd/sweep.h"
#include "lib/units.h"
#include "sim/machine.h"

#define JOBS_MAX 1024

static const char usage[] =
	"usage: kmemsim run EXPERIMENT.yaml [options]\n"
	"  --db FILE         results database (default results.db)\n"
	"  --set KEY=VALUE   overrides a key, such as sample=5ms or stacks.plain.pages=bitmap\n"
	"  --only LOAD/STACK/SEED  these runs only; each part is a name or a glob, as in "
	"'*/rcu/1'\n"
	"  --jobs N          N runs at once, each in a process of its own (default 1); results "
	"are the same\n"
	"  --resume          leave out what the database has already, of the same content\n"
	"  --verify          run everything twice and compare the digests\n"
	"  --check N         full walk over all allocators every N requests\n"
	"  --print           say what would run, and run nothing\n"
	"  --format text|csv|json  of the table of what was expected and measured\n"
	"\nAn experiment's stacks are chains; what one does not name is as in `kmemsim replay`:\n"
	"  stacks:\n"
	"    plain: {pages: page_allocator, slab: slabifier}\n"
	"    zram:  {slab: \"rcu:slabifier\", store: zsmalloc}   # store: of compressed pages\n"
	"\nAn experiment's `expect:` says what its runs should show, measured by SQL expressions:\n"
	"  expect:\n"
	"    - what: waiting for a grace period takes memory\n"
	"      measure: \"of('rcu','fstree','slab_bytes_mean') - "
	"of('plain','fstree','slab_bytes_mean')\"\n"
	"      expected: 250e3       # or at_least, at_most, between: [LOW, HIGH]; or note: true\n"
	"      within: 5%            # or in the measure's own unit\n"
	"      source: where the expectation comes from\n"
	"of(STACK, LOAD, METRIC [, LAYER]) is the mean over the seeds of a figure in "
	"summary_view;\n"
	"at(STACK, LOAD, METRIC, T_NS) of one in sample_view, of the whole stack. The\n"
	"result views hold this experiment's runs alone, with the columns load, label and seed. "
	"Judged\n"
	"when all runs are there (also by --resume), printed, and stored in expect_view.\n"
	"Exit 1: something was expected and not met.\n"
	"\nWith `search:` the workload that hurts each stack most is looked for, and saved:\n"
	"  search:\n"
	"    load: mix             # one of `loads:`, a workload\n"
	"    vary:\n"
	"      jobs.go.objects.size: {mix: 3, from: 32B, to: 4KiB}   # up to 3 sizes and weights\n"
	"      jobs.go.every: {from: 1us, to: 100us}                 # or numbers, 10/s, 5%\n"
	"      jobs.go.lifetime: [5ms, forever]                      # one of these\n"
	"    maximize: store_between_frag_percent                    # or minimize\n"
	"    steps: 200            # workloads tried for each stack\n"
	"    save: workloads       # a folder, from where you are: worst-STACK.yaml\n"
	"(A workload's own files, such as sizes, lie beside its YAML, the saved one's too.)\n";

enum {
	OPT_DB = 256,
	OPT_SET,
	OPT_ONLY,
	OPT_JOBS,
	OPT_RESUME,
	OPT_VERIFY,
	OPT_CHECK,
	OPT_PRINT,
	OPT_FORMAT,
	OPT_HELP
};

static const struct option long_options[] = {
	{"db", required_argument, NULL, OPT_DB},
	{"set", required_argument, NULL, OPT_SET},
	{"only", required_argument, NULL, OPT_ONLY},
	{"verify", no_argument, NULL, OPT_VERIFY},
	{"jobs", required_argument, NULL, OPT_JOBS},
	{"resume", no_argument, NULL, OPT_RESUME},
	{"check", required_argument, NULL, OPT_CHECK},
	{"print", no_argument, NULL, OPT_PRINT},
	{"format", required_argument, NULL, OPT_FORMAT},
	{"help", no_argument, NULL, OPT_HELP},
	{0},
};

struct run_args {
	struct sweep_args sweep;
	enum out_format format;
	bool print;
};

static int jobs_set(struct run_args *a, const char *text, struct err *e)
{
	if (count_parse(text, &a->sweep.jobs, e))
		return err_prefix(e, "--jobs");
	if (!a->sweep.jobs || a->sweep.jobs > JOBS_MAX)
		return err_set(e, "--jobs %s: 1 to %d runs at once", text, JOBS_MAX);
	return 0;
}

static int set(void *arg, int opt, const char *text, struct err *e)
{
	struct run_args *a = arg;

	switch (opt) {
	case OPT_DB:
		if (!strcmp(text, "none")) /* as of a replay: no results */
			return err_set(e, "--db none: an experiment's runs are compared by their "
					  "results, which need a file");
		a->sweep.db = text;
		return 0;
	case OPT_SET:
		if (a->sweep.nr_settings == SETTINGS_MAX)
			return err_set(e, "more than %d --set", SETTINGS_MAX);
		a->sweep.settings[a->sweep.nr_settings++] = text;
		return 0;
	case OPT_ONLY:
		return only_parse(&a->sweep.only, text, e);
	case OPT_CHECK:
		return count_parse(text, &a->sweep.check_every, e) ? err_prefix(e, "--check") : 0;
	case OPT_JOBS:
		return jobs_set(a, text, e);
	case OPT_FORMAT:
		return out_format_parse(text, &a->format, e) ? err_prefix(e, "--format") : 0;
	case OPT_RESUME:
		a->sweep.resume = true;
		return 0;
	case OPT_VERIFY:
		a->sweep.verify = true;
		return 0;
	default:
		a->print = true;
		return 0;
	}
}

/* On the current machine. */
static int try_stack(const struct stack_config *config, struct err *e)
{
	struct slabulator caches;
	struct stack s;
	int ret;

	if (stack_create(&s, config, e))
		return -1;
	slabulator_init(&caches, s.slab, s.pages);
	ret = stack_create_store(&s, config, &caches, e);
	stack_destroy_store(&s);
	slabulator_destroy(&caches);
	stack_destroy(&s);
	return ret;
}

/* What a stack cannot be on the machine is said before the first run, not hours later. */
static int try_stacks(const struct experiment *x, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; x->machine && !ret && i < x->nr_stacks; i++) {
		struct machine *m = machine_create(x->machine, e);

		if (!m)
			return -1;
		machine_use(m);
		if (try_stack(&x->stacks[i].config, e))
			ret = yaml_error_around(x->stacks[i].node, e);
		machine_destroy(m);
	}
	return ret;
}

static void print_all(const struct experiment *x, const struct sweep *s)
{
	char stack[STACK_CONFIG_TEXT_MAX], *machine;

	for (size_t i = 0; i < s->nr; i++) {
		const struct one_run *r = &s->runs[i];

		stack_config_print(r->stack, stack, sizeof(stack));
		printf("%s %s seed=%llu %s %s\n", r->load, r->label, (unsigned long long)r->seed,
		       r->load_path, stack);
	}
	if (!x->machine)
		return;
	machine = machine_config_print(x->machine);
	printf("%s", machine);
	free(machine);
}

/* What a run that crashed or was left out would have shown is not known. */
static int conclude(const struct run_args *a, const struct experiment *x, int code, struct err *e)
{
	int verdict;

	if (!x->expect.nr || (code && code != EXIT_OOM))
		return code;
	if (a->sweep.only.load) {
		fprintf(stderr, "%s: with --only, nothing is judged of what it expects\n",
			a->sweep.path);
		return code;
	}
	verdict =
		expect_conclude(&x->expect, a->sweep.path, sweep_db_name(&a->sweep), a->format, e);
	return verdict == EXIT_MISTAKE ? verdict : max(code, verdict);
}

static int with_search(const struct run_args *a, const struct experiment *x, struct err *e)
{
	if (!a->print)
		return search_run(x, &a->sweep, a->format, e);
	search_print(x, &a->sweep);
	return 0;
}

static int with_experiment(const struct run_args *a, const struct experiment *x, struct err *e)
{
	struct sweep s;
	int ret = 0;

	if (only_check(&a->sweep.only, x, e) || try_stacks(x, e))
		return EXIT_MISTAKE;
	if (x->search)
		return with_search(a, x, e);
	if (expectations_check(&x->expect, e) || sweep_plan(&s, x, &a->sweep, e))
		return EXIT_MISTAKE;
	if (a->print)
		print_all(x, &s);
	else
		ret = conclude(a, x, sweep_run(&s, e), e);
	sweep_free(&s);
	return ret;
}

/* `kmemsim list experiments` shows names, which invite to be typed. */
static void say_nearest(const char *path, struct err *e)
{
	char *near = access(path, F_OK) ? configs_nearest(path, "experiment/1") : NULL;

	if (near)
		err_set(e, "%s: there is no such file: did you mean '%s'?", path, near);
	free(near);
}

/* A mistake that a run has found is said already. */
static int run_path(struct run_args *a, const char *path, struct err *e)
{
	struct experiment x;
	int ret = EXIT_MISTAKE;

	a->sweep.path = path;
	if (!experiment_open(&x, path, a->sweep.settings, a->sweep.nr_settings, e)) {
		ret = with_experiment(a, &x, e);
		experiment_close(&x);
	} else {
		say_nearest(path, e);
	}
	return ret == EXIT_MISTAKE && *e->msg ? cmd_fail("run", e) : ret;
}

int cmd_run(int argc, char **argv)
{
	static const struct cmd_options options = {long_options, OPT_HELP, usage, set};
	struct run_args a = {.sweep.jobs = 1};
	struct err e = {""};
	int ret = cmd_options(argc, argv, &options, &a);

	if (ret < 0)
		ret = argc - optind == 1 ? run_path(&a, argv[optind], &e)
					 : cmd_misused("run", "one experiment file is needed");
	only_clear(&a.sweep.only);
	return ret;
}
