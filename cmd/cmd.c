/*
 * What every subcommand needs: options, usage, failure.
 */
#include "cmd/cmd.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/suggest.h"

#define OPTIONS_MAX 64

/* The short options are those of the long ones that have a printable value. */
static void short_options(const struct option *o, char buf[2 * OPTIONS_MAX + 2])
{
	size_t n = 0;

	buf[n++] = ':'; /* tell a missing value from an unknown option */
	for (; o->name; o++) {
		if (o->val >= 256 || !isalnum(o->val))
			continue;
		buf[n++] = (char)o->val;
		if (o->has_arg == required_argument)
			buf[n++] = ':';
	}
	buf[n] = '\0';
}

static void unknown_option(const char *command, const char *given, const struct option *o)
{
	const char *names[OPTIONS_MAX + 1], *near;
	char word[64];
	size_t n = 0;

	for (; o->name && n < OPTIONS_MAX; o++)
		names[n++] = o->name;
	names[n] = NULL;
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(given, "="), given);
	near = suggest_nearest(word, names);
	if (near)
		fprintf(stderr, "kmemsim %s: unknown option '--%s': did you mean '--%s'?\n",
			command, word, near);
	else
		fprintf(stderr, "kmemsim %s: unknown option '--%s': see `kmemsim help %s`\n",
			command, word, command);
}

static void explain(int argc, char **argv, int opt, const struct option *long_options)
{
	const char *given = optind > 0 && optind <= argc ? argv[optind - 1] : "";

	if (opt == ':')
		fprintf(stderr, "kmemsim %s: option '%s' needs a value\n", argv[0], given);
	else if (optopt >= 256 || (optopt && !strncmp(given, "--", 2)))
		fprintf(stderr, "kmemsim %s: option '%s' takes no value\n", argv[0], given);
	else if (optopt)
		fprintf(stderr, "kmemsim %s: unknown option '-%c': see `kmemsim help %s`\n",
			argv[0], optopt, argv[0]);
	else
		unknown_option(argv[0], given + 2, long_options);
}

/* The long option just read, as the user wrote it, without "--". */
static const char *given_name(char **argv)
{
	bool separate = optarg && optarg == argv[optind - 1];

	return argv[optind - 1 - separate] + 2;
}

int cmd_getopt(int argc, char **argv, const struct option *long_options)
{
	char shorts[2 * OPTIONS_MAX + 2];
	int opt, index = -1;

	short_options(long_options, shorts);
	opterr = 0;
	opt = getopt_long(argc, argv, shorts, long_options, &index);
	if (opt == '?' || opt == ':') {
		explain(argc, argv, opt, long_options);
		return '?';
	}
	/* getopt takes any beginning of a name that is unique today, and may not be tomorrow. */
	if (index >= 0 && strcspn(given_name(argv), "=") != strlen(long_options[index].name)) {
		unknown_option(argv[0], given_name(argv), long_options);
		return '?';
	}
	return opt;
}

int cmd_options(int argc, char **argv, const struct cmd_options *o, void *arg)
{
	struct err e;
	int option;

	while ((option = cmd_getopt(argc, argv, o->table)) != -1) {
		if (option == '?')
			return EXIT_MISTAKE;
		if (option == o->help)
			return cmd_usage(o->usage);
		if (o->set(arg, option, optarg, &e))
			return cmd_fail(argv[0], &e);
	}
	return -1;
}

int cmd_usage(const char *text)
{
	fputs(text, stdout);
	return 0;
}

int cmd_fail(const char *command, const struct err *e)
{
	fprintf(stderr, "kmemsim %s: %s\n", command, e->msg);
	return EXIT_MISTAKE;
}

int cmd_misused(const char *command, const char *what)
{
	fprintf(stderr, "kmemsim %s: %s (see `kmemsim help %s`)\n", command, what, command);
	return EXIT_MISTAKE;
}
