/*
 * kmemsim replay: one trace on one stack.
 */
#include "cmd/cmd.h"
#include "cmd/replay_args.h"

static const char usage[] =
	"usage: kmemsim replay TRACE.kmt [options]\n" REPLAY_USAGE("results.db");

static const struct option long_options[] = {REPLAY_OPTIONS, {0}};

static int run(struct replay_args *a, struct err *e)
{
	return one_run(&a->run, e);
}

static const struct replay_command command = {.name = "replay", .db = "results.db", .run = run};

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
		if (replay_args_set(&a, opt, optarg, &e))
			return cmd_fail("replay", &e);
	}
	if (argc - optind != 1)
		return cmd_misused("replay", "one trace is needed, made by `kmemsim import`");
	a.run.load_path = argv[optind];
	ret = replay_args_run(&a, &command, &e);
	return ret == EXIT_MISTAKE ? cmd_fail("replay", &e) : ret;
}
