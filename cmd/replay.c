/*
 * kmemsim replay: one trace on one stack.
 */
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/one_run.h"
#include "cmd/repeat.h"
#include "lib/units.h"
#include "reports/db_sink.h"

static const char usage[] =
	"usage: kmemsim replay TRACE.kmt [options]\n"
	"  --pages CHAIN     page allocators, outermost first (default page_allocator)\n"
	"  --slab CHAIN      slab allocators, outermost first (default slabifier)\n"
	"  --machine FILE    the machine (default: the trace's, else machine-2node)\n"
	"  --label TEXT      name of the stack in results (default: the canonical stack)\n"
	"  --db FILE         results database (default results.db; 'none' keeps nothing)\n"
	"  --seed N          seed of random streams (default 1)\n"
	"  --sample TIME     time between samples (default: 200 over the trace)\n"
	"  --check N         full walk over all allocators every N requests\n"
	"  --verify          run twice and compare the digests\n";

enum {
	OPT_PAGES = 256,
	OPT_SLAB,
	OPT_MACHINE,
	OPT_LABEL,
	OPT_DB,
	OPT_SEED,
	OPT_SAMPLE,
	OPT_CHECK,
	OPT_VERIFY,
	OPT_HELP
};

static const struct option long_options[] = {
	{"pages", required_argument, NULL, OPT_PAGES},
	{"slab", required_argument, NULL, OPT_SLAB},
	{"machine", required_argument, NULL, OPT_MACHINE},
	{"label", required_argument, NULL, OPT_LABEL},
	{"db", required_argument, NULL, OPT_DB},
	{"seed", required_argument, NULL, OPT_SEED},
	{"sample", required_argument, NULL, OPT_SAMPLE},
	{"check", required_argument, NULL, OPT_CHECK},
	{"verify", no_argument, NULL, OPT_VERIFY},
	{"help", no_argument, NULL, OPT_HELP},
	{0},
};

struct replay_args {
	struct one_run run;
	const char *pages, *slab, *machine, *db;
};

static int set(struct replay_args *a, int opt, const char *text, struct err *e)
{
	switch (opt) {
	case OPT_PAGES:
		a->pages = text;
		return 0;
	case OPT_SLAB:
		a->slab = text;
		return 0;
	case OPT_MACHINE:
		a->machine = text;
		return 0;
	case OPT_LABEL:
		a->run.label = text;
		return 0;
	case OPT_DB:
		a->db = text;
		return 0;
	case OPT_SEED:
		return count_parse(text, &a->run.seed, e) ? err_prefix(e, "--seed") : 0;
	case OPT_SAMPLE:
		return time_parse(text, &a->run.sample_ns, e) ? err_prefix(e, "--sample") : 0;
	case OPT_CHECK:
		return count_parse(text, &a->run.check_every, e) ? err_prefix(e, "--check") : 0;
	default:
		a->run.verify = true;
		return 0;
	}
}

static int with_db(struct replay_args *a, struct err *e)
{
	struct db *db;
	int ret;

	if (a->db && !strcmp(a->db, "none"))
		return one_run(&a->run, e);
	db = db_open(a->db ? a->db : "results.db", DB_WRITE, e);
	if (!db)
		return EXIT_MISTAKE;
	a->run.sink = db_sink_new(db);
	ret = one_run(&a->run, e);
	db_sink_free(a->run.sink);
	db_close(db);
	return ret;
}

static int with_machine(struct replay_args *a, struct err *e)
{
	struct machine_config machine;

	if (!a->machine)
		return with_db(a, e);
	if (machine_config_load(&machine, a->machine, e))
		return EXIT_MISTAKE;
	a->run.machine = &machine;
	return with_db(a, e);
}

/* Everything that is not the default, and the whole stack: it says what its options were. */
static char *repeat_line(const struct replay_args *a)
{
	const struct one_run *r = &a->run;
	char pages[STACK_TEXT_MAX], slab[STACK_TEXT_MAX], seed[32], sample[32];
	struct repeat line;

	chain_print(&r->stack->pages, pages, sizeof(pages));
	chain_print(&r->stack->slab, slab, sizeof(slab));
	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)r->seed);
	time_print(r->sample_ns, sample, sizeof(sample));
	repeat_begin(&line, "replay");
	repeat_path(&line, r->load_path);
	repeat_option(&line, "pages", pages);
	repeat_option(&line, "slab", slab);
	repeat_option(&line, "machine", a->machine);
	repeat_option(&line, "label", r->label);
	repeat_option(&line, "db", a->db);
	repeat_option(&line, "seed", seed);
	repeat_option(&line, "sample", r->sample_ns ? sample : NULL);
	return repeat_end(&line);
}

static int with_stack(struct replay_args *a, struct err *e)
{
	struct stack_config stack;
	char *command;
	int ret;

	if (stack_config_parse(&stack, a->pages, a->slab, e))
		return EXIT_MISTAKE;
	a->run.stack = &stack;
	a->run.command = command = repeat_line(a);
	ret = with_machine(a, e);
	free(command);
	stack_config_free(&stack);
	return ret;
}

int cmd_replay(int argc, char **argv)
{
	struct replay_args a = {.run.seed = 1};
	struct err e = {""};
	int opt, ret;

	while ((opt = cmd_getopt(argc, argv, long_options)) != -1) {
		if (opt == OPT_HELP)
			return cmd_usage(usage);
		if (opt == '?')
			return EXIT_MISTAKE;
		if (set(&a, opt, optarg, &e))
			return cmd_fail("replay", &e);
	}
	if (argc - optind != 1)
		return cmd_misused("replay", "one trace is needed, made by `kmemsim import`");
	a.run.load_path = argv[optind];
	ret = with_stack(&a, &e);
	return ret == EXIT_MISTAKE ? cmd_fail("replay", &e) : ret;
}
