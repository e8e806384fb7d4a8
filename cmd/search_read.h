/*
 * `search:` of an experiment, read and checked (cmd/search.h says what it means).
 */
#ifndef CMD_SEARCH_READ_H
#define CMD_SEARCH_READ_H

#include "lib/evolve.h"
#include "lib/yaml.h"
#include "sim/sink.h"

#define SEARCH_STEPS_MAX 1000000

/* 32B, 5us, 1000, 10k/s, 5% */
enum search_unit { UNIT_SIZE, UNIT_TIME, UNIT_COUNT, UNIT_RATE, UNIT_SHARE };

/* A key that is varied; its gene has the numbers. */
struct search_key {
	const char *path;
	enum search_unit unit;
	const struct yaml_node *list; /* of a choice, by index */
};

struct search {
	const struct yaml_node *node;
	size_t load; /* of the experiment's loads */
	struct search_key keys[EVOLVE_GENES_MAX];
	struct gene genes[EVOLVE_GENES_MAX]; /* of the keys */
	size_t nr_genes;
	const struct metric_desc *metric;
	bool maximize;
	u64 steps, seed;
	const char *save;
};

/* Names of loads end with NULL. -1 with e set. */
int __must_check search_read(struct search *s, const struct yaml_node *map,
			     const char *const *loads, struct err *e);

/* Key i with a value, as a setting: "PATH=VALUE", which the caller frees. */
char *search_setting(const struct search *s, size_t i, const struct gene_value *v);

#endif
