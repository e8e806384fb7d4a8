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
#include "sim/machine_config.h"
#include "traces/import.h"
#include "traces/kmt.h"

static const char usage[] =
	"usage: kmemsim import FILE -o OUT.kmt [--from auto|NAME] [--machine M.yaml]\n"
	"\n"
	"Reads a recorded kernel memory trace, repairs what the recording leaves out, and writes "
	"a\n"
	"compact, checked trace that `run` and `replay` take. Prints what was found and done.\n"
	"\n"
	"  -o, --output OUT.kmt   the file to write; appears whole or not at all\n"
	"      --from NAME        importer (`kmemsim list importers`); auto: found by looking at "
	"the file\n"
	"      --machine M.yaml   the machine it was recorded on: stored in the trace, tells nodes "
	"apart;\n"
	"                         left out, two nodes of 1 GiB are assumed and none is stored\n";

#define PAGE_BYTES 4096
#define IMPORTERS_MAX 16

struct arguments {
	const char *input, *output, *from, *machine;
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

static int parse(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		{"output", required_argument, NULL, 'o'},
		{"from", required_argument, NULL, 256},
		{"machine", required_argument, NULL, 257},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int opt;

	while ((opt = cmd_getopt(argc, argv, options)) != -1) {
		if (opt == 'o')
			a->output = optarg;
		else if (opt == 256)
			a->from = optarg;
		else if (opt == 257)
			a->machine = optarg;
		else
			return opt == 'h' ? 'h' : '?';
	}
	if (optind < argc)
		a->input = argv[optind++];
	if (optind < argc) {
		cmd_misused("import", "one FILE at a time: traces of different recordings cannot "
				      "be joined");
		return '?';
	}
	if (!a->input || !a->output) {
		cmd_misused("import", a->input ? "-o OUT.kmt is missing" : "FILE is missing");
		return '?';
	}
	return 0;
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
static int check_output(const struct arguments *a, struct err *e)
{
	struct stat in, out;

	if (!stat(a->input, &in) && !stat(a->output, &out) && in.st_dev == out.st_dev &&
	    in.st_ino == out.st_ino)
		return err_set(e, "-o %s: that is the recording itself", a->output);
	return 0;
}

static int import_to(const struct arguments *a, const struct import_options *o, struct err *e)
{
	struct new_file out;
	struct source *s;

	if (check_output(a, e) || new_file_open(&out, a->output, e))
		return -1;
	if (import_trace(a->input, out.f, o, e)) {
		new_file_abort(&out);
		return -1;
	}
	if (new_file_commit(&out, e))
		return -1;
	s = kmt_open(a->output, e);
	if (!s)
		return -1;
	info_print_text(stdout, s);
	s->ops->close(s);
	return 0;
}

static int import(const struct arguments *a, struct err *e)
{
	struct machine_config *m = mem_alloc(1, sizeof(*m));
	struct import_options o = {0};
	char *text = NULL;
	int ret = -1;

	if (a->from && strcmp(a->from, "auto")) {
		o.from = a->from;
		if (!importer_find(a->from)) {
			unknown_importer(a->from, e);
			goto out;
		}
	}
	if (a->machine) {
		if (machine_config_load(m, a->machine, e))
			goto out;
		o.machine = text = machine_config_print(m);
	} else {
		machine_config_default(m);
	}
	nodes_of(m, &o.nodes);
	ret = import_to(a, &o, e);
out:
	free(text);
	free(m);
	return ret;
}

int cmd_import(int argc, char **argv)
{
	struct arguments a = {0};
	struct err e;
	int stop = parse(argc, argv, &a);

	if (stop)
		return stop == 'h' ? cmd_usage(usage) : EXIT_MISTAKE;
	return import(&a, &e) ? cmd_fail("import", &e) : 0;
}
