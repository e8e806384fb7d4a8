/*
 * YAML documents with exact places: libyaml loads the document, its nodes become ours
 * (lib/yaml_node.h).
 */
#include "lib/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/assert.h"
#include "lib/file.h"
#include "lib/mem.h"
#include "lib/yaml_node.h"

/* A configuration file is written by hand: more is a mistake, and would only cost time. */
#define YAML_FILE_MAX (8U << 20)

void *yaml_alloc(struct yaml_file *f, size_t n)
{
	struct yaml_block *b = mem_alloc(1, sizeof(*b) + n);

	b->next = f->blocks;
	f->blocks = b;
	return b->data;
}

void yaml_close(struct yaml_file *f)
{
	struct yaml_file *override;
	struct yaml_block *b;

	if (!f)
		return;
	while ((override = f->overrides)) {
		f->overrides = override->next;
		yaml_close(override);
	}
	while ((b = f->blocks)) {
		f->blocks = b->next;
		free(b);
	}
	free(f);
}

static void node_from(struct yaml_file *f, struct yaml_node *n, const yaml_node_t *from,
		      struct yaml_node *all)
{
	const yaml_node_pair_t *pair;
	const yaml_node_item_t *item;
	size_t i = 0;

	n->file = f;
	n->line = (unsigned int)from->start_mark.line + 1;
	n->column = (unsigned int)from->start_mark.column + 1;
	n->width = from->start_mark.line == from->end_mark.line
			   ? (unsigned int)(from->end_mark.column - from->start_mark.column)
			   : 0;
	switch (from->type) {
	case YAML_MAPPING_NODE:
		n->type = YAML_MAPPING;
		n->nr = (size_t)(from->data.mapping.pairs.top - from->data.mapping.pairs.start);
		n->keys = yaml_alloc(f, n->nr * sizeof(*n->keys));
		n->items = yaml_alloc(f, n->nr * sizeof(*n->items));
		for (pair = from->data.mapping.pairs.start; i < n->nr; pair++, i++) {
			n->keys[i] = &all[pair->key - 1];
			n->items[i] = &all[pair->value - 1];
		}
		break;
	case YAML_SEQUENCE_NODE:
		n->type = YAML_SEQUENCE;
		n->nr = (size_t)(from->data.sequence.items.top - from->data.sequence.items.start);
		n->items = yaml_alloc(f, n->nr * sizeof(*n->items));
		for (item = from->data.sequence.items.start; i < n->nr; item++, i++)
			n->items[i] = &all[*item - 1];
		break;
	default:
		n->type = YAML_SCALAR;
		n->nr = from->data.scalar.length;
		n->text = yaml_alloc(f, n->nr + 1);
		memcpy(n->text, from->data.scalar.value, n->nr);
	}
}

static int mapping_check(const struct yaml_node *map, struct err *e)
{
	for (size_t i = 0; i < map->nr; i++) {
		const struct yaml_node *key = map->keys[i];

		if (key->type != YAML_SCALAR)
			return yaml_error(key, e, "a key must be a plain word");
		if (!strcmp(key->text, "<<"))
			return yaml_error(
				key, e, "merge keys ('<<') are not supported: write the keys out");
		for (size_t j = 0; j < i; j++) {
			if (!strcmp(map->keys[j]->text, key->text))
				return yaml_error(key, e,
						  "key '%s' is here twice: first in line %u",
						  key->text, map->keys[j]->line);
		}
	}
	return 0;
}

static int nodes_check(const struct yaml_node *all, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (all[i].type == YAML_SCALAR && strlen(all[i].text) != all[i].nr)
			return yaml_error(&all[i], e, "a NUL character inside a text");
		if (all[i].type == YAML_MAPPING && mapping_check(&all[i], e))
			return -1;
	}
	return 0;
}

static int document_take(struct yaml_file *f, yaml_document_t *doc, struct err *e)
{
	size_t n = (size_t)(doc->nodes.top - doc->nodes.start);
	struct yaml_node *all;

	if (!n)
		return err_set(e, "%s:1:1: the file is empty", f->name);
	if (n > YAML_NODES_MAX)
		return err_set(e, "%s: %zu values: more than %d are no description of anything",
			       f->name, n, YAML_NODES_MAX);
	all = yaml_alloc(f, n * sizeof(*all));
	for (size_t i = 0; i < n; i++)
		node_from(f, &all[i], &doc->nodes.start[i], all);
	f->root = &all[0];
	return nodes_check(all, n, e);
}

int yaml_place(const struct yaml_file *f, size_t line, size_t column, struct err *e)
{
	if (f->setting_column)
		return err_prefix(e, "%s: column %zu", f->name, f->setting_column + column - 1);
	return err_prefix(e, "%s:%zu:%zu", f->name, line, column);
}

static int parser_error(const struct yaml_file *f, const yaml_parser_t *p, struct err *e)
{
	const char *problem = p->problem ? p->problem : "not YAML";

	if (p->error == YAML_READER_ERROR)
		return err_set(e, "%s: offset %zu: %s", f->name, p->problem_offset, problem);
	err_set(e, "%s%s%s%s", problem, p->context ? " (" : "", p->context ? p->context : "",
		p->context ? ")" : "");
	return yaml_place(f, p->problem_mark.line + 1, p->problem_mark.column + 1, e);
}

/* Whatever follows the first document must be nothing. */
static int end_check(const struct yaml_file *f, yaml_parser_t *parser, struct err *e)
{
	yaml_document_t doc;
	yaml_mark_t mark;
	bool more;

	if (!yaml_parser_load(parser, &doc))
		return parser_error(f, parser, e);
	more = doc.nodes.top != doc.nodes.start;
	mark = doc.start_mark;
	yaml_document_delete(&doc);
	if (!more)
		return 0;
	err_set(e, "a second document: one to a file");
	return yaml_place(f, mark.line + 1, mark.column + 1, e);
}

static int load(struct yaml_file *f, const char *text, size_t n, struct err *e)
{
	yaml_parser_t parser;
	yaml_document_t doc;
	int ret;

	ASSERT(yaml_parser_initialize(&parser));
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
	if (!yaml_parser_load(&parser, &doc)) {
		ret = parser_error(f, &parser, e);
	} else {
		ret = document_take(f, &doc, e);
		yaml_document_delete(&doc);
		if (!ret)
			ret = end_check(f, &parser, e);
	}
	yaml_parser_delete(&parser);
	return ret;
}

struct yaml_file *yaml_load(const char *name, const char *text, size_t n,
			    unsigned int setting_column, struct err *e)
{
	struct yaml_file *f = mem_alloc(1, sizeof(*f));
	char *copy;

	copy = yaml_alloc(f, strlen(name) + 1);
	strcpy(copy, name);
	f->name = copy;
	f->setting_column = setting_column;
	if (n > YAML_FILE_MAX)
		err_set(e, "%s: %zu MiB are no configuration file", name, n >> 20);
	else if (!load(f, text, n, e))
		return f;
	yaml_close(f);
	return NULL;
}

struct yaml_file *yaml_parse(const char *name, const char *text, size_t n, struct err *e)
{
	return yaml_load(name, text, n, 0, e);
}

struct yaml_file *yaml_open(const char *path, struct err *e)
{
	struct yaml_file *f = NULL;
	size_t n;
	char *text = file_read(path, &n, e);

	if (text)
		f = yaml_parse(path, text, n, e);
	free(text);
	return f;
}

const struct yaml_node *yaml_top(const struct yaml_file *f)
{
	return f->root;
}

const struct yaml_node *yaml_root(struct yaml_file *f, const char *format, struct err *e)
{
	const struct yaml_node *root = f->root, *value;
	size_t kind = strcspn(format, "/");

	if (root->type != YAML_MAPPING || !root->nr || strcmp(root->keys[0]->text, "kmemsim")) {
		yaml_error(root, e, "the first line must be 'kmemsim: %s'", format);
		return NULL;
	}
	value = root->items[0];
	if (value->type != YAML_SCALAR)
		yaml_error(value, e, "the first line must be 'kmemsim: %s'", format);
	else if (!strcmp(value->text, format))
		return root;
	else if (!strncmp(value->text, format, kind) && value->text[kind] == '/')
		yaml_error(value, e, "format '%s': this kmemsim reads '%s'", value->text, format);
	else
		yaml_error(value, e, "this is a '%s' file: '%s' is wanted", value->text, format);
	return NULL;
}
