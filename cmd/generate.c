/*
 * kmemsim generate: a workload as a .kmt trace.
 */
#include <stdlib.h>

#include "cmd/cmd.h"
#include "cmd/info.h"
#include "cmd/load.h"
#include "cmd/one_run.h"
#include "cmd/stack_read.h"
#include "lib/file.h"
#include "lib/mem.h"
#include "lib/units.h"
#include "sim/trial.h"
#include "traces/kmt.h"
#include "traces/kmt_tee.h"

static const char usage[] =
	"usage: kmemsim generate WORKLOAD.yaml -o OUT.kmt [options]\n"
	"\n"
	"Writes a made-up load as a trace. Replaying the trace and running the workload with the "
	"same\n"
	"seed and machine give the same digest. But where jobs wait for their memory (closed_loop, "
	"or\n"
	"on_failure: retry), what is asked for depends on the stack: such a workload is run on "
	"one, "
	"and\n"
	"the trace holds what that stack was asked; another stack replays the same requests at the "
	"same\n"
	"times, as with any recording. And what pressure may take (`reclaim`) is not in a trace: "
	"its\n"
	"replay reclaims nothing.\n"
	"\n"
	"  -o, --output OUT.kmt  the file to write; appears whole or not at all\n"
	"      --seed N          seed of the random streams (default 1)\n"
	"      --duration TIME   in place of the workload's own\n"
	"      --machine FILE    the machine: stored in the trace (default: machine-2node, not "
	"stored)\n"
	"      --pages CHAIN     of the stack that jobs wait for (default page_allocator)\n"
	"      --slab CHAIN      likewise (default slabifier)\n"
	"      --store CHAIN     likewise, of compressed objects (default: none)\n"
	"      --kmalloc YAML    likewise: its table, as in '{classes: [32B, 64B]}'\n"
	"      --caches YAML     likewise: slab chains of some caches\n";

struct generate_args {
	struct load_spec load;
	struct stack_texts stack;
	const char *output, *machine;
};

/* Runs the load on a stack, so that it learns what it waits for. */
static int run_on_stack(const struct generate_args *a, const struct machine_config *machine,
			struct source *tee, struct err *e)
{
	struct stack_config stack;
	struct progress p;
	struct trial t = {.machine = machine,
			  .stack = &stack,
			  .source = tee,
			  .seed = a->load.seed,
			  .progress = &p};
	int ret;

	if (stack_texts_read(&stack, &a->stack, e))
		return -1;
	progress_begin(&p, "generate", tee->tables.nr_requests);
	ret = trial_run(&t, e);
	progress_end(&p);
	stack_config_free(&stack);
	if (!ret && t.status == TRIAL_OOM)
		ret = EXIT_OOM;
	return ret;
}

/* 0, EXIT_OOM (what was asked until then is written), or -1 with e set. */
static int write_load(const struct generate_args *a, struct source *load,
		      const struct machine_config *machine, FILE *out, struct err *e)
{
	struct source *tee = kmt_tee_open(load, out, e);
	char *text = a->machine ? machine_config_print(machine) : NULL;
	int ret = -1;

	if (tee) {
		ret = load->ops->ended ? run_on_stack(a, machine, tee, e) : kmt_tee_drain(tee, e);
		if (ret >= 0 && kmt_tee_finish(tee, text, e))
			ret = -1;
		tee->ops->close(tee);
	}
	free(text);
	return ret;
}

/* Of a load whose memory pressure may take the trace tells less than it could. */
static int show(const char *path, bool reclaims, struct err *e)
{
	struct source *s = kmt_open(path, e);

	if (!s)
		return -1;
	info_print_text(stdout, s, NULL);
	if (reclaims)
		puts("\n`reclaim` is not in the trace: its replay reclaims nothing");
	s->ops->close(s);
	return 0;
}

static int generate_to(const struct generate_args *a, struct source *load,
		       const struct machine_config *machine, struct err *e)
{
	struct new_file out;
	int ret;

	if (new_file_open(&out, a->output, e))
		return -1;
	ret = write_load(a, load, machine, out.f, e);
	if (ret < 0) {
		new_file_abort(&out);
		return -1;
	}
	if (new_file_commit(&out, e) || show(a->output, load->ops->accessed_ns, e))
		return -1;
	return ret;
}

static int generate(struct generate_args *a, struct err *e)
{
	struct machine_config *given = mem_alloc(1, sizeof(*given)),
			      *machine = mem_alloc(1, sizeof(*machine));
	struct source *load;
	int ret = -1;

	if (!load_is_workload(a->load.path)) {
		err_set(e, "%s: a workload is a .yaml file", a->load.path);
	} else if (!a->machine || !machine_config_load(given, a->machine, e)) {
		a->load.machine = a->machine ? given : NULL;
		load = load_open(&a->load, machine, e);
		if (load) {
			ret = generate_to(a, load, machine, e);
			load->ops->close(load);
		}
	}
	free(given);
	free(machine);
	return ret < 0 ? cmd_fail("generate", e) : ret;
}

enum {
	OPT_SEED = 256,
	OPT_DURATION,
	OPT_MACHINE,
	OPT_PAGES,
	OPT_KMALLOC,
	OPT_CACHES,
	OPT_SLAB,
	OPT_STORE
};

static int set(void *arg, int opt, const char *text, struct err *e)
{
	struct generate_args *a = arg;

	switch (opt) {
	case 'o':
		a->output = text;
		return 0;
	case OPT_SEED:
		return count_parse(text, &a->load.seed, e) ? err_prefix(e, "--seed") : 0;
	case OPT_DURATION:
		return load_duration_parse(text, &a->load.duration_ns, e);
	case OPT_MACHINE:
		a->machine = text;
		return 0;
	case OPT_PAGES:
		a->stack.pages = text;
		return 0;
	case OPT_KMALLOC:
		a->stack.kmalloc = text;
		return 0;
	case OPT_CACHES:
		a->stack.caches = text;
		return 0;
	case OPT_STORE:
		a->stack.store = text;
		return 0;
	default:
		a->stack.slab = text;
		return 0;
	}
}

int cmd_generate(int argc, char **argv)
{
	static const struct option options[] = {
		{"output", required_argument, NULL, 'o'},
		{"seed", required_argument, NULL, OPT_SEED},
		{"duration", required_argument, NULL, OPT_DURATION},
		{"machine", required_argument, NULL, OPT_MACHINE},
		{"pages", required_argument, NULL, OPT_PAGES},
		{"slab", required_argument, NULL, OPT_SLAB},
		{"store", required_argument, NULL, OPT_STORE},
		{"kmalloc", required_argument, NULL, OPT_KMALLOC},
		{"caches", required_argument, NULL, OPT_CACHES},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	static const struct cmd_options how = {options, 'h', usage, set};
	struct generate_args a = {.load.seed = 1};
	struct err e = {""};
	int ret = cmd_options(argc, argv, &how, &a);

	if (ret >= 0)
		return ret;
	if (argc - optind != 1)
		return cmd_misused("generate", "one workload is needed");
	if (!a.output)
		return cmd_misused("generate", "-o OUT.kmt is missing");
	a.load.path = argv[optind];
	return generate(&a, &e);
}
