/*
 * The nodes behind lib/yaml.h; for lib/yaml*.c only.
 */
#ifndef LIB_YAML_NODE_H
#define LIB_YAML_NODE_H

#include "lib/yaml.h"

/* Keys are compared pair by pair, and nobody writes this many. */
#define YAML_NODES_MAX 20000

enum yaml_type { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node {
	struct yaml_file *file;
	enum yaml_type type;
	unsigned int line, column; /* from 1 */
	unsigned int width;	   /* columns from start to end; 0 if it spans lines */
	char *text;		   /* of a scalar */
	size_t nr;		   /* entries; bytes of a scalar */
	struct yaml_node **keys;   /* of a mapping */
	struct yaml_node **items;  /* of a sequence; the values of a mapping */
};

/* Everything of a file lives until the file is closed. */
struct yaml_block {
	struct yaml_block *next;
	_Alignas(max_align_t) char data[];
};

struct yaml_file {
	const char *name;
	struct yaml_node *root;
	struct yaml_block *blocks;
	struct yaml_file *overrides, *next; /* the settings put on top, each a file of its own */
	unsigned int setting_column;	    /* where a setting's value starts; 0: this is a file */
};

/* Zeroed. */
void *yaml_alloc(struct yaml_file *f, size_t n);
struct yaml_file *yaml_load(const char *name, const char *text, size_t n,
			    unsigned int setting_column, struct err *e);
/* A copy of all below the node, in memory of f. NULL with e set: too much, alias by alias. */
struct yaml_node *yaml_copy(struct yaml_file *f, const struct yaml_node *n, struct err *e);
/* Puts the place before the message; returns -1. */
int yaml_place(const struct yaml_file *f, size_t line, size_t column, struct err *e);

#endif
