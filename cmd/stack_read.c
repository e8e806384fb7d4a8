/*
 * Stacks as YAML says them.
 */
#include "cmd/stack_read.h"

#include <string.h>

#include "lib/assert.h"
#include "lib/glob.h"
#include "lib/mem.h"

/* The parser's own "column N: " becomes the place in the file. */
static int chain_read(struct chain *c, enum allocator_kind kind, const struct yaml_node *n,
		      const char *fallback, struct err *e)
{
	unsigned int column = 1;
	const char *text = n ? yaml_text(n, e) : fallback, *what;
	struct err told;

	if (!text)
		return -1;
	if (!chain_parse(c, kind, text, &column, &told))
		return 0;
	what = strncmp(told.msg, "column ", 7) ? NULL : strstr(told.msg, ": ");
	ASSERT(n); /* the fallbacks parse */
	return yaml_error_at(n, column - 1, e, "%s", what ? what + 2 : told.msg);
}

/* ---- kmalloc ---- */

static int classes_listed(struct kmalloc_config *k, const struct yaml_node *list, struct err *e)
{
	struct err told;
	u32 bad = 0;

	if (!yaml_count(list) || yaml_count(list) > KMALLOC_CLASSES_MAX)
		return yaml_error(list, e, "1 to %d classes are wanted, not %zu",
				  KMALLOC_CLASSES_MAX, yaml_count(list));
	for (size_t i = 0; i < yaml_count(list); i++) {
		u64 bytes;

		if (yaml_size(yaml_item(list, i), &bytes, e))
			return -1;
		if (bytes > KMALLOC_CLASS_SIZE_MAX)
			return yaml_error(yaml_item(list, i), e,
					  "a class of %llu bytes: the largest can be %d",
					  (unsigned long long)bytes, KMALLOC_CLASS_SIZE_MAX);
		k->classes[k->nr++] = (u32)bytes;
	}
	if (kmalloc_config_check(k, &bad, &told))
		return yaml_error(yaml_item(list, bad), e, "%s", told.msg);
	return 0;
}

static int classes_read(struct kmalloc_config *k, const struct yaml_node *n, struct err *e)
{
	const char *text;

	if (yaml_is_sequence(n))
		return classes_listed(k, n, e);
	text = yaml_text(n, e);
	if (!text)
		return -1;
	k->exact = !strcmp(text, "exact");
	if (!k->exact && strcmp(text, "default"))
		return yaml_error(
			n, e, "classes are a list of sizes, 'exact' or 'default', not '%s'", text);
	return 0;
}

static int switch_read(bool *on, const struct yaml_node *n, struct err *e)
{
	const char *text = yaml_text(n, e);

	if (!text)
		return -1;
	*on = !strcmp(text, "on");
	if (!*on && strcmp(text, "off"))
		return yaml_error(n, e, "unknown value '%s': off or on", text);
	return 0;
}

static int kmalloc_read(struct kmalloc_config *k, const struct yaml_node *map, struct err *e)
{
	static const char *const known[] = {"classes", "merge", NULL};
	const struct yaml_node *n;

	*k = (struct kmalloc_config){0};
	if (!yaml_is_mapping(map))
		return yaml_error(map, e, "kmalloc is a mapping, such as {classes: [32B, 64B]}");
	if (yaml_check_keys(map, known, e))
		return -1;
	n = yaml_get(map, "classes");
	if (n && classes_read(k, n, e))
		return -1;
	n = yaml_get(map, "merge");
	return n ? switch_read(&k->merge, n, e) : 0;
}

/* ---- Caches on chains of their own ---- */

static int choice_read(struct stack_config *sc, const struct yaml_node *map, size_t i,
		       struct err *e)
{
	struct stack_choice *choice = &sc->choices[sc->nr_choices];
	const char *glob = yaml_key(map, i);
	struct err told;
	size_t at;

	if (glob_check(glob, &at, &told))
		return yaml_error_at(yaml_key_node(map, i), at, e, "%s", told.msg);
	if (strlen(glob) > STACK_GLOB_MAX)
		return yaml_error(yaml_key_node(map, i), e,
				  "a glob of %zu characters: at most %d are possible", strlen(glob),
				  STACK_GLOB_MAX);
	if (chain_read(&choice->slab, ALLOC_SLAB, yaml_value(map, i), NULL, e))
		return -1;
	choice->glob = mem_dup(glob);
	sc->nr_choices++;
	return 0;
}

static int caches_read(struct stack_config *sc, const struct yaml_node *map, struct err *e)
{
	if (!yaml_is_mapping(map))
		return yaml_error(map, e,
				  "caches are a mapping, such as {\"ext4_*\": \"rcu:slabifier\"}");
	if (yaml_count(map) > STACK_CHOICES_MAX)
		return yaml_error(map, e, "%zu globs: at most %d are possible", yaml_count(map),
				  STACK_CHOICES_MAX);
	for (size_t i = 0; i < yaml_count(map); i++)
		if (choice_read(sc, map, i, e))
			return -1;
	return 0;
}

/* ---- The whole stack ---- */

static int store_chain_read(struct stack_config *sc, const struct yaml_node *n, struct err *e)
{
	const char *text = n ? yaml_text(n, e) : STACK_NO_STORE;

	if (!text)
		return -1;
	if (!strcmp(text, STACK_NO_STORE))
		return 0;
	return chain_read(&sc->store, ALLOC_STORE, n, NULL, e);
}

static int settings_read(struct stack_config *sc, const struct yaml_node *map, struct err *e)
{
	const struct yaml_node *n = yaml_get(map, "kmalloc");

	if (n && kmalloc_read(&sc->kmalloc, n, e))
		return -1;
	n = yaml_get(map, "caches");
	return n ? caches_read(sc, n, e) : 0;
}

int stack_read(struct stack_config *sc, const struct yaml_node *map, struct err *e)
{
	static const char *const known[] = {"pages", "slab", "store", "kmalloc", "caches", NULL};

	*sc = (struct stack_config){0};
	if (yaml_check_keys(map, known, e))
		return -1;
	if (chain_read(&sc->pages, ALLOC_PAGES, yaml_get(map, "pages"), "page_allocator", e) ||
	    chain_read(&sc->slab, ALLOC_SLAB, yaml_get(map, "slab"), "slabifier", e) ||
	    store_chain_read(sc, yaml_get(map, "store"), e) || settings_read(sc, map, e)) {
		stack_config_free(sc);
		return -1;
	}
	return 0;
}

/* Options' values are YAML; messages name the option in place of a file. */
static int kmalloc_option(struct stack_config *sc, const char *text, struct err *e)
{
	struct yaml_file *f = yaml_parse("--kmalloc", text, strlen(text), e);
	int ret = f ? kmalloc_read(&sc->kmalloc, yaml_top(f), e) : -1;

	yaml_close(f);
	return ret;
}

static int caches_option(struct stack_config *sc, const char *text, struct err *e)
{
	struct yaml_file *f = yaml_parse("--caches", text, strlen(text), e);
	int ret = f ? caches_read(sc, yaml_top(f), e) : -1;

	yaml_close(f);
	return ret;
}

int stack_texts_read(struct stack_config *sc, const struct stack_texts *t, struct err *e)
{
	if (stack_config_parse(sc, t->pages, t->slab, e))
		return -1;
	if (stack_config_store(sc, t->store, e) ||
	    (t->kmalloc && kmalloc_option(sc, t->kmalloc, e)) ||
	    (t->caches && caches_option(sc, t->caches, e))) {
		stack_config_free(sc);
		return -1;
	}
	return 0;
}
