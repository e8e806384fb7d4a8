/*
 * Values of what a search varies.
 *
 * Theory: what hurts often lies at an end of a range, or where orders of magnitude are, not in the
 * middle: small values are drawn as often as large ones. Integers throughout: the same search finds
 * the same on every machine.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/search_read.h"
#include "lib/assert.h"
#include "lib/units.h"

#define WEIGHT_MAX 100

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

/* Sizes are different: a key is there once. */
static bool has_size(const struct gene_value *v, u64 size)
{
	for (unsigned int i = 0; i < v->nr; i++)
		if (v->v[i] == size)
			return true;
	return false;
}

static void add_size(const struct gene *g, struct gene_value *v, struct rng *r)
{
	u64 size = draw(g->from, g->to, r), weight = between(1, WEIGHT_MAX, r);

	if (v->nr == g->nr || has_size(v, size))
		return;
	v->v[v->nr] = size;
	v->weight[v->nr++] = weight;
}

static void change_mix(const struct gene *g, struct gene_value *v, struct rng *r)
{
	unsigned int i = (unsigned int)rng_below(r, v->nr);
	u64 size;

	switch (rng_below(r, 5)) {
	case 0:
		add_size(g, v, r);
		return;
	case 1:
		if (v->nr == 1)
			return;
		v->nr--;
		v->v[i] = v->v[v->nr];
		v->weight[i] = v->weight[v->nr];
		return;
	case 2:
		v->weight[i] = change(v->weight[i], 1, WEIGHT_MAX, r);
		return;
	default:
		size = change(v->v[i], g->from, g->to, r);
		if (!has_size(v, size))
			v->v[i] = size;
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
		v->v[0] = rng_below(r, yaml_count(g->list));
		break;
	case GENE_MIX:
		v->nr = 0;
		for (u64 n = between(1, g->nr, r); n; n--)
			add_size(g, v, r);
	}
}

void gene_change(const struct gene *g, struct gene_value *v, struct rng *r)
{
	switch (g->kind) {
	case GENE_RANGE:
		v->v[0] = change(v->v[0], g->from, g->to, r);
		break;
	case GENE_CHOICE:
		v->v[0] = rng_below(r, yaml_count(g->list));
		break;
	case GENE_MIX:
		change_mix(g, v, r);
	}
}

static void print_number(FILE *f, enum gene_unit unit, u64 v)
{
	char text[32];

	switch (unit) {
	case UNIT_SIZE:
		size_print(v, text, sizeof(text));
		fputs(text, f);
		break;
	case UNIT_TIME:
		time_print(v, text, sizeof(text));
		fputs(text, f);
		break;
	default:
		fprintf(f, "%llu%s", (unsigned long long)v, unit == UNIT_RATE ? "/s" : "");
	}
}

char *gene_setting(const struct gene *g, const struct gene_value *v)
{
	char *text, *choice;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	ASSERT(f);
	fprintf(f, "%s=", g->path);
	switch (g->kind) {
	case GENE_RANGE:
		print_number(f, g->unit, v->v[0]);
		break;
	case GENE_CHOICE:
		choice = yaml_print_flow(yaml_item(g->list, v->v[0]));
		fputs(choice, f);
		free(choice);
		break;
	case GENE_MIX:
		fputs("{dist: choice, of: {", f);
		for (unsigned int i = 0; i < v->nr; i++) {
			fputs(i ? ", " : "", f);
			print_number(f, UNIT_SIZE, v->v[i]);
			fprintf(f, ": %llu", (unsigned long long)v->weight[i]);
		}
		fputs("}}", f);
	}
	ASSERT(!fclose(f));
	return text;
}
