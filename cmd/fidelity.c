/*
 * kmemsim fidelity: the simulated machine beside the recorded one.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/recorded.h"
#include "cmd/replay_args.h"
#include "lib/mem.h"
#include "lib/out.h"
#include "reports/fidelity_print.h"
#include "reports/fidelity_sink.h"
#include "reports/fidelity_write.h"
#include "traces/kmt.h"
#include "traces/snapshots_load.h"

/* The recorded kernel gives no idle CPU slab back. */
#define SLAB_DEFAULT "slabifier(flush=0s)"
/* It is what its events of compressed objects come from. */
#define STORE_DEFAULT "zsmalloc"

static const char usage[] =
	"usage: kmemsim fidelity TRACE.kmt [--snapshots DIR] [options]\n"
	"\n"
	"Replays the trace on caches of the recorded geometry and shows simulated slabs and free "
	"blocks\n"
	"beside the recorded ones at each snapshot. Scores (`kmemsim help slab_change_error`) are\n"
	"pooled over the snapshots after the first; beside each stands the score of doing nothing "
	"(idle).\n"
	"Both sides change from their own state when the first snapshot's slabinfo was read; "
	"slabinfo0,\n"
	"read right after a shrink, would flatter: by then nothing has happened.\n"
	"Where zram's mm_stat was recorded, store_error is the largest error of the store's memory "
	"at\n"
	"any reading of it.\n"
	"\n"
	"  --snapshots DIR   the recorded machine: NN-LABEL/slabinfo, buddyinfo, ... (default: "
	"the\n"
	"                    snapshots that the trace was imported with)\n"
	"  --cold            start on an empty machine, whatever the snapshots say\n"
	"  --both            the warm start, and the scores of a cold one beside it\n"
	"  --format FORMAT   text (default) or json\n"
	"  --fail-on LIMIT   exit 1 if a pooled score misses it: 'slab_change_error>0.3', also <,\n"
	"                    any score; may be repeated\n"
	"  --write DIR       slabinfo, buddyinfo and pagetypeinfo of both machines at each "
	"snapshot\n" REPLAY_USAGE(
		"none", SLAB_DEFAULT,
		"none;\n"
		"                    zsmalloc, as recorded, where the trace stores objects");

enum { OPT_SNAPSHOTS = OPT_OWN, OPT_COLD, OPT_BOTH, OPT_FORMAT, OPT_FAIL_ON, OPT_WRITE };

static const struct option long_options[] = {
	REPLAY_OPTIONS,
	{"snapshots", required_argument, NULL, OPT_SNAPSHOTS},
	{"cold", no_argument, NULL, OPT_COLD},
	{"both", no_argument, NULL, OPT_BOTH},
	{"format", required_argument, NULL, OPT_FORMAT},
	{"fail-on", required_argument, NULL, OPT_FAIL_ON},
	{"write", required_argument, NULL, OPT_WRITE},
	{0},
};

#define LIMITS_MAX 32

struct fidelity_args {
	struct replay_args replay; /* first: the shared part leads back here */
	const char *snapshots_dir, *write_dir;
	bool cold; /* instead of a warm start */
	bool both; /* a warm start, and a cold one beside it */
	enum out_format format;
	struct fidelity_limit limits[LIMITS_MAX];
	size_t nr_limits;

	struct snapshots snapshots;
	struct slab_shapes shapes;
};

static struct fidelity_args *to_fidelity_args(const struct replay_args *a)
{
	return container_of((struct replay_args *)(uintptr_t)a, struct fidelity_args, replay);
}

static void repeat(const struct replay_args *a, struct repeat *line)
{
	repeat_option(line, "snapshots", to_fidelity_args(a)->snapshots_dir);
	if (to_fidelity_args(a)->cold)
		repeat_word(line, "--cold");
	if (to_fidelity_args(a)->both)
		repeat_word(line, "--both");
}

static int limits_missed(const struct fidelity_args *a, const struct fidelity *f)
{
	int ret = 0;

	for (size_t i = 0; i < a->nr_limits; i++) {
		const struct fidelity_limit *l = &a->limits[i];
		char value[32];

		if (!fidelity_limit_missed(l, &f->pooled))
			continue;
		if (isnan(f->pooled.score[l->score]))
			snprintf(value, sizeof(value), "undefined");
		else
			snprintf(value, sizeof(value), "%.4f", f->pooled.score[l->score]);
		fprintf(stderr, "kmemsim fidelity: %s is %s: --fail-on '%s'\n",
			fidelity_score_names[l->score], value, l->text);
		ret = 1;
	}
	return ret;
}

static int run_start(struct fidelity_args *a, struct fidelity *f, bool cold, struct sink *results,
		     struct err *e)
{
	struct sink *own = a->replay.run.sink;
	struct fidelity_sink *sink = fidelity_sink_new(f, results);
	int ret;

	a->replay.run.start.cold = cold;
	a->replay.run.sink = fidelity_sink_base(sink);
	ret = one_run(&a->replay.run, e);
	a->replay.run.sink = own;
	fidelity_sink_free(sink);
	return ret;
}

static int show(const struct fidelity_args *a, const struct fidelity *f,
		const struct fidelity *beside, struct err *e)
{
	const struct fidelity_start starts[] = {{a->cold ? "cold" : "warm", f}, {"cold", beside}};

	if (a->write_dir && fidelity_write(f, a->write_dir, e))
		return EXIT_MISTAKE;
	if (a->format == OUT_JSON)
		fidelity_print_json(stdout, starts, beside ? 2 : 1);
	else
		fidelity_print_text(stdout, starts, beside ? 2 : 1);
	return limits_missed(a, f);
}

/*
 * Of the start beside the first the database gets nothing: it is there to be compared with. What a
 * run that ended early has seen is shown as well.
 */
static int run_starts(struct fidelity_args *a, struct fidelity *f, struct fidelity *beside,
		      struct err *e)
{
	int ret = run_start(a, f, a->cold, a->replay.run.sink, e), missed;

	if (beside && (!ret || ret == EXIT_OOM))
		ret = max(ret, run_start(a, beside, true, NULL, e));
	if (ret && ret != EXIT_OOM)
		return ret;
	missed = show(a, f, beside, e);
	return missed == EXIT_MISTAKE || !ret ? missed : ret;
}

static int with_shapes(struct fidelity_args *a, struct source *kmt, struct err *e)
{
	struct fidelity *f = recorded_fidelity(&a->snapshots, kmt, e), *beside = NULL;
	int ret = EXIT_MISTAKE;

	if (f && a->both)
		beside = recorded_fidelity(&a->snapshots, kmt, e);
	if (f && (beside || !a->both))
		ret = run_starts(a, f, beside, e);
	fidelity_free(f);
	fidelity_free(beside);
	return ret;
}

static int with_snapshots(struct fidelity_args *a, struct source *kmt, struct err *e)
{
	int ret;

	if (a->write_dir && fidelity_write_check(a->write_dir, e))
		return EXIT_MISTAKE;
	if (recorded_shapes(&a->snapshots, &a->shapes, e))
		return EXIT_MISTAKE;
	a->replay.run.at_marks = true;
	a->replay.run.shapes = &a->shapes;
	a->replay.run.recorded_machine = a->snapshots.machine;
	a->replay.run.start.given = &a->snapshots;
	ret = with_shapes(a, kmt, e);
	free((struct slab_shape *)(uintptr_t)a->shapes.shapes);
	return ret;
}

static int open_snapshots(struct fidelity_args *a, struct source *kmt, struct err *e)
{
	char *warning;
	int ret = snapshots_of_load(&a->snapshots, kmt, a->snapshots_dir, &warning, e);

	if (warning)
		fprintf(stderr, "kmemsim fidelity: %s\n", warning);
	free(warning);
	if (!ret)
		return err_set(e,
			       "%s carries no snapshots of the recorded machine: name their folder "
			       "with --snapshots, or import it with them",
			       kmt->tables.name);
	return ret < 0 ? -1 : 0;
}

static int run(struct replay_args *replay, struct err *e)
{
	struct fidelity_args *a = to_fidelity_args(replay);
	struct source *kmt = kmt_open(replay->run.load_path, e);
	int ret = EXIT_MISTAKE;

	if (!kmt)
		return EXIT_MISTAKE;
	if (!open_snapshots(a, kmt, e)) {
		ret = with_snapshots(a, kmt, e);
		snapshots_close(&a->snapshots);
	}
	kmt->ops->close(kmt);
	return ret;
}

static const struct replay_command command = {
	.name = "fidelity", .db = "none", .repeat = repeat, .run = run};

static int set(void *arg, int opt, const char *text, struct err *e)
{
	struct fidelity_args *a = arg;

	switch (opt) {
	case OPT_SNAPSHOTS:
		a->snapshots_dir = text;
		return 0;
	case OPT_COLD:
	case OPT_BOTH:
		a->cold |= opt == OPT_COLD;
		a->both |= opt == OPT_BOTH;
		return a->cold && a->both ? err_set(e, "--cold: --both asks for a warm start too")
					  : 0;
	case OPT_FORMAT:
		if (out_format_parse(text, &a->format, e))
			return err_prefix(e, "--format");
		return a->format == OUT_CSV
			       ? err_set(e, "--format csv: fidelity knows text and json")
			       : 0;
	case OPT_WRITE:
		a->write_dir = text;
		return 0;
	case OPT_FAIL_ON:
		if (a->nr_limits == LIMITS_MAX)
			return err_set(e, "--fail-on: more than %d limits", LIMITS_MAX);
		return fidelity_limit_parse(&a->limits[a->nr_limits++], text, e);
	default:
		return replay_args_set(&a->replay, opt, text, e);
	}
}

/* Whose objects the recorded kernel stored, so does the simulated one. */
static int choose_store(struct replay_args *a, struct err *e)
{
	struct source *kmt = kmt_open(a->run.load_path, e);

	if (!kmt)
		return -1;
	if (!a->stack.store && kmt_meta(kmt)->requests[REQ_STORE_ALLOC])
		a->stack.store = STORE_DEFAULT;
	kmt->ops->close(kmt);
	return 0;
}

int cmd_fidelity(int argc, char **argv)
{
	static const struct cmd_options how = {long_options, OPT_HELP, usage, set};
	struct fidelity_args a = {.replay = {.run.seed = 1, .stack.slab = SLAB_DEFAULT}};
	struct err e = {""};
	int ret = cmd_options(argc, argv, &how, &a);

	if (ret >= 0)
		return ret;
	if (argc - optind != 1)
		return cmd_misused("fidelity", "one trace is needed, made by `kmemsim import`");
	a.replay.run.load_path = argv[optind];
	ret = choose_store(&a.replay, &e) ? EXIT_MISTAKE : replay_args_run(&a.replay, &command, &e);
	return ret == EXIT_MISTAKE ? cmd_fail("fidelity", &e) : ret;
}
