/*
 * kmemsim replay: one trace or workload on one stack.
 */
#include <stdlib.h>

#include "cmd/cmd.h"
#include "cmd/fragment_read.h"
#include "cmd/load.h"
#include "cmd/proc_write.h"
#include "cmd/replay_args.h"
#include "lib/file.h"
#include "lib/units.h"

static const char usage[] =
	"usage: kmemsim replay TRACE.kmt|WORKLOAD.yaml [options]\n"
	"\n"
	"With snapshots of the recorded machine the replay starts warm: caches hold what lived "
	"there, on\n"
	"the slabs that were there, and free pages are as fragmented.\n"
	"\n"
	"  --snapshots DIR   the recorded machine (default: what the trace carries)\n"
	"  --cold            start on an empty machine, whatever the trace carries\n"
	"  --fragment TEXT   the state memory starts in: 'pinned(p=1/512)'; see `kmemsim list "
	"fragmenters`\n"
	"  --slabinfo FILE   /proc/slabinfo as it is at the end goes there\n"
	"  --proc DIR        the same of buddyinfo, pagetypeinfo, vmstat and zoneinfo, too, and of "
	"a "
	"store\n"
	"                    mm_stat and classes; in DIR/snaps as they were at time zero and at "
	"the\n"
	"                    recorded machine's snapshots\n"
	"  --duration TIME   of a workload, in place of its own\n" REPLAY_USAGE(
		"results.db", "slabifier", "none");

enum { OPT_SNAPSHOTS = OPT_OWN, OPT_COLD, OPT_DURATION, OPT_SLABINFO, OPT_PROC, OPT_FRAGMENT };

static const struct option long_options[] = {
	REPLAY_OPTIONS,
	{"snapshots", required_argument, NULL, OPT_SNAPSHOTS},
	{"cold", no_argument, NULL, OPT_COLD},
	{"slabinfo", required_argument, NULL, OPT_SLABINFO},
	{"proc", required_argument, NULL, OPT_PROC},
	{"duration", required_argument, NULL, OPT_DURATION},
	{"fragment", required_argument, NULL, OPT_FRAGMENT},
	{0},
};

struct replay_own {
	struct replay_args args; /* first: the shared part leads back here */
	const char *slabinfo;	 /* a path; NULL: not wanted */
	const char *proc;	 /* a folder; likewise */
	struct fragment_spec fragment;
};

static void repeat(const struct replay_args *a, struct repeat *line)
{
	char text[32], fragment[FRAGMENT_TEXT_MAX];

	time_print(a->run.duration_ns, text, sizeof(text));
	repeat_option(line, "duration", a->run.duration_ns ? text : NULL);
	repeat_option(line, "snapshots", a->run.start.dir);
	if (a->run.start.cold)
		repeat_word(line, "--cold");
	if (a->run.fragment)
		repeat_option(line, "fragment",
			      fragment_print(a->run.fragment, fragment, sizeof(fragment)));
}

static int fragment_set(struct replay_own *own, const char *text, struct err *e)
{
	fragment_spec_free(&own->fragment);
	if (fragment_read(&own->fragment, text, NULL, e))
		return err_prefix(e, "--fragment");
	own->args.run.fragment = &own->fragment.fragment;
	return 0;
}

static int set(void *arg, int opt, const char *text, struct err *e)
{
	struct replay_own *own = arg;
	struct replay_args *a = &own->args;

	if (opt == OPT_DURATION)
		return load_duration_parse(text, &a->run.duration_ns, e);
	if (opt == OPT_FRAGMENT)
		return fragment_set(own, text, e);
	if (opt == OPT_SNAPSHOTS)
		a->run.start.dir = text;
	else if (opt == OPT_SLABINFO)
		own->slabinfo = text;
	else if (opt == OPT_PROC)
		own->proc = text;
	else if (opt == OPT_COLD)
		a->run.start.cold = true;
	else
		return replay_args_set(a, opt, text, e);
	if (a->run.start.cold && a->run.start.dir)
		return err_set(e, "--cold: --snapshots asks for a warm start");
	return 0;
}

/* Nothing is written of a run that did not come to its end. */
static int run_with_proc(struct replay_args *a, const char *dir, struct err *e)
{
	struct proc_files files = {.nr = 0};
	struct report_dir out;
	int ret;

	if (!dir)
		return one_run(&a->run, e);
	if (proc_write_open(&out, dir, e))
		return EXIT_MISTAKE;
	a->run.proc = &files;
	ret = one_run(&a->run, e);
	if (ret && ret != EXIT_OOM)
		report_dir_abort(&out);
	else if (proc_write(&out, &files, e))
		ret = EXIT_MISTAKE;
	proc_files_free(&files);
	return ret;
}

static int run(struct replay_args *a, struct err *e)
{
	const struct replay_own *own = container_of(a, struct replay_own, args);
	struct new_file out;
	char *slabinfo = NULL;
	int ret;

	if (!own->slabinfo)
		return run_with_proc(a, own->proc, e);
	if (new_file_open(&out, own->slabinfo, e))
		return EXIT_MISTAKE;
	a->run.slabinfo = &slabinfo;
	ret = run_with_proc(a, own->proc, e);
	if (!slabinfo) {
		new_file_abort(&out);
		return ret;
	}
	fputs(slabinfo, out.f);
	free(slabinfo);
	return new_file_commit(&out, e) ? EXIT_MISTAKE : ret;
}

static const struct replay_command command = {
	.name = "replay", .db = "results.db", .repeat = repeat, .run = run};

int cmd_replay(int argc, char **argv)
{
	static const struct cmd_options how = {long_options, OPT_HELP, usage, set};
	struct replay_own a = {.args.run.seed = 1};
	struct err e = {""};
	int ret = cmd_options(argc, argv, &how, &a);

	if (ret >= 0)
		return ret;
	if (argc - optind != 1)
		return cmd_misused("replay",
				   "one trace is needed, made by `kmemsim import`, or a workload");
	a.args.run.load_path = argv[optind];
	ret = replay_args_run(&a.args, &command, &e);
	fragment_spec_free(&a.fragment);
	return ret == EXIT_MISTAKE ? cmd_fail("replay", &e) : ret;
}
