/*
 * Subcommands: one file each, one row each in cmd/commands.c.
 *
 * argv[0] of a subcommand is its own name. It returns the exit code: 0 done, 1 a --fail-on tripped
 * or, in `record`, events were lost (the archive is written all the same), 2 the user's mistake, 3
 * a run ended in oom, 70 a bug. With --help it prints how it is used, from which `kmemsim help
 * COMMAND` lives.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include <getopt.h>

#include "lib/err.h"

#define EXIT_MISTAKE 2

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

extern const struct command commands[]; /* ended by a NULL name */
const struct command *command_find(const char *name);

int cmd_record(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_generate(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_fidelity(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_help(int argc, char **argv);

/*
 * The next option, or -1 after the last; arguments may stand between options and are in
 * argv[optind..] at the end. Values of the table below 256 are short options too. On a mistake it
 * has printed a message (with the nearest option) and returns '?'.
 */
int cmd_getopt(int argc, char **argv, const struct option *long_options);

/*
 * All options: each goes to set(); --help (one of the table with the value `help`) prints `usage`.
 * Returns -1 if the command goes on with its arguments, else its exit code.
 */
struct cmd_options {
	const struct option *table;
	int help;
	const char *usage;
	int (*set)(void *arg, int option, const char *text, struct err *e);
};
int cmd_options(int argc, char **argv, const struct cmd_options *o, void *arg);

/* Prints how a command is used, on standard output; returns 0. */
int cmd_usage(const char *text);
/* Prints "kmemsim COMMAND: MESSAGE" on standard error; returns EXIT_MISTAKE. */
int cmd_fail(const char *command, const struct err *e);
/* The same for a command that was called in the wrong way; says where to read more. */
int cmd_misused(const char *command, const char *what);

#endif
