/*
 * kmemsim: from a recorded load to a comparison of allocators. Finds the subcommand and runs it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "lib/suggest.h"
#include "reports/version.h"

#define COMMANDS_MAX 32

static int unknown_command(const char *name)
{
	const char *names[COMMANDS_MAX + 1], *near;
	size_t n = 0;

	for (const struct command *c = commands; c->name && n < COMMANDS_MAX; c++)
		names[n++] = c->name;
	names[n] = NULL;
	near = suggest_nearest(name, names);
	if (near)
		fprintf(stderr, "kmemsim: unknown command '%s': did you mean '%s'?\n", name, near);
	else
		fprintf(stderr, "kmemsim: unknown command '%s': see `kmemsim help`\n", name);
	return EXIT_MISTAKE;
}

/* What did not reach standard output must not pass for success. */
static int close_stdout(int ret)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return ret;
	fprintf(stderr, "kmemsim: standard output: %s\n", strerror(errno));
	return ret ? ret : EXIT_MISTAKE;
}

int main(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2) {
		fputs("kmemsim: a command is missing: see `kmemsim help`\n", stderr);
		return EXIT_MISTAKE;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("kmemsim " KMEMSIM_VERSION);
		return close_stdout(0);
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		argv[1] = "help";
	c = command_find(argv[1]);
	if (!c)
		return unknown_command(argv[1]);
	return close_stdout(c->run(argc - 1, argv + 1));
}
