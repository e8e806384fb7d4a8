/*
 * kmemsim help: commands, allocators, generators, metrics.
 */
#include <stdio.h>
#include <string.h>

#include "alloc/allocator.h"
#include "cmd/cmd.h"
#include "lib/suggest.h"
#include "sim/fragment.h"
#include "sim/sink.h"
#include "workloads/generator.h"

#define NAMES_MAX 1024
#define OPTIONS_TEXT_MAX 8192
#define WRAP_COLUMNS 90

static const char usage[] =
	"usage: kmemsim help [COMMAND | ALLOCATOR | GENERATOR | FRAGMENTER | METRIC]\n";

static void overview(void)
{
	puts("usage: kmemsim COMMAND [ARGUMENTS]\n");
	for (const struct command *c = commands; c->name; c++)
		printf("  %-10s %s\n", c->name, c->summary);
	puts("\n`kmemsim help NAME` explains a command, an allocator, a generator, a fragmenter\n"
	     "or a metric; "
	     "`kmemsim list allocators` and `kmemsim list metrics` show their names.");
}

/* A command knows best itself. */
static int help_command(const struct command *c)
{
	char *argv[] = {(char *)(uintptr_t)c->name, "--help", NULL};

	optind = 0; /* start over */
	printf("%s: %s\n", c->name, c->summary);
	return c->run(2, argv);
}

/* Breaks lines longer than a terminal at blanks; indented ones are drawings and stay. */
static void print_wrapped(const char *text)
{
	while (*text) {
		size_t line = strcspn(text, "\n"), n = line;

		if (line > WRAP_COLUMNS && *text != ' ' && *text != '\t') {
			for (n = WRAP_COLUMNS; n && text[n] != ' ';)
				n--;
			if (!n)
				n = strcspn(text, " \n");
		}
		printf("%.*s\n", (int)n, text);
		text += n;
		if (*text)
			text++; /* the blank or the newline it was broken at */
	}
}

static void help_allocator(const struct allocator_desc *d)
{
	static const char *const roles[] = {
		[ROLE_SOURCE] = "source: ends a chain",
		[ROLE_LAYER] = "layer: stands on another",
	};
	char options[OPTIONS_TEXT_MAX];

	printf("%s (%s allocator, %s)\n%s\n", d->name, allocator_kind_names[d->kind],
	       roles[d->role], d->summary);
	if (d->help) {
		putchar('\n');
		print_wrapped(d->help);
	}
	options_help(d->options, options, sizeof(options));
	if (*options)
		printf("\noptions, as in %s(%s=%s):\n%s", d->name, d->options[0].name,
		       d->options[0].def, options);
}

/* Names are unique per kind only: `rcu` is three allocators. */
static bool help_allocators(const char *name)
{
	bool found = false;

	for (const struct allocator_desc *d = allocator_first(); d; d = d->next) {
		if (strcmp(d->name, name))
			continue;
		if (found)
			putchar('\n');
		help_allocator(d);
		found = true;
	}
	return found;
}

static void help_generator(const struct generator *g)
{
	char keys[OPTIONS_TEXT_MAX];

	printf("%s (generator of requests)\n%s\n\n", g->name, g->summary);
	print_wrapped(g->help);
	generator_print_help(g, keys, sizeof(keys));
	printf("\n%s", keys);
}

static void help_fragmenter(const struct fragmenter *f)
{
	char options[OPTIONS_TEXT_MAX];

	printf("%s (fragmenter)\n%s\n\n", f->name, f->summary);
	print_wrapped(f->help);
	options_help(f->options, options, sizeof(options));
	printf("\noptions, as in --fragment '%s(%s=%s)':\n%s", f->name, f->options[0].name,
	       f->options[0].def, options);
}

static void help_metric(const struct metric_desc *m)
{
	static const char *const better[] = {
		[BETTER_LOWER] = "lower is better",
		[BETTER_HIGHER] = "higher is better",
		[BETTER_NEITHER] = "neither way is better",
	};

	printf("%s (metric, unit %s, %s)\n%s\n", m->name, m->unit, better[m->better], m->summary);
}

static int unknown_topic(const char *name)
{
	const char *names[NAMES_MAX + 1], *near;
	size_t n = 0;

	for (const struct command *c = commands; c->name; c++)
		names[n++] = c->name;
	for (const struct allocator_desc *d = allocator_first(); d && n < NAMES_MAX; d = d->next)
		names[n++] = d->name;
	for (const struct generator *g = generator_first(); g && n < NAMES_MAX; g = g->next)
		names[n++] = g->name;
	for (const struct fragmenter *f = fragmenter_first(); f && n < NAMES_MAX; f = f->next)
		names[n++] = f->name;
	names[n] = NULL;
	near = suggest_nearest(name, names);
	/* Metrics are many, and one is near to anything: asked last. */
	n = 0;
	for (const struct metric_desc *m = metrics; m->name && n < NAMES_MAX; m++)
		names[n++] = m->name;
	names[n] = NULL;
	near = near ? near : suggest_nearest(name, names);
	if (near)
		fprintf(stderr, "kmemsim help: nothing is named '%s': did you mean '%s'?\n", name,
			near);
	else
		fprintf(stderr, "kmemsim help: nothing is named '%s': see `kmemsim help`\n", name);
	return EXIT_MISTAKE;
}

int cmd_help(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	const struct command *c;
	const struct metric_desc *m;
	const char *name;
	int opt;

	while ((opt = cmd_getopt(argc, argv, options)) != -1)
		return opt == 'h' ? cmd_usage(usage) : EXIT_MISTAKE;
	if (optind == argc) {
		overview();
		return 0;
	}
	if (argc - optind > 1)
		return cmd_misused("help", "one name at a time");
	name = argv[optind];
	c = command_find(name);
	if (c)
		return help_command(c);
	m = metric_find(name);
	if (m)
		help_metric(m);
	if (generator_find(name))
		help_generator(generator_find(name));
	if (fragmenter_find(name))
		help_fragmenter(fragmenter_find(name));
	if (help_allocators(name) || m || generator_find(name) || fragmenter_find(name))
		return 0;
	return unknown_topic(name);
}
