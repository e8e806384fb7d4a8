/*
 * `search:` of an experiment, read and checked (cmd/search.h says what it means).
 */
#ifndef CMD_SEARCH_READ_H
#define CMD_SEARCH_READ_H

#include "lib/rng.h"
#include "lib/yaml.h"
#include "sim/sink.h"

#define SEARCH_GENES_MAX 32
#define SEARCH_MIX_MAX 8 /* sizes side by side */
#define SEARCH_STEPS_MAX 1000000

enum gene_kind { GENE_RANGE, GENE_CHOICE, GENE_MIX };
enum gene_unit { UNIT_SIZE, UNIT_TIME, UNIT_COUNT, UNIT_RATE }; /* 32B, 5us, 1000, 10k/s */

/* A key that is varied. */
struct gene {
	const char *path;
	enum gene_kind kind;
	enum gene_unit unit;
	u64 from, to;		      /* of a range, and of the sizes of a mix */
	unsigned int nr;	      /* of a mix: most sizes */
	const struct yaml_node *list; /* of a choice */
};

/* A value of it: the number; the index; sizes and how often each. */
struct gene_value {
	unsigned int nr; /* of a mix: sizes */
	u64 v[SEARCH_MIX_MAX], weight[SEARCH_MIX_MAX];
};

struct search {
	const struct yaml_node *node;
	size_t load; /* of the experiment's loads */
	struct gene genes[SEARCH_GENES_MAX];
	size_t nr_genes;
	const struct metric_desc *metric;
	bool maximize;
	u64 steps, seed;
	const char *save;
};

/* Names of loads end with NULL. -1 with e set. */
int __must_check search_read(struct search *s, const struct yaml_node *map,
			     const char *const *loads, struct err *e);

/* cmd/search_genes.c: any value; one near another; as a setting, "PATH=VALUE", which the caller
 * frees. */
void gene_draw(const struct gene *g, struct gene_value *v, struct rng *r);
void gene_change(const struct gene *g, struct gene_value *v, struct rng *r);
char *gene_setting(const struct gene *g, const struct gene_value *v);

#endif
