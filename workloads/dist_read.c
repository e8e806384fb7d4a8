/*
 * Distributions as a workload describes them.
 *
 *	lifetime: 50ms					a constant
 *	lifetime: {dist: exponential, mean: 2ms}
 *	size: {dist: choice, of: {256B: 60, 512B: 25}}	values and their weights
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/mem.h"
#include "lib/suggest.h"
#include "lib/units.h"
#include "workloads/dist.h"

#define SIGMA_MAX 10

const char dist_help[] =
	"  50ms                                                 always the same\n"
	"  {dist: uniform, min: 1ms, max: 9ms}                  all alike, both ends included\n"
	"  {dist: exponential, mean: 2ms}\n"
	"  {dist: lognormal, median: 3s, sigma: 1.5}            sigma: of the logarithm\n"
	"  {dist: normal, mean: 1340B, sd: 842B}                what is below `min` or above `max` "
	"is not\n"
	"                                                       drawn: mean and sd are those of "
	"the "
	"whole\n"
	"  {dist: choice, of: {64B: 3, 1KiB: 1}}                values and their weights\n"
	"  {dist: empirical, file: sizes.txt, unit: B}          a value and perhaps a weight a "
	"line\n"
	"  {dist: mix, of: [{weight: 1, value: 28B}, {weight: 8, value: DIST}]}\n"
	"  exponential and lognormal may be cut off with `min` and `max`\n";

int quantity_parse_text(const struct quantity_rules *q, const char *text, u64 *v, struct err *e)
{
	char lo[32], hi[32];
	int ret = q->unit == QUANTITY_TIME   ? time_parse(text, v, e)
		  : q->unit == QUANTITY_SIZE ? size_parse(text, v, e)
					     : count_parse(text, v, e);

	if (ret)
		return -1;
	if (*v >= q->min && *v <= q->max)
		return 0;
	if (q->unit == QUANTITY_COUNT) {
		snprintf(lo, sizeof(lo), "%llu", (unsigned long long)q->min);
		snprintf(hi, sizeof(hi), "%llu", (unsigned long long)q->max);
	} else if (q->unit == QUANTITY_SIZE) {
		size_print(q->min, lo, sizeof(lo));
		size_print(q->max, hi, sizeof(hi));
	} else {
		time_print(q->min, lo, sizeof(lo));
		time_print(q->max, hi, sizeof(hi));
	}
	return err_set(e, "%s is no %s: from %s to %s", text, q->what, lo, hi);
}

static int value_read(const struct yaml_node *n, const struct quantity_rules *q, u64 *v,
		      struct err *e)
{
	const char *text = yaml_text(n, e);

	if (!text)
		return -1;
	return quantity_parse_text(q, text, v, e) ? yaml_error_around(n, e) : 0;
}

static int value_need(const struct yaml_node *map, const char *key, const struct quantity_rules *q,
		      u64 *v, struct err *e)
{
	const struct yaml_node *n = yaml_need(map, key, e);

	return n ? value_read(n, q, v, e) : -1;
}

int number_read(const struct yaml_node *n, double *v, struct err *e)
{
	const char *text = yaml_text(n, e);
	char *end;

	if (!text)
		return -1;
	*v = strtod(text, &end);
	if (!*text || *end || text[strspn(text, "0123456789.eE+-")] || !isfinite(*v))
		return yaml_error(n, e, "'%s' is not a number", text);
	return 0;
}

struct reading {
	const struct yaml_node *map;
	const struct quantity_rules *q;
	const char *dir;
};

static int read_constant(struct dist *d, const struct reading *r, struct err *e)
{
	u64 v;

	if (value_need(r->map, "value", r->q, &v, e))
		return -1;
	dist_constant(d, v);
	return 0;
}

static int read_uniform(struct dist *d, const struct reading *r, struct err *e)
{
	u64 lo, hi;

	if (value_need(r->map, "min", r->q, &lo, e) || value_need(r->map, "max", r->q, &hi, e))
		return -1;
	if (lo > hi)
		return yaml_error(yaml_get(r->map, "min"), e, "min is above max");
	*d = (struct dist){
		.kind = DIST_UNIFORM, .min = lo, .max = hi, .mean = ((double)lo + (double)hi) / 2};
	return 0;
}

/* Values outside min..max, or outside what makes sense at all, are taken for the nearest inside. */
static int cut_off(struct dist *d, const struct reading *r, struct err *e)
{
	const struct yaml_node *lo = yaml_get(r->map, "min"), *hi = yaml_get(r->map, "max");

	d->min = r->q->min;
	d->max = r->q->max;
	if ((lo && value_read(lo, r->q, &d->min, e)) || (hi && value_read(hi, r->q, &d->max, e)) ||
	    (d->min > d->max && yaml_error(lo ? lo : hi, e, "min is above max"))) {
		dist_free(d);
		return -1;
	}
	return 0;
}

static int read_exponential(struct dist *d, const struct reading *r, struct err *e)
{
	u64 mean;

	if (value_need(r->map, "mean", r->q, &mean, e))
		return -1;
	if (!mean)
		return yaml_error(yaml_get(r->map, "mean"), e, "the mean must be more than zero");
	dist_exponential(d, (double)mean);
	return cut_off(d, r, e);
}

static int read_lognormal(struct dist *d, const struct reading *r, struct err *e)
{
	const struct yaml_node *n;
	double sigma;
	u64 median;

	if (value_need(r->map, "median", r->q, &median, e))
		return -1;
	if (!median)
		return yaml_error(yaml_get(r->map, "median"), e,
				  "the median must be more than zero");
	n = yaml_need(r->map, "sigma", e);
	if (!n || number_read(n, &sigma, e))
		return -1;
	if (sigma <= 0 || sigma > SIGMA_MAX)
		return yaml_error(n, e, "sigma must be more than 0 and at most %d", SIGMA_MAX);
	dist_lognormal(d, (double)median, sigma);
	return cut_off(d, r, e);
}

/* A deviation may be less than any value, but not nothing. */
static int sd_read(const struct reading *r, u64 *sd, struct err *e)
{
	struct quantity_rules rules = *r->q;

	rules.what = "deviation";
	rules.min = 1;
	return value_need(r->map, "sd", &rules, sd, e);
}

static int read_normal(struct dist *d, const struct reading *r, struct err *e)
{
	u64 mean, sd;

	if (value_need(r->map, "mean", r->q, &mean, e) || sd_read(r, &sd, e) || cut_off(d, r, e))
		return -1;
	if (dist_normal(d, (double)mean, (double)sd, d->min, d->max))
		return yaml_error(r->map, e, "next to nothing of it lies between min and max");
	return 0;
}

static int weight_read(const struct yaml_node *n, double *weight, struct err *e)
{
	if (number_read(n, weight, e))
		return -1;
	return *weight < 0 ? yaml_error(n, e, "a weight cannot be negative") : 0;
}

static int read_choice(struct dist *d, const struct reading *r, struct err *e)
{
	const struct yaml_node *of = yaml_need(r->map, "of", e);
	double *weights;
	u64 *values;
	size_t n;

	if (!of)
		return -1;
	n = yaml_count(of);
	if (!yaml_is_mapping(of) || !n)
		return yaml_error(of, e,
				  "values and their weights are wanted: {256B: 60, 512B: 40}");
	values = mem_alloc(n, sizeof(*values));
	weights = mem_alloc(n, sizeof(*weights));
	for (size_t i = 0; i < n; i++) {
		if (value_read(yaml_key_node(of, i), r->q, &values[i], e) ||
		    weight_read(yaml_value(of, i), &weights[i], e)) {
			free(values);
			free(weights);
			return -1;
		}
	}
	if (dist_weights(d, values, weights, (u32)n))
		return yaml_error(of, e, "the weights add up to zero, or to infinity");
	return 0;
}

static int read_empirical(struct dist *d, const struct reading *r, struct err *e)
{
	static const char *const units[] = {"B",  "KiB", "MiB", "GiB", "TiB", "ns",
					    "us", "ms",	 "s",	"min", "h",   NULL};
	const struct yaml_node *n = yaml_need(r->map, "file", e), *u = yaml_get(r->map, "unit");
	const char *name = n ? yaml_text(n, e) : NULL, *unit = u ? yaml_text(u, e) : "";
	char *path;
	size_t i = 0;
	int ret;

	if (!name || !unit)
		return -1;
	while (u && units[i] && strcmp(units[i], unit))
		i++;
	if (u && (!units[i] || r->q->unit != (i < 5 ? QUANTITY_SIZE : QUANTITY_TIME)))
		return yaml_error(u, e, "'%s' is no unit of a %s", unit, r->q->what);
	path = access(name, R_OK) ? file_in_dir(r->dir, name) : mem_dup(name);
	if (access(path, R_OK))
		ret = yaml_error(n, e, "%s: %s", *name ? name : "''", strerror(errno));
	else if (file_check_regular(path, e))
		ret = yaml_error_around(n, e);
	else
		ret = dist_read_file(d, path, r->q, unit, e);
	free(path);
	return ret;
}

/* Reads part i of a mix. */
static int part_read(struct dist *d, double *weight, const struct reading *r,
		     const struct yaml_node *map, struct err *e)
{
	static const char *const known[] = {"weight", "value", NULL};
	const struct yaml_node *w, *v, *name;

	if (!yaml_is_mapping(map))
		return yaml_error(map, e,
				  "a weight and a value are wanted: {weight: 1, value: DIST}");
	if (yaml_check_keys(map, known, e))
		return -1;
	w = yaml_need(map, "weight", e);
	v = w && !weight_read(w, weight, e) ? yaml_need(map, "value", e) : NULL;
	if (!v)
		return -1;
	name = yaml_is_mapping(v) ? yaml_get(v, "dist") : NULL;
	if (name && yaml_is_scalar(name) && !strcmp(yaml_text(name, e), "mix"))
		return yaml_error(v, e, "a mix within a mix: one with all of their parts will do");
	return dist_read(d, v, r->q, r->dir, e);
}

static int read_mix(struct dist *d, const struct reading *r, struct err *e)
{
	const struct yaml_node *of = yaml_need(r->map, "of", e);
	struct dist *parts;
	double *weights;
	size_t n, i;

	if (!of)
		return -1;
	n = yaml_count(of);
	if (!yaml_is_sequence(of) || !n)
		return yaml_error(of, e, "a list is wanted: [{weight: 1, value: 28B}, ...]");
	parts = mem_alloc(n, sizeof(*parts));
	weights = mem_alloc(n, sizeof(*weights));
	for (i = 0; i < n && !part_read(&parts[i], &weights[i], r, yaml_item(of, i), e); i++)
		;
	if (i == n && !dist_mix(d, parts, weights, (u32)n))
		return 0;
	if (i == n)
		return yaml_error(of, e, "the weights add up to zero, or to infinity");
	while (i--)
		dist_free(&parts[i]);
	free(parts);
	free(weights);
	return -1;
}

static const struct form {
	const char *name;
	const char *keys[5];
	int (*read)(struct dist *d, const struct reading *r, struct err *e);
} forms[] = {
	{"constant", {"dist", "value", NULL}, read_constant},
	{"uniform", {"dist", "min", "max", NULL}, read_uniform},
	{"exponential", {"dist", "mean", "min", "max", NULL}, read_exponential},
	{"lognormal", {"dist", "median", "sigma", "min", "max"}, read_lognormal},
	{"normal", {"dist", "mean", "sd", "min", "max"}, read_normal},
	{"choice", {"dist", "of", NULL}, read_choice},
	{"empirical", {"dist", "file", "unit", NULL}, read_empirical},
	{"mix", {"dist", "of", NULL}, read_mix},
};

static int unknown_form(const struct yaml_node *n, const char *name, struct err *e)
{
	const char *names[ARRAY_SIZE(forms) + 1] = {0}, *near;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		names[i] = forms[i].name;
	near = suggest_nearest(name, names);
	if (near)
		return yaml_error(n, e, "unknown distribution '%s': did you mean '%s'?", name,
				  near);
	return yaml_error(n, e,
			  "unknown distribution '%s': known are constant, uniform, exponential, "
			  "lognormal, normal, choice, empirical, mix",
			  name);
}

int dist_read(struct dist *d, const struct yaml_node *n, const struct quantity_rules *q,
	      const char *dir, struct err *e)
{
	struct reading r = {n, q, dir};
	const struct yaml_node *name;
	const char *text;
	u64 v;

	*d = (struct dist){0};
	if (yaml_is_scalar(n)) {
		if (value_read(n, q, &v, e))
			return -1;
		dist_constant(d, v);
		return 0;
	}
	name = yaml_need(n, "dist", e);
	text = name ? yaml_text(name, e) : NULL;
	if (!text)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		const char *known[ARRAY_SIZE(forms[i].keys) + 1] = {0};

		if (strcmp(forms[i].name, text))
			continue;
		memcpy(known, forms[i].keys, sizeof(forms[i].keys));
		return yaml_check_keys(n, known, e) ? -1 : forms[i].read(d, &r, e);
	}
	return unknown_form(name, text, e);
}
