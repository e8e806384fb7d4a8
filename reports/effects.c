/*
 * What a stack does to each figure, over seeds.
 */
#include "reports/effects.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

static bool same_group(const struct pairing *a, const struct pairing *b)
{
	return !strcmp(a->new->load, b->new->load) && !strcmp(a->new->label, b->new->label);
}

/* The figure that `like` is, in another pairing: mostly at the same place. */
static const struct pair *pair_like(const struct pairing *pg, const struct pair *like, size_t hint)
{
	for (size_t i = 0; i < pg->nr; i++) {
		const struct pair *p = &pg->pairs[(hint + i) % pg->nr];

		if (!strcmp(p->metric, like->metric) && !strcmp(p->layer, like->layer))
			return p;
	}
	return NULL;
}

static bool effect_known(const struct effects *x, const struct pair *p, size_t hint)
{
	for (size_t i = 0; i < x->nr; i++) {
		const struct pair *known = x->list[(hint + i) % x->nr].pair;

		if (!strcmp(p->metric, known->metric) && !strcmp(p->layer, known->layer))
			return true;
	}
	return false;
}

static void effects_collect(struct effects *x)
{
	for (size_t i = 0; i < x->nr_pairings; i++) {
		for (size_t j = 0; j < x->pairings[i].nr; j++) {
			const struct pair *p = &x->pairings[i].pairs[j];

			if (effect_known(x, p, j))
				continue;
			MEM_ROOM(x->list, x->nr, x->room);
			x->list[x->nr++] = (struct effect){.pair = p};
		}
	}
}

/* All values of one figure over the seeds. */
struct values {
	double *base, *new, *diff, *ratio;
	size_t nr_base, nr_new, nr;
};

static void values_take(struct values *v, const struct effects *x, const struct pair *like,
			size_t hint)
{
	v->nr_base = v->nr_new = v->nr = 0;
	for (size_t i = 0; i < x->nr_pairings; i++) {
		const struct pair *p = pair_like(&x->pairings[i], like, hint);

		if (p && p->has_base)
			v->base[v->nr_base++] = p->base;
		if (p && p->has_new)
			v->new[v->nr_new++] = p->new;
		if (p && p->has_base && p->has_new) {
			v->diff[v->nr] = pair_diff(p);
			v->ratio[v->nr++] = pair_ratio(p);
		}
	}
}

static void values_begin(struct values *v, size_t n)
{
	*v = (struct values){.base = mem_alloc(n, sizeof(double)),
			     .new = mem_alloc(n, sizeof(double)),
			     .diff = mem_alloc(n, sizeof(double)),
			     .ratio = mem_alloc(n, sizeof(double))};
}

static void values_end(struct values *v)
{
	free(v->base);
	free(v->new);
	free(v->diff);
	free(v->ratio);
}

static bool all_zero(const double *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] != 0)
			return false;
	return true;
}

static enum verdict direction(const struct effect *f)
{
	struct pair p = *f->pair;

	p.base = 0;
	p.new = f->diff;
	p.has_base = p.has_new = true;
	return f->diff != 0 ? pair_verdict(&p) : VERDICT_DIFFERS;
}

static enum verdict verdict_of(const struct effects *x, const struct effect *f,
			       const struct values *v)
{
	if (!f->nr)
		return VERDICT_ONE_SIDED;
	if (all_zero(v->diff, v->nr))
		return VERDICT_SAME;
	if (x->exact)
		return direction(f);
	if (f->nr < STATS_PAIRS_MIN)
		return VERDICT_FEW;
	return f->p < STATS_LEVEL ? direction(f) : VERDICT_UNDETECTED;
}

static double median_or_nan(const double *v, size_t n)
{
	return n ? stats_median(v, n) : NAN;
}

static void effect_fill(struct effect *f, const struct effects *x, const struct values *v)
{
	f->nr = v->nr;
	f->base = median_or_nan(v->base, v->nr_base);
	f->new = median_or_nan(v->new, v->nr_new);
	f->diff = median_or_nan(v->diff, v->nr);
	f->ratio = median_or_nan(v->ratio, v->nr);
	f->p = f->p_holm = NAN;
	f->interval = (struct interval){NAN, NAN};
	if (!x->exact && v->nr >= STATS_PAIRS_MIN && !all_zero(v->diff, v->nr)) {
		f->interval = stats_median_interval(v->diff, v->nr);
		f->p = stats_signed_rank(v->diff, v->nr);
	}
	f->verdict = verdict_of(x, f, v);
}

void effects_make(struct effects *x, const struct comparison *c, size_t at)
{
	char seeds[96];
	struct values v;

	*x = (struct effects){.pairings = &c->pairings[at]};
	while (at + x->nr_pairings < c->nr &&
	       same_group(x->pairings, &c->pairings[at + x->nr_pairings]))
		x->nr_pairings++;
	x->exact = pairings_alike(c, at, seeds, sizeof(seeds)) >= x->nr_pairings;
	effects_collect(x);
	values_begin(&v, x->nr_pairings);
	for (size_t i = 0; i < x->nr; i++) {
		values_take(&v, x, x->list[i].pair, i);
		effect_fill(&x->list[i], x, &v);
	}
	values_end(&v);
}

void effects_free(struct effects *x)
{
	free(x->list);
	memset(x, 0, sizeof(*x));
}

bool effects_tested(const struct effects *x)
{
	return !x->exact && x->nr_pairings >= STATS_PAIRS_MIN;
}

void effects_seeds_print(const struct effects *x, const struct comparison *c, char *buf, size_t n)
{
	const struct pairing *first = x->pairings, *last = first + x->nr_pairings - 1;

	if (x->exact)
		pairings_alike(c, (size_t)(first - c->pairings), buf, n);
	else
		snprintf(buf, n, "%zu pairs, seeds %lld to %lld", x->nr_pairings,
			 (long long)first->new->seed, (long long)last->new->seed);
}

struct interval effect_range(const struct effects *x, const struct effect *f)
{
	struct interval range = {NAN, NAN};

	for (size_t i = 0; i < x->nr_pairings; i++) {
		const struct pair *p = pair_like(&x->pairings[i], f->pair, (size_t)(f - x->list));

		if (!p || !p->has_base || !p->has_new)
			continue;
		range.low = fmin(range.low, pair_diff(p)); /* of a NaN and a number the number */
		range.high = fmax(range.high, pair_diff(p));
	}
	return range;
}

size_t effects_holm(struct effects *x, bool (*of)(const struct effect *f, const void *arg),
		    const void *arg)
{
	double *p = mem_alloc(2 * x->nr + 1, sizeof(*p)), *adjusted = p + x->nr;
	size_t nr = 0, at = 0;

	for (size_t i = 0; i < x->nr; i++)
		if (!isnan(x->list[i].p) && of(&x->list[i], arg))
			p[nr++] = x->list[i].p;
	stats_holm(p, adjusted, nr);
	for (size_t i = 0; i < x->nr; i++)
		if (!isnan(x->list[i].p) && of(&x->list[i], arg))
			x->list[i].p_holm = adjusted[at++];
	free(p);
	return nr;
}
