/*
 * Stacks as YAML says them.
 */
#include "cmd/stack_read.h"

#include <string.h>

#include "lib/assert.h"

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

static int kmalloc_read(struct kmalloc_config *k, const struct yaml_node *map, struct err *e)
{
	static const char *const known[] = {"classes", NULL};
	const struct yaml_node *n;

	*k = (struct kmalloc_config){0};
	if (!yaml_is_mapping(map))
		return yaml_error(map, e, "kmalloc is a mapping, such as {classes: [32B, 64B]}");
	if (yaml_check_keys(map, known, e))
		return -1;
	n = yaml_get(map, "classes");
	return n ? classes_read(k, n, e) : 0;
}

/* ---- The whole stack ---- */

static int settings_read(struct stack_config *sc, const struct yaml_node *map, struct err *e)
{
	const struct yaml_node *n = yaml_get(map, "kmalloc");

	return n ? kmalloc_read(&sc->kmalloc, n, e) : 0;
}

int stack_read(struct stack_config *sc, const struct yaml_node *map, struct err *e)
{
	/* Keys that others expect: known, so that the message is not about a typing mistake. */
	static const char *const later[] = {"store", "caches"};
	static const char *const known[] = {"pages", "slab", "store", "kmalloc", "caches", NULL};

	*sc = (struct stack_config){0};
	if (yaml_check_keys(map, known, e))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
		const struct yaml_node *n = yaml_get(map, later[i]);

		if (n)
			return yaml_error(n, e,
					  "'%s' is no chain that can be chosen: a stack has pages "
					  "and slab",
					  later[i]);
	}
	if (chain_read(&sc->pages, ALLOC_PAGES, yaml_get(map, "pages"), "page_allocator", e) ||
	    chain_read(&sc->slab, ALLOC_SLAB, yaml_get(map, "slab"), "slabifier", e) ||
	    settings_read(sc, map, e)) {
		stack_config_free(sc);
		return -1;
	}
	return 0;
}

/* An option's value is YAML; messages name the option in place of a file. */
static int kmalloc_text_read(struct kmalloc_config *k, const char *text, struct err *e)
{
	struct yaml_file *f = yaml_parse("--kmalloc", text, strlen(text), e);
	int ret;

	if (!f)
		return -1;
	ret = kmalloc_read(k, yaml_top(f), e);
	yaml_close(f);
	return ret;
}

int stack_texts_read(struct stack_config *sc, const struct stack_texts *t, struct err *e)
{
	if (stack_config_parse(sc, t->pages, t->slab, e))
		return -1;
	if (t->kmalloc && kmalloc_text_read(&sc->kmalloc, t->kmalloc, e)) {
		stack_config_free(sc);
		return -1;
	}
	return 0;
}
