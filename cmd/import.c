/*
 * kmemsim import: a recorded trace to a .kmt file.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd/cmd.h"
#include "cmd/info.h"
#include "lib/file.h"
#include "lib/mem.h"
#include "lib/suggest.h"
#include "lib/units.h"
#include "sim/machine_config.h"
#include "traces/import.h"
#include "traces/kmt.h"
#include "traces/kmt_check.h"
#include "traces/recording.h"
#include "traces/snapshots_load.h"

static const char usage[] =
	"usage: kmemsim import RECORDING -o OUT.kmt [--from auto|NAME] [--machine M.yaml]\n"
	"                      [--snapshots DIR]\n"
	"\n"
	"Reads a recorded kernel memory trace, repairs what the recording leaves out, and writes "
	"a\n"
	"compact, checked trace that `run` and `replay` take. Prints what was found and done.\n"
	"\n"
	"RECORDING is a trace, or a folder that has trace.dat (trace.txt, trace.txt.zst), snaps/,\n"
	"slab_static.tsv, META and mm_stat in it, or a tar of such a folder (plain, gzip, xz, "
	"zstd).\n"
	"\n"
	"  -o, --output OUT.kmt   the file to write; appears whole or not at all\n"
	"      --from NAME        importer (`kmemsim list importers`); auto: found by looking at "
	"the file\n"
	"      --machine M.yaml   the machine it was recorded on: stored in the trace, tells nodes "
	"apart;\n"
	"                         left out, the snapshots tell it; without these, two nodes of\n"
	"                         1 GiB are assumed and none is stored\n"
	"      --snapshots DIR    what /proc said while it was recorded (folders NN-LABEL):\n"
	"                         checked and stored in the trace, for warm starts and "
	"`fidelity`.\n"
	"                         mm_stat, there or one folder up: a line for each reading of\n"
	"                         zram's: LABEL DEVICE, the 7 to 9 columns of its mm_stat, and "
	"the\n"
	"                         seconds of /proc/uptime (17.18); its compaction is replayed\n";

#define PAGE_BYTES 4096
#define IMPORTERS_MAX 16

struct arguments {
	const char *input, *output, *from, *machine, *snapshots;
};

static int unknown_importer(const char *name, struct err *e)
{
	const char *names[IMPORTERS_MAX + 2], *near;
	size_t n = 0;

	names[n++] = "auto";
	for (const struct importer *im = importer_first(); im && n <= IMPORTERS_MAX; im = im->next)
		names[n++] = im->name;
	names[n] = NULL;
	near = suggest_nearest(name, names);
	if (near)
		return err_set(e, "--from: unknown importer '%s': did you mean '%s'?", name, near);
	return err_set(e, "--from: unknown importer '%s': see `kmemsim list importers`", name);
}

enum { OPT_OUTPUT = 'o', OPT_HELP = 'h', OPT_FROM = 256, OPT_MACHINE, OPT_SNAPSHOTS };

static int set(void *arg, int option, const char *text, struct err *e)
{
	struct arguments *a = arg;

	(void)e;
	switch (option) {
	case OPT_OUTPUT:
		a->output = text;
		break;
	case OPT_FROM:
		a->from = text;
		break;
	case OPT_MACHINE:
		a->machine = text;
		break;
	case OPT_SNAPSHOTS:
		a->snapshots = text;
		break;
	}
	return 0;
}

/* -1 if there is something to do, else the exit code. */
static int parse(int argc, char **argv, struct arguments *a)
{
	static const struct option table[] = {
		{"output", required_argument, NULL, OPT_OUTPUT},
		{"from", required_argument, NULL, OPT_FROM},
		{"machine", required_argument, NULL, OPT_MACHINE},
		{"snapshots", required_argument, NULL, OPT_SNAPSHOTS},
		{"help", no_argument, NULL, OPT_HELP},
		{0},
	};
	static const struct cmd_options options = {table, OPT_HELP, usage, set};
	int ret = cmd_options(argc, argv, &options, a);

	if (ret >= 0)
		return ret;
	if (optind < argc)
		a->input = argv[optind++];
	if (optind < argc)
		return cmd_misused("import",
				   "one RECORDING at a time: traces of different recordings cannot "
				   "be joined");
	if (!a->input || !a->output)
		return cmd_misused("import",
				   a->input ? "-o OUT.kmt is missing" : "RECORDING is missing");
	return -1;
}

static void nodes_of(const struct machine_config *m, struct emit_nodes *nodes)
{
	u64 end = 0;

	nodes->nr_nodes = m->nr_nodes;
	for (unsigned int nid = 0; nid < m->nr_nodes; nid++) {
		end += m->nodes[nid].memory / PAGE_BYTES;
		nodes->pfn_end[nid] = end;
		for (unsigned int cpu = m->nr_cpus; cpu-- > 0;)
			if (m->cpu_node[cpu] == nid)
				nodes->cpu[nid] = (u16)cpu;
	}
}

/* Writing would put the trace in the place of the recording. */
static int check_output(const char *input, const char *output, struct err *e)
{
	struct stat in, out;

	if (!stat(input, &in) && !stat(output, &out) && in.st_dev == out.st_dev &&
	    in.st_ino == out.st_ino)
		return err_set(e, "-o %s: that is the recording itself", output);
	return 0;
}

/* Node by node the machine was assumed, and the recording knows better. */
static void check_frames(const char *path, const struct source *s, const struct emit_nodes *nodes)
{
	u64 pfn_max = kmt_meta(s)->stats.pfn_max, end = nodes->pfn_end[nodes->nr_nodes - 1];
	char memory[32], has[32];

	if (pfn_max < end)
		return;
	size_human((double)((pfn_max + 1) * PAGE_BYTES), memory, sizeof(memory));
	size_human((double)(end * PAGE_BYTES), has, sizeof(has));
	fprintf(stderr,
		"kmemsim import: %s: the recording has page frames up to %s, the machine %s: nodes "
		"are "
		"wrong (--machine says which machine it was)\n",
		path, memory, has);
}

/* What the file now says; and which snapshots in it are not marked in the trace. */
static int print_result(const char *path, const struct emit_nodes *nodes, struct err *e)
{
	struct source *s = kmt_open(path, e);
	struct snapshots snaps;
	char *warning;
	int has;

	if (!s)
		return -1;
	has = snapshots_of_load(&snaps, s, NULL, &warning, e);
	if (has >= 0)
		info_print_text(stdout, s, has ? &snaps : NULL);
	if (nodes->nr_nodes)
		check_frames(path, s, nodes);
	if (has > 0 && warning)
		fprintf(stderr, "kmemsim import: %s\n", warning);
	if (has > 0)
		snapshots_close(&snaps);
	free(warning);
	s->ops->close(s);
	return has < 0 ? -1 : 0;
}

/* Nothing takes its place that cannot be read. What is not a regular file is not read again. */
static int check_written(const struct new_file *out, struct err *e)
{
	char path[32];
	struct source *s;
	int ret;

	if (out->in_place)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fileno(out->f));
	s = kmt_open(path, e);
	if (!s)
		return -1;
	ret = kmt_check(s, e);
	s->ops->close(s);
	return ret;
}

static int import_to(const struct arguments *a, const struct recording *rec,
		     const struct import_options *o, struct err *e)
{
	struct new_file out;

	if (check_output(a->input, a->output, e) || check_output(rec->trace, a->output, e) ||
	    new_file_open(&out, a->output, e))
		return -1;
	if (import_trace(rec->trace, out.f, o, e) || check_written(&out, e)) {
		new_file_abort(&out);
		return -1;
	}
	return new_file_commit(&out, e) ? -1 : print_result(a->output, &o->nodes, e);
}

/* Births would take place on other nodes than recorded. */
static int same_nodes(const struct arguments *a, const struct machine_config *m,
		      const struct machine_config *recorded, const struct snapshots *s,
		      struct err *e)
{
	u64 end = 0;

	if (m->nr_nodes != recorded->nr_nodes)
		return err_set(e, "--machine %s: it has %u of the %u nodes of the snapshots in %s",
			       a->machine, m->nr_nodes, recorded->nr_nodes, s->dir);
	for (unsigned int nid = 0; nid + 1 < m->nr_nodes; nid++) {
		u64 here = m->nodes[nid].memory, there = recorded->nodes[nid].memory;

		if (here != there)
			return err_set(e,
				       "--machine %s: node %u ends at page frame 0x%llx, but at "
				       "0x%llx in the snapshots in %s; left out, the snapshots "
				       "tell the machine",
				       a->machine, nid,
				       (unsigned long long)((end + here) / PAGE_BYTES),
				       (unsigned long long)((end + there) / PAGE_BYTES), s->dir);
		end += here;
	}
	return 0;
}

/* --machine, else that of the snapshots, else the default, which is not stored: *text is NULL. */
static int choose_machine(const struct arguments *a, const struct snapshots *s,
			  struct machine_config *m, char **text, struct err *e)
{
	struct machine_config *recorded = NULL;
	int ret = 0;

	*text = NULL;
	if (s && s->machine) {
		recorded = mem_alloc(1, sizeof(*recorded));
		ret = machine_config_parse(recorded, s->dir, s->machine, e);
	}
	if (s && s->machine_note)
		fprintf(stderr, "kmemsim import: %s: the machine: %s\n", s->dir, s->machine_note);
	if (ret)
		goto out;
	if (a->machine) {
		ret = machine_config_load(m, a->machine, e);
		if (!ret && recorded)
			ret = same_nodes(a, m, recorded, s, e);
	} else if (recorded) {
		*m = *recorded;
	} else {
		machine_config_default(m);
	}
	if (!ret && (a->machine || recorded))
		*text = machine_config_print(m);
out:
	free(recorded);
	return ret;
}

static int with_snapshots(const struct arguments *a, const struct recording *rec,
			  struct import_options *o, struct err *e)
{
	struct machine_config *m = mem_alloc(1, sizeof(*m));
	struct snapshots s = {0};
	char *text = NULL;
	int ret = -1;

	if (rec->has_snapshots) {
		if (snapshots_parse(&s, &rec->files, e))
			goto out;
		o->files = &rec->files;
		o->snapshots = &s;
	}
	if (choose_machine(a, o->snapshots, m, &text, e))
		goto out;
	o->machine = text;
	o->name = rec->name;
	nodes_of(m, &o->nodes);
	ret = import_to(a, rec, o, e);
out:
	snapshots_close(&s);
	free(text);
	free(m);
	return ret;
}

/* The named folder takes the place of what the recording has beside its trace. */
static int take_folder(struct recording *rec, const char *dir, struct err *e)
{
	struct snapshot_files f;

	if (snapshot_files_read(&f, dir, e))
		return -1;
	if (rec->has_snapshots)
		snapshot_files_free(&rec->files);
	rec->files = f;
	rec->has_snapshots = true;
	return 0;
}

static int import(const struct arguments *a, struct err *e)
{
	struct import_options o = {0};
	struct recording rec;
	int ret;

	if (a->from && strcmp(a->from, "auto")) {
		o.from = a->from;
		if (!importer_find(a->from))
			return unknown_importer(a->from, e);
	}
	if (recording_open(&rec, a->input, e))
		return -1;
	ret = a->snapshots ? take_folder(&rec, a->snapshots, e) : 0;
	if (!ret)
		ret = with_snapshots(a, &rec, &o, e);
	recording_close(&rec);
	return ret;
}

int cmd_import(int argc, char **argv)
{
	struct arguments a = {0};
	struct err e;
	int ret = parse(argc, argv, &a);

	if (ret >= 0)
		return ret;
	return import(&a, &e) ? cmd_fail("import", &e) : 0;
}
