/*
 * `search:` of an experiment, read and checked.
 */
#include "cmd/search_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/assert.h"
#include "lib/suggest.h"
#include "lib/units.h"

#define METRICS_MAX 1024

/* ---- What is varied ---- */

/* A size, a time, a number, a share, or a number a second: by the unit it is written in. */
static int bound_read(const struct yaml_node *n, u64 *v, enum search_unit *unit, struct err *e)
{
	const char *text = yaml_text(n, e), *slash = text ? strchr(text, '/') : NULL;
	struct err none;
	char number[64];

	if (!text)
		return -1;
	if (slash && !strcmp(slash, "/s") && slash - text < (long)sizeof(number)) {
		snprintf(number, sizeof(number), "%.*s", (int)(slash - text), text);
		*unit = UNIT_RATE;
		if (!count_parse(number, v, &none))
			return 0;
	} else if (!size_parse(text, v, &none)) {
		*unit = UNIT_SIZE;
		return 0;
	} else if (!time_parse(text, v, &none)) {
		*unit = UNIT_TIME;
		return 0;
	} else if (!count_parse(text, v, &none)) {
		*unit = UNIT_COUNT;
		return 0;
	} else if (strchr(text, '%') && !share_parse(text, v, &none)) {
		*unit = UNIT_SHARE;
		return 0;
	}
	return yaml_error(n, e,
			  "'%s' is no bound: a size (32B), a time (5us), a share (5%%), a number "
			  "or a rate (10k/s)",
			  text);
}

static int bounds_read(struct search_key *key, struct gene *g, const struct yaml_node *map,
		       struct err *e)
{
	const struct yaml_node *from = yaml_need(map, "from", e), *to;
	enum search_unit unit = UNIT_COUNT;

	to = from ? yaml_need(map, "to", e) : NULL;
	if (!to || bound_read(from, &g->from, &key->unit, e) || bound_read(to, &g->to, &unit, e))
		return -1;
	if (!g->from) /* nothing has no unit */
		key->unit = unit;
	if (unit != key->unit)
		return yaml_error(to, e, "`from` and `to` are of different units");
	if (g->from > g->to)
		return yaml_error(to, e, "`to` is less than `from`");
	return 0;
}

static int mix_read(const struct search_key *key, struct gene *g, const struct yaml_node *n,
		    const struct yaml_node *map, struct err *e)
{
	u64 nr;

	g->kind = GENE_MIX;
	if (yaml_u64(n, 1, GENE_MIX_MAX, &nr, e))
		return -1;
	g->nr = (unsigned int)nr;
	if (key->unit != UNIT_SIZE)
		return yaml_error(yaml_get(map, "from"), e, "a mix is one of sizes, such as 32B");
	if (!g->from)
		return yaml_error(yaml_get(map, "from"), e, "sizes are more than zero");
	return 0;
}

static int gene_read(struct search_key *key, struct gene *g, const struct yaml_node *n,
		     struct err *e)
{
	static const char *const known[] = {"from", "to", "mix", NULL};
	const struct yaml_node *mix;

	if (yaml_is_sequence(n)) {
		g->kind = GENE_CHOICE;
		key->list = n;
		if (!yaml_count(n))
			return yaml_error(n, e, "a choice of nothing");
		g->to = yaml_count(n) - 1;
		return 0;
	}
	if (!yaml_is_mapping(n))
		return yaml_error(n, e,
				  "what is varied is a list to choose from, {from: 1us, to: 1ms} "
				  "or {mix: 3, from: 32B, to: 4KiB}");
	g->kind = GENE_RANGE;
	if (yaml_check_keys(n, known, e) || bounds_read(key, g, n, e))
		return -1;
	mix = yaml_get(n, "mix");
	return mix ? mix_read(key, g, mix, n, e) : 0;
}

static int vary_read(struct search *s, const struct yaml_node *map, struct err *e)
{
	if (!yaml_is_mapping(map) || !yaml_count(map) || yaml_count(map) > EVOLVE_GENES_MAX)
		return yaml_error(map, e, "1 to %d keys are varied, 'jobs.fill.every: {...}'",
				  EVOLVE_GENES_MAX);
	for (size_t i = 0; i < yaml_count(map); i++) {
		struct search_key *key = &s->keys[i];

		key->path = yaml_key(map, i);
		if (!*key->path || strchr(key->path, '='))
			return yaml_error(yaml_key_node(map, i), e, "no path of keys");
		if (gene_read(key, &s->genes[i], yaml_value(map, i), e))
			return -1;
		s->nr_genes++;
	}
	return 0;
}

/* ---- All of it ---- */

static int load_read(struct search *s, const struct yaml_node *n, const char *const *loads,
		     struct err *e)
{
	const char *name = n ? yaml_text(n, e) : NULL, *near;

	if (!name)
		return -1;
	for (s->load = 0; loads[s->load]; s->load++)
		if (!strcmp(loads[s->load], name))
			return 0;
	near = suggest_nearest(name, loads);
	if (near)
		return yaml_error(n, e, "no load is '%s': did you mean '%s'?", name, near);
	return yaml_error(n, e, "no load is '%s'; the first is '%s'", name, loads[0]);
}

static int metric_read(struct search *s, const struct yaml_node *n, struct err *e)
{
	const char *name = yaml_text(n, e), *names[METRICS_MAX + 1], *near;
	size_t nr = 0;

	if (!name)
		return -1;
	s->metric = metric_find(name);
	if (s->metric)
		return 0;
	for (const struct metric_desc *m = metrics; m->name && nr < METRICS_MAX; m++)
		names[nr++] = m->name;
	names[nr] = NULL;
	near = suggest_nearest(name, names);
	if (near)
		return yaml_error(n, e, "no metric '%s': did you mean '%s'?", name, near);
	return yaml_error(n, e, "no metric '%s': `kmemsim list metrics` shows them", name);
}

static int goal_read(struct search *s, const struct yaml_node *map, struct err *e)
{
	const struct yaml_node *most = yaml_get(map, "maximize"),
			       *least = yaml_get(map, "minimize");

	if (most && least)
		return yaml_error(least, e, "maximize and minimize: one of them is wanted");
	if (!most && !least)
		return yaml_error(map, e, "what hurts? add `maximize: METRIC`, or minimize");
	s->maximize = most;
	return metric_read(s, most ? most : least, e);
}

int search_read(struct search *s, const struct yaml_node *map, const char *const *loads,
		struct err *e)
{
	static const char *const known[] = {"load",  "vary", "maximize", "minimize",
					    "steps", "seed", "save",	 NULL};
	const struct yaml_node *n;

	*s = (struct search){.node = map, .seed = 1};
	if (yaml_check_keys(map, known, e) || load_read(s, yaml_need(map, "load", e), loads, e))
		return -1;
	n = yaml_need(map, "vary", e);
	if (!n || vary_read(s, n, e) || goal_read(s, map, e))
		return -1;
	n = yaml_need(map, "steps", e);
	if (!n || yaml_u64(n, 2, SEARCH_STEPS_MAX, &s->steps, e))
		return -1;
	n = yaml_get(map, "seed");
	if (n && yaml_u64(n, 0, INT64_MAX, &s->seed, e))
		return -1;
	n = yaml_need(map, "save", e);
	s->save = n ? yaml_text(n, e) : NULL;
	return s->save ? 0 : -1;
}

/* ---- What is varied, as a setting ---- */

static void print_number(FILE *f, enum search_unit unit, u64 v)
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
	case UNIT_SHARE:
		share_print(v, text, sizeof(text));
		fputs(text, f);
		break;
	default:
		fprintf(f, "%llu%s", (unsigned long long)v, unit == UNIT_RATE ? "/s" : "");
	}
}

/* Of sizes, and how often each. */
static void print_mix(FILE *f, const struct gene_value *v)
{
	fputs("{dist: choice, of: {", f);
	for (unsigned int i = 0; i < v->nr; i++) {
		fputs(i ? ", " : "", f);
		print_number(f, UNIT_SIZE, v->v[i]);
		fprintf(f, ": %llu", (unsigned long long)v->weight[i]);
	}
	fputs("}}", f);
}

char *search_setting(const struct search *s, size_t i, const struct gene_value *v)
{
	const struct search_key *key = &s->keys[i];
	char *text, *choice;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	ASSERT(f);
	fprintf(f, "%s=", key->path);
	switch (s->genes[i].kind) {
	case GENE_RANGE:
		print_number(f, key->unit, v->v[0]);
		break;
	case GENE_CHOICE:
		choice = yaml_print_flow(yaml_item(key->list, v->v[0]));
		fputs(choice, f);
		free(choice);
		break;
	case GENE_MIX:
		print_mix(f, v);
	}
	ASSERT(!fclose(f));
	return text;
}
