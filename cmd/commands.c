/*
 * The table of subcommands.
 */
#include <string.h>

#include "cmd/cmd.h"

const struct command commands[] = {
	{"record", cmd_record, "record this machine's memory events, with snapshots"},
	{"import", cmd_import, "make a .kmt trace of a recorded one"},
	{"info", cmd_info, "show what a .kmt trace holds"},
	{"generate", cmd_generate, "write a made-up load as a .kmt trace"},
	{"run", cmd_run, "run an experiment: machine x stacks x loads x seeds"},
	{"replay", cmd_replay, "run one trace or workload on one stack"},
	{"fidelity", cmd_fidelity, "show how truly a replay follows the recorded machine"},
	{"compare", cmd_compare, "show two or more stacks side by side, figure by figure"},
	{"report", cmd_report, "make a page with plots of a results database"},
	{"list", cmd_list,
	 "show allocators, generators, fragmenters, importers, metrics, machines, stacks, "
	 "experiments or runs"},
	{"help", cmd_help,
	 "explain a command, an allocator, a generator, a fragmenter or a metric"},
	{NULL, NULL, NULL},
};

const struct command *command_find(const char *name)
{
	for (const struct command *c = commands; c->name; c++) {
		if (!strcmp(c->name, name))
			return c;
	}
	return NULL;
}
