/*
 * A stack as YAML says it: `{pages: CHAIN, slab: CHAIN, store: CHAIN, kmalloc: {classes: [8B, 96B],
 * merge: on}, caches: {GLOB: CHAIN}}`.
 */
#ifndef CMD_STACK_READ_H
#define CMD_STACK_READ_H

#include "alloc/stack.h"
#include "lib/yaml.h"

/* A stack of an experiment. -1 with e set (file, line and column), and nothing to free. */
int __must_check stack_read(struct stack_config *sc, const struct yaml_node *map, struct err *e);

/* What --pages, --slab, --store, --kmalloc and --caches say; each NULL if it is not given. */
struct stack_texts {
	const char *pages, *slab, *store, *kmalloc, *caches;
};

/* As stack_config_parse, of what a command line says. -1 with e set, and nothing to free. */
int __must_check stack_texts_read(struct stack_config *sc, const struct stack_texts *t,
				  struct err *e);

#endif
