/*
 * Some runs of an experiment: --only LOAD/STACK/SEED, each a glob.
 */
#include "cmd/only.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/assert.h"
#include "lib/mem.h"
#include "lib/suggest.h"

/* Ends the glob at `text` and returns the next one; NULL if this is the last. */
static char *split(char *text)
{
	for (; *text; text++) {
		if (*text == '/') {
			*text = '\0';
			return text + 1;
		}
		if (*text == '\\' && text[1])
			text++;
	}
	return NULL;
}

int only_parse(struct only *o, const char *text, struct err *e)
{
	only_clear(o);
	o->load = strdup(text);
	ASSERT(o->load);
	o->stack = split(o->load);
	o->seed = o->stack ? split(o->stack) : NULL;
	if (!o->seed || split(o->seed))
		return err_set(e, "--only %s: write LOAD/STACK/SEED, such as '*/rcu/1'", text);
	return 0;
}

void only_clear(struct only *o)
{
	free(o->load);
	*o = (struct only){0};
}

static bool matches(const char *glob, const char *name)
{
	return !fnmatch(glob, name, 0);
}

static bool seed_matches(const char *glob, u64 seed)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)seed);
	return matches(glob, text);
}

/* Of a NULL-terminated list. */
static int names_check(const char *what, const char *glob, const char *const *names, struct err *e)
{
	const char *near;

	for (size_t i = 0; names[i]; i++)
		if (matches(glob, names[i]))
			return 0;
	near = suggest_nearest(glob, names);
	return near ? err_set(e, "--only: no %s is '%s': did you mean '%s'?", what, glob, near)
		    : err_set(e, "--only: no %s is '%s'; the first is '%s'", what, glob, names[0]);
}

static int seeds_check(const struct only *o, const struct experiment *x, struct err *e)
{
	for (size_t i = 0; i < x->nr_seeds; i++)
		if (seed_matches(o->seed, x->seeds[i]))
			return 0;
	return err_set(e, "--only: no seed is '%s'; the first is '%llu'", o->seed,
		       (unsigned long long)x->seeds[0]);
}

int only_check(const struct only *o, const struct experiment *x, struct err *e)
{
	const char **names;
	int ret;

	if (!o->load)
		return 0;
	names = mem_alloc(max(x->nr_loads, x->nr_stacks) + 1, sizeof(*names));
	for (size_t i = 0; i < x->nr_loads; i++)
		names[i] = x->loads[i].name;
	ret = names_check("load", o->load, names, e);
	for (size_t i = 0; i < x->nr_stacks; i++)
		names[i] = x->stacks[i].name;
	names[x->nr_stacks] = NULL;
	if (!ret)
		ret = names_check("stack", o->stack, names, e);
	free(names);
	return ret ? ret : seeds_check(o, x, e);
}

bool only_has(const struct only *o, const char *load, const char *stack, u64 seed)
{
	return !o->load ||
	       (matches(o->load, load) && matches(o->stack, stack) && seed_matches(o->seed, seed));
}

/* As a glob that is this name alone. */
static void print_escaped(FILE *f, const char *name)
{
	for (; *name; name++) {
		if (strchr("*?[]\\/", *name))
			putc('\\', f);
		putc(*name, f);
	}
}

char *only_print(const char *load, const char *stack, u64 seed)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	ASSERT(f);
	print_escaped(f, load);
	putc('/', f);
	print_escaped(f, stack);
	fprintf(f, "/%llu", (unsigned long long)seed);
	ASSERT(!fclose(f));
	return text;
}
