/*
 * What `replay` and `fidelity` are told alike: the stack, the machine, where results go.
 *
 * A command puts REPLAY_OPTIONS into its table of options, hands what it does not know itself to
 * replay_args_set, and lets replay_args_run bring everything up around the one thing it does.
 */
#ifndef CMD_REPLAY_ARGS_H
#define CMD_REPLAY_ARGS_H

#include <getopt.h>

#include "cmd/one_run.h"
#include "cmd/repeat.h"
#include "cmd/stack_read.h"

struct replay_args {
	struct one_run run;
	struct stack_texts stack;
	const char *machine, *db; /* as given; NULL: not given */
};

struct replay_command {
	const char *name;
	const char *db; /* where results go if nobody says so; "none": nowhere */
	/* The command's own options for the line that repeats the run; NULL: it has none. */
	void (*repeat)(const struct replay_args *a, struct repeat *line);
	/* a->run is complete. Returns the exit code; EXIT_MISTAKE with e set. */
	int (*run)(struct replay_args *a, struct err *e);
};

enum {
	OPT_PAGES = 256,
	OPT_SLAB,
	OPT_STORE,
	OPT_KMALLOC,
	OPT_CACHES,
	OPT_MACHINE,
	OPT_LABEL,
	OPT_DB,
	OPT_SEED,
	OPT_SAMPLE,
	OPT_CHECK,
	OPT_VERIFY,
	OPT_HELP,
	OPT_OWN /* a command's own begin here */
};

#define REPLAY_OPTIONS                                                                             \
	{"pages", required_argument, NULL, OPT_PAGES},                                             \
		{"slab", required_argument, NULL, OPT_SLAB},                                       \
		{"store", required_argument, NULL, OPT_STORE},                                     \
		{"kmalloc", required_argument, NULL, OPT_KMALLOC},                                 \
		{"caches", required_argument, NULL, OPT_CACHES},                                   \
		{"machine", required_argument, NULL, OPT_MACHINE},                                 \
		{"label", required_argument, NULL, OPT_LABEL},                                     \
		{"db", required_argument, NULL, OPT_DB},                                           \
		{"seed", required_argument, NULL, OPT_SEED},                                       \
		{"sample", required_argument, NULL, OPT_SAMPLE},                                   \
		{"check", required_argument, NULL, OPT_CHECK},                                     \
		{"verify", no_argument, NULL, OPT_VERIFY},                                         \
	{                                                                                          \
		"help", no_argument, NULL, OPT_HELP                                                \
	}

#define REPLAY_USAGE(db, slab, store)                                                              \
	"  --pages CHAIN     page allocators, outermost first (default page_allocator)\n"          \
	"  --slab CHAIN      slab allocators, outermost first (default " slab ")\n"                \
	"  --store CHAIN     stores of compressed pages (default: " store ")\n"                    \
	"  --kmalloc YAML    its table, and merging: '{classes: [32B, 1KiB], merge: on}';\n"       \
	"                    a class for every size: '{classes: exact}'\n"                         \
	"  --caches YAML     slab chains of some caches: '{\"ext4_*\": \"rcu:slabifier\"}'\n"      \
	"  --machine FILE    the machine (default: the trace's, else machine-2node)\n"             \
	"  --label TEXT      name of the stack in results (default: the canonical stack)\n"        \
	"  --db FILE         results database (default " db "; 'none' keeps nothing)\n"            \
	"  --seed N          seed of random streams (default 1)\n"                                 \
	"  --sample TIME     time between samples (default: 200 over the trace)\n"                 \
	"  --check N         full walk over all allocators every N requests\n"                     \
	"  --verify          run twice and compare the digests\n"

int __must_check replay_args_set(struct replay_args *a, int opt, const char *text, struct err *e);
/* Stack, machine and database, then command->run, then all of it goes again. */
int replay_args_run(struct replay_args *a, const struct replay_command *command, struct err *e);

#endif
