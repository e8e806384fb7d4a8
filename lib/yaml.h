/*
 * YAML documents with exact places, over libyaml's document API.
 *
 * A reader asks for the keys it knows; what nobody asked for is an error that names the nearest
 * known key. Every message is "FILE:LINE:COLUMN: ..." (both from 1).
 */
#ifndef LIB_YAML_H
#define LIB_YAML_H

#include <stdio.h>

#include "lib/err.h"
#include "lib/options.h"
#include "lib/types.h"

struct yaml_file;
struct yaml_node; /* lives as long as its file */

/*
 * Reads one document. Duplicate keys, merge keys (`<<`), several documents, no document: errors.
 * Anchors and aliases are fine: an alias is the anchored node itself, never a copy.
 */
struct yaml_file *yaml_open(const char *path, struct err *e);
/* The same from memory; `name` stands for the file in messages. */
struct yaml_file *yaml_parse(const char *name, const char *text, size_t n, struct err *e);
/*
 * A copy of the node is the root. Messages name the original's place; its file must outlive this
 * one.
 */
struct yaml_file *yaml_from_node(const struct yaml_node *root, struct err *e);
void yaml_close(struct yaml_file *f);

/*
 * Overrides one value: `setting` is "PATH=VALUE" with a dotted path of keys (numbers in sequences),
 * VALUE any YAML ("5ms", "[1, 2]"). A key may itself hold dots. What is not there yet is added; the
 * reader of the document then finds out whether anyone wants it. Messages about an overridden value
 * name the setting in place of file and line.
 */
int __must_check yaml_override(struct yaml_file *f, const char *setting, struct err *e);

/*
 * The same with path and value from another file, which must outlive f: messages about them name
 * their place there.
 */
int __must_check yaml_override_node(struct yaml_file *f, const struct yaml_node *path,
				    const struct yaml_node *value, struct err *e);

/* Of all below the node: what says the same has the same digest, wherever it stands. */
u64 yaml_digest(const struct yaml_node *n);

/* The document that says this: reading it gives the same. Comments are gone. */
void yaml_print(FILE *f, const struct yaml_node *n);
/* The same on one line, without its end; the caller frees. */
char *yaml_print_flow(const struct yaml_node *n);

/* The root mapping; checks that its first key is `kmemsim: FORMAT` (such as "machine/1"). */
const struct yaml_node *yaml_root(struct yaml_file *f, const char *format, struct err *e);

/* The root of a document of any kind: of one that a mapping elsewhere may hold as well. */
const struct yaml_node *yaml_top(const struct yaml_file *f);

/* Sets e to "FILE:LINE:COLUMN: ..." of the node; returns -1. */
int yaml_error(const struct yaml_node *n, struct err *e, const char *fmt, ...) __printf(3, 4);
/*
 * The same for the character at `offset` inside a scalar's text (as exact as its quoting allows).
 */
int yaml_error_at(const struct yaml_node *n, size_t offset, struct err *e, const char *fmt, ...)
	__printf(4, 5);

/* Puts the node's place before a message from elsewhere (another file, a parser of texts); returns
 * -1. */
int yaml_error_around(const struct yaml_node *n, struct err *e);

bool yaml_is_scalar(const struct yaml_node *n);
bool yaml_is_mapping(const struct yaml_node *n);
bool yaml_is_sequence(const struct yaml_node *n);

/*
 * Every key of the mapping must be in the NULL-terminated list: else an error with the nearest one.
 */
int __must_check yaml_check_keys(const struct yaml_node *map, const char *const *known,
				 struct err *e);
/* NULL if the key is absent; *e untouched. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);
/* NULL with e set ("missing key 'nodes'") if the key is absent. */
const struct yaml_node *yaml_need(const struct yaml_node *map, const char *key, struct err *e);

/* Number of entries of a sequence or mapping. */
size_t yaml_count(const struct yaml_node *n);
const struct yaml_node *yaml_item(const struct yaml_node *seq, size_t i);
const char *yaml_key(const struct yaml_node *map, size_t i);
const struct yaml_node *yaml_key_node(const struct yaml_node *map, size_t i);
const struct yaml_node *yaml_value(const struct yaml_node *map, size_t i);

/* Scalars. Units as in lib/units.h. */
const char *yaml_text(const struct yaml_node *n, struct err *e);
int __must_check yaml_u64(const struct yaml_node *n, u64 min, u64 max, u64 *v, struct err *e);
int __must_check yaml_size(const struct yaml_node *n, u64 *bytes, struct err *e);
int __must_check yaml_time(const struct yaml_node *n, u64 *ns, struct err *e);
/* "0-3", "0-1,4", "5" or a sequence of numbers -> bitmap of `bits` bits, zeroed first. */
int __must_check yaml_cpulist(const struct yaml_node *n, u64 *map, size_t bits, struct err *e);
/* A mapping of options, by table; starts from the defaults. */
int __must_check yaml_options(const struct yaml_node *map, const struct opt_desc *table,
			      void *values, struct err *e);

#endif
