/*
 * kmemsim run: an experiment, machine x stacks x loads x seeds, into a database.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/experiment.h"
#include "cmd/one_run.h"
#include "cmd/only.h"
#include "cmd/repeat.h"
#include "lib/units.h"
#include "reports/db_sink.h"
#include "sim/machine.h"

#define SETTINGS_MAX 64

static const char usage[] =
	"usage: kmemsim run EXPERIMENT.yaml [options]\n"
	"  --db FILE         results database (default results.db)\n"
	"  --set KEY=VALUE   overrides a key, such as sample=5ms or stacks.plain.pages=bitmap\n"
	"  --only LOAD/STACK/SEED  these runs only; each part is a name or a glob, as in "
	"'*/rcu/1'\n"
	"  --verify          run everything twice and compare the digests\n"
	"  --check N         full walk over all allocators every N requests\n"
	"  --print           say what would run, and run nothing\n";

enum { OPT_DB = 256, OPT_SET, OPT_ONLY, OPT_VERIFY, OPT_CHECK, OPT_PRINT, OPT_HELP };

static const struct option long_options[] = {
	{"db", required_argument, NULL, OPT_DB},       {"set", required_argument, NULL, OPT_SET},
	{"only", required_argument, NULL, OPT_ONLY},   {"verify", no_argument, NULL, OPT_VERIFY},
	{"check", required_argument, NULL, OPT_CHECK}, {"print", no_argument, NULL, OPT_PRINT},
	{"help", no_argument, NULL, OPT_HELP},	       {0},
};

struct run_args {
	const char *path, *db;
	const char *settings[SETTINGS_MAX];
	size_t nr_settings;
	struct only only;
	bool verify, print;
	u64 check_every;
};

static int set(struct run_args *a, int opt, const char *text, struct err *e)
{
	switch (opt) {
	case OPT_DB:
		a->db = text;
		return 0;
	case OPT_SET:
		if (a->nr_settings == SETTINGS_MAX)
			return err_set(e, "more than %d --set", SETTINGS_MAX);
		a->settings[a->nr_settings++] = text;
		return 0;
	case OPT_ONLY:
		return only_parse(&a->only, text, e);
	case OPT_CHECK:
		return count_parse(text, &a->check_every, e) ? err_prefix(e, "--check") : 0;
	case OPT_VERIFY:
		a->verify = true;
		return 0;
	default:
		a->print = true;
		return 0;
	}
}

/* Called for each run of an experiment; what it returns ends the walk unless it is 0. */
typedef int (*run_fn)(const struct one_run *r, void *arg, struct err *e);

static int for_each_run(const struct experiment *x, const struct run_args *a, run_fn fn, void *arg,
			struct err *e)
{
	for (size_t l = 0; l < x->nr_loads; l++) {
		for (size_t s = 0; s < x->nr_stacks; s++) {
			for (size_t i = 0; i < x->nr_seeds; i++) {
				struct one_run r = {
					.machine = x->machine,
					.stack = &x->stacks[s].config,
					.load_path = x->loads[l].trace,
					.load = x->loads[l].name,
					.label = x->stacks[s].name,
					.seed = x->seeds[i],
					.sample_ns = x->sample_ns,
					.check_every = a->check_every,
					.verify = a->verify,
				};
				int ret;

				if (!only_has(&a->only, r.load, r.label, r.seed))
					continue;
				ret = fn(&r, arg, e);
				if (ret)
					return ret;
			}
		}
	}
	return 0;
}

static int print_run(const struct one_run *r, void *arg, struct err *e)
{
	char stack[2 * STACK_TEXT_MAX + 32];

	(void)arg, (void)e;
	stack_config_print(r->stack, stack, sizeof(stack));
	printf("%s %s seed=%llu %s %s\n", r->load, r->label, (unsigned long long)r->seed,
	       r->load_path, stack);
	return 0;
}

static char *repeat_line(const struct run_args *a, const struct one_run *r)
{
	char *only = only_print(r->load, r->label, r->seed);
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

struct execution {
	const struct run_args *args;
	struct sink *sink;
	bool oom;
};

/* A run that ends in oom is a result: the others still run. */
static int execute(const struct one_run *r, void *arg, struct err *e)
{
	struct execution *x = arg;
	char *command = repeat_line(x->args, r);
	struct one_run run = *r;
	int ret;

	run.sink = x->sink;
	run.command = command;
	ret = one_run(&run, e);
	free(command);
	if (ret != EXIT_OOM)
		return ret;
	x->oom = true;
	return 0;
}

/* What a stack cannot be on the machine is said before the first run, not hours later. */
static int try_stacks(const struct experiment *x, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; x->machine && !ret && i < x->nr_stacks; i++) {
		struct machine *m = machine_create(x->machine, e);
		struct stack s;

		if (!m)
			return -1;
		machine_use(m);
		if (stack_create(&s, &x->stacks[i].config, e))
			ret = yaml_error_around(x->stacks[i].node, e);
		else
			stack_destroy(&s);
		machine_destroy(m);
	}
	return ret;
}

static int run_all(const struct experiment *x, const struct run_args *a, struct err *e)
{
	struct execution ex = {.args = a};
	struct db *db = db_open(a->db ? a->db : "results.db", DB_WRITE, e);
	int ret;

	if (!db)
		return EXIT_MISTAKE;
	ex.sink = db_sink_new(db);
	ret = for_each_run(x, a, execute, &ex, e);
	db_sink_free(ex.sink);
	db_close(db);
	return ret ? ret : ex.oom ? EXIT_OOM : 0;
}

static void print_all(const struct experiment *x, const struct run_args *a)
{
	struct err unused;
	char *machine;

	for_each_run(x, a, print_run, NULL, &unused);
	if (!x->machine)
		return;
	machine = machine_config_print(x->machine);
	printf("%s", machine);
	free(machine);
}

static int with_experiment(const struct run_args *a, struct err *e)
{
	struct experiment x;
	int ret = 0;

	if (experiment_open(&x, a->path, a->settings, a->nr_settings, e))
		return EXIT_MISTAKE;
	if (only_check(&a->only, &x, e) || try_stacks(&x, e))
		ret = EXIT_MISTAKE;
	else if (a->print)
		print_all(&x, a);
	else
		ret = run_all(&x, a, e);
	experiment_close(&x);
	return ret;
}

static int run_path(struct run_args *a, const char *path, struct err *e)
{
	int ret;

	a->path = path;
	ret = with_experiment(a, e);
	return ret == EXIT_MISTAKE ? cmd_fail("run", e) : ret;
}

int cmd_run(int argc, char **argv)
{
	struct run_args a = {0};
	struct err e = {""};
	int opt, ret;

	while ((opt = cmd_getopt(argc, argv, long_options)) != -1) {
		if (opt == OPT_HELP || opt == '?' || set(&a, opt, optarg, &e))
			break;
	}
	if (opt == OPT_HELP)
		ret = cmd_usage(usage);
	else if (opt == '?')
		ret = EXIT_MISTAKE;
	else if (opt != -1)
		ret = cmd_fail("run", &e);
	else if (argc - optind != 1)
		ret = cmd_misused("run", "one experiment file is needed");
	else
		ret = run_path(&a, argv[optind], &e);
	only_clear(&a.only);
	return ret;
}
