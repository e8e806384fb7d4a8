/*
 * What `replay` and `fidelity` are told alike.
 */
#include "cmd/replay_args.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "lib/units.h"
#include "reports/db_sink.h"

int replay_args_set(struct replay_args *a, int opt, const char *text, struct err *e)
{
	switch (opt) {
	case OPT_PAGES:
		a->stack.pages = text;
		return 0;
	case OPT_SLAB:
		a->stack.slab = text;
		return 0;
	case OPT_STORE:
		a->stack.store = text;
		return 0;
	case OPT_KMALLOC:
		a->stack.kmalloc = text;
		return 0;
	case OPT_CACHES:
		a->stack.caches = text;
		return 0;
	case OPT_MACHINE:
		a->machine = text;
		return 0;
	case OPT_LABEL:
		a->run.label = text;
		return 0;
	case OPT_DB:
		a->db = text;
		return 0;
	case OPT_SEED:
		return count_parse(text, &a->run.seed, e) ? err_prefix(e, "--seed") : 0;
	case OPT_SAMPLE:
		return time_parse(text, &a->run.sample_ns, e) ? err_prefix(e, "--sample") : 0;
	case OPT_CHECK:
		return count_parse(text, &a->run.check_every, e) ? err_prefix(e, "--check") : 0;
	default:
		a->run.verify = true;
		return 0;
	}
}

static int with_db(struct replay_args *a, const struct replay_command *command, struct err *e)
{
	const char *path = a->db ? a->db : command->db;
	struct db *db;
	int ret;

	if (!strcmp(path, "none"))
		return command->run(a, e);
	db = db_open(path, DB_WRITE, e);
	if (!db)
		return EXIT_MISTAKE;
	a->run.sink = db_sink_new(db);
	ret = command->run(a, e);
	db_sink_free(a->run.sink);
	db_close(db);
	return ret;
}

static int with_machine(struct replay_args *a, const struct replay_command *command, struct err *e)
{
	struct machine_config machine;

	if (!a->machine)
		return with_db(a, command, e);
	if (machine_config_load(&machine, a->machine, e))
		return EXIT_MISTAKE;
	a->run.machine = &machine;
	return with_db(a, command, e);
}

/* Everything that is not the default, and the whole stack: it says what its options were. */
static char *repeat_line(const struct replay_args *a, const struct replay_command *command)
{
	const struct one_run *r = &a->run;
	char pages[STACK_TEXT_MAX], slab[STACK_TEXT_MAX], store[STACK_TEXT_MAX] = STACK_NO_STORE;
	char seed[32], sample[32];
	struct repeat line;

	chain_print(&r->stack->pages, pages, sizeof(pages));
	chain_print(&r->stack->slab, slab, sizeof(slab));
	if (r->stack->store.nr_layers)
		chain_print(&r->stack->store, store, sizeof(store));
	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)r->seed);
	time_print(r->sample_ns, sample, sizeof(sample));
	repeat_begin(&line, command->name);
	repeat_path(&line, r->load_path);
	if (command->repeat)
		command->repeat(a, &line);
	repeat_option(&line, "pages", pages);
	repeat_option(&line, "slab", slab);
	repeat_option(&line, "store", a->stack.store ? store : NULL);
	repeat_option(&line, "kmalloc", a->stack.kmalloc);
	repeat_option(&line, "caches", a->stack.caches);
	repeat_option(&line, "machine", a->machine);
	repeat_option(&line, "label", r->label);
	repeat_option(&line, "db", a->db);
	repeat_option(&line, "seed", seed);
	repeat_option(&line, "sample", r->sample_ns ? sample : NULL);
	return repeat_end(&line);
}

int replay_args_run(struct replay_args *a, const struct replay_command *command, struct err *e)
{
	struct stack_config stack;
	char *line;
	int ret;

	if (stack_texts_read(&stack, &a->stack, e))
		return EXIT_MISTAKE;
	a->run.stack = &stack;
	a->run.command = line = repeat_line(a, command);
	ret = with_machine(a, command, e);
	free(line);
	stack_config_free(&stack);
	return ret;
}
