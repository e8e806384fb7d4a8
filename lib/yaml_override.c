/*
 * Settings from the command line put on top of a document: `sample=5ms`,
 * `stacks.plain.pages=bitmap`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/yaml.h"
#include "lib/yaml_node.h"

/* Where a value hangs: the slot to put it in, or (slot NULL) the key to add to a mapping. */
struct place {
	struct yaml_node *parent;
	struct yaml_node **slot;
	const char *rest; /* of the path, behind this place */
};

/* The longest key of the mapping that the path starts with; keys may hold dots themselves. */
static struct place mapping_step(struct yaml_node *map, const char *path)
{
	struct place best = {map, NULL, path + strcspn(path, ".")};
	size_t longest = 0;

	for (size_t i = 0; i < map->nr; i++) {
		const char *key = map->keys[i]->text;
		size_t n = strlen(key);

		if (n <= longest || strncmp(path, key, n) || (path[n] && path[n] != '.'))
			continue;
		longest = n;
		best.slot = &map->items[i];
		best.rest = path + n;
	}
	return best;
}

static int step(struct yaml_node *at, const char *path, struct place *place, struct err *e)
{
	unsigned long i;
	char *end;

	if (at->type == YAML_MAPPING) {
		*place = mapping_step(at, path);
		return place->rest > path ? 0 : err_set(e, "an empty name in the path");
	}
	if (at->type == YAML_SCALAR)
		return err_set(e, "nothing below '%s': it is a single value", at->text);
	i = strtoul(path, &end, 10);
	if (end == path || (*end && *end != '.') || i >= at->nr)
		return err_set(e, "'%s': the list has %zu entries, the first is 0", path, at->nr);
	*place = (struct place){at, &at->items[i], end};
	return 0;
}

/* What is added for a setting, and where messages say that it is. */
struct addition {
	struct yaml_file *memory;
	const struct yaml_node *at;
	struct yaml_node *value;
};

static struct yaml_node *node_new(const struct addition *a, enum yaml_type type)
{
	struct yaml_node *n = yaml_alloc(a->memory, sizeof(*n));

	n->file = a->at->file;
	n->type = type;
	n->line = a->at->line;
	n->column = a->at->column;
	return n;
}

/* Adds one entry; the old arrays stay behind unused. */
static struct yaml_node **mapping_add(const struct addition *a, struct yaml_node *map,
				      const char *key, size_t len)
{
	struct yaml_node **keys = yaml_alloc(a->memory, (map->nr + 1) * sizeof(*keys));
	struct yaml_node **items = yaml_alloc(a->memory, (map->nr + 1) * sizeof(*items));
	struct yaml_node *name = node_new(a, YAML_SCALAR);

	name->text = yaml_alloc(a->memory, len + 1);
	memcpy(name->text, key, len);
	name->nr = len;
	for (size_t i = 0; i < map->nr; i++) {
		keys[i] = map->keys[i];
		items[i] = map->items[i];
	}
	keys[map->nr] = name;
	items[map->nr] = node_new(a, YAML_MAPPING);
	map->keys = keys;
	map->items = items;
	return &items[map->nr++];
}

static int override(struct yaml_file *f, const struct addition *a, const char *path, struct err *e)
{
	struct yaml_node **slot = &f->root;
	struct place place = {0};

	do {
		if (step(*slot, path, &place, e))
			return -1;
		slot = place.slot ? place.slot
				  : mapping_add(a, place.parent, path, (size_t)(place.rest - path));
		path = place.rest;
	} while (*path++ == '.');
	*slot = a->value;
	return 0;
}

int yaml_override(struct yaml_file *f, const char *setting, struct err *e)
{
	const char *equals = strchr(setting, '=');
	const char *text;
	struct yaml_file *value;
	char name[300], *path;
	int ret;

	if (!equals || equals == setting)
		return err_set(e, "--set %s: write key=value, as in sample=5ms", setting);
	snprintf(name, sizeof(name), "--set %s", setting);
	text = equals[1] ? equals + 1 : "''";
	value = yaml_load(name, text, strlen(text), (unsigned int)(equals + 1 - setting) + 1, e);
	if (!value)
		return -1;
	value->next = f->overrides;
	f->overrides = value; /* closed with the file, whatever becomes of it */
	path = mem_dup_n(setting, (size_t)(equals - setting));
	ret = override(f, &(struct addition){value, value->root, value->root}, path, e);
	free(path);
	return ret ? err_prefix(e, "%s", name) : 0;
}

int yaml_override_node(struct yaml_file *f, const struct yaml_node *path,
		       const struct yaml_node *value, struct err *e)
{
	const struct addition a = {f, path, yaml_copy(f, value, e)};

	if (!a.value)
		return -1;
	return override(f, &a, path->text, e) ? yaml_error_around(path, e) : 0;
}
