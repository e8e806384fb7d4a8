/*
 * Genes: what an evolution may change, and by how much at once.
 *
 * Theory: what is wanted often lies at an end of a range, or where orders of magnitude are, not in
 * the middle: small values are drawn as often as large ones. Integers throughout: the same draws
 * give the same values on every machine.
 */
#include "lib/gene.h"

static u64 between(u64 from, u64 to, struct rng *r)
{
	return from + (to - from == UINT64_MAX ? rng_u64(r) : rng_below(r, to - from + 1));
}

/* Each end once in eight, else below a bound that is halved again and again. */
static u64 draw(u64 from, u64 to, struct rng *r)
{
	unsigned int octaves = 0;

	switch (rng_below(r, 8)) {
	case 0:
		return from;
	case 1:
		return to;
	default:
		while ((to - from) >> octaves > 1)
			octaves++;
		return between(from, from + ((to - from) >> rng_below(r, octaves + 1)), r);
	}
}

/* By up to an eighth of the range, or of itself, or anywhere. */
static u64 change(u64 v, u64 from, u64 to, struct rng *r)
{
	u64 reach;

	switch (rng_below(r, 4)) {
	case 0:
		return draw(from, to, r);
	case 1:
		reach = (to - from) / 8 + 1;
		break;
	case 2:
		reach = v / 8 + 1;
		break;
	default:
		reach = 16;
	}
	return between(v - from > reach ? v - reach : from, to - v > reach ? v + reach : to, r);
}

/* Values of a mix are different. */
static bool has(const struct gene_value *v, u64 value)
{
	for (unsigned int i = 0; i < v->nr; i++)
		if (v->v[i] == value)
			return true;
	return false;
}

static void add(const struct gene *g, struct gene_value *v, struct rng *r)
{
	u64 value = draw(g->from, g->to, r), weight = between(1, GENE_WEIGHT_MAX, r);

	if (v->nr == g->nr || has(v, value))
		return;
	v->v[v->nr] = value;
	v->weight[v->nr++] = weight;
}

static void change_mix(const struct gene *g, struct gene_value *v, struct rng *r)
{
	unsigned int i = (unsigned int)rng_below(r, v->nr);
	u64 value;

	switch (rng_below(r, 5)) {
	case 0:
		add(g, v, r);
		return;
	case 1:
		if (v->nr == 1)
			return;
		v->nr--;
		v->v[i] = v->v[v->nr];
		v->weight[i] = v->weight[v->nr];
		return;
	case 2:
		v->weight[i] = change(v->weight[i], 1, GENE_WEIGHT_MAX, r);
		return;
	default:
		value = change(v->v[i], g->from, g->to, r);
		if (!has(v, value))
			v->v[i] = value;
	}
}

void gene_draw(const struct gene *g, struct gene_value *v, struct rng *r)
{
	*v = (struct gene_value){.nr = 1};
	switch (g->kind) {
	case GENE_RANGE:
		v->v[0] = draw(g->from, g->to, r);
		break;
	case GENE_CHOICE:
		v->v[0] = between(g->from, g->to, r);
		break;
	case GENE_MIX:
		v->nr = 0;
		for (u64 n = between(1, g->nr, r); n; n--)
			add(g, v, r);
	}
}

void gene_change(const struct gene *g, struct gene_value *v, struct rng *r)
{
	switch (g->kind) {
	case GENE_RANGE:
		v->v[0] = change(v->v[0], g->from, g->to, r);
		break;
	case GENE_CHOICE:
		v->v[0] = between(g->from, g->to, r);
		break;
	case GENE_MIX:
		change_mix(g, v, r);
	}
}

/* Behind the values in use, old ones may stand. */
bool gene_same(const struct gene_value *a, const struct gene_value *b)
{
	for (unsigned int i = 0; i < a->nr && a->nr == b->nr; i++)
		if (a->v[i] != b->v[i] || a->weight[i] != b->weight[i])
			return false;
	return a->nr == b->nr;
}
