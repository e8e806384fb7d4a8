/*
 * Documents made of nodes of other documents.
 */
#include <string.h>

#include "lib/digest.h"
#include "lib/mem.h"
#include "lib/yaml.h"
#include "lib/yaml_node.h"

static struct yaml_node *copy(struct yaml_file *f, const struct yaml_node *n, size_t *left)
{
	struct yaml_node *c;

	if (!*left)
		return NULL;
	--*left;
	c = yaml_alloc(f, sizeof(*c));
	*c = *n;
	if (n->type == YAML_SCALAR) {
		c->text = yaml_alloc(f, n->nr + 1);
		memcpy(c->text, n->text, n->nr);
		return c;
	}
	c->items = yaml_alloc(f, n->nr * sizeof(*c->items));
	if (n->type == YAML_MAPPING)
		c->keys = yaml_alloc(f, n->nr * sizeof(*c->keys));
	for (size_t i = 0; i < n->nr; i++) {
		c->items[i] = copy(f, n->items[i], left);
		if (n->type == YAML_MAPPING)
			c->keys[i] = copy(f, n->keys[i], left);
		if (!c->items[i] || (c->keys && !c->keys[i]))
			return NULL;
	}
	return c;
}

struct yaml_node *yaml_copy(struct yaml_file *f, const struct yaml_node *n, struct err *e)
{
	size_t left = YAML_NODES_MAX;
	struct yaml_node *c = copy(f, n, &left);

	if (!c)
		yaml_error(n, e, "more than %d values, each alias counted in full", YAML_NODES_MAX);
	return c;
}

struct yaml_file *yaml_from_node(const struct yaml_node *root, struct err *e)
{
	struct yaml_file *f = mem_alloc(1, sizeof(*f));

	f->name = root->file->name;
	f->root = yaml_copy(f, root, e);
	if (f->root)
		return f;
	yaml_close(f);
	return NULL;
}

u64 yaml_digest(const struct yaml_node *n)
{
	u64 digest = digest_u64(digest_u64(DIGEST_INIT, n->type), n->nr);

	if (n->type == YAML_SCALAR)
		return digest_bytes(digest, n->text, n->nr);
	for (size_t i = 0; i < n->nr; i++) {
		if (n->type == YAML_MAPPING)
			digest = digest_u64(digest, yaml_digest(n->keys[i]));
		digest = digest_u64(digest, yaml_digest(n->items[i]));
	}
	return digest;
}
