/*
 * What things cost: simulated nanoseconds for each elementary step that the kernel seam charges.
 *
 * The figures are a YAML table (costs/1) with a source for each; the built-in table is
 * configs/costs-xeon.yaml, word for word (a test compares them).
 */
#ifndef SIM_COSTS_H
#define SIM_COSTS_H

#include "alloc/cost.h"
#include "lib/err.h"
#include "lib/types.h"
#include "lib/yaml.h"

struct cost_table {
	u32 ns[NR_COSTS];
};

struct cost_desc {
	const char *name; /* key in the YAML table */
	u32 ns;		  /* built-in figure */
	const char *help;
	const char *source; /* where the figure comes from */
};

extern const struct cost_desc cost_descs[NR_COSTS];

void costs_default(struct cost_table *t);
int __must_check costs_load(struct cost_table *t, const char *path, struct err *e);
/* A mapping name -> time; absent names keep their value. */
int __must_check costs_from_node(struct cost_table *t, const struct yaml_node *map, struct err *e);

#endif
