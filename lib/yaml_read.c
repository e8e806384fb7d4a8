/*
 * Reading nodes: lookups, scalars with units, and messages with places.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/assert.h"
#include "lib/bits.h"
#include "lib/suggest.h"
#include "lib/text.h"
#include "lib/units.h"
#include "lib/yaml.h"
#include "lib/yaml_node.h"

#define KEYS_MAX 128

int yaml_error(const struct yaml_node *n, struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return yaml_place(n->file, n->line, n->column, e);
}

int yaml_error_at(const struct yaml_node *n, size_t offset, struct err *e, const char *fmt, ...)
{
	unsigned int column = n->column;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	/*
	 * Plain text is as wide as it is long; quotes add two; anything else has escapes or folds.
	 */
	if (n->type == YAML_SCALAR && n->width == n->nr)
		column += (unsigned int)offset;
	else if (n->type == YAML_SCALAR && n->width == n->nr + 2)
		column += (unsigned int)offset + 1;
	return yaml_place(n->file, n->line, column, e);
}

int yaml_error_around(const struct yaml_node *n, struct err *e)
{
	return yaml_place(n->file, n->line, n->column, e);
}

bool yaml_is_scalar(const struct yaml_node *n)
{
	return n->type == YAML_SCALAR;
}

bool yaml_is_mapping(const struct yaml_node *n)
{
	return n->type == YAML_MAPPING;
}

bool yaml_is_sequence(const struct yaml_node *n)
{
	return n->type == YAML_SEQUENCE;
}

static const char *type_name(const struct yaml_node *n)
{
	static const char *const names[] = {
		[YAML_SCALAR] = "a single value",
		[YAML_SEQUENCE] = "a list",
		[YAML_MAPPING] = "a mapping",
	};

	return names[n->type];
}

static int unknown_key(const struct yaml_node *key, const char *const *known, struct err *e)
{
	const char *near = suggest_nearest(key->text, known);
	char list[512];
	struct text t = text_in(list, sizeof(list));

	if (near)
		return yaml_error(key, e, "unknown key '%s': did you mean '%s'?", key->text, near);
	for (size_t i = 0; known[i]; i++)
		text_add(&t, "%s%s", i ? ", " : "", known[i]);
	return yaml_error(key, e, "unknown key '%s': known are %s", key->text, list);
}

int yaml_check_keys(const struct yaml_node *map, const char *const *known, struct err *e)
{
	if (map->type != YAML_MAPPING)
		return yaml_error(map, e, "a mapping (key: value) is wanted here, not %s",
				  type_name(map));
	for (size_t i = 0; i < map->nr; i++) {
		size_t k = 0;

		while (known[k] && strcmp(known[k], map->keys[i]->text))
			k++;
		if (!known[k])
			return unknown_key(map->keys[i], known, e);
	}
	return 0;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	for (size_t i = 0; map->type == YAML_MAPPING && i < map->nr; i++) {
		if (!strcmp(map->keys[i]->text, key))
			return map->items[i];
	}
	return NULL;
}

const struct yaml_node *yaml_need(const struct yaml_node *map, const char *key, struct err *e)
{
	const struct yaml_node *n = yaml_get(map, key);

	if (!n && map->type != YAML_MAPPING)
		yaml_error(map, e, "a mapping with the key '%s' is wanted here, not %s", key,
			   type_name(map));
	else if (!n)
		yaml_error(map, e, "missing key '%s'", key);
	return n;
}

size_t yaml_count(const struct yaml_node *n)
{
	return n->type == YAML_SCALAR ? 0 : n->nr;
}

const struct yaml_node *yaml_item(const struct yaml_node *seq, size_t i)
{
	ASSERT(seq->type == YAML_SEQUENCE && i < seq->nr);
	return seq->items[i];
}

const char *yaml_key(const struct yaml_node *map, size_t i)
{
	return yaml_key_node(map, i)->text;
}

const struct yaml_node *yaml_key_node(const struct yaml_node *map, size_t i)
{
	ASSERT(map->type == YAML_MAPPING && i < map->nr);
	return map->keys[i];
}

const struct yaml_node *yaml_value(const struct yaml_node *map, size_t i)
{
	ASSERT(map->type == YAML_MAPPING && i < map->nr);
	return map->items[i];
}

const char *yaml_text(const struct yaml_node *n, struct err *e)
{
	if (n->type == YAML_SCALAR)
		return n->text;
	yaml_error(n, e, "a single value is wanted here, not %s", type_name(n));
	return NULL;
}

int yaml_u64(const struct yaml_node *n, u64 min_value, u64 max_value, u64 *v, struct err *e)
{
	const char *text = yaml_text(n, e);

	if (!text)
		return -1;
	if (count_parse(text, v, e))
		return yaml_error_around(n, e);
	if (*v < min_value || *v > max_value)
		return yaml_error(n, e, "%s is out of range: %llu to %llu", text,
				  (unsigned long long)min_value, (unsigned long long)max_value);
	return 0;
}

int yaml_size(const struct yaml_node *n, u64 *bytes, struct err *e)
{
	const char *text = yaml_text(n, e);

	if (!text)
		return -1;
	return size_parse(text, bytes, e) ? yaml_error_around(n, e) : 0;
}

int yaml_time(const struct yaml_node *n, u64 *ns, struct err *e)
{
	const char *text = yaml_text(n, e);

	if (!text)
		return -1;
	return time_parse(text, ns, e) ? yaml_error_around(n, e) : 0;
}

/* Sets the bits of one "N" or "N-M" that starts at *p; moves *p behind it. */
static int range_add(const char **p, u64 *map, size_t bits, struct err *e)
{
	unsigned long long first, last;
	char *end;

	if (**p < '0' || **p > '9')
		return err_set(e, "a CPU list looks like 0-3,8");
	first = last = strtoull(*p, &end, 10);
	if (*end == '-' && end[1] >= '0' && end[1] <= '9')
		last = strtoull(end + 1, &end, 10);
	if (last < first)
		return err_set(e, "%llu-%llu runs backwards", first, last);
	if (last >= bits)
		return err_set(e, "CPU %llu: the largest possible is %zu", last, bits - 1);
	for (; first <= last; first++) {
		if (bit_test(map, first))
			return err_set(e, "CPU %llu is here twice", first);
		bit_set(map, first);
	}
	*p = end;
	return 0;
}

static int cpulist_add(const struct yaml_node *n, u64 *map, size_t bits, struct err *e)
{
	const char *text = yaml_text(n, e), *p = text;

	if (!text)
		return -1;
	while (*p) {
		if (range_add(&p, map, bits, e))
			return yaml_error_around(n, e);
		if (!*p)
			break;
		if (*p++ != ',' || !*p)
			return yaml_error(n, e, "'%s': a CPU list looks like 0-3,8", text);
	}
	return 0;
}

int yaml_cpulist(const struct yaml_node *n, u64 *map, size_t bits, struct err *e)
{
	memset(map, 0, DIV_ROUND_UP(bits, BITS_PER_WORD) * sizeof(*map));
	if (n->type != YAML_SEQUENCE)
		return cpulist_add(n, map, bits, e);
	for (size_t i = 0; i < n->nr; i++) {
		if (cpulist_add(n->items[i], map, bits, e))
			return -1;
	}
	return 0;
}

int yaml_options(const struct yaml_node *map, const struct opt_desc *table, void *values,
		 struct err *e)
{
	const char *known[KEYS_MAX + 1];
	size_t n = 0;

	for (const struct opt_desc *opt = table; opt && opt->name && n < KEYS_MAX; opt++)
		known[n++] = opt->name;
	known[n] = NULL;
	options_default(table, values);
	if (yaml_check_keys(map, known, e))
		return -1;
	for (size_t i = 0; i < map->nr; i++) {
		const char *text = yaml_text(map->items[i], e);

		if (!text)
			return -1;
		if (options_set(table, values, map->keys[i]->text, text, e))
			return yaml_error_around(map->items[i], e);
	}
	return 0;
}
