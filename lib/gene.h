/*
 * Genes: what an evolution may change, and by how much at once (lib/evolve.h).
 */
#ifndef LIB_GENE_H
#define LIB_GENE_H

#include "lib/rng.h"

#define GENE_MIX_MAX 8 /* values side by side */
#define GENE_WEIGHT_MAX 100

enum gene_kind {
	GENE_RANGE,  /* a number: near ones do alike */
	GENE_CHOICE, /* a number that is only a name */
	GENE_MIX,    /* different numbers of a range, with weights */
};

struct gene {
	enum gene_kind kind;
	u64 from, to;	 /* both included */
	unsigned int nr; /* of a mix: at most so many */
};

struct gene_value {
	unsigned int nr; /* 1, or of a mix: how many */
	u64 v[GENE_MIX_MAX], weight[GENE_MIX_MAX];
};

/* Any value. */
void gene_draw(const struct gene *g, struct gene_value *v, struct rng *r);
/* One near to what it is. */
void gene_change(const struct gene *g, struct gene_value *v, struct rng *r);
bool gene_same(const struct gene_value *a, const struct gene_value *b);

#endif
